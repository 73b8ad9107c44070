// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cairn/free_list_allocator.hpp"
#include "cairn/store/catalog_format.hpp"

namespace cairn {

/// One named root. The views point into the store.
struct RootInfo {
  std::string_view name;
  std::string_view type;  ///< text of its type
  std::uint64_t fingerprint = 0;
  std::uint64_t offset = 0;  ///< from the start of the file
  std::uint64_t bytes = 0;
  std::uint32_t align = 0;
};

/// Where a catalog takes its blocks; for the proof that every block has one owner.
using OwnedBlockVisitor = std::function<void(std::uint64_t offset, std::uint64_t bytes)>;

/// The names of a store, as any view of it shows them. Trusts none of the bytes: nothing outside
/// [base, base + heap_end) is read, and no walk is longer than the heap has room for entries.
///
/// Threads: whoever may read the view.
class CatalogReader {
 public:
  CatalogReader(const std::byte* base, std::uint64_t heap_end, const std::string& path) noexcept
      : base_(base), heap_end_(heap_end), path_(path) {}

  /// Throws errc::corrupt. Complexity: O(1) expected.
  std::optional<RootInfo> find(std::string_view name) const;
  /// Calls `visit` for each root, in no particular order. Throws errc::corrupt.
  void for_each(const std::function<void(const RootInfo&)>& visit) const;
  /// Calls `visit` for each block that the catalog itself takes up. Throws errc::corrupt.
  void for_each_block(const OwnedBlockVisitor& visit) const;
  std::uint64_t count() const;

 protected:
  const CatalogHeader* header() const;
  const std::uint64_t* buckets(const CatalogHeader& header) const;
  const CatalogEntry* entry(std::uint64_t offset) const;
  RootInfo describe(const CatalogEntry& entry, std::uint64_t offset) const;
  std::uint64_t offset_in(const void* p) const noexcept {
    return static_cast<std::uint64_t>(static_cast<const std::byte*>(p) - base_);
  }
  [[noreturn]] void fail(const std::string& detail) const;

  const std::byte* base_;
  std::uint64_t heap_end_;
  const std::string& path_;

 private:
  const std::byte* checked(std::uint64_t offset, std::uint64_t bytes, std::uint64_t align,
                           const char* what) const;
};

/// The same, and changes to it.
///
/// Threads: the holder of the write transaction whose view `base` is.
class Catalog : public CatalogReader {
 public:
  Catalog(std::byte* base, std::uint64_t heap_end, const std::string& path,
          FreeListAllocator& heap) noexcept
      : CatalogReader(base, heap_end, path), heap_(heap) {}

  /// Adds a name that is not there yet. Throws the allocator's errors and errc::invalid_argument
  /// for a name that is empty or too long; nothing changed then.
  void insert(const RootInfo& root);
  /// Takes a name away; its object stays. False where it is not there.
  bool erase(std::string_view name);

 private:
  template <class T>
  T* writable(const T* stored) const;
  CatalogHeader* writable_header();
  void grow(CatalogHeader& header);
  /// The heap may have become longer by an allocation.
  void follow_heap() noexcept { heap_end_ = heap_begin_bytes + heap_.size(); }

  FreeListAllocator& heap_;
};

}  // namespace cairn

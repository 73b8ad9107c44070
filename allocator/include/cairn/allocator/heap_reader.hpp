// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/allocator/heap_format.hpp"

namespace cairn {

/// Who has a piece of the heap.
enum class BlockUse : std::uint8_t {
  live,    ///< handed out and not taken back
  free,    ///< on a free list, in a bin, or never handed out
  system,  ///< the heap's own: its header, leaves of the chunk table, the unusable end of a span
};

struct HeapBlock {
  std::uint64_t offset;
  std::uint64_t bytes;
  BlockUse use;
};

/// Reads a heap from any view of the file, trusting none of its bytes: nothing outside
/// [base, base + heap_end) is touched, and every walk is bounded by the heap's size.
///
/// Threads: whoever may read the view; two at a time do not disturb each other.
class HeapReader {
 public:
  /// `base` is where the file's first byte is mapped.
  HeapReader(const std::byte* base, std::uint64_t heap_end, std::string_view path) noexcept
      : base_(base), heap_end_(heap_end), path_(path) {}

  /// Appends a line for everything that contradicts the invariants of `heap_format.hpp`, up to a
  /// hundred. Never throws but std::bad_alloc.
  void verify(std::vector<std::string>& problems) const;

  /// Calls `visit` for each piece of [heap_begin_bytes, heap end) in ascending order, without gap
  /// or overlap. A span's pieces come after the span has been checked.
  /// Throws errc::corrupt where the pieces do not tile the heap.
  void for_each_block(const std::function<void(const HeapBlock&)>& visit) const;

  /// Bytes in live blocks. Throws errc::corrupt as for_each_block.
  /// Complexity: one look at each 64 KiB of the heap.
  std::uint64_t used() const;

  /// Bytes of the run in quarantine, which no object owns. Throws errc::corrupt where the heap is
  /// too short to say so.
  std::uint64_t quarantined() const;

  /// Where the catalog of named roots stands, 0 before there is one. Throws errc::corrupt where the
  /// heap is too short or the offset leads out of it.
  std::uint64_t catalog_offset() const;

 private:
  const std::byte* base_;
  std::uint64_t heap_end_;
  std::string_view path_;
};

}  // namespace cairn

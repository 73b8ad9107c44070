// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>

namespace cairn {

/// Where the heap gets pages from: the store behind it.
class HeapSpace {
 public:
  /// End of the heap as the running transaction sees it, in bytes from the start of the file;
  /// always a multiple of the page size. Pages from the last commit's end on are fresh.
  virtual std::uint64_t heap_end() const noexcept = 0;

  /// Moves the end of the heap up to `bytes`; the pages in between hold anything.
  /// Throws errc::no_space where the disk is full and errc::too_large past the store's limit;
  /// nothing has changed then.
  virtual void extend_heap(std::uint64_t bytes) = 0;

  /// Moves the end of the heap down to `bytes`. The pages behind it are free at commit.
  virtual void shrink_heap(std::uint64_t bytes) = 0;

  /// The file, for error messages.
  virtual const std::string& path() const noexcept = 0;

 protected:
  ~HeapSpace() = default;
};

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "cairn/allocator/heap_format.hpp"
#include "cairn/allocator/heap_space.hpp"
#include "cairn/mapping/working_view.hpp"

namespace cairn {

/// The heap's header and chunk descriptors in the working view, for writing.
///
/// Holds nothing but what it found valid: the leaf offsets are read anew at each use and compared
/// with those that were checked, so a rollback or another process's commit never leaves it stale.
class ChunkTable {
 public:
  ChunkTable(WorkingView& view, HeapSpace& space) noexcept : view_(view), space_(space) {
    forget();
  }

  HeapHeader& header() const noexcept {
    return *reinterpret_cast<HeapHeader*>(view_.base() + heap_begin_bytes);
  }

  /// The descriptor of `chunk`. Throws errc::corrupt where no valid leaf of the table covers it.
  ChunkDescriptor& at(std::uint64_t chunk) {
    if (chunk < first_leaf_chunks) [[likely]] {
      return reinterpret_cast<ChunkDescriptor*>(view_.base() + first_leaf_offset)[chunk];
    }
    // Leaf k >= 1 covers as many chunks as lie before it, so k is the chunk number's bit width
    // less that of the first leaf.
    const auto k = static_cast<std::uint32_t>(std::bit_width(chunk / first_leaf_chunks));
    if (k >= leaf_count_max || header().leaf[k] != checked_leaf_[k]) [[unlikely]]
      check_leaf(chunk);
    return reinterpret_cast<ChunkDescriptor*>(view_.base() +
                                              checked_leaf_[k])[chunk - leaf_first_chunk(k)];
  }

  /// True where the whole chunk lies in the heap; chunk 0 holds the header and never counts.
  bool is_whole(std::uint64_t chunk) noexcept {
    if (chunk - 1 < whole_chunks_ - 1) [[likely]]
      return true;
    return is_whole_now(chunk);
  }

  /// The descriptor of a chunk that must be a span; throws errc::corrupt where it is none.
  ChunkDescriptor& span_at(std::uint64_t chunk);

  /// Leaves that the chunk table has; the chunks below leaf_first_chunk of that are covered.
  std::uint32_t leaf_count() const noexcept;

  void mark(const ChunkDescriptor& descriptor) { view_.mark(&descriptor, sizeof descriptor); }

  /// Drops what was checked: another file content, or another end, may be in place.
  void forget() noexcept;

 private:
  void check_leaf(std::uint64_t chunk);
  bool is_whole_now(std::uint64_t chunk) noexcept;

  WorkingView& view_;
  HeapSpace& space_;
  std::uint64_t whole_chunks_ = 1;
  std::array<std::uint64_t, leaf_count_max> checked_leaf_;
};

}  // namespace cairn

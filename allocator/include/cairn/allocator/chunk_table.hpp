// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "cairn/allocator/heap_format.hpp"
#include "cairn/allocator/heap_space.hpp"
#include "cairn/allocator/size_classes.hpp"
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
    const Leaf leaf = leaf_with(chunk);
    return line_of(leaf, chunk).descriptor;
  }

  /// The bitmap of blocks, `class_shapes[size_class].words` long, of a span in `chunk`.
  std::uint64_t* blocks(std::uint64_t chunk, const ClassShape& shape) {
    return blocks_of(leaf_with(chunk), chunk, shape);
  }
  struct Span {
    SpanDescriptor& descriptor;
    std::uint64_t* blocks;
  };
  /// Both, for one that is or may be a span of the class.
  Span span_with(std::uint64_t chunk, const ClassShape& shape) {
    const Leaf leaf = leaf_with(chunk);
    return {line_of(leaf, chunk).descriptor.span, blocks_of(leaf, chunk, shape)};
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
  struct Leaf {
    std::byte* base;
    std::uint64_t first;   ///< its first chunk
    std::uint64_t chunks;  ///< how many it covers
  };
  Leaf leaf_with(std::uint64_t chunk) {
    if (chunk < first_leaf_chunks) {
      return {view_.base() + first_leaf_offset, 0, first_leaf_chunks};
    }
    const std::uint32_t k = leaf_of_chunk(chunk);
    if (k >= leaf_count_max || (header().leaf[k] | 1) != checked_leaf_[k]) [[unlikely]]
      check_leaf(chunk);
    return {view_.base() + (checked_leaf_[k] - 1), leaf_first_chunk(k), leaf_chunks(k)};
  }
  static ChunkLine& line_of(const Leaf& leaf, std::uint64_t chunk) noexcept {
    return *reinterpret_cast<ChunkLine*>(leaf.base + line_place(chunk - leaf.first));
  }
  static std::uint64_t* blocks_of(const Leaf& leaf, std::uint64_t chunk,
                                  const ClassShape& shape) noexcept {
    if (shape.words <= narrow_words) return line_of(leaf, chunk).blocks;
    return reinterpret_cast<WideBitmap*>(leaf.base + wide_place(leaf.chunks, chunk - leaf.first))
        ->blocks;
  }
  void check_leaf(std::uint64_t chunk);
  bool is_whole_now(std::uint64_t chunk) noexcept;

  WorkingView& view_;
  HeapSpace& space_;
  std::uint64_t whole_chunks_ = 1;
  /// Offsets that were found valid, with the lowest bit set; 0, which no leaf's offset matches with
  /// that bit, where there is none.
  std::array<std::uint64_t, leaf_count_max> checked_leaf_;
};

}  // namespace cairn

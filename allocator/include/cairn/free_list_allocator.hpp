// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "cairn/allocator/chunk_table.hpp"
#include "cairn/allocator/heap_reader.hpp"
#include "cairn/allocator/heap_space.hpp"
#include "cairn/allocator/page_runs.hpp"
#include "cairn/allocator/size_classes.hpp"
#include "cairn/mapping/drill_hooks.hpp"
#include "cairn/mapping/working_view.hpp"

namespace cairn {

/// The heap of one store: lists of spans with free blocks for each size up to 8 KiB, best-fit page
/// runs above.
///
/// All of its state is in the file (`heap_format.hpp`) and as transactional as what it hands out:
/// a rollback takes allocations back without knowing them. Blocks carry no header, so they must be
/// given back with the size that was asked for.
///
/// Threads: the one writer, within a write transaction. Handles to one file may come and go; none
/// holds anything that the file does not.
class FreeListAllocator {
 public:
  static constexpr std::size_t min_align = block_unit_bytes;
  static constexpr std::size_t max_align = page_bytes;
  /// Requests up to here come from spans, larger ones are whole pages.
  static constexpr std::size_t max_small = max_small_bytes;

  FreeListAllocator(WorkingView& view, HeapSpace& space) noexcept;
  FreeListAllocator(const FreeListAllocator&) = delete;
  FreeListAllocator& operator=(const FreeListAllocator&) = delete;

  /// Writes a new heap without blocks over whatever was there, as long as the space is.
  ///
  /// Requires: the space to reach `heap_begin_bytes + heap_minimum_bytes` at least.
  void format();

  /// A block of at least `bytes` at a multiple of `align`. Its content is anything, or zero after
  /// `zero_on_allocate(true)`.
  ///
  /// A block of up to `max_small` bytes is marked as a whole, so that it can be filled without
  /// further marks. A larger one is *not*: whoever writes to it marks what he writes.
  ///
  /// Requires:   `align` a power of two up to `max_align`.
  /// Throws:     errc::no_space, errc::too_large: nothing changed. errc::invalid_argument for other
  ///             alignments. errc::corrupt where the stored state contradicts itself.
  /// Complexity: constant for small blocks; for large ones bounded, plus what growing the file
  ///             takes.
  void* allocate(std::size_t bytes, std::size_t align = min_align) {
    if constexpr (drills_enabled) {
      if (drill::refuses_allocation(bytes)) throw_refused(bytes);
    }
    const bool plain = align - 1 < min_align && (align & (align - 1)) == 0;
    if (bytes <= max_small && plain && !zero_on_allocate_) [[likely]] {
      return allocate_small(class_of(bytes));
    }
    return allocate_any(bytes, align);
  }
  /// The same; nullptr where `allocate` would throw.
  void* try_allocate(std::size_t bytes, std::size_t align = min_align) noexcept;

  /// Takes a block back.
  ///
  /// Requires:   `p` from `allocate(bytes, any alignment)`, or grown to `bytes` by `try_expand`.
  /// Throws:     errc::corrupt where a double free, a wrong size or a foreign address shows:
  ///             nothing changed.
  /// Complexity: constant for small blocks; for large ones one look at each 64 KiB of the run.
  void deallocate(void* p, std::size_t bytes) {
    if (bytes <= max_small && deallocate_small(view_.offset_of(p), class_of(bytes))) [[likely]]
      return;
    deallocate_any(p, bytes);
  }

  /// Makes the block at `p` good for `new_bytes` without moving it: within the rounding of its
  /// size, into free pages behind it, or by lengthening the heap. False where that cannot be done.
  /// Pages that a run gains are not marked.
  ///
  /// Throws: errc::corrupt as `deallocate`: nothing changed. No room is not an error here.
  bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes);

  /// What a block of that request really has: all of it may be used.
  static constexpr std::size_t usable_bytes(std::size_t bytes,
                                            std::size_t align = min_align) noexcept {
    return bytes <= max_small ? class_bytes(class_of(bytes, align)) : round_up(bytes, page_bytes);
  }
  static constexpr bool marked_on_allocate(std::size_t bytes) noexcept {
    return bytes <= max_small;
  }
  /// Fill blocks, and what `try_expand` adds to them, with zeros, so that neither log nor file ever
  /// shows what an earlier owner left.
  void zero_on_allocate(bool on) noexcept { zero_on_allocate_ = on; }

  /// Makes the heap end at `bytes` of the file (rounded up to pages): grows by free pages, or gives
  /// trailing free pages back as far as there are any.
  /// Throws: errc::no_space, errc::too_large: nothing changed.
  void resize_file(std::uint64_t bytes);
  /// Gives all trailing free pages back, cached spans first. Returns the bytes given back.
  std::uint64_t trim();
  std::uint64_t shrink_to_usage() { return trim(); }

  /// Sets the bytes from the end of the heap up to `bytes` of the file aside: the heap goes on
  /// behind them, and nothing is allocated from them until they are released. One such piece at a
  /// time, which outlives transactions as blocks do.
  ///
  /// Requires: `bytes` a multiple of the page size.
  /// Throws:   errc::no_space, errc::too_large, errc::corrupt (there is one already): nothing
  ///           changed.
  void quarantine_to(std::uint64_t bytes);
  /// Makes them free like any others. Does nothing where there is no such piece.
  void release_quarantined();
  std::uint64_t quarantined_bytes() const noexcept {
    return table_.header().quarantined_pages * page_bytes;
  }
  std::uint64_t quarantined_offset() const noexcept {
    return table_.header().quarantined_first * page_bytes;
  }

  /// Bytes of the heap, and the most that the file can grow to.
  std::uint64_t size() const noexcept { return space_.heap_end() - heap_begin_bytes; }
  std::uint64_t limit() const noexcept;
  /// Bytes in live blocks. Complexity: one look at each 64 KiB of the heap.
  std::uint64_t used() const { return reader().used(); }
  /// True where `p` points into the heap's blocks.
  bool owns(const void* p) const noexcept;

  /// Where the catalog of named roots stands, 0 before there is one.
  std::uint64_t catalog_offset() const noexcept { return table_.header().catalog_offset; }
  void set_catalog_offset(std::uint64_t offset);

  /// Appends a line for everything that contradicts the invariants of `heap_format.hpp`.
  void verify(std::vector<std::string>& problems) const { reader().verify(problems); }
  HeapReader reader() const noexcept {
    return HeapReader(view_.base(), space_.heap_end(), space_.path());
  }

  /// Forgets what was checked about the file. To be called when a transaction begins, so that bytes
  /// that another process damaged meanwhile meet the same checks as at first.
  void reload() noexcept { table_.forget(); }

 private:
  static std::uint16_t tag_of(const SpanDescriptor& span) noexcept {
    std::uint16_t tag;
    std::memcpy(&tag, &span, sizeof tag);
    return tag;
  }
  void mark_at(std::uint64_t offset, std::uint64_t bytes);
  void* allocate_small(std::uint32_t size_class);
  void* allocate_last(std::uint32_t chunk, ChunkTable::Span span, std::uint64_t index);
  void* allocate_from_new_span(std::uint32_t size_class);
  void* allocate_any(std::size_t bytes, std::size_t align);
  bool deallocate_small(std::uint64_t offset, std::uint32_t size_class);
  void free_to_span(ChunkTable::Span span, std::uint64_t offset, std::uint64_t index);
  void deallocate_any(void* p, std::size_t bytes);
  ChunkTable::Span checked_span(std::uint64_t offset, std::size_t bytes);
  std::uint32_t checked_page(const void* p, std::size_t bytes) const;
  void drop_span(std::uint32_t chunk, const SpanDescriptor& descriptor);
  void drop_cached();

  void prepare_unlink(const SpanDescriptor& span, std::uint32_t chunk);
  void unlink_span(const SpanDescriptor& span);
  void prepare_link(std::uint32_t& head, std::uint32_t size_class);
  void link_span(SpanDescriptor& span, std::uint32_t chunk, std::uint32_t& head);

  [[noreturn]] void throw_refused(std::size_t bytes) const;
  [[noreturn]] void fail(const std::string& detail) const;
  [[noreturn]] void fail_class(std::uint32_t size_class);

  WorkingView& view_;
  HeapSpace& space_;
  ChunkTable table_;
  PageRuns runs_;
  bool zero_on_allocate_ = false;
};

inline void FreeListAllocator::mark_at(std::uint64_t offset, std::uint64_t bytes) {
  const std::uint64_t tracked = view_.tracked_bytes();
  if (offset < tracked) view_.write_set().mark(offset, bytes, tracked / page_bytes);
}

[[gnu::always_inline]] inline void* FreeListAllocator::allocate_small(std::uint32_t size_class) {
  const std::uint32_t chunk = table_.header().class_head[size_class];
  if (chunk == 0) [[unlikely]]
    return allocate_from_new_span(size_class);
  const ClassShape& shape = class_shapes[size_class];
  if (!table_.is_whole(chunk)) [[unlikely]]
    fail_class(size_class);
  const ChunkTable::Span at = table_.span_with(chunk, shape);
  SpanDescriptor& span = at.descriptor;
  // Bounds the search, which may begin anywhere else, to the bitmap.
  std::uint32_t word = span.hint;
  while (word < shape.words && at.blocks[word] == ~std::uint64_t{0}) ++word;
  if (word >= shape.words || tag_of(span) != shape.tag) [[unlikely]]
    fail_class(size_class);
  const std::uint64_t bits = at.blocks[word];
  const std::uint64_t index =
      word * std::uint64_t{64} + static_cast<std::uint64_t>(std::countr_one(bits));
  if (index >= shape.capacity || span.live >= shape.capacity) [[unlikely]]
    fail_class(size_class);
  if (span.live + 1U == shape.capacity) [[unlikely]]
    return allocate_last(chunk, at, index);
  const std::uint64_t offset = chunk * chunk_bytes + index * shape.units * block_unit_bytes;
  mark_at(view_.offset_of(&span), sizeof span);
  mark_at(view_.offset_of(&at.blocks[word]), sizeof bits);
  mark_at(offset, shape.units * block_unit_bytes);
  at.blocks[word] = bits | (bits + 1);
  span.hint = static_cast<std::uint16_t>(word);
  span.live = static_cast<std::uint16_t>(span.live + 1U);
  return view_.base() + offset;
}

/// False where anything is out of the ordinary: the slow path then says what.
[[gnu::always_inline]] inline bool FreeListAllocator::deallocate_small(std::uint64_t offset,
                                                                       std::uint32_t size_class) {
  const std::uint64_t chunk = offset / chunk_bytes;
  if (!table_.is_whole(chunk)) [[unlikely]]
    return false;
  const ClassShape& shape = class_shapes[size_class];
  const ChunkTable::Span at = table_.span_with(chunk, shape);
  SpanDescriptor& span = at.descriptor;
  const std::uint64_t in_chunk = offset % chunk_bytes;
  const std::uint64_t index = block_index(shape, in_chunk / block_unit_bytes);
  if (tag_of(span) != shape.tag || index >= shape.capacity ||
      index * shape.units * block_unit_bytes != in_chunk) [[unlikely]] {
    return false;
  }
  const std::uint64_t word = index / 64;
  const std::uint64_t bit = std::uint64_t{1} << index % 64;
  const std::uint32_t live = span.live;
  if ((at.blocks[word] & bit) == 0 || live - 1U >= shape.capacity - 1U ||
      (live == 1 && table_.header().class_head[size_class] != chunk)) [[unlikely]] {
    return false;
  }
  mark_at(view_.offset_of(&span), sizeof span);
  mark_at(view_.offset_of(&at.blocks[word]), sizeof bit);
  at.blocks[word] &= ~bit;
  if (word < span.hint) span.hint = static_cast<std::uint16_t>(word);
  span.live = static_cast<std::uint16_t>(live - 1);
  return true;
}

}  // namespace cairn

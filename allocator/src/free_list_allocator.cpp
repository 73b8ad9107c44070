// SPDX-License-Identifier: BSL-1.0
#include "cairn/free_list_allocator.hpp"

#include <algorithm>
#include <bit>

#include "cairn/error.hpp"

namespace cairn {
namespace {

std::string block_text(std::uint64_t offset, std::uint64_t bytes) {
  return "block of " + std::to_string(bytes) + " bytes at byte " + std::to_string(offset);
}

}  // namespace

FreeListAllocator::FreeListAllocator(WorkingView& view, HeapSpace& space) noexcept
    : view_(view), space_(space), table_(view, space), runs_(view, space, table_) {}

void FreeListAllocator::fail(const std::string& detail) const {
  throw Error(errc::corrupt, space_.path(), "heap: " + detail);
}

void FreeListAllocator::throw_refused(std::size_t bytes) const {
  throw Error(errc::no_space, space_.path(),
              "a drill refuses a block of " + std::to_string(bytes) + " bytes");
}

void FreeListAllocator::fail_class(std::uint32_t size_class) {
  const std::uint32_t chunk = table_.header().class_head[size_class];
  const SpanDescriptor& span = table_.span_at(chunk).span;
  fail("the span in chunk " + std::to_string(chunk) + " heads the list of class " +
       std::to_string(size_class) + " and has class " + std::to_string(span.size_class) + ", " +
       std::to_string(span.live) + " live blocks and no free one from word " +
       std::to_string(span.hint) + " of its bitmap on");
}

void FreeListAllocator::format() {
  const std::uint64_t end = space_.heap_end();
  if (end < heap_begin_bytes + heap_minimum_bytes || !is_multiple(end, page_bytes)) {
    throw Error(errc::invalid_argument, space_.path(),
                "a heap cannot end at byte " + std::to_string(end));
  }
  view_.mark(view_.base() + heap_begin_bytes, heap_minimum_bytes);
  std::memset(view_.base() + heap_begin_bytes, 0, heap_minimum_bytes);
  HeapHeader& header = table_.header();
  header.magic = heap_magic;
  header.format = heap_format_version;
  header.class_count = class_count;
  header.leaf[0] = first_leaf_offset;
  table_.forget();
  runs_.format();
}

// --- allocating ----------------------------------------------------------------------------------

void* FreeListAllocator::allocate_any(std::size_t bytes, std::size_t align) {
  if (!std::has_single_bit(align) || align > max_align) {
    throw Error(errc::invalid_argument, space_.path(),
                "alignment " + std::to_string(align) + " is no power of two up to " +
                    std::to_string(max_align));
  }
  if (bytes <= max_small) {
    const std::uint32_t size_class = class_of(bytes, align);
    void* const block = allocate_small(size_class);
    if (zero_on_allocate_) std::memset(block, 0, class_bytes(size_class));
    return block;
  }
  if (bytes > limit()) {
    throw Error(errc::too_large, space_.path(),
                "a block of " + std::to_string(bytes) + " bytes in a store of at most " +
                    std::to_string(limit()));
  }
  const auto pages = static_cast<std::uint32_t>(round_up(bytes, page_bytes) / page_bytes);
  std::byte* const block = view_.base() + runs_.allocate(pages) * page_bytes;
  if (zero_on_allocate_) {
    try {
      view_.mark(block, pages * page_bytes);
    } catch (...) {
      deallocate_any(block, bytes);
      throw;
    }
    std::memset(block, 0, pages * page_bytes);
  }
  return block;
}

void* FreeListAllocator::try_allocate(std::size_t bytes, std::size_t align) noexcept {
  try {
    return allocate(bytes, align);
  } catch (const std::exception&) {
    return nullptr;
  }
}

void* FreeListAllocator::allocate_from_new_span(std::uint32_t size_class) {
  std::uint32_t& head = table_.header().class_head[size_class];
  view_.mark(&head, sizeof head);
  const std::uint32_t chunk = runs_.allocate_span(size_class);
  const ChunkTable::Span at = table_.span_with(chunk, class_shapes[size_class]);
  at.descriptor.live = 1;
  at.blocks[0] = 1;
  head = chunk;
  return view_.base() + chunk * chunk_bytes;
}

/// Hands out block `index`, the last free one of the span, which thereby leaves its class's list.
void* FreeListAllocator::allocate_last(std::uint32_t chunk, ChunkTable::Span at,
                                       std::uint64_t index) {
  SpanDescriptor& span = at.descriptor;
  const ClassShape& shape = class_shapes[span.size_class];
  std::byte* const block =
      view_.base() + chunk * chunk_bytes + index * shape.units * block_unit_bytes;
  std::uint64_t& word = at.blocks[index / 64];
  prepare_unlink(span, chunk);
  view_.mark(&span, sizeof span);
  view_.mark(&word, sizeof word);
  view_.mark(block, shape.units * block_unit_bytes);

  word |= std::uint64_t{1} << index % 64;
  span.hint = static_cast<std::uint16_t>(index / 64);
  ++span.live;
  unlink_span(span);
  return block;
}

// --- giving back ---------------------------------------------------------------------------------

std::uint32_t FreeListAllocator::checked_page(const void* p, std::size_t bytes) const {
  const std::uint64_t offset = view_.offset_of(p);
  if (!owns(p) || offset % page_bytes != 0 || bytes > space_.heap_end()) {
    fail(block_text(offset, bytes) + " cannot be one of this heap");
  }
  return static_cast<std::uint32_t>(offset / page_bytes);
}

void FreeListAllocator::deallocate_any(void* p, std::size_t bytes) {
  if (bytes > max_small) {
    runs_.release(checked_page(p, bytes),
                  static_cast<std::uint32_t>(round_up(bytes, page_bytes) / page_bytes));
    return;
  }
  const std::uint64_t offset = view_.offset_of(p);
  const ChunkTable::Span span = checked_span(offset, bytes);
  free_to_span(span, offset,
               block_index(class_shapes[span.descriptor.size_class],
                           offset % chunk_bytes / block_unit_bytes));
}

/// Takes back the block at `offset`, number `index` of its span, which is live.
void FreeListAllocator::free_to_span(ChunkTable::Span at, std::uint64_t offset,
                                     std::uint64_t index) {
  SpanDescriptor& span = at.descriptor;
  const auto chunk = static_cast<std::uint32_t>(offset / chunk_bytes);
  const std::uint32_t size_class = span.size_class;
  std::uint32_t& head = table_.header().class_head[size_class];
  std::uint64_t& word = at.blocks[index / 64];
  view_.mark(&word, sizeof word);
  if (span.live == 1 && head != chunk) {
    drop_span(chunk, span);
    word = 0;
    return;
  }
  const bool was_full = span.live == class_shapes[size_class].capacity;
  if (was_full) prepare_link(head, size_class);
  view_.mark(&span, sizeof span);

  word &= ~(std::uint64_t{1} << index % 64);
  span.hint = std::min(span.hint, static_cast<std::uint16_t>(index / 64));
  --span.live;
  if (was_full) link_span(span, chunk, head);
}

/// The span that holds the live block of `bytes` at `offset`.
ChunkTable::Span FreeListAllocator::checked_span(std::uint64_t offset, std::size_t bytes) {
  const std::uint64_t chunk = offset / chunk_bytes;
  if (!table_.is_whole(chunk) || table_.at(chunk).kind() != ChunkKind::span) {
    fail(block_text(offset, bytes) + " is in no span of this heap");
  }
  SpanDescriptor& span = table_.at(chunk).span;
  if (span.size_class >= class_count || !class_serves(span.size_class, bytes)) {
    fail(block_text(offset, bytes) + " is in a span of class " + std::to_string(span.size_class));
  }
  const ClassShape& shape = class_shapes[span.size_class];
  const std::uint64_t in_chunk = offset % chunk_bytes;
  const std::uint64_t index = block_index(shape, in_chunk / block_unit_bytes);
  if (index * shape.units * block_unit_bytes != in_chunk || index >= shape.capacity ||
      span.live > shape.capacity) {
    fail(block_text(offset, bytes) + " is no block of its span of " +
         std::to_string(shape.capacity) + " blocks of " +
         std::to_string(class_bytes(span.size_class)) + " bytes (" + std::to_string(span.live) +
         " live)");
  }
  std::uint64_t* const blocks = table_.blocks(chunk, shape);
  if ((blocks[index / 64] >> index % 64 & 1) == 0 || span.live == 0) {
    fail(block_text(offset, bytes) + " is not handed out, or was freed already");
  }
  return {span, blocks};
}

/// Gives a span whose last block goes back to the page level; it is in its class's list.
void FreeListAllocator::drop_span(std::uint32_t chunk, const SpanDescriptor& descriptor) {
  const SpanDescriptor span = descriptor;
  prepare_unlink(span, chunk);
  runs_.release_span(chunk);
  unlink_span(span);
}

// --- lists of spans with room --------------------------------------------------------------------
//
// As at the page level: prepare_ checks and marks, the other half stores. A span that comes back
// goes behind the head, so that the head is used up before the next one is begun, and only it may
// be empty.

void FreeListAllocator::prepare_unlink(const SpanDescriptor& span, std::uint32_t chunk) {
  std::uint32_t& head = table_.header().class_head[span.size_class];
  std::uint32_t from_prev = head;
  if (span.prev != 0) {
    ChunkDescriptor& prev = table_.span_at(span.prev);
    from_prev = prev.span.next;
    table_.mark(prev);
  } else {
    view_.mark(&head, sizeof head);
  }
  std::uint32_t from_next = chunk;
  if (span.next != 0) {
    ChunkDescriptor& next = table_.span_at(span.next);
    from_next = next.span.size_class == span.size_class ? next.span.prev : 0;
    table_.mark(next);
  }
  if (from_prev != chunk || from_next != chunk) {
    fail("the span in chunk " + std::to_string(chunk) + " is not where the list of class " +
         std::to_string(span.size_class) + " says");
  }
}

void FreeListAllocator::unlink_span(const SpanDescriptor& span) {
  if (span.next != 0) table_.span_at(span.next).span.prev = span.prev;
  if (span.prev != 0) {
    table_.span_at(span.prev).span.next = span.next;
  } else {
    table_.header().class_head[span.size_class] = span.next;
  }
}

void FreeListAllocator::prepare_link(std::uint32_t& head, std::uint32_t size_class) {
  if (head == 0) {
    view_.mark(&head, sizeof head);
    return;
  }
  ChunkDescriptor& first = table_.span_at(head);
  if (first.span.size_class != size_class) {
    fail("the span in chunk " + std::to_string(head) + " heads the list of class " +
         std::to_string(size_class) + " and has class " + std::to_string(first.span.size_class));
  }
  table_.mark(first);
  if (first.span.next != 0) table_.mark(table_.span_at(first.span.next));
}

void FreeListAllocator::link_span(SpanDescriptor& span, std::uint32_t chunk, std::uint32_t& head) {
  span.prev = head;
  span.next = 0;
  if (head == 0) {
    head = chunk;
    return;
  }
  SpanDescriptor& first = table_.span_at(head).span;
  span.next = first.next;
  if (first.next != 0) table_.span_at(first.next).span.prev = chunk;
  first.next = chunk;
}

// --- sizes ---------------------------------------------------------------------------------------

bool FreeListAllocator::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes) {
  if (old_bytes <= max_small) {
    return class_serves(checked_span(view_.offset_of(p), old_bytes).descriptor.size_class,
                        new_bytes);
  }
  const std::uint32_t first = checked_page(p, old_bytes);
  const std::uint64_t pages = round_up(old_bytes, page_bytes) / page_bytes;
  if (new_bytes > limit()) return false;
  const std::uint64_t new_pages = round_up(new_bytes, page_bytes) / page_bytes;
  if (new_bytes <= max_small || new_pages <= pages) {
    runs_.require_live(first, static_cast<std::uint32_t>(pages));
    return new_bytes > max_small && new_pages == pages;
  }
  if (!runs_.expand(first, static_cast<std::uint32_t>(pages), static_cast<std::uint32_t>(new_pages),
                    zero_on_allocate_)) {
    return false;
  }
  if (zero_on_allocate_) {
    std::memset(view_.base() + (first + pages) * page_bytes, 0, (new_pages - pages) * page_bytes);
  }
  return true;
}

void FreeListAllocator::resize_file(std::uint64_t bytes) {
  if (bytes > limit()) {
    throw Error(errc::too_large, space_.path(),
                std::to_string(bytes) + " bytes in a store of at most " + std::to_string(limit()));
  }
  const auto end = static_cast<std::uint32_t>(round_up(bytes, page_bytes) / page_bytes);
  runs_.grow_to(end);
  if (end * page_bytes < space_.heap_end()) {
    drop_cached();
    runs_.shrink_to(end);
    table_.forget();
  }
}

void FreeListAllocator::quarantine_to(std::uint64_t bytes) {
  if (bytes > limit()) {
    throw Error(errc::too_large, space_.path(),
                "a heap of " + std::to_string(bytes) + " bytes in a store of at most " +
                    std::to_string(limit()));
  }
  runs_.quarantine_to(static_cast<std::uint32_t>(bytes / page_bytes));
}

void FreeListAllocator::release_quarantined() {
  runs_.release_quarantined();
}

std::uint64_t FreeListAllocator::trim() {
  const std::uint64_t before = space_.heap_end();
  drop_cached();
  runs_.shrink_to(0);
  table_.forget();
  return before - space_.heap_end();
}

/// Gives back to the page level the empty spans that were kept for the next allocation.
void FreeListAllocator::drop_cached() {
  for (std::uint32_t c = 0; c < class_count; ++c) {
    const std::uint32_t chunk = table_.header().class_head[c];
    if (chunk == 0) continue;
    const SpanDescriptor& span = table_.span_at(chunk).span;
    if (span.size_class != c) fail("the list of class " + std::to_string(c) + " is another's");
    if (span.live == 0) drop_span(chunk, span);
  }
}

std::uint64_t FreeListAllocator::limit() const noexcept {
  return std::min(view_.reach_bytes(), heap_limit_bytes);
}

bool FreeListAllocator::owns(const void* p) const noexcept {
  const std::uint64_t offset = view_.offset_of(p);
  return offset >= first_run_page * page_bytes && offset < space_.heap_end();
}

void FreeListAllocator::set_catalog_offset(std::uint64_t offset) {
  view_.mark(&table_.header().catalog_offset, sizeof offset);
  table_.header().catalog_offset = offset;
}

}  // namespace cairn

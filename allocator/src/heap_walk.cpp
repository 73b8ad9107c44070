// SPDX-License-Identifier: BSL-1.0
#include "heap_walk.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "page_bits.hpp"

namespace cairn {
namespace {

constexpr std::size_t problems_max = 100;

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

bool all_zero(const void* p, std::size_t bytes) noexcept {
  const auto* const begin = static_cast<const unsigned char*>(p);
  return std::all_of(begin, begin + bytes, [](unsigned char c) { return c == 0; });
}

}  // namespace

void HeapWalk::problem(std::string text) {
  if (problems_.size() < problems_max) problems_.push_back("heap: " + std::move(text));
}

bool HeapWalk::open() {
  if (!is_multiple(heap_end_, page_bytes) || heap_end_ < heap_begin_bytes + heap_minimum_bytes ||
      heap_end_ > heap_limit_bytes) {
    problem("a heap cannot end at byte " + number(heap_end_));
    return false;
  }
  const HeapHeader& h = header();
  if (h.magic != heap_magic || h.format != heap_format_version || h.class_count != class_count) {
    problem("header: magic " + number(h.magic) + ", format " + number(h.format) + " with " +
            number(h.class_count) + " size classes where " + number(heap_magic) + ", " +
            number(heap_format_version) + " and " + number(class_count) + " were expected");
    return false;
  }
  if (h.leaf[0] != first_leaf_offset) {
    problem("leaf 0 of the chunk table at byte " + number(h.leaf[0]));
    return false;
  }
  for (; leaves_ < leaf_count_max && h.leaf[leaves_] != 0; ++leaves_) {
    const std::uint64_t offset = h.leaf[leaves_];
    const std::uint64_t bytes = leaf_pages(leaves_) * page_bytes;
    if (!is_multiple(offset, page_bytes) || offset < first_run_page * page_bytes ||
        offset > heap_end_ || heap_end_ - offset < bytes) {
      problem("leaf " + number(leaves_) + " of the chunk table at byte " + number(offset) +
              " of a heap that ends at byte " + number(heap_end_));
      return false;
    }
  }
  if (leaf_first_chunk(leaves_) < chunks_reached(heap_end_ / page_bytes)) {
    problem("the chunk table covers " + number(leaf_first_chunk(leaves_)) + " of " +
            number(chunks_reached(heap_end_ / page_bytes)) + " chunks");
    return false;
  }
  check_header();
  return true;
}

void HeapWalk::check_header() {
  const HeapHeader& h = header();
  const bool clean = all_zero(h.reserved, sizeof h.reserved) &&
                     all_zero(h.unused, sizeof h.unused) &&
                     all_zero(h.leaf + leaves_, sizeof h.leaf - leaves_ * sizeof h.leaf[0]) &&
                     all_zero(h.class_head + class_count,
                              sizeof h.class_head - class_count * sizeof h.class_head[0]);
  if (!clean) problem("header: unused fields are not zero");
  if (h.quarantined_pages == 0 && h.quarantined_first != 0) {
    problem("header: no page in quarantine, from page " + number(h.quarantined_first) + " on");
  }
  if (h.catalog_offset != 0 &&
      (h.catalog_offset < first_run_page * page_bytes || h.catalog_offset >= heap_end_)) {
    problem("catalog at byte " + number(h.catalog_offset) + " of a heap that ends at byte " +
            number(heap_end_));
  }
}

/// The line of `chunk`, or its wide bitmap.
const std::byte* HeapWalk::in_leaf(std::uint64_t chunk, bool wide) const noexcept {
  const std::uint32_t k = leaf_of_chunk(chunk);
  const std::uint64_t i = chunk - leaf_first_chunk(k);
  return base_ + header().leaf[k] + (wide ? wide_place(leaf_chunks(k), i) : line_place(i));
}

const ChunkDescriptor& HeapWalk::at(std::uint64_t chunk) const noexcept {
  return reinterpret_cast<const ChunkLine*>(in_leaf(chunk, false))->descriptor;
}

const std::uint64_t* HeapWalk::blocks_at(std::uint64_t chunk, bool wide) const noexcept {
  const std::byte* const p = in_leaf(chunk, wide);
  return wide ? reinterpret_cast<const WideBitmap*>(p)->blocks
              : reinterpret_cast<const ChunkLine*>(p)->blocks;
}

bool HeapWalk::is_free_start(std::uint64_t page) const noexcept {
  const ChunkDescriptor& descriptor = at(page / pages_per_chunk);
  const unsigned bit = bit_of(static_cast<std::uint32_t>(page));
  return descriptor.kind() == ChunkKind::pages &&
         (descriptor.pages.free_edges & descriptor.pages.run_starts & bit) != 0;
}

// --- tiling --------------------------------------------------------------------------------------

void HeapWalk::tile(bool deep, const Visitor& visit) {
  stop_at_problem_ = static_cast<bool>(visit);
  const std::uint64_t end = heap_end_ / page_bytes;
  for (std::uint64_t chunk = 0; chunk < chunks_reached(end) && !stopped(); ++chunk) {
    const ChunkDescriptor& descriptor = at(chunk);
    if (descriptor.kind() == ChunkKind::pages) {
      tile_pages(chunk, descriptor.pages, deep, visit);
    } else if (descriptor.kind() == ChunkKind::span) {
      finish_run(chunk * pages_per_chunk, visit);
      tile_span(chunk, descriptor.span, deep, visit);
    } else {
      problem("chunk " + number(chunk) + " is of kind " +
              number(static_cast<std::uint64_t>(descriptor.kind())));
    }
  }
  finish_run(end, visit);
  if (edges_met_ != edges_wanted_) {
    problem("the chunk table flags " + number(edges_met_) + " ends of free runs where there are " +
            number(edges_wanted_));
  }
  if (quarantine_met_ != (header().quarantined_pages != 0)) {
    problem("no run begins at page " + number(header().quarantined_first) +
            ", which should be in quarantine");
  }
  if (leaves_met_ != leaves_) {
    problem(number(leaves_) + " leaves of the chunk table, of which " + number(leaves_met_) +
            " are runs of their own");
  }
}

void HeapWalk::tile_pages(std::uint64_t chunk, const PagesDescriptor& pages, bool deep,
                          const Visitor& visit) {
  if (deep) check_no_blocks(chunk, true, true);
  const std::uint64_t chunk_first = chunk * pages_per_chunk;
  const std::uint64_t in_heap =
      std::min<std::uint64_t>(heap_end_ / page_bytes - chunk_first, pages_per_chunk);
  const std::uint32_t behind = 0xFFFFU & (0xFFFFU << in_heap);
  if (pages.reserved0 != 0 || pages.reserved1 != 0 || pages.reserved2 != 0 ||
      ((pages.run_starts | pages.free_edges) & behind) != 0) {
    problem("chunk " + number(chunk) + ": bits that mean nothing are set");
  }
  if (run_first_ == no_page && (pages.run_starts & 1) == 0) {
    problem("page " + number(chunk_first) + " belongs to nothing");
  }
  edges_met_ += static_cast<std::uint64_t>(std::popcount(pages.free_edges));
  edges_met_ += pages.free_run_from != 0 ? 1 : 0;
  for (std::uint32_t starts = pages.run_starts & ~behind; starts != 0; starts &= starts - 1) {
    const std::uint64_t page = chunk_first + static_cast<unsigned>(std::countr_zero(starts));
    finish_run(page, visit);
    if (stopped()) return;
    run_first_ = page;
  }
}

/// Closes the run that the walk is in, if any, before page `end`.
void HeapWalk::finish_run(std::uint64_t end, const Visitor& visit) {
  const std::uint64_t first = run_first_;
  run_first_ = no_page;
  if (first == no_page) return;
  HeapBlock block{first * page_bytes, (end - first) * page_bytes, BlockUse::live};
  if (first < first_run_page) {
    if (first != 0 || end != first_run_page) {
      problem("the run at page " + number(first) + " ends at page " + number(end) +
              "; the store's pages and the header are 0 to " + number(first_run_page));
    }
    block = {heap_begin_bytes, heap_minimum_bytes, BlockUse::system};
  } else if (is_free_start(first)) {
    finish_free_run(first, end);
    block.use = BlockUse::free;
  }
  for (std::uint32_t k = 1; k < leaves_; ++k) {
    if (header().leaf[k] != block.offset) continue;
    if (block.use != BlockUse::live || block.bytes != leaf_pages(k) * page_bytes) {
      problem("leaf " + number(k) + " of the chunk table at page " + number(first) +
              " is no live run of its size");
    }
    block.use = BlockUse::system;
    ++leaves_met_;
  }
  if (header().quarantined_pages != 0 && first == header().quarantined_first) {
    if (block.use != BlockUse::live || block.bytes != header().quarantined_pages * page_bytes) {
      problem("the " + number(header().quarantined_pages) + " pages in quarantine from page " +
              number(first) + " on are no live run");
    }
    block.use = BlockUse::system;
    quarantine_met_ = true;
  }
  if (block.use == BlockUse::live) live_bytes_ += block.bytes;
  if (visit && !stopped()) visit(block);
}

void HeapWalk::finish_free_run(std::uint64_t first, std::uint64_t end) {
  ++free_runs_;
  if (last_free_end_ == first) problem("two free runs touch at page " + number(first));
  last_free_end_ = end;
  FreeRun run;
  std::memcpy(&run, base_ + first * page_bytes, sizeof run);
  if (run.magic != free_run_magic || run.pages != end - first) {
    problem("the free run at page " + number(first) + " has " + number(end - first) +
            " pages and says " + number(run.pages));
  }
  const std::uint64_t last = end - 1;
  const ChunkDescriptor& descriptor = at(last / pages_per_chunk);
  edges_wanted_ += first == last ? 1 : 2;
  bool edged = descriptor.kind() == ChunkKind::pages &&
               (descriptor.pages.free_edges & bit_of(static_cast<std::uint32_t>(last))) != 0;
  if (first / pages_per_chunk != last / pages_per_chunk) {
    ++edges_wanted_;
    edged = edged && descriptor.pages.free_run_from == first;
  }
  if (!edged) {
    problem("the free run of pages " + number(first) + " to " + number(last) +
            " is not flagged at its end");
  }
}

// --- spans ---------------------------------------------------------------------------------------

void HeapWalk::tile_span(std::uint64_t chunk, const SpanDescriptor& span, bool deep,
                         const Visitor& visit) {
  if (!check_span(chunk, span)) return;
  live_bytes_ += span.live * class_bytes(span.size_class);
  if (span.live < class_shapes[span.size_class].capacity) ++spans_with_room_[span.size_class];
  if (deep && check_blocks(chunk, span) && visit) emit_span(chunk, span, visit);
}

bool HeapWalk::check_span(std::uint64_t chunk, const SpanDescriptor& span) {
  if ((chunk + 1) * chunk_bytes > heap_end_ || chunk == 0 || span.size_class >= class_count ||
      span.live > class_shapes[span.size_class].capacity ||
      span.hint >= class_shapes[span.size_class].words || span.reserved != 0) {
    problem("span in chunk " + number(chunk) + " of class " + number(span.size_class) + " with " +
            number(span.live) + " live blocks, to be searched from word " + number(span.hint) +
            ", in a heap of " + number(heap_end_) + " bytes");
    return false;
  }
  return true;
}

void HeapWalk::check_no_blocks(std::uint64_t chunk, bool narrow, bool wide) {
  if ((narrow && !all_zero(blocks_at(chunk, false), sizeof ChunkLine::blocks)) ||
      (wide && !all_zero(blocks_at(chunk, true), sizeof(WideBitmap)))) {
    problem("a bitmap of chunk " + number(chunk) + " that means nothing is not zero");
  }
}

/// False where bitmap and descriptor contradict each other.
bool HeapWalk::check_blocks(std::uint64_t chunk, const SpanDescriptor& span) {
  const ClassShape& shape = class_shapes[span.size_class];
  const bool wide = shape.words > narrow_words;
  check_no_blocks(chunk, wide, !wide);
  const std::uint64_t* const blocks = blocks_at(chunk, wide);
  const std::size_t words = wide ? wide_words : narrow_words;
  std::uint64_t live = 0;
  bool sound = true;
  for (std::size_t i = 0; i < words; ++i) {
    const std::uint64_t first = i * 64;
    const std::uint64_t here = first < shape.capacity ? shape.capacity - first : 0;
    const std::uint64_t valid = here >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << here) - 1;
    live += static_cast<std::uint64_t>(std::popcount(blocks[i]));
    sound = sound && (blocks[i] & ~valid) == 0 && (i >= span.hint || blocks[i] == valid);
  }
  if (!sound || live != span.live) {
    problem("the span in chunk " + number(chunk) + " of class " + number(span.size_class) +
            " says " + number(span.live) + " live blocks and none free before word " +
            number(span.hint) + "; its bitmap has " + number(live) + " and contradicts");
    return false;
  }
  return true;
}

/// Live blocks one by one, and the free ones between them in one piece.
void HeapWalk::emit_span(std::uint64_t chunk, const SpanDescriptor& span,
                         const Visitor& visit) const {
  const ClassShape& shape = class_shapes[span.size_class];
  const std::uint64_t* const blocks = blocks_at(chunk, shape.words > narrow_words);
  const std::uint64_t bytes = shape.units * block_unit_bytes;
  const std::uint64_t start = chunk * chunk_bytes;
  std::uint64_t free_from = 0;
  for (std::uint64_t i = 0; i <= shape.capacity; ++i) {
    const bool is_end = i == shape.capacity;
    if (!is_end && (blocks[i / 64] >> i % 64 & 1) == 0) continue;
    if (free_from != i) {
      visit({start + free_from * bytes, (i - free_from) * bytes, BlockUse::free});
    }
    if (!is_end) visit({start + i * bytes, bytes, BlockUse::live});
    free_from = i + 1;
  }
  const std::uint64_t blocks_end = shape.capacity * bytes;
  if (blocks_end != chunk_bytes) {
    visit({start + blocks_end, chunk_bytes - blocks_end, BlockUse::system});
  }
}

// --- lists ---------------------------------------------------------------------------------------

void HeapWalk::lists() {
  for (std::uint32_t c = 0; c < class_count; ++c) check_class_list(c);
  std::uint64_t found = 0;
  for (std::uint32_t bin = 0; bin < run_bin_slots; ++bin) check_bin(bin, found);
  if (found != free_runs_) {
    problem(number(found) + " free runs in the bins and " + number(free_runs_) + " in the heap");
  }
}

void HeapWalk::check_class_list(std::uint32_t size_class) {
  std::uint64_t found = 0;
  std::uint32_t prev = 0;
  for (std::uint32_t chunk = header().class_head[size_class]; chunk != 0;) {
    const bool whole = (chunk + std::uint64_t{1}) * chunk_bytes <= heap_end_;
    const SpanDescriptor* const span =
        whole && at(chunk).kind() == ChunkKind::span ? &at(chunk).span : nullptr;
    if (span == nullptr || span->size_class != size_class || span->prev != prev ||
        span->live >= class_shapes[size_class].capacity || (span->live == 0 && prev != 0)) {
      problem("the list of spans of class " + number(size_class) + " leads from chunk " +
              number(prev) + " to chunk " + number(chunk) + ", which does not belong there");
      return;
    }
    ++found;
    prev = chunk;
    chunk = span->next;
  }
  if (found != spans_with_room_[size_class]) {
    problem("class " + number(size_class) + " lists " + number(found) + " spans with room of " +
            number(spans_with_room_[size_class]));
  }
}

void HeapWalk::check_bin(std::uint32_t bin, std::uint64_t& found) {
  const HeapHeader& h = header();
  const bool flagged = (h.run_bitmap[bin / 64] >> bin % 64 & 1) != 0;
  if (flagged != (h.run_bin[bin] != 0)) {
    problem("bin " + number(bin) + " of free runs is flagged wrongly");
  }
  std::uint32_t prev = 0;
  for (std::uint32_t page = h.run_bin[bin]; page != 0;) {
    FreeRun run{};
    const bool is_run =
        page >= first_run_page && page < heap_end_ / page_bytes && is_free_start(page);
    if (is_run) std::memcpy(&run, base_ + page * page_bytes, sizeof run);
    if (!is_run || run.magic != free_run_magic || run.prev != prev || run.pages == 0 ||
        run_bin_of(run.pages) != bin) {
      problem("bin " + number(bin) + " leads from page " + number(prev) + " to page " +
              number(page) + ", which does not belong there");
      return;
    }
    ++found;
    prev = page;
    page = run.next;
  }
}

void HeapWalk::behind() {
  const std::uint64_t covered = leaf_first_chunk(leaves_);
  for (std::uint64_t chunk = chunks_reached(heap_end_ / page_bytes); chunk < covered; ++chunk) {
    if (all_zero(in_leaf(chunk, false), sizeof(ChunkLine)) &&
        all_zero(in_leaf(chunk, true), sizeof(WideBitmap))) {
      continue;
    }
    problem("chunk " + number(chunk) + " lies behind the heap end and is described");
    return;
  }
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
// The lower half of PageRuns: descriptor bits, and the bins that free runs are listed in.
#include <bit>

#include "cairn/allocator/page_runs.hpp"
#include "cairn/error.hpp"
#include "page_bits.hpp"

namespace cairn {

void PageRuns::fail(const std::string& detail) const {
  throw Error(errc::corrupt, space_.path(), "heap: " + detail);
}

// --- descriptors ---------------------------------------------------------------------------------

PagesDescriptor& PageRuns::pages_at(std::uint32_t page) {
  ChunkDescriptor& descriptor = table_.at(chunk_of(page));
  if (descriptor.kind() != ChunkKind::pages) {
    fail("page " + std::to_string(page) + " should belong to a page run and is in a span");
  }
  return descriptor.pages;
}

void PageRuns::mark_descriptor(std::uint32_t page) {
  PagesDescriptor& descriptor = pages_at(page);
  view_.mark(&descriptor, sizeof descriptor);
}

bool PageRuns::is_free_edge(std::uint32_t page) {
  const ChunkDescriptor& descriptor = table_.at(chunk_of(page));
  return descriptor.kind() == ChunkKind::pages && (descriptor.pages.free_edges & bit_of(page)) != 0;
}

bool PageRuns::begins_something(std::uint32_t page) {
  const ChunkDescriptor& descriptor = table_.at(chunk_of(page));
  return descriptor.kind() == ChunkKind::span || (descriptor.pages.run_starts & bit_of(page)) != 0;
}

/// The length of the free run at `page`, after checking all that others rely on.
std::uint32_t PageRuns::checked_length(std::uint32_t page) {
  const std::uint32_t end = end_page();
  if (page < first_run_page || page >= end) {
    fail("free run at page " + std::to_string(page) + " of " + std::to_string(end));
  }
  const FreeRun& run = free_run(page);
  const std::uint32_t length = run.pages;
  if (run.magic != free_run_magic || length == 0 || length > end - page) {
    fail("free run of " + run_text(page, length) + " of " + std::to_string(end));
  }
  const std::uint32_t last = page + length - 1;
  const bool edges = is_free_edge(page) && begins_something(page) && is_free_edge(last);
  if (!edges || (chunk_of(last) != chunk_of(page) && pages_at(last).free_run_from != page)) {
    fail("free run of " + run_text(page, length) + " without its edges in the chunk table");
  }
  return length;
}

/// The free run that ends before `page`, 0 where a live one or a span does.
std::uint32_t PageRuns::free_run_before(std::uint32_t page) {
  const std::uint32_t last = page - 1;
  if (!is_free_edge(last)) return 0;
  const PagesDescriptor& descriptor = pages_at(last);
  const std::uint32_t starts = descriptor.run_starts & page_range(0, last % pages_per_chunk);
  const std::uint32_t first = starts != 0
                                  ? chunk_of(last) * pages_per_chunk +
                                        static_cast<std::uint32_t>(std::bit_width(starts)) - 1
                                  : descriptor.free_run_from;
  if (checked_length(first) != page - first) {
    fail("free run at page " + std::to_string(first) + " that should end at page " +
         std::to_string(page));
  }
  return first;
}

/// `page` where a free run begins there, 0 where a live one or a span does.
std::uint32_t PageRuns::free_run_at(std::uint32_t page) {
  if (!is_free_edge(page)) return 0;
  checked_length(page);
  return page;
}

void PageRuns::require_live(std::uint32_t first, std::uint32_t pages) {
  const std::uint32_t end = end_page();
  if (first < first_run_page || pages == 0 || first >= end || pages > end - first) {
    fail(run_text(first, pages) + " are no block of this heap, which has " + std::to_string(end));
  }
  const std::uint32_t last = first + pages - 1;
  if (!begins_something(first) || is_free_edge(first) ||
      table_.at(chunk_of(first)).kind() == ChunkKind::span) {
    fail(run_text(first, pages) + " are no live block (freed twice, or never allocated)");
  }
  for (std::uint32_t chunk = chunk_of(first); chunk <= chunk_of(last); ++chunk) {
    const std::uint32_t chunk_first = chunk * pages_per_chunk;
    const std::uint32_t from = first < chunk_first ? 0 : first - chunk_first + 1;
    const std::uint32_t to =
        last - chunk_first < pages_per_chunk ? last - chunk_first : pages_per_chunk - 1;
    const std::uint32_t range = from <= to ? page_range(from, to) : 0;
    if ((pages_at(chunk_first).run_starts & range) != 0) {
      fail("the block at page " + std::to_string(first) + " ends before " + std::to_string(pages) +
           " pages");
    }
  }
  if (last + 1 != end && !begins_something(last + 1)) {
    fail("the block at page " + std::to_string(first) + " goes on behind " + std::to_string(pages) +
         " pages");
  }
  const HeapHeader& header = table_.header();
  if (header.quarantined_pages != 0 && header.quarantined_first == first) {
    fail(run_text(first, pages) + " are in quarantine");
  }
  for (std::uint32_t k = 1; k < leaf_count_max; ++k) {
    if (header.leaf[k] == first * page_bytes) {
      fail(run_text(first, pages) + " belong to the heap itself");
    }
  }
}

void PageRuns::flag_free(std::uint32_t first, std::uint32_t pages) {
  const std::uint32_t last = first + pages - 1;
  PagesDescriptor& head = pages_at(first);
  set_bit(head.run_starts, first);
  set_bit(head.free_edges, first);
  PagesDescriptor& tail = pages_at(last);
  set_bit(tail.free_edges, last);
  if (chunk_of(last) != chunk_of(first)) tail.free_run_from = first;
}

void PageRuns::clear_free(std::uint32_t first, std::uint32_t pages) {
  const std::uint32_t last = first + pages - 1;
  PagesDescriptor& head = pages_at(first);
  clear_bit(head.run_starts, first);
  clear_bit(head.free_edges, first);
  PagesDescriptor& tail = pages_at(last);
  clear_bit(tail.free_edges, last);
  if (chunk_of(last) != chunk_of(first)) tail.free_run_from = 0;
}

// --- bins ----------------------------------------------------------------------------------------
//
// The prepare_ functions check and mark; unlink and link then store. Between them lists may have
// changed, but only to neighbours that were prepared too. In a hostile file runs may overlap the
// chunk table, so the storing half still looks that it stays in the heap.

FreeRun& PageRuns::neighbour(std::uint32_t page) {
  if (page >= end_page()) fail("free run at page " + std::to_string(page) + " behind the heap");
  return free_run(page);
}

void PageRuns::mark_bin(std::uint32_t bin) {
  view_.mark(&table_.header().run_bin[bin], sizeof(std::uint32_t));
  view_.mark(&table_.header().run_bitmap[bin / 64], sizeof(std::uint64_t));
}

void PageRuns::prepare_unlink(std::uint32_t page) {
  const std::uint32_t bin = run_bin_of(checked_length(page));
  const FreeRun& run = free_run(page);
  if (run.prev != 0) {
    checked_length(run.prev);
    view_.mark(&free_run(run.prev), sizeof(FreeRun));
  }
  if (run.next != 0) {
    checked_length(run.next);
    view_.mark(&free_run(run.next), sizeof(FreeRun));
  }
  const std::uint32_t from_prev =
      run.prev != 0 ? free_run(run.prev).next : table_.header().run_bin[bin];
  const std::uint32_t from_next = run.next != 0 ? free_run(run.next).prev : page;
  if (from_prev != page || from_next != page) {
    fail("the free run at page " + std::to_string(page) + " is not where its bin says");
  }
  mark_bin(bin);
}

void PageRuns::prepare_link(std::uint32_t page, std::uint32_t pages) {
  const std::uint32_t bin = run_bin_of(pages);
  const std::uint32_t head = table_.header().run_bin[bin];
  if (head != 0) {
    checked_length(head);
    view_.mark(&free_run(head), sizeof(FreeRun));
  }
  view_.mark(&free_run(page), sizeof(FreeRun));
  mark_bin(bin);
}

void PageRuns::unlink(std::uint32_t page) {
  const FreeRun run = free_run(page);
  const std::uint32_t bin = run_bin_of(run.pages);
  HeapHeader& header = table_.header();
  if (run.next != 0) neighbour(run.next).prev = run.prev;
  if (run.prev != 0) {
    neighbour(run.prev).next = run.next;
    return;
  }
  header.run_bin[bin] = run.next;
  if (run.next == 0) header.run_bitmap[bin / 64] &= ~(1ULL << bin % 64);
}

void PageRuns::link(std::uint32_t page, std::uint32_t pages) {
  const std::uint32_t bin = run_bin_of(pages);
  HeapHeader& header = table_.header();
  const std::uint32_t head = header.run_bin[bin];
  if (head != 0) neighbour(head).prev = page;
  free_run(page) = {free_run_magic, pages, 0, head};
  header.run_bin[bin] = page;
  header.run_bitmap[bin / 64] |= 1ULL << bin % 64;
}

}  // namespace cairn

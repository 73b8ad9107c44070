// SPDX-License-Identifier: BSL-1.0
// A run that is live and nobody's: the pages that another process may still be storing into.
//
// It is part of the heap's own state, not of what processes agree on while they live, so that it is
// found and freed again whatever happened to them in the meantime.
#include <cstring>

#include "cairn/allocator/page_runs.hpp"
#include "cairn/error.hpp"
#include "page_bits.hpp"

namespace cairn {

void PageRuns::quarantine_to(std::uint32_t end) {
  HeapHeader& header = table_.header();
  const std::uint32_t first = end_page();
  if (end <= first) return;
  if (header.quarantined_pages != 0) {
    fail(run_text(header.quarantined_first, header.quarantined_pages) + " are in quarantine");
  }
  // Leaves that the heap needs now stand behind the run: nothing may be stored into it.
  const std::uint32_t old_leaves = table_.leaf_count();
  std::uint32_t leaves = old_leaves;
  std::uint64_t new_end = end;
  while (chunks_reached(new_end) > leaf_first_chunk(leaves)) {
    if (leaves == leaf_count_max) {
      throw Error(errc::too_large, space_.path(),
                  "a heap of " + std::to_string(new_end) + " pages; at most " +
                      std::to_string(heap_limit_bytes / page_bytes) + " can be addressed");
    }
    new_end += leaf_pages(leaves++);
  }
  view_.mark(&header.quarantined_first,
             sizeof header.quarantined_first + sizeof header.quarantined_pages);
  // Descriptors in the new leaves are marked with them.
  const auto mark_if_old = [&](std::uint32_t page) {
    if (chunk_of(page) < leaf_first_chunk(old_leaves)) mark_descriptor(page);
  };
  mark_if_old(first);
  std::uint32_t leaf_page = end;
  for (std::uint32_t k = old_leaves; k < leaves; ++k) {
    view_.mark(&header.leaf[k], sizeof(std::uint64_t));
    view_.mark(view_.base() + leaf_page * page_bytes, leaf_pages(k) * page_bytes);
    mark_if_old(leaf_page);
    leaf_page += leaf_pages(k);
  }
  space_.extend_heap(new_end * page_bytes);

  leaf_page = end;
  for (std::uint32_t k = old_leaves; k < leaves; ++k) {
    std::memset(view_.base() + leaf_page * page_bytes, 0, leaf_pages(k) * page_bytes);
    header.leaf[k] = leaf_page * page_bytes;
    leaf_page += leaf_pages(k);
  }
  leaf_page = end;
  for (std::uint32_t k = old_leaves; k < leaves; ++k) {
    set_bit(pages_at(leaf_page).run_starts, leaf_page);
    leaf_page += leaf_pages(k);
  }
  set_bit(pages_at(first).run_starts, first);
  header.quarantined_first = first;
  header.quarantined_pages = end - first;
}

void PageRuns::release_quarantined() {
  HeapHeader& header = table_.header();
  const std::uint32_t first = header.quarantined_first;
  const std::uint32_t pages = header.quarantined_pages;
  if (pages == 0) return;
  view_.mark(&header.quarantined_first,
             sizeof header.quarantined_first + sizeof header.quarantined_pages);
  header.quarantined_first = 0;
  header.quarantined_pages = 0;
  try {
    release(first, pages);
  } catch (...) {
    header.quarantined_first = first;
    header.quarantined_pages = pages;
    throw;
  }
}

}  // namespace cairn

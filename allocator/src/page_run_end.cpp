// SPDX-License-Identifier: BSL-1.0
// The end of the heap: runs that grow over it, and trailing free pages that are given back.
//
// Leaves of the chunk table that stand last would be in the way of both. They hold nothing that
// anybody points into, so they move: a run that is the last but for them grows as if they were not
// there, and a heap that was large once can become small again.
#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "cairn/allocator/page_runs.hpp"
#include "cairn/error.hpp"
#include "page_bits.hpp"

namespace cairn {
namespace {

/// Free pages left between a run that pushes leaves away and the leaves, for each page of these:
/// a run that grows page by page then copies them only now and then.
constexpr std::uint64_t gap_per_leaf_page = 1;

std::uint64_t pages_of_leaves(std::uint32_t leaves) noexcept {
  std::uint64_t pages = 0;
  for (; leaves != 0; leaves &= leaves - 1) {
    pages += leaf_pages(static_cast<std::uint32_t>(std::countr_zero(leaves)));
  }
  return pages;
}

}  // namespace

bool PageRuns::expand(std::uint32_t first, std::uint32_t pages, std::uint32_t new_pages,
                      bool mark_gained) {
  require_live(first, pages);
  const std::uint32_t behind = first + pages;
  const std::uint32_t more = new_pages - pages;
  const std::uint32_t end = end_page();
  const std::uint32_t tail = behind < end ? free_run_at(behind) : 0;
  const std::uint32_t free_pages = tail != 0 ? checked_length(tail) : 0;
  const auto mark_more = [&] {
    if (mark_gained) view_.mark(view_.base() + behind * page_bytes, more * page_bytes);
  };
  if (free_pages >= more) {
    mark_more();
    carve(behind, behind, more, Use::extension);
    return true;
  }
  const std::uint64_t new_end = std::uint64_t{behind} + more;
  const std::uint32_t leaves = table_.leaf_count();
  try {
    if (behind + free_pages == end && chunks_reached(new_end) <= leaf_first_chunk(leaves)) {
      mark_more();
      append({end, leaves, leaves, tail, end, more - free_pages});
      carve(behind, behind, more, Use::extension);
      return true;
    }
    const HeapTail last = heap_tail();
    if (last.free_from != behind) return false;
    Relaying plan = plan_relaying(last, new_end, 0, false);
    const std::uint64_t gap = gap_per_leaf_page * pages_of_leaves(plan.leaves);
    plan = plan_relaying(last, new_end + gap, 0, false);
    mark_more();
    relay(last, static_cast<std::uint32_t>(new_end), plan);
  } catch (const Error& error) {
    if (error == errc::no_space || error == errc::too_large) return false;
    throw;
  }
  return true;
}

void PageRuns::grow_to(std::uint32_t new_end) {
  const std::uint32_t end = end_page();
  if (new_end <= end) return;
  const std::uint32_t tail = end > first_run_page ? free_run_before(end) : 0;
  Growth growth = plan_growth(end, new_end - (tail != 0 ? tail : end), false);
  if (growth.leaf_begin != growth.leaf_end) {
    growth.pages = std::max(new_end, growth.first + 1) - growth.first;
  }
  append(growth);
}

void PageRuns::shrink_to(std::uint32_t new_end) {
  new_end = std::max(new_end, first_run_page);
  for (;;) {
    const std::uint32_t end = end_page();
    if (end <= new_end) return;
    if (is_free_edge(end - 1)) {
      const std::uint32_t first = free_run_before(end);
      cut_free(first, std::max(first, new_end));
    } else if (!lower_leaves(new_end)) {
      return;
    }
  }
}

/// Gives back the trailing free run at `first` from page `down_to` on.
void PageRuns::cut_free(std::uint32_t first, std::uint32_t down_to) {
  const std::uint32_t length = checked_length(first);
  prepare_unlink(first);
  mark_descriptor(first);
  mark_descriptor(first + length - 1);
  if (down_to != first) {
    prepare_link(first, down_to - first);
    mark_descriptor(down_to - 1);
  }

  unlink(first);
  clear_free(first, length);
  if (down_to != first) {
    flag_free(first, down_to - first);
    link(first, down_to - first);
  }
  space_.shrink_heap(down_to * page_bytes);
}

/// Moves the last leaves down over the free run before them, without those that cover nothing any
/// more. False where that gains nothing.
bool PageRuns::lower_leaves(std::uint32_t down_to) {
  const HeapTail tail = heap_tail();
  if (tail.leaves == 0) return false;
  const Relaying plan = plan_relaying(tail, tail.free_from, down_to, true);
  if (plan.end >= end_page()) return false;
  relay(tail, tail.free_from, plan);
  return true;
}

// --- leaves that move ----------------------------------------------------------------------------

PageRuns::HeapTail PageRuns::heap_tail() {
  HeapTail tail;
  tail.leaves_from = end_page();
  const std::uint32_t count = table_.leaf_count();
  for (std::uint32_t k = 1; k < count; ++k) {
    const std::uint64_t offset = table_.header().leaf[k];
    const std::uint64_t behind = offset / page_bytes + leaf_pages(k);
    if ((tail.leaves >> k & 1) != 0 || behind != tail.leaves_from) continue;
    const std::uint32_t first = tail.leaves_from - leaf_pages(k);
    if (!is_multiple(offset, page_bytes) || first < first_run_page || !begins_something(first)) {
      fail("leaf " + std::to_string(k) + " of the chunk table at byte " + std::to_string(offset));
    }
    tail.leaves |= 1U << k;
    tail.leaves_from = first;
    k = 0;  // Another may stand before it.
  }
  const std::uint32_t from = tail.leaves_from;
  const std::uint32_t run = from > first_run_page ? free_run_before(from) : 0;
  tail.free_from = run != 0 ? run : from;
  return tail;
}

/// Places the leaves of `tail` at page `at`, or as far behind it as it takes for the heap to end at
/// `end`, with the leaves that this needs in addition; `may_drop` those that it does not.
PageRuns::Relaying PageRuns::plan_relaying(const HeapTail& tail, std::uint64_t at,
                                           std::uint64_t end, bool may_drop) const {
  Relaying plan{tail.leaves, table_.leaf_count(), at, 0};
  const auto end_with = [&](std::uint32_t leaves) {
    return std::max(at + pages_of_leaves(leaves), end);
  };
  while (may_drop && plan.leaf_count > 1) {
    const std::uint32_t without = plan.leaves & ~(1U << (plan.leaf_count - 1));
    if (without == plan.leaves ||
        chunks_reached(end_with(without)) > leaf_first_chunk(plan.leaf_count - 1)) {
      break;
    }
    plan.leaves = without;
    --plan.leaf_count;
  }
  while (chunks_reached(end_with(plan.leaves)) > leaf_first_chunk(plan.leaf_count)) {
    if (plan.leaf_count == leaf_count_max) {
      throw Error(errc::too_large, space_.path(),
                  "a heap of " + std::to_string(at) + " pages; at most " +
                      std::to_string(heap_limit_bytes / page_bytes) + " can be addressed");
    }
    plan.leaves |= 1U << plan.leaf_count++;
  }
  plan.end = end_with(plan.leaves);
  plan.at = plan.end - pages_of_leaves(plan.leaves);
  return plan;
}

void PageRuns::mark_relaying(const HeapTail& tail, std::uint32_t free_from, const Relaying& plan) {
  if (tail.free_from != tail.leaves_from) {
    prepare_unlink(tail.free_from);
    mark_descriptor(tail.free_from);
    mark_descriptor(tail.leaves_from - 1);
  }
  for (std::uint32_t rest = tail.leaves; rest != 0; rest &= rest - 1) {
    const auto k = static_cast<std::uint32_t>(std::countr_zero(rest));
    mark_descriptor(static_cast<std::uint32_t>(table_.header().leaf[k] / page_bytes));
  }
  view_.mark(table_.header().leaf, sizeof table_.header().leaf);
  if (plan.leaves != 0) {
    view_.mark(view_.base() + plan.at * page_bytes, (plan.end - plan.at) * page_bytes);
  }
  // What leaves that move or are new describe is marked with them.
  const auto mark_if_staying = [&](std::uint64_t page) {
    const std::uint64_t chunk = page / pages_per_chunk;
    const std::uint32_t k = leaf_of_chunk(chunk);
    if (k < plan.leaf_count && (plan.leaves >> k & 1) == 0) {
      mark_descriptor(static_cast<std::uint32_t>(page));
    }
  };
  std::uint64_t page = plan.at;
  for (std::uint32_t rest = plan.leaves; rest != 0; rest &= rest - 1) {
    mark_if_staying(page);
    page += leaf_pages(static_cast<std::uint32_t>(std::countr_zero(rest)));
  }
  if (plan.at != free_from) {
    mark_if_staying(free_from);
    mark_if_staying(plan.at - 1);
    prepare_link(free_from, static_cast<std::uint32_t>(plan.at - free_from));
  }
}

/// Replaces `tail` by a free run of [free_from, plan.at) and the leaves of `plan` behind it. Pages
/// of `tail` before `free_from` become part of whatever live run ends there.
void PageRuns::relay(const HeapTail& tail, std::uint32_t free_from, const Relaying& plan) {
  std::vector<std::byte> moved((plan.end - plan.at) * page_bytes);
  mark_relaying(tail, free_from, plan);
  if (plan.end > end_page()) space_.extend_heap(plan.end * page_bytes);

  HeapHeader& header = table_.header();
  for (std::uint32_t rest = tail.leaves; rest != 0; rest &= rest - 1) {
    const auto k = static_cast<std::uint32_t>(std::countr_zero(rest));
    const auto first = static_cast<std::uint32_t>(header.leaf[k] / page_bytes);
    clear_bit(pages_at(first).run_starts, first);
  }
  if (tail.free_from != tail.leaves_from) {
    unlink(tail.free_from);
    clear_free(tail.free_from, tail.leaves_from - tail.free_from);
  }
  std::size_t to = 0;
  for (std::uint32_t k = 1; k < leaf_count_max; ++k) {
    const std::size_t bytes = leaf_pages(k) * page_bytes;
    const bool was_there = (tail.leaves >> k & 1) != 0;
    if ((plan.leaves >> k & 1) != 0) {
      if (was_there) std::memcpy(moved.data() + to, view_.base() + header.leaf[k], bytes);
      header.leaf[k] = plan.at * page_bytes + to;
      to += bytes;
    } else if (was_there) {
      header.leaf[k] = 0;
    }
  }
  if (to != 0) std::memcpy(view_.base() + plan.at * page_bytes, moved.data(), to);
  for (std::uint32_t rest = plan.leaves; rest != 0; rest &= rest - 1) {
    const auto k = static_cast<std::uint32_t>(std::countr_zero(rest));
    const auto first = static_cast<std::uint32_t>(header.leaf[k] / page_bytes);
    set_bit(pages_at(first).run_starts, first);
  }
  if (plan.at != free_from) {
    const auto pages = static_cast<std::uint32_t>(plan.at - free_from);
    flag_free(free_from, pages);
    link(free_from, pages);
  }
  if (plan.end < end_page()) space_.shrink_heap(plan.end * page_bytes);
}

}  // namespace cairn

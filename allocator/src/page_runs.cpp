// SPDX-License-Identifier: BSL-1.0
#include "cairn/allocator/page_runs.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "cairn/error.hpp"
#include "page_bits.hpp"

namespace cairn {

void PageRuns::format() {
  set_bit(table_.at(0).pages.run_starts, 0);
  const std::uint32_t end = end_page();
  if (end <= first_run_page) return;
  Growth growth{first_run_page, 1, 1, 0, first_run_page, 0};
  while (chunks_reached(end) > leaf_first_chunk(growth.leaf_end)) {
    growth.first += leaf_pages(growth.leaf_end++);
  }
  growth.pages = end - growth.first;
  append(growth);
}

std::uint32_t PageRuns::allocate(std::uint32_t pages) {
  std::uint32_t from = find_run(pages);
  if (from == 0) {
    const Growth growth = plan_growth(end_page(), pages, false);
    append(growth);
    from = growth.tail != 0 ? growth.tail : growth.first;
  }
  carve(from, from, pages, Use::run);
  return from;
}

std::uint32_t PageRuns::allocate_span(std::uint32_t size_class) {
  std::uint32_t from = find_span_run();
  if (from == 0) {
    const Growth growth = plan_growth(end_page(), pages_per_chunk, true);
    append(growth);
    from = growth.tail != 0 ? growth.tail : growth.first;
  }
  const auto first = static_cast<std::uint32_t>(round_up(from, pages_per_chunk));
  view_.mark(view_.base() + first * page_bytes, class_bytes(size_class));
  view_.mark(table_.blocks(chunk_of(first), class_shapes[size_class]), sizeof(std::uint64_t));
  carve(from, first, pages_per_chunk, Use::span, size_class);
  return first / pages_per_chunk;
}

void PageRuns::release(std::uint32_t first, std::uint32_t pages) {
  require_live(first, pages);
  join_free(first, pages, false);
}

void PageRuns::release_span(std::uint32_t chunk) {
  join_free(chunk * pages_per_chunk, pages_per_chunk, true);
}

// --- finding ----------------------------------------------------------------------------------

std::uint32_t run_bin_of(std::uint32_t pages) noexcept {
  if (pages <= 64) return pages - 1;
  const auto doubling = static_cast<std::uint32_t>(std::bit_width(pages)) - 1;
  return 64 + (doubling - 6) * 4 + (pages >> (doubling - 2) & 3);
}

/// The first bin from `bin` on that may hold a run, run_bin_slots if there is none.
std::uint32_t PageRuns::next_bin(std::uint32_t bin) const noexcept {
  const std::uint64_t* const bitmap = table_.header().run_bitmap;
  while (bin < run_bin_slots) {
    const std::uint64_t rest = bitmap[bin / 64] >> bin % 64;
    if (rest != 0) {
      return std::min<std::uint32_t>(bin + static_cast<std::uint32_t>(std::countr_zero(rest)),
                                     run_bin_slots);
    }
    bin = (bin / 64 + 1) * 64;
  }
  return run_bin_slots;
}

/// The shortest run of at least `pages` among the first few of `bin`, 0 if there is none.
std::uint32_t PageRuns::best_of_bin(std::uint32_t bin, std::uint32_t pages) {
  std::uint32_t best = 0;
  std::uint32_t best_pages = 0;
  std::uint32_t page = table_.header().run_bin[bin];
  for (int looked_at = 0; page != 0 && looked_at < 16; ++looked_at) {
    const std::uint32_t length = checked_length(page);
    if (length >= pages && (best == 0 || length < best_pages)) {
      best = page;
      best_pages = length;
      if (length == pages) break;
    }
    page = free_run(page).next;
  }
  return best;
}

std::uint32_t PageRuns::find_run(std::uint32_t pages) {
  std::uint32_t bin = next_bin(run_bin_of(pages));
  while (bin < run_bin_slots) {
    const std::uint32_t best = best_of_bin(bin, pages);
    if (best != 0) return best;
    bin = next_bin(bin + 1);
  }
  return 0;
}

/// A run that holds a whole chunk. Runs of 16 to 30 pages may happen to; any longer one does.
std::uint32_t PageRuns::find_span_run() {
  constexpr std::uint32_t surely = 2 * pages_per_chunk - 1;
  std::uint32_t bin = next_bin(run_bin_of(pages_per_chunk));
  while (bin < run_bin_of(surely)) {
    std::uint32_t page = table_.header().run_bin[bin];
    for (int looked_at = 0; page != 0 && looked_at < 4; ++looked_at) {
      const std::uint32_t length = checked_length(page);
      if (round_up(page, pages_per_chunk) + pages_per_chunk <= page + length) return page;
      page = free_run(page).next;
    }
    bin = next_bin(bin + 1);
  }
  return find_run(surely);
}

/// What must be appended at `end` for `pages` in a row, from a chunk's start if `aligned`.
PageRuns::Growth PageRuns::plan_growth(std::uint64_t end, std::uint64_t pages, bool aligned) {
  const std::uint64_t step = aligned ? pages_per_chunk : 1;
  Growth growth;
  growth.old_end = static_cast<std::uint32_t>(end);
  growth.leaf_begin = growth.leaf_end = table_.leaf_count();
  growth.tail = end > first_run_page ? free_run_before(growth.old_end) : 0;
  std::uint64_t first = end;
  std::uint64_t new_end = round_up(growth.tail != 0 ? growth.tail : end, step) + pages;
  if (chunks_reached(new_end) > leaf_first_chunk(growth.leaf_end)) {
    growth.tail = 0;
    do {
      if (growth.leaf_end == leaf_count_max) {
        throw Error(errc::too_large, space_.path(),
                    "a heap of " + std::to_string(new_end) + " pages; at most " +
                        std::to_string(heap_limit_bytes / page_bytes) + " can be addressed");
      }
      first += leaf_pages(growth.leaf_end++);
      new_end = round_up(first, step) + pages;
    } while (chunks_reached(new_end) > leaf_first_chunk(growth.leaf_end));
  }
  growth.first = static_cast<std::uint32_t>(first);
  // The search looks at a few runs only, so the tail may turn out to suffice as it is.
  growth.pages = static_cast<std::uint32_t>(std::max(new_end, first) - first);
  return growth;
}

// --- changing the tiling: each first checks and marks everything, then stores --------------------

void PageRuns::mark_growth(const Growth& growth) {
  // Descriptors in the new leaves are marked with them.
  const std::uint64_t covered = leaf_first_chunk(growth.leaf_begin);
  const auto mark_if_old = [&](std::uint32_t page) {
    if (chunk_of(page) < covered) mark_descriptor(page);
  };
  std::uint32_t leaf_page = growth.old_end;
  for (std::uint32_t k = growth.leaf_begin; k < growth.leaf_end; ++k) {
    view_.mark(&table_.header().leaf[k], sizeof(std::uint64_t));
    view_.mark(view_.base() + leaf_page * page_bytes, leaf_pages(k) * page_bytes);
    mark_if_old(leaf_page);
    leaf_page += leaf_pages(k);
  }
  mark_if_old(growth.first);
  mark_if_old(growth.first + growth.pages - 1);
}

void PageRuns::append(const Growth& growth) {
  if (growth.pages == 0) return;
  const std::uint32_t end = growth.first + growth.pages;
  const std::uint32_t first = growth.tail != 0 ? growth.tail : growth.first;
  mark_growth(growth);
  if (growth.tail != 0) {
    prepare_unlink(growth.tail);
    mark_descriptor(growth.tail);
    mark_descriptor(growth.old_end - 1);
  }
  prepare_link(first, end - first);
  if (end > end_page()) space_.extend_heap(end * page_bytes);

  std::uint32_t leaf_page = growth.old_end;
  for (std::uint32_t k = growth.leaf_begin; k < growth.leaf_end; ++k) {
    std::memset(view_.base() + leaf_page * page_bytes, 0, leaf_pages(k) * page_bytes);
    table_.header().leaf[k] = leaf_page * page_bytes;
    leaf_page += leaf_pages(k);
  }
  leaf_page = growth.old_end;
  for (std::uint32_t k = growth.leaf_begin; k < growth.leaf_end; ++k) {
    set_bit(pages_at(leaf_page).run_starts, leaf_page);
    leaf_page += leaf_pages(k);
  }
  if (growth.tail != 0) {
    unlink(growth.tail);
    clear_free(growth.tail, growth.old_end - growth.tail);
  }
  flag_free(first, end - first);
  link(first, end - first);
}

/// Takes [first, first + pages) out of the free run at `from`; what is left of it stays free.
void PageRuns::carve(std::uint32_t from, std::uint32_t first, std::uint32_t pages, Use use,
                     std::uint32_t size_class) {
  const std::uint32_t length = checked_length(from);
  const std::uint32_t behind = first + pages;
  if (first < from || behind < first || behind > from + length) {
    fail("free run of " + run_text(from, length) + " where " + run_text(first, pages) +
         " should fit");
  }
  const std::uint32_t before = first - from;
  const std::uint32_t after = from + length - behind;
  prepare_unlink(from);
  mark_descriptor(from);
  mark_descriptor(first);
  mark_descriptor(from + length - 1);
  if (before != 0) {
    prepare_link(from, before);
    mark_descriptor(first - 1);
  }
  if (after != 0) {
    prepare_link(behind, after);
    mark_descriptor(behind);
  }

  unlink(from);
  clear_free(from, length);
  if (before != 0) {
    flag_free(from, before);
    link(from, before);
  }
  if (after != 0) {
    flag_free(behind, after);
    link(behind, after);
  }
  if (use == Use::run) set_bit(pages_at(first).run_starts, first);
  if (use == Use::span) {
    table_.at(chunk_of(first)).span = {
        ChunkKind::span, static_cast<std::uint8_t>(size_class), 0, 0, 0, 0, 0};
  }
}

/// Makes a live run, or a span, free and merges it with its free neighbours.
void PageRuns::join_free(std::uint32_t first, std::uint32_t pages, bool from_span) {
  const std::uint32_t behind = first + pages;
  const std::uint32_t left = first > first_run_page ? free_run_before(first) : 0;
  const std::uint32_t right = behind < end_page() ? free_run_at(behind) : 0;
  const std::uint32_t right_pages = right != 0 ? checked_length(right) : 0;
  const std::uint32_t all_first = left != 0 ? left : first;
  const std::uint32_t all_pages = behind + right_pages - all_first;
  table_.mark(table_.at(chunk_of(first)));
  if (chunk_of(behind - 1) != chunk_of(first)) mark_descriptor(behind - 1);
  if (left != 0) {
    prepare_unlink(left);
    mark_descriptor(left);
    mark_descriptor(first - 1);
  }
  if (right != 0) {
    prepare_unlink(right);
    mark_descriptor(right);
    mark_descriptor(right + right_pages - 1);
  }
  prepare_link(all_first, all_pages);

  if (from_span) {
    table_.at(chunk_of(first)).pages = {};
  } else {
    clear_bit(pages_at(first).run_starts, first);
  }
  if (left != 0) {
    unlink(left);
    clear_free(left, first - left);
  }
  if (right != 0) {
    unlink(right);
    clear_free(right, right_pages);
  }
  flag_free(all_first, all_pages);
  link(all_first, all_pages);
}

}  // namespace cairn

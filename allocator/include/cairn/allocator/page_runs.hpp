// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>

#include "cairn/allocator/chunk_table.hpp"
#include "cairn/allocator/heap_format.hpp"

namespace cairn {

/// The bin of free runs of `pages`: one for each length up to 64, then four to a doubling.
std::uint32_t run_bin_of(std::uint32_t pages) noexcept;

/// The page level of the heap: best-fit runs of whole pages, merged as soon as they are free.
///
/// Each call happens wholly or throws with the tiling as it was, because it first checks and marks
/// all that it is going to write and only then stores. Where room had to be made at the heap's end
/// first, the heap may stay longer by a free run.
///
/// Threads: the one writer.
class PageRuns {
 public:
  PageRuns(WorkingView& view, HeapSpace& space, ChunkTable& table) noexcept
      : view_(view), space_(space), table_(table) {}

  /// Makes the pages from `first_run_page` to the heap end free; header and leaf 0 are blank.
  void format();

  /// The first page of a run of `pages`, now live.
  std::uint32_t allocate(std::uint32_t pages);
  /// A chunk that becomes a span of `size_class`, without live blocks and in no list. Its first
  /// block and the first word of its bitmap are marked.
  std::uint32_t allocate_span(std::uint32_t size_class);

  /// Frees the live run of exactly `pages` at `first`. Throws errc::corrupt where it is none.
  void release(std::uint32_t first, std::uint32_t pages);
  void release_span(std::uint32_t chunk);

  /// Lengthens the live run at `first` in place; false where what follows is neither free nor the
  /// heap's end. Leaves of the chunk table at the end give way. Marks the pages that the run gains
  /// if `mark_gained`.
  bool expand(std::uint32_t first, std::uint32_t pages, std::uint32_t new_pages,
              bool mark_gained = false);

  /// Adds free pages up to `end_page`, or gives trailing free pages back down to it.
  void grow_to(std::uint32_t end_page);
  void shrink_to(std::uint32_t end_page);

  /// Lengthens the heap so that its pages up to `end` are one live run, that in quarantine.
  void quarantine_to(std::uint32_t end);
  void release_quarantined();

  /// Throws errc::corrupt where [first, first + pages) is not exactly one live run.
  void require_live(std::uint32_t first, std::uint32_t pages);

 private:
  /// New pages at the heap's end: leaves that they need first, then free pages.
  struct Growth {
    std::uint32_t old_end = 0;
    std::uint32_t leaf_begin = 0;  ///< leaves [leaf_begin, leaf_end) are new
    std::uint32_t leaf_end = 0;
    std::uint32_t tail = 0;  ///< free run that the new pages lengthen, 0 if none
    std::uint32_t first = 0;
    std::uint32_t pages = 0;
  };
  /// What stands last in the heap: leaves of the chunk table, and the free run before them.
  struct HeapTail {
    std::uint32_t free_from = 0;  ///< where the free run begins; `leaves_from` if there is none
    std::uint32_t leaves_from = 0;
    std::uint32_t leaves = 0;  ///< bit k: leaf k stands there
  };
  /// Where the leaves of a HeapTail are going to stand, in ascending order.
  struct Relaying {
    std::uint32_t leaves = 0;      ///< bit k: leaf k is placed
    std::uint32_t leaf_count = 0;  ///< leaves that the table has then
    std::uint64_t at = 0;          ///< first page of the leaves
    std::uint64_t end = 0;         ///< page that the heap ends at
  };
  enum class Use { run, span, extension };

  std::uint32_t end_page() const noexcept {
    return static_cast<std::uint32_t>(space_.heap_end() / page_bytes);
  }
  FreeRun& free_run(std::uint32_t page) const noexcept {
    return *reinterpret_cast<FreeRun*>(view_.base() + page * page_bytes);
  }
  PagesDescriptor& pages_at(std::uint32_t page);
  bool is_free_edge(std::uint32_t page);
  bool begins_something(std::uint32_t page);
  std::uint32_t checked_length(std::uint32_t page);
  std::uint32_t free_run_before(std::uint32_t page);
  std::uint32_t free_run_at(std::uint32_t page);

  std::uint32_t next_bin(std::uint32_t bin) const noexcept;
  std::uint32_t best_of_bin(std::uint32_t bin, std::uint32_t pages);
  std::uint32_t find_run(std::uint32_t pages);
  std::uint32_t find_span_run();

  Growth plan_growth(std::uint64_t end, std::uint64_t pages, bool aligned);
  void append(const Growth& growth);
  void mark_growth(const Growth& growth);
  void carve(std::uint32_t from, std::uint32_t first, std::uint32_t pages, Use use,
             std::uint32_t size_class = 0);
  void join_free(std::uint32_t first, std::uint32_t pages, bool from_span);
  void cut_free(std::uint32_t first, std::uint32_t down_to);
  bool lower_leaves(std::uint32_t down_to);
  HeapTail heap_tail();
  Relaying plan_relaying(const HeapTail& tail, std::uint64_t at, std::uint64_t end,
                         bool may_drop) const;
  void relay(const HeapTail& tail, std::uint32_t free_from, const Relaying& plan);
  void mark_relaying(const HeapTail& tail, std::uint32_t free_from, const Relaying& plan);

  void prepare_unlink(std::uint32_t page);
  void prepare_link(std::uint32_t page, std::uint32_t pages);
  void unlink(std::uint32_t page);
  void link(std::uint32_t page, std::uint32_t pages);
  FreeRun& neighbour(std::uint32_t page);
  void mark_bin(std::uint32_t bin);
  void mark_descriptor(std::uint32_t page);
  void flag_free(std::uint32_t first, std::uint32_t pages);
  void clear_free(std::uint32_t first, std::uint32_t pages);

  [[noreturn]] void fail(const std::string& detail) const;

  WorkingView& view_;
  HeapSpace& space_;
  ChunkTable& table_;
};

}  // namespace cairn

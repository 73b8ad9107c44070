// SPDX-License-Identifier: BSL-1.0
#include "cairn/free_list_allocator.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "test_heap.hpp"

namespace cairn {
namespace {

using test::TestHeap;

bool is_aligned(const void* p, std::size_t align) {
  return reinterpret_cast<std::uintptr_t>(p) % align == 0;
}

errc code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return static_cast<errc>(error.code().value());
  }
  return errc{};
}

TEST(FreeListAllocator, a_new_heap_is_sound_and_empty) {
  for (const std::uint64_t pages : {2U, 3U, 10U, 26U, 4088U, 4090U, 4091U, 9000U}) {
    TestHeap sut(std::uint64_t{256} << 20, pages * page_bytes);
    EXPECT_EQ(sut.problems(), std::vector<std::string>{}) << pages;
    EXPECT_EQ(sut.heap().used(), 0U) << pages;
    EXPECT_EQ(sut.heap().size(), pages * page_bytes);
    EXPECT_EQ(sut.heap().limit(), std::uint64_t{256} << 20);
  }
}

TEST(FreeListAllocator, every_size_gets_at_least_what_was_asked_at_the_alignment_asked) {
  TestHeap sut(std::uint64_t{1} << 30);
  for (std::size_t align = 1; align <= 4096; align *= 2) {
    for (std::size_t bytes = 0; bytes <= 20000; bytes += bytes < 300 ? 1 : 97) {
      void* const p = sut.heap().allocate(bytes, align);
      ASSERT_TRUE(is_aligned(p, std::max<std::size_t>(align, 16))) << bytes << " " << align;
      const std::size_t usable = FreeListAllocator::usable_bytes(bytes, align);
      ASSERT_GE(usable, bytes);
      std::memset(p, 0x5A, usable);
      if (bytes % 3 == 0) sut.heap().deallocate(p, bytes);
    }
  }
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
}

TEST(FreeListAllocator, alignments_that_are_none_are_refused) {
  TestHeap sut;
  for (const std::size_t align :
       {std::size_t{0}, std::size_t{3}, std::size_t{24}, std::size_t{8192}, ~std::size_t{0}}) {
    EXPECT_EQ(code_of([&] { sut.heap().allocate(8, align); }), errc::invalid_argument) << align;
    EXPECT_EQ(sut.heap().try_allocate(8, align), nullptr);
  }
}

TEST(FreeListAllocator, used_counts_exactly_the_live_blocks) {
  TestHeap sut;
  void* const a = sut.heap().allocate(100);
  void* const b = sut.heap().allocate(9000);
  EXPECT_EQ(sut.heap().used(), 112U + 12288U);
  sut.heap().deallocate(a, 100);
  EXPECT_EQ(sut.heap().used(), 12288U);
  sut.heap().deallocate(b, 9000);
  EXPECT_EQ(sut.heap().used(), 0U);
}

TEST(FreeListAllocator, small_blocks_are_marked_as_a_whole_and_large_ones_not) {
  TestHeap sut;
  // Free space in committed pages: what is handed out now is tracked.
  std::vector<void*> small;
  for (int i = 0; i < 40; ++i) small.push_back(sut.heap().allocate(8192));
  void* const large = sut.heap().allocate(100 * 4096);
  for (void* p : small) sut.heap().deallocate(p, 8192);
  sut.heap().deallocate(large, 100 * 4096);
  sut.commit();
  for (const std::size_t bytes : {1U, 16U, 100U, 1000U, 5000U, 8192U}) {
    ASSERT_TRUE(FreeListAllocator::marked_on_allocate(bytes));
    void* const p = sut.heap().allocate(bytes);
    ASSERT_LT(sut.context().offset_of(p), sut.context().tracked_bytes());
    std::memset(p, 0x33, FreeListAllocator::usable_bytes(bytes));
    EXPECT_EQ(sut.unmarked_changes(), std::vector<std::string>{}) << bytes;
  }
  auto* const p = static_cast<std::byte*>(sut.heap().allocate(8193));
  ASSERT_LT(sut.context().offset_of(p), sut.context().tracked_bytes());
  EXPECT_FALSE(FreeListAllocator::marked_on_allocate(8193));
  p[8192] = std::byte{0x77};
  EXPECT_EQ(sut.unmarked_changes().size(), 1U);
  sut.context().mark(p + 8192, 1);
  EXPECT_EQ(sut.unmarked_changes(), std::vector<std::string>{});
}

TEST(FreeListAllocator, a_settled_allocation_touches_one_line_of_the_chunk_table) {
  TestHeap sut;
  for (int i = 0; i < 10; ++i) sut.heap().allocate(64);
  sut.commit();
  void* const p = sut.heap().allocate(64);
  const WriteSet& set = sut.context().write_set();
  ASSERT_EQ(set.touched().size(), 2U);
  EXPECT_EQ(std::popcount(set.mask(first_leaf_offset / page_bytes)), 1);
  EXPECT_EQ(std::popcount(set.mask(sut.context().offset_of(p) / page_bytes)), 1);
}

TEST(FreeListAllocator, rollback_takes_allocations_back) {
  TestHeap sut;
  sut.heap().allocate(48);
  sut.commit();
  const std::uint64_t used = sut.heap().used();
  const std::uint64_t size = sut.heap().size();
  for (int i = 0; i < 3000; ++i) sut.heap().allocate(static_cast<std::size_t>(i * 7 % 20000));
  sut.rollback();
  EXPECT_EQ(sut.heap().used(), used);
  EXPECT_EQ(sut.heap().size(), size);
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
}

TEST(FreeListAllocator, everything_freed_and_trimmed_is_the_empty_heap_again) {
  TestHeap sut(std::uint64_t{1} << 30);
  std::vector<std::pair<void*, std::size_t>> blocks;
  for (std::size_t i = 0; i < 20000; ++i) {
    const std::size_t bytes = i % 50 == 0 ? 9000 + i * 13 % 200000 : i * 37 % 8193;
    blocks.emplace_back(sut.heap().allocate(bytes), bytes);
  }
  ASSERT_GT(sut.heap().size(), std::uint64_t{32} << 20) << "two leaves of the chunk table at least";
  sut.commit();
  for (const auto& [p, bytes] : blocks) sut.heap().deallocate(p, bytes);
  EXPECT_EQ(sut.heap().used(), 0U);
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
  const std::uint64_t size = sut.heap().size();
  EXPECT_EQ(sut.heap().trim(), size - heap_minimum_bytes);
  EXPECT_EQ(sut.heap().size(), heap_minimum_bytes);
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
  sut.commit();
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
  // Grows again over the pages that it gave back.
  for (std::size_t i = 0; i < 2000; ++i) sut.heap().allocate(i * 37 % 30000);
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
}

TEST(FreeListAllocator, trim_stops_at_the_last_live_block) {
  TestHeap sut;
  void* const a = sut.heap().allocate(50000);
  void* const b = sut.heap().allocate(50000);
  void* const c = sut.heap().allocate(50000);
  sut.heap().deallocate(a, 50000);
  sut.heap().deallocate(c, 50000);
  EXPECT_EQ(sut.heap().trim(), round_up(50000, page_bytes));
  EXPECT_EQ(sut.heap_end(), sut.context().offset_of(b) + round_up(50000, page_bytes));
  EXPECT_EQ(sut.heap().trim(), 0U);
}

TEST(FreeListAllocator, resize_file_grows_by_free_pages_and_shrinks_as_far_as_they_go) {
  TestHeap sut(std::uint64_t{256} << 20);
  void* const p = sut.heap().allocate(20000);
  sut.heap().resize_file(std::uint64_t{100} << 20);
  EXPECT_GE(sut.heap_end(), std::uint64_t{100} << 20);
  EXPECT_LE(sut.heap_end(), (std::uint64_t{100} << 20) + 64 * page_bytes);
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
  sut.heap().allocate(std::uint64_t{50} << 20);
  EXPECT_LE(sut.heap_end(), (std::uint64_t{100} << 20) + 64 * page_bytes);
  sut.heap().resize_file(0);
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
  EXPECT_GE(sut.heap_end(), sut.context().offset_of(p) + (std::uint64_t{50} << 20));
  EXPECT_EQ(code_of([&] { sut.heap().resize_file(sut.heap().limit() + 1); }), errc::too_large);
}

TEST(FreeListAllocator, a_freed_run_is_merged_with_its_neighbours_and_used_again) {
  TestHeap sut;
  std::vector<void*> runs;
  for (int i = 0; i < 9; ++i) runs.push_back(sut.heap().allocate(12288));
  const std::uint64_t end = sut.heap_end();
  for (const std::size_t i : {1U, 5U, 3U, 4U, 2U}) {
    sut.heap().deallocate(runs[i], 12288);
    EXPECT_EQ(sut.problems(), std::vector<std::string>{}) << i;
  }
  EXPECT_EQ(sut.heap().allocate(5 * 12288), runs[1]);
  EXPECT_EQ(sut.heap_end(), end);
}

TEST(FreeListAllocator, the_best_fitting_run_is_taken) {
  TestHeap sut;
  std::map<int, void*> runs;
  for (const int pages : {40, 7, 20, 5, 100, 90}) {
    runs[pages] = sut.heap().allocate(static_cast<std::size_t>(pages) * 4096);
    sut.heap().allocate(12288);
  }
  for (const auto& [pages, p] : runs) {
    sut.heap().deallocate(p, static_cast<std::size_t>(pages) * 4096);
  }
  EXPECT_EQ(sut.heap().allocate(6 * 4096), runs[7]);
  EXPECT_EQ(sut.heap().allocate(20 * 4096), runs[20]);
  EXPECT_EQ(sut.heap().allocate(88 * 4096), runs[90]);
  EXPECT_EQ(sut.heap().allocate(41 * 4096), runs[100]);
}

TEST(FreeListAllocator, a_run_from_a_longer_bin_is_taken_where_the_own_bin_is_too_short) {
  TestHeap sut;
  void* const shorter = sut.heap().allocate(66 * 4096);
  sut.heap().allocate(12288);
  void* const longer = sut.heap().allocate(90 * 4096);
  sut.heap().allocate(12288);
  sut.heap().deallocate(shorter, 66 * 4096);
  sut.heap().deallocate(longer, 90 * 4096);
  EXPECT_EQ(sut.heap().allocate(75 * 4096), longer);
}

TEST(FreeListAllocator, merging_marks_what_it_changes_wherever_the_borders_lie) {
  TestHeap sut;
  // 280 runs of 3 to 5 pages: borders fall on every page of a chunk and every line of the table.
  std::vector<std::pair<void*, std::size_t>> runs;
  for (std::size_t i = 0; i < 280; ++i) {
    const std::size_t bytes = (3 + i % 3) * page_bytes;
    runs.emplace_back(sut.heap().allocate(bytes), bytes);
  }
  for (std::size_t i = 0; i < runs.size(); i += 2) {
    sut.heap().deallocate(runs[i].first, runs[i].second);
  }
  sut.commit();
  for (std::size_t i = 1; i < runs.size(); i += 2) {
    sut.heap().deallocate(runs[i].first, runs[i].second);
    ASSERT_EQ(sut.unmarked_changes(), std::vector<std::string>{}) << i;
    ASSERT_EQ(sut.problems(), std::vector<std::string>{}) << i;
    sut.rollback();
    ASSERT_EQ(sut.problems(), std::vector<std::string>{}) << i;
  }
}

TEST(FreeListAllocator, merging_marks_far_ends_of_long_neighbours) {
  // 64 pages are one line of the chunk table: borders on its multiples, neighbours longer than it.
  for (const int freed_first : {0, 2}) {
    TestHeap sut;
    const std::size_t pages[] = {120, 64, 130};
    std::byte* runs[3];
    for (int i = 0; i < 3; ++i) {
      runs[i] = static_cast<std::byte*>(sut.heap().allocate(pages[i] * page_bytes));
    }
    ASSERT_EQ(sut.context().offset_of(runs[1]), 128 * page_bytes);
    sut.heap().allocate(12288);
    sut.heap().deallocate(runs[freed_first], pages[freed_first] * page_bytes);
    sut.commit();
    sut.heap().deallocate(runs[1], pages[1] * page_bytes);
    EXPECT_EQ(sut.unmarked_changes(), std::vector<std::string>{}) << freed_first;
    sut.rollback();
    EXPECT_EQ(sut.problems(), std::vector<std::string>{}) << freed_first;
  }
}

TEST(FreeListAllocator, spans_come_back_to_their_list_with_all_neighbours_marked) {
  TestHeap sut;
  std::vector<void*> blocks;
  for (int i = 0; i < 8 * 64; ++i) blocks.push_back(sut.heap().allocate(8192));
  for (std::size_t i = 0; i < magazine_capacity; ++i) sut.heap().deallocate(blocks[i], 8192);
  sut.commit();
  // Every span was full; each gets room now, far apart from the one before it.
  for (std::size_t i = 2; i < 64; ++i) {
    sut.heap().deallocate(blocks[(i * 23 % 62 + 2) * 8], 8192);
    sut.commit();
    ASSERT_EQ(sut.problems(), std::vector<std::string>{}) << i;
  }
  // And loses it again, in the order of the list.
  for (std::size_t i = 0; i < 62 + magazine_capacity; ++i) {
    sut.heap().allocate(8192);
    sut.commit();
    ASSERT_EQ(sut.problems(), std::vector<std::string>{}) << i;
  }
  EXPECT_EQ(sut.heap().used(), 8U * 64 * 8192);
}

TEST(FreeListAllocator, an_empty_span_goes_back_to_the_page_level) {
  TestHeap sut;
  std::vector<void*> blocks;
  for (int i = 0; i < 1024 * 8; ++i) blocks.push_back(sut.heap().allocate(64));
  const std::uint64_t end = sut.heap_end();
  for (void* p : blocks) sut.heap().deallocate(p, 64);
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
  // The first holds the blocks in the magazine, the last is kept to allocate from.
  sut.heap().allocate(6 * 65536);
  EXPECT_EQ(sut.heap_end(), end);
}

TEST(FreeListAllocator, a_freed_block_is_the_next_one_and_neither_it_nor_its_span_is_touched) {
  TestHeap sut;
  void* const p = sut.heap().allocate(64);
  sut.heap().allocate(64);
  sut.commit();
  sut.heap().deallocate(p, 64);
  const WriteSet& set = sut.context().write_set();
  ASSERT_EQ(set.touched().size(), 1U);
  EXPECT_EQ(set.touched()[0], heap_begin_bytes / page_bytes);
  EXPECT_EQ(std::popcount(set.mask(heap_begin_bytes / page_bytes)), 1) << "the magazine's line";
  EXPECT_EQ(sut.heap().used(), 64U);
  EXPECT_EQ(sut.heap().allocate(64), p);
  EXPECT_EQ(set.mask(first_leaf_offset / page_bytes), 0U) << "no descriptor";
}

TEST(FreeListAllocator, a_pair_of_calls_at_a_spans_border_leaves_the_page_level_alone) {
  TestHeap sut;
  // Fill the magazine and a span exactly, so that the next block needs a new span.
  for (int i = 0; i < 8; ++i) sut.heap().allocate(8192);
  void* const next = sut.heap().allocate(8192);
  const std::uint64_t end = sut.heap_end();
  sut.heap().deallocate(next, 8192);
  sut.commit();
  for (int i = 0; i < 5; ++i) sut.heap().deallocate(sut.heap().allocate(8192), 8192);
  EXPECT_EQ(sut.heap_end(), end);
  const WriteSet& set = sut.context().write_set();
  EXPECT_EQ(std::popcount(set.mask(heap_begin_bytes / page_bytes)), 1) << "the magazine's line";
  EXPECT_EQ(set.mask(first_leaf_offset / page_bytes), 0U);
}

TEST(FreeListAllocator, try_expand_stays_within_the_rounding_of_small_blocks) {
  TestHeap sut;
  void* const p = sut.heap().allocate(130);
  EXPECT_TRUE(sut.heap().try_expand(p, 130, 160));
  EXPECT_FALSE(sut.heap().try_expand(p, 160, 161));
  EXPECT_FALSE(sut.heap().try_expand(p, 160, 128));
  EXPECT_FALSE(sut.heap().try_expand(p, 160, 100000));
  sut.heap().deallocate(p, 160);
  void* const wide = sut.heap().allocate(10, 1024);
  EXPECT_TRUE(sut.heap().try_expand(wide, 10, 1000));
  sut.heap().deallocate(wide, 1000);
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
}

TEST(FreeListAllocator, try_expand_takes_free_pages_behind_and_lengthens_the_heap) {
  TestHeap sut;
  void* const a = sut.heap().allocate(20000);
  EXPECT_TRUE(sut.heap().try_expand(a, 20000, 20480));
  EXPECT_TRUE(sut.heap().try_expand(a, 20480, 400000));
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
  void* const b = sut.heap().allocate(30000);
  EXPECT_FALSE(sut.heap().try_expand(a, 400000, 500000));
  void* const c = sut.heap().allocate(30000);
  sut.heap().deallocate(b, 30000);
  EXPECT_TRUE(sut.heap().try_expand(a, 400000, 410000));
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
  EXPECT_FALSE(sut.heap().try_expand(a, 410000, 900000));
  sut.heap().deallocate(c, 30000);
  EXPECT_TRUE(sut.heap().try_expand(a, 410000, 900000)) << "a free run at the end, then new pages";
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
  EXPECT_FALSE(sut.heap().try_expand(a, 900000, sut.heap().limit()));
  sut.heap().deallocate(a, 900000);
  EXPECT_EQ(sut.heap().used(), 0U);
}

TEST(FreeListAllocator, a_full_disk_changes_nothing) {
  TestHeap sut;
  void* const first = sut.heap().allocate(20000);
  sut.commit();
  sut.set_disk_bytes(sut.heap_end());
  const std::uint64_t end = sut.heap_end();
  EXPECT_EQ(code_of([&] { sut.heap().allocate(std::size_t{1} << 20); }), errc::no_space);
  EXPECT_EQ(code_of([&] { sut.heap().allocate(64); }), errc::no_space);
  EXPECT_EQ(code_of([&] { sut.heap().resize_file(end + 1); }), errc::no_space);
  EXPECT_FALSE(sut.heap().try_expand(first, 20000, 200000));
  EXPECT_EQ(sut.heap().try_allocate(64), nullptr);
  EXPECT_EQ(std::memcmp(sut.base(), sut.shared_base(), end), 0);
  EXPECT_EQ(sut.heap_end(), end);
  EXPECT_EQ(code_of([&] { sut.heap().allocate(sut.heap().limit()); }), errc::too_large)
      << "the store's limit comes before the disk's";
  EXPECT_EQ(code_of([&] { sut.heap().allocate(~std::size_t{0}); }), errc::too_large);
}

TEST(FreeListAllocator, the_memory_budget_of_a_transaction_leaves_a_sound_heap) {
  int refusals = 0;
  for (std::uint64_t budget = 0; budget < 12; ++budget) {
    TestHeap sut;
    std::vector<void*> runs;
    for (int i = 0; i < 40; ++i) runs.push_back(sut.heap().allocate(12288));
    for (std::size_t i = 0; i < 40; i += 2) sut.heap().deallocate(runs[i], 12288);
    std::vector<void*> small;
    for (int i = 0; i < 100; ++i) small.push_back(sut.heap().allocate(4096));
    sut.commit();
    sut.context().write_set().set_touch_limit(budget);
    const auto attempt = [&](const std::function<void()>& action) {
      const errc code = code_of(action);
      refusals += code == errc::too_large ? 1 : 0;
      EXPECT_TRUE(code == errc{} || code == errc::too_large);
      EXPECT_EQ(sut.problems(), std::vector<std::string>{}) << budget;
      EXPECT_EQ(sut.unmarked_changes(), std::vector<std::string>{}) << budget;
    };
    attempt([&] { sut.heap().deallocate(runs[7], 12288); });
    attempt([&] { sut.heap().deallocate(small[0], 4096); });
    attempt([&] { sut.heap().allocate(12288); });
    attempt([&] { sut.heap().allocate(500); });
    attempt([&] { sut.heap().deallocate(runs[9], 12288); });
    attempt([&] { sut.heap().try_expand(runs[11], 12288, 20000); });
    for (std::size_t i = 1; i < 100; ++i) {
      attempt([&] { sut.heap().deallocate(small[i], 4096); });
    }
    attempt([&] { sut.heap().trim(); });
  }
  EXPECT_GT(refusals, 100);
}

TEST(FreeListAllocator, a_double_free_or_wrong_size_is_named) {
  TestHeap sut;
  void* const small = sut.heap().allocate(160);
  void* const other = sut.heap().allocate(160);
  void* const large = sut.heap().allocate(20000);
  void* const behind = sut.heap().allocate(20000);
  const auto refused = [&](void* p, std::size_t bytes) {
    const errc code = code_of([&] { sut.heap().deallocate(p, bytes); });
    EXPECT_EQ(sut.problems(), std::vector<std::string>{});
    return code == errc::corrupt;
  };
  EXPECT_TRUE(refused(small, 161));
  EXPECT_TRUE(refused(small, 128));
  EXPECT_TRUE(refused(small, 0));
  EXPECT_TRUE(refused(small, 20000));
  EXPECT_TRUE(refused(static_cast<std::byte*>(small) + 16, 160));
  EXPECT_TRUE(refused(static_cast<std::byte*>(small) + 8, 160));
  EXPECT_TRUE(refused(static_cast<std::byte*>(other) + 160, 160)) << "never handed out";
  EXPECT_TRUE(refused(large, 4096));
  EXPECT_TRUE(refused(large, 12288));
  EXPECT_TRUE(refused(large, 24576));
  EXPECT_TRUE(refused(large, 40960)) << "two runs at once";
  EXPECT_TRUE(refused(static_cast<std::byte*>(large) + 4096, 20000));
  EXPECT_TRUE(refused(&sut, 160));
  EXPECT_TRUE(refused(sut.base() + heap_begin_bytes, 2 * page_bytes)) << "the heap's header";
  sut.heap().deallocate(small, 160);
  EXPECT_TRUE(refused(small, 160));
  sut.heap().deallocate(large, 20000);
  EXPECT_TRUE(refused(large, 20000));
  sut.heap().deallocate(behind, 20000);
  sut.heap().deallocate(other, 160);
  EXPECT_EQ(sut.heap().used(), 0U);
}

TEST(FreeListAllocator, the_heaps_own_leaves_cannot_be_freed) {
  TestHeap sut(std::uint64_t{256} << 20, std::uint64_t{40} << 20);
  const HeapHeader& header = *reinterpret_cast<HeapHeader*>(sut.base() + heap_begin_bytes);
  ASSERT_NE(header.leaf[2], 0U);
  EXPECT_EQ(code_of([&] { sut.heap().deallocate(sut.base() + header.leaf[2], 2 * page_bytes); }),
            errc::corrupt);
}

TEST(FreeListAllocator, zero_on_allocate_shows_nothing_of_earlier_owners) {
  TestHeap sut;
  for (const std::size_t bytes : {24U, 500U, 8192U, 50000U}) {
    void* const p = sut.heap().allocate(bytes);
    std::memset(p, 0x41, FreeListAllocator::usable_bytes(bytes));
    sut.heap().deallocate(p, bytes);
    sut.heap().zero_on_allocate(true);
    const auto* const q = static_cast<const unsigned char*>(sut.heap().allocate(bytes));
    EXPECT_EQ(p, q) << "the same block again, or the test shows nothing";
    const std::size_t usable = FreeListAllocator::usable_bytes(bytes);
    EXPECT_EQ(std::count(q, q + usable, 0), static_cast<std::ptrdiff_t>(usable)) << bytes;
    sut.heap().zero_on_allocate(false);
  }
}

TEST(FreeListAllocator, the_catalog_offset_is_kept_and_rolled_back) {
  TestHeap sut;
  EXPECT_EQ(sut.heap().catalog_offset(), 0U);
  const std::uint64_t offset = sut.context().offset_of(sut.heap().allocate(64));
  sut.heap().set_catalog_offset(offset);
  sut.commit();
  EXPECT_EQ(HeapReader(sut.shared_base(), sut.committed_end(), "").catalog_offset(), offset);
  sut.heap().set_catalog_offset(0);
  sut.rollback();
  EXPECT_EQ(sut.heap().catalog_offset(), offset);
}

TEST(FreeListAllocator, owns_tells_the_heaps_bytes_from_others) {
  TestHeap sut;
  auto* const p = static_cast<std::byte*>(sut.heap().allocate(64));
  EXPECT_TRUE(sut.heap().owns(p));
  EXPECT_FALSE(sut.heap().owns(sut.base() + heap_begin_bytes));
  EXPECT_FALSE(sut.heap().owns(sut.base() + sut.heap_end()));
  EXPECT_FALSE(sut.heap().owns(&sut));
}

}  // namespace
}  // namespace cairn

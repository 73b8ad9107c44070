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
  for (const std::uint64_t pages : {10U, 11U, 26U, 1017U, 1018U, 1019U, 1030U, 9000U}) {
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
  for (int i = 0; i < 10; ++i) sut.heap().allocate(192);
  sut.commit();
  void* const p = sut.heap().allocate(192);
  const WriteSet& set = sut.context().write_set();
  ASSERT_EQ(set.touched().size(), 2U);
  EXPECT_EQ(std::popcount(set.mask(first_leaf_offset / page_bytes)), 1);
  EXPECT_EQ(std::popcount(set.mask(sut.context().offset_of(p) / page_bytes)), 3);
}

TEST(FreeListAllocator, a_settled_allocation_of_less_touches_a_line_of_its_bitmap_too) {
  TestHeap sut;
  for (int i = 0; i < 10; ++i) sut.heap().allocate(64);
  sut.commit();
  void* const p = sut.heap().allocate(64);
  const WriteSet& set = sut.context().write_set();
  const std::uint64_t chunk = sut.context().offset_of(p) / chunk_bytes;
  const std::uint64_t bitmap = first_leaf_offset + wide_place(first_leaf_chunks, chunk);
  ASSERT_EQ(set.touched().size(), 3U);
  EXPECT_EQ(std::popcount(set.mask(first_leaf_offset / page_bytes)), 1);
  EXPECT_EQ(std::popcount(set.mask(bitmap / page_bytes)), 1);
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
  // Borders on a chunk's, and neighbours that end in others: each has a line of its own.
  for (const int freed_first : {0, 2}) {
    TestHeap sut;
    const std::size_t pages[] = {112, 64, 130};
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
  sut.commit();
  // Every span was full; each gets room now, far apart from the one before it.
  for (std::size_t i = 2; i < 64; ++i) {
    sut.heap().deallocate(blocks[(i * 23 % 62 + 2) * 8], 8192);
    sut.commit();
    ASSERT_EQ(sut.problems(), std::vector<std::string>{}) << i;
  }
  // And loses it again, in the order of the list.
  for (std::size_t i = 0; i < 62; ++i) {
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
  // The first is kept to allocate from.
  sut.heap().allocate(7 * 65536);
  EXPECT_EQ(sut.heap_end(), end);
}

TEST(FreeListAllocator, freeing_touches_a_line_of_the_chunk_table_and_no_block) {
  TestHeap sut;
  std::vector<void*> blocks;
  for (int i = 0; i < 400; ++i) blocks.push_back(sut.heap().allocate(256));
  sut.commit();
  for (std::size_t i = 0; i < 250; ++i) sut.heap().deallocate(blocks[i], 256);
  const WriteSet& set = sut.context().write_set();
  ASSERT_EQ(set.touched().size(), 1U);
  EXPECT_EQ(std::popcount(set.mask(first_leaf_offset / page_bytes)), 2) << "a line for each span";
  EXPECT_EQ(std::popcount(set.mask(heap_begin_bytes / page_bytes)), 0);
  EXPECT_EQ(sut.heap().used(), 150U * 256);
}

TEST(FreeListAllocator, the_lowest_free_block_is_handed_out_next) {
  for (const std::size_t bytes : {16U, 48U, 160U, 192U, 1024U}) {
    TestHeap sut;
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < chunk_bytes / bytes - 1; ++i) {
      blocks.push_back(sut.heap().allocate(bytes));
    }
    const std::size_t count = blocks.size();
    for (const std::size_t i : {count - 1, std::size_t{3}, count - 9, std::size_t{40}}) {
      sut.heap().deallocate(blocks[i], bytes);
    }
    for (const std::size_t i : {std::size_t{3}, std::size_t{40}, count - 9, count - 1}) {
      EXPECT_EQ(sut.heap().allocate(bytes), blocks[i]) << bytes;
    }
    EXPECT_EQ(sut.problems(), std::vector<std::string>{}) << bytes;
  }
}

TEST(FreeListAllocator, a_pair_of_calls_at_a_spans_border_leaves_the_page_level_alone) {
  TestHeap sut;
  // Fill a span exactly, so that the next block needs a new one.
  for (int i = 0; i < 8; ++i) sut.heap().allocate(8192);
  void* const next = sut.heap().allocate(8192);
  const std::uint64_t end = sut.heap_end();
  sut.heap().deallocate(next, 8192);
  sut.commit();
  for (int i = 0; i < 5; ++i) sut.heap().deallocate(sut.heap().allocate(8192), 8192);
  EXPECT_EQ(sut.heap_end(), end);
  const WriteSet& set = sut.context().write_set();
  EXPECT_EQ(set.mask(heap_begin_bytes / page_bytes), 0U);
  EXPECT_EQ(std::popcount(set.mask(first_leaf_offset / page_bytes)), 1) << "the span's line";
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

TEST(FreeListAllocator, the_last_run_grows_in_place_over_every_leaf_of_the_chunk_table) {
  TestHeap sut(std::uint64_t{2} << 30);
  constexpr std::size_t mib = std::size_t{1} << 20;
  sut.heap().allocate(64);
  auto* const p = static_cast<std::byte*>(sut.heap().allocate(mib));
  std::size_t bytes = mib;
  for (; bytes < 512 * mib; bytes *= 2) {
    p[bytes - 1] = static_cast<std::byte>(bytes / mib);
    ASSERT_TRUE(sut.heap().try_expand(p, bytes, 2 * bytes)) << bytes;
    ASSERT_EQ(sut.problems(), std::vector<std::string>{}) << bytes;
  }
  for (std::size_t at = mib; at < bytes; at *= 2) {
    EXPECT_EQ(p[at - 1], static_cast<std::byte>(at / mib)) << "what was in the run stays there";
  }
  // Only leaves and the room before them were added beside the run.
  EXPECT_LT(sut.heap().size(), bytes + bytes / 16);
  EXPECT_EQ(sut.heap().used(), 64 + bytes);
  sut.heap().deallocate(p, bytes);
  sut.heap().trim();
  EXPECT_LT(sut.heap().size(), 2 * mib) << "leaves that a run pushed away do not keep the heap up";
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
}

TEST(FreeListAllocator, leaves_that_give_way_are_marked_at_both_places_and_can_be_rolled_back) {
  TestHeap sut(std::uint64_t{1} << 30);
  constexpr std::size_t mib = std::size_t{1} << 20;
  std::size_t bytes = mib;
  void* const p = sut.heap().allocate(bytes);
  for (; bytes < 128 * mib; bytes += bytes / 3) {
    sut.commit();
    ASSERT_TRUE(sut.heap().try_expand(p, bytes, bytes + bytes / 3)) << bytes;
    ASSERT_EQ(sut.unmarked_changes(), std::vector<std::string>{}) << bytes;
    sut.rollback();
    ASSERT_EQ(sut.problems(), std::vector<std::string>{}) << bytes;
    ASSERT_TRUE(sut.heap().try_expand(p, bytes, bytes + bytes / 3)) << bytes;
  }
  sut.commit();
  sut.heap().deallocate(p, bytes);
  sut.heap().resize_file(20 * mib);
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
  EXPECT_EQ(sut.unmarked_changes(), std::vector<std::string>{});
  EXPECT_LE(sut.heap_end(), 20 * mib);
  sut.rollback();
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
}

TEST(FreeListAllocator, a_run_that_grows_page_by_page_seldom_moves_the_leaves_behind_it) {
  TestHeap sut(std::uint64_t{1} << 30);
  constexpr std::size_t mib = std::size_t{1} << 20;
  std::size_t bytes = mib;
  void* const p = sut.heap().allocate(bytes);
  ASSERT_TRUE(sut.heap().try_expand(p, bytes, 40 * mib));
  bytes = 40 * mib;
  const HeapHeader& header = *reinterpret_cast<HeapHeader*>(sut.base() + heap_begin_bytes);
  int moves = 0;
  for (int i = 0; i < 64; ++i) {
    const std::uint64_t before = header.leaf[1];
    ASSERT_TRUE(sut.heap().try_expand(p, bytes, bytes + page_bytes));
    bytes += page_bytes;
    moves += header.leaf[1] != before ? 1 : 0;
  }
  EXPECT_LE(moves, 8);
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
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
  void* const third = sut.heap().allocate(160);
  sut.heap().deallocate(small, 160);
  EXPECT_TRUE(refused(small, 160));
  sut.heap().deallocate(third, 160);
  EXPECT_TRUE(refused(small, 160)) << "not the one freed last";
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
  EXPECT_EQ(code_of([&] {
              sut.heap().deallocate(sut.base() + header.leaf[2], leaf_pages(2) * page_bytes);
            }),
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

TEST(FreeListAllocator, zero_on_allocate_shows_nothing_of_earlier_owners_in_what_a_block_gains) {
  constexpr std::size_t bytes = 20'000;
  constexpr std::size_t more = 60'000;
  for (const bool committed : {true, false}) {
    TestHeap sut;
    auto* const p = static_cast<unsigned char*>(sut.heap().allocate(bytes));
    void* const behind = sut.heap().allocate(more);
    ASSERT_EQ(behind, p + round_up(bytes, page_bytes));
    sut.heap().allocate(16);
    std::memset(behind, 0x41, round_up(more, page_bytes));
    std::memset(p, 0x42, round_up(bytes, page_bytes));
    sut.heap().deallocate(behind, more);
    if (committed) sut.commit();
    sut.heap().zero_on_allocate(true);
    ASSERT_TRUE(sut.heap().try_expand(p, bytes, more));
    const auto usable = static_cast<std::ptrdiff_t>(round_up(more, page_bytes));
    const auto before = static_cast<std::ptrdiff_t>(round_up(bytes, page_bytes));
    EXPECT_EQ(std::count(p + before, p + usable, 0), usable - before);
    EXPECT_EQ(std::count(p, p + before, 0x42), before);
    EXPECT_EQ(sut.unmarked_changes(), std::vector<std::string>{});
    EXPECT_EQ(sut.problems(), std::vector<std::string>{});
  }
}

TEST(FreeListAllocator, zero_on_allocate_that_may_mark_no_more_leaves_the_block_as_it_was) {
  TestHeap sut;
  void* const p = sut.heap().allocate(20'000);
  void* const behind = sut.heap().allocate(400'000);
  sut.heap().allocate(16);
  sut.heap().deallocate(behind, 400'000);
  sut.commit();
  sut.heap().zero_on_allocate(true);
  sut.context().write_set().set_touch_limit(20);
  EXPECT_EQ(code_of([&] { sut.heap().try_expand(p, 20'000, 400'000); }), errc::too_large);
  sut.context().write_set().set_touch_limit(~0ULL);
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
  sut.heap().deallocate(p, 20'000);
  EXPECT_EQ(sut.problems(), std::vector<std::string>{});
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

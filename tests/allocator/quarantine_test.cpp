// SPDX-License-Identifier: BSL-1.0
// Pages that are set aside at the end of the heap because somebody may still be storing into them.
#include "cairn/free_list_allocator.hpp"

#include "test_heap.hpp"

namespace cairn {
namespace {

using test::TestHeap;

constexpr std::uint64_t a_few_pages = 5 * page_bytes;

std::vector<std::string> none() {
  return {};
}

/// Sets `bytes` behind the heap's end aside and lets somebody store into all of them.
std::uint64_t set_aside(TestHeap& heap, std::uint64_t bytes) {
  const std::uint64_t begin = heap.heap_end();
  heap.heap().quarantine_to(begin + bytes);
  heap.commit();
  std::memset(heap.shared_base() + begin, 0x77, bytes);
  return begin;
}

TEST(Quarantine, nothing_is_stored_into_it_and_the_heap_goes_on_behind) {
  TestHeap sut;
  void* const before = sut.heap().allocate(3 * page_bytes);
  sut.context().mark(before, 3 * page_bytes);
  sut.commit();
  const std::uint64_t used = sut.heap().used();
  const std::uint64_t begin = set_aside(sut, a_few_pages);
  EXPECT_EQ(sut.heap().quarantined_bytes(), a_few_pages);
  EXPECT_EQ(sut.heap().reader().quarantined(), a_few_pages);
  EXPECT_EQ(sut.heap().used(), used);
  for (int i = 0; i < 20; ++i) {
    for (const std::size_t bytes : {std::size_t{100}, std::size_t{20'000}, std::size_t{300'000}}) {
      auto* const block = static_cast<std::byte*>(sut.heap().allocate(bytes));
      sut.context().mark(block, bytes);
      const std::uint64_t at = sut.context().offset_of(block);
      EXPECT_TRUE(at + bytes <= begin || at >= begin + a_few_pages);
    }
    sut.commit();
    ASSERT_EQ(sut.problems(), none());
  }
  for (std::uint64_t i = 0; i < a_few_pages; ++i) {
    ASSERT_EQ(sut.shared_base()[begin + i], std::byte{0x77});
  }
}

TEST(Quarantine, it_is_released_like_any_other_run) {
  TestHeap sut;
  const std::uint64_t begin = set_aside(sut, a_few_pages);
  sut.heap().release_quarantined();
  sut.commit();
  EXPECT_EQ(sut.problems(), none());
  EXPECT_EQ(sut.heap().quarantined_bytes(), 0U);
  EXPECT_EQ(sut.context().offset_of(sut.heap().allocate(a_few_pages)), begin);
  sut.rollback();
  sut.heap().trim();
  sut.commit();
  EXPECT_LE(sut.heap_end(), begin);
  EXPECT_EQ(sut.problems(), none());
  sut.heap().release_quarantined();
  EXPECT_TRUE(sut.context().write_set().touched().empty());
}

TEST(Quarantine, a_rollback_takes_either_back) {
  TestHeap sut;
  sut.commit();
  const std::uint64_t end = sut.heap_end();
  sut.heap().quarantine_to(end + a_few_pages);
  sut.rollback();
  EXPECT_EQ(sut.heap_end(), end);
  EXPECT_EQ(sut.heap().quarantined_bytes(), 0U);
  set_aside(sut, a_few_pages);
  sut.heap().release_quarantined();
  sut.rollback();
  EXPECT_EQ(sut.heap().quarantined_bytes(), a_few_pages);
  EXPECT_EQ(sut.problems(), none());
}

TEST(Quarantine, of_any_length_it_leaves_the_chunk_table_sound) {
  for (const std::uint64_t pages : {1U, 15U, 16U, 17U, 1000U, 1010U, 1100U, 5000U, 9000U}) {
    TestHeap sut(std::uint64_t{256} << 20);
    const std::uint64_t begin = set_aside(sut, pages * page_bytes);
    EXPECT_EQ(sut.problems(), none()) << pages;
    void* const block = sut.heap().allocate(50'000);
    sut.context().mark(block, 50'000);
    sut.commit();
    sut.heap().trim();
    sut.commit();
    EXPECT_GE(sut.heap_end(), begin + pages * page_bytes);
    EXPECT_EQ(sut.problems(), none()) << pages;
    sut.heap().release_quarantined();
    sut.commit();
    EXPECT_EQ(sut.problems(), none()) << pages;
    sut.heap().deallocate(block, 50'000);
    sut.heap().trim();
    sut.commit();
    EXPECT_EQ(sut.heap_end(), heap_begin_bytes + heap_minimum_bytes) << pages;
    EXPECT_EQ(sut.problems(), none()) << pages;
  }
}

TEST(Quarantine, there_is_one_at_a_time_and_nobody_else_may_free_it) {
  TestHeap sut;
  const std::uint64_t begin = set_aside(sut, a_few_pages);
  EXPECT_THROW(sut.heap().quarantine_to(sut.heap_end() + a_few_pages), Error);
  EXPECT_THROW(sut.heap().deallocate(sut.base() + begin, a_few_pages), Error);
  EXPECT_TRUE(sut.context().write_set().touched().empty());
  EXPECT_EQ(sut.problems(), none());
}

TEST(Quarantine, a_full_disk_leaves_the_heap_as_it_was) {
  TestHeap sut;
  sut.commit();
  const std::uint64_t end = sut.heap_end();
  sut.set_disk_bytes(end + page_bytes);
  EXPECT_THROW(sut.heap().quarantine_to(end + a_few_pages), Error);
  EXPECT_EQ(sut.heap_end(), end);
  EXPECT_EQ(sut.heap().quarantined_bytes(), 0U);
  EXPECT_EQ(sut.problems(), none());
}

TEST(Quarantine, a_header_that_lies_about_it_is_found) {
  TestHeap sut;
  set_aside(sut, a_few_pages);
  auto* const header = reinterpret_cast<HeapHeader*>(sut.base() + heap_begin_bytes);
  sut.context().mark(header, sizeof *header);
  const HeapHeader sound = *header;
  header->quarantined_pages = 4;
  EXPECT_FALSE(sut.problems().empty());
  EXPECT_THROW(sut.heap().release_quarantined(), Error);
  *header = sound;
  header->quarantined_first += 1;
  EXPECT_FALSE(sut.problems().empty());
  EXPECT_THROW(sut.heap().release_quarantined(), Error);
  *header = sound;
  header->quarantined_pages = 0;
  EXPECT_FALSE(sut.problems().empty());
}

}  // namespace
}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#include "cairn/deque.hpp"

#include <algorithm>
#include <deque>
#include <iterator>
#include <numeric>
#include <ranges>

#include "cairn/box.hpp"
#include "container_test.hpp"

namespace cairn::test {
namespace {

using Ints = Deque<int>;
static_assert(std::random_access_iterator<Ints::iterator>);
static_assert(std::random_access_iterator<Ints::const_iterator>);
static_assert(!std::contiguous_iterator<Ints::iterator>);
static_assert(std::sized_sentinel_for<Ints::const_iterator, Ints::iterator>);
static_assert(std::ranges::random_access_range<Ints> && std::ranges::sized_range<const Ints>);
static_assert(std::is_convertible_v<Ints::iterator, Ints::const_iterator>);
static_assert(!std::is_convertible_v<Ints::const_iterator, Ints::iterator>);
static_assert(std::sortable<Ints::iterator> && !std::sortable<Ints::const_iterator>);

class DequeTest : public ContainerTest {
 protected:
  std::size_t marked_lines() {
    std::size_t lines = 0;
    for (const std::uint32_t page : heap_.context().write_set().touched()) {
      lines += static_cast<std::size_t>(std::popcount(heap_.context().write_set().mask(page)));
    }
    return lines;
  }
};

template <class T>
std::vector<T> listed(const Deque<T>& deque) {
  return {deque.begin(), deque.end()};
}

TEST_F(DequeTest, elements_keep_their_values_through_growth_at_both_ends) {
  auto& sut = make<Deque<std::uint64_t>>();
  for (std::uint64_t i = 0; i < 50000; ++i) {
    sut.push_back(i);
    sut.push_front(i);
    if (i % 20000 == 0) commit();
  }
  ASSERT_EQ(sut.size(), 100000U);
  for (std::uint64_t i = 0; i < 50000; ++i) {
    ASSERT_EQ(std::as_const(sut)[49999 - i], i);
    ASSERT_EQ(std::as_const(sut)[50000 + i], i);
  }
}

TEST_F(DequeTest, a_queue_in_a_tracked_ring_marks_few_lines) {
  auto& sut = make<Deque<std::uint64_t>>();
  for (std::uint64_t i = 0; i < 1000; ++i) sut.push_back(i);
  commit();
  sut.push_back(1);
  EXPECT_LE(marked_lines(), 2U);
  commit();
  sut.pop_front();
  EXPECT_LE(marked_lines(), 2U);
  commit();
}

TEST_F(DequeTest, reading_marks_nothing_and_writing_the_element) {
  auto& sut = make<Deque<std::uint64_t>>(std::size_t{4096}, 1U);
  commit();
  EXPECT_EQ(std::accumulate(std::as_const(sut).begin(), std::as_const(sut).end(), 0ULL), 4096U);
  (void)std::as_const(sut).back();
  (void)sut.begin();
  EXPECT_EQ(marked_lines(), 0U);
  sut[100] = 2;
  sut.begin()[2000] = 3;
  sut.back() = 4;
  EXPECT_EQ(marked_lines(), 3U);
  commit();
}

TEST_F(DequeTest, a_long_one_grows_where_it_stands_at_the_end_of_the_heap) {
  auto& sut = make<Deque<std::uint64_t>>(std::size_t{100000}, 7U);
  const auto* const before = &std::as_const(sut)[0];
  for (int i = 0; i < 300000; ++i) sut.push_back(8);
  EXPECT_EQ(&std::as_const(sut)[0], before);
  EXPECT_EQ(std::accumulate(std::as_const(sut).begin(), std::as_const(sut).end(), 0ULL),
            100000ULL * 7 + 300000ULL * 8);
}

/// Every place of every ring of a few sizes and turns: the smallest ways to go wrong.
TEST_F(DequeTest, insert_and_erase_are_right_at_every_place_of_every_turn) {
  auto& sut = make<Deque<String>>();
  for (std::size_t turn = 0; turn < 9; ++turn) {
    for (std::size_t size = 0; size < 9; ++size) {
      for (std::size_t at = 0; at <= size; ++at) {
        for (std::size_t count = 0; count < 4; ++count) {
          sut = Deque<String>();
          sut.reserve(8);
          for (std::size_t i = 0; i < turn; ++i) sut.push_back("turn"), sut.pop_front();
          std::deque<std::string> model;
          for (std::size_t i = 0; i < size; ++i) {
            sut.push_back(std::to_string(i));
            model.push_back(std::to_string(i));
          }
          const auto place = static_cast<std::ptrdiff_t>(at);
          const std::vector<std::string> more{"x", "y", "a text too long for the object itself"};
          const auto end = more.begin() + static_cast<std::ptrdiff_t>(count % 4);
          sut.insert(sut.cbegin() + place, more.begin(), end);
          if (count != 0) model.insert(model.begin() + place, more.begin(), end);
          ASSERT_TRUE(std::ranges::equal(std::as_const(sut), model));
          sut.erase(sut.cbegin() + place, sut.cend() - static_cast<std::ptrdiff_t>(count % 2) *
                                                           (sut.size() > at ? 1 : 0));
          model.erase(model.begin() + place, model.end() - static_cast<std::ptrdiff_t>(count % 2) *
                                                               (model.size() > at ? 1 : 0));
          ASSERT_TRUE(std::ranges::equal(std::as_const(sut), model));
        }
      }
    }
  }
}

TEST_F(DequeTest, only_the_nearer_end_moves) {
  auto& sut = make<Deque<std::uint64_t>>();
  for (std::uint64_t i = 0; i < 8000; ++i) sut.push_back(i);
  commit();
  sut.erase(sut.cbegin() + 10);
  sut.insert(sut.cend() - 10, 5);
  EXPECT_LE(marked_lines(), 10U);
  commit();
  EXPECT_EQ(std::as_const(sut)[9], 9U);
  EXPECT_EQ(std::as_const(sut)[10], 11U);
  EXPECT_EQ(*(std::as_const(sut).end() - 11), 5U);
}

TEST_F(DequeTest, an_own_element_may_be_moved_to_the_other_end_of_a_full_ring) {
  auto& sut = make<Deque<String>>();
  for (int i = 0; i < 10; ++i) {
    sut.push_back("a text that does not fit into the object itself " + std::to_string(i));
    while (sut.size() < sut.capacity()) sut.push_front("filler");
    sut.push_back(std::move(sut.front()));
    sut.front() = "moved from";
    ASSERT_EQ(std::as_const(sut).back().empty(), false);
    verify();
  }
}

TEST_F(DequeTest, moving_within_a_store_takes_the_ring_and_between_two_copies) {
  auto& a = make<Deque<String>>();
  for (int i = 0; i < 20; ++i) a.push_front(std::string(40, 'x'));
  const String* const first = &std::as_const(a).front();
  auto& b = make<Deque<String>>();
  b = std::move(a);
  EXPECT_EQ(&std::as_const(b).front(), first);
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): the test
  swap(a, b);
  EXPECT_EQ(&std::as_const(a).front(), first);
  TestHeap other;
  auto* const there = ::new (other.heap().allocate(sizeof(Deque<String>))) Deque<String>;
  *there = std::move(a);
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): the test
  EXPECT_EQ(there->size(), 20U);
  EXPECT_TRUE(other.context().contains(std::as_const(*there).front().data()));
  there->~Deque();
  other.commit();
}

TEST_F(DequeTest, what_can_only_be_moved_changes_stores_and_places) {
  auto& here = make<Deque<Box<int>>>();
  for (int i = 0; i < 20; ++i) here.push_front(make_box<int>(i));
  here.erase(here.cbegin() + 3);
  here.emplace(here.cbegin() + 5, make_box<int>(77));
  EXPECT_EQ(*std::as_const(here)[5], 77);
  here.shrink_to_fit();
  EXPECT_EQ(*std::as_const(here)[19], 0);
}

TEST_F(DequeTest, at_names_index_and_size) {
  auto& sut = make<Ints>(Ints{1, 2});
  EXPECT_EQ(sut.at(1), 2);
  try {
    (void)std::as_const(sut).at(2);
    ADD_FAILURE() << "no exception";
  } catch (const std::out_of_range& error) {
    EXPECT_NE(std::string(error.what()).find("2 of 2"), std::string::npos);
  }
  EXPECT_THROW(sut.reserve(Ints::max_size() + 1), std::length_error);
  EXPECT_THROW(sut.resize(Ints::max_size() + 1), std::length_error);
  EXPECT_EQ(listed(sut), (std::vector<int>{1, 2}));
}

TEST_F(DequeTest, content_outside_of_a_transaction_is_an_error_of_that_name) {
  ActiveWrite::pop(heap_.context());
  Ints sut;
  try {
    sut.push_front(1);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), errc::no_transaction);
  }
  EXPECT_TRUE(sut.empty());
  ActiveWrite::push(heap_.context());
}

TEST_F(DequeTest, rollback_brings_everything_back) {
  auto& sut = make<Deque<String>>();
  for (int i = 0; i < 50; ++i) sut.push_front("number " + std::to_string(i) + std::string(30, '.'));
  commit();
  sut.erase(sut.cbegin(), sut.cbegin() + 20);
  for (int i = 0; i < 500; ++i) sut.emplace_front(std::string(100, 'x'));
  sut[3] = "changed";
  rollback();
  ASSERT_EQ(sut.size(), 50U);
  EXPECT_TRUE(std::as_const(sut)[3].starts_with("number 46"));
}

TEST_F(DequeTest, insert_changes_nothing_when_the_budget_ends_anywhere) {
  auto& sut = make<Deque<std::uint64_t>>();
  for (std::uint64_t i = 0; i < 5000; ++i) sut.push_back(i), sut.push_front(i);
  sut.reserve(11000);
  const std::vector<std::uint64_t> before = listed(sut);
  const int failures = fail_at_every_page(
      [&] { sut.insert(sut.cbegin() + 5000, std::size_t{600}, std::uint64_t{7}); },
      [&] { return listed(sut) == before; });
  EXPECT_GT(failures, 3);
  EXPECT_EQ(sut.size(), before.size() + 600);
}

TEST_F(DequeTest, growth_changes_nothing_when_the_disk_is_full) {
  auto& sut = make<Deque<String>>();
  while (sut.size() < 100 || sut.size() < sut.capacity()) sut.push_front(std::string(40, 'x'));
  const std::size_t size = sut.size();
  fail_on_a_full_disk([&] { sut.emplace_front("short"); }, [&] { return sut.size() == size; });
  EXPECT_EQ(sut.size(), size + 1);
}

}  // namespace
}  // namespace cairn::test

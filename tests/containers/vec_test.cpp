// SPDX-License-Identifier: BSL-1.0
#include "cairn/vec.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <numeric>
#include <ranges>
#include <sstream>

#include "container_test.hpp"

namespace cairn::test {
namespace {

static_assert(std::random_access_iterator<Vec<int>::iterator>);
static_assert(!std::contiguous_iterator<Vec<int>::iterator>);
static_assert(std::contiguous_iterator<Vec<int>::const_iterator>);
static_assert(std::ranges::contiguous_range<const Vec<int>>);
static_assert(std::sized_sentinel_for<Vec<int>::iterator, Vec<int>::iterator>);

class VecTest : public ContainerTest {};

template <class T>
std::vector<T> listed(const Vec<T>& vec) {
  return {vec.begin(), vec.end()};
}

TEST_F(VecTest, elements_keep_their_values_through_growth_of_any_size) {
  auto& sut = make<Vec<std::uint64_t>>();
  for (std::uint64_t i = 0; i < 100000; ++i) {
    sut.push_back(i * i);
    if (i % 20000 == 0) commit();
  }
  ASSERT_EQ(sut.size(), 100000U);
  for (std::uint64_t i = 0; i < sut.size(); ++i) ASSERT_EQ(std::as_const(sut)[i], i * i);
}

TEST_F(VecTest, all_of_a_block_is_capacity) {
  auto& sut = make<Vec<char>>(std::size_t{33}, 'x');
  EXPECT_EQ(sut.capacity(), FreeListAllocator::usable_bytes(33));
}

TEST_F(VecTest, a_large_one_at_the_end_of_the_heap_grows_where_it_stands) {
  auto& sut = make<Vec<std::uint64_t>>(std::size_t{100000}, 7U);
  const auto* before = std::as_const(sut).data();
  for (int i = 0; i < 500000; ++i) sut.push_back(8);
  EXPECT_EQ(std::as_const(sut).data(), before);
  EXPECT_EQ(std::accumulate(std::as_const(sut).begin(), std::as_const(sut).end(), 0ULL),
            100000ULL * 7 + 500000ULL * 8);
}

TEST_F(VecTest, push_back_of_an_own_element_survives_the_growth_it_causes) {
  auto& sut = make<Vec<String>>();
  sut.push_back("a text that does not fit into the object itself");
  for (int i = 0; i < 100; ++i) sut.push_back(std::as_const(sut)[0]);
  for (const String& text : std::as_const(sut)) {
    ASSERT_EQ(text, "a text that does not fit into the object itself");
  }
}

TEST_F(VecTest, insert_of_an_own_element_inserts_what_it_was) {
  auto& sut = make<Vec<int>>(Vec<int>{1, 2, 3, 4});
  sut.insert(std::as_const(sut).begin(), std::as_const(sut).back());
  sut.insert(std::as_const(sut).begin() + 2, 3, std::as_const(sut)[1]);
  EXPECT_EQ(listed(sut), (std::vector<int>{4, 1, 1, 1, 1, 2, 3, 4}));
}

TEST_F(VecTest, insert_and_erase_in_the_middle_keep_the_order) {
  auto& sut = make<Vec<String>>();
  for (const char* text : {"b", "d"}) sut.emplace_back(text);
  sut.emplace(std::as_const(sut).begin(), "a");
  sut.insert(std::as_const(sut).begin() + 2, String("c"));
  const std::vector<std::string> more{"x", "y", "z"};
  sut.insert(std::as_const(sut).begin() + 1, more.begin(), more.end());
  sut.insert(sut.end(), {String("e"), String("f")});
  commit();
  const auto next = sut.erase(std::as_const(sut).begin() + 1, std::as_const(sut).begin() + 4);
  EXPECT_EQ(*next, "b");
  EXPECT_EQ(*sut.erase(sut.begin()), "b");
  std::string all;
  for (const String& text : std::as_const(sut)) all += text.view();
  EXPECT_EQ(all, "bcdef");
}

TEST_F(VecTest, only_the_element_that_was_handed_out_is_marked) {
  auto& sut = make<Vec<std::uint64_t>>(std::size_t{4096}, 1U);
  commit();
  (void)std::as_const(sut)[100];
  (void)std::as_const(sut).front();
  EXPECT_TRUE(heap_.context().write_set().touched().empty());
  sut[100] = 2;
  *(sut.begin() + 2000) = 3;
  sut.back() = 4;
  std::size_t lines = 0;
  for (const std::uint32_t page : heap_.context().write_set().touched()) {
    lines += static_cast<std::size_t>(std::popcount(heap_.context().write_set().mask(page)));
  }
  EXPECT_EQ(lines, 3U);
  commit();
}

TEST_F(VecTest, sorting_by_marking_iterators_and_by_data_is_declared) {
  auto& sut = make<Vec<std::uint64_t>>();
  for (std::uint64_t i = 0; i < 5000; ++i) sut.push_back(i * 7919 % 5003);
  commit();
  std::sort(sut.begin(), sut.end());
  EXPECT_TRUE(std::is_sorted(std::as_const(sut).begin(), std::as_const(sut).end()));
  commit();
  std::ranges::sort(sut, std::greater<>{});
  commit();
  std::uint64_t* const data = sut.data();
  std::sort(data, data + sut.size());
  commit();
  EXPECT_TRUE(std::ranges::is_sorted(std::as_const(sut)));
}

TEST_F(VecTest, moving_within_a_store_takes_the_block) {
  auto& a = make<Vec<int>>(Vec<int>{1, 2, 3});
  auto& b = make<Vec<int>>(Vec<int>{9});
  const int* data = std::as_const(a).data();
  b = std::move(a);
  EXPECT_EQ(std::as_const(b).data(), data);
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): the test
  Vec<int> temporary(std::move(b));
  EXPECT_EQ(std::as_const(temporary).data(), data);
  a = std::move(temporary);
  EXPECT_EQ(std::as_const(a).data(), data);
  EXPECT_EQ(listed(a), (std::vector<int>{1, 2, 3}));
}

TEST_F(VecTest, moving_between_two_stores_copies) {
  auto& here =
      make<Vec<String>>(Vec<String>{String("a text too long for the object itself"), String("b")});
  TestHeap other;
  auto* there = ::new (other.heap().allocate(sizeof(Vec<String>))) Vec<String>;
  *there = std::move(here);
  EXPECT_TRUE(here.empty());  // NOLINT(bugprone-use-after-move): the test
  ASSERT_EQ(there->size(), 2U);
  EXPECT_EQ(std::as_const(*there)[0], "a text too long for the object itself");
  EXPECT_TRUE(other.context().contains(std::as_const(*there).data()));
  EXPECT_TRUE(other.context().contains(std::as_const(*there)[0].data()));
  swap(here, *there);
  EXPECT_TRUE(heap_.context().contains(std::as_const(here)[0].data()));
  EXPECT_TRUE(there->empty());
  there->~Vec();
  other.commit();
}

TEST_F(VecTest, swap_exchanges_blocks) {
  auto& a = make<Vec<int>>(Vec<int>{1, 2});
  auto& b = make<Vec<int>>();
  swap(a, b);
  EXPECT_TRUE(a.empty());
  EXPECT_EQ(listed(b), (std::vector<int>{1, 2}));
}

TEST_F(VecTest, content_outside_of_a_transaction_is_an_error_of_that_name) {
  ActiveWrite::pop(heap_.context());
  Vec<int> sut;
  try {
    sut.push_back(1);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), errc::no_transaction);
  }
  EXPECT_TRUE(sut.empty());
  ActiveWrite::push(heap_.context());
}

TEST_F(VecTest, a_temporary_of_a_rolled_back_transaction_goes_quietly) {
  commit();
  {
    Vec<String> sut;
    sut.emplace_back("a text that does not fit into the object itself");
    rollback();
    ActiveWrite::pop(heap_.context());
  }
  ActiveWrite::push(heap_.context());
}

TEST_F(VecTest, at_names_index_and_size) {
  auto& sut = make<Vec<int>>(Vec<int>{1, 2});
  EXPECT_EQ(sut.at(1), 2);
  try {
    (void)std::as_const(sut).at(2);
    ADD_FAILURE() << "no exception";
  } catch (const std::out_of_range& error) {
    EXPECT_NE(std::string(error.what()).find("2 of 2"), std::string::npos);
  }
}

TEST_F(VecTest, resize_reserve_and_shrink_follow_the_standard) {
  auto& sut = make<Vec<int>>();
  sut.resize(5);
  EXPECT_EQ(listed(sut), std::vector<int>(5, 0));
  sut.resize(7, 9);
  EXPECT_EQ(sut.back(), 9);
  sut.resize(2);
  sut.reserve(1000);
  EXPECT_GE(sut.capacity(), 1000U);
  commit();
  sut.shrink_to_fit();
  EXPECT_EQ(sut.capacity(), FreeListAllocator::usable_bytes(8) / sizeof(int));
  sut.pop_back();
  sut.clear();
  sut.shrink_to_fit();
  EXPECT_EQ(sut.capacity(), 0U);
  EXPECT_THROW(sut.reserve(sut.max_size() + 1), std::length_error);
  EXPECT_THROW(sut.resize(sut.max_size() + 1), std::length_error);
}

TEST_F(VecTest, assign_copy_and_compare_follow_the_standard) {
  auto& sut = make<Vec<int>>();
  sut.assign(3, 5);
  const std::vector<int> values{1, 2, 3, 4};
  const Vec<int> copy(sut);
  sut.assign(values.begin(), values.end());
  EXPECT_LT(sut, copy);
  std::istringstream words("7 8 9");
  sut.assign(std::istream_iterator<int>(words), std::istream_iterator<int>());
  EXPECT_EQ(sut, (Vec<int>{7, 8, 9}));
  EXPECT_EQ(erase_if(sut, [](int v) { return v == 8; }), 1U);
  EXPECT_EQ(erase(sut, 9), 1U);
  EXPECT_EQ(listed(sut), std::vector<int>{7});
  EXPECT_EQ(*sut.rbegin(), 7);
}

TEST_F(VecTest, rollback_brings_everything_back) {
  auto& sut = make<Vec<String>>();
  for (int i = 0; i < 50; ++i)
    sut.emplace_back("number " + std::to_string(i) + std::string(30, '.'));
  commit();
  sut.erase(std::as_const(sut).begin(), std::as_const(sut).begin() + 20);
  for (int i = 0; i < 500; ++i) sut.emplace_back(std::string(100, 'x'));
  sut[3] = "changed";
  rollback();
  ASSERT_EQ(sut.size(), 50U);
  EXPECT_TRUE(std::as_const(sut)[3].starts_with("number 3"));
}

struct alignas(64) Line {
  std::uint64_t value = 0;
};
BOOST_DESCRIBE_STRUCT(Line, (), (value))

TEST_F(VecTest, over_aligned_elements_stand_where_they_must) {
  make<Vec<char>>(std::size_t{16}, 'x');
  auto& sut = make<Vec<Line>>();
  for (std::uint64_t i = 0; i < 300; ++i) {
    sut.push_back({i});
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(std::as_const(sut).data()) % 64, 0U);
  }
  EXPECT_EQ(std::as_const(sut)[299].value, 299U);
}

template <class T>
class VecFailureTest : public ContainerTest {};
using FailingTypes = ::testing::Types<Fussy, Loud>;
TYPED_TEST_SUITE(VecFailureTest, FailingTypes);

TYPED_TEST(VecFailureTest, push_back_changes_nothing_when_any_copy_throws) {
  auto& sut = this->template make<Vec<TypeParam>>();
  const TypeParam value(5);
  int failures = 0;
  for (int i = 0; i < 40; ++i) {
    const Vec<TypeParam> before(sut);
    for (int fuse = 0;; ++fuse) {
      Fuse::left = fuse;
      try {
        sut.push_back(value);
        Fuse::left = -1;
        break;
      } catch (const std::runtime_error&) {
        ++failures;
        ASSERT_EQ(sut, before);
      }
    }
    ASSERT_EQ(sut.size(), before.size() + 1);
  }
  EXPECT_GE(failures, 40);
  this->commit();
}

TYPED_TEST(VecFailureTest, append_and_assign_change_nothing_when_any_copy_throws) {
  auto& sut = this->template make<Vec<TypeParam>>();
  for (int i = 0; i < 5; ++i) sut.emplace_back(i);
  const Vec<TypeParam> before(sut);
  const std::vector<TypeParam> more(20, TypeParam(7));
  int failures = 0;
  for (const bool assigns : {false, true}) {
    for (int fuse = 0; fuse < 20; ++fuse) {
      Fuse::left = fuse;
      EXPECT_THROW(assigns ? sut.assign(more.begin(), more.end())
                           : sut.append(more.begin(), more.end()),
                   std::runtime_error);
      ++failures;
      ASSERT_EQ(sut, before);
      this->commit();
    }
  }
  EXPECT_EQ(failures, 40);
}

TEST_F(VecTest, push_back_changes_nothing_when_the_budget_ends_anywhere) {
  auto& sut = make<Vec<String>>();
  for (int i = 0; i < 300; ++i)
    sut.emplace_back("number " + std::to_string(i) + std::string(30, '.'));
  sut.shrink_to_fit();
  while (sut.size() < sut.capacity()) sut.emplace_back("filler");
  const std::size_t size = sut.size();
  const int failures = fail_at_every_page([&] { sut.emplace_back(std::string(5000, 'y')); },
                                          [&] { return sut.size() == size; });
  EXPECT_GT(failures, 0);
  EXPECT_EQ(sut.size(), size + 1);
}

TEST_F(VecTest, push_back_changes_nothing_when_the_disk_is_full) {
  auto& sut = make<Vec<String>>();
  while (sut.size() < 100 || sut.size() < sut.capacity()) sut.emplace_back(std::string(40, 'x'));
  const std::size_t size = sut.size();
  fail_on_a_full_disk([&] { sut.emplace_back("short"); }, [&] { return sut.size() == size; });
  EXPECT_EQ(sut.size(), size + 1);
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#include "cairn/hash_set.hpp"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <set>

#include "cairn/box.hpp"
#include "cairn/hash_map.hpp"
#include "cairn/vec.hpp"
#include "container_test.hpp"

namespace cairn::test {
namespace {

using Numbers = HashSet<std::uint64_t>;
static_assert(std::forward_iterator<Numbers::iterator>);
static_assert(std::ranges::forward_range<Numbers> && std::ranges::sized_range<const Numbers>);
static_assert(std::is_same_v<Numbers::iterator, Numbers::const_iterator>);
static_assert(std::is_same_v<decltype(*std::declval<Numbers&>().begin()), const std::uint64_t&>,
              "an element that could be written would not be found again");

struct OtherHash {
  static constexpr std::string_view hash_name = "test.other";
  std::uint64_t operator()(std::uint64_t n) const noexcept { return hash_number(n + 1); }
};

class HashSetTest : public ContainerTest {
 protected:
  std::size_t marked_lines() {
    std::size_t lines = 0;
    for (const std::uint32_t page : heap_.context().write_set().touched()) {
      lines += static_cast<std::size_t>(std::popcount(heap_.context().write_set().mask(page)));
    }
    return lines;
  }
};

TEST_F(HashSetTest, holds_what_was_put_and_nothing_else) {
  auto& sut = make<Numbers>();
  for (std::uint64_t i = 0; i < 50000; ++i) {
    ASSERT_TRUE(sut.insert(i * 977).second);
    if (i % 10000 == 5000) commit();
  }
  EXPECT_EQ(sut.size(), 50000U);
  EXPECT_FALSE(sut.insert(977).second);
  for (std::uint64_t i = 0; i < 50000; ++i) {
    ASSERT_TRUE(sut.contains(i * 977));
    ASSERT_FALSE(sut.contains(i * 977 + 1));
  }
}

TEST_F(HashSetTest, reading_marks_nothing_and_an_insert_a_handful_of_lines) {
  auto& sut = make<Numbers>();
  for (std::uint64_t i = 0; i < 20000; ++i) sut.insert(i);
  commit();
  std::uint64_t sum = 0;
  for (const std::uint64_t element : sut) sum += element;
  (void)sut.find(5);
  EXPECT_EQ(sum, 20000ULL * 19999 / 2);
  EXPECT_EQ(marked_lines(), 0U);
  std::size_t lines = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    commit();
    sut.insert(1000000 + i);
    lines += marked_lines();
  }
  EXPECT_LE(lines, 350U);
}

TEST_F(HashSetTest, an_equal_text_is_found_without_making_a_string) {
  auto& sut = make<HashSet<String>>();
  const std::string longer(100, 'l');
  EXPECT_TRUE(sut.insert(longer).second);
  EXPECT_TRUE(sut.emplace("ada").second);
  EXPECT_TRUE(sut.insert(std::string_view("grace")).second);
  commit();
  EXPECT_FALSE(sut.insert(longer).second);
  EXPECT_FALSE(sut.emplace(std::string_view("ada")).second);
  EXPECT_TRUE(sut.contains("grace"));
  EXPECT_EQ(sut.count(std::string_view("nobody")), 0U);
  EXPECT_EQ(marked_lines(), 0U) << "a String was made in the store";
  EXPECT_EQ(sut.erase("ada"), 1U);
}

TEST_F(HashSetTest, merge_moves_what_is_new_and_leaves_the_rest) {
  auto& a = make<HashSet<String>>();
  auto& b = make<HashSet<String>>();
  for (int i = 0; i < 100; ++i)
    a.insert("a text too long for the object itself " + std::to_string(i));
  for (int i = 50; i < 200; ++i)
    b.insert("a text too long for the object itself " + std::to_string(i));
  const char* const moved = b.find("a text too long for the object itself 150")->data();
  a.merge(b);
  EXPECT_EQ(a.size(), 200U);
  EXPECT_EQ(b.size(), 50U);
  EXPECT_EQ(a.find("a text too long for the object itself 150")->data(), moved);
  verify();
  commit();
}

TEST_F(HashSetTest, merge_from_another_store_copies) {
  auto& here = make<HashSet<String>>();
  here.insert("here");
  TestHeap other;
  auto* const there = ::new (other.heap().allocate(24)) HashSet<String>;
  there->insert(std::string(100, 't'));
  here.merge(*there);
  EXPECT_TRUE(there->empty());
  EXPECT_TRUE(heap_.context().contains(here.find(std::string(100, 't'))->data()));
  there->~HashSet();
  other.commit();
  commit();
}

TEST_F(HashSetTest, merge_between_different_hash_functions_works) {
  auto& a = make<Numbers>();
  auto& b = make<HashSet<std::uint64_t, OtherHash>>();
  for (std::uint64_t i = 0; i < 300; ++i) b.insert(i);
  a.insert(7);
  a.merge(std::move(b));
  EXPECT_EQ(a.size(), 300U);
  EXPECT_EQ(b.size(), 1U);  // NOLINT(bugprone-use-after-move): the test
}

TEST_F(HashSetTest, composed_elements_are_found) {
  auto& sut = make<HashSet<std::pair<std::int16_t, String>>>();
  for (std::int16_t i = -100; i < 100; ++i) sut.emplace(i, "x");
  EXPECT_EQ(sut.size(), 200U);
  EXPECT_TRUE(sut.contains({std::int16_t{-100}, String("x")}));
  EXPECT_FALSE(sut.contains({std::int16_t{-100}, String("y")}));
}

TEST_F(HashSetTest, sets_are_equal_whatever_their_order) {
  auto& a = make<Numbers>(Numbers{1, 2, 3});
  auto& b = make<Numbers>(Numbers{3, 2, 1});
  b.reserve(1000);
  EXPECT_EQ(a, b);
  b.insert(4);
  EXPECT_FALSE(a == b);
  EXPECT_EQ(erase_if(b, [](std::uint64_t n) { return n > 3; }), 1U);
  EXPECT_EQ(a, b);
}

TEST_F(HashSetTest, rollback_brings_everything_back) {
  auto& sut = make<HashSet<String>>();
  for (int i = 0; i < 300; ++i) sut.insert(std::to_string(i) + std::string(50, 'a'));
  commit();
  for (int i = 0; i < 300; i += 2) sut.erase(std::to_string(i) + std::string(50, 'a'));
  for (int i = 0; i < 2000; ++i) sut.insert(std::to_string(i) + std::string(60, 'b'));
  rollback();
  EXPECT_EQ(sut.size(), 300U);
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(sut.contains(std::to_string(i) + std::string(50, 'a')));
}

TEST_F(HashSetTest, an_insert_changes_nothing_when_the_budget_ends_anywhere) {
  auto& sut = make<HashSet<String>>();
  int next = 0;
  while (sut.size() < 200 || sut.size() < sut.capacity()) {
    sut.insert("a text that does not fit into the object itself " + std::to_string(next++));
  }
  const std::size_t size = sut.size();
  const int failures = fail_at_every_page([&] { sut.insert(std::string(9000, 'z')); },
                                          [&] { return sut.size() == size; });
  EXPECT_GT(failures, 0);
  EXPECT_EQ(sut.size(), size + 1);
}

TEST_F(HashSetTest, an_insert_changes_nothing_when_the_disk_is_full) {
  auto& sut = make<Numbers>();
  while (sut.size() < 1000 || sut.size() < sut.capacity()) sut.insert(sut.size());
  const std::size_t size = sut.size();
  fail_on_a_full_disk([&] { sut.insert(size); }, [&] { return sut.size() == size; });
  EXPECT_EQ(sut.size(), size + 1);
}

}  // namespace
}  // namespace cairn::test

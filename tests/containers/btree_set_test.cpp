// SPDX-License-Identifier: BSL-1.0
#include "cairn/btree_set.hpp"

#include <algorithm>
#include <random>
#include <set>
#include <string>

#include "cairn/box.hpp"
#include "cairn/btree_map.hpp"
#include "cairn/string.hpp"
#include "container_test.hpp"

namespace cairn::test {
namespace {

using Numbers = BTreeSet<std::uint32_t>;
static_assert(std::bidirectional_iterator<Numbers::iterator>);
static_assert(std::is_same_v<Numbers::iterator, Numbers::const_iterator>);
static_assert(std::is_same_v<decltype(*std::declval<Numbers::iterator>()), const std::uint32_t&>);
static_assert(std::ranges::common_range<Numbers> && std::ranges::sized_range<Numbers>);

struct ByTarget {
  static constexpr std::string_view order_name = "test.by_target";
  bool operator()(const Box<int>& a, const Box<int>& b) const { return *a < *b; }
};

class BTreeSetTest : public ContainerTest {};

TEST_F(BTreeSetTest, holds_each_element_once_and_in_order) {
  auto& sut = make<Numbers>();
  std::set<std::uint32_t> model;
  std::mt19937 random(5);
  for (int i = 0; i < 30000; ++i) {
    const auto value = static_cast<std::uint32_t>(random() % 20000);
    ASSERT_EQ(sut.insert(value).second, model.insert(value).second);
  }
  EXPECT_TRUE(std::ranges::equal(sut, model));
  EXPECT_TRUE(std::equal(sut.rbegin(), sut.rend(), model.rbegin(), model.rend()));
}

TEST_F(BTreeSetTest, elements_of_every_size_make_sound_trees) {
  auto& bytes = make<BTreeSet<std::uint8_t>>();
  auto& signed_bytes = make<BTreeSet<char>>();
  auto& words = make<BTreeSet<std::int16_t>>();
  auto& doubles = make<BTreeSet<double>>();
  auto& arrays = make<BTreeSet<std::array<std::uint64_t, 20>>>();
  for (int i = 0; i < 256; ++i) {
    bytes.insert(static_cast<std::uint8_t>(i * 77));
    signed_bytes.insert(static_cast<char>(i * 77));
  }
  for (int i = 0; i < 5000; ++i) {
    words.insert(static_cast<std::int16_t>(i * 7919));
    doubles.insert(i * 0.37 - 900);
    arrays.insert({static_cast<std::uint64_t>(i * 7919 % 5003)});
  }
  EXPECT_EQ(bytes.size(), 256U);
  EXPECT_EQ(*signed_bytes.begin(), static_cast<char>(-128));
  EXPECT_EQ(words.size(), 5000U);
  EXPECT_EQ(doubles.size(), 5000U);
  EXPECT_EQ(arrays.size(), 5000U);
  verify();
  EXPECT_EQ(erase_if(arrays, [](const auto& array) { return array[0] % 2 == 0; }), 2500U);
  EXPECT_EQ(erase_if(words, [](std::int16_t word) { return word % 3 != 0; }) + words.size(), 5000U);
}

TEST_F(BTreeSetTest, texts_are_found_and_inserted_without_making_a_string) {
  auto& sut = make<BTreeSet<String>>();
  EXPECT_TRUE(sut.insert("ada").second);
  EXPECT_TRUE(sut.emplace(std::string_view("grace")).second);
  EXPECT_FALSE(sut.insert(std::string("ada")).second);
  EXPECT_TRUE(sut.emplace(std::size_t{40}, 'x').second);
  EXPECT_TRUE(sut.contains("grace"));
  EXPECT_EQ(*sut.lower_bound("b"), "grace");
  EXPECT_EQ(sut.erase("grace"), 1U);
  sut.insert({"b", "a", "c"});
  EXPECT_EQ(*sut.begin(), "a");
  sut.emplace_hint(sut.end(), "z");
  EXPECT_EQ(*sut.rbegin(), "z");
}

TEST_F(BTreeSetTest, compares_swaps_and_assigns_as_the_standards) {
  auto& a = make<BTreeSet<int>>(std::initializer_list<int>{1, 2, 3});
  auto& b = make<BTreeSet<int>>(std::initializer_list<int>{1, 2, 4});
  EXPECT_TRUE(a < b);
  EXPECT_TRUE(a != b);
  swap(a, b);
  EXPECT_TRUE(a > b);
  a = b;
  EXPECT_EQ(a, b);
  a = {9, 8, 9};
  EXPECT_EQ(a.size(), 2U);
  EXPECT_TRUE(std::ranges::includes(b, std::array{1, 3}));
}

TEST_F(BTreeSetTest, sets_of_sets_relocate_quietly) {
  auto& sut = make<BTreeSet<BTreeSet<std::uint16_t>>>();
  for (std::uint16_t i = 0; i < 400; ++i) {
    BTreeSet<std::uint16_t> inner;
    for (std::uint16_t j = 0; j < i % 40; ++j) inner.insert(static_cast<std::uint16_t>(i * j));
    sut.insert(std::move(inner));
    if (i % 50 == 0) verify();
  }
  commit();
  while (!sut.empty()) {
    sut.erase(sut.begin());
    if (sut.size() % 50 == 0) verify();
  }
}

TEST_F(BTreeSetTest, elements_that_cannot_be_copied_can_be_moved_in) {
  auto& sut = make<BTreeSet<Box<int>, ByTarget>>();
  for (int i = 0; i < 300; ++i) sut.insert(make_box<int>(i * 7 % 300));
  EXPECT_EQ(sut.size(), 300U);
  EXPECT_EQ(**sut.begin(), 0);
  EXPECT_EQ(describe_type<std::remove_reference_t<decltype(sut)>>(),
            "BTreeSet<Box<i32>,test.by_target>");
}

TEST_F(BTreeSetTest, merge_moves_what_is_new_and_leaves_the_rest) {
  auto& sut = make<BTreeMap<std::uint32_t, String>>();
  auto& source = make<BTreeMap<std::uint32_t, String, std::greater<>>>();
  for (std::uint32_t i = 0; i < 1000; ++i) {
    if (i % 3 == 0) sut.try_emplace(i, "here");
    source.try_emplace(i, "a text that stands in a block, of number " + std::to_string(i));
  }
  commit();
  const char* const place = std::as_const(source).at(500).data();
  sut.merge(source);
  EXPECT_EQ(sut.size(), 1000U);
  EXPECT_EQ(source.size(), 334U);
  EXPECT_EQ(std::as_const(sut).at(500).data(), place);
  EXPECT_EQ(std::as_const(sut).at(3), "here");
  EXPECT_TRUE(std::as_const(source).at(3).ends_with("number 3"));
  verify();
  commit();
  sut.merge(sut);
  EXPECT_EQ(sut.size(), 1000U);
}

TEST_F(BTreeSetTest, merge_from_another_store_copies) {
  auto& sut = make<BTreeSet<String>>(std::initializer_list<String>{"a", "b"});
  commit();
  TestHeap other;
  auto* const source = ::new (other.heap().allocate(40)) BTreeSet<String>;
  const std::string text = "a text that does not fit into the object itself";
  source->insert({"b", "c", text});
  sut.merge(std::move(*source));
  EXPECT_EQ(source->size(), 1U);  // NOLINT(bugprone-use-after-move): what merge leaves is said
  ASSERT_EQ(sut.size(), 4U);
  EXPECT_TRUE(heap_.context().contains(sut.find(text)->data()));
  source->~BTreeSet();
  other.commit();
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#include "cairn/hash_map.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <unordered_map>

#include "cairn/box.hpp"
#include "cairn/string.hpp"
#include "cairn/vec.hpp"
#include "container_test.hpp"

namespace cairn::test {
namespace {

using Numbers = HashMap<std::uint64_t, std::uint64_t>;
static_assert(std::forward_iterator<Numbers::iterator>);
static_assert(std::forward_iterator<Numbers::const_iterator>);
static_assert(std::ranges::forward_range<const Numbers>);
static_assert(std::is_convertible_v<Numbers::iterator, Numbers::const_iterator>);
static_assert(!std::is_convertible_v<Numbers::const_iterator, Numbers::iterator>);

class HashMapTest : public ContainerTest {
 protected:
  std::size_t marked_lines() {
    std::size_t lines = 0;
    for (const std::uint32_t page : heap_.context().write_set().touched()) {
      lines += static_cast<std::size_t>(std::popcount(heap_.context().write_set().mask(page)));
    }
    return lines;
  }
};

/// Few different hashes, so that chunks overflow and probe sequences cross.
struct PoorHash {
  static constexpr std::string_view hash_name = "test.poor";
  std::uint64_t operator()(std::uint64_t key) const noexcept { return hash_number(key % 3); }
};

/// A hash that may throw.
struct FusedHash {
  static constexpr std::string_view hash_name = "test.fused";
  std::uint64_t operator()(const Fussy& key) const {
    Fuse::burn();
    return hash_number(static_cast<std::uint64_t>(key.value));
  }
};

TEST_F(HashMapTest, holds_what_was_put_and_nothing_else) {
  auto& sut = make<Numbers>();
  for (std::uint64_t i = 0; i < 50000; ++i) {
    ASSERT_TRUE(sut.try_emplace(i * 977, i).second);
    if (i % 10000 == 5000) commit();
  }
  EXPECT_EQ(sut.size(), 50000U);
  EXPECT_FALSE(sut.try_emplace(977, 4).second);
  for (std::uint64_t i = 0; i < 50000; ++i) {
    ASSERT_EQ(std::as_const(sut).at(i * 977), i);
    ASSERT_EQ(std::as_const(sut).count(i * 977 + 1), 0U);
  }
}

TEST_F(HashMapTest, grows_from_a_part_of_a_chunk) {
  auto& sut = make<Numbers>();
  EXPECT_EQ(sut.capacity(), 0U);
  std::set<std::size_t> capacities;
  for (std::uint64_t i = 0; i < 60; ++i) {
    sut[i] = i;
    capacities.insert(sut.capacity());
    verify();
  }
  EXPECT_EQ(capacities, (std::set<std::size_t>{2, 6, 15, 26, 52, 104}));
}

TEST_F(HashMapTest, agrees_with_a_std_map_through_random_changes) {
  auto& sut = make<Numbers>();
  auto& poor = make<HashMap<std::uint64_t, std::uint64_t, PoorHash>>();
  std::unordered_map<std::uint64_t, std::uint64_t> model;
  std::mt19937_64 random(11);
  for (std::uint64_t step = 0; step < 40000; ++step) {
    const std::uint64_t key = random() % 600;
    switch (random() % 4) {
      case 0:
        ASSERT_EQ(sut.erase(key), model.erase(key));
        poor.erase(key);
        break;
      case 1:
        sut.insert_or_assign(key, step);
        poor.insert_or_assign(key, step);
        model.insert_or_assign(key, step);
        break;
      case 2:
        ASSERT_EQ(sut.try_emplace(key, 1U).second, poor.try_emplace(key, 1U).second);
        model.try_emplace(key, 1U);
        break;
      default:
        ASSERT_EQ(std::as_const(sut).contains(key), model.contains(key));
        ASSERT_EQ(std::as_const(poor).contains(key), model.contains(key));
    }
    if (step % 5000 == 0) {
      commit();
      verify();
    }
  }
  ASSERT_EQ(sut.size(), model.size());
  ASSERT_EQ(poor.size(), model.size());
  for (const auto& [key, value] : std::as_const(sut)) ASSERT_EQ(model.at(key), value);
  for (const auto& [key, value] : std::as_const(poor)) ASSERT_EQ(model.at(key), value);
}

TEST_F(HashMapTest, overflow_counts_return_to_zero_when_the_elements_leave) {
  auto& sut = make<HashMap<std::uint64_t, std::uint64_t, PoorHash>>();
  sut.reserve(200);
  for (int round = 0; round < 50; ++round) {
    for (std::uint64_t i = 0; i < 100; ++i) sut[i] = i;
    for (std::uint64_t i = 0; i < 100; ++i) sut.erase((i * 37) % 100);
  }
  EXPECT_TRUE(sut.empty());
  const auto* const map = reinterpret_cast<const HashMapFormat*>(&sut);
  const auto* chunk = target_at<const std::byte>(map, map->distance);
  for (std::size_t i = 0; i < std::size_t{1} << map->chunk_bits; ++i, chunk += 256) {
    const auto* const head = reinterpret_cast<const HashChunkFormat*>(chunk);
    EXPECT_EQ(head->overflow, 0);
    for (const std::uint8_t tag : head->tags) EXPECT_EQ(tag, 0);
  }
}

TEST_F(HashMapTest, strings_are_found_by_any_kind_of_text) {
  auto& sut = make<HashMap<String, int>>();
  sut["ada"] = 1;
  sut.try_emplace(std::string_view("grace"), 2);
  sut.insert_or_assign(std::string("a name that is too long to stand in the object itself"), 3);
  sut.emplace("barbara", 4);
  commit();
  const auto& read = std::as_const(sut);
  EXPECT_EQ(read.at("ada"), 1);
  EXPECT_EQ(read.find(std::string_view("grace"))->second, 2);
  EXPECT_TRUE(read.contains("a name that is too long to stand in the object itself"));
  EXPECT_EQ(read.count(String("barbara")), 1U);
  EXPECT_EQ(sut.erase("ada"), 1U);
  EXPECT_EQ(read.find("ada"), read.end());
  EXPECT_TRUE(heap_.context().write_set().touched().size() < 4);
}

TEST_F(HashMapTest, a_missing_key_is_the_standards_exception) {
  auto& sut = make<Numbers>();
  EXPECT_THROW((void)sut.at(1), std::out_of_range);
  EXPECT_THROW((void)std::as_const(sut).at(1), std::out_of_range);
  EXPECT_EQ(sut.find(1), sut.end());
}

TEST_F(HashMapTest, an_insert_marks_at_most_a_handful_of_lines) {
  auto& sut = make<Numbers>();
  for (std::uint64_t i = 0; i < 20000; ++i) sut[i] = i;
  std::size_t lines = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    commit();
    sut.try_emplace(1000000 + i, i);
    lines += marked_lines();
  }
  EXPECT_LE(lines, 400U);
}

TEST_F(HashMapTest, only_values_that_were_handed_out_are_marked) {
  auto& sut = make<Numbers>();
  for (std::uint64_t i = 0; i < 1000; ++i) sut[i] = i;
  commit();
  std::uint64_t sum = 0;
  for (const auto& [key, value] : std::as_const(sut)) sum += value;
  (void)sut.find(5);
  (void)sut.contains(6);
  EXPECT_EQ(sum, 499500U);
  EXPECT_EQ(marked_lines(), 0U);
  sut.find(5)->second = 50;
  sut.at(6) = 60;
  EXPECT_LE(marked_lines(), 2U);
  commit();
  for (auto& [key, value] : sut) value = key + 1;
  commit();
  EXPECT_EQ(std::as_const(sut).at(5), 6U);
}

TEST_F(HashMapTest, erasing_while_iterating_visits_each_element_once) {
  auto& sut = make<Numbers>();
  for (std::uint64_t i = 0; i < 3000; ++i) sut[i] = i;
  std::set<std::uint64_t> seen;
  for (auto at = sut.begin(); at != sut.end();) {
    ASSERT_TRUE(seen.insert(at->first).second);
    at = at->first % 3 == 0 ? sut.erase(at) : std::next(at);
  }
  EXPECT_EQ(seen.size(), 3000U);
  EXPECT_EQ(sut.size(), 2000U);
  EXPECT_EQ(erase_if(sut, [](const auto& element) { return element.first % 3 == 1; }), 1000U);
  sut.erase(sut.begin(), sut.end());
  EXPECT_TRUE(sut.empty());
}

TEST_F(HashMapTest, an_argument_from_the_map_survives_the_growth_it_causes) {
  auto& sut = make<HashMap<std::uint64_t, String>>();
  sut[0] = "a text that does not fit into the object itself";
  for (std::uint64_t i = 1; i < 500; ++i) sut.try_emplace(i, std::as_const(sut).at(0));
  for (const auto& [key, text] : std::as_const(sut)) {
    ASSERT_EQ(text, "a text that does not fit into the object itself");
  }
  for (std::uint64_t i = 500; i < 1000; ++i) sut.try_emplace(i, std::move(sut.at(i - 500)));
  EXPECT_EQ(std::as_const(sut).at(999), "a text that does not fit into the object itself");
}

TEST_F(HashMapTest, copies_are_equal_and_independent) {
  auto& a = make<HashMap<String, Vec<int>>>();
  for (int i = 0; i < 300; ++i) a[std::to_string(i)].push_back(i);
  auto& b = make<HashMap<String, Vec<int>>>(a);
  EXPECT_EQ(a, b);
  b["7"].push_back(1);
  EXPECT_FALSE(a == b);
  b = a;
  EXPECT_EQ(a, b);
  b.erase("7");
  EXPECT_FALSE(a == b);
  b = std::move(a);
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): the test
  EXPECT_EQ(b.size(), 300U);
  swap(a, b);
  EXPECT_EQ(a.size(), 300U);
  b = {{"x", Vec<int>{1}}};
  EXPECT_EQ(b.size(), 1U);
}

TEST_F(HashMapTest, moving_between_two_stores_copies) {
  auto& here = make<HashMap<String, Box<int>>>();
  for (int i = 0; i < 40; ++i) here.try_emplace(std::to_string(i), make_box<int>(i));
  TestHeap other;
  auto* there = ::new (other.heap().allocate(24)) HashMap<String, Box<int>>;
  *there = std::move(here);
  EXPECT_TRUE(here.empty());  // NOLINT(bugprone-use-after-move): the test
  ASSERT_EQ(there->size(), 40U);
  for (const auto& [key, value] : std::as_const(*there)) {
    ASSERT_TRUE(other.context().contains(&*value));
    ASSERT_EQ(key, std::to_string(*value));
  }
  *there = HashMap<String, Box<int>>();
  other.commit();
}

TEST_F(HashMapTest, reserve_prevents_growth_and_shrink_undoes_it) {
  auto& sut = make<Numbers>();
  sut.reserve(1000);
  const std::size_t capacity = sut.capacity();
  EXPECT_GE(capacity, 1000U);
  for (std::uint64_t i = 0; i < 1000; ++i) sut[i] = i;
  EXPECT_EQ(sut.capacity(), capacity);
  commit();
  for (std::uint64_t i = 10; i < 1000; ++i) sut.erase(i);
  sut.shrink_to_fit();
  EXPECT_EQ(sut.capacity(), 15U);
  EXPECT_EQ(std::as_const(sut).at(9), 9U);
  sut.clear();
  EXPECT_EQ(sut.capacity(), 0U);
  EXPECT_EQ(sut.begin(), sut.end());
}

struct Pair {
  char kind = 0;
  std::int32_t number = 0;
  bool operator==(const Pair&) const = default;
};
BOOST_DESCRIBE_STRUCT(Pair, (), (kind, number))

enum class Color : std::int8_t { red = -1, green, blue };

TEST_F(HashMapTest, composed_keys_and_enums_are_found) {
  auto& sut = make<HashMap<Pair, Color>>();
  auto& colors = make<HashMap<Color, double>>();
  auto& pairs = make<HashMap<std::pair<std::int16_t, String>, bool>>();
  for (std::int32_t i = -200; i < 200; ++i) {
    sut[{static_cast<char>(i), i}] = i % 2 == 0 ? Color::red : Color::blue;
    pairs[{static_cast<std::int16_t>(i), String("x")}] = true;
  }
  colors[Color::red] = 1.5;
  const Pair key{static_cast<char>(-7), -7};
  EXPECT_EQ(std::as_const(sut).at(key), Color::blue);
  EXPECT_EQ(std::as_const(colors).at(Color::red), 1.5);
  EXPECT_EQ(pairs.size(), 400U);
}

template <class T>
class HashMapFailureTest : public ContainerTest {};
using FailingTypes = ::testing::Types<Fussy, Loud>;
TYPED_TEST_SUITE(HashMapFailureTest, FailingTypes);

TYPED_TEST(HashMapFailureTest, an_insert_changes_nothing_when_hash_or_copy_throws) {
  using Map = HashMap<TypeParam, TypeParam, FusedHash>;
  auto& sut = this->template make<Map>();
  int failures = 0;
  for (int i = 0; i < 60; ++i) {
    const Map before(sut);
    const TypeParam key(i);
    for (int fuse = 0;; ++fuse) {
      Fuse::left = fuse;
      try {
        sut.try_emplace(key, key);
        Fuse::left = -1;
        break;
      } catch (const std::runtime_error&) {
        ++failures;
        ASSERT_EQ(sut, before);
      }
    }
    ASSERT_EQ(sut.size(), before.size() + 1);
  }
  EXPECT_GE(failures, 60 * 3);
  this->verify();
  this->commit();
}

TYPED_TEST(HashMapFailureTest, a_copy_of_the_map_that_throws_leaves_nothing_behind) {
  using Map = HashMap<int, TypeParam>;
  auto& sut = this->template make<Map>();
  for (int i = 0; i < 20; ++i) sut.try_emplace(i, i);
  for (int fuse = 0; fuse < 20; ++fuse) {
    Fuse::left = fuse;
    EXPECT_THROW(Map copy(sut), std::runtime_error);
    this->verify();
  }
}

TEST_F(HashMapTest, an_insert_changes_nothing_when_the_budget_ends_anywhere) {
  auto& sut = make<HashMap<std::uint64_t, String>>();
  std::uint64_t next = 0;
  while (sut.size() < 200 || sut.size() < sut.capacity()) {
    sut[next++] = "a text that does not fit into the object itself";
  }
  const std::size_t size = sut.size();
  const int failures = fail_at_every_page(
      [&] { sut[next] = std::string(9000, 'z'); },
      [&] { return sut.size() == size || (sut.size() == size + 1 && sut[next].empty()); });
  EXPECT_GT(failures, 0);
  EXPECT_EQ(sut.size(), size + 1);
}

TEST_F(HashMapTest, an_insert_changes_nothing_when_the_disk_is_full) {
  auto& sut = make<Numbers>();
  while (sut.size() < 1000 || sut.size() < sut.capacity()) sut[sut.size()] = 1;
  const std::size_t size = sut.size();
  fail_on_a_full_disk([&] { sut[size] = 2; }, [&] { return sut.size() == size; });
  EXPECT_EQ(sut.size(), size + 1);
}

TEST_F(HashMapTest, rollback_brings_everything_back) {
  auto& sut = make<HashMap<String, String>>();
  for (int i = 0; i < 300; ++i) sut[std::to_string(i)] = std::string(50, 'a');
  commit();
  for (int i = 0; i < 300; i += 2) sut.erase(std::to_string(i));
  for (int i = 1000; i < 3000; ++i) sut[std::to_string(i)] = std::string(60, 'b');
  rollback();
  EXPECT_EQ(sut.size(), 300U);
  for (int i = 0; i < 300; ++i)
    ASSERT_EQ(std::as_const(sut).at(std::to_string(i)), std::string(50, 'a'));
}

}  // namespace
}  // namespace cairn::test

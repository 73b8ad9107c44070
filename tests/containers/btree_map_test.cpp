// SPDX-License-Identifier: BSL-1.0
#include "cairn/btree_map.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "cairn/box.hpp"
#include "cairn/btree_set.hpp"
#include "cairn/string.hpp"
#include "cairn/vec.hpp"
#include "container_test.hpp"

namespace cairn::test {
namespace {

using Numbers = BTreeMap<std::uint64_t, std::uint64_t>;
static_assert(std::bidirectional_iterator<Numbers::iterator>);
static_assert(std::bidirectional_iterator<Numbers::const_iterator>);
static_assert(std::ranges::bidirectional_range<const Numbers>);
static_assert(std::ranges::common_range<Numbers> && std::ranges::sized_range<Numbers>);
static_assert(std::is_convertible_v<Numbers::iterator, Numbers::const_iterator>);
static_assert(!std::is_convertible_v<Numbers::const_iterator, Numbers::iterator>);
static_assert(std::is_trivially_copyable_v<Numbers::iterator>);
static_assert(sizeof(Numbers) == 40);

class BTreeMapTest : public ContainerTest {
 protected:
  std::size_t marked_lines() {
    std::size_t lines = 0;
    for (const std::uint32_t page : heap_.context().write_set().touched()) {
      lines += static_cast<std::size_t>(std::popcount(heap_.context().write_set().mask(page)));
    }
    return lines;
  }
};

/// An order that may throw.
struct FusedLess {
  static constexpr std::string_view order_name = "test.fused";
  bool operator()(const Fussy& a, const Fussy& b) const {
    Fuse::burn();
    return a.value < b.value;
  }
};

/// An order that counts how often it is asked.
struct Counting {
  static constexpr std::string_view order_name = "test.counting";
  static inline int calls = 0;
  bool operator()(std::uint64_t a, std::uint64_t b) const {
    ++calls;
    return a < b;
  }
};

std::string long_text(std::uint64_t number) {
  return "a text that does not fit into the object itself, number " + std::to_string(number);
}

TEST_F(BTreeMapTest, holds_what_was_put_in_order_and_nothing_else) {
  auto& sut = make<Numbers>();
  for (std::uint64_t i = 0; i < 50000; ++i) {
    ASSERT_TRUE(sut.try_emplace(i * 977 % 50021, i).second);
    if (i % 10000 == 5000) commit();
  }
  EXPECT_EQ(sut.size(), 50000U);
  EXPECT_FALSE(sut.try_emplace(977, 4).second);
  for (std::uint64_t i = 0; i < 50000; ++i) ASSERT_EQ(std::as_const(sut).at(i * 977 % 50021), i);
  EXPECT_TRUE(std::ranges::is_sorted(std::as_const(sut), {}, &Numbers::value_type::first));
  EXPECT_EQ(std::distance(sut.begin(), sut.end()), 50000);
}

TEST_F(BTreeMapTest, an_empty_map_owns_nothing) {
  auto& sut = make<Numbers>();
  EXPECT_EQ(sut.begin(), sut.end());
  EXPECT_EQ(sut.find(1), sut.end());
  EXPECT_EQ(sut.lower_bound(1), sut.end());
  EXPECT_EQ(sut.upper_bound(1), sut.end());
  EXPECT_EQ(sut.erase(1), 0U);
  sut.clear();
  sut[1] = 2;
  EXPECT_EQ(sut.erase(1), 1U);
  EXPECT_EQ(sut.begin(), sut.end());
}

TEST_F(BTreeMapTest, ascending_descending_and_alternating_keys_all_make_sound_trees) {
  for (const int order : {0, 1, 2}) {
    auto& sut = make<Numbers>();
    for (std::uint64_t i = 0; i < 4000; ++i) {
      const std::uint64_t key = order == 0   ? 10000 + i
                                : order == 1 ? 10000 - i
                                : i % 2 == 0 ? 10000 - i
                                             : 10000 + i;
      sut[key] = i;
      if (i % 97 == 0) verify();
    }
    EXPECT_EQ(sut.size(), 4000U);
    EXPECT_TRUE(std::ranges::is_sorted(std::as_const(sut), {}, &Numbers::value_type::first));
  }
}

TEST_F(BTreeMapTest, erasing_in_any_order_leaves_sound_trees) {
  for (const std::uint64_t step : {1U, 3999U, 977U, 2000U}) {
    auto& sut = make<Numbers>();
    for (std::uint64_t i = 0; i < 4001; ++i) sut.try_emplace(i, i);
    std::uint64_t key = 0;
    for (std::uint64_t i = 0; i < 4001; ++i, key = (key + step) % 4001) {
      ASSERT_EQ(sut.erase(key), 1U) << key;
      if (i % 97 == 0) verify();
    }
    EXPECT_TRUE(sut.empty());
  }
}

TEST_F(BTreeMapTest, walks_both_ways_and_bounds_are_the_standards) {
  auto& sut = make<Numbers>();
  std::map<std::uint64_t, std::uint64_t> model;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const std::uint64_t key = i * 7919 % 10007;
    sut[key] = i;
    model[key] = i;
  }
  const auto& read = std::as_const(sut);
  EXPECT_TRUE(std::ranges::equal(read, model));
  EXPECT_TRUE(std::equal(read.rbegin(), read.rend(), model.rbegin(), model.rend()));
  for (std::uint64_t key = 0; key < 10010; ++key) {
    ASSERT_EQ(std::distance(read.begin(), read.lower_bound(key)),
              std::distance(model.begin(), model.lower_bound(key)));
    if (key % 50 == 0) {
      ASSERT_EQ(std::distance(read.upper_bound(key), read.end()),
                std::distance(model.upper_bound(key), model.end()));
    }
    const auto [first, last] = read.equal_range(key);
    ASSERT_EQ(std::distance(first, last), model.contains(key) ? 1 : 0);
  }
}

TEST_F(BTreeMapTest, strings_are_found_by_any_kind_of_text) {
  auto& sut = make<BTreeMap<String, int>>();
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
  EXPECT_EQ(read.lower_bound("b")->first, "barbara");
  EXPECT_EQ(sut.erase("ada"), 1U);
  EXPECT_EQ(read.find("ada"), read.end());
}

TEST_F(BTreeMapTest, a_missing_key_is_the_standards_exception) {
  auto& sut = make<Numbers>();
  EXPECT_THROW((void)sut.at(1), std::out_of_range);
  EXPECT_THROW((void)std::as_const(sut).at(1), std::out_of_range);
}

TEST_F(BTreeMapTest, a_correct_hint_saves_the_search_and_a_wrong_one_does_no_harm) {
  auto& sut = make<BTreeMap<std::uint64_t, std::uint64_t, Counting>>();
  Counting::calls = 0;
  for (std::uint64_t i = 0; i < 5000; ++i) sut.try_emplace(sut.cend(), i * 10, i);
  EXPECT_LE(Counting::calls, 5000);
  auto at = sut.lower_bound(25000);
  Counting::calls = 0;
  at = sut.try_emplace(at, 24995U, 1U);
  EXPECT_LE(Counting::calls, 2);
  EXPECT_EQ(std::as_const(sut).at(24995), 1U);
  for (const std::uint64_t key : {5U, 24995U, 49991U, 1U}) {
    for (int which = 0; which < 3; ++which) {
      sut.erase(key);
      const auto hint = which == 0   ? sut.cbegin()
                        : which == 1 ? sut.cend()
                                     : std::as_const(sut).find(30000);
      EXPECT_EQ(sut.insert(hint, {key, key})->first, key);
      ASSERT_EQ(std::as_const(sut).at(key), key);
      EXPECT_EQ(sut.insert(hint == sut.cend() ? sut.cend() : sut.cbegin(), {key, 7U})->second, key);
    }
  }
}

TEST_F(BTreeMapTest, a_sorted_range_fills_its_nodes_and_an_unsorted_one_is_refused) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> pairs;
  for (std::uint64_t i = 0; i < 10000; ++i) pairs.emplace_back(i, i * i);
  auto& sut = make<Numbers>(sorted_unique, pairs.begin(), pairs.end());
  const auto value_of = [](const auto& pair) { return pair.second; };
  EXPECT_TRUE(std::ranges::equal(std::as_const(sut), pairs, {}, value_of, value_of));
  const std::uint64_t used = heap_.heap().used();
  EXPECT_LT(used, 10000 * 16 * 115 / 100 + 4096);
  pairs[7000].first = 1;
  EXPECT_THROW(sut.assign_sorted(pairs.begin(), pairs.end()), std::invalid_argument);
  EXPECT_EQ(sut.size(), 10000U);
  EXPECT_EQ(std::as_const(sut).at(7000), 49000000U);
  const auto none = Numbers::from_sorted(pairs.begin(), pairs.begin());
  EXPECT_TRUE(none.empty());
}

TEST_F(BTreeMapTest, only_values_that_were_handed_out_are_marked) {
  auto& sut = make<Numbers>();
  for (std::uint64_t i = 0; i < 1000; ++i) sut[i] = i;
  commit();
  std::uint64_t sum = 0;
  for (const auto& [key, value] : std::as_const(sut)) sum += value;
  (void)sut.find(5);
  (void)sut.contains(6);
  (void)sut.lower_bound(7);
  (void)sut.equal_range(8);
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

TEST_F(BTreeMapTest, inserts_and_erases_mark_a_handful_of_lines) {
  auto& sut = make<Numbers>();
  std::mt19937_64 random(3);
  std::vector<std::uint64_t> keys;
  while (sut.size() < 20000) {
    keys.push_back(random());
    sut[keys.back()] = 1;
  }
  std::size_t inserting = 0;
  std::size_t erasing = 0;
  for (std::size_t i = 0; i < 1000; ++i) {
    commit();
    sut.try_emplace(random(), i);
    inserting += marked_lines();
    commit();
    sut.erase(keys[i]);
    erasing += marked_lines();
  }
  EXPECT_LE(inserting, 6000U);
  EXPECT_LE(erasing, 6000U);
}

TEST_F(BTreeMapTest, erasing_while_iterating_visits_each_element_once) {
  auto& sut = make<Numbers>();
  for (std::uint64_t i = 0; i < 3000; ++i) sut[i] = i;
  std::uint64_t expected = 0;
  for (auto at = sut.begin(); at != sut.end(); ++expected) {
    ASSERT_EQ(at->first, expected);
    at = at->first % 3 == 0 ? sut.erase(at) : std::next(at);
  }
  EXPECT_EQ(expected, 3000U);
  EXPECT_EQ(sut.size(), 2000U);
  EXPECT_EQ(erase_if(sut, [](const auto& element) { return element.first % 3 == 1; }), 1000U);
  const auto rest = sut.erase(sut.lower_bound(100), sut.upper_bound(2000));
  EXPECT_EQ(rest->first, 2003U);
  EXPECT_EQ(sut.size(), 1000U - 634U);
  sut.erase(sut.begin(), sut.end());
  EXPECT_TRUE(sut.empty());
}

TEST_F(BTreeMapTest, an_argument_from_the_map_survives_what_it_moves) {
  auto& sut = make<BTreeMap<std::uint64_t, String>>();
  sut[0] = long_text(0);
  for (std::uint64_t i = 1; i < 500; ++i) sut.try_emplace(i, std::as_const(sut).at(0));
  for (const auto& [key, text] : std::as_const(sut)) ASSERT_EQ(text, long_text(0));
  for (std::uint64_t i = 500; i < 1000; ++i) sut.try_emplace(i, std::move(sut.at(i - 500)));
  EXPECT_EQ(std::as_const(sut).at(999), long_text(0));
}

TEST_F(BTreeMapTest, copies_are_equal_and_independent) {
  auto& a = make<BTreeMap<String, Vec<int>>>();
  for (int i = 0; i < 300; ++i) a[std::to_string(i)].push_back(i);
  auto& b = make<BTreeMap<String, Vec<int>>>(a);
  EXPECT_EQ(a, b);
  b["7"].push_back(1);
  EXPECT_TRUE(a < b);
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

TEST_F(BTreeMapTest, moving_between_two_stores_copies) {
  auto& here = make<BTreeMap<String, Box<int>>>();
  for (int i = 0; i < 40; ++i) here.try_emplace(std::to_string(i), make_box<int>(i));
  TestHeap other;
  auto* there = ::new (other.heap().allocate(40)) BTreeMap<String, Box<int>>;
  *there = std::move(here);
  EXPECT_TRUE(here.empty());  // NOLINT(bugprone-use-after-move): the test
  ASSERT_EQ(there->size(), 40U);
  for (const auto& [key, value] : std::as_const(*there)) {
    ASSERT_TRUE(other.context().contains(&*value));
    ASSERT_EQ(key, std::to_string(*value));
  }
  *there = BTreeMap<String, Box<int>>();
  other.commit();
}

TEST_F(BTreeMapTest, two_stores_in_one_thread_keep_their_elements_apart) {
  auto& here = make<BTreeMap<String, String>>();
  TestHeap inner;
  // Short of room, split and merged while another store is the thread's innermost.
  for (std::uint64_t i = 0; i < 300; ++i) here[long_text(i)] = long_text(i + 1);
  for (std::uint64_t i = 0; i < 300; i += 2) here.erase(long_text(i));
  for (const auto& [key, value] : std::as_const(here)) {
    ASSERT_TRUE(heap_.context().contains(key.data()));
    ASSERT_TRUE(heap_.context().contains(value.data()));
  }
  EXPECT_EQ(inner.heap().used(), 0U);
}

struct Large {
  std::uint64_t numbers[60] = {};
  bool operator==(const Large&) const = default;
};
BOOST_DESCRIBE_STRUCT(Large, (), (numbers))

TEST_F(BTreeMapTest, large_and_loud_elements_stand_in_blocks_of_their_own_and_never_move) {
  auto& large = make<BTreeMap<std::uint16_t, Large>>();
  auto& loud = make<BTreeMap<int, Loud>>();
  auto& maybe = make<BTreeMap<int, std::optional<String>>>();
  const Large* const first = &large.try_emplace(std::uint16_t{500}).first->second;
  for (std::uint16_t i = 0; i < 1000; ++i) {
    large[i].numbers[59] = i;
    loud.try_emplace(i, i);
    maybe[i] = long_text(i);
  }
  EXPECT_EQ(&std::as_const(large).at(500), first);
  for (std::uint16_t i = 0; i < 1000; i += 3) {
    large.erase(i);
    loud.erase(i);
    maybe.erase(i);
    if (i % 99 == 0) verify();
  }
  EXPECT_EQ(&std::as_const(large).at(500), first);
  EXPECT_EQ(std::as_const(large).at(998).numbers[59], 998U);
  EXPECT_EQ(describe_type<std::remove_reference_t<decltype(maybe)>>(),
            "BTreeMap<i32,optional<String>,less,boxed>");
}

struct Node {
  std::uint32_t number = 0;
  BTreeMap<String, Node> children;
};
BOOST_DESCRIBE_STRUCT(Node, (), (number, children))

TEST_F(BTreeMapTest, maps_of_themselves_are_stored_and_described) {
  auto& sut = make<Node>();
  for (std::uint32_t i = 0; i < 200; ++i) {
    sut.children[std::to_string(i % 20)].children[long_text(i)].number = i;
  }
  EXPECT_EQ(sut.children.size(), 20U);
  EXPECT_EQ(std::as_const(sut).children.at("7").children.size(), 10U);
  EXPECT_EQ(describe_type<Node>(), "struct{48,8;number:u32@0,children:BTreeMap<String,^0,less>@8}");
}

/// Texts are told apart by their first eight characters where these differ: here they seldom do,
/// end before, and hold zeros.
TEST_F(BTreeMapTest, texts_alike_in_their_first_characters_are_in_order) {
  auto& up = make<BTreeSet<String>>();
  auto& down = make<BTreeSet<String, std::greater<>>>();
  std::set<std::string> model;
  std::mt19937_64 random(3);
  const std::string letters("\0a\xFF", 3);
  for (int i = 0; i < 4000; ++i) {
    std::string text(random() % 4 == 0 ? 30 : 6, 'a');
    for (std::uint64_t more = random() % 6; more != 0; --more) text += letters[random() % 3];
    if (random() % 3 == 0) text = text.substr(text.size() - random() % 7);
    ASSERT_EQ(up.insert(text).second, model.insert(text).second);
    down.insert(text);
  }
  ASSERT_GT(model.size(), 200U);
  EXPECT_TRUE(std::equal(up.begin(), up.end(), model.begin(), model.end()));
  EXPECT_TRUE(std::equal(down.begin(), down.end(), model.rbegin(), model.rend()));
  for (const std::string& text : model) {
    ASSERT_TRUE(up.contains(text) && down.contains(text));
    const std::string next = text + '\0';
    ASSERT_EQ(up.lower_bound(next) == up.end(), model.lower_bound(next) == model.end());
    ASSERT_EQ(up.erase(text + "b"), 0U);
  }
  for (const std::string& text : model) {
    ASSERT_EQ(up.erase(text), 1U);
    ASSERT_EQ(down.erase(text), 1U);
  }
  EXPECT_TRUE(up.empty() && down.empty());
}

TEST_F(BTreeMapTest, the_order_may_be_turned_round_or_be_ones_own) {
  auto& sut = make<BTreeMap<int, int, std::greater<>>>();
  for (int i = -500; i < 500; ++i) sut[i] = i;
  EXPECT_EQ(std::as_const(sut).begin()->first, 499);
  EXPECT_EQ(std::as_const(sut).lower_bound(7)->first, 7);
  EXPECT_TRUE(std::ranges::is_sorted(std::as_const(sut), std::greater<>(),
                                     [](const auto& pair) { return pair.first; }));
  auto& text = make<BTreeSet<String, std::greater<>>>();
  for (int i = 0; i < 500; ++i) text.insert(std::to_string(i));
  EXPECT_EQ(*text.begin(), "99");
  EXPECT_TRUE(text.contains("250"));
}

template <class T>
class BTreeMapFailureTest : public ContainerTest {};
using FailingTypes = ::testing::Types<Fussy, Loud>;
TYPED_TEST_SUITE(BTreeMapFailureTest, FailingTypes);

TYPED_TEST(BTreeMapFailureTest, an_insert_changes_nothing_when_comparator_or_copy_throws) {
  using Map = BTreeMap<TypeParam, TypeParam, FusedLess>;
  auto& sut = this->template make<Map>();
  int failures = 0;
  for (int i = 0; i < 90; ++i) {
    const Map before(sut);
    const TypeParam key(i * 37 % 90);
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
  EXPECT_GE(failures, 90 * 3);
  this->verify();
  this->commit();
}

TYPED_TEST(BTreeMapFailureTest, a_copy_of_the_map_that_throws_leaves_nothing_behind) {
  using Map = BTreeMap<int, TypeParam>;
  auto& sut = this->template make<Map>();
  for (int i = 0; i < 20; ++i) sut.try_emplace(i, i);
  for (int fuse = 0; fuse < 20; ++fuse) {
    Fuse::left = fuse;
    EXPECT_THROW(Map copy(sut), std::runtime_error);
    this->verify();
    Fuse::left = fuse;
    auto& target = this->template make<Map>();
    EXPECT_THROW(target = sut, std::runtime_error);
    EXPECT_TRUE(target.empty());
  }
}

TEST_F(BTreeMapTest, an_insert_changes_nothing_when_the_budget_ends_anywhere) {
  auto& sut = make<BTreeMap<std::uint64_t, String>>();
  for (std::uint64_t i = 0; i < 3000; ++i) sut.try_emplace(sut.cend(), i * 2, long_text(i));
  int failures = 0;
  // Every leaf but the last is full, so each of these splits.
  for (std::uint64_t key = 1; key < 6000; key += 598) {
    const std::size_t size = sut.size();
    failures += fail_at_every_page([&] { sut.try_emplace(key, std::string(9000, 'z')); },
                                   [&] { return sut.size() == size; });
    EXPECT_EQ(sut.size(), size + 1);
  }
  EXPECT_GT(failures, 10);
}

TEST_F(BTreeMapTest, an_insert_changes_nothing_when_the_disk_is_full) {
  auto& sut = make<Numbers>();
  for (std::uint64_t i = 0; i < 1000; ++i) sut.try_emplace(sut.cend(), i * 2, i);
  fail_on_a_full_disk([&] { sut.try_emplace(1001, 2U); },
                      [&] { return sut.size() == 1000 && !sut.contains(1001); });
  EXPECT_EQ(sut.size(), 1001U);
}

TEST_F(BTreeMapTest, an_erase_that_fails_leaves_a_sound_tree) {
  auto& sut = make<Numbers>();
  std::map<std::uint64_t, std::uint64_t> model;
  for (std::uint64_t i = 0; i < 3000; ++i) sut[i] = model[i] = i * i;
  int failures = 0;
  for (std::uint64_t key = 0; key < 3000; key += 7) {
    auto without = model;
    without.erase(key);
    failures += fail_at_every_page([&] { sut.erase(key); },
                                   [&] {
                                     return std::ranges::equal(std::as_const(sut), model) ||
                                            std::ranges::equal(std::as_const(sut), without);
                                   });
    model = without;
  }
  EXPECT_TRUE(std::ranges::equal(std::as_const(sut), model));
  EXPECT_GT(failures, 400);
}

TEST_F(BTreeMapTest, rollback_brings_everything_back) {
  auto& sut = make<BTreeMap<String, String>>();
  for (int i = 0; i < 300; ++i) sut[std::to_string(i)] = std::string(50, 'a');
  commit();
  for (int i = 0; i < 300; i += 2) sut.erase(std::to_string(i));
  for (int i = 1000; i < 3000; ++i) sut[std::to_string(i)] = std::string(60, 'b');
  rollback();
  EXPECT_EQ(sut.size(), 300U);
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(std::as_const(sut).at(std::to_string(i)), std::string(50, 'a'));
  }
}

}  // namespace
}  // namespace cairn::test

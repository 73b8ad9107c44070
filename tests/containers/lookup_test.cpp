// SPDX-License-Identifier: BSL-1.0
// Looking keys up by what is no key: texts of fixed length by any text, and keys of a program's own
// by what its hash function, equality and order take beside them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <utility>

#include "cairn/btree_map.hpp"
#include "cairn/btree_set.hpp"
#include "cairn/hash_map.hpp"
#include "cairn/hash_set.hpp"
#include "cairn/static_string.hpp"
#include "container_test.hpp"

namespace cairn::test {
namespace {

class LookupTest : public ContainerTest {
 protected:
  /// Looks for `present`, which stands for the key of one element, and for `absent`.
  template <class C, class Q>
  void finds(C& sut, const Q& present, const Q& absent) {
    const C& read = sut;
    EXPECT_NE(sut.find(present), sut.end());
    EXPECT_NE(read.find(present), read.end());
    EXPECT_EQ(read.find(absent), read.end());
    EXPECT_TRUE(read.contains(present));
    EXPECT_FALSE(read.contains(absent));
    EXPECT_EQ(read.count(present), 1U);
    EXPECT_EQ(read.count(absent), 0U);
    const auto [first, last] = read.equal_range(present);
    EXPECT_EQ(first, read.find(present));
    EXPECT_EQ(std::next(first), last);
    const auto [none, end] = std::as_const(sut).equal_range(absent);
    EXPECT_EQ(none, end);
  }
  template <class C, class Q>
  void finds_bounds(C& sut, const Q& present) {
    const C& read = sut;
    EXPECT_EQ(read.lower_bound(present), read.find(present));
    EXPECT_EQ(read.upper_bound(present), std::next(read.find(present)));
    EXPECT_EQ(sut.lower_bound(present), sut.find(present));
    EXPECT_EQ(sut.upper_bound(present), std::next(sut.find(present)));
  }
  template <class C, class Q>
  void erases(C& sut, const Q& present, const Q& absent) {
    const std::size_t size = sut.size();
    EXPECT_EQ(sut.erase(absent), 0U);
    EXPECT_EQ(sut.erase(present), 1U);
    EXPECT_EQ(sut.size(), size - 1);
    EXPECT_FALSE(sut.contains(present));
  }
};

using Word = boost::static_string<12>;
using View = std::string_view;

/// More than a Word can hold: no key, and so in no table.
constexpr const char* long_text = "a text of more characters than a key holds";

template <class Map>
void fill_map(Map& map) {
  for (int i = 0; i < 200; ++i) map.try_emplace(Word("key " + std::to_string(i)), i);
}
template <class Set>
void fill_set(Set& set) {
  for (int i = 0; i < 200; ++i) set.insert(Word("key " + std::to_string(i)));
}

TEST_F(LookupTest, words_are_looked_up_by_any_text) {
  auto& map = make<HashMap<Word, int>>();
  auto& set = make<HashSet<Word>>();
  auto& tree = make<BTreeMap<Word, int>>();
  auto& ordered = make<BTreeSet<Word>>();
  fill_map(map);
  fill_set(set);
  fill_map(tree);
  fill_set(ordered);
  const auto by = [&](auto present, auto absent) {
    finds(map, present, absent);
    finds(set, present, absent);
    finds(tree, present, absent);
    finds(ordered, present, absent);
    finds_bounds(tree, present);
    finds_bounds(ordered, present);
  };
  by(View("key 17"), View("key 200"));
  by(View("key 17"), View(long_text));
  by("key 17", long_text);
  by(std::string("key 17"), std::string(long_text));
  by(String("key 17"), String(long_text));
  by(boost::static_string<60>("key 17"), boost::static_string<60>(long_text));
  erases(map, View("key 17"), View(long_text));
  erases(set, View("key 17"), View(long_text));
  erases(tree, View("key 17"), View(long_text));
  erases(ordered, View("key 17"), View(long_text));
}

template <class Map>
void take_texts_for_new_words() {
  Map map;
  map[std::string("one")] = 1;
  map[std::string("one")] += 10;
  EXPECT_EQ(map.at(View("one")), 11);
  EXPECT_EQ(std::as_const(map).at("one"), 11);
  EXPECT_THROW(map.at(View("two")), std::out_of_range);
  EXPECT_TRUE(map.try_emplace(std::string("two"), 2).second);
  EXPECT_FALSE(map.try_emplace(std::string("two"), 3).second);
  EXPECT_FALSE(map.insert_or_assign(std::string("two"), 4).second);
  EXPECT_EQ(map.at("two"), 4);
  EXPECT_THROW(map.try_emplace(std::string(long_text), 5), std::length_error);
  EXPECT_EQ(map.size(), 2U);
}

/// Of what boost::static_string can be made of, which std::string_view is not.
TEST_F(LookupTest, texts_become_words_where_those_are_new) {
  take_texts_for_new_words<HashMap<Word, int>>();
  take_texts_for_new_words<BTreeMap<Word, int>>();
  HashSet<Word> set;
  EXPECT_TRUE(set.insert("one").second);
  EXPECT_FALSE(set.insert("one").second);
  BTreeSet<Word> ordered;
  EXPECT_TRUE(ordered.insert("one").second);
  EXPECT_FALSE(ordered.insert("one").second);
}

// Texts that differ in the case of their letters alone are the same key.

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}
struct CaselessHash {
  using is_transparent = void;
  static constexpr std::string_view hash_name = "test.caseless";
  std::uint64_t operator()(View text) const {
    std::uint64_t hash = hash_of_nothing;
    for (const char c : text) hash = hash_join(hash, Hash<char>{}(lower(c)));
    return hash;
  }
};
struct CaselessEqual {
  using is_transparent = void;
  bool operator()(View a, View b) const {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
  }
};
struct CaselessLess {
  using is_transparent = void;
  static constexpr std::string_view order_name = "test.caseless";
  bool operator()(View a, View b) const {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [](char x, char y) { return lower(x) < lower(y); });
  }
};

TEST_F(LookupTest, texts_are_looked_up_as_a_programs_own_functions_see_them) {
  const auto look_up = [this](auto& map, auto& set) {
    for (int i = 0; i < 200; ++i) {
      const std::string name = "A name of more than a few characters, " + std::to_string(i);
      EXPECT_TRUE(map.try_emplace(name, i).second);
      EXPECT_TRUE(set.insert(View(name)).second);
      EXPECT_FALSE(set.insert(View("a" + name.substr(1))).second);
    }
    const View same = "a NAME of more THAN a few characters, 50";
    finds(map, same, View("A name of more than a few characters, 500"));
    finds(set, same, View("A name of more than a few characters, 500"));
    EXPECT_EQ(map.at(same), 50);
    map[same] = 51;
    EXPECT_EQ(map.size(), 200U);
    erases(map, same, View("no name"));
    erases(set, same, View("no name"));
  };
  look_up(make<HashMap<String, int, CaselessHash, CaselessEqual>>(),
          make<HashSet<String, CaselessHash, CaselessEqual>>());
  look_up(make<BTreeMap<String, int, CaselessLess>>(), make<BTreeSet<String, CaselessLess>>());
}

/// Known by its number, which is looked up without a name.
struct Person {
  Person() = default;
  explicit Person(std::uint32_t number) : id(number), name("no name yet") {}
  Person(std::uint32_t number, std::string_view called) : id(number), name(called) {}
  std::uint32_t id = 0;
  String name;
};
BOOST_DESCRIBE_STRUCT(Person, (), (id, name))

std::uint32_t id_of(const Person& person) {
  return person.id;
}
std::uint32_t id_of(std::uint32_t number) {
  return number;
}
struct IdHash {
  using is_transparent = void;
  static constexpr std::string_view hash_name = "test.id";
  std::uint64_t operator()(const auto& key) const { return hash_number(id_of(key)); }
};
struct SameId {
  using is_transparent = void;
  bool operator()(const auto& a, const auto& b) const { return id_of(a) == id_of(b); }
};
struct LowerId {
  using is_transparent = void;
  static constexpr std::string_view order_name = "test.lower_id";
  bool operator()(const auto& a, const auto& b) const { return id_of(a) < id_of(b); }
};

TEST_F(LookupTest, structs_are_looked_up_by_the_part_that_tells_them_apart) {
  const auto look_up = [this](auto& map, auto& set) {
    for (std::uint32_t id = 0; id < 200; ++id) {
      map.try_emplace(Person(id, "somebody"), 1);
      set.emplace(id, "somebody");
    }
    finds(map, std::uint32_t{50}, std::uint32_t{500});
    finds(set, std::uint32_t{50}, std::uint32_t{500});
    EXPECT_EQ(set.find(50U)->name, "somebody");
    // Made only where the number is new.
    EXPECT_FALSE(set.insert(50U).second);
    EXPECT_EQ(set.insert(500U).first->name, "no name yet");
    map[500U] = 5;
    EXPECT_EQ(map.at(500U), 5);
    EXPECT_EQ(map.find(500U)->first.name, "no name yet");
    erases(map, std::uint32_t{50}, std::uint32_t{501});
    erases(set, std::uint32_t{50}, std::uint32_t{501});
  };
  look_up(make<HashMap<Person, int, IdHash, SameId>>(), make<HashSet<Person, IdHash, SameId>>());
  auto& map = make<BTreeMap<Person, int, LowerId>>();
  auto& set = make<BTreeSet<Person, LowerId>>();
  look_up(map, set);
  finds_bounds(map, std::uint32_t{70});
  finds_bounds(set, std::uint32_t{70});
}

}  // namespace
}  // namespace cairn::test

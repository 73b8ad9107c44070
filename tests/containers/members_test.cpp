// SPDX-License-Identifier: BSL-1.0
// docs/container_members.md beside the containers: each row that says "yes" compiles, each other
// one does not, and there is a row for all that is listed here.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iosfwd>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "cairn/box.hpp"
#include "cairn/btree_map.hpp"
#include "cairn/btree_set.hpp"
#include "cairn/deque.hpp"
#include "cairn/hash_map.hpp"
#include "cairn/hash_set.hpp"
#include "cairn/string.hpp"
#include "cairn/vec.hpp"

namespace cairn {
namespace {

// The arguments of a template follow from those of its constructor, as in the standard library.
template <class Expected, class Deduced>
constexpr bool deduced = std::is_same_v<Expected, Deduced>;
using Pair = std::pair<const int, char>;
static_assert(deduced<Vec<int>, decltype(Vec{1, 2})>);
static_assert(deduced<Vec<int>, decltype(Vec(std::size_t{3}, 7))>);
static_assert(deduced<Vec<int>, decltype(Vec(std::declval<int*>(), std::declval<int*>()))>);
static_assert(deduced<Deque<int>, decltype(Deque{1, 2})>);
static_assert(deduced<Deque<int>, decltype(Deque(std::declval<int*>(), std::declval<int*>()))>);
static_assert(deduced<HashSet<int>, decltype(HashSet{1, 2})>);
static_assert(deduced<HashSet<int>, decltype(HashSet(std::declval<int*>(), std::declval<int*>()))>);
static_assert(deduced<BTreeSet<int>, decltype(BTreeSet{1, 2})>);
static_assert(deduced<BTreeSet<int>, decltype(BTreeSet(sorted_unique, std::declval<const int*>(),
                                                       std::declval<const int*>()))>);
static_assert(deduced<HashMap<int, char>, decltype(HashMap{std::pair(1, 'a')})>);
static_assert(
    deduced<HashMap<int, char>, decltype(HashMap(std::declval<Pair*>(), std::declval<Pair*>()))>);
static_assert(
    deduced<BTreeMap<int, char>, decltype(BTreeMap{std::pair(1, 'a'), std::pair(2, 'b')})>);
static_assert(
    deduced<BTreeMap<int, char>, decltype(BTreeMap(std::declval<Pair*>(), std::declval<Pair*>()))>);

/// By container and member: whether it is there.
using Members = std::map<std::string, std::map<std::string, bool>>;

/// A row: the member's name, and uses of it that must all compile. In a template, so that one that
/// does not is an answer and no error.
#define CAIRN_MEMBER(name, ...)                                                                    \
  members[name] = requires {                                                                       \
    (void(), __VA_ARGS__);                                                                         \
  }

template <class C, class T = typename C::value_type>
void add_common(std::map<std::string, bool>& members) {
  CAIRN_MEMBER("(constructor)", C(), C(std::declval<const C&>()), C(std::declval<C>()));
  CAIRN_MEMBER("(constructor, range)", C(std::declval<T*>(), std::declval<T*>()));
  CAIRN_MEMBER("(constructor, initializer_list)", C(std::initializer_list<T>{}));
  CAIRN_MEMBER("operator=", std::declval<C&>() = std::declval<const C&>(),
               std::declval<C&>() = std::declval<C>(),
               std::declval<C&>() = std::initializer_list<T>{});
  CAIRN_MEMBER("get_allocator", std::declval<const C&>().get_allocator());
  CAIRN_MEMBER("begin, end", std::declval<C&>().begin() == std::declval<C&>().end(),
               std::declval<const C&>().begin() == std::declval<const C&>().end());
  CAIRN_MEMBER("cbegin, cend",
               std::declval<const C&>().cbegin() == std::declval<const C&>().cend());
  CAIRN_MEMBER("empty", std::declval<const C&>().empty());
  CAIRN_MEMBER("size", std::declval<const C&>().size());
  CAIRN_MEMBER("max_size", std::declval<const C&>().max_size());
  CAIRN_MEMBER("capacity", std::declval<const C&>().capacity());
  CAIRN_MEMBER("reserve", std::declval<C&>().reserve(1));
  CAIRN_MEMBER("shrink_to_fit", std::declval<C&>().shrink_to_fit());
  CAIRN_MEMBER("clear", std::declval<C&>().clear());
  CAIRN_MEMBER("swap", std::declval<C&>().swap(std::declval<C&>()),
               swap(std::declval<C&>(), std::declval<C&>()));
  CAIRN_MEMBER("operator==", std::declval<const C&>() == std::declval<const C&>());
  CAIRN_MEMBER("erase_if", erase_if(std::declval<C&>(), [](const T&) { return true; }));
  CAIRN_MEMBER("std::erase_if", std::erase_if(std::declval<C&>(), [](const T&) { return true; }));
}

template <class C, class T = typename C::value_type>
void add_sequence(std::map<std::string, bool>& members) {
  using It = typename C::const_iterator;
  add_common<C>(members);
  CAIRN_MEMBER("(constructor, count)", C(std::size_t{1}), C(std::size_t{1}, std::declval<T>()));
  CAIRN_MEMBER("rbegin, rend", std::declval<C&>().rbegin() == std::declval<C&>().rend(),
               std::declval<const C&>().crbegin() == std::declval<const C&>().crend());
  CAIRN_MEMBER("at", std::declval<C&>().at(0) = std::declval<T>(), std::declval<const C&>().at(0));
  CAIRN_MEMBER("operator[]", std::declval<C&>()[0] = std::declval<T>(),
               std::declval<const C&>()[0]);
  CAIRN_MEMBER("front, back", std::declval<C&>().front() = std::declval<C&>().back(),
               std::declval<const C&>().front() == std::declval<const C&>().back());
  CAIRN_MEMBER("data", std::declval<const C&>().data(), std::declval<C&>().data());
  CAIRN_MEMBER("push_back", std::declval<C&>().push_back(std::declval<T>()));
  CAIRN_MEMBER("emplace_back", std::declval<C&>().emplace_back(std::declval<T>()));
  CAIRN_MEMBER("pop_back", std::declval<C&>().pop_back());
  CAIRN_MEMBER("push_front", std::declval<C&>().push_front(std::declval<T>()));
  CAIRN_MEMBER("emplace_front", std::declval<C&>().emplace_front(std::declval<T>()));
  CAIRN_MEMBER("pop_front", std::declval<C&>().pop_front());
  CAIRN_MEMBER("resize", std::declval<C&>().resize(1),
               std::declval<C&>().resize(1, std::declval<T>()));
  CAIRN_MEMBER("assign", std::declval<C&>().assign(std::size_t{1}, std::declval<T>()),
               std::declval<C&>().assign(std::declval<T*>(), std::declval<T*>()),
               std::declval<C&>().assign(std::initializer_list<T>{}));
  CAIRN_MEMBER(
      "insert", std::declval<C&>().insert(std::declval<It>(), std::declval<T>()),
      std::declval<C&>().insert(std::declval<It>(), std::size_t{1}, std::declval<T>()),
      std::declval<C&>().insert(std::declval<It>(), std::declval<T*>(), std::declval<T*>()),
      std::declval<C&>().insert(std::declval<It>(), std::initializer_list<T>{}));
  CAIRN_MEMBER("emplace", std::declval<C&>().emplace(std::declval<It>(), std::declval<T>()));
  CAIRN_MEMBER("erase", std::declval<C&>().erase(std::declval<It>()),
               std::declval<C&>().erase(std::declval<It>(), std::declval<It>()));
  CAIRN_MEMBER("assign_range", std::declval<C&>().assign_range(std::declval<std::vector<T>&>()));
  CAIRN_MEMBER("append_range", std::declval<C&>().append_range(std::declval<std::vector<T>&>()));
  CAIRN_MEMBER("prepend_range", std::declval<C&>().prepend_range(std::declval<std::vector<T>&>()));
  CAIRN_MEMBER("insert_range", std::declval<C&>().insert_range(std::declval<It>(),
                                                               std::declval<std::vector<T>&>()));
  CAIRN_MEMBER("operator<=>", std::declval<const C&>() <=> std::declval<const C&>());
  CAIRN_MEMBER("erase (of a value)", erase(std::declval<C&>(), std::declval<T>()));
}

/// What maps and sets of both kinds have in common.
template <class C, class K>
void add_keyed(std::map<std::string, bool>& members) {
  using T = typename C::value_type;
  using It = typename C::const_iterator;
  using Text = std::string_view;
  add_common<C>(members);
  CAIRN_MEMBER("insert", std::declval<C&>().insert(std::declval<const T&>()),
               std::declval<C&>().insert(std::declval<T>()),
               std::declval<C&>().insert(std::declval<T*>(), std::declval<T*>()),
               std::declval<C&>().insert(std::initializer_list<T>{}));
  CAIRN_MEMBER("insert (hint)", std::declval<C&>().insert(std::declval<It>(), std::declval<T>()));
  CAIRN_MEMBER("insert_range", std::declval<C&>().insert_range(std::declval<std::vector<T>&>()));
  CAIRN_MEMBER("emplace", std::declval<C&>().emplace(std::declval<T>()));
  CAIRN_MEMBER("emplace_hint",
               std::declval<C&>().emplace_hint(std::declval<It>(), std::declval<T>()));
  CAIRN_MEMBER("erase", std::declval<C&>().erase(std::declval<It>()),
               std::declval<C&>().erase(std::declval<It>(), std::declval<It>()),
               std::declval<C&>().erase(std::declval<const K&>()));
  CAIRN_MEMBER("extract", std::declval<C&>().extract(std::declval<It>()));
  CAIRN_MEMBER("insert (node)", std::declval<C&>().insert(std::declval<typename C::node_type>()));
  CAIRN_MEMBER("merge", std::declval<C&>().merge(std::declval<C&>()),
               std::declval<C&>().merge(std::declval<C>()));
  CAIRN_MEMBER("find", std::declval<C&>().find(std::declval<const K&>()),
               std::declval<const C&>().find(std::declval<const K&>()));
  CAIRN_MEMBER("contains", std::declval<const C&>().contains(std::declval<const K&>()));
  CAIRN_MEMBER("count", std::declval<const C&>().count(std::declval<const K&>()));
  CAIRN_MEMBER("equal_range", std::declval<C&>().equal_range(std::declval<const K&>()),
               std::declval<const C&>().equal_range(std::declval<const K&>()));
  CAIRN_MEMBER("heterogeneous lookup", std::declval<C&>().find(Text()),
               std::declval<const C&>().find(Text()), std::declval<const C&>().contains(Text()),
               std::declval<const C&>().count(Text()), std::declval<C&>().equal_range(Text()),
               std::declval<const C&>().equal_range(Text()));
  CAIRN_MEMBER("heterogeneous erase", std::declval<C&>().erase(Text()));
}

template <class C, class K>
void add_hash(std::map<std::string, bool>& members) {
  add_keyed<C, K>(members);
  CAIRN_MEMBER("(constructor, bucket count)", C(std::size_t{16}));
  CAIRN_MEMBER("(constructor, hash and equality)",
               C(std::size_t{16}, typename C::hasher(), typename C::key_equal()));
  CAIRN_MEMBER("bucket_count", std::declval<const C&>().bucket_count());
  CAIRN_MEMBER("max_bucket_count", std::declval<const C&>().max_bucket_count());
  CAIRN_MEMBER("bucket, bucket_size", std::declval<const C&>().bucket(std::declval<const K&>()));
  CAIRN_MEMBER("begin, end of a bucket", std::declval<C&>().begin(std::size_t{0}));
  CAIRN_MEMBER("load_factor", std::declval<const C&>().load_factor());
  CAIRN_MEMBER("max_load_factor", std::declval<const C&>().max_load_factor());
  CAIRN_MEMBER("max_load_factor (setting)", std::declval<C&>().max_load_factor(0.5F));
  CAIRN_MEMBER("rehash", std::declval<C&>().rehash(100));
  CAIRN_MEMBER(
      "hash_function, key_eq", std::declval<const C&>().hash_function()(std::declval<const K&>()),
      std::declval<const C&>().key_eq()(std::declval<const K&>(), std::declval<const K&>()));
}

template <class C, class K, class T = typename C::value_type>
void add_ordered(std::map<std::string, bool>& members) {
  using Text = std::string_view;
  add_keyed<C, K>(members);
  CAIRN_MEMBER("(constructor, comparator)", C(typename C::key_compare()));
  CAIRN_MEMBER("(constructor, sorted range)",
               C(sorted_unique, std::declval<T*>(), std::declval<T*>()),
               C::from_sorted(std::declval<T*>(), std::declval<T*>()),
               std::declval<C&>().assign_sorted(std::declval<T*>(), std::declval<T*>()));
  CAIRN_MEMBER("rbegin, rend", std::declval<C&>().rbegin() == std::declval<C&>().rend(),
               std::declval<const C&>().crbegin() == std::declval<const C&>().crend());
  CAIRN_MEMBER("lower_bound, upper_bound", std::declval<C&>().lower_bound(std::declval<const K&>()),
               std::declval<const C&>().lower_bound(std::declval<const K&>()),
               std::declval<C&>().upper_bound(std::declval<const K&>()),
               std::declval<const C&>().upper_bound(std::declval<const K&>()));
  CAIRN_MEMBER("heterogeneous bounds", std::declval<C&>().lower_bound(Text()),
               std::declval<const C&>().lower_bound(Text()), std::declval<C&>().upper_bound(Text()),
               std::declval<const C&>().upper_bound(Text()));
  CAIRN_MEMBER(
      "key_comp, value_comp", std::declval<const C&>().key_comp()(std::declval<const K&>(), Text()),
      std::declval<const C&>().value_comp()(std::declval<const T&>(), std::declval<const T&>()));
  CAIRN_MEMBER("operator<=>", std::declval<const C&>() <=> std::declval<const C&>(),
               std::declval<const C&>() < std::declval<const C&>());
}

template <class C>
void add_map(std::map<std::string, bool>& members) {
  using It = typename C::const_iterator;
  using Text = std::string_view;
  CAIRN_MEMBER("at", std::declval<C&>().at(std::declval<const String&>()) = 1,
               std::declval<const C&>().at(std::declval<const String&>()),
               std::declval<const C&>().at(Text()));
  CAIRN_MEMBER("operator[]", std::declval<C&>()[std::declval<const String&>()] = 1,
               std::declval<C&>()[std::declval<String>()] = 1, std::declval<C&>()[Text()] = 1);
  using Other = std::pair<const char*, short>;
  CAIRN_MEMBER("insert (of what becomes an element)",
               std::declval<C&>().insert(std::declval<Other>()),
               std::declval<C&>().insert(std::declval<const Other&>()),
               std::declval<C&>().insert(std::declval<It>(), std::declval<Other>()));
  CAIRN_MEMBER("try_emplace", std::declval<C&>().try_emplace(std::declval<const String&>(), 1),
               std::declval<C&>().try_emplace(Text(), 1));
  CAIRN_MEMBER("try_emplace (hint)", std::declval<C&>().try_emplace(
                                         std::declval<It>(), std::declval<const String&>(), 1));
  CAIRN_MEMBER("insert_or_assign",
               std::declval<C&>().insert_or_assign(std::declval<const String&>(), 1),
               std::declval<C&>().insert_or_assign(Text(), 1));
  CAIRN_MEMBER(
      "insert_or_assign (hint)",
      std::declval<C&>().insert_or_assign(std::declval<It>(), std::declval<const String&>(), 1));
}

template <class C>
void add_set(std::map<std::string, bool>& members) {
  CAIRN_MEMBER("heterogeneous insert", std::declval<C&>().insert(std::string_view()));
}

template <class S>
void add_string(std::map<std::string, bool>& members) {
  using View = std::string_view;
  const char* text = "";
  using N = std::size_t;
  (void)text;
  add_common<S, char>(members);
  CAIRN_MEMBER("(constructor, text)", S(View()), S(text), S(text, N()), S(View(), N(), N()),
               S(std::declval<const S&>(), N()), S(N(), 'c'));
  CAIRN_MEMBER("(constructor, nullptr)", S(nullptr));
  CAIRN_MEMBER("rbegin, rend", std::declval<S&>().rbegin() == std::declval<S&>().rend(),
               std::declval<const S&>().crbegin() == std::declval<const S&>().crend());
  CAIRN_MEMBER("at, operator[]", std::declval<S&>().at(0) = 'c', std::declval<S&>()[0] = 'c');
  CAIRN_MEMBER("front, back", std::declval<S&>().front() = std::declval<S&>().back());
  CAIRN_MEMBER("data, c_str", std::declval<S&>().data(), std::declval<const S&>().c_str());
  CAIRN_MEMBER("operator basic_string_view", View(std::declval<const S&>()));
  CAIRN_MEMBER("length", std::declval<const S&>().length());
  CAIRN_MEMBER("assign", std::declval<S&>().assign(View()), std::declval<S&>().assign(text, N()),
               std::declval<S&>().assign(View(), N(), N()), std::declval<S&>().assign(N(), 'c'),
               std::declval<S&>().assign(text, text), std::declval<S&>().assign({'c'}));
  CAIRN_MEMBER("append", std::declval<S&>().append(View()), std::declval<S&>().append(text, N()),
               std::declval<S&>().append(View(), N(), N()), std::declval<S&>().append(N(), 'c'),
               std::declval<S&>().append(text, text), std::declval<S&>().append({'c'}));
  CAIRN_MEMBER("operator+=", std::declval<S&>() += View(), std::declval<S&>() += text,
               std::declval<S&>() += 'c', std::declval<S&>() += {'c'});
  CAIRN_MEMBER("insert", std::declval<S&>().insert(0, View()),
               std::declval<S&>().insert(0, text, N()),
               std::declval<S&>().insert(0, View(), N(), N()), std::declval<S&>().insert(0, 1, 'c'),
               std::declval<S&>().insert(std::declval<S&>().begin(), 'c'),
               std::declval<S&>().insert(std::declval<S&>().cbegin(), N(), 'c'),
               std::declval<S&>().insert(std::declval<S&>().begin(), text, text),
               std::declval<S&>().insert(std::declval<S&>().begin(), {'c'}));
  CAIRN_MEMBER("erase", std::declval<S&>().erase(), std::declval<S&>().erase(0, 1),
               std::declval<S&>().erase(std::declval<S&>().begin()),
               std::declval<S&>().erase(std::declval<S&>().cbegin(), std::declval<S&>().cend()));
  CAIRN_MEMBER(
      "replace", std::declval<S&>().replace(0, 1, View()),
      std::declval<S&>().replace(0, 1, View(), N(), N()),
      std::declval<S&>().replace(0, 1, text, N()), std::declval<S&>().replace(0, 1, N(), 'c'),
      std::declval<S&>().replace(std::declval<S&>().begin(), std::declval<S&>().end(), View()),
      std::declval<S&>().replace(std::declval<S&>().cbegin(), std::declval<S&>().cend(), text, N()),
      std::declval<S&>().replace(std::declval<S&>().begin(), std::declval<S&>().end(), N(), 'c'),
      std::declval<S&>().replace(std::declval<S&>().begin(), std::declval<S&>().end(), text, text),
      std::declval<S&>().replace(std::declval<S&>().begin(), std::declval<S&>().end(), {'c'}));
  CAIRN_MEMBER("push_back, pop_back", std::declval<S&>().push_back('c'),
               std::declval<S&>().pop_back());
  CAIRN_MEMBER("resize", std::declval<S&>().resize(1), std::declval<S&>().resize(1, 'c'));
  CAIRN_MEMBER("resize_and_overwrite",
               std::declval<S&>().resize_and_overwrite(1, [](char*, N n) { return n; }));
  CAIRN_MEMBER("assign_range, append_range", std::declval<S&>().assign_range(View()),
               std::declval<S&>().append_range(View()));
  CAIRN_MEMBER("insert_range, replace_with_range",
               std::declval<S&>().insert_range(std::declval<S&>().begin(), View()),
               std::declval<S&>().replace_with_range(std::declval<S&>().begin(),
                                                     std::declval<S&>().end(), View()));
  CAIRN_MEMBER("copy", std::declval<const S&>().copy(std::declval<char*>(), 1, 0));
  CAIRN_MEMBER("substr", std::declval<const S&>().substr(0, 1));
  CAIRN_MEMBER("compare", std::declval<const S&>().compare(View()),
               std::declval<const S&>().compare(0, 1, View()),
               std::declval<const S&>().compare(0, 1, View(), N(), N()),
               std::declval<const S&>().compare(0, 1, text, N()));
  CAIRN_MEMBER("starts_with, ends_with", std::declval<const S&>().starts_with(View()),
               std::declval<const S&>().ends_with('c'));
  CAIRN_MEMBER("contains", std::declval<const S&>().contains(View()),
               std::declval<const S&>().contains('c'));
  CAIRN_MEMBER("find, rfind", std::declval<const S&>().find(View(), N()),
               std::declval<const S&>().find(text, N(), N()), std::declval<const S&>().rfind('c'));
  CAIRN_MEMBER("find_first_of, find_last_of", std::declval<const S&>().find_first_of(View(), N()),
               std::declval<const S&>().find_last_of(text, N(), N()),
               std::declval<const S&>().find_first_of('c'));
  CAIRN_MEMBER("find_first_not_of, find_last_not_of",
               std::declval<const S&>().find_first_not_of(View(), N()),
               std::declval<const S&>().find_last_not_of(text, N(), N()),
               std::declval<const S&>().find_last_not_of('c'));
  CAIRN_MEMBER("operator+", std::declval<const S&>() + std::declval<const S&>(),
               text + std::declval<const S&>(), std::declval<const S&>() + 'c');
  CAIRN_MEMBER("operator<=>", std::declval<const S&>() <=> std::declval<const S&>(),
               std::declval<const S&>() <=> text);
  CAIRN_MEMBER("erase (of a value)", erase(std::declval<S&>(), 'c'));
  CAIRN_MEMBER("operator<<, operator>>", std::declval<std::ostream&>() << std::declval<const S&>(),
               std::declval<std::istream&>() >> std::declval<S&>());
  CAIRN_MEMBER("getline", getline(std::declval<std::istream&>(), std::declval<S&>(), ';'));
  CAIRN_MEMBER("std::hash", std::hash<S>()(std::declval<const S&>()));
  CAIRN_MEMBER("stoi and the like", stoi(std::declval<const S&>()));
}

template <class B, class T = typename B::element_type>
void add_box(std::map<std::string, bool>& members) {
  CAIRN_MEMBER("(constructor)", B(), B(nullptr), B(std::declval<B>()));
  CAIRN_MEMBER("(constructor, copy)", B(std::declval<const B&>()));
  CAIRN_MEMBER("(constructor, pointer)", B(std::declval<T*>()));
  CAIRN_MEMBER("operator=", std::declval<B&>() = std::declval<B>(), std::declval<B&>() = nullptr);
  CAIRN_MEMBER("release", std::declval<B&>().release());
  CAIRN_MEMBER("reset", std::declval<B&>().reset());
  CAIRN_MEMBER("reset (pointer)", std::declval<B&>().reset(std::declval<T*>()));
  CAIRN_MEMBER("swap", std::declval<B&>().swap(std::declval<B&>()),
               swap(std::declval<B&>(), std::declval<B&>()));
  CAIRN_MEMBER("get", std::declval<B&>().get(), std::declval<const B&>().get());
  CAIRN_MEMBER("get_deleter", std::declval<B&>().get_deleter());
  CAIRN_MEMBER("operator bool", bool(std::declval<const B&>()));
  CAIRN_MEMBER("operator*, operator->", *std::declval<B&>(), std::declval<const B&>().operator->());
  CAIRN_MEMBER("operator[]", std::declval<B&>()[0]);
  CAIRN_MEMBER("operator==, operator<=>", std::declval<const B&>() == std::declval<const B&>(),
               std::declval<const B&>() <=> std::declval<const B&>(),
               std::declval<const B&>() == nullptr);
  CAIRN_MEMBER("make_unique", make_box<T>());
  CAIRN_MEMBER("operator<<", std::declval<std::ostream&>() << std::declval<const B&>());
  CAIRN_MEMBER("std::hash", std::hash<B>()(std::declval<const B&>()));
}

Members compiled() {
  Members all;
  add_sequence<Vec<int>>(all["Vec"]);
  add_sequence<Deque<int>>(all["Deque"]);
  add_string<String>(all["String"]);
  add_box<Box<int>>(all["Box"]);
  add_hash<HashMap<String, int>, String>(all["HashMap"]);
  add_map<HashMap<String, int>>(all["HashMap"]);
  add_hash<HashSet<String>, String>(all["HashSet"]);
  add_set<HashSet<String>>(all["HashSet"]);
  add_ordered<BTreeMap<String, int>, String>(all["BTreeMap"]);
  add_map<BTreeMap<String, int>>(all["BTreeMap"]);
  add_ordered<BTreeSet<String>, String>(all["BTreeSet"]);
  add_set<BTreeSet<String>>(all["BTreeSet"]);
  return all;
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" `");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" `") - first + 1);
}

struct PageRow {
  bool present;
  std::string remark;
};

/// The tables with the columns member, here and remark, by the heading that they stand under.
std::map<std::string, std::map<std::string, PageRow>> page() {
  std::ifstream in(CAIRN_MEMBERS_PAGE);
  if (!in) throw std::runtime_error(std::string("cannot read ") + CAIRN_MEMBERS_PAGE);
  std::map<std::string, std::map<std::string, PageRow>> tables;
  std::string heading;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## ")) heading = line.substr(3, line.find(' ', 3) - 3);
    if (!line.starts_with("| ") || line.starts_with("| member |")) continue;
    std::istringstream row(line.substr(1));
    std::string member;
    std::string here;
    std::string remark;
    std::getline(row, member, '|');
    std::getline(row, here, '|');
    std::getline(row, remark, '|');
    tables[heading][trimmed(member)] = {trimmed(here) == "yes", trimmed(remark)};
    if (trimmed(here) != "yes" && trimmed(here) != "no") {
      throw std::runtime_error("neither yes nor no: " + line);
    }
  }
  return tables;
}

TEST(ContainerMembers, are_on_the_page_as_they_compile) {
  const auto tables = page();
  for (const auto& [container, members] : compiled()) {
    ASSERT_TRUE(tables.contains(container)) << container;
    for (const auto& [member, present] : members) {
      const auto row = tables.at(container).find(member);
      if (row == tables.at(container).end()) {
        ADD_FAILURE() << container << " lacks the row | " << member << " | "
                      << (present ? "yes" : "no");
      } else {
        EXPECT_EQ(row->second.present, present) << container << ": " << member;
      }
    }
  }
}

TEST(ContainerMembers, have_no_row_that_nobody_checks) {
  const Members all = compiled();
  for (const auto& [container, rows] : page()) {
    if (!all.contains(container)) continue;
    for (const auto& [member, row] : rows) {
      EXPECT_TRUE(all.at(container).contains(member)) << container << ": " << member;
    }
  }
}

TEST(ContainerMembers, that_are_absent_say_why) {
  for (const auto& [container, rows] : page()) {
    for (const auto& [member, row] : rows) {
      EXPECT_TRUE(row.present || row.remark.size() > 10) << container << ": " << member;
    }
  }
}

}  // namespace
}  // namespace cairn

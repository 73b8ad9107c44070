// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>

#include "cairn/containers/btree_container.hpp"
#include "cairn/containers/deduction.hpp"

namespace cairn {

namespace detail {

template <class K, class V, class C>
struct BTreeMapPolicy {
  using Key = K;
  using Value = std::pair<const K, V>;
  using Order = C;
  static constexpr bool const_elements = false;

  static const K& key(const Value& value) noexcept { return value.first; }
  static void mark_mutable(Value* value) { mark(std::addressof(value->second), sizeof(V)); }
  static void construct_moved(Value* to, Value* from) {
    ::new (static_cast<void*>(to)) Value(
        std::piecewise_construct, std::forward_as_tuple(std::move(const_cast<K&>(from->first))),
        std::forward_as_tuple(std::move(from->second)));
  }
};

}  // namespace detail

/// Keys in order and their values in a store, with the interface of std::map less node handles: a
/// B-tree of nodes of 256 bytes that hold the elements themselves.
///
/// It allocates, moves, marks and throws as Vec does. Single inserts happen or throw with the same
/// elements as before; where there is no room, what was to be moved in is still whole. Iterating a
/// mutable map marks the values that are dereferenced; lookups mark nothing before that.
///
/// The comparator has no state; how it orders is part of the file. Keys of type String are looked
/// up and inserted by anything that converts to std::string_view.
///
/// Complexity:  as std::map; a correct hint, begin() and end() save the search.
/// Invalidates: inserting and erasing, also where they fail, and clear: all iterators and
///              references.
template <class K, class V, class C = std::less<>>
class BTreeMap : public detail::BTreeContainer<detail::BTreeMapPolicy<K, V, C>> {
  using Base = detail::BTreeContainer<detail::BTreeMapPolicy<K, V, C>>;
  template <class Q>
  static constexpr bool looks_up = detail::BTreeLookup<Q, K, C>;

 public:
  using mapped_type = V;
  using typename Base::const_iterator;
  using typename Base::iterator;
  using typename Base::size_type;
  using typename Base::value_type;

  struct value_compare {  // NOLINT(readability-identifier-naming): the standard's name
    bool operator()(const value_type& a, const value_type& b) const {
      return C{}(a.first, b.first);
    }
  };

  BTreeMap() noexcept = default;
  template <std::input_iterator It>
  BTreeMap(It first, It last) {
    insert(first, last);
  }
  BTreeMap(std::initializer_list<value_type> values) { insert(values); }
  /// See assign_sorted.
  template <std::input_iterator It>
  BTreeMap(sorted_unique_t, It first, It last) {
    assign_sorted(first, last);
  }
  BTreeMap(const BTreeMap&) = default;
  BTreeMap(BTreeMap&&) = default;
  ~BTreeMap() {
    require_storable<K>();
    require_storable<V>();
  }
  BTreeMap& operator=(const BTreeMap&) = default;
  BTreeMap& operator=(BTreeMap&&) = default;
  BTreeMap& operator=(std::initializer_list<value_type> values) {
    BTreeMap fresh;
    fresh.insert(values);
    return *this = std::move(fresh);
  }

  value_compare value_comp() const noexcept { return {}; }

  /// The value; marked where the map is mutable. Throws std::out_of_range without one.
  V& at(const K& key) { return marked(at_or_throw(key)); }
  const V& at(const K& key) const { return at_or_throw(key).value()->second; }
  template <detail::BTreeLookup<K, C> Q>
  V& at(const Q& key) {
    return marked(at_or_throw(key));
  }
  template <detail::BTreeLookup<K, C> Q>
  const V& at(const Q& key) const {
    return at_or_throw(key).value()->second;
  }

  /// The value of `key`, made by default if there is none, and marked.
  V& operator[](const K& key) { return marked(try_emplace(key).first.cursor()); }
  V& operator[](K&& key) { return marked(try_emplace(std::move(key)).first.cursor()); }
  template <detail::BTreeLookup<K, C> Q>
    requires(std::constructible_from<K, Q>)
  V& operator[](Q&& key) { return marked(try_emplace(std::forward<Q>(key)).first.cursor()); }

  // Inserting.

  template <class... Args>
  std::pair<iterator, bool> try_emplace(const K& key, Args&&... args) {
    return emplace_at(this->locate(key), key, std::forward<Args>(args)...);
  }
  template <class... Args>
  std::pair<iterator, bool> try_emplace(K&& key, Args&&... args) {
    return emplace_at(this->locate(key), std::move(key), std::forward<Args>(args)...);
  }
  template <detail::BTreeLookup<K, C> Q, class... Args>
    requires(std::constructible_from<K, Q> && !std::convertible_to<Q, const_iterator>)
  std::pair<iterator, bool> try_emplace(Q&& key, Args&&... args) {
    return emplace_at(this->locate(std::as_const(key)), std::forward<Q>(key),
                      std::forward<Args>(args)...);
  }
  template <class... Args>
  iterator try_emplace(const_iterator hint, const K& key, Args&&... args) {
    return emplace_at(this->locate_near(hint, key), key, std::forward<Args>(args)...).first;
  }
  template <class... Args>
  iterator try_emplace(const_iterator hint, K&& key, Args&&... args) {
    return emplace_at(this->locate_near(hint, key), std::move(key), std::forward<Args>(args)...)
        .first;
  }
  template <detail::BTreeLookup<K, C> Q, class... Args>
    requires(std::constructible_from<K, Q>)
  iterator try_emplace(const_iterator hint, Q&& key, Args&&... args) {
    return emplace_at(this->locate_near(hint, std::as_const(key)), std::forward<Q>(key),
                      std::forward<Args>(args)...)
        .first;
  }

  template <class U>
  std::pair<iterator, bool> insert_or_assign(const K& key, U&& value) {
    return assign_at(this->locate(key), key, std::forward<U>(value));
  }
  template <class U>
  std::pair<iterator, bool> insert_or_assign(K&& key, U&& value) {
    return assign_at(this->locate(key), std::move(key), std::forward<U>(value));
  }
  template <detail::BTreeLookup<K, C> Q, class U>
    requires(std::constructible_from<K, Q>)
  std::pair<iterator, bool> insert_or_assign(Q&& key, U&& value) {
    return assign_at(this->locate(std::as_const(key)), std::forward<Q>(key),
                     std::forward<U>(value));
  }
  template <class U>
  iterator insert_or_assign(const_iterator hint, const K& key, U&& value) {
    return assign_at(this->locate_near(hint, key), key, std::forward<U>(value)).first;
  }
  template <class U>
  iterator insert_or_assign(const_iterator hint, K&& key, U&& value) {
    return assign_at(this->locate_near(hint, key), std::move(key), std::forward<U>(value)).first;
  }

  std::pair<iterator, bool> insert(const value_type& value) {
    return try_emplace(value.first, value.second);
  }
  std::pair<iterator, bool> insert(value_type&& value) {
    return try_emplace(value.first, std::move(value.second));
  }
  template <class A, class B>
    requires(std::constructible_from<K, A>&& std::constructible_from<V, B>)
  std::pair<iterator, bool> insert(std::pair<A, B> value) {
    return emplace(std::move(value.first), std::move(value.second));
  }
  iterator insert(const_iterator hint, const value_type& value) {
    return try_emplace(hint, value.first, value.second);
  }
  iterator insert(const_iterator hint, value_type&& value) {
    return try_emplace(hint, value.first, std::move(value.second));
  }
  template <class A, class B>
    requires(std::constructible_from<K, A>&& std::constructible_from<V, B>)
  iterator insert(const_iterator hint, std::pair<A, B> value) {
    return emplace_hint(hint, std::move(value.first), std::move(value.second));
  }
  /// One by one, each as though it belonged behind the one before: a range in order is not searched
  /// for.
  template <std::input_iterator It>
  void insert(It first, It last) {
    const_iterator hint = std::as_const(*this).end();
    for (; first != last; ++first) hint = std::next(const_iterator(insert(hint, *first)));
  }
  void insert(std::initializer_list<value_type> values) { insert(values.begin(), values.end()); }
  template <std::ranges::input_range Range>
  void insert_range(Range&& range) {
    const_iterator hint = std::as_const(*this).end();
    for (auto&& value : range) {
      hint = std::next(const_iterator(insert(hint, std::forward<decltype(value)>(value))));
    }
  }
  /// Replaces everything by a range in order without equal keys, which is neither searched for nor
  /// split on its way in. Throws std::invalid_argument where it is not in order. Nothing has
  /// changed where that, or a copy, throws.
  template <std::input_iterator It>
  void assign_sorted(It first, It last) {
    this->replace_by_sorted(first, last);
  }
  template <std::input_iterator It>
  static BTreeMap from_sorted(It first, It last) {
    return BTreeMap(sorted_unique, first, last);
  }

  /// The key from the first argument, the value from the second.
  template <class A, class B>
  std::pair<iterator, bool> emplace(A&& key, B&& value) {
    if constexpr (std::same_as<std::remove_cvref_t<A>, K> || looks_up<A>) {
      return try_emplace(std::forward<A>(key), std::forward<B>(value));
    } else {
      return try_emplace(K(std::forward<A>(key)), std::forward<B>(value));
    }
  }
  /// Of any other arguments: what they make is made in any case.
  template <class... Args>
    requires(sizeof...(Args) != 2)
  std::pair<iterator, bool> emplace(Args&&... args) {
    std::pair<K, V> made(std::forward<Args>(args)...);
    return try_emplace(std::move(made.first), std::move(made.second));
  }
  template <class A, class B>
  iterator emplace_hint(const_iterator hint, A&& key, B&& value) {
    if constexpr (std::same_as<std::remove_cvref_t<A>, K> || looks_up<A>) {
      return try_emplace(hint, std::forward<A>(key), std::forward<B>(value));
    } else {
      return try_emplace(hint, K(std::forward<A>(key)), std::forward<B>(value));
    }
  }
  template <class... Args>
    requires(sizeof...(Args) != 2)
  iterator emplace_hint(const_iterator hint, Args&&... args) {
    std::pair<K, V> made(std::forward<Args>(args)...);
    return try_emplace(hint, std::move(made.first), std::move(made.second));
  }

  /// Exchanges the nodes, or copies where the two stand in different stores.
  void swap(BTreeMap& other) { this->swap_with(other); }
  friend void swap(BTreeMap& a, BTreeMap& b) { a.swap(b); }

 private:
  friend struct detail::Relocation<BTreeMap>;
  using typename Base::Cursor;

  static V& marked(const Cursor& at) {
    value_type* const value = at.value();
    detail::BTreeMapPolicy<K, V, C>::mark_mutable(value);
    return value->second;
  }
  template <class Q>
  Cursor at_or_throw(const Q& key) const {
    const auto place = this->locate(key);
    if (!place.found) throw std::out_of_range("cairn::BTreeMap: no such key");
    return place.at;
  }
  template <class Place, class Q, class... Args>
  std::pair<iterator, bool> emplace_at(const Place& place, Q&& key, Args&&... args) {
    return this->insert_at(place, [&](value_type* value) {
      ::new (static_cast<void*>(value))
          value_type(std::piecewise_construct, std::forward_as_tuple(std::forward<Q>(key)),
                     std::forward_as_tuple(std::forward<Args>(args)...));
    });
  }
  template <class Place, class Q, class U>
  std::pair<iterator, bool> assign_at(const Place& place, Q&& key, U&& value) {
    if (place.found) {
      marked(place.at) = std::forward<U>(value);
      return {iterator(place.at), false};
    }
    return emplace_at(place, std::forward<Q>(key), std::forward<U>(value));
  }
};

template <std::input_iterator It>
BTreeMap(It, It) -> BTreeMap<detail::KeyAt<It>, detail::MappedAt<It>>;
template <class K, class V>
BTreeMap(std::initializer_list<std::pair<K, V>>) -> BTreeMap<K, V>;
template <std::input_iterator It>
BTreeMap(sorted_unique_t, It, It) -> BTreeMap<detail::KeyAt<It>, detail::MappedAt<It>>;

/// Erases the elements for which `condition` holds; returns how many.
template <class K, class V, class C, class Condition>
std::size_t erase_if(BTreeMap<K, V, C>& map, Condition condition) {
  return map.erase_where(condition);
}

template <class K, class V, class C>
struct detail::Relocation<BTreeMap<K, V, C>> {
  using Map = BTreeMap<K, V, C>;

  static void relocate(Map* from, Map* to) noexcept { Map::relocate(from, to); }
};

template <class K, class V, class C>
struct TypeOf<BTreeMap<K, V, C>> {
  static void describe(TypeWriter& writer) {
    using Map = BTreeMap<K, V, C>;
    static_assert(sizeof(Map) == sizeof(BTreeFormat) && alignof(Map) == alignof(BTreeFormat));
    static_assert(!detail::order_name<C, K>().empty(),
                  "cairn: a comparator of a stored map needs an order_name");
    detail::require_movable<V>();
    writer.text("BTreeMap<");
    writer.type<K>();
    writer.text(",");
    writer.type<V>();
    writer.text(",");
    writer.text(detail::order_name<C, K>());
    if (detail::BTreeSlots<detail::BTreeMapPolicy<K, V, C>>::boxed) writer.text(",boxed");
    writer.text(">");
  }
  static consteval Storability parts() { return Storability::ok; }
};

}  // namespace cairn

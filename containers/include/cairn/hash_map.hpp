// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <ranges>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>

#include "cairn/containers/deduction.hpp"
#include "cairn/containers/hash_container.hpp"

namespace cairn {

namespace detail {

template <class K, class V, class H, class E>
struct HashMapPolicy {
  using Key = K;
  using Slot = std::pair<const K, V>;
  using Hasher = H;
  using Equal = E;
  static constexpr bool constant = false;

  static const K& key(const Slot& slot) noexcept { return slot.first; }
  static bool same(const Slot& a, const Slot& b) { return a.second == b.second; }
  static void mark_mutable(Slot* slot) { mark(std::addressof(slot->second), sizeof(V)); }
  /// For elements that cannot be relocated quietly. Copies where a move might throw half-way.
  static void move_to(Slot* from, Slot* to) {
    constexpr bool moves_for_sure =
        std::is_nothrow_move_constructible_v<K> && std::is_nothrow_move_constructible_v<V>;
    if constexpr (!moves_for_sure && is_copyable<Slot>()) {
      ::new (static_cast<void*>(to)) Slot(std::as_const(*from));
    } else {
      ::new (static_cast<void*>(to)) Slot(
          std::piecewise_construct, std::forward_as_tuple(std::move(const_cast<K&>(from->first))),
          std::forward_as_tuple(std::move(from->second)));
    }
  }
};

}  // namespace detail

/// A hash table of keys and values in a store, with the interface of std::unordered_map less nodes,
/// buckets and extract. Open addressing: an insert touches a line of tags, the element's own and
/// the map's header.
///
/// It allocates, moves, marks and throws as Vec does. Single inserts happen or throw with nothing
/// changed. Iterating a mutable map marks the values that are dereferenced; lookups mark nothing
/// before that.
///
/// Keys of type String are looked up and inserted by anything that converts to std::string_view.
///
/// Hash and Equal are stateless; what they compute is part of the file (see `Hash`).
///
/// Invalidates: inserting, reserve, rehash and clear: everything, where the table changes its size;
///              erase: the element.
template <class K, class V, class H = Hash<K>, class E = std::equal_to<>>
class HashMap : public detail::HashContainer<detail::HashMapPolicy<K, V, H, E>> {
  using Policy = detail::HashMapPolicy<K, V, H, E>;
  using Base = detail::HashContainer<Policy>;
  using Position = detail::HashPosition<std::pair<const K, V>>;
  template <class Q>
  static constexpr bool looks_up = detail::HashLookup<Q, K, H, E>;

 public:
  using mapped_type = V;
  using typename Base::const_iterator;
  using typename Base::iterator;
  using typename Base::value_type;

  HashMap() noexcept = default;
  template <std::input_iterator It>
  HashMap(It first, It last) {
    insert(first, last);
  }
  HashMap(std::initializer_list<value_type> values) { insert(values); }
  HashMap(const HashMap&) = default;
  HashMap(HashMap&&) = default;
  ~HashMap() {
    require_storable<K>();
    require_storable<V>();
    detail::require_movable<V>();
  }
  HashMap& operator=(const HashMap&) = default;
  HashMap& operator=(HashMap&&) = default;
  HashMap& operator=(std::initializer_list<value_type> values) {
    HashMap fresh(values);
    return *this = std::move(fresh);
  }

  // Values.

  /// The value; marked where the map is mutable. Throws std::out_of_range without one.
  V& at(const K& key) { return marked(position_or_throw(key)); }
  const V& at(const K& key) const { return position_or_throw(key).slot()->second; }
  template <detail::HashLookup<K, H, E> Q>
  V& at(const Q& key) {
    return marked(position_or_throw(key));
  }
  template <detail::HashLookup<K, H, E> Q>
  const V& at(const Q& key) const {
    return position_or_throw(key).slot()->second;
  }

  /// The value of `key`, made by default if there is none, and marked.
  V& operator[](const K& key) { return marked(emplace_key(key).first.position()); }
  V& operator[](K&& key) { return marked(emplace_key(std::move(key)).first.position()); }
  template <detail::HashLookup<K, H, E> Q>
    requires(std::constructible_from<K, Q>)
  V& operator[](Q&& key) { return marked(emplace_key(std::forward<Q>(key)).first.position()); }

  // Inserting. Hints are taken and of no use to a hash table.

  template <class... Args>
  std::pair<iterator, bool> try_emplace(const K& key, Args&&... args) {
    return emplace_key(key, std::forward<Args>(args)...);
  }
  template <class... Args>
  std::pair<iterator, bool> try_emplace(K&& key, Args&&... args) {
    return emplace_key(std::move(key), std::forward<Args>(args)...);
  }
  template <detail::HashLookup<K, H, E> Q, class... Args>
    requires(std::constructible_from<K, Q> && !std::convertible_to<Q, const_iterator>)
  std::pair<iterator, bool> try_emplace(Q&& key, Args&&... args) {
    return emplace_key(std::forward<Q>(key), std::forward<Args>(args)...);
  }
  template <class Q, class... Args>
    requires((looks_up<Q> ||
              std::same_as<std::remove_cvref_t<Q>, K>)&&std::constructible_from<K, Q>)
  iterator try_emplace(const_iterator, Q&& key, Args&&... args) {
    return emplace_key(std::forward<Q>(key), std::forward<Args>(args)...).first;
  }

  template <class U>
  std::pair<iterator, bool> insert_or_assign(const K& key, U&& value) {
    return assign_key(key, std::forward<U>(value));
  }
  template <class U>
  std::pair<iterator, bool> insert_or_assign(K&& key, U&& value) {
    return assign_key(std::move(key), std::forward<U>(value));
  }
  template <detail::HashLookup<K, H, E> Q, class U>
    requires(std::constructible_from<K, Q>)
  std::pair<iterator, bool> insert_or_assign(Q&& key, U&& value) {
    return assign_key(std::forward<Q>(key), std::forward<U>(value));
  }
  template <class Q, class U>
    requires((looks_up<Q> ||
              std::same_as<std::remove_cvref_t<Q>, K>)&&std::constructible_from<K, Q>)
  iterator insert_or_assign(const_iterator, Q&& key, U&& value) {
    return assign_key(std::forward<Q>(key), std::forward<U>(value)).first;
  }

  std::pair<iterator, bool> insert(const value_type& value) {
    return emplace_key(value.first, value.second);
  }
  std::pair<iterator, bool> insert(value_type&& value) {
    return emplace_key(value.first, std::move(value.second));
  }
  template <class A, class B>
    requires(std::constructible_from<K, A>&& std::constructible_from<V, B>)
  std::pair<iterator, bool> insert(std::pair<A, B> value) {
    return emplace(std::forward<A>(value.first), std::forward<B>(value.second));
  }
  iterator insert(const_iterator, const value_type& value) { return insert(value).first; }
  iterator insert(const_iterator, value_type&& value) { return insert(std::move(value)).first; }
  template <std::input_iterator It>
  void insert(It first, It last) {
    for (; first != last; ++first) insert(*first);
  }
  void insert(std::initializer_list<value_type> values) { insert(values.begin(), values.end()); }
  template <std::ranges::input_range Range>
  void insert_range(Range&& range) {
    for (auto&& value : range) insert(std::forward<decltype(value)>(value));
  }
  /// As std::unordered_map's. Where there are two arguments, the value is made in its place and
  /// only where the key is new.
  template <class... Args>
  std::pair<iterator, bool> emplace(Args&&... args);
  template <class... Args>
  iterator emplace_hint(const_iterator, Args&&... args) {
    return emplace(std::forward<Args>(args)...).first;
  }

  /// Exchanges the tables, or copies where the two stand in different stores.
  void swap(HashMap& other) { Base::swap_as(*this, other); }
  friend void swap(HashMap& a, HashMap& b) { a.swap(b); }

  friend bool operator==(const HashMap& a, const HashMap& b) { return Base::equal(a, b); }

 private:
  template <class Q>
  Position position_or_throw(const Q& key) const {
    const Position found = Base::position(key);
    if (!found) throw std::out_of_range("cairn::HashMap: no such key");
    return found;
  }
  static V& marked(Position place) {
    Policy::mark_mutable(place.slot());
    return place.slot()->second;
  }

  template <class Q, class... Args>
  std::pair<iterator, bool> emplace_key(Q&& key, Args&&... args) {
    return Base::find_or_construct(std::as_const(key), [&](value_type* slot) {
      ::new (static_cast<void*>(slot))
          value_type(std::piecewise_construct, std::forward_as_tuple(std::forward<Q>(key)),
                     std::forward_as_tuple(std::forward<Args>(args)...));
    });
  }
  template <class A, class B>
  std::pair<iterator, bool> emplace_pair(A&& key, B&& value) {
    if constexpr (std::same_as<std::remove_cvref_t<A>, K> || looks_up<A>) {
      return emplace_key(std::forward<A>(key), std::forward<B>(value));
    } else {
      return emplace_key(K(std::forward<A>(key)), std::forward<B>(value));
    }
  }
  template <class Q, class U>
  std::pair<iterator, bool> assign_key(Q&& key, U&& value) {
    auto result = emplace_key(std::forward<Q>(key), std::forward<U>(value));
    if (!result.second) result.first->second = std::forward<U>(value);
    return result;
  }
};

template <std::input_iterator It>
HashMap(It, It) -> HashMap<detail::KeyAt<It>, detail::MappedAt<It>>;
template <class K, class V>
HashMap(std::initializer_list<std::pair<K, V>>) -> HashMap<K, V>;

template <class K, class V, class H, class E>
template <class... Args>
std::pair<typename HashMap<K, V, H, E>::iterator, bool>
HashMap<K, V, H, E>::emplace(Args&&... args) {
  if constexpr (sizeof...(Args) == 2) {
    return emplace_pair(std::forward<Args>(args)...);
  } else {
    std::pair<K, V> made(std::forward<Args>(args)...);
    return emplace_key(std::move(made.first), std::move(made.second));
  }
}

/// Erases the elements for which `condition` holds; returns how many.
template <class K, class V, class H, class E, class Condition>
std::size_t erase_if(HashMap<K, V, H, E>& map, Condition condition) {
  return detail::erase_hashed_if(map, condition);
}

template <class K, class V, class H, class E>
struct detail::Relocation<HashMap<K, V, H, E>> {
  static void relocate(HashMap<K, V, H, E>* from, HashMap<K, V, H, E>* to) noexcept {
    Relocation<HashContainer<HashMapPolicy<K, V, H, E>>>::relocate(from, to);
  }
};

template <class K, class V, class H, class E>
struct TypeOf<HashMap<K, V, H, E>> {
  static void describe(TypeWriter& writer) {
    using Map = HashMap<K, V, H, E>;
    static_assert(sizeof(Map) == sizeof(HashMapFormat) && alignof(Map) == alignof(HashMapFormat));
    detail::require_movable<V>();
    writer.text("HashMap<");
    writer.type<K>();
    writer.text(",");
    writer.type<V>();
    writer.text(",");
    detail::describe_hash<K, H, E>(writer);
    writer.text(">");
  }
  static consteval Storability parts() { return Storability::ok; }
};

}  // namespace cairn

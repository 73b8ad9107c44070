// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <ranges>
#include <type_traits>
#include <utility>

#include "cairn/containers/hash_container.hpp"

namespace cairn {

namespace detail {

template <class T, class H, class E>
struct HashSetPolicy {
  using Key = T;
  using Slot = T;
  using Hasher = H;
  using Equal = E;
  static constexpr bool constant = true;

  static const T& key(const T& slot) noexcept { return slot; }
  static bool same(const T&, const T&) noexcept { return true; }
  static void move_to(T* from, T* to) { move_or_copy(from, to); }
};

}  // namespace detail

/// A hash table of values in a store, with the interface of std::unordered_set less nodes, buckets
/// and extract. The table is HashMap's, with nothing beside the keys.
///
/// It allocates, moves and throws as HashMap does. Elements are never handed out for writing, so
/// reading marks nothing.
///
/// Elements of type String are looked up and inserted by anything that converts to
/// std::string_view.
///
/// Invalidates: as HashMap.
template <class T, class H = Hash<T>, class E = std::equal_to<>>
class HashSet : public detail::HashContainer<detail::HashSetPolicy<T, H, E>> {
  using Base = detail::HashContainer<detail::HashSetPolicy<T, H, E>>;
  template <class Q>
  static constexpr bool looks_up = detail::HashLookup<Q, T, H, E>;

 public:
  using typename Base::const_iterator;
  using typename Base::iterator;

  HashSet() noexcept = default;
  template <std::input_iterator It>
  HashSet(It first, It last) {
    insert(first, last);
  }
  HashSet(std::initializer_list<T> values) { insert(values); }
  HashSet(const HashSet&) = default;
  HashSet(HashSet&&) = default;
  ~HashSet() { require_storable<T>(); }
  HashSet& operator=(const HashSet&) = default;
  HashSet& operator=(HashSet&&) = default;
  HashSet& operator=(std::initializer_list<T> values) {
    HashSet fresh(values);
    return *this = std::move(fresh);
  }

  // Inserting.

  std::pair<iterator, bool> insert(const T& value) { return insert_value(value); }
  std::pair<iterator, bool> insert(T&& value) { return insert_value(std::move(value)); }
  /// Makes a T of `value` only where none is equal to it.
  template <detail::HashLookup<T, H, E> Q>
    requires(std::constructible_from<T, Q>)
  std::pair<iterator, bool> insert(Q&& value) { return insert_value(std::forward<Q>(value)); }
  /// The hint is of no use to a hash table.
  iterator insert(const_iterator, const T& value) { return insert_value(value).first; }
  iterator insert(const_iterator, T&& value) { return insert_value(std::move(value)).first; }
  template <std::input_iterator It>
  void insert(It first, It last) {
    for (; first != last; ++first) emplace(*first);
  }
  void insert(std::initializer_list<T> values) { insert(values.begin(), values.end()); }
  template <std::ranges::input_range Range>
  void insert_range(Range&& range) {
    for (auto&& value : range) emplace(std::forward<decltype(value)>(value));
  }
  /// An element made of `args`; made in vain where an equal one is there, unless the single
  /// argument can be looked up.
  template <class... Args>
  std::pair<iterator, bool> emplace(Args&&... args) {
    if constexpr (sizeof...(Args) == 1 &&
                  ((std::same_as<std::remove_cvref_t<Args>, T> || looks_up<Args>)&&...)) {
      return insert_value(std::forward<Args>(args)...);
    } else {
      return insert_value(T(std::forward<Args>(args)...));
    }
  }
  template <class... Args>
  iterator emplace_hint(const_iterator, Args&&... args) {
    return emplace(std::forward<Args>(args)...).first;
  }

  /// Exchanges the tables, or copies where the two stand in different stores.
  void swap(HashSet& other) { Base::swap_as(*this, other); }
  friend void swap(HashSet& a, HashSet& b) { a.swap(b); }

  friend bool operator==(const HashSet& a, const HashSet& b) { return Base::equal(a, b); }

 private:
  template <class Q>
  std::pair<iterator, bool> insert_value(Q&& value) {
    return Base::find_or_construct(std::as_const(value), [&](T* slot) {
      ::new (static_cast<void*>(slot)) T(std::forward<Q>(value));
    });
  }
};

template <std::input_iterator It>
HashSet(It, It) -> HashSet<std::iter_value_t<It>>;

/// Erases the elements for which `condition` holds; returns how many.
template <class T, class H, class E, class Condition>
std::size_t erase_if(HashSet<T, H, E>& set, Condition condition) {
  return detail::erase_hashed_if(set, condition);
}

template <class T, class H, class E>
struct detail::Relocation<HashSet<T, H, E>> {
  static void relocate(HashSet<T, H, E>* from, HashSet<T, H, E>* to) noexcept {
    Relocation<HashContainer<HashSetPolicy<T, H, E>>>::relocate(from, to);
  }
};

template <class T, class H, class E>
struct TypeOf<HashSet<T, H, E>> {
  static void describe(TypeWriter& writer) {
    using Set = HashSet<T, H, E>;
    static_assert(sizeof(Set) == sizeof(HashMapFormat) && alignof(Set) == alignof(HashMapFormat));
    detail::require_movable<T>();
    writer.text("HashSet<");
    writer.type<T>();
    writer.text(",");
    detail::describe_hash<T, H, E>(writer);
    writer.text(">");
  }
  static consteval Storability parts() { return Storability::ok; }
};

}  // namespace cairn

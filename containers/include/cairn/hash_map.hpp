// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>

#include "cairn/containers/hash_table.hpp"
#include "cairn/hash.hpp"
#include "cairn/types/type_writer.hpp"

namespace cairn {

namespace detail {

template <class K, class V, class H, class E>
struct HashMapPolicy {
  using Slot = std::pair<const K, V>;
  using Hasher = H;
  using Equal = E;

  static const K& key(const Slot& slot) noexcept { return slot.first; }
  static void mark_mutable(Slot* slot) { mark(std::addressof(slot->second), sizeof(V)); }
  /// For elements that cannot be relocated quietly. Copies where a move might throw half-way.
  static void move_to(Slot* from, Slot* to) {
    constexpr bool copies =
        !(std::is_nothrow_move_constructible_v<K> &&
          std::is_nothrow_move_constructible_v<V>)&&std::is_copy_constructible_v<K> &&
        std::is_copy_constructible_v<V>;
    if constexpr (copies) {
      ::new (static_cast<void*>(to)) Slot(std::as_const(*from));
    } else {
      ::new (static_cast<void*>(to)) Slot(
          std::piecewise_construct, std::forward_as_tuple(std::move(const_cast<K&>(from->first))),
          std::forward_as_tuple(std::move(from->second)));
    }
  }
};

/// Whether Q, another type than the key, may be used to look keys up.
template <class Q, class K, class H, class E>
concept HashLookup = !std::same_as<std::remove_cvref_t<Q>, K> &&
                     requires(const std::remove_cvref_t<Q>& key, const K& stored) {
  typename H::is_transparent;
  typename E::is_transparent;
  H{}(key);
  E{}(stored, key);
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
/// Invalidates: inserting, reserve and clear: everything, where the table grows; erase: the
/// element.
template <class K, class V, class H = Hash<K>, class E = std::equal_to<>>
class HashMap {
  using Policy = detail::HashMapPolicy<K, V, H, E>;
  using Table = detail::HashTable<Policy>;
  using Position = detail::HashPosition<std::pair<const K, V>>;
  template <class Q>
  static constexpr bool looks_up = detail::HashLookup<Q, K, H, E>;

 public:
  using key_type = K;
  using mapped_type = V;
  using value_type = std::pair<const K, V>;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using hasher = H;
  using key_equal = E;
  using reference = value_type&;
  using const_reference = const value_type&;
  using pointer = value_type*;
  using const_pointer = const value_type*;
  using iterator = detail::HashIterator<Policy, false>;
  using const_iterator = detail::HashIterator<Policy, true>;

  static_assert(std::is_empty_v<H> && std::is_empty_v<E>, "hash and equality have no state");

  HashMap() noexcept = default;
  template <std::input_iterator It>
  HashMap(It first, It last) {
    insert(first, last);
  }
  HashMap(std::initializer_list<value_type> values) { insert(values); }
  HashMap(const HashMap& other) { table_.copy_from(other.table_); }
  HashMap(HashMap&& other) { take(other); }
  ~HashMap() {
    require_storable<K>();
    require_storable<V>();
    detail::require_movable<V>();
  }
  HashMap& operator=(const HashMap& other);
  HashMap& operator=(HashMap&& other);
  HashMap& operator=(std::initializer_list<value_type> values) {
    HashMap fresh;
    fresh.insert(values);
    return *this = std::move(fresh);
  }

  // Observing.

  bool empty() const noexcept { return size() == 0; }
  size_type size() const noexcept { return table_.size(); }
  /// Elements that fit before the table grows.
  size_type capacity() const noexcept { return table_.capacity(); }
  static constexpr size_type max_size() noexcept {
    return hash_map_capacity(hash_chunk_bits_max, hash_chunk_slots_max);
  }
  hasher hash_function() const noexcept { return {}; }
  key_equal key_eq() const noexcept { return {}; }

  iterator begin() noexcept { return begin_of<iterator>(); }
  iterator end() noexcept { return end_of<iterator>(); }
  const_iterator begin() const noexcept { return begin_of<const_iterator>(); }
  const_iterator end() const noexcept { return end_of<const_iterator>(); }
  const_iterator cbegin() const noexcept { return begin(); }
  const_iterator cend() const noexcept { return end(); }

  iterator find(const K& key) { return at_or_end<iterator>(position(key)); }
  const_iterator find(const K& key) const { return at_or_end<const_iterator>(position(key)); }
  bool contains(const K& key) const { return bool(position(key)); }
  size_type count(const K& key) const { return contains(key) ? 1 : 0; }
  std::pair<iterator, iterator> equal_range(const K& key) { return range(find(key), end()); }
  std::pair<const_iterator, const_iterator> equal_range(const K& key) const {
    return range(find(key), end());
  }
  /// The value; marked where the map is mutable. Throws std::out_of_range without one.
  V& at(const K& key) { return marked(position_or_throw(key)); }
  const V& at(const K& key) const { return position_or_throw(key).slot()->second; }

  template <class Q>
    requires looks_up<Q> iterator find(const Q& key) {
      return at_or_end<iterator>(position(key));
    }
  template <class Q>
    requires looks_up<Q> const_iterator find(const Q& key)
  const { return at_or_end<const_iterator>(position(key)); }
  template <class Q>
    requires looks_up<Q>
  bool contains(const Q& key) const { return bool(position(key)); }
  template <class Q>
    requires looks_up<Q> size_type count(const Q& key)
  const { return contains(key) ? 1 : 0; }
  template <class Q>
  requires looks_up<Q> V& at(const Q& key) { return marked(position_or_throw(key)); }
  template <class Q>
    requires looks_up<Q>
  const V& at(const Q& key) const { return position_or_throw(key).slot()->second; }

  // Inserting.

  template <class... Args>
  std::pair<iterator, bool> try_emplace(const K& key, Args&&... args) {
    return emplace_key(key, std::forward<Args>(args)...);
  }
  template <class... Args>
  std::pair<iterator, bool> try_emplace(K&& key, Args&&... args) {
    return emplace_key(std::move(key), std::forward<Args>(args)...);
  }
  template <class Q, class... Args>
    requires(looks_up<Q>&& std::constructible_from<K, Q>)
  std::pair<iterator, bool> try_emplace(Q&& key, Args&&... args) {
    return emplace_key(std::forward<Q>(key), std::forward<Args>(args)...);
  }

  template <class U>
  std::pair<iterator, bool> insert_or_assign(const K& key, U&& value) {
    return assign_key(key, std::forward<U>(value));
  }
  template <class U>
  std::pair<iterator, bool> insert_or_assign(K&& key, U&& value) {
    return assign_key(std::move(key), std::forward<U>(value));
  }
  template <class Q, class U>
    requires(looks_up<Q>&& std::constructible_from<K, Q>)
  std::pair<iterator, bool> insert_or_assign(Q&& key, U&& value) {
    return assign_key(std::forward<Q>(key), std::forward<U>(value));
  }

  /// The value of `key`, made by default if there is none, and marked.
  V& operator[](const K& key) { return marked(emplace_key(key).first.position()); }
  V& operator[](K&& key) { return marked(emplace_key(std::move(key)).first.position()); }
  template <class Q>
    requires(looks_up<Q>&& std::constructible_from<K, Q>)
  V& operator[](Q&& key) { return marked(emplace_key(std::forward<Q>(key)).first.position()); }

  std::pair<iterator, bool> insert(const value_type& value) {
    return emplace_key(value.first, value.second);
  }
  std::pair<iterator, bool> insert(value_type&& value) {
    return emplace_key(value.first, std::move(value.second));
  }
  template <class A, class B>
    requires(std::constructible_from<K, A>&& std::constructible_from<V, B>)
  std::pair<iterator, bool> insert(std::pair<A, B> value) {
    return emplace(std::move(value.first), std::move(value.second));
  }
  template <std::input_iterator It>
  void insert(It first, It last) {
    for (; first != last; ++first) insert(*first);
  }
  void insert(std::initializer_list<value_type> values) { insert(values.begin(), values.end()); }
  /// The key from the first argument, the value from the second.
  template <class A, class B>
  std::pair<iterator, bool> emplace(A&& key, B&& value) {
    if constexpr (std::same_as<std::remove_cvref_t<A>, K> || looks_up<A>) {
      return emplace_key(std::forward<A>(key), std::forward<B>(value));
    } else {
      return emplace_key(K(std::forward<A>(key)), std::forward<B>(value));
    }
  }

  // Erasing.

  iterator erase(const_iterator at) {
    iterator next(at.position(), at.chunks_end());
    ++next;
    table_.erase(at.position());
    return next;
  }
  iterator erase(iterator at) { return erase(const_iterator(at)); }
  iterator erase(const_iterator first, const_iterator last) {
    while (first != last) first = erase(first);
    return iterator(last.position(), last.chunks_end());
  }
  size_type erase(const K& key) { return erase_at(position(key)); }
  template <class Q>
    requires(looks_up<Q> && !std::convertible_to<Q, const_iterator>)
  size_type erase(const Q& key) { return erase_at(position(key)); }
  /// Frees the table as well.
  void clear() { table_.clear(); }

  /// Room for `count` elements in all.
  void reserve(size_type count) { table_.reserve(count); }
  /// Makes the table as small as its elements allow.
  void shrink_to_fit() { table_.shrink(); }

  /// Exchanges the tables, or copies where the two stand in different stores.
  void swap(HashMap& other);
  friend void swap(HashMap& a, HashMap& b) { a.swap(b); }

  friend bool operator==(const HashMap& a, const HashMap& b) {
    if (a.size() != b.size()) return false;
    for (const auto& [key, value] : a) {
      const auto found = b.find(key);
      if (found == b.end() || !(found->second == value)) return false;
    }
    return true;
  }

 private:
  friend struct detail::Relocation<HashMap>;

  template <class Q>
  Position position(const Q& key) const {
    return table_.find(key, H{}(key));
  }
  template <class Q>
  Position position_or_throw(const Q& key) const {
    const Position found = position(key);
    if (!found) throw std::out_of_range("cairn::HashMap: no such key");
    return found;
  }
  static V& marked(Position place) {
    Policy::mark_mutable(place.slot());
    return place.slot()->second;
  }

  template <class It>
  It begin_of() const noexcept {
    if (empty()) return end_of<It>();
    const auto chunks = table_.chunks();
    It first({chunks.chunk(0), 0}, chunks.end());
    first.skip_to_element(0);
    return first;
  }
  template <class It>
  It end_of() const noexcept {
    if (!table_.has_table()) return It();
    HashChunkFormat* const end = table_.chunks().end();
    return It({end, 0}, end);
  }
  template <class It>
  It at_or_end(Position place) const noexcept {
    return place ? It(place, table_.chunks().end()) : end_of<It>();
  }
  template <class It>
  static std::pair<It, It> range(It found, It end) noexcept {
    if (found == end) return {end, end};
    return {found, std::next(found)};
  }

  template <class Q, class... Args>
  std::pair<iterator, bool> emplace_key(Q&& key, Args&&... args) {
    const std::uint64_t hash = H{}(std::as_const(key));
    if (const Position found = table_.find(key, hash)) {
      return {at_or_end<iterator>(found), false};
    }
    const Position made = table_.insert_new(hash, [&](value_type* slot) {
      ::new (static_cast<void*>(slot))
          value_type(std::piecewise_construct, std::forward_as_tuple(std::forward<Q>(key)),
                     std::forward_as_tuple(std::forward<Args>(args)...));
    });
    return {at_or_end<iterator>(made), true};
  }
  template <class Q, class U>
  std::pair<iterator, bool> assign_key(Q&& key, U&& value) {
    auto result = emplace_key(std::forward<Q>(key), std::forward<U>(value));
    if (!result.second) result.first->second = std::forward<U>(value);
    return result;
  }
  size_type erase_at(Position place) {
    if (!place) return 0;
    table_.erase(place);
    return 1;
  }
  void take(HashMap& other);

  Table table_;
};

}  // namespace cairn

#include "cairn/containers/hash_map_edits.hpp"

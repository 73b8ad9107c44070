// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "cairn/containers/hash_table.hpp"
#include "cairn/hash.hpp"
#include "cairn/types/type_writer.hpp"

namespace cairn {
namespace detail {

template <class Q, class K, class H, class E>
concept LooksUpInTable =
    IsTransparent<H> && IsTransparent<E> && !std::same_as<Q, K> && std::invocable<H, const Q&> &&
    (std::invocable<E, const K&, const Q&> || EquatesTexts<E, K, Q>);

/// Whether Q, another type than the key, may be used to look keys up.
template <class Q, class K, class H, class E>
concept HashLookup = LooksUpInTable<std::remove_cvref_t<Q>, K, H, E>;

/// What HashMap and HashSet have in common: looking up, iterating, erasing, capacity, and changing
/// owners. Policy is the hash table's, with `Key`, and `constant` where elements are never handed
/// out for writing.
template <class Policy>
class HashContainer {
  using Position = HashPosition<typename Policy::Slot>;

 protected:
  using K = typename Policy::Key;
  using H = typename Policy::Hasher;
  using E = typename Policy::Equal;
  template <class Q>
  static constexpr bool looks_up = HashLookup<Q, K, H, E>;

 public:
  using key_type = K;
  using value_type = typename Policy::Slot;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using hasher = H;
  using key_equal = E;
  using reference = value_type&;
  using const_reference = const value_type&;
  using pointer = value_type*;
  using const_pointer = const value_type*;
  using iterator = HashIterator<Policy, Policy::constant>;
  using const_iterator = HashIterator<Policy, true>;

  static_assert(std::is_empty_v<H> && std::is_empty_v<E>, "hash and equality have no state");

  // Observing.

  bool empty() const noexcept { return size() == 0; }
  size_type size() const noexcept { return table_.size(); }
  /// Elements that fit before the table grows.
  size_type capacity() const noexcept { return table_.capacity(); }
  static constexpr size_type max_size() noexcept {
    return hash_map_capacity(hash_chunk_bits_max, hash_chunk_slots_max);
  }
  /// How much of capacity() is used: the table grows at 1.
  float load_factor() const noexcept {
    return empty() ? 0 : static_cast<float>(size()) / static_cast<float>(capacity());
  }
  static constexpr float max_load_factor() noexcept { return 1; }
  hasher hash_function() const noexcept { return {}; }
  key_equal key_eq() const noexcept { return {}; }

  iterator begin() noexcept { return begin_of<iterator>(); }
  iterator end() noexcept { return {}; }
  const_iterator begin() const noexcept { return begin_of<const_iterator>(); }
  const_iterator end() const noexcept { return {}; }
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

  template <HashLookup<K, H, E> Q>
  iterator find(const Q& key) {
    return at_or_end<iterator>(position(key));
  }
  template <HashLookup<K, H, E> Q>
  const_iterator find(const Q& key) const {
    return at_or_end<const_iterator>(position(key));
  }
  template <HashLookup<K, H, E> Q>
  bool contains(const Q& key) const {
    return bool(position(key));
  }
  template <HashLookup<K, H, E> Q>
  size_type count(const Q& key) const {
    return contains(key) ? 1 : 0;
  }
  template <HashLookup<K, H, E> Q>
  std::pair<iterator, iterator> equal_range(const Q& key) {
    return range(find(key), end());
  }
  template <HashLookup<K, H, E> Q>
  std::pair<const_iterator, const_iterator> equal_range(const Q& key) const {
    return range(find(key), end());
  }

  // Erasing.

  iterator erase(const_iterator at) {
    iterator next(at.position(), at.chunks_end());
    ++next;
    table_.erase(at.position(), H{}(Policy::key(*at)));
    return next;
  }
  iterator erase(iterator at) requires(!Policy::constant) { return erase(const_iterator(at)); }
  iterator erase(const_iterator first, const_iterator last) {
    while (first != last) first = erase(first);
    return iterator(last.position(), last.chunks_end());
  }
  size_type erase(const K& key) { return erase_key(key); }
  template <HashLookup<K, H, E> Q>
    requires(!std::convertible_to<Q, const_iterator>)
  size_type erase(const Q& key) { return erase_key(key); }
  /// Frees the table as well.
  void clear() { table_.clear(); }

  /// Takes over the elements of `source` whose keys are not here yet; the others stay there. Within
  /// a store they move without being copied.
  /// Requires: `source` does not stand in an element of this container, which may grow.
  template <class OtherPolicy>
    requires std::same_as<typename OtherPolicy::Slot, value_type>
  void merge(HashContainer<OtherPolicy>& source) { merge_from(source); }
  template <class OtherPolicy>
    requires std::same_as<typename OtherPolicy::Slot, value_type>
  void merge(HashContainer<OtherPolicy>&& source) { merge_from(source); }

  /// Room for `count` elements in all.
  void reserve(size_type count) { table_.reserve(count); }
  /// The smallest table with room for `count` elements and for those that are there.
  void rehash(size_type count) { table_.resize(std::max<size_type>(count, size())); }
  /// Makes the table as small as its elements allow.
  void shrink_to_fit() { table_.resize(size()); }

 protected:
  HashContainer() noexcept = default;
  HashContainer(const HashContainer& other) { table_.copy_from(other.table_); }
  HashContainer(HashContainer&& other) { take(other); }
  ~HashContainer() = default;
  HashContainer& operator=(const HashContainer& other);
  HashContainer& operator=(HashContainer&& other);

  /// Exchanges the tables, or copies where the two stand in different stores.
  template <class Derived>
  static void swap_as(Derived& self, Derived& other);
  /// Whether both hold the same keys, and elements that Policy calls the same under them.
  static bool equal(const HashContainer& a, const HashContainer& b) {
    if (a.size() != b.size()) return false;
    for (const value_type& element : a) {
      const Position found = b.position(Policy::key(element));
      if (!found || !Policy::same(element, *found.slot())) return false;
    }
    return true;
  }

  template <class Q>
  Position position(const Q& key) const {
    return table_.find(key, H{}(key));
  }
  template <class It>
  It at_or_end(Position place) const noexcept {
    return place ? It(place, table_.chunks().end()) : It();
  }
  /// The element of `key`, made by `construct(value_type*)` if there is none.
  template <class Q, class Construct>
  std::pair<iterator, bool> find_or_construct(const Q& key, Construct construct) {
    const std::uint64_t hash = H{}(key);
    if (const Position found = table_.find(key, hash)) {
      return {at_or_end<iterator>(found), false};
    }
    return {at_or_end<iterator>(table_.insert_new(hash, construct)), true};
  }

 private:
  template <class>
  friend class HashContainer;
  friend struct Relocation<HashContainer>;

  template <class It>
  It begin_of() const noexcept {
    if (empty()) return {};
    const auto chunks = table_.chunks();
    It first({chunks.chunk(0), 0}, chunks.end());
    first.skip_to_element(0);
    return first;
  }
  template <class It>
  static std::pair<It, It> range(It found, It end) noexcept {
    if (found == end) return {end, end};
    return {found, std::next(found)};
  }
  template <class Q>
  size_type erase_key(const Q& key) {
    const std::uint64_t hash = H{}(key);
    const Position place = table_.find(key, hash);
    if (!place) return 0;
    table_.erase(place, hash);
    return 1;
  }
  void take(HashContainer& other);
  void take_foreign(HashContainer& other);
  template <class OtherPolicy>
  void merge_from(HashContainer<OtherPolicy>& source);

  HashTable<Policy> table_;
};

template <class Policy>
void HashContainer<Policy>::take(HashContainer& other) {
  if (!other.table_.has_table()) return;
  if (may_own(this, other.table_.base())) {
    other.table_.mark_header();
    table_.steal(other.table_);
  } else {
    take_foreign(other);
  }
}

/// What is here stays where one of the new elements cannot be made.
/// Requires: the elements of `other` stand in another store.
template <class Policy>
void HashContainer<Policy>::take_foreign(HashContainer& other) {
  table_.mark_header();
  HashTable<Policy> aside;
  if constexpr (is_copyable<value_type>()) {
    aside.copy_from_for(this, other.table_);
  } else {
    // Elements that cannot be copied know themselves how to change stores.
    aside.move_from_for(this, other.table_);
  }
  table_.clear();
  table_.steal(aside);
  other.clear();
}

template <class Policy>
HashContainer<Policy>& HashContainer<Policy>::operator=(const HashContainer& other) {
  if (this == &other) return *this;
  table_.mark_header();
  // The copy is made in the store that this container stands in.
  HashTable<Policy> aside;
  aside.copy_from_for(this, other.table_);
  table_.clear();
  table_.steal(aside);
  return *this;
}

template <class Policy>
HashContainer<Policy>& HashContainer<Policy>::operator=(HashContainer&& other) {
  if (this == &other) return *this;
  table_.mark_header();
  if (other.table_.has_table() && !may_own(this, other.table_.base())) {
    take_foreign(other);
    return *this;
  }
  other.table_.mark_header();
  table_.replace_by(other.table_);
  return *this;
}

template <class Policy>
template <class Derived>
void HashContainer<Policy>::swap_as(Derived& self, Derived& other) {
  if (&self == &other) return;
  auto& here = static_cast<HashContainer&>(self).table_;
  auto& there = static_cast<HashContainer&>(other).table_;
  here.mark_header();
  there.mark_header();
  if ((!there.has_table() || may_own(&self, there.base())) &&
      (!here.has_table() || may_own(&other, here.base()))) {
    return here.swap_marked(there);
  }
  Derived aside(std::move(other));
  other = std::move(self);
  self = std::move(aside);
}

template <class Policy>
template <class OtherPolicy>
void HashContainer<Policy>::merge_from(HashContainer<OtherPolicy>& source) {
  if (static_cast<void*>(this) == static_cast<void*>(&source)) return;
  const bool relocates = relocates_quietly<value_type>() && source.table_.has_table() &&
                         may_own(this, source.table_.base());
  for (auto at = std::as_const(source).begin(); at != std::as_const(source).end();) {
    const Position place = at.position();
    value_type* const from = place.slot();
    const std::uint64_t hash = H{}(Policy::key(*from));
    if (table_.find(Policy::key(*from), hash)) {
      ++at;
      continue;
    }
    // All that can fail comes before the element has two places: growing calls the hash function.
    reserve(size() + 1);
    const auto leaving = source.table_.prepare_to_remove(place);
    ++at;
    if constexpr (relocates_quietly<value_type>()) {
      if (relocates) {
        table_.insert_new(hash, [&](value_type* to) { relocate_quietly(from, to); });
        source.table_.remove(leaving);
        continue;
      }
    }
    mark(from, sizeof(value_type));
    table_.insert_new(hash, [&](value_type* to) { Policy::move_to(from, to); });
    destroy_stored(from);
    source.table_.remove(leaving);
  }
}

template <class Policy>
struct Relocation<HashContainer<Policy>> {
  static void relocate(HashContainer<Policy>* from, HashContainer<Policy>* to) noexcept {
    HashTable<Policy>::relocate(&from->table_, &to->table_);
  }
};

/// Erases the elements for which `condition` holds; returns how many.
template <class Container, class Condition>
std::size_t erase_hashed_if(Container& container, Condition& condition) {
  const std::size_t before = container.size();
  for (auto at = std::as_const(container).begin(); at != std::as_const(container).end();) {
    if (condition(*at)) {
      at = container.erase(at);
    } else {
      ++at;
    }
  }
  return before - container.size();
}

/// What a hash function calls itself in type descriptions.
template <class H>
constexpr std::string_view hash_name() {
  if constexpr (requires { std::string_view(H::hash_name); }) {
    return H::hash_name;
  } else {
    return {};
  }
}

/// Writes the hash function's part of a description.
template <class K, class H, class E>
void describe_hash(TypeWriter& writer) {
  constexpr bool is_default = std::is_same_v<H, Hash<K>>;
  static_assert(is_default || !hash_name<H>().empty(),
                "cairn: a hash function of a stored map needs a hash_name");
  static_assert(!is_default || std::is_same_v<E, std::equal_to<>> ||
                    std::is_same_v<E, std::equal_to<K>>,
                "cairn: an equality of one's own goes with a named hash function of one's own");
  if constexpr (is_default) {
    writer.text("cairn");
    writer.number(hash_version);
  } else {
    writer.text(hash_name<H>());
  }
}

}  // namespace detail
}  // namespace cairn

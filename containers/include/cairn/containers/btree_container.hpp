// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <compare>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "cairn/containers/btree.hpp"
#include "cairn/types/type_writer.hpp"

namespace cairn {

/// Says that a range is in order already, without equal keys.
struct sorted_unique_t {  // NOLINT(readability-identifier-naming): named as the standard's
  explicit sorted_unique_t() = default;
};
inline constexpr sorted_unique_t sorted_unique{};

namespace detail {

/// What ordered maps and sets have in common. Policy says what an element is, and by
/// `const_elements` whether mutable iterators exist.
template <class Policy>
class BTreeContainer {
 protected:
  using Tree = BTree<Policy>;
  using Cursor = BTreeCursor<Policy>;
  using K = typename Policy::Key;
  template <class Q>
  static constexpr bool looks_up = BTreeLookup<Q, K, typename Policy::Order>;

 public:
  using key_type = K;
  using value_type = typename Policy::Value;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using key_compare = typename Policy::Order;
  using reference = value_type&;
  using const_reference = const value_type&;
  using pointer = value_type*;
  using const_pointer = const value_type*;
  using iterator = BTreeIterator<Policy, Policy::const_elements>;
  using const_iterator = BTreeIterator<Policy, true>;
  using reverse_iterator = std::reverse_iterator<iterator>;
  using const_reverse_iterator = std::reverse_iterator<const_iterator>;

  static_assert(std::is_empty_v<key_compare>, "a comparator has no state");

  // Observing.

  bool empty() const noexcept { return size() == 0; }
  size_type size() const noexcept { return tree_.size(); }
  static constexpr size_type max_size() noexcept { return size_type{1} << 48; }
  key_compare key_comp() const noexcept { return {}; }

  iterator begin() noexcept { return iterator(tree_.begin()); }
  iterator end() noexcept { return iterator(tree_.end()); }
  const_iterator begin() const noexcept { return const_iterator(tree_.begin()); }
  const_iterator end() const noexcept { return const_iterator(tree_.end()); }
  const_iterator cbegin() const noexcept { return begin(); }
  const_iterator cend() const noexcept { return end(); }
  reverse_iterator rbegin() noexcept { return reverse_iterator(end()); }
  reverse_iterator rend() noexcept { return reverse_iterator(begin()); }
  const_reverse_iterator rbegin() const noexcept { return const_reverse_iterator(end()); }
  const_reverse_iterator rend() const noexcept { return const_reverse_iterator(begin()); }
  const_reverse_iterator crbegin() const noexcept { return rbegin(); }
  const_reverse_iterator crend() const noexcept { return rend(); }

  iterator find(const K& key) { return iterator(find_key(key)); }
  const_iterator find(const K& key) const { return const_iterator(find_key(key)); }
  bool contains(const K& key) const { return locate(key).found; }
  size_type count(const K& key) const { return contains(key) ? 1 : 0; }
  iterator lower_bound(const K& key) { return iterator(lower(key)); }
  const_iterator lower_bound(const K& key) const { return const_iterator(lower(key)); }
  iterator upper_bound(const K& key) { return iterator(upper(key)); }
  const_iterator upper_bound(const K& key) const { return const_iterator(upper(key)); }
  std::pair<iterator, iterator> equal_range(const K& key) { return range<iterator>(key); }
  std::pair<const_iterator, const_iterator> equal_range(const K& key) const {
    return range<const_iterator>(key);
  }

  template <BTreeLookup<K, typename Policy::Order> Q>
  iterator find(const Q& key) {
    return iterator(find_key(key));
  }
  template <BTreeLookup<K, typename Policy::Order> Q>
  const_iterator find(const Q& key) const {
    return const_iterator(find_key(key));
  }
  template <BTreeLookup<K, typename Policy::Order> Q>
  bool contains(const Q& key) const {
    return locate(key).found;
  }
  template <BTreeLookup<K, typename Policy::Order> Q>
  size_type count(const Q& key) const {
    return contains(key) ? 1 : 0;
  }
  template <BTreeLookup<K, typename Policy::Order> Q>
  iterator lower_bound(const Q& key) {
    return iterator(lower(key));
  }
  template <BTreeLookup<K, typename Policy::Order> Q>
  const_iterator lower_bound(const Q& key) const {
    return const_iterator(lower(key));
  }
  template <BTreeLookup<K, typename Policy::Order> Q>
  iterator upper_bound(const Q& key) {
    return iterator(upper(key));
  }
  template <BTreeLookup<K, typename Policy::Order> Q>
  const_iterator upper_bound(const Q& key) const {
    return const_iterator(upper(key));
  }
  template <BTreeLookup<K, typename Policy::Order> Q>
  std::pair<iterator, iterator> equal_range(const Q& key) {
    return range<iterator>(key);
  }
  template <BTreeLookup<K, typename Policy::Order> Q>
  std::pair<const_iterator, const_iterator> equal_range(const Q& key) const {
    return range<const_iterator>(key);
  }

  // Erasing.

  /// Returns what follows the element.
  iterator erase(const_iterator at) { return iterator(tree_.erase(at.cursor())); }
  iterator erase(iterator at) requires(!Policy::const_elements) {
    return iterator(tree_.erase(at.cursor()));
  }
  iterator erase(const_iterator first, const_iterator last) {
    if (first == std::as_const(*this).begin() && last == std::as_const(*this).end()) {
      clear();
      return end();
    }
    // What is erased moves what is not, `last` among it: only the number holds.
    auto left = std::distance(first, last);
    Cursor at = first.cursor();
    for (; left > 0; --left) at = tree_.erase(at);
    return iterator(at);
  }
  size_type erase(const K& key) { return erase_place(locate(key)); }
  template <BTreeLookup<K, typename Policy::Order> Q>
    requires(!std::convertible_to<Q, const_iterator>)
  size_type erase(const Q& key) { return erase_place(locate(key)); }
  /// Frees all nodes.
  void clear() { tree_.clear(); }

  /// Erases the elements for which `condition` holds; returns how many.
  template <class Condition>
  size_type erase_where(Condition condition) {
    const size_type before = size();
    for (const_iterator at = std::as_const(*this).begin(); at != std::as_const(*this).end();) {
      if (condition(*at)) {
        at = erase(at);
      } else {
        ++at;
      }
    }
    return before - size();
  }

  /// Takes over the elements of `source` whose keys are not here yet; the others stay there. Within
  /// a store what they own moves without being copied. Between two it takes two transactions: let
  /// both go where it fails.
  /// Requires: neither of the two stands in an element of the other: elements move.
  template <class OtherPolicy>
    requires std::same_as<typename OtherPolicy::Value, value_type>
  void merge(BTreeContainer<OtherPolicy>& source) { merge_from(source); }
  template <class OtherPolicy>
    requires std::same_as<typename OtherPolicy::Value, value_type>
  void merge(BTreeContainer<OtherPolicy>&& source) { merge_from(source); }

  friend bool operator==(const BTreeContainer& a, const BTreeContainer& b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
  }
  friend auto operator<=>(const BTreeContainer& a, const BTreeContainer& b) {
    return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end(),
                                                  compare_values);
  }

 protected:
  BTreeContainer() noexcept = default;
  BTreeContainer(const BTreeContainer& other) { tree_.copy_from(this, other.tree_); }
  BTreeContainer(BTreeContainer&& other) { take(other); }
  ~BTreeContainer() = default;
  BTreeContainer& operator=(const BTreeContainer& other) {
    if (this == &other) return *this;
    tree_.mark_header();
    Tree aside;
    aside.copy_from(this, other.tree_);
    tree_.clear();
    tree_.steal(aside);
    return *this;
  }
  BTreeContainer& operator=(BTreeContainer&& other) {
    if (this == &other) return *this;
    tree_.mark_header();
    if (!may_take(other)) {
      take_foreign(other);
      return *this;
    }
    other.tree_.mark_header();
    tree_.replace_by(other.tree_);
    return *this;
  }
  void swap_with(BTreeContainer& other) {
    if (this == &other) return;
    tree_.mark_header();
    other.tree_.mark_header();
    if (may_take(other) && other.may_take(*this)) return tree_.swap_marked(other.tree_);
    BTreeContainer aside(std::move(other));
    other = std::move(*this);
    *this = std::move(aside);
  }
  static void relocate(BTreeContainer* from, BTreeContainer* to) noexcept {
    Tree::relocate(&from->tree_, &to->tree_);
  }

  template <class Q>
  typename Tree::Place locate(const Q& key) const {
    return tree_.locate(typename Tree::template Probe<Q>(key));
  }
  template <class Q>
  typename Tree::Place locate_near(const_iterator hint, const Q& key) const {
    return tree_.locate_near(hint.cursor(), typename Tree::template Probe<Q>(key));
  }
  /// Adds what `construct(value_type*)` makes unless the place is taken.
  template <class Construct>
  std::pair<iterator, bool> insert_at(const typename Tree::Place& place, Construct construct) {
    if (place.found) return {iterator(place.at), false};
    return {iterator(tree_.insert_new(place.at, construct)), true};
  }
  /// Replaces all elements by those of a range in order; nothing has changed where that throws.
  template <class It>
  void replace_by_sorted(It first, It last) {
    tree_.mark_header();
    Tree built;
    Cursor gap;
    for (; first != last; ++first) {
      auto construct = [&](value_type* value) {
        ::new (static_cast<void*>(value)) value_type(*first);
      };
      gap = built.append_or_insert(this, gap, construct);
      if (built.size() > 1) {
        Cursor before = gap;
        before.to_previous();
        if (!key_compare{}(before.key(), gap.key())) {
          throw std::invalid_argument("cairn: a range that is not strictly in order");
        }
      }
      ++gap.index;
    }
    tree_.clear();
    tree_.steal(built);
  }

 private:
  template <class OtherPolicy>
  friend class BTreeContainer;

  template <class OtherPolicy>
  void merge_from(BTreeContainer<OtherPolicy>& source);

  template <class Q>
  Cursor find_key(const Q& key) const {
    return tree_.find(typename Tree::template Probe<Q>(key));
  }
  template <class Q>
  Cursor lower(const Q& key) const {
    return tree_.lower_bound(typename Tree::template Probe<Q>(key));
  }
  template <class Q>
  Cursor upper(const Q& key) const {
    return tree_.upper_bound(typename Tree::template Probe<Q>(key));
  }
  template <class It, class Q>
  std::pair<It, It> range(const Q& key) const {
    return {It(lower(key)), It(upper(key))};
  }
  size_type erase_place(const typename Tree::Place& place) {
    if (!place.found) return 0;
    tree_.erase(place.at);
    return 1;
  }

  static auto compare_values(const value_type& a, const value_type& b) {
    if constexpr (std::three_way_comparable<value_type>) {
      return a <=> b;
    } else {
      return a < b   ? std::weak_ordering::less
             : b < a ? std::weak_ordering::greater
                     : std::weak_ordering::equivalent;
    }
  }

  bool may_take(const BTreeContainer& other) const noexcept {
    return !other.tree_.has_root() || may_own(this, other.tree_.root().head());
  }
  void take(BTreeContainer& other) {
    if (!other.tree_.has_root()) return;
    if (may_take(other)) {
      other.tree_.mark_header();
      tree_.steal(other.tree_);
    } else {
      take_foreign(other);
    }
  }
  /// What is here stays where one of the new elements cannot be made.
  /// Requires: the elements of `other` stand in another store.
  void take_foreign(BTreeContainer& other) {
    Tree built;
    if constexpr (is_copyable<value_type>()) {
      built.copy_from(this, other.tree_);
    } else {
      // Elements that cannot be copied know themselves how to change stores.
      Cursor gap;
      for (Cursor at = other.tree_.begin(); at; at.to_next()) {
        mark(at.value(), sizeof(value_type));  // which a move may write to
        auto construct = [&](value_type* value) { Policy::construct_moved(value, at.value()); };
        gap = built.append_or_insert(this, gap, construct);
        ++gap.index;
      }
    }
    tree_.mark_header();
    tree_.clear();
    tree_.steal(built);
    other.clear();
  }

  Tree tree_;
};

template <class Policy>
template <class OtherPolicy>
void BTreeContainer<Policy>::merge_from(BTreeContainer<OtherPolicy>& source) {
  if (static_cast<void*>(this) == static_cast<void*>(&source)) return;
  const_iterator hint = std::as_const(*this).end();
  for (auto at = source.tree_.begin(); at;) {
    const auto place = locate_near(hint, at.key());
    if (place.found) {
      at.to_next();
      continue;
    }
    value_type* const from = at.value();
    // A move may write to what it takes from.
    mark(from, sizeof(value_type));
    hint = iterator(
        tree_.insert_new(place.at, [&](value_type* to) { Policy::construct_moved(to, from); }));
    ++hint;
    at = source.tree_.erase(at);
  }
}

}  // namespace detail
}  // namespace cairn

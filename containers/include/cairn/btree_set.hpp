// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <functional>
#include <initializer_list>
#include <iterator>
#include <ranges>
#include <type_traits>
#include <utility>

#include "cairn/containers/btree_container.hpp"

namespace cairn {

namespace detail {

template <class T, class C>
struct BTreeSetPolicy {
  using Key = T;
  using Value = T;
  using Order = C;
  static constexpr bool const_elements = true;

  static const T& key(const T& value) noexcept { return value; }
  static void construct_moved(T* to, T* from) {
    ::new (static_cast<void*>(to)) T(std::move(*from));
  }
};

}  // namespace detail

/// Different elements in order in a store, with the interface of std::set less node handles. All
/// that is said of BTreeMap is true of it; elements are never handed out for writing.
template <class T, class C = std::less<>>
class BTreeSet : public detail::BTreeContainer<detail::BTreeSetPolicy<T, C>> {
  using Base = detail::BTreeContainer<detail::BTreeSetPolicy<T, C>>;
  template <class Q>
  static constexpr bool looks_up = detail::BTreeLookup<Q, T, C>;

 public:
  using value_compare = C;
  using typename Base::const_iterator;
  using typename Base::iterator;
  using typename Base::size_type;

  BTreeSet() noexcept = default;
  template <std::input_iterator It>
  BTreeSet(It first, It last) {
    insert(first, last);
  }
  BTreeSet(std::initializer_list<T> values) { insert(values); }
  /// See assign_sorted.
  template <std::input_iterator It>
  BTreeSet(sorted_unique_t, It first, It last) {
    assign_sorted(first, last);
  }
  BTreeSet(const BTreeSet&) = default;
  BTreeSet(BTreeSet&&) = default;
  ~BTreeSet() { require_storable<T>(); }
  BTreeSet& operator=(const BTreeSet&) = default;
  BTreeSet& operator=(BTreeSet&&) = default;
  BTreeSet& operator=(std::initializer_list<T> values) {
    BTreeSet fresh;
    fresh.insert(values);
    return *this = std::move(fresh);
  }

  value_compare value_comp() const noexcept { return {}; }

  // Inserting.

  std::pair<iterator, bool> insert(const T& value) { return add(this->locate(value), value); }
  std::pair<iterator, bool> insert(T&& value) { return add(this->locate(value), std::move(value)); }
  template <detail::BTreeLookup<T, C> Q>
    requires(std::constructible_from<T, Q>)
  std::pair<iterator, bool> insert(Q&& value) {
    return add(this->locate(std::as_const(value)), std::forward<Q>(value));
  }
  iterator insert(const_iterator hint, const T& value) {
    return add(this->locate_near(hint, value), value).first;
  }
  iterator insert(const_iterator hint, T&& value) {
    return add(this->locate_near(hint, value), std::move(value)).first;
  }
  template <detail::BTreeLookup<T, C> Q>
    requires(std::constructible_from<T, Q>)
  iterator insert(const_iterator hint, Q&& value) {
    return add(this->locate_near(hint, std::as_const(value)), std::forward<Q>(value)).first;
  }
  /// One by one, each as though it belonged behind the one before: a range in order is not searched
  /// for.
  template <std::input_iterator It>
    requires(!looks_up<It>)
  void insert(It first, It last) {
    const_iterator hint = std::as_const(*this).end();
    for (; first != last; ++first) hint = std::next(emplace_hint(hint, *first));
  }
  void insert(std::initializer_list<T> values) { insert(values.begin(), values.end()); }
  template <std::ranges::input_range Range>
  void insert_range(Range&& range) {
    const_iterator hint = std::as_const(*this).end();
    for (auto&& value : range) {
      hint = std::next(const_iterator(emplace_hint(hint, std::forward<decltype(value)>(value))));
    }
  }
  /// As BTreeMap's.
  template <std::input_iterator It>
  void assign_sorted(It first, It last) {
    this->replace_by_sorted(first, last);
  }
  template <std::input_iterator It>
  static BTreeSet from_sorted(It first, It last) {
    return BTreeSet(sorted_unique, first, last);
  }

  template <class... Args>
  std::pair<iterator, bool> emplace(Args&&... args) {
    if constexpr (is_key<Args...>()) {
      return insert(std::forward<Args>(args)...);
    } else {
      return insert(T(std::forward<Args>(args)...));
    }
  }
  template <class... Args>
  iterator emplace_hint(const_iterator hint, Args&&... args) {
    if constexpr (is_key<Args...>()) {
      return insert(hint, std::forward<Args>(args)...);
    } else {
      return insert(hint, T(std::forward<Args>(args)...));
    }
  }

  /// Exchanges the nodes, or copies where the two stand in different stores.
  void swap(BTreeSet& other) { this->swap_with(other); }
  friend void swap(BTreeSet& a, BTreeSet& b) { a.swap(b); }

 private:
  friend struct detail::Relocation<BTreeSet>;

  /// Whether these are one argument that can be searched for before a T is made of it.
  template <class... Args>
  static consteval bool is_key() {
    return sizeof...(Args) == 1 &&
           ((std::same_as<std::remove_cvref_t<Args>, T> || looks_up<Args>)&&...);
  }

  template <class Place, class Q>
  std::pair<iterator, bool> add(const Place& place, Q&& value) {
    return this->insert_at(
        place, [&](T* slot) { ::new (static_cast<void*>(slot)) T(std::forward<Q>(value)); });
  }
};

template <std::input_iterator It>
BTreeSet(It, It) -> BTreeSet<std::iter_value_t<It>>;
template <std::input_iterator It>
BTreeSet(sorted_unique_t, It, It) -> BTreeSet<std::iter_value_t<It>>;

/// Erases the elements for which `condition` holds; returns how many.
template <class T, class C, class Condition>
std::size_t erase_if(BTreeSet<T, C>& set, Condition condition) {
  return set.erase_where(condition);
}

template <class T, class C>
struct detail::Relocation<BTreeSet<T, C>> {
  using Set = BTreeSet<T, C>;

  static void relocate(Set* from, Set* to) noexcept { Set::relocate(from, to); }
};

template <class T, class C>
struct TypeOf<BTreeSet<T, C>> {
  static void describe(TypeWriter& writer) {
    using Set = BTreeSet<T, C>;
    static_assert(sizeof(Set) == sizeof(BTreeFormat) && alignof(Set) == alignof(BTreeFormat));
    static_assert(!detail::order_name<C, T>().empty(),
                  "cairn: a comparator of a stored set needs an order_name");
    detail::require_movable<T>();
    writer.text("BTreeSet<");
    writer.type<T>();
    writer.text(",");
    writer.text(detail::order_name<C, T>());
    if (detail::BTreeSlots<detail::BTreeSetPolicy<T, C>>::boxed) writer.text(",boxed");
    writer.text(">");
  }
  static consteval Storability parts() { return Storability::ok; }
};

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <ranges>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "cairn/containers/deque_core.hpp"
#include "cairn/containers/sequence.hpp"
#include "cairn/types/type_writer.hpp"

namespace cairn {

/// A sequence in a store that grows at both ends, with the interface of std::deque: a ring in one
/// block, so that elements are reached by one addition, and a queue that stays short writes the
/// same few lines again and again.
///
/// It allocates, moves, marks and throws as Vec does. Single elements added at either end, and
/// ranges appended or prepended, are added or nothing has changed.
///
/// Complexity:  both ends: amortised constant. Inserting and erasing elsewhere: the distance to the
///              nearer end.
/// Invalidates: growth, and insert and erase other than at the ends: everything; adding at an end
///              without growth: nothing; pop_back, pop_front: the element and end().
/// Threads:     one writer, or any number of readers in read sections.
template <class T>
class Deque {
 public:
  using value_type = T;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using reference = T&;
  using const_reference = const T&;
  using pointer = T*;
  using const_pointer = const T*;
  using iterator = RingIterator<T, false>;
  using const_iterator = RingIterator<T, true>;
  using reverse_iterator = std::reverse_iterator<iterator>;
  using const_reverse_iterator = std::reverse_iterator<const_iterator>;

  Deque() noexcept = default;
  explicit Deque(size_type count) { resize(count); }
  Deque(size_type count, const T& value) { assign(count, value); }
  template <std::input_iterator It>
  Deque(It first, It last) {
    append(first, last);
  }
  Deque(std::initializer_list<T> values) { append(values.begin(), values.end()); }
  Deque(const Deque& other) { append(other.begin(), other.end()); }
  Deque(Deque&& other) { take(other); }
  ~Deque() { require_storable<T>(); }

  Deque& operator=(const Deque& other) {
    if (this != &other) assign(other.begin(), other.end());
    return *this;
  }
  Deque& operator=(Deque&& other);
  Deque& operator=(std::initializer_list<T> values) {
    assign(values);
    return *this;
  }

  // Elements.

  reference operator[](size_type index) {
    T* const element = core_.element(index);
    mark_object(*element);
    return *element;
  }
  const_reference operator[](size_type index) const noexcept { return *core_.element(index); }
  reference at(size_type index) { return (*this)[checked(index)]; }
  const_reference at(size_type index) const { return (*this)[checked(index)]; }
  reference front() {
    T* const element = core_.first();
    mark_object(*element);
    return *element;
  }
  const_reference front() const noexcept { return *core_.first(); }
  reference back() { return (*this)[size() - 1]; }
  const_reference back() const noexcept { return (*this)[size() - 1]; }

  iterator begin() noexcept { return mutable_at(0); }
  iterator end() noexcept { return mutable_at(size()); }
  const_iterator begin() const noexcept { return core_.at(0); }
  const_iterator end() const noexcept { return core_.at(size()); }
  const_iterator cbegin() const noexcept { return begin(); }
  const_iterator cend() const noexcept { return end(); }
  reverse_iterator rbegin() noexcept { return reverse_iterator(end()); }
  reverse_iterator rend() noexcept { return reverse_iterator(begin()); }
  const_reverse_iterator rbegin() const noexcept { return const_reverse_iterator(end()); }
  const_reverse_iterator rend() const noexcept { return const_reverse_iterator(begin()); }
  const_reverse_iterator crbegin() const noexcept { return rbegin(); }
  const_reverse_iterator crend() const noexcept { return rend(); }

  // Capacity.

  bool empty() const noexcept { return size() == 0; }
  size_type size() const noexcept { return core_.size(); }
  size_type capacity() const noexcept { return core_.capacity(); }
  static constexpr size_type max_size() noexcept { return detail::DequeCore<T>::max_size(); }
  void reserve(size_type count) { core_.reserve_exactly(count); }
  void shrink_to_fit() { core_.shrink_to_size(); }

  // Changes at the ends.

  void push_back(const T& value) { core_.emplace_back(value); }
  void push_back(T&& value) { core_.emplace_back(std::move(value)); }
  template <class... Args>
  reference emplace_back(Args&&... args) {
    return core_.emplace_back(std::forward<Args>(args)...);
  }
  void push_front(const T& value) { core_.emplace_front(value); }
  void push_front(T&& value) { core_.emplace_front(std::move(value)); }
  template <class... Args>
  reference emplace_front(Args&&... args) {
    return core_.emplace_front(std::forward<Args>(args)...);
  }
  void pop_back() { core_.pop_back(); }
  void pop_front() { core_.pop_front(); }
  void clear() { core_.truncate(0); }
  void resize(size_type count) {
    if (count <= size()) return core_.truncate(count);
    const size_type more = count - size();
    core_.add_built(false, more, [&](auto& built) { built.add_defaults(more); });
  }
  void resize(size_type count, const T& value) {
    if (count <= size()) return core_.truncate(count);
    append(count - size(), value);
  }
  /// Copies behind the last element, as Vec's.
  template <std::input_iterator It>
  void append(It first, It last);
  void append(size_type count, const T& value) {
    core_.add_built(false, count, [&](auto& built) { built.add_copies(count, value); });
  }
  template <std::ranges::input_range Range>
  void append_range(Range&& range) {
    auto&& common = detail::common(range);
    append(std::ranges::begin(common), std::ranges::end(common));
  }
  template <std::ranges::input_range Range>
  void prepend_range(Range&& range) {
    insert_range(std::as_const(*this).begin(), std::forward<Range>(range));
  }

  // Changes everywhere.

  void assign(size_type count, const T& value) {
    core_.replace_built(count, [&](auto& built) { built.add_copies(count, value); });
  }
  template <std::input_iterator It>
  void assign(It first, It last);
  void assign(std::initializer_list<T> values) { assign(values.begin(), values.end()); }
  template <std::ranges::input_range Range>
  void assign_range(Range&& range) {
    auto&& common = detail::common(range);
    assign(std::ranges::begin(common), std::ranges::end(common));
  }

  iterator insert(const_iterator at, const T& value) { return emplace(at, value); }
  iterator insert(const_iterator at, T&& value) { return emplace(at, std::move(value)); }
  iterator insert(const_iterator at, size_type count, const T& value) {
    return insert_built(at, count, [&](auto& built) { built.add_copies(count, value); });
  }
  template <std::input_iterator It>
  iterator insert(const_iterator at, It first, It last);
  iterator insert(const_iterator at, std::initializer_list<T> values) {
    return insert(at, values.begin(), values.end());
  }
  template <std::ranges::input_range Range>
  iterator insert_range(const_iterator at, Range&& range) {
    auto&& common = detail::common(range);
    return insert(at, std::ranges::begin(common), std::ranges::end(common));
  }
  template <class... Args>
  iterator emplace(const_iterator at, Args&&... args) {
    return insert_built(at, 1, [&](auto& built) { built.add(std::forward<Args>(args)...); });
  }

  iterator erase(const_iterator at) { return erase(at, at + 1); }
  iterator erase(const_iterator first, const_iterator last) {
    const size_type index = index_of(first);
    core_.remove(index, static_cast<size_type>(last - first));
    return mutable_at(index);
  }

  /// Exchanges the rings, or copies where the two stand in different stores.
  void swap(Deque& other);
  friend void swap(Deque& a, Deque& b) { a.swap(b); }

  friend bool operator==(const Deque& a, const Deque& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }
  friend auto operator<=>(const Deque& a, const Deque& b) requires detail::Ordered<T> {
    return detail::compare_sequences(a, b);
  }

 private:
  friend struct detail::Relocation<Deque>;

  iterator mutable_at(size_type index) const noexcept {
    return {core_.block_or_null(), core_.capacity(), core_.front() + index};
  }
  size_type index_of(const_iterator at) const noexcept {
    return static_cast<size_type>(at - core_.at(0));
  }
  template <class Fill>
  iterator insert_built(const_iterator at, size_type count, Fill fill);
  void turn_in(size_type first, size_type middle, size_type last, bool in_front);
  void take(Deque& other);
  void take_foreign(Deque& other);
  size_type checked(size_type index) const {
    if (index >= size()) {
      throw std::out_of_range("cairn::Deque: index " + std::to_string(index) + " of " +
                              std::to_string(size()));
    }
    return index;
  }

  detail::DequeCore<T> core_;
};

template <std::input_iterator It>
Deque(It, It) -> Deque<std::iter_value_t<It>>;

}  // namespace cairn

#include "cairn/containers/deque_edits.hpp"

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "cairn/containers/marking_iterator.hpp"
#include "cairn/containers/sequence.hpp"
#include "cairn/containers/vec_core.hpp"
#include "cairn/types/type_writer.hpp"

namespace cairn {

/// A growable array in a store, with the interface of std::vector.
///
/// It allocates from the store that it stands in; a temporary outside all stores from that of this
/// thread's innermost write transaction. A temporary must not outlive that transaction: in the next
/// one of the same store its block may be another object's, and it would free that. Moving steals
/// within a store and copies between two.
///
/// Non-const access marks what it hands out: one element by operator[], at, front, back and
/// iterators, all of them by data(). `std::as_const` reads without marks.
///
/// Throws:      whatever changes it: errc::no_transaction or errc::write_inside_read where it must
///              not be written, errc::no_space, errc::too_large. Elements appended one by one are
///              appended or nothing has changed.
/// Invalidates: as std::vector, also where growth happens in place.
/// Threads:     one writer, or any number of readers in read sections.
template <class T>
class Vec {
 public:
  using value_type = T;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using reference = T&;
  using const_reference = const T&;
  using pointer = T*;
  using const_pointer = const T*;
  using iterator = MarkingIterator<T>;
  using const_iterator = const T*;
  using reverse_iterator = std::reverse_iterator<iterator>;
  using const_reverse_iterator = std::reverse_iterator<const_iterator>;

  Vec() noexcept = default;
  explicit Vec(size_type count) { resize(count); }
  Vec(size_type count, const T& value) { assign(count, value); }
  template <std::input_iterator It>
  Vec(It first, It last) {
    append(first, last);
  }
  Vec(std::initializer_list<T> values) { append(values.begin(), values.end()); }
  Vec(const Vec& other) { append(other.begin(), other.end()); }
  Vec(Vec&& other) { take(other); }
  ~Vec() {
    require_storable<T>();
    detail::require_movable<T>();
  }

  Vec& operator=(const Vec& other) {
    if (this != &other) assign(other.begin(), other.end());
    return *this;
  }
  Vec& operator=(Vec&& other);
  Vec& operator=(std::initializer_list<T> values) {
    assign(values);
    return *this;
  }

  // Elements.

  reference operator[](size_type index) {
    T* element = core_.block() + index;
    mark_object(*element);
    return *element;
  }
  const_reference operator[](size_type index) const noexcept { return core_.block()[index]; }
  reference at(size_type index) { return (*this)[checked(index)]; }
  const_reference at(size_type index) const { return (*this)[checked(index)]; }
  reference front() { return (*this)[0]; }
  const_reference front() const noexcept { return (*this)[0]; }
  reference back() { return (*this)[size() - 1]; }
  const_reference back() const noexcept { return (*this)[size() - 1]; }
  /// All elements, marked; the fast way to work on many, e.g. to sort.
  pointer data() {
    if (!empty()) mark(core_.block(), size() * sizeof(T));
    return core_.block_or_null();
  }
  const_pointer data() const noexcept { return core_.block_or_null(); }

  iterator begin() noexcept { return iterator(core_.block_or_null()); }
  iterator end() noexcept { return iterator(core_.block_or_null() + size()); }
  const_iterator begin() const noexcept { return core_.block_or_null(); }
  const_iterator end() const noexcept { return core_.block_or_null() + size(); }
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
  static constexpr size_type max_size() noexcept { return detail::VecCore<T>::max_size(); }
  void reserve(size_type count) { core_.reserve_exactly(count); }
  void shrink_to_fit() { core_.shrink_to_size(); }

  // Changes.

  void push_back(const T& value) { core_.emplace_back(value); }
  void push_back(T&& value) { core_.emplace_back(std::move(value)); }
  template <class... Args>
  reference emplace_back(Args&&... args) {
    return core_.emplace_back(std::forward<Args>(args)...);
  }
  void pop_back() { truncate(size() - 1); }
  void clear() { truncate(0); }
  void resize(size_type count) {
    if (count <= size()) return truncate(count);
    const size_type more = count - size();
    core_.append_built(more, [&](auto& built) { built.add_defaults(more); });
  }
  void resize(size_type count, const T& value) {
    if (count <= size()) return truncate(count);
    append(count - size(), value);
  }

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

  /// Copies behind the last element: all or, where a copy throws, none (one by one for single-pass
  /// iterators).
  template <std::input_iterator It>
  void append(It first, It last);
  void append(size_type count, const T& value) {
    core_.append_built(count, [&](auto& built) { built.add_copies(count, value); });
  }
  template <std::ranges::input_range Range>
  void append_range(Range&& range) {
    auto&& common = detail::common(range);
    append(std::ranges::begin(common), std::ranges::end(common));
  }

  iterator insert(const_iterator at, const T& value) { return emplace(at, value); }
  iterator insert(const_iterator at, T&& value) { return emplace(at, std::move(value)); }
  iterator insert(const_iterator at, size_type count, const T& value) {
    return insert_appended(at, [&] { append(count, value); });
  }
  template <std::input_iterator It>
  iterator insert(const_iterator at, It first, It last) {
    return insert_appended(at, [&] { append(first, last); });
  }
  iterator insert(const_iterator at, std::initializer_list<T> values) {
    return insert(at, values.begin(), values.end());
  }
  template <std::ranges::input_range Range>
  iterator insert_range(const_iterator at, Range&& range) {
    auto&& common = detail::common(range);
    return insert(at, std::ranges::begin(common), std::ranges::end(common));
  }
  template <class... Args>
  iterator emplace(const_iterator at, Args&&... args);

  iterator erase(const_iterator at) { return erase(at, at + 1); }
  iterator erase(const_iterator first, const_iterator last);

  /// Exchanges the blocks, or copies where the two stand in different stores.
  void swap(Vec& other);
  friend void swap(Vec& a, Vec& b) { a.swap(b); }

  friend bool operator==(const Vec& a, const Vec& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }
  friend auto operator<=>(const Vec& a, const Vec& b) requires detail::Ordered<T> {
    return detail::compare_sequences(a, b);
  }

 private:
  friend struct detail::Relocation<Vec>;

  template <class Append>
  iterator insert_appended(const_iterator at, Append append_them);
  void mark_or_truncate(size_type index, size_type before);
  void take(Vec& other);
  void take_foreign(Vec& other);
  void truncate(size_type count) {
    if (count == size()) return;
    core_.mark_header();
    detail::destroy_stored_n(core_.block() + count, size() - count);
    core_.set_size(count);
  }
  size_type checked(size_type index) const {
    if (index >= size()) {
      throw std::out_of_range("cairn::Vec: index " + std::to_string(index) + " of " +
                              std::to_string(size()));
    }
    return index;
  }

  detail::VecCore<T> core_;
};

template <std::input_iterator It>
Vec(It, It) -> Vec<std::iter_value_t<It>>;

}  // namespace cairn

#include "cairn/containers/vec_edits.hpp"

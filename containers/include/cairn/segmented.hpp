// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "cairn/containers/segmented_core.hpp"
#include "cairn/types/mark_handed_out.hpp"
#include "cairn/types/type_writer.hpp"

namespace cairn {

/// The iterator of Segmented: a position in it, so growth leaves it valid. Dereferencing a
/// non-const one marks the element.
template <class Container, bool Const>
class SegmentedIterator {
  using Element = typename Container::value_type;

 public:
  using iterator_concept = std::random_access_iterator_tag;
  using iterator_category = std::random_access_iterator_tag;
  using value_type = Element;
  using difference_type = std::ptrdiff_t;
  using pointer = std::conditional_t<Const, const Element*, Element*>;
  using reference = std::conditional_t<Const, const Element&, Element&>;
  using Owner = std::conditional_t<Const, const Container, Container>;

  constexpr SegmentedIterator() noexcept = default;
  constexpr SegmentedIterator(Owner& owner, std::size_t index) noexcept
      : owner_(&owner), index_(index) {}
  /// As a const iterator.
  constexpr operator SegmentedIterator<Container, true>() const noexcept requires(!Const) {
    return {*owner_, index_};
  }

  reference operator*() const { return (*owner_)[index_]; }
  pointer operator->() const { return std::addressof(**this); }
  reference operator[](difference_type n) const { return *(*this + n); }

  SegmentedIterator& operator++() noexcept { return *this += 1; }
  SegmentedIterator& operator--() noexcept { return *this -= 1; }
  SegmentedIterator operator++(int) noexcept { return std::exchange(*this, *this + 1); }
  SegmentedIterator operator--(int) noexcept { return std::exchange(*this, *this - 1); }
  SegmentedIterator& operator+=(difference_type n) noexcept {
    index_ += static_cast<std::size_t>(n);
    return *this;
  }
  SegmentedIterator& operator-=(difference_type n) noexcept { return *this += -n; }

  friend SegmentedIterator operator+(SegmentedIterator i, difference_type n) noexcept {
    return i += n;
  }
  friend SegmentedIterator operator+(difference_type n, SegmentedIterator i) noexcept {
    return i += n;
  }
  friend SegmentedIterator operator-(SegmentedIterator i, difference_type n) noexcept {
    return i -= n;
  }
  friend difference_type operator-(SegmentedIterator a, SegmentedIterator b) noexcept {
    return static_cast<difference_type>(a.index_ - b.index_);
  }
  friend bool operator==(SegmentedIterator a, SegmentedIterator b) noexcept {
    return a.index_ == b.index_;
  }
  friend auto operator<=>(SegmentedIterator a, SegmentedIterator b) noexcept {
    return a.index_ <=> b.index_;
  }

 private:
  Owner* owner_ = nullptr;
  std::size_t index_ = 0;
};

/// A sequence in a store that grows at its end and never moves an element: references, Ptrs and
/// Refs to elements hold until those are removed. The interface of std::deque, less what inserts or
/// erases elsewhere than at the end.
///
/// Elements stand in segments, each twice as long as the one before; `segment` gives them as they
/// are, which is the fast way to read many. It allocates, moves and throws as Vec does. Non-const
/// access marks the element. Unlike Vec it also takes elements that cannot be moved, Atomics too.
///
/// Complexity:  access O(1): two dependent loads and a little arithmetic; appending O(1) amortised.
/// Invalidates: shrinking: what was removed, and nothing else.
/// Threads:     one writer, or any number of readers in read sections.
template <class T>
class Segmented {
 public:
  using value_type = T;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using reference = T&;
  using const_reference = const T&;
  using pointer = T*;
  using const_pointer = const T*;
  using iterator = SegmentedIterator<Segmented, false>;
  using const_iterator = SegmentedIterator<Segmented, true>;
  using reverse_iterator = std::reverse_iterator<iterator>;
  using const_reverse_iterator = std::reverse_iterator<const_iterator>;

  Segmented() noexcept = default;
  explicit Segmented(size_type count) { resize(count); }
  Segmented(size_type count, const T& value) { resize(count, value); }
  template <std::input_iterator It>
  Segmented(It first, It last) {
    append(first, last);
  }
  Segmented(std::initializer_list<T> values) { append(values.begin(), values.end()); }
  Segmented(const Segmented& other) { append(other.begin(), other.end()); }
  Segmented(Segmented&& other) { take(other); }
  ~Segmented() { require_storable<T>(); }

  /// Copies over the elements that there are, where they stand.
  Segmented& operator=(const Segmented& other) {
    if (this == &other) return *this;
    if constexpr (std::is_trivially_copyable_v<T>) {
      assign(other.begin(), other.end());
    } else {
      // `other` may stand in an element that is copied over.
      Segmented aside(other);
      assign(std::make_move_iterator(aside.begin()), std::make_move_iterator(aside.end()));
    }
    return *this;
  }
  Segmented& operator=(Segmented&& other) {
    if (this == &other) return *this;
    if (other.capacity() != 0 && !detail::may_own(this, other.core_.block())) {
      // What is here stays where one of the new elements cannot be made.
      Segmented aside;
      const MadeFor made_for(&aside, sizeof aside, this);
      aside.take(other);
      core_.mark_header();
      core_.replace_by(aside.core_);
    } else {
      core_.mark_header();
      other.core_.mark_header();
      core_.replace_by(other.core_);
    }
    return *this;
  }
  Segmented& operator=(std::initializer_list<T> values) {
    assign(values.begin(), values.end());
    return *this;
  }

  // Elements.

  reference operator[](size_type index) {
    T* const element = core_.element(index);
    detail::mark_handed_out(element);
    return *element;
  }
  const_reference operator[](size_type index) const noexcept { return *core_.element(index); }
  reference at(size_type index) { return (*this)[checked(index)]; }
  const_reference at(size_type index) const { return (*this)[checked(index)]; }
  reference front() { return (*this)[0]; }
  const_reference front() const noexcept { return (*this)[0]; }
  reference back() { return (*this)[size() - 1]; }
  const_reference back() const noexcept { return (*this)[size() - 1]; }

  /// The elements piece by piece, each of them contiguous.
  size_type segment_count() const noexcept { return core_.segments(); }
  std::span<const T> segment(size_type k) const noexcept {
    return {core_.segment(k), core_.used_of(k)};
  }

  iterator begin() noexcept { return {*this, 0}; }
  iterator end() noexcept { return {*this, size()}; }
  const_iterator begin() const noexcept { return {*this, 0}; }
  const_iterator end() const noexcept { return {*this, size()}; }
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
  static constexpr size_type max_size() noexcept { return detail::SegmentedCore<T>::max_size(); }
  void reserve(size_type count) { core_.reserve(count); }
  void shrink_to_fit() { core_.shrink(); }

  // Changes.

  void push_back(const T& value) { core_.emplace_back(value); }
  void push_back(T&& value) { core_.emplace_back(std::move(value)); }
  template <class... Args>
  reference emplace_back(Args&&... args) {
    return core_.emplace_back(std::forward<Args>(args)...);
  }
  void pop_back() { core_.truncate(size() - 1); }
  void clear() { core_.truncate(0); }
  void resize(size_type count) {
    extend_to(count, [&] { core_.emplace_back(); });
  }
  void resize(size_type count, const T& value) {
    extend_to(count, [&] { core_.emplace_back(value); });
  }
  /// Copies behind the last element: all or, where a copy throws, none.
  template <std::input_iterator It>
  void append(It first, It last) {
    const Guard guard(*this);
    for (; first != last; ++first) core_.emplace_back(*first);
    guard.succeed();
  }
  template <std::input_iterator It>
  void assign(It first, It last) {
    size_type index = 0;
    for (; first != last && index < size(); ++first, ++index) (*this)[index] = *first;
    core_.truncate(index);
    append(first, last);
  }
  void assign(size_type count, const T& value) {
    const size_type kept = std::min(count, size());
    for (size_type i = 0; i < kept; ++i) {
      // Also where the value is an element: that one is given what it has.
      if (core_.element(i) != std::addressof(value)) (*this)[i] = value;
    }
    resize(count, value);
  }
  void assign(std::initializer_list<T> values) { assign(values.begin(), values.end()); }

  /// Exchanges the segments, or copies where the two stand in different stores.
  void swap(Segmented& other) {
    if (this == &other) return;
    core_.mark_header();
    other.core_.mark_header();
    const bool here = other.capacity() == 0 || detail::may_own(this, other.core_.block());
    const bool there = capacity() == 0 || detail::may_own(&other, core_.block());
    if (here && there) return core_.swap_marked(other.core_);
    refuse_immovable();
    Segmented aside(std::move(other));
    other = std::move(*this);
    *this = std::move(aside);
  }
  friend void swap(Segmented& a, Segmented& b) { a.swap(b); }

  friend bool operator==(const Segmented& a, const Segmented& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }
  friend auto operator<=>(const Segmented& a,
                          const Segmented& b) requires std::three_way_comparable<T> {
    return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  friend struct detail::Relocation<Segmented>;

  /// Takes back what was appended unless told that all of it was.
  class Guard {
   public:
    explicit Guard(Segmented& owner) noexcept : owner_(owner), before_(owner.size()) {}
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    ~Guard() {
      if (succeeded_) return;
      try {
        owner_.core_.truncate(before_);
      } catch (...) {  // NOLINT(bugprone-empty-catch): over budget; the transaction cannot commit
      }
    }
    void succeed() const noexcept { succeeded_ = true; }

   private:
    Segmented& owner_;
    size_type before_;
    mutable bool succeeded_ = false;
  };

  template <class Add>
  void extend_to(size_type count, Add add) {
    if (count <= size()) return core_.truncate(count);
    const Guard guard(*this);
    core_.reserve(count);
    while (size() < count) add();
    guard.succeed();
  }
  void take(Segmented& other) {
    if (other.capacity() == 0) return;
    core_.mark_header();
    if (detail::may_own(this, other.core_.block())) {
      other.core_.mark_header();
      core_.steal(other.core_);
      return;
    }
    refuse_immovable();
    if constexpr (detail::is_copyable<T>()) {
      append(std::as_const(other).begin(), std::as_const(other).end());
    } else if constexpr (std::is_move_constructible_v<T>) {
      append(std::make_move_iterator(other.begin()), std::make_move_iterator(other.end()));
    }
    other.clear();
  }
  /// Before anything changes. Requires: elements have to go from one store to another.
  static void refuse_immovable() {
    if constexpr (!std::is_copy_constructible_v<T> && !std::is_move_constructible_v<T>) {
      detail::throw_immovable("cairn::Segmented");
    }
  }
  size_type checked(size_type index) const {
    if (index >= size()) {
      throw std::out_of_range("cairn::Segmented: index " + std::to_string(index) + " of " +
                              std::to_string(size()));
    }
    return index;
  }

  detail::SegmentedCore<T> core_;
};

template <std::input_iterator It>
Segmented(It, It) -> Segmented<std::iter_value_t<It>>;

/// Its elements stay where they are: only the way to the directory changes.
template <class T>
struct detail::Relocation<Segmented<T>> {
  static void relocate(Segmented<T>* from, Segmented<T>* to) noexcept {
    SegmentedCore<T>::relocate(&from->core_, &to->core_);
  }
};

template <class T>
struct TypeOf<Segmented<T>> {
  static void describe(TypeWriter& writer) {
    static_assert(sizeof(Segmented<T>) == sizeof(SegmentedFormat) &&
                  alignof(Segmented<T>) == alignof(SegmentedFormat));
    writer.text("Segmented<");
    writer.type<T>();
    writer.text(">");
  }
  static consteval Storability parts() { return Storability::ok; }
};

}  // namespace cairn

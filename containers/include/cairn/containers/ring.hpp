// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>

#include "cairn/containers/relocate.hpp"
#include "cairn/types/deque_format.hpp"

/// \file
/// The slots of a Deque's block: how to go around them, and how to fill them.
namespace cairn {

/// Random access over the elements of a Deque. The mutable one marks the element that it is
/// dereferenced to.
template <class T, bool is_const>
class RingIterator {
 public:
  using iterator_concept = std::random_access_iterator_tag;
  using iterator_category = std::random_access_iterator_tag;
  using value_type = std::remove_cv_t<T>;
  using difference_type = std::ptrdiff_t;
  using pointer = std::conditional_t<is_const, const T*, T*>;
  using reference = std::conditional_t<is_const, const T&, T&>;

  constexpr RingIterator() noexcept = default;
  /// `position` counts slots from the block's begin on, past its end where it goes around.
  constexpr RingIterator(T* block, std::size_t capacity, std::size_t position) noexcept
      : block_(block), capacity_(capacity), position_(position) {}
  /// A mutable iterator is good for a const one.
  template <bool other_is_const>
    requires(is_const && !other_is_const)
  constexpr RingIterator(const RingIterator<T, other_is_const>& other) noexcept
      : RingIterator(other.block(), other.capacity(), other.position()) {}

  reference operator*() const {
    T* const element = unmarked();
    if constexpr (!is_const) mark_object(*element);
    return *element;
  }
  pointer operator->() const { return std::addressof(**this); }
  reference operator[](difference_type n) const { return *(*this + n); }

  /// The element unmarked: for reading, or for who marks it otherwise.
  T* unmarked() const noexcept { return block_ + deque_slot(position_, capacity_); }
  T* block() const noexcept { return block_; }
  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t position() const noexcept { return position_; }

  RingIterator& operator++() noexcept { return *this += 1; }
  RingIterator& operator--() noexcept { return *this -= 1; }
  RingIterator operator++(int) noexcept {
    RingIterator before = *this;
    ++*this;
    return before;
  }
  RingIterator operator--(int) noexcept {
    RingIterator before = *this;
    --*this;
    return before;
  }
  RingIterator& operator+=(difference_type n) noexcept {
    position_ += static_cast<std::size_t>(n);
    return *this;
  }
  RingIterator& operator-=(difference_type n) noexcept {
    position_ -= static_cast<std::size_t>(n);
    return *this;
  }

  friend RingIterator operator+(RingIterator i, difference_type n) noexcept { return i += n; }
  friend RingIterator operator+(difference_type n, RingIterator i) noexcept { return i += n; }
  friend RingIterator operator-(RingIterator i, difference_type n) noexcept { return i -= n; }
  friend difference_type operator-(const RingIterator& a, const RingIterator& b) noexcept {
    return static_cast<difference_type>(a.position_ - b.position_);
  }
  friend bool operator==(const RingIterator& a, const RingIterator& b) noexcept {
    return a.position_ == b.position_;
  }
  friend auto operator<=>(const RingIterator& a, const RingIterator& b) noexcept {
    return a.position_ <=> b.position_;
  }

 private:
  T* block_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t position_ = 0;
};

namespace detail {

/// Steps over the elements themselves, which whoever made it has marked.
template <class T>
class MarkedRingIterator : public RingIterator<T, true> {
  using Base = RingIterator<T, true>;

 public:
  using pointer = T*;
  using reference = T&;
  using difference_type = std::ptrdiff_t;

  constexpr MarkedRingIterator() noexcept = default;
  constexpr explicit MarkedRingIterator(const Base& at) noexcept : Base(at) {}

  reference operator*() const noexcept { return *this->unmarked(); }
  pointer operator->() const noexcept { return this->unmarked(); }
  reference operator[](difference_type n) const noexcept { return *(*this + n); }
  MarkedRingIterator& operator++() noexcept { return *this += 1; }
  MarkedRingIterator& operator--() noexcept { return *this -= 1; }
  MarkedRingIterator operator++(int) noexcept { return std::exchange(*this, *this + 1); }
  MarkedRingIterator operator--(int) noexcept { return std::exchange(*this, *this - 1); }
  MarkedRingIterator& operator+=(difference_type n) noexcept {
    Base::operator+=(n);
    return *this;
  }
  MarkedRingIterator& operator-=(difference_type n) noexcept { return *this += -n; }
  friend MarkedRingIterator operator+(MarkedRingIterator i, difference_type n) noexcept {
    return i += n;
  }
  friend MarkedRingIterator operator+(difference_type n, MarkedRingIterator i) noexcept {
    return i += n;
  }
  friend MarkedRingIterator operator-(MarkedRingIterator i, difference_type n) noexcept {
    return i -= n;
  }
  friend difference_type operator-(const MarkedRingIterator& a,
                                   const MarkedRingIterator& b) noexcept {
    return static_cast<const Base&>(a) - static_cast<const Base&>(b);
  }
};

/// Objects made one after the other in marked slots, destroyed again unless released: PartlyBuilt
/// around a ring.
template <class T>
class RingPartlyBuilt {
 public:
  explicit RingPartlyBuilt(const RingIterator<T, true>& begin) noexcept : begin_(begin) {}
  RingPartlyBuilt(const RingPartlyBuilt&) = delete;
  RingPartlyBuilt& operator=(const RingPartlyBuilt&) = delete;
  ~RingPartlyBuilt() {
    while (count_ != 0) std::destroy_at((begin_ + --count_).unmarked());
  }

  template <class... Args>
  void add(Args&&... args) {
    ::new (static_cast<void*>((begin_ + count_).unmarked())) T(std::forward<Args>(args)...);
    ++count_;
  }
  void add_defaults(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) add();
  }
  void add_copies(std::size_t count, const T& value) {
    for (std::size_t i = 0; i < count; ++i) add(value);
  }
  template <class It>
  void add_range(It first, It last) {
    for (; first != last; ++first) add(*first);
  }
  void release() noexcept { count_ = 0; }

 private:
  RingIterator<T, true> begin_;
  std::ptrdiff_t count_ = 0;
};

/// Turns the elements of [first, last) so that the one at `middle` comes first; all marked.
template <class T>
void rotate_ring(RingIterator<T, true> first, RingIterator<T, true> middle,
                 RingIterator<T, true> last) {
  if (first == middle || middle == last) return;
  if constexpr (relocates_quietly<T>()) {
    const auto exchange = [](T* a, T* b) {
      alignas(T) std::byte aside[sizeof(T)];
      T* const held = reinterpret_cast<T*>(aside);
      relocate_quietly(a, held);
      relocate_quietly(b, a);
      relocate_quietly(held, b);
    };
    const auto reverse = [&](RingIterator<T, true> from, RingIterator<T, true> to) {
      while (from < to && from < --to) exchange((from++).unmarked(), to.unmarked());
    };
    reverse(first, middle);
    reverse(middle, last);
    reverse(first, last);
  } else {
    using Marked = MarkedRingIterator<T>;
    std::rotate(Marked(first), Marked(middle), Marked(last));
  }
}

}  // namespace detail
}  // namespace cairn

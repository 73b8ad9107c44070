// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <compare>
#include <cstddef>
#include <iterator>
#include <type_traits>

#include "cairn/allocator/write_context.hpp"

namespace cairn {

/// The non-const iterator of contiguous containers: dereferencing it marks the element, since what
/// it hands out may be written. Random access but, on purpose, not contiguous: an algorithm that
/// unwraps it to a pointer would write without marks.
///
/// Where only reading is meant, `std::as_const` gives plain pointers.
template <class T>
class MarkingIterator {
 public:
  using iterator_concept = std::random_access_iterator_tag;
  using iterator_category = std::random_access_iterator_tag;
  using value_type = std::remove_cv_t<T>;
  using difference_type = std::ptrdiff_t;
  using pointer = T*;
  using reference = T&;

  constexpr MarkingIterator() noexcept = default;
  constexpr explicit MarkingIterator(T* at) noexcept : at_(at) {}

  reference operator*() const {
    mark_object(*at_);
    return *at_;
  }
  pointer operator->() const {
    mark_object(*at_);
    return at_;
  }
  reference operator[](difference_type n) const { return *(*this + n); }

  /// As a const iterator.
  constexpr operator const T*() const noexcept { return at_; }
  /// The element unmarked: for reading, or for who marks it otherwise.
  constexpr T* unmarked() const noexcept { return at_; }

  MarkingIterator& operator++() noexcept { return *this += 1; }
  MarkingIterator& operator--() noexcept { return *this -= 1; }
  MarkingIterator operator++(int) noexcept {
    MarkingIterator before = *this;
    ++*this;
    return before;
  }
  MarkingIterator operator--(int) noexcept {
    MarkingIterator before = *this;
    --*this;
    return before;
  }
  MarkingIterator& operator+=(difference_type n) noexcept {
    at_ += n;
    return *this;
  }
  MarkingIterator& operator-=(difference_type n) noexcept {
    at_ -= n;
    return *this;
  }

  friend MarkingIterator operator+(MarkingIterator i, difference_type n) noexcept { return i += n; }
  friend MarkingIterator operator+(difference_type n, MarkingIterator i) noexcept { return i += n; }
  friend MarkingIterator operator-(MarkingIterator i, difference_type n) noexcept { return i -= n; }
  friend difference_type operator-(MarkingIterator a, MarkingIterator b) noexcept {
    return a.at_ - b.at_;
  }
  friend bool operator==(MarkingIterator a, MarkingIterator b) noexcept { return a.at_ == b.at_; }
  friend auto operator<=>(MarkingIterator a, MarkingIterator b) noexcept { return a.at_ <=> b.at_; }

 private:
  T* at_ = nullptr;
};

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cairn/deque.hpp"

/// \file
/// The longer members of Deque, and what a stored one is to others.
namespace cairn {

template <class T>
void Deque<T>::take(Deque& other) {
  if (other.capacity() == 0) return;
  if (detail::may_own(this, other.core_.block())) {
    other.core_.mark_header();
    core_.steal(other.core_);
  } else {
    take_foreign(other);
  }
}

/// What is here stays where one of the new elements cannot be made.
/// Requires: the elements of `other` stand in another store.
template <class T>
void Deque<T>::take_foreign(Deque& other) {
  core_.replace_built(other.size(), [&](auto& built) { detail::add_foreign(built, other); });
  other.clear();
}

template <class T>
Deque<T>& Deque<T>::operator=(Deque&& other) {
  if (this == &other) return *this;
  core_.mark_header();
  if (other.capacity() != 0 && !detail::may_own(this, other.core_.block())) {
    take_foreign(other);
    return *this;
  }
  other.core_.mark_header();
  core_.replace_by(other.core_);
  return *this;
}

template <class T>
template <std::input_iterator It>
void Deque<T>::append(It first, It last) {
  if constexpr (std::forward_iterator<It>) {
    core_.add_built(false, static_cast<size_type>(std::distance(first, last)),
                    [&](auto& built) { built.add_range(first, last); });
  } else {
    for (; first != last; ++first) emplace_back(*first);
  }
}

template <class T>
template <std::input_iterator It>
void Deque<T>::assign(It first, It last) {
  if constexpr (std::forward_iterator<It>) {
    core_.replace_built(static_cast<size_type>(std::distance(first, last)),
                        [&](auto& built) { built.add_range(first, last); });
  } else {
    clear();
    append(first, last);
  }
}

/// Brings new elements from the end that they were added at to their place. Where what that writes
/// cannot be marked, they go again.
template <class T>
void Deque<T>::turn_in(size_type first, size_type middle, size_type last, bool in_front) {
  if (first == middle || middle == last) return;
  try {
    core_.mark_elements(first, last);
  } catch (...) {
    if (in_front) {
      core_.remove(0, middle);
    } else {
      core_.truncate(middle);
    }
    throw;
  }
  core_.rotate_marked(first, middle, last);
}

template <class T>
template <class Fill>
typename Deque<T>::iterator Deque<T>::insert_built(const_iterator at, size_type count, Fill fill) {
  const size_type index = index_of(at);
  const size_type before = size();
  const bool in_front = index < before - index;
  core_.add_built(in_front, count, fill);
  if (in_front) {
    turn_in(0, count, count + index, true);
  } else {
    turn_in(index, before, before + count, false);
  }
  return mutable_at(index);
}

template <class T>
template <std::input_iterator It>
typename Deque<T>::iterator Deque<T>::insert(const_iterator at, It first, It last) {
  if constexpr (std::forward_iterator<It>) {
    return insert_built(at, static_cast<size_type>(std::distance(first, last)),
                        [&](auto& built) { built.add_range(first, last); });
  } else {
    const size_type index = index_of(at);
    const size_type before = size();
    append(first, last);
    turn_in(index, before, size(), false);
    return mutable_at(index);
  }
}

template <class T>
void Deque<T>::swap(Deque& other) {
  if (this == &other) return;
  core_.mark_header();
  other.core_.mark_header();
  const bool here = other.capacity() == 0 || detail::may_own(this, other.core_.block());
  const bool there = capacity() == 0 || detail::may_own(&other, core_.block());
  if (here && there) return core_.swap_marked(other.core_);
  Deque aside(std::move(other));
  other = std::move(*this);
  *this = std::move(aside);
}

/// Removes the elements for which `condition` holds; returns how many.
template <class T, class Condition>
std::size_t erase_if(Deque<T>& deque, Condition condition) {
  const std::size_t before = deque.size();
  deque.erase(std::remove_if(deque.begin(), deque.end(), condition), deque.end());
  return before - deque.size();
}
/// Removes the elements equal to `value`; returns how many.
template <class T, class U>
std::size_t erase(Deque<T>& deque, const U& value) {
  return erase_if(deque, [&](const T& element) { return element == value; });
}

template <class T>
struct detail::Relocation<Deque<T>> {
  static void relocate(Deque<T>* from, Deque<T>* to) noexcept {
    DequeCore<T>::relocate(&from->core_, &to->core_);
  }
};

template <class T>
struct TypeOf<Deque<T>> {
  static void describe(TypeWriter& writer) {
    static_assert(sizeof(Deque<T>) == sizeof(DequeFormat) &&
                  alignof(Deque<T>) == alignof(DequeFormat));
    detail::require_movable<T>();
    writer.text("Deque<");
    writer.type<T>();
    writer.text(">");
  }
  static consteval Storability parts() { return Storability::ok; }
};

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cairn/vec.hpp"

/// \file
/// The longer members of Vec.
namespace cairn {

template <class T>
void Vec<T>::take(Vec& other) {
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
void Vec<T>::take_foreign(Vec& other) {
  core_.replace_built(other.size(), [&](auto& built) { detail::add_foreign(built, other); });
  other.clear();
}

template <class T>
Vec<T>& Vec<T>::operator=(Vec&& other) {
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
void Vec<T>::append(It first, It last) {
  if constexpr (std::forward_iterator<It>) {
    core_.append_built(static_cast<size_type>(std::distance(first, last)),
                       [&](auto& built) { built.add_range(first, last); });
  } else {
    for (; first != last; ++first) emplace_back(*first);
  }
}

template <class T>
template <std::input_iterator It>
void Vec<T>::assign(It first, It last) {
  if constexpr (!std::forward_iterator<It>) {
    clear();
    append(first, last);
  } else {
    const auto count = static_cast<size_type>(std::distance(first, last));
    if constexpr (std::is_trivially_copyable_v<T>) {
      if (count <= capacity() && count != 0) {
        core_.mark_header();
        mark(core_.block(), count * sizeof(T));
        std::copy(first, last, core_.block());
        core_.set_size(count);
        return;
      }
    }
    core_.replace_built(count, [&](auto& built) { built.add_range(first, last); });
  }
}

/// Marks what turning new elements in from the end writes. Where that fails, they go again.
template <class T>
void Vec<T>::mark_or_truncate(size_type index, size_type before) {
  try {
    mark(core_.block() + index, (size() - index) * sizeof(T));
  } catch (...) {
    truncate(before);
    throw;
  }
}

template <class T>
template <class... Args>
typename Vec<T>::iterator Vec<T>::emplace(const_iterator at, Args&&... args) {
  const auto index = static_cast<size_type>(at - core_.block_or_null());
  const size_type before = size();
  core_.emplace_back(std::forward<Args>(args)...);
  if (index != before) {
    mark_or_truncate(index, before);
    core_.rotate_last_to(index);
  }
  return begin() + static_cast<difference_type>(index);
}

template <class T>
template <class Append>
typename Vec<T>::iterator Vec<T>::insert_appended(const_iterator at, Append append_them) {
  const auto index = static_cast<size_type>(at - core_.block_or_null());
  const size_type before = size();
  append_them();
  if (index != before && before != size()) {
    mark_or_truncate(index, before);
    T* data = core_.block();
    std::rotate(data + index, data + before, data + size());
  }
  return begin() + static_cast<difference_type>(index);
}

template <class T>
typename Vec<T>::iterator Vec<T>::erase(const_iterator first, const_iterator last) {
  const auto index = static_cast<size_type>(first - core_.block_or_null());
  core_.remove(index, static_cast<size_type>(last - first));
  return begin() + static_cast<difference_type>(index);
}

template <class T>
void Vec<T>::swap(Vec& other) {
  if (this == &other) return;
  core_.mark_header();
  other.core_.mark_header();
  const bool here = other.capacity() == 0 || detail::may_own(this, other.core_.block());
  const bool there = capacity() == 0 || detail::may_own(&other, core_.block());
  if (here && there) return core_.swap_marked(other.core_);
  Vec aside(std::move(other));
  other = std::move(*this);
  *this = std::move(aside);
}

/// Removes the elements for which `condition` holds; returns how many.
template <class T, class Condition>
std::size_t erase_if(Vec<T>& vec, Condition condition) {
  const std::size_t before = vec.size();
  vec.erase(std::remove_if(vec.begin(), vec.end(), condition), vec.end());
  return before - vec.size();
}
/// Removes the elements equal to `value`; returns how many.
template <class T, class U>
std::size_t erase(Vec<T>& vec, const U& value) {
  return erase_if(vec, [&](const T& element) { return element == value; });
}

template <class T>
struct detail::Relocation<Vec<T>> {
  static void relocate(Vec<T>* from, Vec<T>* to) noexcept {
    VecCore<T>::relocate(&from->core_, &to->core_);
  }
};

template <class T>
struct TypeOf<Vec<T>> {
  static void describe(TypeWriter& writer) {
    static_assert(sizeof(Vec<T>) == sizeof(VecFormat) && alignof(Vec<T>) == alignof(VecFormat));
    detail::require_movable<T>();
    writer.text("Vec<");
    writer.type<T>();
    writer.text(">");
  }
  static consteval Storability parts() { return Storability::ok; }
};

}  // namespace cairn

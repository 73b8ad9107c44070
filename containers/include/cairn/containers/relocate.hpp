// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

#include "cairn/allocator/write_context.hpp"
#include "cairn/containers/copyability.hpp"
#include "cairn/storable.hpp"

/// \file
/// Moving stored objects from one place to another and ending their lives. A move constructor and
/// a destructor would write to the old place, which then has to be marked, logged and made private
/// for nothing, so whatever can be moved without that is.
namespace cairn {

/// Whether containers may move a described type by moving each of its fields and forgetting the old
/// object, without its move constructor and destructor. Specialise as false for a described class
/// whose move constructor or destructor does something of its own.
template <class T>
inline constexpr bool moves_by_fields = detail::Described<T>;

namespace detail {

/// Specialised by each container: `static void relocate(T* from, T* to) noexcept` makes `to` what
/// `from` was, leaving the bytes of `from` as they are but no longer an object.
template <class T>
struct Relocation;

template <class T>
concept HasRelocation = requires(T* object) {
  Relocation<T>::relocate(object, object);
};

template <class T>
consteval bool relocates_quietly();

template <class T>
struct QuietParts {
  bool quiet = true;

  template <class Base>
  constexpr void base() {
    quiet = quiet && relocates_quietly<Base>();
  }
  template <class Field>
  constexpr void field(Field) {
    quiet =
        quiet &&
        relocates_quietly<std::remove_reference_t<decltype(std::declval<T&>().*Field::pointer)>>();
  }
};

template <class T>
inline constexpr bool is_pair = false;
template <class A, class B>
inline constexpr bool is_pair<std::pair<A, B>> = true;
template <class T>
inline constexpr bool is_tuple = false;
template <class... Ts>
inline constexpr bool is_tuple<std::tuple<Ts...>> = true;

template <class... Ts>
consteval bool tuple_relocates_quietly(const std::tuple<Ts...>*) {
  return (relocates_quietly<Ts>() && ...);
}

/// True where relocating and destroying a T writes nothing to the old place.
template <class T>
consteval bool relocates_quietly() {
  require_movable<T>();
  if constexpr (std::is_trivially_copyable_v<T> || HasRelocation<T>) {
    return true;
  } else if constexpr (std::is_array_v<T>) {
    return relocates_quietly<std::remove_all_extents_t<T>>();
  } else if constexpr (is_std_array<T>) {
    return relocates_quietly<typename T::value_type>();
  } else if constexpr (is_pair<T>) {
    return relocates_quietly<std::remove_const_t<typename T::first_type>>() &&
           relocates_quietly<typename T::second_type>();
  } else if constexpr (is_tuple<T>) {
    return tuple_relocates_quietly(static_cast<const T*>(nullptr));
  } else if constexpr (Described<T>) {
    if constexpr (moves_by_fields<T>) {
      QuietParts<T> parts;
      for_each_described_part<T>(parts);
      return parts.quiet;
    } else {
      return false;
    }
  } else {
    return false;
  }
}

template <class T>
void relocate_quietly(T* from, T* to) noexcept;

template <class T>
struct PartRelocator {
  T* from;
  T* to;

  template <class Base>
  void base() {
    if constexpr (!std::is_empty_v<Base>) {
      relocate_quietly(static_cast<Base*>(from), static_cast<Base*>(to));
    }
  }
  template <class Field>
  void field(Field) {
    relocate_quietly(std::addressof(from->*Field::pointer), std::addressof(to->*Field::pointer));
  }
};

template <class T>
void relocate_quietly(T* from, T* to) noexcept {
  if constexpr (std::is_trivially_copyable_v<T>) {
    std::memcpy(static_cast<void*>(to), static_cast<const void*>(from), sizeof(T));
  } else if constexpr (HasRelocation<T>) {
    Relocation<T>::relocate(from, to);
  } else if constexpr (std::is_array_v<T>) {
    for (std::size_t i = 0; i < std::extent_v<T>; ++i) relocate_quietly(*from + i, *to + i);
  } else if constexpr (is_std_array<T>) {
    for (std::size_t i = 0; i < std::tuple_size_v<T>; ++i) {
      relocate_quietly(from->data() + i, to->data() + i);
    }
  } else if constexpr (is_pair<T>) {
    using First = std::remove_const_t<typename T::first_type>;
    relocate_quietly(const_cast<First*>(std::addressof(from->first)),
                     const_cast<First*>(std::addressof(to->first)));
    relocate_quietly(std::addressof(from->second), std::addressof(to->second));
  } else if constexpr (is_tuple<T>) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (relocate_quietly(std::addressof(std::get<I>(*from)), std::addressof(std::get<I>(*to))), ...);
    }
    (std::make_index_sequence<std::tuple_size_v<T>>{});
  } else {
    PartRelocator<T> parts{from, to};
    for_each_described_part<T>(parts);
  }
}

/// Whether a T is best made first and handed on by value: in a register, while a reference to it
/// would keep it in memory wherever something may be called.
template <class T>
inline constexpr bool fits_registers = std::is_trivially_copyable_v<T> &&
                                       sizeof(T) <= 2 * sizeof(void*);

/// Moves `count` objects to marked memory that does not overlap.
/// Requires: relocates_quietly<T>().
template <class T>
void relocate_quietly_n(T* from, std::size_t count, T* to) noexcept {
  if constexpr (std::is_trivially_copyable_v<T>) {
    if (count != 0) {
      std::memcpy(static_cast<void*>(to), static_cast<const void*>(from), count * sizeof(T));
    }
  } else {
    for (std::size_t i = 0; i < count; ++i) relocate_quietly(from + i, to + i);
  }
}

/// Whether destroying a T writes to the object itself.
template <class T>
consteval bool destroys_loudly() {
  if constexpr (std::is_trivially_destructible_v<T>) {
    return false;
  } else if constexpr (holds_atomic<T>()) {
    return true;
  } else {
    return !relocates_quietly<T>();
  }
}

/// Ends the life of an object in a store. Types whose destructors may write to the object itself
/// are marked first.
template <class T>
void destroy_stored(T* object) {
  if constexpr (!std::is_trivially_destructible_v<T>) {
    if constexpr (destroys_loudly<T>()) mark(object, sizeof(T));
    std::destroy_at(object);
  }
}

template <class T>
void destroy_stored_n(T* objects, std::size_t count) {
  if constexpr (!std::is_trivially_destructible_v<T>) {
    if constexpr (destroys_loudly<T>()) {
      if (count != 0) mark(objects, count * sizeof(T));
    }
    std::destroy_n(objects, count);
  }
}

/// Moves `count` objects to marked memory that does not overlap, for types that have to be asked.
/// Throws: what a copy throws; `from` is unchanged then, unless T can only be moved and that threw.
template <class T>
void move_loudly_n(T* from, std::size_t count, T* to) {
  if (count == 0) return;
  mark(from, count * sizeof(T));
  std::size_t done = 0;
  try {
    for (; done < count; ++done)
      ::new (static_cast<void*>(to + done)) T(move_unless_copyable(from[done]));
  } catch (...) {
    std::destroy_n(to, done);
    throw;
  }
}

/// Objects made one after the other in marked memory, destroyed again unless released: the cleanup
/// of a construction that threw.
template <class T>
class PartlyBuilt {
 public:
  explicit PartlyBuilt(T* begin) noexcept : begin_(begin) {}
  PartlyBuilt(const PartlyBuilt&) = delete;
  PartlyBuilt& operator=(const PartlyBuilt&) = delete;
  ~PartlyBuilt() { std::destroy_n(begin_, count_); }

  template <class... Args>
  void add(Args&&... args) {
    ::new (static_cast<void*>(begin_ + count_)) T(std::forward<Args>(args)...);
    ++count_;
  }
  void add_defaults(std::size_t count) {
    if constexpr (std::is_trivially_default_constructible_v<T>) {
      std::uninitialized_value_construct_n(begin_ + count_, count);
      count_ += count;
    } else {
      for (std::size_t i = 0; i < count; ++i) add();
    }
  }
  void add_copies(std::size_t count, const T& value) {
    for (std::size_t i = 0; i < count; ++i) add(value);
  }
  template <class It>
  void add_range(It first, It last) {
    if constexpr (std::is_trivially_copyable_v<T> && std::contiguous_iterator<It> &&
                  std::is_same_v<std::remove_const_t<std::iter_value_t<It>>, T>) {
      const auto count = static_cast<std::size_t>(last - first);
      std::memcpy(static_cast<void*>(begin_ + count_), std::to_address(first), count * sizeof(T));
      count_ += count;
    } else {
      for (; first != last; ++first) add(*first);
    }
  }
  std::size_t release() noexcept { return std::exchange(count_, 0); }

 private:
  T* begin_;
  std::size_t count_ = 0;
};

/// Adds the elements of `from`, whose store they leave, to a builder: copies, or where there can be
/// none what moves make, since such elements know themselves how to change stores.
template <class Built, class Sequence>
void add_foreign(Built& built, Sequence& from) {
  if constexpr (is_copyable<typename Sequence::value_type>()) {
    built.add_range(from.cbegin(), from.cend());
  } else {
    built.add_range(std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  }
}

}  // namespace detail
}  // namespace cairn

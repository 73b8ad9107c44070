// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "cairn/storable.hpp"

/// \file
/// Whether elements can really be copied. Containers and boxes have copy constructors whatever they
/// hold, as those of the standard library have, and so std::is_copy_constructible says yes to a Box
/// of what can only be moved. Whoever may choose between copying and moving has to know better.
namespace cairn::detail {

template <class T, class... Outer>
consteval bool is_copyable();

template <class T, class... Outer>
struct CopyableParts {
  bool found = true;

  template <class Base>
  constexpr void base() {
    found = found && is_copyable<Base, Outer...>();
  }
  template <class Field>
  constexpr void field(Field) {
    using Part = std::remove_reference_t<decltype(std::declval<T&>().*Field::pointer)>;
    found = found && is_copyable<std::remove_cv_t<Part>, Outer...>();
  }
};

/// The types that a class template holds an object of each, or one of all: specialised for those of
/// the standard library that are no containers, and for Box.
template <class T>
struct HeldTypes;
template <class A, class B>
struct HeldTypes<std::pair<A, B>> : std::type_identity<std::tuple<std::remove_const_t<A>, B>> {};
template <class... Ts>
struct HeldTypes<std::tuple<Ts...>> : std::type_identity<std::tuple<Ts...>> {};
template <class... Ts>
struct HeldTypes<std::variant<Ts...>> : std::type_identity<std::tuple<Ts...>> {};

template <class T>
concept HoldsTypes = requires {
  typename HeldTypes<T>::type;
};

template <class T>
concept HoldsElements = requires {
  typename T::value_type;
};

/// Whether a copy of a T, and of all that it owns, compiles. `Outer` are the types that it was
/// found in, of which it may own more. Requires: T is complete.
template <class T, class... Outer>
consteval bool is_copyable() {
  constexpr bool is_asked_already = (std::is_same_v<T, Outer> || ...);
  constexpr bool has_parts = HoldsTypes<T> || Described<T> || HoldsElements<T>;
  if constexpr (std::is_array_v<T>) {
    return is_copyable<std::remove_all_extents_t<T>, Outer...>();
  } else if constexpr (is_asked_already || std::is_trivially_copyable_v<T> || !has_parts) {
    return is_asked_already || std::is_copy_constructible_v<T>;
  } else if constexpr (!std::is_copy_constructible_v<T>) {
    return false;
  } else if constexpr (HoldsTypes<T>) {
    return []<class... Held>(std::type_identity<std::tuple<Held...>>) {
      return (is_copyable<Held, T, Outer...>() && ...);
    }(std::type_identity<typename HeldTypes<T>::type>{});
  } else if constexpr (Described<T>) {
    CopyableParts<T, T, Outer...> parts;
    for_each_described_part<T>(parts);
    return parts.found;
  } else {
    return is_copyable<typename T::value_type, T, Outer...>();
  }
}

/// What std::move_if_noexcept does, for elements that may only seem to have copies.
template <class T>
constexpr decltype(auto) move_unless_copyable(T& from) noexcept {
  if constexpr (is_copyable<T>() && !std::is_nothrow_move_constructible_v<T>) {
    return std::as_const(from);
  } else {
    return std::move(from);
  }
}

/// Makes an element of one that goes: a copy where a move might throw half-way.
template <class T>
void move_or_copy(T* from, T* to) {
  ::new (static_cast<void*>(to)) T(move_unless_copyable(*from));
}

}  // namespace cairn::detail

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

#include "cairn/hash.hpp"

namespace cairn {

class TypeWriter;
template <class T>
class Atomic;

/// How a type that is not a described struct is stored: specialised for scalars, the standard
/// library's fixed-size parts, and each of cairn's containers, with
///
///     static void describe(TypeWriter& writer);       // writes the type's description
///     static consteval Storability parts();           // the first problem among by-value parts
template <class T>
struct TypeOf;

/// Why a type can or cannot be stored.
enum class Storability {
  ok,
  reference,
  qualified,
  raw_pointer,
  pointer_to_member,
  process_object,
  polymorphic,
  owning_container,
  smart_pointer,
  view,
  wide_scalar,
  union_type,
  undescribed,
  partly_described,
  field_named_as_base,
  moved_atomic,
};

namespace detail {

template <class T>
concept HasTypeOf = requires {
  sizeof(TypeOf<T>);
};

template <class T>
concept OwnsThroughAllocator = requires {
  typename T::allocator_type;
};
template <class T>
concept LooksLikeSmartPointer = requires(const T& value) {
  typename T::element_type;
  {value.get()};
  requires std::is_pointer_v<decltype(value.get())>;
};
template <class T>
concept LooksLikeView = requires(const T& value) {
  {value.data()};
  {value.size()};
  requires std::is_pointer_v<decltype(value.data())>;
};

template <class T>
inline constexpr bool is_atomic = false;
template <class T>
inline constexpr bool is_atomic<Atomic<T>> = true;
template <class T>
inline constexpr bool is_std_array = false;
template <class T, std::size_t N>
inline constexpr bool is_std_array<std::array<T, N>> = true;

template <class T>
consteval bool holds_atomic();

template <class T>
struct AtomicParts {
  bool found = false;

  template <class Base>
  constexpr void base() {
    found = found || holds_atomic<Base>();
  }
  template <class Field>
  constexpr void field(Field) {
    found = found ||
            holds_atomic<std::remove_reference_t<decltype(std::declval<T&>().*Field::pointer)>>();
  }
};

/// Whether an Atomic lies within the bytes of a T. Where else one could lie it is refused.
template <class T>
consteval bool holds_atomic() {
  if constexpr (is_atomic<T>) {
    return true;
  } else if constexpr (std::is_array_v<T>) {
    return holds_atomic<std::remove_all_extents_t<T>>();
  } else if constexpr (is_std_array<T>) {
    return holds_atomic<typename T::value_type>();
  } else if constexpr (Described<T>) {
    AtomicParts<T> parts;
    for_each_described_part<T>(parts);
    return parts.found;
  } else {
    return false;
  }
}

template <class T>
consteval Storability storability();

/// The n of a name `base<n>`, by which descriptions call the bases of a struct; else more than any.
constexpr std::size_t base_number(std::string_view name) noexcept {
  constexpr std::size_t none = ~std::size_t{0};
  constexpr std::string_view prefix = "base";
  if (name.size() <= prefix.size() || name.size() > prefix.size() + 3) return none;
  if (name.substr(0, prefix.size()) != prefix) return none;
  name.remove_prefix(prefix.size());
  if (name[0] == '0' && name.size() > 1) return none;
  std::size_t number = 0;
  for (const char digit : name) {
    if (digit < '0' || digit > '9') return none;
    number = number * 10 + static_cast<std::size_t>(digit - '0');
  }
  return number;
}

template <class T>
struct StorabilityOfParts {
  Storability found = Storability::ok;
  std::size_t end = 0;
  /// Whether the n-th base has a place in the description: empty ones have none.
  std::array<bool, 100> named_bases{};
  std::size_t bases = 0;

  template <class Part>
  constexpr void part() {
    if constexpr (!std::is_empty_v<Part>) {
      end = (end + alignof(Part) - 1) / alignof(Part) * alignof(Part) + sizeof(Part);
    }
    if (found == Storability::ok) found = storability<Part>();
  }
  template <class Base>
  constexpr void base() {
    if (bases < named_bases.size()) named_bases[bases++] = !std::is_empty_v<Base>;
    part<Base>();
  }
  template <class Field>
  constexpr void field(Field) {
    const std::size_t number = base_number(Field::name);
    if (number < bases && named_bases[number] && found == Storability::ok) {
      found = Storability::field_named_as_base;
    }
    part<std::remove_reference_t<decltype(std::declval<T&>().*Field::pointer)>>();
  }
};

/// The bases and fields of a described struct one by one, and whether they are all there: laid out
/// one after the other they reach its end.
template <Described T>
consteval Storability storability_of_described() {
  StorabilityOfParts<T> parts;
  for_each_described_part<T>(parts);
  if (parts.found != Storability::ok) return parts.found;
  const std::size_t reached = (parts.end + alignof(T) - 1) / alignof(T) * alignof(T);
  if (reached < sizeof(T) && !std::is_empty_v<T>) return Storability::partly_described;
  return Storability::ok;
}

template <class T>
consteval Storability storability_of_class() {
  if constexpr (std::is_polymorphic_v<T>) {
    return Storability::polymorphic;
  } else if constexpr (Described<T>) {
    return storability_of_described<T>();
  } else if constexpr (LooksLikeSmartPointer<T>) {
    return Storability::smart_pointer;
  } else if constexpr (OwnsThroughAllocator<T>) {
    return Storability::owning_container;
  } else if constexpr (LooksLikeView<T>) {
    return Storability::view;
  } else {
    return Storability::undescribed;
  }
}

template <class T>
consteval Storability storability() {
  if constexpr (std::is_reference_v<T>) {
    return Storability::reference;
  } else if constexpr (std::is_const_v<T> || std::is_volatile_v<T>) {
    return Storability::qualified;
  } else if constexpr (std::is_pointer_v<T> || std::is_null_pointer_v<T>) {
    return Storability::raw_pointer;
  } else if constexpr (std::is_member_pointer_v<T>) {
    return Storability::pointer_to_member;
  } else if constexpr (std::is_function_v<T> || std::is_void_v<T>) {
    return Storability::process_object;
  } else if constexpr (HasTypeOf<T>) {
    return TypeOf<T>::parts();
  } else if constexpr (std::is_union_v<T>) {
    return Storability::union_type;
  } else if constexpr (std::is_class_v<T>) {
    return storability_of_class<T>();
  } else {
    return Storability::wide_scalar;
  }
}

template <class... Parts>
consteval Storability first_problem() {
  Storability found = Storability::ok;
  ((found = found == Storability::ok ? storability<Parts>() : found), ...);
  return found;
}

/// The same for parts of what is moved as a whole, where no Atomic can be.
template <class... Parts>
consteval Storability first_problem_of_moved() {
  constexpr Storability found = first_problem<Parts...>();
  if constexpr (found == Storability::ok) {
    return (holds_atomic<Parts>() || ...) ? Storability::moved_atomic : found;
  } else {
    return found;
  }
}

}  // namespace detail

/// What can live in a store: numbers, enums, std::array, pair, tuple, optional, variant and
/// chrono's durations and time points of storable parts; boost's static_vector and static_string
/// with cairn/static_vector.hpp and cairn/static_string.hpp; cairn's containers; and structs whose
/// fields are storable and described with BOOST_DESCRIBE_STRUCT or BOOST_DESCRIBE_CLASS.
///
/// A container is taken as storable whatever it holds, since a struct may hold containers of
/// itself; what it holds is checked where it is used.
template <class T>
concept Storable = detail::storability<T>()
== Storability::ok;

/// Fails to compile, with the reason as its message, where T cannot be stored.
template <class T>
consteval void require_storable() {
  constexpr Storability found = detail::storability<T>();
  static_assert(found != Storability::reference,
                "cairn: a reference cannot be stored; use cairn::Ptr<T> or cairn::Ref<T>");
  static_assert(found != Storability::qualified,
                "cairn: a const or volatile part cannot be stored; drop the qualifier");
  static_assert(found != Storability::raw_pointer,
                "cairn: a raw pointer cannot be stored, it means nothing to another process; use "
                "cairn::Box<T> to own, cairn::Ptr<T> or cairn::Ref<T> to point");
  static_assert(found != Storability::pointer_to_member,
                "cairn: a pointer to member cannot be stored");
  static_assert(found != Storability::process_object, "cairn: functions and void cannot be stored");
  static_assert(found != Storability::polymorphic,
                "cairn: a type with virtual functions cannot be stored, its vtable pointer means "
                "nothing to another process; tell kinds apart by an enum field instead");
  static_assert(found != Storability::owning_container,
                "cairn: std::string and the standard containers cannot be stored, they point to "
                "this process's memory; use cairn::String, cairn::Vec, cairn::HashMap");
  static_assert(found != Storability::smart_pointer,
                "cairn: a smart pointer cannot be stored; use cairn::Box<T> to own");
  static_assert(found != Storability::view,
                "cairn: a view such as std::string_view or std::span cannot be stored, it points "
                "to this process's memory; store a cairn::String or cairn::Vec");
  static_assert(found != Storability::wide_scalar,
                "cairn: only bool, char, 8 to 64-bit integers, float and double can be stored");
  static_assert(found != Storability::union_type, "cairn: a union cannot be stored");
  static_assert(found != Storability::undescribed,
                "cairn: this struct cannot be stored without a description of its fields; write "
                "BOOST_DESCRIBE_STRUCT(Type, (bases), (fields)) after it");
  static_assert(found != Storability::partly_described,
                "cairn: the description of this struct leaves out some of its fields; name every "
                "field in BOOST_DESCRIBE_STRUCT");
  static_assert(found != Storability::field_named_as_base,
                "cairn: this struct has bases and a field called base0, base1 or so on, as "
                "descriptions call its bases; rename the field");
  static_assert(found != Storability::moved_atomic,
                "cairn: an Atomic cannot be part of a pair, tuple, optional, variant or "
                "static_vector, which move what they hold; make it a root, a field of a struct or "
                "an element of an array");
}

namespace detail {

/// Fails to compile where a container that moves its elements would hold a T that cannot be moved.
template <class T>
consteval void require_movable() {
  static_assert(!holds_atomic<T>(),
                "cairn: an Atomic cannot be an element of a container that moves its elements, "
                "increments made meanwhile would be lost; hold a cairn::Box of it, or use "
                "cairn::Segmented");
}

}  // namespace detail

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <bit>
#include <boost/describe/bases.hpp>
#include <boost/describe/class.hpp>
#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace cairn {

/// The version of the functions below. They decide where elements lie in a file, so they never
/// change without a new number here, which tables and type descriptions carry.
inline constexpr std::uint8_t hash_version = 1;

namespace detail {
__extension__ using Uint128 = unsigned __int128;
}  // namespace detail

/// A strong and cheap mixer: both halves of a 128-bit product, folded.
constexpr std::uint64_t hash_number(std::uint64_t value) noexcept {
  // The golden ratio's and the square root of three's fractional digits: no structure of their own.
  const auto product =
      static_cast<detail::Uint128>(value ^ 0xBB67AE8584CAA73BULL) * 0x9E3779B97F4A7C15ULL;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// Joins the hash of one more part to that of the parts before it; order matters.
constexpr std::uint64_t hash_join(std::uint64_t before, std::uint64_t part) noexcept {
  return hash_number(std::rotl(before, 23) + part);
}

/// What hash_join starts from for a value of no parts yet.
inline constexpr std::uint64_t hash_of_nothing = 0x3C6EF372FE94F82BULL;

/// XXH3, 64 bits, unseeded.
std::uint64_t hash_bytes(const void* data, std::size_t bytes) noexcept;

/// The hash function of cairn's containers: equal in every process, on every machine and in every
/// build. Defined for numbers, enums, strings, pairs, tuples, arrays and described structs whose
/// parts are hashable themselves. Part by part:
///
///     integers, enums, bool   hash_number of the value, sign-extended to 64 bits (char as signed)
///     float, double           hash_number of the bits; -0 as +0
///     strings                 hash_bytes of the characters
///     everything composed     hash_join over the parts in order, from hash_of_nothing; bases
///     first,
///                             empty ones left out
///
/// A hash function of your own is a stateless class with `std::uint64_t operator()(const K&) const`
/// and `static constexpr std::string_view hash_name`, which goes into the type's description.
template <class T>
struct Hash;

template <class T>
concept Hashable = requires(const T& value) {
  { Hash<T>{}(value) } -> std::same_as<std::uint64_t>;
};

template <class T>
  requires(std::is_integral_v<T> || std::is_enum_v<T>)
struct Hash<T> {
  constexpr std::uint64_t operator()(T value) const noexcept {
    // Plain char is signed on some machines and unsigned on others.
    if constexpr (std::is_same_v<T, char>)
      return Hash<signed char>{}(static_cast<signed char>(value));
    return hash_number(static_cast<std::uint64_t>(value));
  }
};

template <>
struct Hash<float> {
  constexpr std::uint64_t operator()(float value) const noexcept {
    return hash_number(std::bit_cast<std::uint32_t>(value == 0 ? 0.0F : value));
  }
};

template <>
struct Hash<double> {
  constexpr std::uint64_t operator()(double value) const noexcept {
    return hash_number(std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value));
  }
};

/// What every kind of string hashes with, so that one can be looked up by another.
struct StringHash {
  using is_transparent = void;

  std::uint64_t operator()(std::string_view text) const noexcept {
    return hash_bytes(text.data(), text.size());
  }
};

template <>
struct Hash<std::string_view> : StringHash {};

template <Hashable A, Hashable B>
struct Hash<std::pair<A, B>> {
  std::uint64_t operator()(const std::pair<A, B>& value) const {
    return hash_join(hash_join(hash_of_nothing, Hash<A>{}(value.first)), Hash<B>{}(value.second));
  }
};

template <Hashable... Ts>
struct Hash<std::tuple<Ts...>> {
  std::uint64_t operator()(const std::tuple<Ts...>& value) const {
    std::uint64_t hash = hash_of_nothing;
    std::apply([&](const Ts&... parts) { ((hash = hash_join(hash, Hash<Ts>{}(parts))), ...); },
               value);
    return hash;
  }
};

template <Hashable T, std::size_t N>
struct Hash<std::array<T, N>> {
  std::uint64_t operator()(const std::array<T, N>& value) const {
    std::uint64_t hash = hash_of_nothing;
    for (const T& part : value) hash = hash_join(hash, Hash<T>{}(part));
    return hash;
  }
};

namespace detail {

template <class T>
using DescribedBases = boost::describe::describe_bases<T, boost::describe::mod_any_access>;
template <class T>
using DescribedFields = boost::describe::describe_members<T, boost::describe::mod_any_access>;

template <class T>
concept Described = std::is_class_v<T> && boost::describe::has_describe_members<T>::value;

/// Every field that the classes under `T` describe, bases first.
template <Described T, class Visitor>
constexpr void for_each_described_part(Visitor&& visit) {
  boost::mp11::mp_for_each<DescribedBases<T>>(
      [&](auto base) { visit.template base<typename decltype(base)::type>(); });
  boost::mp11::mp_for_each<DescribedFields<T>>([&](auto field) { visit.field(field); });
}

template <class T>
struct HashParts {
  const T& value;
  std::uint64_t hash = hash_of_nothing;

  template <class Base>
  void base() {
    if constexpr (!std::is_empty_v<Base>) {
      hash = hash_join(hash, Hash<Base>{}(static_cast<const Base&>(value)));
    }
  }
  template <class Field>
  void field(Field) {
    const auto& part = value.*Field::pointer;
    hash = hash_join(hash, Hash<std::remove_cvref_t<decltype(part)>>{}(part));
  }
};

}  // namespace detail

template <detail::Described T>
struct Hash<T> {
  std::uint64_t operator()(const T& value) const {
    detail::HashParts<T> parts{value};
    detail::for_each_described_part<T>(parts);
    return parts.hash;
  }
};

}  // namespace cairn

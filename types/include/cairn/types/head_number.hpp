// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <type_traits>

namespace cairn {

/// A number in the head of a container, stored as `Number` is.
///
/// A type of its own for the compilers' sake: elements are often numbers too, and a store to a
/// std::uint64_t may change every other one. A store to an element cannot change these, so that
/// loops over a container keep its size and its place in registers.
template <class Number>
class HeadNumber {
 public:
  constexpr HeadNumber() noexcept = default;
  constexpr HeadNumber(Number value) noexcept : value_(static_cast<Own>(value)) {}
  constexpr operator Number() const noexcept { return static_cast<Number>(value_); }

  constexpr HeadNumber& operator+=(Number more) noexcept { return *this = *this + more; }
  constexpr HeadNumber& operator-=(Number less) noexcept { return *this = *this - less; }
  constexpr HeadNumber& operator++() noexcept { return *this += 1; }
  constexpr HeadNumber& operator--() noexcept { return *this -= 1; }

 private:
  enum class Own : Number {};

  Own value_{};
};

static_assert(sizeof(HeadNumber<std::uint64_t>) == sizeof(std::uint64_t) &&
              alignof(HeadNumber<std::uint64_t>) == alignof(std::uint64_t) &&
              std::is_trivially_copyable_v<HeadNumber<std::uint64_t>>);

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace cairn::test {

/// One step of a program: what to do, and two numbers to do it with.
struct Step {
  unsigned kind = 0;
  std::uint32_t a = 0;
  std::uint32_t b = 0;

  /// Picks an element of a container of this size, or the place behind its last.
  std::size_t index(std::size_t size) const { return a % size; }
  std::ptrdiff_t place(std::size_t size) const {
    return static_cast<std::ptrdiff_t>(a % (size + 1));
  }
  /// A place from `from` on.
  std::ptrdiff_t place_from(std::ptrdiff_t from, std::size_t size) const {
    return from + static_cast<std::ptrdiff_t>(b) % (static_cast<std::ptrdiff_t>(size) - from + 1);
  }
  /// A text of 0 to 79 characters, around what fits into a String and beyond.
  std::string text() const {
    return std::string(b % 80, static_cast<char>('a' + b % 26)) + std::to_string(a % 10);
  }
};

std::ostream& operator<<(std::ostream& out, const Step& step);

/// A program of steps of this many kinds, to be called in a property: it is shrunk when that fails.
/// Compiled once, since generators are most of what a property costs the compiler.
std::vector<Step> random_program(unsigned kinds);
/// The same with a step in eight that is of one of these many further kinds, counted from `kinds`.
std::vector<Step> random_program(unsigned kinds, unsigned rare_kinds);

}  // namespace cairn::test

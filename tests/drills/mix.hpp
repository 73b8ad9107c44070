// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace cairn::drills {

/// The next number of splitmix64 (Steele, Lea and Flood 2014) and a way to scatter numbers.
constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

}  // namespace cairn::drills

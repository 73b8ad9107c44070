// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <limits>

namespace cairn {

/// a * b, or a number that is larger than any heap.
inline std::uint64_t product(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t result;
  return __builtin_mul_overflow(a, b, &result) ? std::numeric_limits<std::uint64_t>::max() : result;
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>

namespace cairn::bench {

/// What filling a vector took, and summing it where it was filled.
struct VectorFill {
  double pushing_seconds = 0;  ///< with what makes the elements last
  double summing_seconds = 0;  ///< of `sum_passes` passes
  std::uint64_t sum = 0;
};

/// One pass over 80 MB is short beside a disturbance.
inline constexpr unsigned sum_passes = 5;

/// Sums so many times over and returns the last result.
template <class Sum>
std::uint64_t sum_repeatedly(Sum sum) {
  std::uint64_t result = 0;
  for (unsigned pass = 0; pass < sum_passes; ++pass) {
    benchmark::DoNotOptimize(result = sum());
    benchmark::ClobberMemory();  // or one pass would serve for all
  }
  return result;
}

}  // namespace cairn::bench

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>

#include "cairn/store/reader_lanes.hpp"

namespace cairn {

/// Rounds of looking before sleeping: a publication of a small record takes well under this.
inline constexpr int lane_spin_rounds = 400;
inline constexpr std::chrono::microseconds lane_pause{50};
/// How long to wait before asking whether the other side is still alive.
inline constexpr std::chrono::milliseconds lane_liveness_interval{10};
inline constexpr std::uint64_t lane_liveness_interval_ns =
    std::chrono::nanoseconds(lane_liveness_interval).count();
/// Of a fence for all threads; what takes longer was interrupted.
inline constexpr std::uint32_t most_fence_ns = 100'000;

template <class Visit>
void ReaderLanes::for_each_claimed(Visit visit) {
  for (std::uint64_t word = 0; word < live_.claimed_lanes.size(); ++word) {
    // Sequentially consistent: a lane claimed after this look cannot enter at an older sequence,
    // because its section will then see `visible` raised (invariants 2 and 3).
    std::uint64_t bits = live_.claimed_lanes[word].load(std::memory_order_seq_cst);
    for (; bits != 0; bits &= bits - 1) {
      const auto bit = static_cast<std::uint64_t>(std::countr_zero(bits));
      if (!visit(lanes_[64 * word + bit])) return;
    }
  }
}

}  // namespace cairn

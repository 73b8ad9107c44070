// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace cairn::test {

/// How long at most somebody waits for a process that has died (docs/drills.md, row 34).
inline constexpr std::chrono::milliseconds death_limit{100};

/// Plays a death, which returns how long who waited for the dead one took. A busy machine is slow
/// now and then, but not at one and the same death three times running.
template <class Play>
void expect_in_time(Play play) {
  std::chrono::nanoseconds best = std::chrono::nanoseconds::max();
  for (int attempt = 0; attempt < 3 && best > death_limit; ++attempt) {
    best = std::min<std::chrono::nanoseconds>(best, play());
  }
  EXPECT_LE(std::chrono::duration_cast<std::chrono::milliseconds>(best), death_limit);
}

}  // namespace cairn::test

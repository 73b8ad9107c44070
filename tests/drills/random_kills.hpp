// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

#include "sweep.hpp"

namespace cairn::drills {

struct RandomKillsReport {
  std::uint64_t kills = 0;
  std::uint64_t commits = 0;
  std::uint64_t takeovers = 0;
  std::uint64_t sections = 0;
  std::uint64_t checks = 0;
  std::uint64_t comparisons = 0;  ///< of the whole store with the model
  double seconds = 0;
};

/// Four processes write to one store and one reads and checks it, all killed at random moments and
/// started again, `settings.kills` times or until `settings.seconds` are over. Throws DrillFailure.
RandomKillsReport kill_at_random(const Settings& settings, Durability durability);

}  // namespace cairn::drills

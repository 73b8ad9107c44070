// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <vector>

#include "power_history.hpp"
#include "workload.hpp"

namespace cairn::drills {

/// One workload at one level.
struct Ground {
  Workload workload;
  Durability durability;
  /// By one process that is killed on the way; another goes on with the store in the same boot.
  bool is_killed = false;
};

/// Which deaths of a workload are followed up.
enum class Deaths {
  all,
  sample,    ///< some of the next, and a few others
  decisive,  ///< those that leave something unsynced that heirs go by, each by every kind of heir
};

/// Histories of two processes, recorded at `path`: the first works through the workload and is
/// killed at a crash point; the second, which opens the store then or had it open all along,
/// recovers what is there and commits, makes a checkpoint or closes. It dies at the first, the
/// middle and the last passage of each point that the workload passes.
std::vector<PowerHistory> record_successions(const Ground& ground, const std::string& path,
                                             Deaths which);

/// The lines of models that histories of the ground go along: the workload's, and where it is
/// killed one for each number of its transactions and each kind of heir that goes on behind them.
std::vector<std::vector<Content>> lines_of(const Ground& ground);

}  // namespace cairn::drills

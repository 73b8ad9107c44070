// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "power.hpp"
#include "power_succession.hpp"

namespace cairn::drills {

/// What a workload does to the disk, recorded at `path`: one history, or where the process that
/// works through it is killed one for each of these deaths and its heirs.
std::vector<PowerHistory> record(const Ground& ground, const std::string& path, Deaths deaths);

/// How many images were found by all explorations that share it, and how many are wanted: then
/// they end. In memory that processes share.
struct PowerGoal {
  std::atomic<std::uint64_t> found;
  std::atomic<std::uint64_t> wanted;  ///< 0: as many as there are

  /// Relaxed, here and where it is raised: one image more or less is none the worse.
  bool is_reached() const noexcept {
    const std::uint64_t most = wanted.load(std::memory_order_relaxed);
    return most != 0 && found.load(std::memory_order_relaxed) >= most;
  }
};

class PowerExplorer;

/// One ground, explored in a process of its own: whatever an image does to that, the drill tells of
/// it.
class Exploration {
 public:
  struct Task {
    Ground ground;
    PowerBudget budget;
    std::uint64_t seed;
    const PowerMutant* mutant = nullptr;
    /// What was recorded before; none: it is recorded for this exploration.
    const std::vector<PowerHistory>* histories = nullptr;
  };
  Exploration(Task task, const Settings& settings, PowerGoal& goal);

  const Ground& ground() const noexcept { return task_.ground; }
  /// What it came to, once it has ended. Throws DrillFailure where an image is not what was
  /// promised.
  std::optional<PowerFigures> poll();

 private:
  /// What the child tells.
  struct Told {
    Board board;
    PowerFigures figures;
  };
  void work(const Settings& settings, PowerGoal& goal);
  void explore(PowerExplorer& explorer, const PowerHistory& history) const;

  Task task_;
  Shared<Told> told_;
  std::chrono::steady_clock::time_point deadline_;
  Child child_;
};

}  // namespace cairn::drills

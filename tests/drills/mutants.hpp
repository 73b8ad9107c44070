// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <vector>

#include "sweep.hpp"

namespace cairn::drills {

/// The protocol with one rule broken: what proves that the sweep can see.
struct Mutant {
  std::string name;
  std::string broken_rule;
  std::string workload;  ///< of the sweep that must catch it; "takeover", "soak" and "cut" are ones
                         ///< of their own
  PointHook hook = nullptr;
  PointHook recovery_hook = nullptr;
  bool acknowledge_early = false;
  drill::IoObserver io_observer = nullptr;
};

const std::vector<Mutant>& all_mutants();

/// Runs the mutant's sweep. Returns what the sweep found wrong, empty where it found nothing.
std::string hunt(const Mutant& mutant, Settings settings);

}  // namespace cairn::drills

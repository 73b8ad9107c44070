// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "power_image.hpp"
#include "power_succession.hpp"
#include "sweep.hpp"

namespace cairn::drills {

/// How much of what is possible at one moment is tried.
struct PowerBudget {
  std::uint32_t all_up_to = 14;   ///< atoms: every subset of so many
  std::uint32_t pairs = 400;      ///< above that: subsets that keep or drop two, at most
  std::uint32_t random = 64;      ///< and subsets by chance
  std::uint32_t fates = 64;       ///< fates of any kind by chance, however few atoms
  std::uint32_t between = 8;      ///< one in so many moments between two writes without a sync
  Deaths deaths = Deaths::all;    ///< behind which another process goes on
  std::uint32_t recoveries = 64;  ///< the own writes of one recovery in so many are explored too
};

/// What one exploration came to.
struct PowerFigures {
  std::uint64_t moments = 0;     ///< at which the power could go
  std::uint64_t images = 0;      ///< that were asked for
  std::uint64_t distinct = 0;    ///< of these, each opened and judged
  std::uint64_t refused = 0;     ///< of these, not opened, as they may
  std::uint64_t examined = 0;    ///< of these, looked at in full
  std::uint64_t damaged = 0;     ///< of those that lost power, refused as damaged as well
  std::uint64_t accepted = 0;    ///< of those, sound as they were
  std::uint64_t recoveries = 0;  ///< whose own writes were cut as well
  double seconds = 0;            ///< of one processor

  void add(const PowerFigures& other);
};

/// Breaks a rule that survival of power cuts rests on, in what was recorded or in what is found.
struct PowerMutant {
  std::string name;
  std::string broken_rule;
  /// Changes the history; false where it has nothing that could be changed so.
  std::function<bool(PowerHistory&)> change_history = {};
  /// Changes an image before it is opened.
  std::function<void(CrashImage&)> change_image = {};
};

/// Each sync that a workload makes left out, and made only after what it has to come before; each
/// checksum believed.
std::vector<PowerMutant> power_mutants(const std::vector<std::vector<PowerHistory>>& histories);

/// The drill: the power is cut at every moment of every workload, at both levels, in as many ways
/// as it takes to judge so many distinct images: each is opened and compared with what was
/// promised. Throws DrillFailure.
void drill_power(const Settings& settings, std::uint64_t images);

/// Explores every mutant until it is caught. Throws DrillFailure where one is not.
void hunt_power_mutants(const Settings& settings);

}  // namespace cairn::drills

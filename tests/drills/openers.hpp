// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

#include "rendezvous.hpp"
#include "sweep.hpp"

namespace cairn::drills {

/// What is done to the process that opens the store first.
enum class Blow {
  kill,
  stop,
};

/// What `sweep_openers` found.
struct OpenersReport {
  std::uint64_t events = 0;  ///< deaths or stops
  std::uint64_t named = 0;   ///< second openers that were told in time that somebody is at it
  Waits waits;               ///< of those who waited for one that died
};

/// Two processes open one store, which is not there yet or was left half done by a third. The
/// first is killed at its points of creating and recovering it while the second waits to open it;
/// or it is stopped there, the second gets in or is told by errc::timeout, and both go on. Throws
/// DrillFailure.
OpenersReport sweep_openers(const Settings& settings, Tally& tally, Durability durability,
                            Blow blow);

}  // namespace cairn::drills

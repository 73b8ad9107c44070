// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>

#include "sweep.hpp"

namespace cairn::drills {

/// What `sweep_takeover` found.
struct TakeoverReport {
  std::uint64_t kills = 0;
  /// From a death while somebody waits until the one who waits has the lock.
  std::chrono::nanoseconds longest{0};
};

/// Three processes with one store: the owner of the write lock is killed at its first, second, ...
/// point while a second waits for the lock, takes over and commits, and a third watches and
/// finally uses the store too. Then, for a selection of the owner's deaths, the second is killed in
/// the same way and the third takes over. Throws DrillFailure.
TakeoverReport sweep_takeover(const Settings& settings, Tally& tally, Durability durability);

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

#include "rendezvous.hpp"
#include "sweep.hpp"

namespace cairn::drills {

/// What `sweep_takeover` found.
struct TakeoverReport {
  std::uint64_t kills = 0;
  Waits owners;  ///< of those who waited for a writer that died
  Waits heirs;   ///< of those who waited for one that died as it took over from another

  void add(const TakeoverReport& other) {
    kills += other.kills;
    owners.add(other.owners);
    heirs.add(other.heirs);
  }
};

/// Three processes with one store: the owner of the write lock is killed at its first, second, ...
/// point while a second waits for the lock, takes over and commits, and a third watches and
/// finally uses the store too. Then, for a selection of the owner's deaths, the second is killed in
/// the same way while the third waits for the lock, and that takes over. Throws DrillFailure.
TakeoverReport sweep_takeover(const Settings& settings, Tally& tally, Durability durability);

/// The same with owners that shorten the file, checkpoint, make the log longer, commit what a
/// section of theirs holds back, roll back, close and open, and take a snapshot: each is killed at
/// the first passage of each point after each step while a second waits for the lock. Throws
/// DrillFailure.
TakeoverReport sweep_takeover_workloads(const Settings& settings, Tally& tally,
                                        Durability durability);

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

#include "rendezvous.hpp"
#include "sweep.hpp"

namespace cairn::drills {

/// A writer is stopped at its first, second, ... point. A second process fences it where it is in
/// the body of its transaction, and must get a named time-out where it is not; then the writer goes
/// on, learns that it was fenced, and does its transaction again. After that the fencer dies at
/// each of its points while the writer is stopped in its body, the writer as it learns of it, and a
/// third process as it gives back what was set aside. Returns how often something was stopped or
/// killed. Throws DrillFailure.
std::uint64_t sweep_fencing(const Settings& settings, Tally& deaths, Tally& stops,
                            Durability durability);

/// The fencer dies at the first passage of each of its points after each step while a third process
/// waits for the lock, which takes over and settles everything. Throws DrillFailure.
Waits sweep_dying_fencers(const Settings& settings, Tally& deaths, Durability durability);

/// The same with writers that shorten the file, checkpoint, make the log longer, commit what a
/// section of theirs holds back, roll back, close and open, and that take over from a dead one:
/// each is stopped at the first passage of each point after each step, and goes on once a fencer
/// has fenced it or was told by name why not. Then the fencer is stopped in the same way beside a
/// third process, and the writer as it finds out. Throws DrillFailure.
void sweep_stops(const Settings& settings, Tally& stops, Durability durability);

}  // namespace cairn::drills

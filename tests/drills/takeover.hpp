// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

#include "sweep.hpp"

namespace cairn::drills {

/// Three processes with one store: the owner of the write lock is killed at its first, second, ...
/// point while a second waits for the lock, takes over and commits, and a third watches and
/// finally uses the store too. Then, for a selection of the owner's deaths, the second is killed in
/// the same way and the third takes over. Returns the number of kills. Throws DrillFailure.
std::uint64_t sweep_takeover(const Settings& settings, Tally& tally, Durability durability);

}  // namespace cairn::drills

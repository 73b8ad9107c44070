// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

#include "sweep.hpp"

namespace cairn::drills {

/// How often `--cut` cuts each file system at each level, unless told otherwise.
inline constexpr std::uint64_t cuts_at_length = 200;

/// Mounts file systems of its own, has processes write to a store, cuts the file system at a random
/// moment as a power loss does, mounts it again and verifies what is there; `cuts` times for each
/// file system that this machine can cut and each level. Prints the figures.
///
/// Throws: DrillFailure; Unavailable, with all reasons, where no file system can be cut.
void cut_file_systems(const Settings& settings, std::uint64_t cuts);

}  // namespace cairn::drills

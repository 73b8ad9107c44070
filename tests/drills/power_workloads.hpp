// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <vector>

#include "workload.hpp"

namespace cairn::drills {

/// The workloads that the power is cut in, in files as small as they can be. Those of the first
/// round, 0, are the sweep's and one of actions by chance; later ones have other keys, values,
/// sizes and chances, so that all that they put on the disk is different.
std::vector<Workload> power_workloads(std::uint64_t round, std::uint64_t seed);

}  // namespace cairn::drills

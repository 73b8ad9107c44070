// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

#include "sweep.hpp"

namespace cairn::drills {

/// Lets the first, second, third, ... operation of a kind on a file fail, once and for good, in
/// each workload: a named error, nothing lost, the store usable or refusing by name, and whole when
/// it is opened again. Returns the number of failures. Throws DrillFailure.
std::uint64_t sweep_io_faults(const Settings& settings, Durability durability);

}  // namespace cairn::drills

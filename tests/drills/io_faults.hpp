// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

#include "call_faults.hpp"

namespace cairn::drills {

/// Input and output: each call that opens, reads, writes, lengthens, cuts, syncs, names or asks
/// about a file fails, for every reason that it may have.
CallFaultReport sweep_io_faults(const Settings& settings);

/// Every call that a signal may interrupt is interrupted again and again, and every read, write and
/// copy moves less than it was asked for: the files must become byte for byte what they become
/// undisturbed. Returns how many calls were. Throws DrillFailure.
std::uint64_t break_calls_off(const Settings& settings);

}  // namespace cairn::drills

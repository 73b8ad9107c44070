// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "call_faults.hpp"

namespace cairn::drills {

/// Memory and what else a process is given only so much of: each operator new, each mapping and
/// each thread is refused.
CallFaultReport sweep_memory_faults(const Settings& settings);

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

#include "sweep.hpp"

namespace cairn::drills {

/// A writer is stopped at its first, second, ... point. A second process fences it where it is in
/// the body of its transaction, and must get a named time-out where it is not; then the writer goes
/// on, learns that it was fenced, and does its transaction again. After that the fencer dies at
/// each of its points while the writer is stopped in its body, the writer as it learns of it, and a
/// third process as it gives back what was set aside. Returns how often something was stopped or
/// killed. Throws DrillFailure.
std::uint64_t sweep_fencing(const Settings& settings, Tally& tally, Durability durability);

}  // namespace cairn::drills

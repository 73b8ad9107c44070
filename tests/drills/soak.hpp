// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

#include "sweep.hpp"

namespace cairn::drills {

struct SoakSettings {
  std::uint64_t seconds = 0;  ///< how long; 0: no soak
  std::uint32_t processes = 5;
  std::uint32_t threads = 3;
};

/// Processes with several threads each write to and read one store while they are killed, stopped,
/// fenced and started again and the file grows and shrinks, for `how.seconds`. Round after round
/// the store's own history is replayed against a model, together with what the threads noted down
/// outside of it. Prints figures. Throws DrillFailure.
void soak(const Settings& settings, const SoakSettings& how);

}  // namespace cairn::drills

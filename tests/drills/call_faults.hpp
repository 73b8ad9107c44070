// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "sweep.hpp"
#include "system_calls.hpp"

namespace cairn::drills {

struct CallFaultReport {
  std::array<std::uint64_t, call_count> failures{};  ///< by kind of call
  std::uint64_t runs = 0;
  std::uint64_t total() const noexcept;
};

/// Lets the first, second, third, ... call of each kind fail, once and for good, in each case, in
/// the manner of FaultyRun. After each run nothing of it is left in the process, no memory,
/// descriptor, mapping or thread, and the store is what the model says.
///
/// `quick`: of all ways by which the library comes to a call, each once. Throws DrillFailure, also
/// where one of the faults never came to happen.
CallFaultReport sweep_call_faults(const Settings& settings, std::span<const CallFault> faults,
                                  const char* label);

}  // namespace cairn::drills

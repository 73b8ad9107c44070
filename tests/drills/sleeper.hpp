// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>

#include "sweep.hpp"

namespace cairn::drills {

/// How the sleeping section comes to its end.
enum class Awakening {
  leaves,
  is_killed,
};

/// What happened while one section slept.
struct SleeperReport {
  std::uint64_t commits = 0;
  std::chrono::nanoseconds slowest_commit{0};
  std::uint64_t sections = 0;   ///< that began meanwhile, and saw all that was acknowledged
  std::uint64_t held_back = 0;  ///< commits, at the end of the sleep
  std::uint64_t data_bytes = 0;
  std::uint64_t log_bytes = 0;      ///< of the log file when the section ended
  std::uint64_t max_log_bytes = 0;  ///< what the log might hold
  /// From the section's end until all that it had held back was in the shared image.
  std::chrono::nanoseconds given_back{0};
};

/// One process sleeps in a read section for so long while two others write and a fourth reads.
/// Commits must go on, new sections see each of them at once, the data file keeps its length and
/// the log its limit; and once the sleeper has left, or is dead, nothing is held back and the log's
/// room is used again. Throws DrillFailure.
SleeperReport sleep_in_section(const Settings& settings, Durability durability, Awakening awakening,
                               std::chrono::milliseconds sleep);

}  // namespace cairn::drills

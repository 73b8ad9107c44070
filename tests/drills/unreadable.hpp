// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

#include "rendezvous.hpp"

namespace cairn::drills {

/// What came of a disk that could not give pages back.
struct UnreadableReport {
  std::uint64_t deaths = 0;    ///< by SIGBUS, of who read or wrote what was lost
  std::uint64_t commits = 0;   ///< beside them and after them
  std::uint64_t refusals = 0;  ///< of openings that needed what was lost
  Waits takeovers;             ///< of those who waited for the lock of one who died so
};

/// Has a disk lose its end, on which part of a store lies: of a file system of its own, nothing of
/// which is in the page cache. Who reads a page that is lost must die by SIGBUS, beside others and
/// alone, in a section and with the write lock; others must go on, and have the lock in time. Where
/// the header or the log's identity is lost, opening must say errc::io. With what was lost back in
/// its place, everything that was acknowledged must be there.
///
/// Throws: DrillFailure; Unavailable.
UnreadableReport lose_pages(const Settings& settings, Durability durability);

}  // namespace cairn::drills

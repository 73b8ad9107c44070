// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>

#include "cairn/cairn.hpp"
#include "points.hpp"
#include "soak_board.hpp"

namespace cairn::drills {

/// One life of one process of the soak.
struct SoakLife {
  SoakBoard* board = nullptr;
  std::string path;
  Options options;
  std::uint64_t seed = 0;
  std::uint32_t member = 0;
  std::uint32_t incarnation = 0;
  std::uint32_t threads = 0;
  std::uint64_t longest_section_us = 100'000;
  bool reads_only = false;  ///< by Store::open_read_only
  bool hasty = false;       ///< time-outs are short, and so no failure
  // for mutants
  PointHook hook = nullptr;        ///< breaks the protocol
  bool acknowledge_early = false;  ///< breaks the drill's own promise
};

/// Writes and reads until the process is killed, or returns once the board says so. The last
/// thread of a process only reads, and fences where the board asks for it. A thread that finds
/// something wrong says so on the process's board and ends the process.
void live(const SoakLife& life);

}  // namespace cairn::drills

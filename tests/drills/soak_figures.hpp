// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

#include "soak_board.hpp"

namespace cairn::drills {

/// What happened to the processes and what was verified of what they did, apart from what they
/// count themselves.
struct SoakEvents {
  std::uint64_t kills = 0;
  std::uint64_t stops = 0;
  std::uint64_t starts = 0;
  std::uint64_t rounds = 0;
  std::uint64_t stores = 0;
  std::uint64_t deeds = 0;
  std::uint64_t untold = 0;  ///< committed by threads that died before they were told
  std::uint64_t engine_commits = 0;
  std::uint64_t observations = 0;
  std::uint64_t endless_bodies = 0;
  std::uint64_t finished = 0;
  std::uint64_t smallest_bytes = ~std::uint64_t{0};
  std::uint64_t largest_bytes = 0;
  std::uint64_t largest_log_bytes = 0;
};

/// A table for people.
void print_figures(const SoakEvents& events, const SoakFigures& counted, double seconds);

}  // namespace cairn::drills

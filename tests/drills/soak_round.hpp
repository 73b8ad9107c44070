// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "soak_board.hpp"
#include "soak_history.hpp"

namespace cairn::drills {

/// What the process tells that opens the store alone at the end of a round. The history itself is
/// too long for memory that is there all the time, and comes in a file.
struct Harvest {
  std::uint64_t number;
  std::uint64_t sequence;  ///< of the state that was looked at
  Digests digests;
  std::uint64_t left_sequence;  ///< of the state that it leaves, with an empty history
  std::uint64_t file_bytes;
  std::array<std::uint64_t, most_threads> strokes;
};

/// Makes a new store at `path` with an empty history.
void found_soak_store(const std::string& path, const Options& options, Harvest& harvest);

/// Opens the store at `path`, checks it, writes its history to the file `out` and clears it.
/// `choice` decides what else: whether the file is cut, whether the store is closed, whether it is
/// read without taking part.
void harvest_store(const std::string& path, const Options& options, std::uint64_t choice,
                   const std::string& out, Harvest& harvest);

/// Throws DrillFailure where the Atomic of `thread` does not say `least` to `most`.
void require_strokes(std::size_t thread, std::uint64_t found, std::uint64_t least,
                     std::uint64_t most);

/// All that is known of the round that ended, and forgets what the threads noted down.
Round take_round(SoakBoard& board, const Harvest& harvest, const std::string& history);

}  // namespace cairn::drills

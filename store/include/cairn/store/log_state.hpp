// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

#include "cairn/recovery/header_format.hpp"

namespace cairn {

/// What the records up to some position of the log amount to.
struct LogState {
  std::uint64_t position = 0;    ///< behind the last record
  std::uint64_t sequence = 0;    ///< of the last record
  std::uint64_t heap_end = 0;    ///< bytes
  std::uint64_t file_bytes = 0;  ///< committed length of the data file
  /// Largest heap end of any record since the checkpoint: pages below it may be written by replay.
  std::uint64_t reach = 0;
};

/// Where replay begins.
inline LogState checkpoint_state(const MetaSlot& meta) noexcept {
  return {meta.checkpoint_position, meta.checkpoint_sequence, meta.heap_end, meta.file_bytes,
          meta.heap_end};
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cairn/reports.hpp"
#include "cairn/store/write_lock.hpp"

namespace cairn {

/// Who is at work on a store, from the words in its file alone.
struct Activity {
  std::vector<ProcessInfo> processes;
  LockWord write_lock;
  std::uint64_t visible = 0;  ///< sequence of the newest commit, which new sections see
  /// Sequence that the data file shows: lower where sections at older states hold commits back.
  std::uint64_t published = 0;
  std::uint64_t held_back_bytes = 0;  ///< what those commits take up in the log
  /// Slot of a fenced transaction that goes on and may hold commits back as a section does.
  std::optional<std::uint32_t> fenced_slot;
  /// False where the live words are of another boot: they tell nothing then, but of processes that
  /// are alive, which are about to set them anew.
  bool current = false;
  bool failed = false;  ///< a sync failed, and nobody may write
};

/// Looks at the store at `path` without opening it: takes no slot and no lock, recovers and writes
/// nothing, needs no more than permission to read. So it works where all slots are taken, and where
/// everybody waits for everybody. The words are read one after the other while others change them.
///
/// Throws the errors of File, and those of a file that is no store.
Activity look_at_activity(const std::string& path);

}  // namespace cairn

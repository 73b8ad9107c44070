// SPDX-License-Identifier: BSL-1.0
#include <atomic>

#include "cairn/error.hpp"
#include "cairn/recovery/checksum.hpp"
#include "cairn/store/engine.hpp"

namespace cairn {

/// Finds the state that the files hold, where they hold one without anything being done to them.
///
/// Requires: nobody is attached, and nobody attaches while this process keeps its shared lock.
void Engine::freeze() {
  require_one_state();
  state_ = checkpoint_state(meta_);
  require_nothing_to_replay();
  require_file_reaches(state_.file_bytes, data_.size());
  shown_ = visible_ = state_;
  // In the copy: from here on it says what is read, and nobody ever changes it.
  reset_live_words();
  lanes_.require_fences(true);
  last_recovery_ = {};
  last_recovery_.sequence = state_.sequence;
  report_recovery();
}

/// Throws errc::needs_recovery where a record is not shown by the heap, or may not be, or where a
/// process died in a transaction; leaves `state_` at the last record.
void Engine::require_nothing_to_replay() {
  const auto refuse = [this](const std::string& why) {
    throw Error(errc::needs_recovery, path(),
                why + "; open it once with permission to write, which recovers it");
  };
  if (live_.boot_id != current_boot_id() || !is_original()) {
    const auto record = log_.parse(state_.position);
    if (record && record->sequence() == state_.sequence + 1) {
      refuse("it was not closed before the system stopped, and its log holds commits");
    }
    if (log_.proves_damage_at(state_.position, state_.sequence)) {
      throw Error(errc::corrupt, log_.file().path(),
                  "the record at position " + std::to_string(state_.position) +
                      " is unreadable, and valid ones follow it");
    }
    return;
  }
  // Relaxed, as below: the words are a copy of this process's own.
  if (live_.failed.load(std::memory_order_relaxed) != 0) refuse("a sync failed");
  if (!live_words_are_trustworthy()) refuse("its live words do not fit its log");
  if (lock_.owner_slot() != ~0U) refuse("a process died in a write transaction");
  const std::uint64_t tail = log_position();
  while (state_.position < tail) advance(state_, *log_.parse_trusted(state_.position));
  const std::uint64_t applying = live_.applying.load(std::memory_order_relaxed);
  if (published() != state_.sequence || sequence() != state_.sequence ||
      applying == Publication::begun(state_.sequence + 1)) {
    refuse("commit " + std::to_string(state_.sequence) + " is in its log and not in its heap");
  }
}

}  // namespace cairn

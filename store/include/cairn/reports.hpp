// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cairn/recovery/header_format.hpp"

namespace cairn {

/// What opening a store, or taking it over from a dead process, had to do.
struct RecoveryReport {
  bool needed = false;        ///< false: the store was as the last commit left it
  bool after_reboot = false;  ///< live words were of another boot and were reset
  /// Options::accept_power_loss: what a power cut left was examined and became the store.
  bool power_was_lost = false;
  /// A sync had failed since the store was last recovered, so writes were refused: which of the
  /// last commits survive is what `sequence` says.
  bool sync_failed = false;
  bool took_over = false;  ///< a process died while it held the write lock
  std::uint64_t replayed_records = 0;
  std::uint64_t replayed_bytes = 0;     ///< log bytes of those records
  std::uint64_t discarded_bytes = 0;    ///< log bytes of an append that never became a commit
  std::uint64_t reclaimed_bytes = 0;    ///< file growth that never became part of a commit
  std::uint32_t fenced_pid = 0;         ///< the living process whose transaction was ended
  std::uint64_t quarantined_bytes = 0;  ///< set aside because it may still be storing there
  std::uint32_t reaped_processes = 0;
  std::uint32_t reaped_readers = 0;
  std::uint64_t sequence = 0;  ///< of the state that was reached
  std::chrono::nanoseconds duration{0};

  /// One line for people.
  std::string summary() const;
};

/// The outcome of `Store::check`.
struct CheckReport {
  std::vector<std::string> problems;
  std::uint64_t roots = 0;
  std::uint64_t blocks = 0;         ///< blocks that roots and the catalog own
  std::uint64_t used_bytes = 0;     ///< bytes in live blocks
  std::uint64_t unowned_bytes = 0;  ///< of these, in blocks that no root owns: allocated by hand,
                                    ///< or leaked by a program that forgot them
  std::uint64_t unowned_blocks = 0;
  std::uint64_t quarantined_bytes = 0;  ///< set aside while a fenced process may store there
  std::vector<std::string> unowned;     ///< a line for each of those, up to a hundred

  /// Nothing is damaged. Blocks that nobody owns are no damage: see `leak_free`.
  bool ok() const noexcept { return problems.empty(); }
  /// Every live block is reached from a root, too.
  bool leak_free() const noexcept { return ok() && unowned_blocks == 0; }
};

/// A change of the data file's length that is not finished.
struct ResizeInfo {
  bool shrinking = false;
  std::uint32_t pid = 0;
  std::string label;
  bool owner_alive = false;
  bool overdue = false;  ///< it has taken longer than its process's Options::operation_timeout
  std::chrono::nanoseconds age{0};
  std::uint64_t old_bytes = 0;  ///< committed length
  std::uint64_t new_bytes = 0;  ///< length aimed at

  /// One line for people.
  std::string summary() const;
};

/// A thread in a read section.
struct ReaderInfo {
  std::uint32_t lane = 0;
  std::uint32_t thread_id = 0;  ///< in the pid namespace of its process
  std::uint64_t sequence = 0;   ///< the state that its section reads
  /// Where its section keeps commits out of the data file: since a publisher first met it.
  std::optional<std::chrono::nanoseconds> waited_for;
};

/// One row of the process table.
struct ProcessInfo {
  std::uint32_t slot = 0;
  std::uint32_t pid = 0;
  std::string label;
  ProcessPhase phase = ProcessPhase::idle;
  std::chrono::nanoseconds age{0};  ///< since it opened the store
  /// Since the phase began; of an idle process, since its last transaction began. Nothing where the
  /// process is reading: sections, which cost two nanoseconds, read no clock.
  std::optional<std::chrono::nanoseconds> phase_age;
  std::chrono::nanoseconds heartbeat_age{0};  ///< since its last sign of progress
  bool alive = false;
  std::vector<ReaderInfo> readers;  ///< its threads in read sections, whatever its phase
};

const char* to_string(ProcessPhase phase) noexcept;

}  // namespace cairn

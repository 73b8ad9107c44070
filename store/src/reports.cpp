// SPDX-License-Identifier: BSL-1.0
#include "cairn/reports.hpp"

namespace cairn {
namespace {

std::string counted(std::uint64_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

const char* to_string(ProcessPhase phase) noexcept {
  switch (phase) {
    case ProcessPhase::idle: return "idle";
    case ProcessPhase::reading: return "reading";
    case ProcessPhase::writing: return "writing";
    case ProcessPhase::publishing: return "publishing";
    case ProcessPhase::resizing: return "resizing";
    case ProcessPhase::checkpointing: return "checkpointing";
    case ProcessPhase::recovering: return "recovering";
  }
  return "in an unknown phase";
}

std::string ResizeInfo::summary() const {
  return "process " + std::to_string(pid) + (label.empty() ? "" : " \"" + label + "\"") +
         (owner_alive ? "" : ", which is dead,") + (shrinking ? " shrinks" : " grows") +
         " the file from " + std::to_string(old_bytes) + " to " + std::to_string(new_bytes) +
         " bytes since " +
         std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(age).count()) +
         " ms" + (overdue ? ", longer than it may take" : "");
}

std::string RecoveryReport::summary() const {
  const std::string state = "sequence " + std::to_string(sequence);
  if (!needed) return "nothing to recover, " + state;
  std::string text = fenced_pid != 0
                         ? "ended the transaction of process " + std::to_string(fenced_pid)
                     : power_was_lost ? "kept what the loss of power left"
                     : sync_failed    ? "recovered after a failed sync"
                     : took_over      ? "took over from a dead process"
                     : after_reboot   ? "recovered after a restart of the system"
                                      : "recovered after a killed process";
  text += ": replayed " + counted(replayed_records, "record") + " (" +
          counted(replayed_bytes, "byte") + ")";
  if (discarded_bytes != 0) text += ", dropped " + std::to_string(discarded_bytes) + " torn bytes";
  if (reclaimed_bytes != 0) {
    text += ", cut " + std::to_string(reclaimed_bytes) + " uncommitted bytes off the file";
  }
  if (quarantined_bytes != 0) {
    text += ", set " + std::to_string(quarantined_bytes) + " bytes aside";
  }
  if (reaped_processes != 0) text += ", cleared " + counted(reaped_processes, "dead slot");
  if (reaped_readers != 0) text += ", freed " + counted(reaped_readers, "reader lane");
  text += ", " + state + ", in " +
          std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(duration).count()) +
          " us";
  return text;
}

}  // namespace cairn

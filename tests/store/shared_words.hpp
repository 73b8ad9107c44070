// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "cairn/recovery/header_format.hpp"

namespace cairn::test {

/// What a word keeps right that nobody can prove who reads the store: where it is garbage, that is
/// not promised.
enum class Guards : std::uint8_t {
  nothing,
  what_is_new,  ///< sections go by it, and may read an older state
  sections,     ///< sections are respected by it, and may read two states at once
  commits,      ///< who may append, and where: two writers at once may overwrite one another
};

/// A word that processes share.
struct SharedWord {
  const char* name;
  std::uint64_t offset;
  std::uint64_t bytes;
  Guards guards = Guards::nothing;
};

inline std::ostream& operator<<(std::ostream& out, const SharedWord& word) {
  return out << word.name;
}

inline constexpr std::uint64_t live_offset(std::uint64_t offset) noexcept {
  return live_words_offset + offset;
}
inline constexpr std::uint64_t slot_offset(std::uint64_t slot, std::uint64_t offset) noexcept {
  return process_table_offset + slot * sizeof(ProcessSlot) + offset;
}
inline constexpr std::uint64_t lane_offset(std::uint64_t lane, std::uint64_t offset) noexcept {
  return reader_lanes_offset + lane * sizeof(ReaderLane) + offset;
}

inline constexpr std::array shared_words = {
    SharedWord{"write_lock", live_offset(offsetof(LiveWords, write_lock)), 8, Guards::commits},
    SharedWord{"log_tail", live_offset(offsetof(LiveWords, log_tail)), 8, Guards::commits},
    SharedWord{"body", live_offset(offsetof(LiveWords, body)), 8},
    SharedWord{"durable", live_offset(offsetof(LiveWords, durable)), 8},
    SharedWord{"published", live_offset(offsetof(LiveWords, published)), 8, Guards::commits},
    SharedWord{"visible", live_offset(offsetof(LiveWords, visible)), 8, Guards::what_is_new},
    SharedWord{"heap_end", live_offset(offsetof(LiveWords, heap_end)), 8},
    SharedWord{"change_awaited", live_offset(offsetof(LiveWords, change_awaited)), 4},
    SharedWord{"fences_missing", live_offset(offsetof(LiveWords, fences_missing)), 4},
    SharedWord{"applying", live_offset(offsetof(LiveWords, applying)), 8, Guards::sections},
    SharedWord{"published_position", live_offset(offsetof(LiveWords, published_position)), 8},
    SharedWord{"overlay_end", live_offset(offsetof(LiveWords, overlay_end)), 8},
    SharedWord{"first_claimed_lanes", live_offset(offsetof(LiveWords, claimed_lanes)), 8,
               Guards::sections},
    SharedWord{"last_claimed_lanes", live_offset(offsetof(LiveWords, claimed_lanes) + 24), 8,
               Guards::sections},
    SharedWord{"failed", live_offset(offsetof(LiveWords, failed)), 4},
    SharedWord{"fence_ns", live_offset(offsetof(LiveWords, fence_ns)), 4},
    SharedWord{"boot_id", live_offset(offsetof(LiveWords, boot_id)), 8},
    SharedWord{"opener", live_offset(offsetof(LiveWords, opener)), 4},
    SharedWord{"resize_state", live_offset(offsetof(LiveWords, resize)), 4},
    SharedWord{"resize_owner_slot",
               live_offset(offsetof(LiveWords, resize) + offsetof(ResizeRecord, owner_slot)), 4},
    SharedWord{"resize_epoch",
               live_offset(offsetof(LiveWords, resize) + offsetof(ResizeRecord, epoch)), 8},
    SharedWord{"resize_deadline",
               live_offset(offsetof(LiveWords, resize) + offsetof(ResizeRecord, deadline_ns)), 8},
    SharedWord{"resize_new_bytes",
               live_offset(offsetof(LiveWords, resize) + offsetof(ResizeRecord, new_bytes)), 8},
    SharedWord{"quarantine_owner", live_offset(offsetof(LiveWords, quarantine)), 8},
    SharedWord{"quarantine_end", live_offset(offsetof(LiveWords, quarantine) + 24), 8},
    SharedWord{"quarantine_ended",
               live_offset(offsetof(LiveWords, quarantine) + offsetof(Quarantine, ended)), 8},
    SharedWord{"quarantine_begin",
               live_offset(offsetof(LiveWords, quarantine) + offsetof(Quarantine, begin)), 8},
    SharedWord{"quarantine_unpinned",
               live_offset(offsetof(LiveWords, quarantine) + offsetof(Quarantine, unpinned)), 8},
    SharedWord{"slot_nonce", slot_offset(0, offsetof(ProcessSlot, nonce)), 8, Guards::sections},
    SharedWord{"slot_pid", slot_offset(0, offsetof(ProcessSlot, pid)), 4},
    SharedWord{"slot_phase", slot_offset(0, offsetof(ProcessSlot, phase)), 4},
    SharedWord{"slot_started", slot_offset(0, offsetof(ProcessSlot, started_ns)), 8},
    SharedWord{"slot_heartbeat", slot_offset(0, offsetof(ProcessSlot, heartbeat_ns)), 8},
    SharedWord{"slot_phase_since", slot_offset(0, offsetof(ProcessSlot, phase_since_ns)), 8},
    SharedWord{"slot_label", slot_offset(0, offsetof(ProcessSlot, label)), 8},
    SharedWord{"reader_slot_nonce", slot_offset(2, offsetof(ProcessSlot, nonce)), 8,
               Guards::sections},
    SharedWord{"free_slot_nonce", slot_offset(3, offsetof(ProcessSlot, nonce)), 8},
    SharedWord{"lane_sequence", lane_offset(0, offsetof(ReaderLane, sequence)), 8,
               Guards::sections},
    SharedWord{"lane_owner", lane_offset(0, offsetof(ReaderLane, owner)), 4, Guards::sections},
    SharedWord{"lane_thread", lane_offset(0, offsetof(ReaderLane, thread_id)), 4},
    SharedWord{"reader_lane_sequence", lane_offset(2, offsetof(ReaderLane, sequence)), 8,
               Guards::sections},
    SharedWord{"reader_lane_kept", lane_offset(2, offsetof(ReaderLane, kept)), 4, Guards::sections},
    SharedWord{"reader_lane_owner", lane_offset(2, offsetof(ReaderLane, owner)), 4,
               Guards::sections},
    SharedWord{"reader_lane_awaited_sequence",
               lane_offset(2, offsetof(ReaderLane, awaited_sequence)), 8},
    SharedWord{"reader_lane_awaited_since", lane_offset(2, offsetof(ReaderLane, awaited_since_ns)),
               8},
    SharedWord{"free_lane_sequence", lane_offset(5, offsetof(ReaderLane, sequence)), 8},
    SharedWord{"free_lane_kept", lane_offset(5, offsetof(ReaderLane, kept)), 4},
    SharedWord{"free_lane_owner", lane_offset(5, offsetof(ReaderLane, owner)), 4},
};

inline std::vector<SharedWord> words_but(const std::vector<std::string>& names) {
  std::vector<SharedWord> words;
  for (const SharedWord& word : shared_words) {
    if (std::find(names.begin(), names.end(), word.name) == names.end()) words.push_back(word);
  }
  return words;
}

}  // namespace cairn::test

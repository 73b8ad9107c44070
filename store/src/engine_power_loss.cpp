// SPDX-License-Identifier: BSL-1.0
// Stores of level process that were in use when the power went. Nothing of them was synced, so heap
// and log on the disk are of any times, page by page. They are refused; or, where the program asks
// for it, what is there is examined and becomes the store.
//
//  1. Nothing of it is believed before it was examined as `Store::check` does, and nothing is
//     written before that but live words: who is refused finds the files the next time as they
//     were.
//  2. Until all of it is on the disk the newest meta slot is of the boot that is lost, so whoever
//     comes after a kill or another power cut is refused, or begins anew, and comes to the same.
#include <algorithm>
#include <array>
#include <cstring>

#include "cairn/error.hpp"
#include "cairn/mapping/shared_view.hpp"
#include "cairn/recovery/checksum.hpp"
#include "cairn/store/checker.hpp"
#include "cairn/store/engine.hpp"

namespace cairn {
namespace {

constexpr std::size_t most_problems_named = 3;

std::string describe_problems(const CheckReport& report) {
  std::string text = std::to_string(report.problems.size());
  text += report.problems.size() == 1 ? " problem" : " problems";
  for (std::size_t i = 0; i < std::min(report.problems.size(), most_problems_named); ++i) {
    text += (i == 0 ? ": " : "; ") + report.problems[i];
  }
  return text;
}

}  // namespace

/// The newest meta slot of the file. Throws errc::corrupt where none is whole, or power_lost where
/// that is why and nobody `accepts` it.
MetaSlot Engine::read_meta(const File& data, const Identity& identity, bool accepts) {
  // All of the header, since a call can say that the disk does not give it; the mapping, by which
  // it is used from here on, cannot.
  std::array<std::byte, heap_begin> header;
  if (data.read_at(0, header) < header.size()) {
    throw Error(errc::truncated, data.path(), "the header is cut short");
  }
  try {
    return cairn::newest_meta(header, checksum_seed(identity.uuid), data.path());
  } catch (const Error&) {
    BootId boot;
    std::memcpy(boot.data(), header.data() + live_words_offset + offsetof(LiveWords, boot_id),
                boot.size());
    // Level process syncs neither slot until it is closed.
    const bool is_excused =
        identity.durability == StoredDurability::process && boot != current_boot_id();
    if (!is_excused || accepts) throw;
    throw Error(errc::power_lost, data.path(),
                "neither of its meta slots is whole, and it was last used in another boot; restore "
                "it from a copy");
  }
}

/// True where that store promised nothing beyond the boot that it was last written in.
bool Engine::is_power_lost(const Identity& identity, const MetaSlot& meta) noexcept {
  return identity.durability == StoredDurability::process && meta.clean == 0 &&
         meta.boot_id != current_boot_id();
}

/// Throws errc::power_lost where it is and nobody `accepts` that.
void Engine::require_power_kept(const Identity& identity, const MetaSlot& meta, bool accepts,
                                const std::string& path) {
  if (accepts || !is_power_lost(identity, meta)) return;
  throw Error(errc::power_lost, path,
              "it was last written in another boot and never closed, and a store of "
              "Durability::process promises nothing then; restore it from a copy, or open it for "
              "writing with Options::accept_power_loss, which examines what is there");
}

/// Throws errc::corrupt where the heap is no sound one once the records that are whole are applied,
/// and errc::truncated where it lacks pages. Applies them to private pages alone.
///
/// Requires: `state_` is the checkpoint's, which the file reaches.
void Engine::require_sound_remains() const {
  const std::uint64_t size = data_.size();
  const Reservation image = map_private(data_, round_up(size, page_bytes));
  LogState end = state_;
  const std::uint64_t ring_end = state_.position + log_.ring_bytes();
  for (;;) {
    const auto record = log_.parse(end.position);
    if (!record || record->sequence() != end.sequence + 1 || record->end_position() > ring_end) {
      break;
    }
    require_pages_of(*record);
    record->apply([](std::uint64_t) { return true; },
                  [&](std::uint64_t offset, const std::byte* from, std::size_t bytes) {
                    std::memcpy(image.data() + offset, from, bytes);
                  });
    advance(end, *record);
  }
  require_file_reaches(end.file_bytes, size);
  const CheckReport report = check_heap({image.data(), end.heap_end, heap_begin}, path());
  if (report.ok()) return;
  throw Error(errc::corrupt, path(),
              "what the loss of power left is no sound store, " + describe_problems(report) +
                  "; nothing was changed, restore it from a copy");
}

/// Makes what was found sound, and was applied since, a store that was closed a moment ago.
void Engine::keep_remains() {
  LogState next = state_;
  next.position = state_.position + log_.ring_bytes();
  state_ = shown_ = visible_ = next;
  sync_or_fail(data_);
  // Of the boot that is lost still, and behind all that is in the heap: from here on nobody needs
  // the log.
  meta_ = write_meta(data_, window_.data(), checkpoint_at(shown_, log_.ring_bytes()), seed_);
  sync_or_fail(data_);
  // The slots that named the last laps of the log may be lost, and what the ring holds may be of
  // positions that come again.
  log_.wipe();
  log_.cut_file();
  write_checkpoint(true);
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
// The record of a commit, and room for it in the log.
#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "cairn/error.hpp"
#include "cairn/mapping/processor.hpp"
#include "cairn/store/engine.hpp"
#include "cairn/store/store_files.hpp"

namespace cairn {
namespace {

/// So much log the pace of checkpoints may take.
constexpr std::uint64_t most_paced_ring_bytes = 64 << 20;
/// A ring becomes so many times as long: everybody waits meanwhile, and at this rate not often.
constexpr std::uint64_t paced_growth = 4;
/// How long a ring that could not become longer stays as it is.
constexpr std::chrono::seconds no_room_pause{10};
/// What is written is copied first, and the memory for that stays.
constexpr std::uint64_t most_written_bytes = 256 << 10;

}  // namespace

void Engine::make_room_in_log(std::uint64_t bytes) {
  const std::uint64_t most = std::bit_floor(options_.max_log_bytes);
  begin_checkpoint_beside(bytes, most);
  if (state_.position - meta_.checkpoint_position + bytes <= log_.ring_bytes()) return;
  if (bytes > most) {
    throw Error(errc::too_large, path(),
                "it needs " + std::to_string(bytes) + " bytes of log, max_log_bytes allows " +
                    std::to_string(most) + "; commit in smaller steps");
  }
  // What sections keep out of the shared image has to stay.
  const auto needed = [&] { return state_.position - shown_.position + bytes; };
  if (needed() > log_.ring_bytes()) settle_appended();
  if (needed() > most) {
    require_published("nothing was committed: the log holds as much as max_log_bytes allows",
                      errc::no_space);
  }
  if (const std::uint64_t least = std::bit_ceil(needed()); least > log_.ring_bytes()) {
    grow_log(least);
  } else if (!grow_log_for_pace(most)) {
    write_checkpoint(false);
  }
}

/// Takes the lines that the next record will be written into from the process that appended the
/// last ones: publishing waits until every store into the log is through.
void Engine::take_lines_ahead() const noexcept {
  // Relaxed: only advice.
  const std::byte* const next = log_.at(live_.log_tail.load(std::memory_order_relaxed)).data();
  for (std::uint64_t at = 0; at < most_fetched_bytes; at += line_bytes) {
    prefetch_for_writing(next + at);
  }
}

bool Engine::may_lengthen_log(std::chrono::steady_clock::time_point now, std::uint64_t most) const {
  const std::uint64_t ring_bytes = log_.ring_bytes();
  return survives_power() && ring_bytes >= least_paced_ring_bytes &&
         ring_bytes < std::min(most_paced_ring_bytes, most) && now >= no_room_until_;
}

/// Makes the ring longer where it is full again too soon after the last checkpoint: that syncs the
/// data file, while everybody waits. A small ring was asked for. False where it stays as it is.
bool Engine::grow_log_for_pace(std::uint64_t most) {
  const auto now = std::chrono::steady_clock::now();
  const auto since = now - std::exchange(ring_was_full_, now);
  if (!may_lengthen_log(now, most) || since >= checkpoint_pace) return false;
  try {
    grow_log(std::min({paced_growth * log_.ring_bytes(), most_paced_ring_bytes, most}));
    return true;
  } catch (const Error& error) {
    // The commit needs no more than there is.
    if (error == errc::io) throw;
    no_room_until_ = now + no_room_pause;
    return false;
  }
}

void Engine::grow_log(std::uint64_t ring_bytes) {
  log_.grow_file(ring_bytes, log_piece_bytes(identity_.durability, options_));
  // Mapped first: once the meta slot names the new length, nothing may fail any more.
  RingMapping mapping = log_.map_ahead(ring_bytes);
  log_.copy_to(mapping, shown_.position, state_.position);
  crash_point("log.copied");
  // Before the meta slot names the length: a log that is shorter than it says cannot be opened.
  sync_log_now();
  write_checkpoint(false, ring_bytes);
  adopt_log(std::move(mapping));
}

void Engine::adopt_log(RingMapping mapping) noexcept {
  const std::lock_guard guard(log_mapping_);
  log_.adopt(std::move(mapping));
}

/// A record that is synced by itself is written: storing it into a page that the last sync has
/// made clean is a fault, and the next sync has to take that page out of the page tables again.
/// Records that share a sync share both, and a system call each would cost them more.
LogRing::By Engine::way_into_log(Durability durability) const noexcept {
  const bool is_synced_alone =
      durability == Durability::power && survives_power() && !group_sync_.is_shared();
  const bool is_short = record_bytes(entries_.size(), line_count_) <= most_written_bytes;
  return is_synced_alone && is_short ? LogRing::By::writing : LogRing::By::storing;
}

RecordView Engine::append(LogRing::By by) {
  RecordHeader header{};
  header.magic = record_magic;
  header.position = state_.position;
  header.sequence = state_.sequence + 1;
  // A word that anybody may write over: what the checkpoint covers is durable in any case.
  header.durable_position = std::clamp(survives_power() ? group_sync_.durable() : 0,
                                       meta_.checkpoint_position, state_.position);
  header.heap_end_pages = static_cast<std::uint32_t>(heap_end_ / page_bytes);
  header.file_pages = static_cast<std::uint32_t>(file_bytes_ / page_bytes);
  header.page_count = static_cast<std::uint32_t>(entries_.size());
  header.line_count = static_cast<std::uint32_t>(line_count_);
  const RecordView record = log_.append(
      header, entries_, [this](std::uint64_t page) { return context_.base() + page * page_bytes; },
      by);
  crash_point("append.before_tail");
  // Release pairs with the acquire in `catch_up`. This store is the commit point for kills.
  live_.log_tail.store(record.end_position(), std::memory_order_release);
  crash_point("append.after_tail");
  return record;
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>

#include "cairn/error.hpp"
#include "cairn/recovery/checksum.hpp"
#include "cairn/store/engine.hpp"

namespace cairn {
namespace {

/// Each attempt outlasts several checkpoints, unless the slots are really damaged.
constexpr int meta_read_attempts = 3;

/// How often an examination of the log begins again because a checkpoint overtook it.
constexpr int examination_attempts = 100;

using Clock = std::chrono::steady_clock;

}  // namespace

void Engine::recover_alone() {
  const PhaseScope phase(table_, ProcessPhase::recovering);
  const Clock::time_point start = Clock::now();
  const bool same_boot = live_.boot_id == current_boot_id();
  const bool failed = live_.failed.load(std::memory_order_relaxed) != 0;
  require_one_state();
  const bool was_owned = lock_.owner_slot() != ~0U;
  last_recovery_ = {};
  last_recovery_.after_reboot = !same_boot;
  last_recovery_.sync_failed = failed;
  last_recovery_.took_over = same_boot && was_owned;
  last_recovery_.power_was_lost = is_power_lost(identity_, meta_);
  state_ = checkpoint_state(meta_);
  const bool trusted = same_boot && !failed && is_original() && !last_recovery_.power_was_lost &&
                       live_words_are_trustworthy();
  crash_point("recover.begin");
  const std::uint64_t size = data_.size();
  if (size < state_.heap_end) {
    throw Error(errc::truncated, path(),
                "the file has " + std::to_string(size) + " bytes, its last checkpoint needs " +
                    std::to_string(state_.heap_end));
  }
  if (last_recovery_.power_was_lost) {
    require_sound_remains();
    // What is stored into a mapping where the disk has no room is death by SIGBUS.
    const int failure = data_.try_allocate(0, size);
    if (failure != 0 && failure != EOPNOTSUPP) throw_system_error(failure, path(), "allocate it");
  }
  // Before anything that may fail: after a failed sync nobody goes by the tail any more.
  // Relaxed: nobody else is attached.
  if (trusted) discard_torn_append(live_.log_tail.load(std::memory_order_relaxed));
  // Whoever stored the newest meta slot may have died before its sync.
  if (trusted && survives_power()) sync_header_or_fail();
  replay(trusted);
  shown_ = visible_ = state_;
  require_file_reaches(state_.file_bytes, size);
  if (last_recovery_.power_was_lost) {
    keep_remains();
  } else if (!trusted) {
    restart_log();
    // That it was not closed may stand in memory alone, and level process does not sync otherwise.
    if (same_boot && failed && !survives_power()) mark_unclean();
  }
  last_recovery_.reclaimed_bytes = size - state_.file_bytes;
  cut_file(size);
  last_recovery_.reaped_processes = table_.reap();
  reset_live_words();
  last_recovery_.sequence = state_.sequence;
  last_recovery_.needed =
      last_recovery_.power_was_lost || failed || last_recovery_.replayed_records != 0 ||
      was_owned || last_recovery_.discarded_bytes != 0 || last_recovery_.reclaimed_bytes != 0 ||
      last_recovery_.reaped_processes != 0;
  last_recovery_.duration = Clock::now() - start;
  report_recovery();
}

/// Throws where what the files hold may be no state of the store at all.
void Engine::require_one_state() const {
  // The last asks the whole log, which nobody waits for who opens the store's own files.
  const auto was_closed = [this] {
    return meta_.clean != 0 && !log_.parse(meta_.checkpoint_position) &&
           !log_.proves_damage_at(meta_.checkpoint_position, meta_.checkpoint_sequence);
  };
  if (!is_original() && !options_.accept_copy && !was_closed()) {
    throw Error(errc::copied_while_open, path(),
                "it was written as inode " + std::to_string(meta_.inode) + " and is inode " +
                    std::to_string(data_id_.inode) +
                    " now, so it may mix several states; copy the original once Store::close has "
                    "closed it, have `cairn backup` copy it at any time, or set "
                    "Options::accept_copy where nobody wrote while the copy was taken");
  }
  // Who only reads cannot make what is there a store.
  require_power_kept(identity_, meta_, options_.accept_power_loss && !is_frozen(), path());
}

void Engine::require_file_reaches(std::uint64_t committed_bytes, std::uint64_t file_bytes) const {
  if (file_bytes >= committed_bytes) return;
  throw Error(errc::truncated, path(),
              "the file has " + std::to_string(file_bytes) + " bytes, its last commit needs " +
                  std::to_string(committed_bytes));
}

/// Shows the report, which grows while the write lock is held, to those who do not hold it.
void Engine::report_recovery() {
  const std::lock_guard guard(report_mutex_);
  reported_recovery_ = last_recovery_;
}

/// Walks the headers from the checkpoint: the words are right where they lead exactly to the tail.
bool Engine::live_words_are_trustworthy() const {
  // Nobody else is attached, and what the dead stored is in the file: any order would do here, in
  // `replay` and in what it calls.
  const std::uint64_t tail = live_.log_tail.load(std::memory_order_acquire);
  const std::uint64_t published = live_.published.load(std::memory_order_acquire);
  const std::uint64_t visible = live_.visible.load(std::memory_order_acquire);
  const std::uint64_t applying = live_.applying.load(std::memory_order_acquire);
  if (tail < state_.position || tail - state_.position > log_.ring_bytes()) return false;
  if (published < state_.sequence || visible < published) return false;
  if (applying != Publication::none &&
      (applying < Publication::raised(published) || applying > Publication::begun(published + 1))) {
    return false;
  }
  std::uint64_t position = state_.position;
  std::uint64_t sequence = state_.sequence;
  while (position < tail) {
    const auto record = log_.parse_trusted(position);
    if (!record || record->sequence() != sequence + 1) return false;
    position = record->end_position();
    ++sequence;
  }
  return position == tail && visible <= sequence;
}

void Engine::replay(bool trusted) {
  const std::uint64_t tail = live_.log_tail.load(std::memory_order_acquire);
  const std::uint64_t published = live_.published.load(std::memory_order_acquire);
  const std::uint64_t ring_end = state_.position + log_.ring_bytes();
  bool synced = false;
  for (;;) {
    if (trusted && state_.position == tail) return;
    const bool shown = trusted && state_.sequence < published;
    const auto record = shown ? log_.parse_trusted(state_.position) : log_.parse(state_.position);
    if (!record || record->sequence() != state_.sequence + 1 || record->end_position() > ring_end) {
      // At level process the loss of power leaves holes in a log that nobody synced.
      const bool may_end_anywhere = last_recovery_.power_was_lost;
      if (trusted ||
          (!may_end_anywhere && log_.proves_damage_at(state_.position, state_.sequence))) {
        throw Error(errc::corrupt, log_.file().path(),
                    "the record at position " + std::to_string(state_.position) +
                        " is unreadable, and valid ones follow it");
      }
      if (const auto torn = log_.parse_trusted(state_.position)) {
        last_recovery_.discarded_bytes = torn->bytes();
      }
      return;
    }
    if (!shown) sync_log_before_showing(*record, synced);
    replay_record(*record, !shown);
  }
}

/// Nobody may see what a power cut could still take back, and a writer may have died between
/// appending and syncing. What a writer began to show it had synced.
void Engine::sync_log_before_showing(const RecordView& record, bool& synced) {
  if (synced || !survives_power()) return;
  if (record.sequence() <= live_.visible.load(std::memory_order_acquire)) return;
  // After a sync that failed the system may take for written what never reached the disk. So each
  // record is stored once more, for the next sync to write.
  const bool failed = live_.failed.load(std::memory_order_relaxed) != 0;
  if (failed) log_.store_again(record);
  sync_or_fail(log_.file());
  synced = !failed;
}

/// The pages that a record writes must exist before it is applied.
void Engine::require_pages_of(const RecordView& record) const {
  if (record.heap_end() <= state_.heap_end && record.file_bytes() <= reach_bytes_) return;
  const std::uint64_t size = data_.size();
  if (record.file_bytes() <= reach_bytes_ && record.heap_end() <= size) return;
  throw Error(errc::truncated, path(),
              "the file has " + std::to_string(size) + " bytes, commit " +
                  std::to_string(record.sequence()) + " needs " +
                  std::to_string(record.heap_end()));
}

void Engine::replay_record(const RecordView& record, bool apply) {
  require_pages_of(record);
  if (apply) {
    std::byte* const window = window_.data();
    record.apply([](std::uint64_t) { return true; },
                 [&](std::uint64_t offset, const std::byte* from, std::size_t bytes) {
                   data_.store_mapped(offset, window + offset, from, bytes);
                   crash_point("recover.line");
                 });
    ++last_recovery_.replayed_records;
    last_recovery_.replayed_bytes += record.bytes();
    crash_point("recover.applied");
  }
  advance(state_, record);
}

/// Spoils the header of a record that was written but never covered by the tail, so that nobody who
/// reads the log without the tail takes it for a commit.
void Engine::discard_torn_append(std::uint64_t tail) {
  const auto torn = log_.parse_trusted(tail);
  if (!torn) return;
  last_recovery_.discarded_bytes = torn->bytes();
  log_.spoil(tail);
  sync_log_now();
  crash_point("recover.spoiled");
}

/// Begins a new lap of the log: what the ring holds is of positions that never come again.
void Engine::restart_log() {
  LogState next = state_;
  next.position = state_.position + log_.ring_bytes();
  state_ = shown_ = visible_ = next;
  write_checkpoint(meta_.clean != 0 && last_recovery_.replayed_records == 0);
  crash_point("recover.restarted");
}

void Engine::reset_live_words() {
  lanes_.reset();
  // Relaxed: nobody else is attached; who comes next waits for the opener's lock on byte 0.
  live_.log_tail.store(state_.position, std::memory_order_relaxed);
  live_.durable.store(state_.position, std::memory_order_relaxed);
  live_.published.store(state_.sequence, std::memory_order_relaxed);
  live_.visible.store(state_.sequence, std::memory_order_relaxed);
  live_.applying.store(Publication::none, std::memory_order_relaxed);
  live_.published_position.store(state_.position, std::memory_order_relaxed);
  live_.heap_end.store(state_.heap_end, std::memory_order_relaxed);
  live_.overlay_end.store(0, std::memory_order_relaxed);
  live_.change_awaited.store(0, std::memory_order_relaxed);
  live_.resize.state.store(ResizeState::none, std::memory_order_relaxed);
  live_.quarantine.owner.store(0, std::memory_order_relaxed);
  live_.quarantine.ended.store(0, std::memory_order_relaxed);
  live_.quarantine.unpinned.store(0, std::memory_order_relaxed);
  live_.failed.store(0, std::memory_order_relaxed);
  lock_.reset();
  crash_point("recover.words");
  // Last: until then the next opener resets them again.
  live_.boot_id = current_boot_id();
}

/// Others may change both meanwhile. The heap first: it ends earlier before the file is cut, and
/// later after the file has grown, so only a cut in between can be taken for damage, and not twice.
void Engine::require_whole_heap() const {
  std::uint64_t heap_end = 0;
  std::uint64_t size = 0;
  for (int attempt = 0; attempt < examination_attempts; ++attempt) {
    // Acquire: the length is measured behind it.
    heap_end = live_.heap_end.load(std::memory_order_acquire);
    crash_point("join.measured");
    size = data_.size();
    if (size >= heap_end) return;
  }
  throw Error(errc::truncated, path(),
              "the file has " + std::to_string(size) + " bytes, its heap ends at " +
                  std::to_string(heap_end));
}

void Engine::join_others() {
  require_whole_heap();
  state_ = shown_ = visible_ = checkpoint_state(meta_);
  last_recovery_ = {};
  // Where no other slot was free this process has that of a writer that died holding the lock.
  if (lock_.owner_slot() == table_.own_slot()) lock_.leave_to_the_dead();
  repair_publication();
  // Whoever appended last may have died before its sync.
  settle({log_position(), 0});
  last_recovery_.sequence = sequence();
  report_recovery();
}

/// Takes over from a writer that died, so that its last commit becomes visible. Harmless otherwise.
void Engine::repair_publication() {
  WriteLock::Grant grant;
  if (!lock_.try_take_over(grant)) return;
  // Acquire pairs with the release in `end_fenced`.
  if (working_view_use_.load(std::memory_order_acquire) != 0) {
    // A fenced transaction of this process is not through with the view.
    lock_.leave_to_the_dead();
    return;
  }
  table_.enter_phase(ProcessPhase::recovering);
  try {
    require_not_failed();
    take_over(grant);
  } catch (...) {
    table_.leave_phase();
    release_after_failure(grant);
    throw;
  }
  table_.leave_phase();
  lock_.release();
  wake_change_waiters();
}

void Engine::take_over(const WriteLock::Grant& grant) {
  const PhaseScope phase(table_, ProcessPhase::recovering);
  const Clock::time_point start = Clock::now();
  last_recovery_ = {};
  last_recovery_.needed = true;
  last_recovery_.took_over = grant.taken_over;
  crash_point("takeover.begin");
  // It may have died between appending and syncing, and what it appended may make an Atomic.
  sync_appended();
  const LogState before = catch_up();
  last_recovery_.replayed_records = shown_.sequence - before.sequence;
  last_recovery_.replayed_bytes = shown_.position - before.position;
  // Or between storing a meta slot and syncing it: what is appended from here on goes by that slot.
  if (survives_power()) sync_header_or_fail();
  discard_torn_append(state_.position);
  set_body_aside();
  const std::uint64_t size = data_.size();
  cut_file(size);
  last_recovery_.reclaimed_bytes = size - std::min(size, data_.size());
  crash_point("takeover.cut");
  // Relaxed: whoever looks without the lock compares its epoch, too, which has passed.
  live_.resize.state.store(ResizeState::none, std::memory_order_relaxed);
  last_recovery_.reaped_processes = table_.reap();
  last_recovery_.reaped_readers = lanes_.reap();
  last_recovery_.sequence = state_.sequence;
  last_recovery_.duration = Clock::now() - start;
  report_recovery();
}

/// Returns what the shared image showed before, as others left it.
LogState Engine::catch_up() {
  fetch_appended();
  reload_meta();
  // Private pages may be a fenced transaction's, or lack records that the log no longer holds.
  if (stale_pages_ || state_.position < meta_.checkpoint_position) {
    context_.drop_private_pages();
    state_ = checkpoint_state(meta_);
    stale_pages_ = false;
  }
  sync_shown();
  // Where the image shows all that this process knows, pages behind the heap that it knows may have
  // been somebody's fresh ones since, which no record holds: a heap that became shorter while that
  // was held back has left copies of them here.
  if (shown_.sequence >= state_.sequence && context_.tracked_bytes() > state_.heap_end) {
    context_.set_tracked_bytes(state_.heap_end);
  }
  // Acquire pairs with the release in `append`: the records up to there are whole.
  const std::uint64_t tail = live_.log_tail.load(std::memory_order_acquire);
  while (state_.position < tail) {
    const auto record = log_.parse(state_.position);
    if (!record || record->sequence() != state_.sequence + 1) {
      throw Error(errc::corrupt, log_.file().path(),
                  "no valid record at position " + std::to_string(state_.position) +
                      " although the log reaches to " + std::to_string(tail));
    }
    require_pages_of(*record);
    const bool wholly = record->sequence() > shown_.sequence;
    if (wholly) {
      // What is applied must not reach fresh pages, which are the shared image's.
      const std::uint64_t reach = std::max({state_.reach, shown_.reach, record->heap_end()});
      if (context_.tracked_bytes() < reach) context_.set_tracked_bytes(reach);
    }
    apply_to_working_view(*record, wholly);
    advance(state_, *record);
  }
  const LogState before = shown_;
  show_appended();
  context_.set_tracked_bytes(fresh_begin());
  return before;
}

/// Has the processor fetch what another one has just appended, while it finds out what else is new.
void Engine::fetch_appended() const noexcept {
  // Relaxed: only advice.
  const std::uint64_t tail = live_.log_tail.load(std::memory_order_relaxed);
  const std::uint64_t bytes = std::min(tail - state_.position, most_fetched_bytes);
  const std::byte* const record = log_.at(state_.position).data();
  for (std::uint64_t at = 0; at < bytes; at += line_bytes) __builtin_prefetch(record + at);
}

void Engine::reload_meta() {
  std::array<MetaSlot, meta_slots> stored;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    std::memcpy(&stored[i], window_.data() + meta_slot_offset + i * meta_slot_stride,
                sizeof(MetaSlot));
  }
  // As they were when they were checked, but for those who follow a checkpoint.
  if (checked_slots_ && std::memcmp(stored.data(), checked_slots_->data(), sizeof stored) == 0) {
    return;
  }
  checked_slots_.reset();
  const MetaSlot newest = newest_meta();
  if (newest.log_bytes != log_.ring_bytes()) adopt_log(log_.map_ahead(newest.log_bytes));
  meta_ = newest;
  checked_slots_ = stored;
}

MetaSlot Engine::newest_meta() const {
  std::array<std::byte, live_words_offset> header;
  for (int attempt = 1;; ++attempt) {
    // A copy, so that what was checked is what is used. Without the write lock it may be made while
    // both slots are written, one after the other.
    std::memcpy(header.data(), window_.data(), header.size());
    try {
      return cairn::newest_meta(header, seed_, path());
    } catch (const Error&) {
      if (attempt == meta_read_attempts) throw;
    }
  }
}

void Engine::examine_log() const {
  for (int attempt = 0; attempt < examination_attempts; ++attempt) {
    const MetaSlot meta = newest_meta();
    const std::uint64_t tail = log_position();
    const auto damaged = find_damaged_record(meta, tail);
    if (!damaged) return;
    // What overwrites a record comes after the meta slot that made it superfluous (invariant 5).
    std::atomic_thread_fence(std::memory_order_acquire);
    if (newest_meta().turn != meta.turn) continue;
    throw Error(errc::corrupt, log_.file().path(),
                "no valid record at position " + std::to_string(*damaged) +
                    " although the log reaches to " + std::to_string(tail));
  }
}

/// The position of the first record that cannot be read. Needs no lock: the ring is mapped anew,
/// since the one at hand may give way to a longer one.
std::optional<std::uint64_t> Engine::find_damaged_record(const MetaSlot& meta,
                                                         std::uint64_t tail) const {
  const RingMapping ring = log_.map_ahead(meta.log_bytes);
  std::uint64_t position = meta.checkpoint_position;
  std::uint64_t sequence = meta.checkpoint_sequence;
  if (tail < position || tail - position > ring.ring_bytes) return position;
  while (position < tail) {
    const auto record = RecordView::parse(ring.at(position), position, seed_);
    if (!record || record->sequence() != ++sequence || record->end_position() > tail) {
      return position;
    }
    position = record->end_position();
  }
  return std::nullopt;
}

/// Cuts the file, which has `file_bytes`, to its committed length, or to where a fenced process may
/// still be at work. Leaves it to others where commits are held back: sections read what these may
/// have taken out of the heap.
void Engine::cut_file(std::uint64_t file_bytes) {
  if (is_held_back()) return;
  const std::uint64_t length = std::max(state_.file_bytes, quarantine_end());
  if (file_bytes <= length) return;
  const PhaseScope phase(table_, ProcessPhase::resizing);
  // Replay after a power cut must not meet records that write behind the new end.
  if (state_.reach > length) write_checkpoint(false);
  data_.truncate(length);
}

}  // namespace cairn

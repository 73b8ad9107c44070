// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

#include "cairn/error.hpp"
#include "cairn/mapping/shared_view.hpp"
#include "cairn/store/engine.hpp"
#include "cairn/types/atomic_format.hpp"
#include "unmarked_writes.hpp"

namespace cairn {
namespace {

/// Up to here a durable commit logs its fresh pages; above, syncing the data file costs less than
/// writing the bytes twice.
constexpr std::uint64_t logged_fresh_bytes = 128 << 10;
/// From here on it pays to map what was loaded for reading at once.
constexpr std::uint64_t populated_fresh_bytes = 1 << 20;
/// How many pages before their turn the lines to compare are fetched.
constexpr std::size_t pages_compared_ahead = 4;

/// Written out: a call to memcmp costs more than the comparison.
bool lines_equal(const std::byte* a, const std::byte* b) noexcept {
  std::array<std::uint64_t, line_bytes / sizeof(std::uint64_t)> left;
  std::array<std::uint64_t, line_bytes / sizeof(std::uint64_t)> right;
  std::memcpy(left.data(), a, line_bytes);
  std::memcpy(right.data(), b, line_bytes);
  std::uint64_t difference = 0;
  for (std::size_t i = 0; i < left.size(); ++i) difference |= left[i] ^ right[i];
  return difference == 0;
}

/// Fetches lines of `mask` in two pages, most of which are in no near cache: the transaction has
/// touched a lot else since. Asked for together they cost little more than one.
void prefetch_lines(std::uint64_t mask, const std::byte* a, const std::byte* b) noexcept {
  for (; mask != 0; mask &= mask - 1) {
    const auto at = static_cast<std::uint64_t>(std::countr_zero(mask)) * line_bytes;
    __builtin_prefetch(a + at);
    __builtin_prefetch(b + at, 1);
  }
}

/// Without the popcnt instruction, which not every x86-64 has, std::popcount is a call; most masks
/// have few bits.
std::uint64_t count_bits(std::uint64_t mask) noexcept {
  std::uint64_t count = 0;
  for (; mask != 0; mask &= mask - 1) ++count;
  return count;
}

/// Lines of `mask` in which two pages differ, or may at the next moment: where the shared page,
/// which is the second, holds an Atomic. As long as what replaces that is not published, readers of
/// the state before may change it.
std::uint64_t changed_lines(std::uint64_t mask, const std::byte* a, const std::byte* b) noexcept {
  std::uint64_t changed = 0;
  for (std::uint64_t rest = mask; rest != 0; rest &= rest - 1) {
    const auto line = static_cast<std::uint64_t>(std::countr_zero(rest));
    const std::byte* const shared = b + line * line_bytes;
    if (!lines_equal(a + line * line_bytes, shared) || is_atomic_line(shared)) {
      changed |= 1ULL << line;
    }
  }
  return changed;
}

/// Whether two images of a line differ only as those of a living Atomic do, whose private copy
/// means nothing (Engine, invariant 6).
bool are_of_one_atomic(const std::byte* a, const std::byte* b) noexcept {
  AtomicFormat left;
  AtomicFormat right;
  std::memcpy(&left, a, sizeof left);
  std::memcpy(&right, b, sizeof right);
  return left.magic == atomic_magic && right.magic == atomic_magic &&
         std::memcmp(left.reserved, right.reserved, sizeof left.reserved) == 0;
}

}  // namespace

void Engine::begin_write() {
  begin_guarded();
  lock_.begin_body();
  crash_point("write.active");
}

WriteLock::Grant Engine::begin_guarded(const WriteLock::Patience& patience) {
  require_open();
  if (lanes_.in_section()) {
    throw Error(errc::write_inside_read, path(),
                "end this thread's read section before beginning a write transaction");
  }
  if (ActiveWrite::find(context_.shown_base()) != nullptr) {
    throw Error(errc::transaction_active, path(),
                "commit this thread's write transaction, or let it go, first");
  }
  const WriteLock::Grant grant = acquire_working_view(patience);
  // Before anything that may grow the file, as setting pages aside may: growth asks whether the
  // lock is held at this epoch.
  epoch_ = grant.epoch;
  crash_point("write.locked");
  try {
    table_.enter_phase(ProcessPhase::writing);
    prepare_transaction(grant);
  } catch (...) {
    table_.leave_phase();
    give_up_working_view();
    release_after_failure(grant);
    throw;
  }
  ActiveWrite::push(context_);
  return grant;
}

/// What a takeover left undone is the next owner's to do, so the lock stays with the dead. Some of
/// what others appended may have been published before the failure.
void Engine::release_after_failure(const WriteLock::Grant& grant) noexcept {
  // Relaxed: stored by who had the lock, whose release this one's acquire has seen.
  if (grant.taken_over || grant.fenced || live_.body.load(std::memory_order_relaxed) != 0) {
    lock_.leave_to_the_dead();
  } else {
    // The next transaction has to learn what this one could not.
    lock_.release_unseen();
  }
  wake_change_waiters();
}

void Engine::prepare_transaction(const WriteLock::Grant& grant) {
  require_not_failed();
  // Relaxed, as all that only who has the lock stores: its acquire has seen the last one's release.
  // A body that is named although nobody had the lock runs on: somebody wrote over the word.
  if (grant.taken_over || grant.fenced || live_.body.load(std::memory_order_relaxed) != 0) {
    take_over(grant);
  } else if (grant.changed_hands || stale_pages_ || state_.position != log_position() ||
             shown_.sequence != published() ||
             live_.applying.load(std::memory_order_relaxed) != Publication::none) {
    // But for the first: where restoring pages was broken off by an exception, or somebody wrote
    // over a word. Relaxed: only who has the lock stores `applying`.
    take_lines_ahead();
    catch_up();
  } else if (is_held_back()) {
    // Nobody had the lock meanwhile, so all that may have changed is that sections have left.
    show_appended();
  }
  if (sequence() != state_.sequence) settle_visible();
  // Set again in case that the end of the last transaction could not.
  context_.set_tracked_bytes(fresh_begin());
  if (state_.reach > state_.heap_end && !is_held_back()) write_checkpoint(false);
  if (meta_.clean != 0) mark_unclean();
  if (context_.write_set().private_pages().size() * page_bytes > options_.private_bytes) {
    settle_appended();
    // While commits are held back, dropping their pages would only be to copy them again.
    if (!is_held_back()) context_.drop_private_pages();
  }
  if (overlays_.any() && !is_held_back()) overlays_.drop_idle();
  context_.heap().reload();
  heap_end_ = state_.heap_end;
  file_bytes_ = state_.file_bytes;
  settle_quarantine(grant.changed_hands);
}

std::uint64_t Engine::commit(Durability durability) {
  require_open();
  // What the caller has read has to be durable, also where nothing changes.
  CommitPlace committed{state_.position, state_.sequence};
  if (!lock_.begin_commit(epoch_)) {
    end_fenced();
    settle(committed);
    throw_fenced();
  }
  crash_point("commit.guarded");
  bool appended = false;
  try {
    require_committable(durability);
    if (durability == Durability::deferred) deferred_.start(options_.deferred_delay, path());
    collect_lines();
    require_no_ended_atomics();
    if (!entries_.empty() || heap_end_ != state_.heap_end || file_bytes_ != state_.file_bytes) {
      const RecordView record = append_changes(durability);
      const bool shares_sync = may_share_sync(record);
      if (!shares_sync) sync_appended();
      // From here on the commit stands, whatever happens to its publication.
      appended = true;
      if (shares_sync) {
        advance(state_, record);
        show_appended();
      } else {
        show_at_once(record);
      }
      committed = {state_.position, state_.sequence};
      if (durability == Durability::deferred) deferred_.add(committed);
    }
  } catch (...) {
    if (appended) {
      end_transaction();
    } else {
      rollback();
    }
    throw;
  }
  end_transaction();
  if (durability != Durability::deferred) {
    await_visible(committed, GroupSync::Member::Begin::together);
  }
  return committed.sequence;
}

void Engine::require_committable(Durability durability) {
  if (lanes_.in_section()) {
    throw Error(errc::write_inside_read, path(),
                "end this thread's read section before committing: publishing waits for it");
  }
  lanes_.let_go();
  if (durability != Durability::process && !survives_power()) {
    throw Error(errc::durability_mismatch, path(),
                "commit with Durability::process, or make a new store with Durability::power");
  }
  if (context_.write_set().is_over_limit()) context_.write_set().throw_over_limit();
  if (options_.verify_writes) verify_marks();
}

/// Whether the commit may wait for its sync without the write lock, with others (invariant 8).
bool Engine::may_share_sync(const RecordView& record) const {
  return survives_power() && !data_synced_ && file_bytes_ == state_.file_bytes &&
         !makes_atomic(record);
}

/// Requires: the record is durable, where the store survives power.
void Engine::show_at_once(const RecordView& record) {
  const std::uint64_t fresh_begin = state_.heap_end;
  show(record);
  if (sequence() != state_.sequence) require_published("the commit stands, but nobody sees it");
  if (state_.heap_end >= fresh_begin + populated_fresh_bytes) {
    map_cached_pages(read_view_.data() + fresh_begin, state_.heap_end - fresh_begin);
  }
}

/// Appends what the transaction changed. What its record makes reachable is on the disk before.
RecordView Engine::append_changes(Durability durability) {
  // The clock is read where a sync makes that cheap, or where readers have to be waited for.
  if (survives_power()) {
    table_.enter_phase(ProcessPhase::publishing);
  } else {
    table_.continue_as(ProcessPhase::publishing);
  }
  const std::uint64_t fresh_bytes = heap_end_ - std::min(heap_end_, context_.tracked_bytes());
  const bool grew = file_bytes_ > state_.file_bytes;
  data_synced_ =
      survives_power() && (grew || fresh_bytes > logged_fresh_bytes || has_fresh_atomic());
  if (survives_power() && !data_synced_) add_fresh_pages();
  make_room_in_log(record_bytes(entries_.size(), line_count_));
  if (data_synced_) {
    // Length and fresh pages must be on the disk before the record that makes them reachable.
    crash_point("commit.sync_data");
    sync_or_fail(data_);
  }
  return append(way_into_log(durability));
}

RecordView Engine::append_durably() {
  const RecordView record = append_changes(Durability::power);
  sync_appended();
  return record;
}

void Engine::collect_lines() {
  entries_.clear();
  line_count_ = 0;
  const WriteSet& marks = context_.write_set();
  const std::uint64_t end_page = std::min(heap_end_, context_.tracked_bytes()) / page_bytes;
  const std::span<const std::uint32_t> touched = marks.touched();
  for (std::size_t i = 0; i < touched.size(); ++i) {
    if (i + pages_compared_ahead < touched.size()) {
      const std::uint64_t ahead = touched[i + pages_compared_ahead];
      if (ahead < end_page) {
        const std::uint64_t at = ahead * page_bytes;
        prefetch_lines(marks.mask(ahead), context_.base() + at, window_.data() + at);
      }
    }
    const std::uint32_t page = touched[i];
    if (page >= end_page) continue;
    const std::uint64_t offset = page * page_bytes;
    // Equal lines may be left out where everything appended is published (Engine, invariant 4).
    // Compared through the window, which publishing will need in the caches and the TLB anyway.
    const std::uint64_t changed =
        is_held_back()
            ? marks.mask(page)
            : changed_lines(marks.mask(page), context_.base() + offset, window_.data() + offset);
    if (changed == 0) continue;
    entries_.push_back({page, changed});
    line_count_ += count_bits(changed);
  }
}

void Engine::add_fresh_pages() {
  const std::uint64_t begin = std::max(context_.tracked_bytes(), set_aside_end_);
  for (std::uint64_t page = begin / page_bytes; page < heap_end_ / page_bytes; ++page) {
    entries_.push_back({page, ~0ULL});
    line_count_ += lines_per_page;
  }
}

/// An Atomic in fresh pages counts in the shared image from the commit on, held back or not, and a
/// record that held it would undo that.
bool Engine::has_fresh_atomic() const {
  for (std::uint64_t at = std::max(context_.tracked_bytes(), set_aside_end_); at < heap_end_;
       at += line_bytes) {
    if (is_atomic_line(context_.base() + at)) return true;
  }
  return false;
}

void Engine::verify_marks() {
  const HeapBytes committed{read_view_.data(), state_.heap_end, heap_begin};
  if (!is_held_back()) return verify_marks_against(committed);
  Overlay* const overlay =
      overlays_.open({shown_.position, shown_.sequence, shown_.heap_end}, state_.sequence);
  if (overlay == nullptr) return;  // only where the log moves, which takes the write lock
  try {
    verify_marks_against({overlay->base(), overlay->heap_end(), heap_begin});
  } catch (...) {
    overlays_.close(*overlay);
    throw;
  }
  overlays_.close(*overlay);
}

void Engine::verify_marks_against(const HeapBytes& committed) const {
  const WriteSet& marks = context_.write_set();
  UnmarkedLines missed;
  for (std::uint64_t page = heap_begin / page_bytes; page < committed.end / page_bytes; ++page) {
    const std::uint64_t offset = page * page_bytes;
    // There somebody else is storing.
    if (offset - context_.heap().quarantined_offset() < context_.heap().quarantined_bytes())
      continue;
    std::uint64_t lines =
        changed_lines(~marks.mask(page), context_.base() + offset, committed.base + offset);
    for (; lines != 0; lines &= lines - 1) {
      const std::uint64_t at =
          offset + static_cast<std::uint64_t>(std::countr_zero(lines)) * line_bytes;
      if (!are_of_one_atomic(context_.base() + at, committed.base + at)) missed.add(at);
    }
  }
  if (missed.count == 0) return;
  throw Error(errc::unmarked_write, path(),
              describe(missed, {context_.base(), heap_end_, heap_begin}, committed, path()));
}

void Engine::advance(LogState& state, const RecordView& record) noexcept {
  state.position = record.end_position();
  state.sequence = record.sequence();
  state.heap_end = record.heap_end();
  state.file_bytes = record.file_bytes();
  state.reach = std::max(state.reach, record.heap_end());
}

void Engine::end_transaction() noexcept {
  context_.write_set().clear();
  if (context_.tracked_bytes() != fresh_begin()) {
    try {
      context_.set_tracked_bytes(fresh_begin());
    } catch (...) {
      // Set again, and the failure reported, when the next transaction begins.
    }
  }
  if (resizing_) {
    // Relaxed: whoever finds another state here finds the lock held, or takes it over.
    live_.resize.state.store(ResizeState::none, std::memory_order_relaxed);
    resizing_ = false;
  }
  ActiveWrite::pop(context_);
  table_.leave_phase();
  give_up_working_view();
  crash_point("write.ending");
  lock_.release();
  wake_change_waiters();
}

void Engine::rollback() noexcept {
  // In a forked child the transaction goes on being the parent's; a closed store has none.
  if (condition_.load(std::memory_order_relaxed) != Condition::open) return;
  const CommitPlace seen{state_.position, state_.sequence};
  if (!lock_.begin_commit(epoch_)) {
    end_fenced();
    settle(seen);
    return;
  }
  restore_lines();
  // Sections may still read what a commit that is held back has cut off, and a record whose sync
  // failed may yet be replayed, into pages that were synced before it.
  const bool is_appended = log_position() != state_.position;
  if (file_bytes_ > state_.file_bytes && !is_held_back() && !is_appended) {
    try {
      data_.truncate(state_.file_bytes);
    } catch (...) {
      // A file that is too long does no harm; recovery and the next growth mend it.
    }
  }
  end_transaction();
  settle(seen);
}

void Engine::restore_lines() noexcept {
  const WriteSet& marks = context_.write_set();
  for (const std::uint32_t page : marks.touched()) {
    const std::uint64_t offset = page * page_bytes;
    for (std::uint64_t rest = marks.mask(page); rest != 0; rest &= rest - 1) {
      const std::uint64_t line =
          offset + static_cast<std::uint64_t>(std::countr_zero(rest)) * line_bytes;
      std::byte* const ours = context_.base() + line;
      // Comparing first spares pages that were declared but never written a private copy.
      if (!lines_equal(ours, read_view_.data() + line)) {
        std::memcpy(ours, read_view_.data() + line, line_bytes);
      }
    }
  }
  try {
    if (options_.verify_writes) context_.drop_private_pages();
    if (is_held_back()) restore_held_back();
  } catch (...) {
    // No memory, or the log does not hold what it should: the next transaction begins with this,
    // and says so.
    stale_pages_ = true;
  }
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstring>
#include <utility>

#include "cairn/error.hpp"
#include "cairn/mapping/futex.hpp"
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
constexpr std::uint64_t largest_growth_step = 64 << 20;
constexpr std::uint64_t smallest_growth_step = 256 << 10;

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

/// Without the popcnt instruction, which not every x86-64 has, std::popcount is a call; most masks
/// have few bits.
std::uint64_t count_bits(std::uint64_t mask) noexcept {
  std::uint64_t count = 0;
  for (; mask != 0; mask &= mask - 1) ++count;
  return count;
}

/// Whether the line holds an Atomic, or what is left of one.
bool is_atomic_line(const std::byte* line) noexcept {
  std::uint64_t magic = 0;
  std::memcpy(&magic, line + offsetof(AtomicFormat, magic), sizeof magic);
  return magic == atomic_magic;
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

/// Orders what this thread did before its last read-modify-write against what it does next.
void fence_after_read_modify_write() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  // There every read-modify-write is a full fence for the processor; the compiler needs to be told.
  std::atomic_signal_fence(std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

}  // namespace

void Engine::begin_write() {
  require_open();
  if (lanes_.in_section()) {
    throw Error(errc::write_inside_read, path(),
                "end this thread's read section before beginning a write transaction");
  }
  if (ActiveWrite::find(context_.base()) != nullptr) {
    throw Error(errc::transaction_active, path(),
                "commit it or let it go before beginning another");
  }
  const WriteLock::Grant grant = lock_.acquire(options_.lock_timeout, path());
  crash_point("write.locked");
  try {
    table_.enter_phase(ProcessPhase::writing);
    prepare_transaction(grant);
  } catch (...) {
    table_.leave_phase();
    release_after_failure(grant);
    throw;
  }
  ActiveWrite::push(context_);
}

/// What a takeover left undone is the next owner's to do, so the lock stays with the dead. Some of
/// what others appended may have been published before the failure.
void Engine::release_after_failure(const WriteLock::Grant& grant) noexcept {
  if (grant.taken_over) {
    lock_.leave_to_the_dead();
  } else {
    lock_.release();
  }
  wake_change_waiters();
}

void Engine::prepare_transaction(const WriteLock::Grant& grant) {
  require_not_failed();
  if (grant.taken_over) {
    take_over();
  } else if (grant.changed_hands || state_.sequence != sequence() ||
             state_.position != log_position()) {
    // The latter two where a commit of this process is not published yet, or where catching up was
    // broken off by an exception.
    catch_up();
  }
  // Set again in case that the end of the last transaction could not.
  context_.set_tracked_bytes(state_.heap_end);
  if (state_.reach > state_.heap_end) write_checkpoint(false);
  if (meta_.clean != 0 && !survives_power()) mark_unclean();
  if (context_.write_set().private_pages().size() * page_bytes > options_.private_bytes) {
    context_.drop_private_pages();
  }
  context_.heap().reload();
  heap_end_ = state_.heap_end;
  file_bytes_ = state_.file_bytes;
}

std::uint64_t Engine::commit(Durability durability) {
  require_open();
  bool appended = false;
  try {
    if (lanes_.in_section()) {
      throw Error(errc::write_inside_read, path(),
                  "end this thread's read section before committing: publishing waits for it");
    }
    if (durability == Durability::power && !survives_power()) {
      throw Error(errc::durability_mismatch, path(),
                  "the store was created with Durability::process");
    }
    if (context_.write_set().is_over_limit()) context_.write_set().throw_over_limit();
    if (options_.verify_writes) verify_marks();
    collect_lines();
    if (entries_.empty() && heap_end_ == state_.heap_end && file_bytes_ == state_.file_bytes) {
      const std::uint64_t unchanged = state_.sequence;
      end_transaction();
      return unchanged;
    }
    const RecordView record = append_durably();
    // From here on the commit stands, whatever happens to its publication.
    appended = true;
    const std::uint64_t fresh_begin = state_.heap_end;
    advance(record);
    publish(record);
    if (state_.heap_end >= fresh_begin + populated_fresh_bytes) {
      map_cached_pages(read_view_.data() + fresh_begin, state_.heap_end - fresh_begin);
    }
  } catch (...) {
    if (appended) {
      end_transaction();
    } else {
      rollback();
    }
    throw;
  }
  const std::uint64_t sequence = state_.sequence;
  end_transaction();
  return sequence;
}

RecordView Engine::append_durably() {
  if (!lock_.begin_commit()) {
    throw Error(errc::fenced, path(), "nothing was committed; begin a new transaction");
  }
  // The clock is read where a sync makes that cheap, or where readers have to be waited for.
  if (survives_power()) {
    table_.enter_phase(ProcessPhase::publishing);
  } else {
    table_.continue_as(ProcessPhase::publishing);
  }
  const std::uint64_t fresh_bytes = heap_end_ - std::min(heap_end_, state_.heap_end);
  const bool grew = file_bytes_ > state_.file_bytes;
  const bool sync_data = survives_power() && (grew || fresh_bytes > logged_fresh_bytes);
  if (survives_power() && !sync_data) add_fresh_pages();
  make_room_in_log(record_bytes(entries_.size(), line_count_));
  if (sync_data) {
    // Length and fresh pages must be on the disk before the record that makes them reachable.
    crash_point("commit.sync_data");
    sync_or_fail(data_);
  }
  const RecordView record = append();
  if (survives_power()) {
    crash_point("commit.sync_log");
    sync_or_fail(log_.file());
    crash_point("commit.synced");
  }
  return record;
}

void Engine::collect_lines() {
  entries_.clear();
  line_count_ = 0;
  const WriteSet& marks = context_.write_set();
  const std::uint64_t end_page = std::min(heap_end_, state_.heap_end) / page_bytes;
  for (const std::uint32_t page : marks.touched()) {
    if (page >= end_page) continue;
    const std::uint64_t offset = page * page_bytes;
    // Equal lines may be left out because everything appended is published (Engine, invariant 4).
    // Compared through the window, which publishing will need in the caches and the TLB anyway.
    const std::uint64_t changed =
        changed_lines(marks.mask(page), context_.base() + offset, window_.data() + offset);
    if (changed == 0) continue;
    entries_.push_back({page, changed});
    line_count_ += count_bits(changed);
  }
}

void Engine::add_fresh_pages() {
  for (std::uint64_t page = state_.heap_end / page_bytes; page < heap_end_ / page_bytes; ++page) {
    entries_.push_back({page, ~0ULL});
    line_count_ += lines_per_page;
  }
}

void Engine::verify_marks() const {
  const WriteSet& marks = context_.write_set();
  UnmarkedLines missed;
  for (std::uint64_t page = heap_begin / page_bytes; page < state_.heap_end / page_bytes; ++page) {
    const std::uint64_t offset = page * page_bytes;
    std::uint64_t lines =
        changed_lines(~marks.mask(page), context_.base() + offset, read_view_.data() + offset);
    for (; lines != 0; lines &= lines - 1) {
      const std::uint64_t at =
          offset + static_cast<std::uint64_t>(std::countr_zero(lines)) * line_bytes;
      if (!are_of_one_atomic(context_.base() + at, read_view_.data() + at)) missed.add(at);
    }
  }
  if (missed.count == 0) return;
  throw Error(errc::unmarked_write, path(),
              describe(missed, {context_.base(), heap_end_, heap_begin},
                       {read_view_.data(), state_.heap_end, heap_begin}, path()));
}

void Engine::make_room_in_log(std::uint64_t bytes) {
  const std::uint64_t used = state_.position - meta_.checkpoint_position;
  if (used + bytes <= log_.ring_bytes()) return;
  if (bytes > options_.max_log_bytes) {
    throw Error(errc::too_large, path(),
                "the transaction needs " + std::to_string(bytes) +
                    " bytes of log, max_log_bytes is " + std::to_string(options_.max_log_bytes) +
                    "; commit in smaller steps");
  }
  if (bytes <= log_.ring_bytes()) {
    write_checkpoint(false);
    return;
  }
  const std::uint64_t ring_bytes = std::bit_ceil(bytes);
  log_.grow_file(ring_bytes);
  // Before the meta slot names the length: a log that is shorter than it says cannot be opened.
  if (survives_power()) sync_or_fail(log_.file());
  // Mapped first: once the meta slot names the new length, nothing may fail any more.
  RingMapping mapping = log_.map_ahead(ring_bytes);
  // The checkpoint empties the ring; only an empty ring may change its length.
  write_checkpoint(false, ring_bytes);
  log_.adopt(std::move(mapping));
}

RecordView Engine::append() {
  RecordHeader header{};
  header.magic = record_magic;
  header.position = state_.position;
  header.sequence = state_.sequence + 1;
  // What came before is synced at level power, because each commit syncs before it returns.
  header.durable_position = survives_power() ? state_.position : meta_.checkpoint_position;
  header.heap_end_pages = static_cast<std::uint32_t>(heap_end_ / page_bytes);
  header.file_pages = static_cast<std::uint32_t>(file_bytes_ / page_bytes);
  header.page_count = static_cast<std::uint32_t>(entries_.size());
  header.line_count = static_cast<std::uint32_t>(line_count_);
  const RecordView record = log_.append(
      header, entries_, [this](std::uint64_t page) { return context_.base() + page * page_bytes; });
  crash_point("append.before_tail");
  // Release pairs with the acquire in `catch_up`. This store is the commit point for kills.
  live_.log_tail.store(record.end_position(), std::memory_order_release);
  crash_point("append.after_tail");
  return record;
}

void Engine::publish(const RecordView& record) {
  const std::uint64_t sequence = record.sequence();
  crash_point("publish.begin");
  // Sequentially consistent, with `ReaderLanes::enter`: raised before the lanes are looked at.
  const bool begun = live_.publishing.exchange(sequence, std::memory_order_seq_cst) == sequence;
  crash_point("publish.raised");
  const bool fenced = lanes_.fence_sections();
  try {
    lanes_.wait_for_older(sequence, options_.reader_timeout);
  } catch (...) {
    // Where a writer had begun before it died, the image may show a part of the record already.
    if (!begun) live_.publishing.store(sequence - 1, std::memory_order_seq_cst);
    // A section that saw the word set may still be on its way in: the next publisher fences again.
    if (fenced) lanes_.request_fence();
    throw;
  }
  std::byte* const window = window_.data();
  record.apply([](std::uint64_t) { return true; },
               [&](std::uint64_t offset, const std::byte* from, std::size_t bytes) {
                 data_.store_mapped(offset, window + offset, from, bytes);
                 crash_point("publish.line");
               });
  crash_point("publish.applied");
  live_.heap_end.store(record.heap_end(), std::memory_order_relaxed);
  // Release pairs with the acquire in `ReaderLanes::enter`.
  live_.published.store(sequence, std::memory_order_release);
  crash_point("publish.done");
}

/// Requires: a read-modify-write of this thread since the publication, which releasing the lock is.
void Engine::wake_change_waiters() noexcept {
  // With `wait_for_change`, which asks to be woken before it looks at the sequence: one of the two
  // sees the other.
  fence_after_read_modify_write();
  if (live_.change_awaited.load(std::memory_order_seq_cst) == 0) [[likely]]
    return;
  // Cleared before waking: who asks again after this does not sleep through the next commit.
  live_.change_awaited.store(0, std::memory_order_seq_cst);
  futex_wake(live_.change_awaited, INT32_MAX);
}

void Engine::advance(const RecordView& record) noexcept {
  state_.position = record.end_position();
  state_.sequence = record.sequence();
  state_.heap_end = record.heap_end();
  state_.file_bytes = record.file_bytes();
  state_.reach = std::max(state_.reach, record.heap_end());
}

void Engine::end_transaction() noexcept {
  context_.write_set().clear();
  if (context_.tracked_bytes() != state_.heap_end) {
    try {
      context_.set_tracked_bytes(state_.heap_end);
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
  crash_point("write.ending");
  lock_.release();
  wake_change_waiters();
}

void Engine::rollback() noexcept {
  // In a forked child the transaction goes on being the parent's; a closed store has none.
  if (condition_.load(std::memory_order_relaxed) != Condition::open) return;
  restore_lines();
  if (file_bytes_ > state_.file_bytes) {
    try {
      data_.truncate(state_.file_bytes);
    } catch (...) {
      // A file that is too long does no harm; recovery and the next growth mend it.
    }
  }
  end_transaction();
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
  if (options_.verify_writes) context_.drop_private_pages();
}

void Engine::sync_or_fail(const File& file) {
  try {
    file.sync();
  } catch (const Error& cause) {
    // Relaxed: others look at it once they hold the write lock, which this thread has not released.
    live_.failed.store(1, std::memory_order_relaxed);
    throw Error(errc::io, path(),
                "a sync failed, so the store refuses further writes; close it everywhere and open "
                "it again to see whether this commit survives",
                cause.system_errno());
  }
}

std::uint64_t Engine::limit_bytes() const noexcept {
  return options_.max_bytes == 0 ? reach_bytes_ : std::min(options_.max_bytes, reach_bytes_);
}

void Engine::extend_heap(std::uint64_t bytes) {
  if (bytes <= heap_end_) return;
  if (bytes > limit_bytes()) {
    throw Error(errc::too_large, path(),
                "the heap would end at byte " + std::to_string(bytes) + ", max_bytes is " +
                    std::to_string(limit_bytes()));
  }
  if (bytes > file_bytes_) grow_file(bytes);
  heap_end_ = bytes;
}

/// Grows the file by more than was asked for, so that small growth stays rare.
void Engine::grow_file(std::uint64_t bytes) {
  const std::uint64_t step =
      std::clamp(round_up(file_bytes_ / 4, page_bytes), smallest_growth_step, largest_growth_step);
  // A file that ends within a huge page has small ones there.
  const std::uint64_t unit =
      file_bytes_ + step < huge_page_bytes ? smallest_growth_step : huge_page_bytes;
  const std::uint64_t wanted =
      std::min(round_up(std::max(bytes, file_bytes_ + step), unit), limit_bytes());
  try {
    grow_file_to(wanted);
  } catch (const Error& error) {
    if (!(error == errc::no_space) || wanted == bytes) throw;
    // No room for the step ahead; there may be for what is needed.
    grow_file_to(bytes);
  }
}

void Engine::grow_file_to(std::uint64_t bytes) {
  const PhaseScope phase(table_, ProcessPhase::resizing);
  ResizeRecord& resize = live_.resize;
  const std::uint64_t now = uptime_ns();
  const std::chrono::nanoseconds allowed = options_.operation_timeout;
  resize.owner_slot.store(table_.own_slot(), std::memory_order_relaxed);
  resize.epoch.store(lock_.epoch(), std::memory_order_relaxed);
  resize.started_ns.store(now, std::memory_order_relaxed);
  resize.deadline_ns.store(now + static_cast<std::uint64_t>(allowed.count()),
                           std::memory_order_relaxed);
  resize.old_bytes.store(state_.file_bytes, std::memory_order_relaxed);
  resize.new_bytes.store(bytes, std::memory_order_relaxed);
  // Release: whoever finds the resize finds its numbers.
  resize.state.store(ResizeState::growing, std::memory_order_release);
  resizing_ = true;
  crash_point("grow.recorded");
  data_.allocate(file_bytes_, bytes);
  file_bytes_ = bytes;
  crash_point("grow.allocated");
}

}  // namespace cairn

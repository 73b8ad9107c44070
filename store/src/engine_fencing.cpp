// SPDX-License-Identifier: BSL-1.0
// A writer that lives and does not go on: how its transaction is ended, and what becomes of the
// pages that it may still be storing into.
#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstring>
#include <optional>

#include "cairn/error.hpp"
#include "cairn/mapping/futex.hpp"
#include "cairn/store/engine.hpp"
#include "cairn/types/atomic_format.hpp"

namespace cairn {
namespace {

using Clock = std::chrono::steady_clock;

/// Asking whether a process lives takes a system call, so not every transaction and publication
/// asks.
constexpr std::uint32_t looks_between_questions = 64;

std::uint32_t token_of(std::uint64_t body) noexcept {
  return static_cast<std::uint32_t>(body);
}

}  // namespace

// --- the thread that uses the working view -------------------------------------------------------

/// The write lock together with this process's working view.
WriteLock::Grant Engine::acquire_working_view(const WriteLock::Patience& patience) {
  // Asked for only when it is needed: looking at the clock costs a fifth of a small transaction.
  std::optional<Clock::time_point> deadline;
  for (;;) {
    const WriteLock::Grant grant = lock_.acquire(patience, path());
    // Acquire pairs with the release in `end_fenced`.
    if (working_view_use_.load(std::memory_order_acquire) == 0) [[likely]] {
      // Relaxed: looked at by who has the lock, and that release comes after it.
      working_view_use_.store(1, std::memory_order_relaxed);
      return grant;
    }
    // Another thread has the view although this one has the lock, so it was fenced.
    if (grant.taken_over || grant.fenced) {
      lock_.leave_to_the_dead();
    } else {
      lock_.release_unseen();
    }
    if (!deadline) deadline = Clock::now() + patience.timeout;
    wait_for_fenced_thread(*deadline);
  }
}

void Engine::wait_for_fenced_thread(Clock::time_point deadline) {
  for (;;) {
    std::uint32_t in_use = 1;
    // Relaxed: `acquire_working_view` looks again, and acquires.
    working_view_use_.compare_exchange_strong(in_use, 2, std::memory_order_relaxed);
    if (in_use == 0) return;
    const auto left = deadline - Clock::now();
    if (left <= left.zero()) {
      throw Error(errc::timeout, path(),
                  "a transaction of another thread of this process was fenced, and is still in its "
                  "body");
    }
    futex_wait(working_view_use_, 2, left);
  }
}

// --- the fenced one ------------------------------------------------------------------------------

/// Ends a transaction that another process has fenced. Nothing that others see is this one's to
/// touch any more: lock, log, file length and live words are the new owner's.
void Engine::end_fenced() noexcept {
  crash_point("fenced.noticed");
  // Dropped when the next transaction begins, which has to catch up anyway.
  stale_pages_ = true;
  context_.write_set().clear();
  // Release pairs with the acquire in `WriteLock::is_over` and in `pins`: from here on nothing is
  // stored into the pages that were fresh, and nothing is read.
  live_.quarantine.ended.store(lock_.own_body(), std::memory_order_release);
  crash_point("fenced.ended");
  lock_.forget_body();
  resizing_ = false;
  ActiveWrite::pop(context_);
  table_.leave_phase();
  // Release pairs with the acquire in `acquire_working_view`.
  if (working_view_use_.exchange(0, std::memory_order_release) == 2) {
    futex_wake(working_view_use_, INT32_MAX);
  }
  // What was kept out of the shared image for this body's sake.
  help_publication();
}

void Engine::throw_fenced() const {
  throw Error(errc::fenced, path(),
              "another process ended this transaction while it was in its body; nothing of it is "
              "committed, begin a new one");
}

void Engine::require_not_fenced() const {
  if (!lock_.is_held(epoch_)) throw_fenced();
}

/// What follows a failed growth shortens the file or writes into it, which only the one that has
/// the lock may do, and so that it stays that one.
void Engine::settle_failed_growth(int failure, std::uint64_t bytes) {
  const bool was_guarded = lock_.is_guarded();
  if (!lock_.begin_commit(epoch_)) throw_fenced();
  try {
    data_.settle_allocation(failure, file_bytes_, bytes);
  } catch (...) {
    if (!was_guarded) lock_.resume_body();
    throw;
  }
  if (!was_guarded) lock_.resume_body();
}

// --- what it leaves ------------------------------------------------------------------------------

/// Notes down which pages the transaction of a living process may still be storing into, where the
/// lock was taken from it, by this process or by one that died before it came to this.
void Engine::set_body_aside() {
  crash_point("fence.taken");
  // Acquire pairs with the release in `begin_body`, as the lock's has. Relaxed in what follows:
  // only who has the lock stores these words.
  const std::uint64_t body = live_.body.load(std::memory_order_acquire);
  if (body == 0) return;
  Quarantine& words = live_.quarantine;
  const std::uint64_t owner = words.owner.load(std::memory_order_relaxed);
  if (!lock_.is_over(body)) {
    if (owner != 0 && owner != body && !lock_.is_over(owner)) {
      throw Error(errc::timeout, path(),
                  "two fenced transactions go on at once, the older in " +
                      table_.describe(ProcessTable::slot_of(token_of(owner))));
    }
    // Everything that it gained while it had the lock shows in the length by now; what it gains
    // later it does not use (grow_file_to).
    words.begin.store(state_.heap_end, std::memory_order_relaxed);
    words.end.store(std::max(round_up(data_.size(), page_bytes), state_.heap_end),
                    std::memory_order_relaxed);
    crash_point("fence.measured");
    // Release: whoever finds the owner finds its pages.
    words.owner.store(body, std::memory_order_release);
    for (const ProcessInfo& process : table_.list()) {
      if (process.slot == ProcessTable::slot_of(token_of(body))) {
        last_recovery_.fenced_pid = process.pid;
      }
    }
    last_recovery_.quarantined_bytes = words.end - words.begin;
    crash_point("fence.recorded");
  }
  // Release: who finds no body finds what is set aside.
  live_.body.store(0, std::memory_order_release);
}

/// Whether a fenced body may still be reading what the shared image shows: until it is over it is a
/// section at that state which has no lane. It may be known by its word alone, as long as the
/// fencer has not come to set it aside. `ask`: also whether its process lives, which is asked now
/// and then otherwise.
bool Engine::is_pinned_by_fenced(bool ask) {
  // Relaxed: only who has the lock stores `body`, `owner` and `unpinned`.
  const std::uint64_t body = live_.body.load(std::memory_order_relaxed);
  if (body != lock_.own_body() && pins(body, true)) return true;
  const std::uint64_t owner = live_.quarantine.owner.load(std::memory_order_relaxed);
  return owner != body && pins(owner, ask || ++pin_looks_ % looks_between_questions == 0);
}

bool Engine::pins(std::uint64_t body, bool ask) {
  const Quarantine& words = live_.quarantine;
  if (body == 0 || words.unpinned.load(std::memory_order_relaxed) == body) return false;
  // Acquire pairs with the release in `end_fenced`: it reads nothing any more.
  if (words.ended.load(std::memory_order_acquire) == body) return false;
  return !ask || !lock_.is_over(body);
}

/// Commits are published over it from now on, so that a process that never wakes up is in nobody's
/// way. If it does wake up, its body may see two states.
void Engine::unpin_fenced() noexcept {
  Quarantine& words = live_.quarantine;
  // Relaxed: only who has the lock stores and looks.
  const std::uint64_t owner = words.owner.load(std::memory_order_relaxed);
  if (owner != 0) words.unpinned.store(owner, std::memory_order_relaxed);
}

/// How far a fenced transaction that is not over may be reading and storing.
std::uint64_t Engine::quarantine_end() const {
  // Acquire pairs with the release in `set_body_aside`, which stores the end before.
  const std::uint64_t owner = live_.quarantine.owner.load(std::memory_order_acquire);
  if (owner == 0 || lock_.is_over(owner)) return 0;
  return live_.quarantine.end.load(std::memory_order_relaxed);
}

/// Keeps the heap out of the pages of a fenced transaction, and gives them back once it is over.
///
/// Requires: guarded, the working view caught up, nothing changed yet.
void Engine::settle_quarantine(bool look_for_dead) {
  Quarantine& words = live_.quarantine;
  FreeListAllocator& heap = context_.heap();
  // Acquire pairs with the release in `set_body_aside`, which stores both bounds before.
  const std::uint64_t owner = words.owner.load(std::memory_order_acquire);
  if (owner == 0 && heap.quarantined_bytes() == 0) [[likely]]
    return;
  if (++quarantine_looks_ % looks_between_questions == 0) look_for_dead = true;
  const std::uint64_t begin = words.begin.load(std::memory_order_relaxed);
  const std::uint64_t end = words.end.load(std::memory_order_relaxed);
  const bool is_in_heap = heap.quarantined_bytes() != 0 && heap.quarantined_offset() == begin &&
                          heap.quarantined_bytes() == end - begin;
  const bool is_pending = !is_in_heap && begin != end;
  // Acquire pairs with the release in `end_fenced`: what it stored is there.
  const bool over = owner == 0 || words.ended.load(std::memory_order_acquire) == owner ||
                    ((look_for_dead || is_pending) && lock_.is_over(owner));
  // Others than those of the present owner are of one that was over when this one was fenced.
  if (heap.quarantined_bytes() != 0 && (over || !is_in_heap)) {
    commit_by_itself([&] { heap.release_quarantined(); });
    crash_point("quarantine.released");
  }
  if (over) {
    // Release pairs with the acquire in `quarantine_end`.
    words.owner.store(0, std::memory_order_release);
    cut_file(data_.size());
  } else if (is_pending) {
    reserve_quarantine();
  }
}

void Engine::reserve_quarantine() {
  // Relaxed: only who has the lock stores them.
  const std::uint64_t begin = live_.quarantine.begin.load(std::memory_order_relaxed);
  const std::uint64_t end = live_.quarantine.end.load(std::memory_order_relaxed);
  const std::uint64_t size = data_.size();
  if (begin != state_.heap_end || !is_multiple(end, page_bytes) || end < begin ||
      end > round_up(size, page_bytes)) {
    throw Error(errc::corrupt, path(),
                "bytes " + std::to_string(begin) + " to " + std::to_string(end) +
                    " should be in quarantine, in a file of " + std::to_string(size) +
                    " bytes whose heap ends at byte " + std::to_string(state_.heap_end) +
                    "; close the store everywhere to reset that");
  }
  commit_by_itself([&] {
    set_aside_end_ = end;
    file_bytes_ = std::max(file_bytes_, size / page_bytes * page_bytes);
    context_.heap().quarantine_to(end);
  });
  crash_point("quarantine.reserved");
}

/// A transaction within the beginning of another: what it does stands whatever becomes of that.
template <class Change>
void Engine::commit_by_itself(Change change) {
  try {
    change();
    collect_lines();
    const RecordView record = append_durably();
    set_aside_end_ = 0;
    context_.write_set().clear();
    show(record);
  } catch (...) {
    // Once it is appended no line is marked any more. A file that is too long does no harm.
    restore_lines();
    context_.write_set().clear();
    context_.heap().reload();
    heap_end_ = state_.heap_end;
    file_bytes_ = state_.file_bytes;
    set_aside_end_ = 0;
    throw;
  }
  context_.set_tracked_bytes(fresh_begin());
  context_.heap().reload();
  heap_end_ = state_.heap_end;
  file_bytes_ = state_.file_bytes;
}

/// An Atomic changes in the shared image at any time, and the body of a fenced transaction does not
/// know that it has become something else.
void Engine::require_no_ended_atomics() const {
  // Relaxed: only who has the lock stores it.
  const std::uint64_t owner = live_.quarantine.owner.load(std::memory_order_relaxed);
  if (owner == 0) [[likely]]
    return;
  for (const PageEntry& entry : entries_) {
    for (std::uint64_t rest = entry.mask; rest != 0; rest &= rest - 1) {
      const auto line = static_cast<std::uint64_t>(std::countr_zero(rest));
      std::uint64_t magic = 0;
      std::memcpy(&magic,
                  window_.data() + entry.page * page_bytes + line * line_bytes +
                      offsetof(AtomicFormat, magic),
                  sizeof magic);
      if (magic != atomic_magic || lock_.is_over(owner)) continue;
      throw Error(errc::timeout, path(),
                  "the transaction ends an Atomic that another may still change which was fenced "
                  "and goes on in " +
                      table_.describe(ProcessTable::slot_of(token_of(owner))));
    }
  }
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
// What a fenced writer leaves behind, and what becomes of it.
#include <atomic>
#include <chrono>
#include <optional>

#include "cairn/error.hpp"
#include "cairn/mapping/futex.hpp"
#include "cairn/store/engine.hpp"

namespace cairn {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

/// The write lock together with this process's working view.
WriteLock::Grant Engine::acquire_working_view(const WriteLock::Patience& patience) {
  // Asked for only when it is needed: looking at the clock costs a fifth of a small transaction.
  std::optional<Clock::time_point> deadline;
  for (;;) {
    const WriteLock::Grant grant = lock_.acquire(patience, path());
    // Acquire pairs with the release in `end_fenced`.
    if (working_view_use_.load(std::memory_order_acquire) == 0) [[likely]] {
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

/// Ends a transaction that another process has fenced. Nothing that others see is this one's to
/// touch any more: lock, log, file length and live words are the new owner's.
void Engine::end_fenced() noexcept {
  // Dropped when the next transaction begins, which has to catch up anyway.
  stale_pages_ = true;
  context_.write_set().clear();
  lock_.forget_body();
  resizing_ = false;
  ActiveWrite::pop(context_);
  table_.leave_phase();
  // Release pairs with the acquire in `acquire_working_view`.
  if (working_view_use_.exchange(0, std::memory_order_release) == 2) {
    futex_wake(working_view_use_, INT32_MAX);
  }
}

}  // namespace cairn

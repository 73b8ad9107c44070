// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>

#include "cairn/mapping/futex.hpp"
#include "cairn/types/atomic_format.hpp"

/// \file
/// Sleeping until an Atomic's value changes. The value may have fewer or more bytes than the system
/// can wait on, so waiters sleep on a word beside it, which notifiers raise.
namespace cairn::detail {

inline constexpr int atomic_wake_all = INT_MAX;
inline constexpr std::chrono::nanoseconds atomic_wait_forever = std::chrono::hours(24);

/// What the words of a shared line are accessed through.
inline std::atomic<std::uint32_t>& atomic_word(std::uint32_t& word) noexcept {
  static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));
  return reinterpret_cast<std::atomic<std::uint32_t>&>(word);
}

/// Returns true once `has_changed()`, false where it has not when `timeout` is over.
template <class HasChanged>
bool atomic_wait(AtomicFormat& line, std::chrono::nanoseconds timeout, HasChanged has_changed) {
  if (has_changed()) return true;
  std::atomic<std::uint32_t>& turn = atomic_word(line.turn);
  const auto begun = std::chrono::steady_clock::now();
  for (;;) {
    const std::uint32_t seen = turn.load(std::memory_order_seq_cst);
    // Read-modify-writes of one word, here and in `atomic_notify`, have an order: either the
    // notifier comes later and finds this, or earlier, and then his change is seen below. A flag
    // and not a count, so that a waiter that is killed leaves nothing behind but one call that
    // wakes nobody.
    atomic_word(line.awaited).exchange(1, std::memory_order_acq_rel);
    if (has_changed()) return true;
    const auto left = timeout - (std::chrono::steady_clock::now() - begun);
    if (left <= left.zero()) return false;
    futex_wait(turn, seen, left);
  }
}

/// Requires: the value was changed before.
inline void atomic_notify(AtomicFormat& line, int count) {
  std::atomic<std::uint32_t>& awaited = atomic_word(line.awaited);
  if (awaited.fetch_or(0, std::memory_order_acq_rel) == 0) return;
  // Cleared before the turn is raised: who asks after this either sees the new turn or finds that
  // the one he saw has passed. Left set where only some are woken.
  if (count == atomic_wake_all) awaited.store(0, std::memory_order_seq_cst);
  atomic_word(line.turn).fetch_add(1, std::memory_order_seq_cst);
  futex_wake(atomic_word(line.turn), count);
}

}  // namespace cairn::detail

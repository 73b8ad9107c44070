// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/write_lock.hpp"

#include <algorithm>
#include <string>

#include "cairn/error.hpp"
#include "cairn/mapping/futex.hpp"

namespace cairn {
namespace {

constexpr std::uint64_t slot_mask = 0xFF;
/// Names no process that can be alive: the slot behind the last.
constexpr std::uint64_t nobodys_slot = process_slot_count + 1;
constexpr std::uint64_t committing_bit = 0x100;
constexpr std::uint64_t waiters_bit = 0x8000;
constexpr int epoch_shift = 16;

/// How often a busy lock is looked at before sleeping: handing over takes about a microsecond.
constexpr int spin_rounds = 200;
/// How long a waiter sleeps before it looks whether the owner is still alive.
constexpr std::chrono::milliseconds liveness_interval{10};

void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

LockWord::LockWord(std::uint64_t word) noexcept
    : held((word & slot_mask) != 0),
      slot(static_cast<std::uint32_t>(word & slot_mask) - 1),
      committing((word & committing_bit) != 0),
      awaited((word & waiters_bit) != 0),
      epoch(word >> epoch_shift) {}

bool WriteLock::try_acquire(Grant& grant, std::uint64_t waiters) noexcept {
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  if ((seen & slot_mask) != 0) return false;
  const std::uint64_t seen_epoch = seen >> epoch_shift;
  const bool unchanged = seen_epoch == epoch();
  const std::uint64_t next = unchanged ? seen_epoch : seen_epoch + 1;
  const std::uint64_t mine = next << epoch_shift | waiters | (std::uint64_t{table_.own_slot()} + 1);
  // Acquire pairs with the release in `release`: what the last owner did is seen.
  if (!word_.compare_exchange_strong(seen, mine, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
    return false;
  }
  last_epoch_.store(next, std::memory_order_relaxed);
  grant.changed_hands = !unchanged;
  return true;
}

bool WriteLock::try_take_over(Grant& grant) {
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  const std::uint64_t slot = (seen & slot_mask) - 1;
  if ((seen & slot_mask) == 0 || table_.is_alive(static_cast<std::uint32_t>(slot))) return false;
  const std::uint64_t next = (seen >> epoch_shift) + 1;
  const std::uint64_t mine =
      next << epoch_shift | waiters_bit | (std::uint64_t{table_.own_slot()} + 1);
  // Acquire: the dead owner's last release or takeover; its own stores came through shared memory
  // that the kernel made visible at its death.
  if (!word_.compare_exchange_strong(seen, mine, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
    return false;
  }
  last_epoch_.store(next, std::memory_order_relaxed);
  grant = {true, true};
  return true;
}

WriteLock::Grant WriteLock::acquire(std::chrono::milliseconds timeout, const std::string& path) {
  Grant grant;
  if (try_acquire(grant, 0)) [[likely]]
    return grant;
  for (int round = 0; round < spin_rounds; ++round) {
    relax();
    if (try_acquire(grant, 0)) return grant;
  }
  const auto start = std::chrono::steady_clock::now();
  for (;;) {
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    if ((seen & slot_mask) == 0) {
      // Whoever slept once keeps the bit set: others may still be asleep.
      if (try_acquire(grant, waiters_bit)) return grant;
      continue;
    }
    if ((seen & waiters_bit) == 0 &&
        !word_.compare_exchange_strong(seen, seen | waiters_bit, std::memory_order_relaxed)) {
      continue;
    }
    futex_wait(low_half(word_), static_cast<std::uint32_t>(seen | waiters_bit), liveness_interval);
    if (try_acquire(grant, waiters_bit)) return grant;
    const auto waited = std::chrono::steady_clock::now() - start;
    if (waited >= liveness_interval && try_take_over(grant)) return grant;
    if (waited >= timeout) {
      throw Error(errc::timeout, path,
                  "no write lock after " + std::to_string(timeout.count()) + " ms: held by " +
                      table_.describe(owner_slot()));
    }
  }
}

bool WriteLock::begin_commit() noexcept {
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  while (seen >> epoch_shift == epoch()) {
    // Relaxed: nothing is handed over here; the order that matters is that of the word's changes.
    if (word_.compare_exchange_weak(seen, seen | committing_bit, std::memory_order_relaxed))
      return true;
  }
  return false;
}

void WriteLock::release() noexcept {
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  while (seen >> epoch_shift == epoch()) {
    // Release pairs with the acquire in `try_acquire`.
    if (word_.compare_exchange_weak(seen, epoch() << epoch_shift, std::memory_order_release,
                                    std::memory_order_relaxed)) {
      if ((seen & waiters_bit) != 0) futex_wake(low_half(word_), 1);
      return;
    }
  }
}

std::uint32_t WriteLock::owner_slot() const noexcept {
  return static_cast<std::uint32_t>(word_.load(std::memory_order_relaxed) & slot_mask) - 1;
}

void WriteLock::leave_to_the_dead() noexcept {
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  // A waiter may take the lock over meanwhile; until then the word names this process's slot.
  while ((seen & slot_mask) == table_.own_slot() + 1) {
    const std::uint64_t nobody = (seen & ~slot_mask) | nobodys_slot;
    if (word_.compare_exchange_weak(seen, nobody, std::memory_order_release,
                                    std::memory_order_relaxed)) {
      return;
    }
  }
}

void WriteLock::reset() noexcept {
  const std::uint64_t epoch = (word_.load(std::memory_order_relaxed) >> epoch_shift) + 1;
  word_.store(epoch << epoch_shift, std::memory_order_release);
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "cairn/store/process_table.hpp"

namespace cairn {

/// What the word of the write lock says, for those who only look at it.
struct LockWord {
  LockWord() = default;
  explicit LockWord(std::uint64_t word) noexcept;

  bool held = false;
  std::uint32_t slot = ~0U;  ///< of the owner; from `process_slot_count` on: one that died
  bool committing = false;  ///< the owner is past its body, and nobody takes the lock from it alive
  bool awaited = false;     ///< somebody may be waiting
  std::uint64_t epoch = 0;
};

/// The one write lock of a store, shared by the threads of all processes.
///
///     bit 63..16  epoch: raised whenever the lock passes to another process
///         15      waiters: somebody may be asleep on the low half of the word
///         11..8   phase of the owner: 0 active, 1 committing
///          7..0   slot of the owning process + 1, 0 free
///
/// Invariants:
///  1. Only a compare-and-swap that expects the whole word changes owner, phase or epoch.
///  2. An owner appends to the log only after it has moved to phase committing; from then on nobody
///     takes the lock from it while it lives.
///  3. Where a process finds the epoch that it released with, nobody else held the lock since.
///
/// Threads: any.
class WriteLock {
 public:
  struct Grant {
    bool changed_hands = false;  ///< another process may have committed since we last held it
    bool taken_over = false;     ///< the owner before us died holding it
  };

  WriteLock(std::atomic<std::uint64_t>& word, const ProcessTable& table) noexcept
      : word_(word), table_(table) {}

  /// Waits for the lock; takes it from a dead owner. Throws errc::timeout, naming the owner.
  Grant acquire(std::chrono::milliseconds timeout, const std::string& path);
  /// Active to committing. False where the lock was taken away.
  bool begin_commit() noexcept;
  void release() noexcept;
  /// Takes the lock if its owner is dead. Also for readers that find a publication left half-done.
  bool try_take_over(Grant& grant);

  /// Slot of the owner, ~0 where it is free.
  std::uint32_t owner_slot() const noexcept;
  std::uint64_t epoch() const noexcept { return last_epoch_.load(std::memory_order_relaxed); }
  /// Where the word names this process's slot: makes it name an owner that is certainly dead, so
  /// that whoever comes next takes over. For a slot that was a dead owner's, and for a takeover
  /// that failed.
  void leave_to_the_dead() noexcept;
  /// Frees the word whatever it holds; only where no other process is attached.
  void reset() noexcept;

 private:
  bool try_acquire(Grant& grant, std::uint64_t waiters) noexcept;

  std::atomic<std::uint64_t>& word_;
  const ProcessTable& table_;
  /// Stored by the holder; others of this process may look before they have the lock, and where
  /// they saw an old value the word that they expect is an old one too, or they catch up for
  /// nothing.
  std::atomic<std::uint64_t> last_epoch_{~std::uint64_t{0}};
};

}  // namespace cairn

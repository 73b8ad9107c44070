// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "cairn/store/process_table.hpp"

namespace cairn {

/// What the word of the write lock says, for those who only look at it.
struct LockWord {
  LockWord() = default;
  explicit LockWord(std::uint64_t word) noexcept;

  bool held = false;
  std::uint32_t slot = ~0U;  ///< of the owner; from `process_slot_count` on: one that died
  bool guarded = false;      ///< the owner is not in its body: nobody takes the lock from it alive
  bool awaited = false;      ///< somebody may be waiting
  std::uint64_t epoch = 0;
};

/// The one write lock of a store, shared by the threads of all processes.
///
///     bit 63..16  epoch: raised whenever the lock passes to another process
///         15      waiters: somebody may be asleep on the low half of the word
///         14      kept: when it is free, only for those who have waited long
///         8       guarded: the owner is at what nobody may interrupt
///          7..0   slot of the owning process + 1, 0 free
///
/// Who takes the lock is guarded: it catches up, publishes, recovers. It becomes *active* for the
/// body of its transaction, in which it touches nothing that others see but pages behind the
/// committed heap, and guarded again to commit or to roll back.
///
/// Invariants:
///  1. Only a compare-and-swap that expects the whole word changes owner or epoch. The phase is
///     changed by the owner alone, and to guarded only where the epoch is still its own.
///  2. From a guarded owner nobody takes the lock while it lives; from an active one it can be
///     *fenced*: the lock passes on, guarded, with a raised epoch, and the old owner can do nothing
///     more to what others see but store into those pages, because it finds the epoch changed.
///  3. Where a process finds the epoch that it released with, nobody else held the lock since.
///  4. `LiveWords::body` is set before the owner becomes active, and reset before it releases the
///     lock. So who takes the lock from a dead or fenced owner and finds it set knows whose body
///     may still be storing, however often the lock has changed hands since.
///
/// Threads: any. Those of a process agree otherwise on who uses its one working view.
class WriteLock {
 public:
  struct Grant {
    bool changed_hands = false;  ///< another process may have committed since we last held it
    bool taken_over = false;     ///< the owner before us died holding it
    bool fenced = false;         ///< the owner before us lives and was fenced
    std::uint64_t epoch = 0;
  };
  /// What to do with a lock that is free but kept for those who have waited long: leave it to them,
  /// take it as one of them, or take it for a moment past them, who may be dead.
  enum class Kept : std::uint8_t { respect, end, pass_by };
  /// How long to wait for the lock.
  struct Patience {
    std::chrono::milliseconds timeout{0};
    /// How long the same body must have been seen to go on before its owner is fenced; never where
    /// unset.
    std::optional<std::chrono::milliseconds> fence_after = std::nullopt;
    /// Fence an active owner instead of giving up.
    bool fence_at_timeout = false;
    /// The only body that `fence_after` is about, where it is about one.
    std::optional<std::uint64_t> fence_body = std::nullopt;
  };

  WriteLock(LiveWords& live, const ProcessTable& table) noexcept
      : word_(live.write_lock), live_(live), table_(table) {}

  /// Waits for the lock; takes it from a dead owner, and from a living one as `patience` says.
  /// Guarded then. Throws errc::timeout, naming the owner and what it is at.
  Grant acquire(const Patience& patience, const std::string& path);
  /// Takes the lock if it is free. Guarded then.
  bool try_acquire(Grant& grant, Kept kept = Kept::respect) noexcept {
    return try_acquire(grant, 0, kept);
  }
  /// Guarded to active.
  void begin_body() noexcept;
  /// To guarded. False where the lock is not this process's at that epoch any more: it was fenced.
  bool begin_commit(std::uint64_t epoch) noexcept;
  /// Requires: guarded.
  void release() noexcept;
  /// The same where the holder did not look what others did meanwhile; the next one will.
  void release_unseen() noexcept;
  /// Takes the lock if its owner is dead. Also for readers that find a publication left half-done.
  bool try_take_over(Grant& grant);

  /// Slot of the owner, ~0 where it is free.
  std::uint32_t owner_slot() const noexcept;
  bool is_guarded() const noexcept;
  // Relaxed: see its declaration.
  std::uint64_t epoch() const noexcept { return last_epoch_.load(std::memory_order_relaxed); }
  /// The epoch in the word, whoever's it is.
  std::uint64_t current_epoch() const noexcept;
  /// True while this process has it at that epoch: it has not been fenced since.
  bool is_held(std::uint64_t epoch) const noexcept;
  /// What `LiveWords::body` is while this process's transaction runs; 0 outside.
  std::uint64_t own_body() const noexcept { return own_body_; }
  void forget_body() noexcept { own_body_ = 0; }
  /// True where the fenced transaction that left this in `LiveWords::body` stores nothing more.
  bool is_over(std::uint64_t body) const;
  /// Back to active after `begin_commit` within the same transaction.
  void resume_body() noexcept;
  /// For messages: who holds it and what can be done about it.
  std::string describe_owner() const;
  /// Where the word names this process's slot: makes it name an owner that is certainly dead, so
  /// that whoever comes next takes over. For a slot that was a dead owner's, and for a takeover
  /// that failed.
  void leave_to_the_dead() noexcept;
  /// Frees the word whatever it holds; only where no other process is attached.
  void reset() noexcept;

 private:
  bool try_acquire(Grant& grant, std::uint64_t waiters, Kept kept) noexcept;
  /// False also where another body than the one that was watched is in the way.
  bool try_fence(Grant& grant, std::uint64_t watched_body);
  bool has_unsettled_fence() const;
  Grant acquire_slowly(const Patience& patience, const std::string& path);
  bool is_mine(std::uint64_t word, std::uint64_t epoch) const noexcept;

  std::atomic<std::uint64_t>& word_;
  LiveWords& live_;
  const ProcessTable& table_;
  /// Stored by the holder; others of this process may look before they have the lock, and where
  /// they saw an old value the word that they expect is an old one too, or they catch up for
  /// nothing.
  std::atomic<std::uint64_t> last_epoch_{~std::uint64_t{0}};

  // of the thread that uses the working view
  std::uint64_t own_body_ = 0;
  std::uint64_t bodies_ = 0;
};

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/write_lock.hpp"

#include <algorithm>
#include <climits>
#include <string>

#include "cairn/error.hpp"
#include "cairn/mapping/futex.hpp"
#include "cairn/mapping/processor.hpp"

namespace cairn {
namespace {

constexpr std::uint64_t slot_mask = 0xFF;
/// Names no process that can be alive: the slot behind the last.
constexpr std::uint64_t nobodys_slot = process_slot_count + 1;
constexpr std::uint64_t guarded_bit = 0x100;
constexpr std::uint64_t kept_bit = 0x4000;
constexpr std::uint64_t waiters_bit = 0x8000;
constexpr int epoch_shift = 16;

/// How often a busy lock is looked at before sleeping: handing over takes about a microsecond.
constexpr int looks_before_sleeping = 200;
/// How long a waiter sleeps before it looks whether the owner is still alive.
constexpr std::chrono::milliseconds owner_check_interval{10};
/// From then on a waiter keeps the lock from those who come after it. A process that takes it again
/// and again would otherwise always be faster than one that has to wake up first.
constexpr std::chrono::milliseconds long_wait{2};

using Clock = std::chrono::steady_clock;

/// What can be done about a process that nobody may take the lock from.
constexpr const char* who_is_stopped =
    "; if it is stopped, SIGCONT lets it go on, or SIGKILL ends it, which loses no commit";

/// How long the body that runs has been seen to run.
class BodyWatch {
 public:
  explicit BodyWatch(Clock::time_point now) noexcept : since_(now) {}
  std::chrono::nanoseconds look(std::uint64_t body, Clock::time_point now) noexcept {
    if (body != body_) {
      body_ = body;
      since_ = now;
    }
    return now - since_;
  }

 private:
  std::uint64_t body_ = 0;
  Clock::time_point since_;
};

}  // namespace

LockWord::LockWord(std::uint64_t word) noexcept
    : held((word & slot_mask) != 0),
      slot(static_cast<std::uint32_t>(word & slot_mask) - 1),
      guarded((word & guarded_bit) != 0),
      awaited((word & waiters_bit) != 0),
      epoch(word >> epoch_shift) {}

bool WriteLock::try_acquire(Grant& grant, std::uint64_t waiters, Kept kept) noexcept {
  // Acquire pairs with the release in `release_unseen`: the epoch that it forgot is not found here.
  std::uint64_t seen = word_.load(std::memory_order_acquire);
  if ((seen & (kept == Kept::respect ? slot_mask | kept_bit : slot_mask)) != 0) return false;
  const std::uint64_t seen_epoch = seen >> epoch_shift;
  const bool unchanged = seen_epoch == epoch();
  const std::uint64_t next = unchanged ? seen_epoch : seen_epoch + 1;
  const std::uint64_t left = kept == Kept::pass_by ? seen & kept_bit : 0;
  const std::uint64_t mine =
      next << epoch_shift | waiters | left | guarded_bit | (std::uint64_t{table_.own_slot()} + 1);
  // Acquire pairs with the release in `release`: what the last owner did is seen.
  if (!word_.compare_exchange_strong(seen, mine, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
    return false;
  }
  // Relaxed here and wherever it is stored: see its declaration.
  last_epoch_.store(mine >> epoch_shift, std::memory_order_relaxed);
  grant.changed_hands = !unchanged;
  grant.epoch = mine >> epoch_shift;
  return true;
}

bool WriteLock::try_take_over(Grant& grant) {
  // Relaxed: a guess, which the exchange below proves.
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  const std::uint64_t slot = (seen & slot_mask) - 1;
  if ((seen & slot_mask) == 0 || table_.is_alive(static_cast<std::uint32_t>(slot))) return false;
  const std::uint64_t next = (seen >> epoch_shift) + 1;
  const std::uint64_t mine =
      next << epoch_shift | waiters_bit | guarded_bit | (std::uint64_t{table_.own_slot()} + 1);
  // Acquire: the dead owner's last release or takeover; its own stores came through shared memory
  // that the kernel made visible at its death.
  if (!word_.compare_exchange_strong(seen, mine, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
    return false;
  }
  last_epoch_.store(mine >> epoch_shift, std::memory_order_relaxed);
  grant = {true, true, false, mine >> epoch_shift};
  return true;
}

/// Never a thread of this process: both would work in the same view.
bool WriteLock::try_fence(Grant& grant, std::uint64_t watched_body) {
  // Acquire pairs with the release in `begin_body`: the body that is looked at next is no older.
  std::uint64_t seen = word_.load(std::memory_order_acquire);
  // Relaxed: acquired with the word.
  if (live_.body.load(std::memory_order_relaxed) != watched_body) return false;
  const std::uint64_t slot_number = seen & slot_mask;
  if (slot_number == 0 || (seen & guarded_bit) != 0 || slot_number == table_.own_slot() + 1) {
    return false;
  }
  // One at a time. With the epoch that is expected below nobody can have been fenced since.
  if (has_unsettled_fence()) return false;
  const std::uint64_t next = (seen >> epoch_shift) + 1;
  const std::uint64_t mine =
      next << epoch_shift | waiters_bit | guarded_bit | (std::uint64_t{table_.own_slot()} + 1);
  // Sequentially consistent, with `is_held`: the file is measured after this, or its grower finds
  // itself fenced. It acquires what `begin_body` releases, too: whose body that was is seen.
  if (!word_.compare_exchange_strong(seen, mine, std::memory_order_seq_cst,
                                     std::memory_order_relaxed)) {
    return false;
  }
  last_epoch_.store(mine >> epoch_shift, std::memory_order_relaxed);
  grant = {true, false, true, mine >> epoch_shift};
  return true;
}

WriteLock::Grant WriteLock::acquire(const Patience& patience, const std::string& path) {
  Grant grant;
  if (try_acquire(grant, 0, Kept::respect)) [[likely]]
    return grant;
  for (int round = 0; round < looks_before_sleeping; ++round) {
    relax_processor();
    if (try_acquire(grant, 0, Kept::respect)) return grant;
  }
  return acquire_slowly(patience, path);
}

WriteLock::Grant WriteLock::acquire_slowly(const Patience& patience, const std::string& path) {
  Grant grant;
  const auto start = Clock::now();
  BodyWatch watch(start);
  for (;;) {
    const auto now = Clock::now();
    const auto waited = now - start;
    const bool over = waited >= patience.timeout;
    // The last attempt too: the one that it is kept for may be dead.
    const bool waited_long = waited >= long_wait || over;
    // Whoever slept once keeps the bit set: others may still be asleep.
    const Kept kept = waited_long ? Kept::end : Kept::respect;
    if (try_acquire(grant, waiters_bit, kept)) return grant;
    if (waited >= owner_check_interval && try_take_over(grant)) return grant;
    // Relaxed: how long it stays; `try_fence` looks again.
    const std::uint64_t body = live_.body.load(std::memory_order_relaxed);
    const auto seen_body = watch.look(body, now);
    const bool meant = patience.fence_body.value_or(body) == body;
    const bool fence =
        (meant && patience.fence_after && seen_body >= *patience.fence_after) ||
        (over && patience.fence_at_timeout &&
         seen_body >= std::min<std::chrono::nanoseconds>(owner_check_interval, waited / 2));
    if (fence && try_fence(grant, body)) return grant;
    if (over) {
      throw Error(errc::timeout, path,
                  "no write lock after " + std::to_string(patience.timeout.count()) +
                      " ms: held by " + describe_owner());
    }
    // Relaxed, here and in the exchange: the bits only ask to be woken, and the futex compares.
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    if ((seen & slot_mask) == 0 && (waited_long || (seen & kept_bit) == 0)) continue;
    const std::uint64_t asleep = seen | waiters_bit | (waited_long ? kept_bit : 0);
    if (asleep != seen && !word_.compare_exchange_strong(seen, asleep, std::memory_order_relaxed)) {
      continue;
    }
    futex_wait(low_half(word_), static_cast<std::uint32_t>(asleep),
               waited_long ? owner_check_interval : long_wait);
  }
}

void WriteLock::begin_body() noexcept {
  own_body_ = ++bodies_ << 32 | table_.own_token();
  // Relaxed: the word, changed behind it, releases it.
  live_.body.store(own_body_, std::memory_order_relaxed);
  // Release pairs with the acquire in `try_fence`. No comparison: of a guarded word others change
  // nothing but the bits of those who wait.
  word_.fetch_and(~guarded_bit, std::memory_order_release);
}

void WriteLock::resume_body() noexcept {
  // Release, as in `begin_body`.
  word_.fetch_and(~guarded_bit, std::memory_order_release);
}

bool WriteLock::begin_commit(std::uint64_t epoch) noexcept {
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  while (is_mine(seen, epoch)) {
    // Relaxed: nothing is handed over here; the order that matters is that of the word's changes.
    if (word_.compare_exchange_weak(seen, seen | guarded_bit, std::memory_order_relaxed))
      return true;
  }
  return false;
}

void WriteLock::release() noexcept {
  if (own_body_ != 0) {
    own_body_ = 0;
    // Relaxed: released with the word.
    live_.body.store(0, std::memory_order_relaxed);
  }
  // Relaxed: a guess, which the exchange proves.
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  while (is_mine(seen, epoch())) {
    const std::uint64_t free = epoch() << epoch_shift | (seen & kept_bit);
    // Release pairs with the acquire in `try_acquire`.
    if (!word_.compare_exchange_weak(seen, free, std::memory_order_release,
                                     std::memory_order_relaxed)) {
      continue;
    }
    // Where it is kept for those who waited long, one of the others would be woken in vain.
    if ((seen & kept_bit) != 0) {
      futex_wake(low_half(word_), INT_MAX);
    } else if ((seen & waiters_bit) != 0) {
      futex_wake(low_half(word_), 1);
    }
    return;
  }
}

void WriteLock::release_unseen() noexcept {
  // Relaxed: released with the word, and `try_acquire` loads that first.
  const std::uint64_t held = last_epoch_.exchange(~std::uint64_t{0}, std::memory_order_relaxed);
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  while (is_mine(seen, held)) {
    const std::uint64_t free = held << epoch_shift | (seen & kept_bit);
    // Release pairs with the acquire in `try_acquire`.
    if (word_.compare_exchange_weak(seen, free, std::memory_order_release,
                                    std::memory_order_relaxed)) {
      futex_wake(low_half(word_), INT_MAX);
      return;
    }
  }
}

bool WriteLock::is_mine(std::uint64_t word, std::uint64_t epoch) const noexcept {
  return word >> epoch_shift == epoch && (word & slot_mask) == std::uint64_t{table_.own_slot()} + 1;
}

bool WriteLock::is_held(std::uint64_t epoch) const noexcept {
  // Sequentially consistent: the file was grown before this look, or its grower is found fenced.
  return is_mine(word_.load(std::memory_order_seq_cst), epoch);
}

bool WriteLock::is_over(std::uint64_t body) const {
  // Acquire pairs with the release with which its process says so: its stores are seen.
  return live_.quarantine.ended.load(std::memory_order_acquire) == body ||
         !table_.is_token_alive(static_cast<std::uint32_t>(body));
}

bool WriteLock::has_unsettled_fence() const {
  // Relaxed: what is decided by it is decided by `is_over`, which acquires.
  const std::uint64_t owner = live_.quarantine.owner.load(std::memory_order_relaxed);
  return owner != 0 && !is_over(owner);
}

// Relaxed in these: the word alone is looked at, for people or by who has the lock.
std::uint32_t WriteLock::owner_slot() const noexcept {
  return static_cast<std::uint32_t>(word_.load(std::memory_order_relaxed) & slot_mask) - 1;
}

bool WriteLock::is_guarded() const noexcept {
  return (word_.load(std::memory_order_relaxed) & guarded_bit) != 0;
}

std::uint64_t WriteLock::current_epoch() const noexcept {
  return word_.load(std::memory_order_relaxed) >> epoch_shift;
}

std::string WriteLock::describe_owner() const {
  const std::uint64_t seen = word_.load(std::memory_order_relaxed);
  if ((seen & slot_mask) == 0) return "nobody at this moment";
  const bool is_own = (seen & slot_mask) == table_.own_slot() + 1;
  std::string owner = table_.describe(static_cast<std::uint32_t>(seen & slot_mask) - 1) +
                      (is_own ? ", which is this one" : "");
  if ((seen & guarded_bit) != 0) {
    return owner + "; it is at what cannot be interrupted" + (is_own ? "" : who_is_stopped);
  }
  if (is_own) return owner;
  const std::string body = owner + "; it is in the body of its transaction, and ";
  if (!has_unsettled_fence()) {
    return body + "Store::recover({.fence_live_owner = true}) can fence it";
  }
  return body +
         "Store::recover cannot fence it as long as a transaction that was fenced before goes on "
         "in " +
         table_.describe(ProcessTable::slot_of(
             static_cast<std::uint32_t>(live_.quarantine.owner.load(std::memory_order_relaxed)))) +
         who_is_stopped;
}

void WriteLock::leave_to_the_dead() noexcept {
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  // A waiter may take the lock over meanwhile; until then the word names this process's slot.
  while ((seen & slot_mask) == table_.own_slot() + 1) {
    const std::uint64_t nobody = (seen & ~slot_mask) | nobodys_slot;
    // Release pairs with the acquire in `try_take_over`.
    if (word_.compare_exchange_weak(seen, nobody, std::memory_order_release,
                                    std::memory_order_relaxed)) {
      return;
    }
  }
}

void WriteLock::reset() noexcept {
  // Any order would do: nobody else is attached.
  const std::uint64_t epoch = (word_.load(std::memory_order_relaxed) >> epoch_shift) + 1;
  word_.store(epoch << epoch_shift, std::memory_order_release);
  live_.body.store(0, std::memory_order_relaxed);
}

}  // namespace cairn

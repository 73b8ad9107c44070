// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/group_sync.hpp"

#include <sched.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "cairn/mapping/futex.hpp"

namespace cairn {
namespace {

/// Longer than a round takes. Who sleeps longer looks again, as after each waking.
constexpr std::chrono::seconds round_patience{1};
/// Waiting for others never takes longer, however long the last sync took.
constexpr std::chrono::nanoseconds most_patience = std::chrono::milliseconds(1);

/// So many yield; fewer are woken sooner than they would notice.
constexpr std::uint32_t many = 8;
/// Nobody yields for longer. Who has to wait for the processor for so long has yielded to somebody
/// who needs it, and whose turns take milliseconds.
constexpr std::chrono::nanoseconds most_yielding = std::chrono::microseconds(500);
/// For how long nobody yields after that.
constexpr std::chrono::nanoseconds least_pause = std::chrono::milliseconds(1);
constexpr std::chrono::nanoseconds most_pause = std::chrono::milliseconds(500);

}  // namespace

std::uint64_t GroupSync::durable() const noexcept {
  // Acquire pairs with the release in `note_durable`. The tail is looked at afterwards, so that it
  // is no older.
  const std::uint64_t durable = live_.durable.load(std::memory_order_acquire);
  // Relaxed: both only grow, and a tail is compared.
  return durable <= live_.log_tail.load(std::memory_order_relaxed) ? durable : 0;
}

GroupSync::Member::Member(GroupSync& group) : group_(group) {
  // Relaxed: only counted, for who asks again and again.
  group_.members_.fetch_add(1, std::memory_order_relaxed);
}

GroupSync::Member::~Member() {
  // Release pairs with the acquire in `wait_for_members`: it is through with what may go then.
  group_.members_.fetch_sub(1, std::memory_order_release);
}

void GroupSync::Member::wait(std::uint64_t position, Begin begin) {
  Guard guard(group_.mutex_);
  arrive();
  while (std::max(group_.synced_, group_.durable()) < position) {
    group_.host_.require_not_failed();
    // Whom a round did not serve, as garbage in a word makes it, comes anew; not one whose round
    // is under way, who was only woken too early.
    if (!group_.leading_ && !is_waiting()) arrive();
    if (!group_.leading_ && (begin != Begin::together || group_.have_all_come())) {
      group_.lead(guard, position, begin);
      continue;
    }
    // The last to come leads, so nobody has to be woken for that: but for those who are missing.
    const bool is_first = !group_.leading_ && !std::exchange(group_.expecting_, true);
    sleep(guard, is_first ? group_.patience() : round_patience);
    // Most leave here, all of them at once: the mutex would have them come out one by one.
    if (is_served(position)) return;
    guard.lock();
    // Whatever is durable by now: the others rely on it.
    if (is_first && is_waiting()) group_.lead(guard, position, begin);
  }
  // Where no round has begun since it came, it was another process that synced.
  if (is_waiting()) --group_.waiting_;
}

/// Whether a round that began with it among those who waited made `position` durable. Needs no
/// mutex.
bool GroupSync::Member::is_served(std::uint64_t position) const noexcept {
  return !is_waiting() && group_.durable() >= position;
}

/// Requires: the mutex.
void GroupSync::Member::arrive() noexcept {
  // Relaxed: changed with the mutex.
  begun_ = group_.begun_.load(std::memory_order_relaxed);
  ++group_.waiting_;
}

/// Whether no round has begun since it came.
bool GroupSync::Member::is_waiting() const noexcept {
  // Relaxed: changed with the mutex; without it, that what a round synced is on the disk is learned
  // from the word for that.
  return begun_ == group_.begun_.load(std::memory_order_relaxed);
}

void GroupSync::Member::sync(std::uint64_t tail) {
  Guard guard(group_.mutex_);
  while (group_.leading_) {
    sleep(guard, round_patience);
    guard.lock();
  }
  group_.lead(guard, tail, Begin::with_lock);
}

/// Until a round is over, for `patience` at most. Returns without the mutex.
void GroupSync::Member::sleep(Guard& guard, std::chrono::nanoseconds patience) {
  // Relaxed: changed with the mutex.
  const std::uint32_t round = group_.rounds_.load(std::memory_order_relaxed);
  const auto yielding = std::min(patience, group_.worth_yielding());
  guard.unlock();
  if (group_.yield_through(round, yielding) || yielding == patience) return;
  futex_wait(group_.rounds_, round, patience - yielding);
}

/// For how long to let others run before going to sleep. Waking many, one by one, takes as long as
/// a short sync does. Requires: the mutex.
std::chrono::nanoseconds GroupSync::worth_yielding() const noexcept {
  // From the begin of one sync to the end of the next one, at which most are told.
  const auto two_syncs = 2 * sync_took_;
  // Relaxed: changed with the mutex.
  const bool are_many = expected_.load(std::memory_order_relaxed) >= many;
  const bool pays = are_many && two_syncs <= most_yielding && Clock::now() >= yields_again_;
  return pays ? two_syncs : std::chrono::nanoseconds(0);
}

/// Lets others run until the round is over; false where it is not within `patience`, or where
/// others need the processor: who yields comes after all of them, who sleeps comes as soon as it is
/// woken. After the adaptive yielding of RocksDB's WriteThread::AwaitState.
bool GroupSync::yield_through(std::uint32_t round, std::chrono::nanoseconds patience) noexcept {
  auto now = Clock::now();
  for (const auto end = now + patience; now < end;) {
    ::sched_yield();
    const auto before = std::exchange(now, Clock::now());
    if (now - before > most_yielding) {
      yield_less(now);
      return false;
    }
    // Relaxed: whether what it waits for is durable is looked at afterwards.
    if (rounds_.load(std::memory_order_relaxed) != round) return true;
  }
  return false;
}

/// Nobody yields for a while, and for twice as long if that comes soon again.
void GroupSync::yield_less(Clock::time_point now) noexcept {
  const Guard guard(mutex_);
  // Others were kept waiting by the same.
  if (now < yields_again_) return;
  const bool is_soon = now < yields_again_ + 8 * yielding_paused_;
  yielding_paused_ = is_soon ? std::min(2 * yielding_paused_, most_pause) : least_pause;
  yields_again_ = now + yielding_paused_;
}

/// Syncs what is appended by now, among it what is before `position`.
void GroupSync::lead(Guard& guard, std::uint64_t position, Member::Begin begin) {
  leading_ = true;
  expecting_ = false;
  const std::uint32_t sharing = std::exchange(waiting_, 0);
  begun_.fetch_add(1, std::memory_order_relaxed);
  guard.unlock();
  // Acquire pairs with the release in `Engine::append`: what the tail covers is in the file. It is
  // lower than the position only where it is garbage.
  const std::uint64_t tail = std::max(live_.log_tail.load(std::memory_order_acquire), position);
  const auto start = Clock::now();
  try {
    host_.require_not_failed();
    host_.sync_log();
  } catch (...) {
    guard.lock();
    end_round(guard);
    throw;
  }
  const auto took = Clock::now() - start;
  note_durable(tail);
  // Who holds the write lock shows what is durable by itself.
  if (begin != Member::Begin::with_lock) host_.log_synced();
  guard.lock();
  synced_ = std::max(synced_, position);
  sync_took_ = took;
  // Those who are told now are about to come again, mostly.
  expected_.store(sharing + waiting_, std::memory_order_relaxed);
  end_round(guard);
}

/// Requires: the mutex.
bool GroupSync::have_all_come() const noexcept {
  // Relaxed: changed with the mutex.
  return waiting_ >= expected_.load(std::memory_order_relaxed);
}

/// How long to wait for as many as had to do with the last sync: half of what that took, because
/// where they have something else to do now, that is what waiting costs, once.
std::chrono::nanoseconds GroupSync::patience() const noexcept {
  return std::min(sync_took_ / 2, most_patience);
}

void GroupSync::end_round(Guard& guard) noexcept {
  leading_ = false;
  rounds_.fetch_add(1, std::memory_order_relaxed);
  // Relaxed: whoever came since without having looked at `rounds_` looks at what is durable first.
  if (members_.load(std::memory_order_relaxed) <= 1) return;
  // The first to be told is back with a commit before the last one is.
  guard.unlock();
  futex_wake(rounds_, INT_MAX);
  guard.lock();
}

void GroupSync::note_durable(std::uint64_t position) noexcept {
  // Acquire, here and where the exchange fails: the tail, looked at afterwards, is no older than
  // what another process synced up to.
  std::uint64_t seen = live_.durable.load(std::memory_order_acquire);
  for (;;) {
    // Another process may be further. A word beyond the tail is garbage.
    if (seen >= position && seen <= live_.log_tail.load(std::memory_order_relaxed)) return;
    // Release pairs with the acquire in `durable`: whoever goes by it goes by a sync that is over.
    if (live_.durable.compare_exchange_weak(seen, position, std::memory_order_acq_rel,
                                            std::memory_order_acquire)) {
      return;
    }
  }
}

void GroupSync::wait_for_members() noexcept {
  constexpr std::chrono::microseconds pause{100};
  for (;;) {
    if (members_.load(std::memory_order_acquire) == 0) return;
    // They are through as soon as they run.
    futex_wait(rounds_, rounds_.load(std::memory_order_relaxed), pause);
  }
}

}  // namespace cairn

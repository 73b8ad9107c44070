// SPDX-License-Identifier: BSL-1.0
// What a publisher asks of the lanes: who reads an older state, and whether it stays.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "cairn/mapping/membarrier.hpp"
#include "cairn/store/reader_lanes.hpp"
#include "lane_waiting.hpp"

namespace cairn {
namespace {

/// `pinned` is what a lane holds.
constexpr bool is_older(std::uint64_t pinned, std::uint64_t sequence) noexcept {
  return pinned != 0 && pinned < sequence;
}

}  // namespace

bool ReaderLanes::wait_for_older(std::uint64_t sequence, std::chrono::nanoseconds patience) {
  bool gone = true;
  for_each_claimed([&](ReaderLane& lane) {
    gone = wait_for_lane(lane, sequence, patience);
    if (!gone) older_ = &lane;
    return gone;
  });
  return gone;
}

bool ReaderLanes::wait_for_lane(ReaderLane& lane, std::uint64_t sequence,
                                std::chrono::nanoseconds patience) {
  const auto is_in_the_way = [&] {
    // Pairs with the exchange in `enter_fenced` (invariants 2 and 3), and the release in
    // `leave_idle` and `give_up_kept`.
    return is_older(lane.sequence.load(std::memory_order_seq_cst), sequence);
  };
  if (!is_in_the_way()) [[likely]]
    return true;
  // Who is at work gives a kept lane up by itself.
  const int rounds = patience.count() != 0 || is_kept(lane) ? lane_spin_rounds : 0;
  for (int round = 0; round < rounds; ++round) {
    if (!is_in_the_way()) return true;
  }
  if (is_kept(lane)) revoke_kept(sequence);
  if (!is_in_the_way()) return true;
  note_awaited(lane);
  if (patience.count() == 0) return false;
  table_.restart_phase();
  const auto start = std::chrono::steady_clock::now();
  auto next_look = start + lane_liveness_interval;
  while (is_in_the_way()) {
    const auto now = std::chrono::steady_clock::now();
    if (now - start >= patience) return false;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(lane_pause, patience));
    // It may have ended at the very moment that `visible` was raised.
    if (is_kept(lane)) revoke_kept(sequence);
    if (now < next_look) continue;
    next_look = now + lane_liveness_interval;
    // All of them: the dead one may have had a section in each of its threads.
    reap();
  }
  return true;
}

/// Relaxed: looked at again once all threads were fenced. Where that is refused, a lane that is
/// kept is waited for like a section.
bool ReaderLanes::is_kept(const ReaderLane& lane) const noexcept {
  return can_revoke_ && lane.kept.load(std::memory_order_relaxed) != 0;
}

/// Takes back all lanes that are only kept, at sequences below `sequence`.
void ReaderLanes::revoke_kept(std::uint64_t sequence) noexcept {
  const auto start = std::chrono::steady_clock::now();
  can_revoke_ = fence_all_threads();
  if (!can_revoke_) {
    // Relaxed: from now on nobody keeps a lane anew; those that are kept are given up with the next
    // section of their threads.
    live_.fences_missing.store(1, std::memory_order_relaxed);
    return;
  }
  const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - start;
  // Relaxed: any value will do.
  live_.fence_ns.store(
      static_cast<std::uint32_t>(std::min<std::int64_t>(took.count(), most_fence_ns)),
      std::memory_order_relaxed);
  for_each_claimed([&](ReaderLane& lane) {
    // Relaxed: that it is not idle is why it is looked at. Acquire pairs with the release in
    // `leave`.
    std::uint64_t pinned = lane.sequence.load(std::memory_order_relaxed);
    if (is_older(pinned, sequence) && lane.kept.load(std::memory_order_acquire) != 0) {
      // Relaxed: released by what lets sections in again (invariant 6).
      lane.sequence.compare_exchange_strong(pinned, 0, std::memory_order_relaxed);
    }
    return true;
  });
}

/// Its section does not know that it is waited for, and reads no clock: whoever first meets it
/// does.
void ReaderLanes::note_awaited(ReaderLane& lane) noexcept {
  // Relaxed, all: for people.
  const std::uint64_t pinned = lane.sequence.load(std::memory_order_relaxed);
  if (lane.awaited_sequence.load(std::memory_order_relaxed) == pinned) return;
  lane.awaited_since_ns.store(uptime_ns(), std::memory_order_relaxed);
  lane.awaited_sequence.store(pinned, std::memory_order_relaxed);
}

bool ReaderLanes::is_still_older(std::uint64_t sequence) {
  if (older_ == nullptr) return false;
  // Relaxed: where it is gone, all lanes are looked at with the orders that this takes.
  const std::uint64_t pinned = older_->sequence.load(std::memory_order_relaxed);
  if (!is_older(pinned, sequence) || is_kept(*older_)) {
    older_ = nullptr;
    return false;
  }
  const std::uint64_t now = uptime_ns();
  if (now - older_looked_ns_ < lane_liveness_interval_ns) return true;
  older_looked_ns_ = now;
  if (!free_if_dead(*older_)) return true;
  reap();
  older_ = nullptr;
  return false;
}

bool ReaderLanes::wait_while_older(std::uint64_t sequence, std::chrono::nanoseconds patience) {
  const auto start = std::chrono::steady_clock::now();
  while (is_still_older(sequence)) {
    if (std::chrono::steady_clock::now() - start >= patience) return false;
    std::this_thread::sleep_for(lane_pause);
  }
  return true;
}

std::string ReaderLanes::describe_older() const {
  if (older_ == nullptr) return "a read section";
  // Relaxed: for people.
  const std::uint32_t owner = older_->owner.load(std::memory_order_relaxed);
  // Not its phase: that is of transactions, and idle is what no section is.
  std::string text =
      "thread " + std::to_string(older_->thread_id.load(std::memory_order_relaxed)) + " of " +
      table_.name(ProcessTable::slot_of(owner)) +
      (is_section(*older_) ? ", in a read section at commit "
                           : ", in no section, whose lane nobody may take back without "
                             "membarrier(2), at commit ") +
      std::to_string(older_->sequence.load(std::memory_order_relaxed));
  if (const auto waited = awaited_for(*older_, uptime_ns())) {
    text += ", awaited for " +
            std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(*waited).count()) +
            " ms,";
  }
  return text;
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "cairn/recovery/header_format.hpp"
#include "cairn/store/process_table.hpp"

namespace cairn {

/// This thread's place in one store's reader lanes.
struct ThreadLane {
  std::uint64_t store_id = 0;  ///< ReaderLanes::id of the store, 0 none
  ReaderLane* lane = nullptr;
  std::uint64_t sequence = 0;  ///< what the open section reads at
  std::uint32_t depth = 0;     ///< sections open within one another
};

namespace detail {
struct HotLane {
  std::uint64_t store_id;
  ThreadLane* lane;
  std::uint32_t lanes;  ///< how many this thread has, in all stores
};
/// The lane that this thread used last, so that entering costs no search.
inline constinit thread_local HotLane hot_lane{0, nullptr, 0};
}  // namespace detail

/// The lanes in which reading threads pin the state that they read.
///
/// Invariants:
///  1. While a lane holds s, the shared image shows s: a record with a higher sequence is not applied.
///  2. A section enters with published == publishing == s after its lane holds s.
///  3. The publisher raises `publishing` before it looks at the lanes.
///
/// 2 and 3 are each a store followed by a load of the other's word, both sequentially consistent, so
/// at least one side sees the other: either the section backs off or the publisher waits.
///
/// Threads: `enter` and `leave` by the reading thread, `wait_for_older` by the publisher.
class ReaderLanes {
 public:
  /// Called by a section that has waited for a publication for a while: repairs it where the
  /// publisher is dead.
  using StuckPublisher = std::function<void()>;

  ReaderLanes(LiveWords& live, ReaderLane* lanes, const ProcessTable& table, std::string path);
  ~ReaderLanes();
  ReaderLanes(const ReaderLanes&) = delete;
  ReaderLanes& operator=(const ReaderLanes&) = delete;

  void on_stuck_publisher(StuckPublisher repair, std::chrono::milliseconds timeout);

  /// Begins a section, or one within another; returns the sequence that it reads at.
  /// Throws errc::too_many_processes where all lanes are taken, errc::timeout where a publication
  /// does not end.
  std::uint64_t enter() {
    ThreadLane& mine = this_thread();
    if (mine.depth++ != 0) return mine.sequence;
    const std::uint64_t published = live_.published.load(std::memory_order_acquire);
    mine.lane->sequence.exchange(published, std::memory_order_seq_cst);
    if (live_.publishing.load(std::memory_order_seq_cst) == published) [[likely]] {
      return mine.sequence = published;
    }
    return enter_slowly(mine);
  }

  void leave() noexcept {
    ThreadLane& mine = this_thread();
    if (--mine.depth == 0) {
      // Release: the section's reads come before the publisher sees the lane idle.
      mine.lane->sequence.store(0, std::memory_order_release);
    }
  }

  /// True where this thread is in a section.
  bool in_section() const noexcept {
    if (detail::hot_lane.store_id == id_) return detail::hot_lane.lane->depth != 0;
    return detail::hot_lane.lanes != 0 && is_in_cold_section();
  }

  /// Waits until no lane holds a sequence below `sequence`. Lanes of dead processes are freed on the
  /// way. Throws errc::timeout, naming the reader, after `timeout` (zero: never).
  void wait_for_older(std::uint64_t sequence, std::chrono::milliseconds timeout);

  /// Frees the lanes of dead processes; returns how many there were.
  std::uint32_t reap();
  /// Frees the lanes of this process; only where none of its threads reads any more.
  void give_all_back() noexcept;
  /// Frees all lanes; only where no other process is attached and no thread of this one reads.
  void reset() noexcept;

 private:
  friend struct ThreadLanes;

  bool is_in_cold_section() const noexcept;
  ThreadLane& this_thread();
  ThreadLane& find_or_claim();
  std::uint64_t enter_slowly(ThreadLane& mine);
  ReaderLane* claim();
  void give_back(ReaderLane* lane) noexcept;
  bool free_if_owned_by(ReaderLane& lane, std::uint32_t owner) noexcept;
  bool wait_for_lane(ReaderLane& lane, std::uint64_t sequence, std::chrono::milliseconds timeout);
  template <class Visit>
  void for_each_claimed(Visit visit);

  LiveWords& live_;
  ReaderLane* lanes_;
  const ProcessTable& table_;
  std::string path_;
  std::uint64_t id_;
  StuckPublisher repair_;
  std::chrono::milliseconds repair_timeout_{0};
};

inline ThreadLane& ReaderLanes::this_thread() {
  if (detail::hot_lane.store_id == id_) [[likely]] return *detail::hot_lane.lane;
  return find_or_claim();
}

}  // namespace cairn

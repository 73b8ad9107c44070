// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cairn/error.hpp"
#include "cairn/recovery/header_format.hpp"
#include "cairn/store/process_table.hpp"
#include "cairn/store/thread_lane.hpp"

namespace cairn {

/// The lanes in which reading threads pin the state that they read.
///
/// Invariants:
///  1. While a lane holds s, no record with a higher sequence is applied to the shared image.
///  2. A section of the shared image enters with published == visible == s after its lane holds s.
///  3. The publisher raises `visible`, and `applying` before that, before it looks at the lanes.
///
/// 2 and 3 are each a store followed by a load of the other's word, with a full fence in between,
/// so at least one side sees the other: either the section backs off or the publisher does.
///
/// Where sections at an older state p hold publication back, `visible` stays above `published`, and
/// new sections read an overlay (Overlays):
///  3a. A section that finds `applying` clear after its lane holds p has the shared image frozen at
///      p: a publisher that raises it later sees the lane. It raises its lane to the sequence of
///      its overlay only once that is whole; a lane may be raised, never lowered but to 0.
///
/// The fence is most of what a section costs. A thread that goes from section to section keeps its
/// lane between them, marked `kept`, and enters the next without:
///  4. A kept lane pins its state as a section does. Whoever enters by it says so (`kept` is 0) and
///     then finds `visible` where its lane is, and then its lane where it left it: in this order,
///     with no fence. Only sections of the shared image leave lanes kept, in processes registered
///     for `fence_all_threads`, and only while no process is attached that lacks it.
///  5. A publisher takes a kept lane back once it has raised `visible`: it fences all threads, and
///     only then looks whether the lane is kept. So who had entered is seen to have done so, and
///     who enters later finds `visible` raised and gives the lane up by itself; as a thread at work
///     does before the publisher has come to that.
///  6. What is taken back may have been given up and hold the same sequence anew by then. Where a
///     publication fails, `applying` is cleared and `visible` may be lowered, by release, after
///     lanes were taken back. So whoever is about to enter, with a fence or without, looks at its
///     lane once more after the word that lets it in.
///
///  7. A lane is taken by its `owner`, from 0. Its bit in `claimed_lanes`, by which publishers look
///     at it, is set after that and cleared before the owner is 0 again: wherever a process dies,
///     what it leaves has an owner to be asked after.
///
/// Threads: `enter` and `leave` by the reading thread; what the publisher calls, under the write
/// lock.
class ReaderLanes {
 public:
  /// What sections need of the store around the lanes.
  class Host {
   public:
    /// A section has waited for a publication for a while: repairs it where the publisher is dead.
    virtual void repair_publication() = 0;
    /// Publishes what is held back, where that is possible without waiting.
    virtual void help_publication() noexcept = 0;
    /// Gives `mine`, whose lane holds `published`, an overlay that shows `visible`. False where the
    /// log changed meanwhile: to be tried again.
    virtual bool open_overlay(ThreadLane& mine, std::uint64_t published, std::uint64_t visible) = 0;
    virtual void close_overlay(Overlay& overlay) noexcept = 0;
    /// For messages: who has the write lock.
    virtual std::string describe_writer() const = 0;

   protected:
    ~Host() = default;
  };

  ReaderLanes(LiveWords& live, ReaderLane* lanes, const ProcessTable& table, std::string path);
  ~ReaderLanes();
  ReaderLanes(const ReaderLanes&) = delete;
  ReaderLanes& operator=(const ReaderLanes&) = delete;

  /// `timeout` is how long a section waits for a publication; zero: as long as it takes.
  void set_host(Host& host, std::chrono::milliseconds timeout) noexcept;
  /// From now on `enter` throws `code`: the store was closed, or this is a forked child. In a
  /// section that is open no more must be entered.
  void shut(errc code) noexcept;
  /// In a forked child: the lanes are the parent's.
  void abandon() noexcept;
  /// Around fork: no other thread may be at what lanes of all stores share, which the child needs.
  static void lock_for_fork();
  static void unlock_after_fork() noexcept;

  /// Begins a section, or one within another. The result is the thread's own and tells the
  /// sequence. Throws errc::too_many_processes where all lanes are taken, errc::timeout where a
  /// publication does not end.
  ThreadLane& enter() {
    ThreadLane& mine = this_thread();
    if (mine.depth++ != 0) return mine;
    if (!mine.keeps || !enter_kept(mine)) enter_fenced(mine);
    return mine;
  }

  static void leave(ThreadLane& mine) noexcept {
    if (--mine.depth != 0) return;
    if (!mine.keeps) {
      leave_idle(mine);
      return;
    }
    // Release pairs with the acquire in `revoke_kept`: the section's reads come before that.
    mine.lane->kept.store(1, std::memory_order_release);
    // Relaxed: whoever commits at this very moment may not be seen, and takes the lane back or
    // leaves the rest to the next section or commit.
    if (mine.lanes->live_.visible.load(std::memory_order_relaxed) != mine.sequence) [[unlikely]] {
      mine.lanes->leave_revoked(mine);
    }
  }

  /// True where this thread is in a section.
  bool in_section() const noexcept {
    const ThreadLane* const mine = own_lane();
    return mine != nullptr && mine->depth != 0;
  }

  /// To be called by a thread that is about to commit or to wait: nobody has to take back a lane
  /// that it only keeps.
  void let_go() noexcept {
    ThreadLane* const mine = own_lane();
    if (mine != nullptr && mine->keeps && mine->depth == 0) give_up_kept(*mine);
  }
  /// True while a thread of this process is in a section.
  bool any_section_open();
  /// Waits until no lane holds a sequence below `sequence`, for `patience` at most, and takes back
  /// those that are only kept. Lanes of dead processes are freed on the way, if that takes long
  /// enough to look. False where one is left.
  /// Requires: `visible` was raised to `sequence`, and is not lowered meanwhile.
  bool wait_for_older(std::uint64_t sequence, std::chrono::nanoseconds patience);
  /// True while a section goes on at a sequence below `sequence` in the lane that made
  /// `wait_for_older` give up last: a look at one lane instead of all. Frees it where its process
  /// is dead.
  bool is_still_older(std::uint64_t sequence);
  /// Waits as long as that is so, for `patience` at most; false where it is so still.
  bool wait_while_older(std::uint64_t sequence, std::chrono::nanoseconds patience);
  /// For messages: whose lane that is, and since when it is waited for.
  std::string describe_older() const;

  /// To be called when attaching: sees to it that nobody relies on fences that this process cannot
  /// provide. Throws errc::io where somebody already does.
  void require_fences(bool alone);
  /// Frees the lanes of dead processes; returns how many there were.
  std::uint32_t reap();
  /// Frees the lanes of this process; only where none of its threads reads any more.
  void give_all_back() noexcept;
  /// Frees all lanes; only where no other process is attached and no thread of this one reads.
  void reset() noexcept;

 private:
  friend struct ThreadLanes;

  /// 0 once shut, so that entering needs no test of its own for that.
  // Relaxed: closing while another thread enters is that program's race.
  std::uint64_t id() const noexcept { return open_id_.load(std::memory_order_relaxed); }
  /// This thread's lane; nullptr where it has none.
  ThreadLane* own_lane() const noexcept {
    if (detail::hot_lane.store_id == id()) return detail::hot_lane.lane;
    return detail::hot_lane.lanes == 0 ? nullptr : find();
  }
  ThreadLane* find() const noexcept;
  ThreadLane& this_thread();
  ThreadLane& find_or_claim();
  bool enter_kept(ThreadLane& mine) noexcept;
  void enter_fenced(ThreadLane& mine);
  void enter_slowly(ThreadLane& mine);
  bool enter_overlay(ThreadLane& mine, std::uint64_t published);
  void enter_image(ThreadLane& mine, std::uint64_t published) noexcept;
  static bool still_holds(const ThreadLane& mine, std::uint64_t sequence) noexcept;
  static void leave_idle(ThreadLane& mine) noexcept;
  void leave_slowly(Overlay* overlay) noexcept;
  void leave_revoked(ThreadLane& mine) noexcept;
  static void give_up_kept(ThreadLane& mine) noexcept;
  void note_revoked(ThreadLane& mine) noexcept;
  bool is_held_back() const noexcept;
  bool is_kept(const ReaderLane& lane) const noexcept;
  void revoke_kept(std::uint64_t sequence) noexcept;
  ReaderLane* claim();
  void give_back(ReaderLane* lane) noexcept;
  void adopt(std::unique_ptr<ThreadLane> lane) noexcept;
  void give_back_adopted() noexcept;
  bool free_if_owned_by(ReaderLane& lane, std::uint32_t owner) noexcept;
  bool wait_for_lane(ReaderLane& lane, std::uint64_t sequence, std::chrono::nanoseconds patience);
  static void note_awaited(ReaderLane& lane) noexcept;
  bool free_if_dead(ReaderLane& lane);
  template <class Visit>
  void for_each_claimed(Visit visit);

  /// What a fence costs a section, as far as anybody measures.
  static constexpr std::uint32_t saved_ns = 7;
  /// A thread whose lane had to be taken back, which costs a publisher a fence of all threads and
  /// interrupts them, pays for that by fences of its own before it keeps a lane again: as many as
  /// cost this often what that did.
  static constexpr std::uint32_t least_gain = 4;

  LiveWords& live_;
  ReaderLane* lanes_;
  bool can_keep_;
  const ProcessTable& table_;
  std::string path_;
  const std::uint64_t id_;  ///< among the stores of this process, never used again
  std::atomic<std::uint64_t> open_id_;
  errc shut_reason_ = errc::closed;
  Host* host_ = nullptr;
  std::chrono::milliseconds enter_timeout_{0};
  /// When a section of this process tried last to publish what is held back, uptime_ns().
  std::atomic<std::uint64_t> helped_ns_{0};
  /// Lanes of threads that ended within a section, which whoever has its object ends. Guarded by
  /// the mutex of all stores' lanes.
  std::vector<std::unique_ptr<ThreadLane>> adopted_;

  // guarded by the write lock
  ReaderLane* older_ = nullptr;        ///< the lane that was waited for in vain
  std::uint64_t older_looked_ns_ = 0;  ///< when its process was looked at, uptime_ns()
  bool can_revoke_ = true;             ///< until the system refuses a fence of all threads
};

inline ThreadLane& ReaderLanes::this_thread() {
  if (detail::hot_lane.store_id == id()) [[likely]]
    return *detail::hot_lane.lane;
  return find_or_claim();
}

/// False where a publication is under way or the lane was taken back; it is given up then.
inline bool ReaderLanes::enter_kept(ThreadLane& mine) noexcept {
  mine.lane->kept.store(0, std::memory_order_relaxed);
  // The publisher fences for this thread (invariant 5); the compiler has to keep the order.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  // Acquire pairs with the release in `keep_out_of_overlays` (invariant 6).
  if (live_.visible.load(std::memory_order_acquire) == mine.sequence &&
      still_holds(mine, mine.sequence)) [[likely]] {
    return true;
  }
  note_revoked(mine);
  return false;
}

inline void ReaderLanes::enter_fenced(ThreadLane& mine) {
  // Acquire pairs with the release in `apply_to_image`. The others are sequentially consistent by
  // invariants 2 and 3.
  const std::uint64_t published = live_.published.load(std::memory_order_acquire);
  mine.lane->sequence.exchange(published, std::memory_order_seq_cst);
  if (live_.visible.load(std::memory_order_seq_cst) == published && still_holds(mine, published))
      [[likely]] {
    enter_image(mine, published);
  } else {
    enter_slowly(mine);
  }
}

/// To be asked after a look at the word that lets the section in, which acquires what was done to
/// the lane before (invariant 6).
inline bool ReaderLanes::still_holds(const ThreadLane& mine, std::uint64_t sequence) noexcept {
  return mine.lane->sequence.load(std::memory_order_relaxed) == sequence;
}

inline void ReaderLanes::enter_image(ThreadLane& mine, std::uint64_t published) noexcept {
  mine.sequence = published;
  if (mine.fences_owed != 0) {
    --mine.fences_owed;
  } else {
    // Relaxed: set by who was alone, before anybody else was attached.
    mine.keeps = can_keep_ && live_.fences_missing.load(std::memory_order_relaxed) == 0;
  }
}

inline void ReaderLanes::leave_idle(ThreadLane& mine) noexcept {
  ReaderLanes& lanes = *mine.lanes;
  const std::uint64_t sequence = mine.sequence;
  Overlay* const overlay = mine.overlay;
  if (overlay != nullptr) [[unlikely]]
    mine.overlay = nullptr;
  // Release: the section's reads come before the publisher sees the lane idle. Nothing of `mine`
  // is touched behind it: the lane of a thread that has ended may be gone then.
  mine.lane->sequence.store(0, std::memory_order_release);
  // Relaxed, as in `leave`.
  if (overlay != nullptr || lanes.live_.visible.load(std::memory_order_relaxed) != sequence)
      [[unlikely]] {
    lanes.leave_slowly(overlay);
  }
}

}  // namespace cairn

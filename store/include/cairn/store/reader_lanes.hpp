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

namespace cairn {

class Overlay;
class ReaderLanes;

/// This thread's place in one store's reader lanes.
struct ThreadLane {
  std::uint64_t store_id = 0;  ///< ReaderLanes::id of the store, 0 none
  ReaderLanes* lanes = nullptr;
  ReaderLane* lane = nullptr;
  /// What the open section reads; nullptr: the shared image.
  Overlay* overlay = nullptr;
  std::uint64_t sequence = 0;  ///< what the open section reads at
  std::uint32_t depth = 0;     ///< sections open within one another
  /// Sections entered with a fence of their own since the state last changed.
  std::uint32_t quiet_entries = 0;
  std::uint64_t quiet_sequence = 0;
};

namespace detail {
struct HotLane {
  std::uint64_t store_id;
  ThreadLane* lane;
  std::uint32_t lanes;  ///< how many this thread has, in all stores
};
/// The lane that this thread used last, so that entering costs no search.
/// No store's while this thread has none: 0 is the id of stores that are shut.
inline constexpr std::uint64_t no_store_id = ~std::uint64_t{0};
inline constinit thread_local HotLane hot_lane{no_store_id, nullptr, 0};
}  // namespace detail

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
/// Where there is nothing to publish for a while, sections leave their fence, which is most of what
/// they cost, to the publisher (`unfenced_sections`):
///  4. A section goes without a fence only if it saw `unfenced_sections` set after it had loaded
///     the sequence that it pins, and its process is registered for `fence_all_threads`.
///  5. A publisher that finds the word set, after raising `visible`, clears it and fences all
///     threads before it looks at the lanes. So a section that read the word before it was cleared
///     has either stored its lane by then, or will load `visible` after it was raised.
///  6. Whoever sets the word does so by a read-modify-write: a publisher that did not find it set
///     has raised `visible` before, in the one order of sequentially consistent operations, and
///     every section that sees it set sees that too.
///
///  7. A lane is taken by its `owner`, from 0. Its bit in `claimed_lanes`, which tells publishers
///  to
///     look at it, is set after that and cleared before the owner is 0 again: wherever a process
///     dies, what it leaves has an owner to be asked after.
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
    // Acquire pairs with the release in `apply_to_image`. The others are sequentially consistent by
    // invariants 2 to 6.
    const std::uint64_t published = live_.published.load(std::memory_order_acquire);
    if (can_skip_fence_ && live_.unfenced_sections.load(std::memory_order_seq_cst) == 1)
        [[likely]] {
      mine.lane->sequence.store(published, std::memory_order_relaxed);
      // The publisher fences for this thread (invariant 5); the compiler has to keep the order.
      std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      mine.lane->sequence.exchange(published, std::memory_order_seq_cst);
      note_fenced_entry(mine, published);
    }
    if (live_.visible.load(std::memory_order_seq_cst) != published) [[unlikely]] {
      enter_slowly(mine);
    } else {
      mine.sequence = published;
    }
    return mine;
  }

  static void leave(ThreadLane& mine) noexcept {
    if (--mine.depth != 0) return;
    ReaderLanes& lanes = *mine.lanes;
    const std::uint64_t sequence = mine.sequence;
    Overlay* const overlay = mine.overlay;
    if (overlay != nullptr) [[unlikely]]
      mine.overlay = nullptr;
    // Release: the section's reads come before the publisher sees the lane idle. Nothing of `mine`
    // is touched behind it: the lane of a thread that has ended may be gone then.
    mine.lane->sequence.store(0, std::memory_order_release);
    // Relaxed: whoever commits at this very moment may not be seen, and sees the lane idle or
    // leaves the rest to the next section or commit.
    if (overlay != nullptr || lanes.live_.visible.load(std::memory_order_relaxed) != sequence)
        [[unlikely]] {
      lanes.leave_slowly(overlay);
    }
  }

  /// True where this thread is in a section.
  bool in_section() const noexcept {
    if (detail::hot_lane.store_id == id()) return detail::hot_lane.lane->depth != 0;
    return detail::hot_lane.lanes != 0 && is_in_cold_section();
  }

  /// Takes over the fences that sections left out. To be called by the publisher after it raised
  /// `visible`, before `wait_for_older`. True where there were any.
  bool fence_sections() noexcept {
    // Sequentially consistent, after the exchange of `visible` (invariants 5 and 6).
    const bool any = live_.unfenced_sections.load(std::memory_order_seq_cst) == 1;
    if (any) [[unlikely]]
      fence_sections_slowly();
    return any;
  }
  /// Makes the next publisher fence all threads whatever this one did.
  void request_fence() noexcept;
  /// True while a thread of this process is in a section.
  bool any_section_open();
  /// Waits until no lane holds a sequence below `sequence`, for `patience` at most. Lanes of dead
  /// processes are freed on the way, if that takes long enough to look. False where one is left.
  bool wait_for_older(std::uint64_t sequence, std::chrono::nanoseconds patience);
  /// True while the lane that made `wait_for_older` give up last still holds a sequence below
  /// `sequence`: a look at one lane instead of all. Frees it where its process is dead.
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
  bool is_in_cold_section() const noexcept;
  ThreadLane& this_thread();
  ThreadLane& find_or_claim();
  void enter_slowly(ThreadLane& mine);
  bool enter_overlay(ThreadLane& mine, std::uint64_t published);
  void leave_slowly(Overlay* overlay) noexcept;
  bool is_held_back() const noexcept;
  void fence_sections_slowly() noexcept;
  void note_fenced_entry(ThreadLane& mine, std::uint64_t published) noexcept {
    if (mine.quiet_sequence != published) {
      mine.quiet_sequence = published;
      mine.quiet_entries = 0;
    } else if (++mine.quiet_entries % least_quiet_entries == 0 && can_skip_fence_) {
      offer_unfenced_sections(mine);
    }
  }
  void offer_unfenced_sections(ThreadLane& mine) noexcept;
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

  /// Sections at one state save less than a publisher's fence on behalf of all threads costs, which
  /// also interrupts them: at least while they are fewer than this, and where that takes long, as
  /// in virtual machines, while each would have to save a quarter of `saved_ns`: what the fence
  /// costs the reader itself nobody measures, and it comes when the state is nearly over.
  static constexpr std::uint32_t least_quiet_entries = 64;
  static constexpr std::uint32_t saved_ns = 7;
  static constexpr std::uint32_t least_gain = 4;

  LiveWords& live_;
  ReaderLane* lanes_;
  bool can_skip_fence_;
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
};

inline ThreadLane& ReaderLanes::this_thread() {
  if (detail::hot_lane.store_id == id()) [[likely]]
    return *detail::hot_lane.lane;
  return find_or_claim();
}

}  // namespace cairn

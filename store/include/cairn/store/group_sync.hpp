// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>

#include "cairn/recovery/header_format.hpp"

namespace cairn {

/// Group commit: those who wait for the log to reach the disk share one sync, which one of them
/// does for all that is appended by then; who comes meanwhile waits for the next one. That begins
/// once as many have come as had to do with the last one, or after a short while. Where many wait
/// for short syncs they let others run rather than sleep: for 0.5 ms, and for as long as whoever
/// runs then takes, once.
///
/// Invariants:
///  1. Syncs of the log by this process come one after the other: the kernel tells an error that
///     befell the file to one caller for each open file, so of two at once one would take for
///     written what was not.
///  2. `LiveWords::durable` is raised to a position only after a sync that began when the log tail
///     was there or beyond, and that did not fail.
///  3. After a sync that failed there is none any more, whoever waits.
///  4. While some wait and nobody syncs, one of them sleeps for a short while only, and syncs then.
///
/// Waits for no other lock: neither here nor in what the host does may anybody who is waited for
/// wait for the write lock, because its owner may wait here.
///
/// Threads: any.
class GroupSync {
  using Guard = std::unique_lock<std::mutex>;
  using Clock = std::chrono::steady_clock;

 public:
  /// What is to be done around a sync.
  class Host {
   public:
    Host() = default;
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    /// Syncs the log. Throws errc::io, after noting down for all processes that it failed.
    virtual void sync_log() = 0;
    /// Throws errc::io where a sync failed, of whichever process.
    virtual void require_not_failed() const = 0;
    /// More of the log is durable, and those who waited for that are about to be told.
    virtual void log_synced() noexcept = 0;

   protected:
    ~Host() = default;
  };

  GroupSync(LiveWords& live, Host& host) noexcept : live_(live), host_(host) {}

  /// Up to where the log is known to be on the disk; 0 where the word is garbage.
  std::uint64_t durable() const noexcept;

  /// Whether several share syncs at present, as far as that can be told.
  bool is_shared() const noexcept {
    // Relaxed, both: a guess by what was.
    return expected_.load(std::memory_order_relaxed) > 1 ||
           members_.load(std::memory_order_relaxed) > 0;
  }

  /// One that waits. While there is one, those who sync expect others to come, too.
  class Member {
   public:
    explicit Member(GroupSync& group);
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    ~Member();
    /// How to begin a sync where nobody else does.
    enum class Begin : std::uint8_t {
      with_lock,  ///< at once, by who holds the write lock: nobody else can come, or show anything
      at_once,
      together,  ///< once those who shared the last one have come, for a short while
    };
    /// Returns once the log is durable up to `position`, which is appended. Throws errc::io where
    /// a sync failed.
    void wait(std::uint64_t position, Begin begin);
    /// The same for whatever stands in the log by now, behind the tail or elsewhere. Requires: the
    /// write lock; `tail` is appended.
    void sync(std::uint64_t tail);

   private:
    void arrive() noexcept;
    bool is_waiting() const noexcept;
    bool is_served(std::uint64_t position) const noexcept;
    void sleep(Guard& guard, std::chrono::nanoseconds patience);

    GroupSync& group_;
    std::uint64_t begun_ = 0;  ///< rounds when it came
  };

  /// Returns once nobody is a member. Requires: what they wait for is durable, or failed.
  void wait_for_members() noexcept;

 private:
  void lead(Guard& guard, std::uint64_t position, Member::Begin begin);
  bool have_all_come() const noexcept;
  std::chrono::nanoseconds patience() const noexcept;
  std::chrono::nanoseconds worth_yielding() const noexcept;
  bool yield_through(std::uint32_t round, std::chrono::nanoseconds patience) noexcept;
  void yield_less(Clock::time_point now) noexcept;
  void end_round(Guard& guard) noexcept;
  void note_durable(std::uint64_t position) noexcept;

  LiveWords& live_;
  Host& host_;
  std::mutex mutex_;
  std::atomic<std::uint32_t> members_{0};
  std::atomic<std::uint64_t> begun_{0};  ///< rounds; changed with the mutex
  /// Who shared the last round, and who came meanwhile; changed with the mutex.
  std::atomic<std::uint32_t> expected_{1};
  // guarded by the mutex
  std::uint32_t waiting_ = 0;  ///< members who came since the last round began
  bool leading_ = false;       ///< one of them syncs
  bool expecting_ = false;     ///< one of them will, if the others do not come soon
  std::uint64_t synced_ = 0;   ///< what this process waited for itself, whatever the word says
  std::chrono::nanoseconds sync_took_{0};
  Clock::time_point yields_again_;               ///< nobody lets others run before, but sleeps
  std::chrono::nanoseconds yielding_paused_{0};  ///< for how long, the last time
  /// A futex; no condition variable, whose destructor waits in a forked child for the parent's.
  std::atomic<std::uint32_t> rounds_{0};
};

}  // namespace cairn

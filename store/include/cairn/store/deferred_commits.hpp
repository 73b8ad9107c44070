// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "cairn/store/background_thread.hpp"

namespace cairn {

/// Where a commit stands.
struct CommitPlace {
  std::uint64_t position = 0;  ///< of the log, behind its record
  std::uint64_t sequence = 0;
};

/// Commits of this process that nobody waits for, and the thread that makes them durable: its sync
/// begins at most `delay` after the first that it covers.
///
/// Threads: `add` and `start` by who has the write lock, `newest` by any, the rest by one at a
/// time.
class DeferredCommits {
 public:
  /// What makes them durable.
  class Host {
   public:
    Host() = default;
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    /// Returns once the commit is durable and visible, or can no longer be.
    virtual void settle(const CommitPlace& commit) noexcept = 0;

   protected:
    ~Host() = default;
  };

  explicit DeferredCommits(Host& host) noexcept : host_(host) {}

  /// Before the first. Throws errc::io, naming `path`, where there can be no thread.
  void start(std::chrono::milliseconds delay, const std::string& path);
  /// It is appended, and later than those before.
  void add(const CommitPlace& commit) noexcept;
  /// The last that was added.
  CommitPlace newest() const;
  /// Ends the thread. Those that were added are settled then.
  void stop() noexcept { thread_.stop(); }
  /// In a forked child: thread and commits are the parent's.
  void abandon() noexcept { thread_.abandon(); }

 private:
  static void run(void* self) noexcept;
  void settle_newest() noexcept;
  std::chrono::nanoseconds left() const;

  Host& host_;
  mutable std::mutex mutex_;
  // guarded by the mutex
  CommitPlace newest_;
  bool waiting_ = false;  ///< some that no sync which is under way will cover
  std::chrono::steady_clock::time_point since_;  ///< the first of them

  std::chrono::nanoseconds pause_{0};  ///< between the first and its sync
  BackgroundThread thread_;
};

}  // namespace cairn

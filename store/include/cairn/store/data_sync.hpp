// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "cairn/store/background_thread.hpp"
#include "cairn/store/log_state.hpp"

namespace cairn {

/// The long part of a checkpoint, done beside commits: the data file is synced without the write
/// lock, and whoever has that names the checkpoint afterwards.
///
/// Invariants:
///  1. What a state covers was in the shared image before the sync began that it is returned for.
///     Later commits may be in it as well; replay from that state on applies them again.
///  2. Its syncs come one after the other, on an open file of their own: the kernel tells an error
///     once to each open file.
///
/// Threads: `sync` by any, without the write lock; `begin` and `take` by who has that; the rest by
/// one at a time.
class DataSync {
 public:
  class Host {
   public:
    Host() = default;
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    /// Throws errc::io, after noting down for all processes that it failed.
    virtual void sync_data() = 0;

   protected:
    ~Host() = default;
  };

  explicit DataSync(Host& host) noexcept : host_(host) {}

  /// Has a thread sync what `covered` covers, unless it is at an earlier state still, or one has
  /// not been taken. Where there can be no thread nothing happens, now and later.
  void begin(const LogState& covered, const std::string& path) noexcept;
  /// A state that a sync which `begin` began has covered, once.
  std::optional<LogState> take() noexcept;
  /// Syncs in this thread. Throws errc::io.
  void sync();
  /// Ends the thread, after the sync that it is at.
  void stop() noexcept { thread_.stop(); }
  /// In a forked child: the thread is the parent's.
  void abandon() noexcept { thread_.abandon(); }

 private:
  enum class Progress : std::uint8_t { none, under_way, over };

  static void run(void* self) noexcept;
  void sync_covered() noexcept;

  Host& host_;
  std::mutex syncing_;  ///< held during a sync; never while another is waited for
  std::mutex mutex_;
  // guarded by mutex_
  Progress progress_ = Progress::none;
  LogState covered_;

  // of who has the write lock
  bool begun_ = false;  ///< one that was not taken yet, so that others need not ask
  bool has_no_thread_ = false;
  BackgroundThread thread_;
};

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>

#include "cairn/mapping/drill_hooks.hpp"

namespace cairn::test {

/// What every sync of the log by this process passes: it counts them, and closed it has them wait.
///
/// One at a time: the hooks of the library are the process's.
class SyncGate {
 public:
  enum class State : bool { open, closed };
  explicit SyncGate(State state) {
    arrived = 0;
    is_closed = state == State::closed;
    drill::set_crash_observer(&pass);
  }
  SyncGate(const SyncGate&) = delete;
  SyncGate& operator=(const SyncGate&) = delete;
  ~SyncGate() {
    open();
    drill::set_crash_observer(nullptr);
  }

  static void close() { is_closed = true; }
  static void open() { is_closed = false; }
  /// How many came, since the gate was made or the count was reset.
  static int count() { return arrived; }
  static void reset_count() { arrived = 0; }
  static void wait_for_arrival(int which = 1) {
    while (arrived < which) std::this_thread::yield();
  }

 private:
  static void pass(const char* point) {
    if (std::string_view(point) != "commit.sync_log") return;
    ++arrived;
    while (is_closed) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  static inline std::atomic<int> arrived;
  static inline std::atomic<bool> is_closed;
};

/// Whether it is one on a log, which its descriptor's name tells.
inline bool is_of_log(const drill::IoOperation& operation) {
  const std::string link = "/proc/self/fd/" + std::to_string(operation.descriptor);
  return std::filesystem::read_symlink(link).string().ends_with("-log");
}

/// Whether it is a sync of a whole data file.
inline bool is_data_sync(const drill::IoOperation& operation) {
  return operation.kind == drill::IoKind::sync && operation.bytes == 0 && !is_of_log(operation);
}

/// Keeps the library's own thread at its syncs of data files for as long as it lives, so that
/// whoever needs room in the log makes the checkpoint. It has to go before the store is closed.
///
/// One at a time, as above.
class LateCheckpoints {
 public:
  LateCheckpoints() {
    is_held = true;
    commit_here();
    drill::set_io_observer(&pass);
  }
  LateCheckpoints(const LateCheckpoints&) = delete;
  LateCheckpoints& operator=(const LateCheckpoints&) = delete;
  ~LateCheckpoints() {
    is_held = false;
    drill::set_io_observer(nullptr);
  }

  /// In other threads of the test, which are not held.
  static void commit_here() { commits = true; }
  static int pass(const drill::IoOperation& operation) {
    if (commits || !is_data_sync(operation)) return 0;
    while (is_held) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return 0;
  }

 private:
  static inline std::atomic<bool> is_held;
  static inline thread_local bool commits = false;
};

/// For drill::set_io_observer: every sync fails.
inline int fail_syncs(const drill::IoOperation& operation) {
  return operation.kind == drill::IoKind::sync ? EIO : 0;
}

}  // namespace cairn::test

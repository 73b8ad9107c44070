// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "cairn/store/process_table.hpp"

namespace cairn {

/// The thread that renews a process's heartbeat where its transactions are too rare for that. It
/// sleeps on a futex, takes no signals, and touches nothing but the heartbeat word.
///
/// Threads: one at a time. A child of fork(2) has no such thread and says so with `abandon`; that
/// is why this is no std::thread, whose destructor would end the child, and no condition variable,
/// whose destructor would wait for a sleeper that the child does not have.
class Heartbeat {
 public:
  explicit Heartbeat(const ProcessTable& table) noexcept : table_(table) {}
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;
  ~Heartbeat() { stop(); }

  /// Begins, unless `interval` is zero or less. Throws errc::io, naming `path`, where there
  /// can be no thread.
  void start(std::chrono::milliseconds interval, const std::string& path);
  /// Ends the thread and waits until it is gone.
  void stop() noexcept;
  /// In a forked child: the thread is the parent's.
  void abandon() noexcept { running_ = false; }

 private:
  static void* run(void* self) noexcept;

  const ProcessTable& table_;
  std::chrono::milliseconds interval_{0};
  std::atomic<std::uint32_t> stopping_{0};
  pthread_t thread_{};
  bool running_ = false;
};

}  // namespace cairn

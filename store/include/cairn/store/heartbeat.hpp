// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <string>

#include "cairn/store/background_thread.hpp"
#include "cairn/store/process_table.hpp"

namespace cairn {

/// Renews a process's heartbeat by a thread, which touches nothing but that word, where its
/// transactions are too rare for that.
///
/// Threads: one at a time.
class Heartbeat {
 public:
  explicit Heartbeat(const ProcessTable& table) noexcept : table_(table) {}

  /// Begins, unless `interval` is zero or less. Throws errc::io, naming `path`, where there
  /// can be no thread.
  void start(std::chrono::milliseconds interval, const std::string& path);
  /// Ends the thread and waits until it is gone.
  void stop() noexcept { thread_.stop(); }
  /// In a forked child: the thread is the parent's.
  void abandon() noexcept { thread_.abandon(); }

 private:
  static void run(void* self) noexcept;

  const ProcessTable& table_;
  std::chrono::milliseconds interval_{0};
  BackgroundThread thread_;
};

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

namespace cairn {

/// A thread of the library's own, which sleeps on a futex and takes no signals: these are the
/// program's.
///
/// Threads: `wake` by any; `is_stopping`, `pause`, `wait` and `take_wake` are the thread's own; the
/// rest by one at a time. A child of fork(2) has no such thread and says so with `abandon`; that is
/// why this is no std::thread, whose destructor would end the child, and no condition variable,
/// whose destructor would wait for a sleeper that the child does not have.
class BackgroundThread {
 public:
  BackgroundThread() = default;
  BackgroundThread(const BackgroundThread&) = delete;
  BackgroundThread& operator=(const BackgroundThread&) = delete;
  ~BackgroundThread() { stop(); }

  /// Has a new thread call `run(argument)`. Throws errc::io, naming `path` and `purpose`, where
  /// there can be none.
  void start(void (*run)(void*), void* argument, const char* purpose, const std::string& path);
  /// Returns once `run` has.
  void stop() noexcept;
  /// In a forked child: the thread is the parent's.
  void abandon() noexcept { running_ = false; }
  bool is_running() const noexcept { return running_; }

  /// There is something to do. Who is woken and has not called `take_wake` yet will see what was
  /// done before, where a mutex guards it.
  void wake() noexcept;

  bool is_stopping() const noexcept {
    // Acquire pairs with the release in `stop`.
    return signal_.load(std::memory_order_acquire) == Signal::stop;
  }
  /// Sleeps for that long, or until `stop`.
  void pause(std::chrono::nanoseconds time) const noexcept;
  /// Sleeps until `wake`; false where it is to end.
  bool wait() const noexcept;
  /// From here on a `wake` is a new one.
  void take_wake() noexcept;

 private:
  struct Signal {
    static constexpr std::uint32_t none = 0;
    static constexpr std::uint32_t wake = 1;
    static constexpr std::uint32_t stop = 2;
  };

  static void* begin(void* self) noexcept;

  void (*run_)(void*) = nullptr;
  void* argument_ = nullptr;
  std::atomic<std::uint32_t> signal_{Signal::none};
  pthread_t thread_{};
  bool running_ = false;
};

}  // namespace cairn

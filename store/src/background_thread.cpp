// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/background_thread.hpp"

#include <signal.h>

#include "cairn/error.hpp"
#include "cairn/mapping/futex.hpp"

namespace cairn {

void BackgroundThread::start(void (*run)(void*), void* argument, const char* purpose,
                             const std::string& path) {
  run_ = run;
  argument_ = argument;
  // Relaxed: the thread begins after it.
  signal_.store(Signal::none, std::memory_order_relaxed);
  // The new thread inherits the mask.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const int failure = ::pthread_create(&thread_, nullptr, &BackgroundThread::begin, this);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failure != 0) throw Error(errc::io, path, std::string("no thread for ") + purpose, failure);
  running_ = true;
}

void BackgroundThread::stop() noexcept {
  if (!running_) return;
  running_ = false;
  // Release pairs with the acquire in `is_stopping`.
  signal_.store(Signal::stop, std::memory_order_release);
  futex_wake(signal_, 1);
  ::pthread_join(thread_, nullptr);
}

void BackgroundThread::wake() noexcept {
  std::uint32_t expected = Signal::none;
  // Where it is woken already, the mutex orders what it will see. Relaxed: for the same reason.
  if (signal_.compare_exchange_strong(expected, Signal::wake, std::memory_order_relaxed)) {
    futex_wake(signal_, 1);
  }
}

void BackgroundThread::pause(std::chrono::nanoseconds time) const noexcept {
  const auto end = std::chrono::steady_clock::now() + time;
  for (;;) {
    const std::uint32_t seen = signal_.load(std::memory_order_acquire);
    const auto left = end - std::chrono::steady_clock::now();
    if (seen == Signal::stop || left <= left.zero()) return;
    futex_wait(signal_, seen, left);
  }
}

bool BackgroundThread::wait() const noexcept {
  // Sleeps again afterwards: no timeout is needed, and this one none will ever see.
  constexpr std::chrono::hours patience{1};
  for (;;) {
    const std::uint32_t seen = signal_.load(std::memory_order_acquire);
    if (seen != Signal::none) return seen == Signal::wake;
    futex_wait(signal_, seen, patience);
  }
}

void BackgroundThread::take_wake() noexcept {
  std::uint32_t expected = Signal::wake;
  // Relaxed, as in `wake`. It may be told to stop by now.
  signal_.compare_exchange_strong(expected, Signal::none, std::memory_order_relaxed);
}

void* BackgroundThread::begin(void* self) noexcept {
  const auto& thread = *static_cast<const BackgroundThread*>(self);
  thread.run_(thread.argument_);
  return nullptr;
}

}  // namespace cairn

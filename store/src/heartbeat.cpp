// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/heartbeat.hpp"

#include <signal.h>

#include "cairn/error.hpp"
#include "cairn/mapping/futex.hpp"

namespace cairn {

void Heartbeat::start(std::chrono::milliseconds interval, const std::string& path) {
  if (interval.count() <= 0) return;
  interval_ = interval;
  // Relaxed: the thread begins after it.
  stopping_.store(0, std::memory_order_relaxed);
  // Signals are the program's own: its threads take them, not this one, which inherits the mask.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const int failure = ::pthread_create(&thread_, nullptr, &Heartbeat::run, this);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failure != 0) throw Error(errc::io, path, "no thread for the heartbeat", failure);
  running_ = true;
}

void Heartbeat::stop() noexcept {
  if (!running_) return;
  running_ = false;
  // Release pairs with the acquire in `run`.
  stopping_.store(1, std::memory_order_release);
  futex_wake(stopping_, 1);
  ::pthread_join(thread_, nullptr);
}

void* Heartbeat::run(void* self) noexcept {
  const auto& heartbeat = *static_cast<const Heartbeat*>(self);
  // Acquire pairs with the release in `stop`.
  while (heartbeat.stopping_.load(std::memory_order_acquire) == 0) {
    heartbeat.table_.beat();
    futex_wait(heartbeat.stopping_, 0, heartbeat.interval_);
  }
  return nullptr;
}

}  // namespace cairn

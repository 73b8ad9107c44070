// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/heartbeat.hpp"

namespace cairn {

void Heartbeat::start(std::chrono::milliseconds interval, const std::string& path) {
  if (interval.count() <= 0) return;
  interval_ = interval;
  thread_.start(&Heartbeat::run, this, "the heartbeat", path);
}

void Heartbeat::run(void* self) noexcept {
  const auto& heartbeat = *static_cast<const Heartbeat*>(self);
  while (!heartbeat.thread_.is_stopping()) {
    heartbeat.table_.beat();
    heartbeat.thread_.pause(heartbeat.interval_);
  }
}

}  // namespace cairn

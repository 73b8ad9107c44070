// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/data_sync.hpp"

#include <utility>

#include "cairn/error.hpp"

namespace cairn {

void DataSync::begin(const LogState& covered, const std::string& path) noexcept {
  if (has_no_thread_) return;
  if (!thread_.is_running()) {
    try {
      thread_.start(&DataSync::run, this, "checkpoints", path);
    } catch (...) {
      // Checkpoints are made with the lock then.
      has_no_thread_ = true;
      return;
    }
  }
  {
    const std::lock_guard guard(mutex_);
    if (progress_ != Progress::none) return;
    progress_ = Progress::under_way;
    covered_ = covered;
  }
  begun_ = true;
  thread_.wake();
}

std::optional<LogState> DataSync::take() noexcept {
  if (!begun_) return std::nullopt;
  const std::lock_guard guard(mutex_);
  if (progress_ == Progress::under_way) return std::nullopt;
  begun_ = false;
  if (std::exchange(progress_, Progress::none) == Progress::none) return std::nullopt;
  return covered_;
}

void DataSync::sync() {
  const std::lock_guard guard(syncing_);
  host_.sync_data();
}

void DataSync::run(void* self) noexcept {
  auto& data = *static_cast<DataSync*>(self);
  while (data.thread_.wait()) {
    data.thread_.take_wake();
    data.sync_covered();
  }
}

void DataSync::sync_covered() noexcept {
  {
    // What was in the image when it was begun was so before this: the mutex hands it over.
    const std::lock_guard guard(mutex_);
    if (progress_ != Progress::under_way) return;
  }
  Progress then = Progress::over;
  try {
    sync();
  } catch (...) {
    // Noted down for all; who has the lock next says so. There may be no memory to say more.
    then = Progress::none;
  }
  const std::lock_guard guard(mutex_);
  progress_ = then;
}

}  // namespace cairn

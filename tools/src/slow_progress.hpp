// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "cairn_console/progress.hpp"

namespace cairn::tool {

/// A progress bar, on stderr, that appears only once the work has taken two seconds.
class SlowProgress {
 public:
  /// Looks at the time once in `calls_a_look`: asking for it costs more than most of what is
  /// counted.
  SlowProgress(std::string label, std::uint64_t total, std::string unit,
               std::uint64_t calls_a_look = 256)
      : label_(std::move(label)),
        total_(total),
        unit_(std::move(unit)),
        calls_a_look_(calls_a_look) {}

  void advance(std::uint64_t by) {
    count_ += by;
    if (++calls_ % calls_a_look_ != 0) return;
    if (bar_) {
      bar_->update(count_);
    } else if (std::chrono::steady_clock::now() - started_ > std::chrono::seconds(2)) {
      bar_.emplace(label_, total_, unit_);
      bar_->start_at(count_);
    }
  }

 private:
  std::string label_;
  std::uint64_t total_;
  std::string unit_;
  std::uint64_t calls_a_look_;
  std::uint64_t count_ = 0;
  std::uint64_t calls_ = 0;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::optional<console::ProgressBar> bar_;
};

}  // namespace cairn::tool

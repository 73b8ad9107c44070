// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <vector>

namespace cairn::drills {

/// Sees to it that a long drill comes to an end whatever happens: it notices SIGINT and SIGTERM,
/// and where its process stands still it says what it was at, removes its files and ends; its
/// children end with it. One at a time.
class DrillGuard {
 public:
  explicit DrillGuard(std::vector<std::string> files);
  DrillGuard(const DrillGuard&) = delete;
  DrillGuard& operator=(const DrillGuard&) = delete;
  ~DrillGuard();

  /// What the process is at from here on: something that takes far less than the time that is left
  /// to it. Requires: `step` lives on.
  void at(const char* step) noexcept;
  bool is_interrupted() const noexcept;
};

}  // namespace cairn::drills

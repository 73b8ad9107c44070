// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace cairn::bench {

/// This program, started anew in one of its child roles, with its output at hand.
class ChildProcess {
 public:
  /// Starts `cairn_bench --child arguments...`. Throws std::system_error.
  explicit ChildProcess(const std::vector<std::string>& arguments);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  /// Kills the child if it still runs.
  ~ChildProcess();

  /// The next line that the child prints; nothing once it has closed its output or time is up.
  std::optional<std::string> read_line(std::chrono::milliseconds timeout);

  /// True until the child has ended, whatever ended it.
  bool running();
  /// Ends the child by SIGKILL and waits until it is gone.
  void kill();
  /// Waits for the child's own end. Throws std::runtime_error unless it reports success.
  void wait();

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::string pending_;
};

/// To be called first in a child role: the child ends with its parent, whatever ends that.
void die_with_parent();

}  // namespace cairn::bench

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace wordnet {

/// How a process ended.
struct Outcome {
  bool exited = false;  ///< by itself, not by a signal
  int code = 0;         ///< its exit status, or the signal's number

  bool success() const noexcept { return exited && code == 0; }
};

/// A program started as a child. If it still runs when the object goes, it is killed and waited
/// for.
///
/// Threads: one at a time.
class ChildProcess {
 public:
  /// Where its standard input comes from.
  enum class Input { ours, said };

  /// Starts `arguments[0]`, a path, with the terminal of this process; what it reads there may be
  /// what say() is given instead.
  ///
  /// Throws: std::system_error: it cannot be started.
  explicit ChildProcess(const std::vector<std::string>& arguments, Input input = Input::ours);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  pid_t pid() const noexcept { return pid_; }

  /// A line of its input. Requires: Input::said, and no hang_up() yet.
  ///
  /// Throws: std::system_error: it does not listen any more.
  void say(const std::string& line);
  /// The end of its input.
  void hang_up() noexcept;

  /// The outcome if it has ended, without waiting for it.
  std::optional<Outcome> poll();
  Outcome wait();

  /// Halts it where it is (SIGSTOP), and returns once it stands; false if it has ended instead.
  bool halt();
  void go_on() noexcept;

  /// Sends SIGKILL: no handler runs, no buffer is flushed, nothing is cleaned up.
  void kill_now() noexcept;

 private:
  std::optional<int> status_after_wait(int options) const;
  std::optional<Outcome> wait_with(int options);

  pid_t pid_ = -1;
  int input_ = -1;  ///< our end of what it reads from, where say() is asked for
  std::optional<Outcome> outcome_;
};

}  // namespace wordnet

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "board.hpp"

namespace cairn::drills {

/// How a child process came to its end.
enum class Ending {
  finished,  ///< its work was done
  failed,    ///< it says why on its board
  killed,    ///< by SIGKILL
  crashed,   ///< by another signal
  hung,      ///< it had not ended in time and was killed for that
};

const char* to_string(Ending ending) noexcept;

/// A forked process that runs one function and reports what the function throws on its board. It
/// dies with its parent.
///
/// Requires: the parent has no store open; a child could not use it.
class Child {
 public:
  Child(Board& board, const std::function<void()>& body);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  pid_t pid() const noexcept { return pid_; }
  /// Waits for the end; kills the child once `limit` is over.
  Ending wait(std::chrono::milliseconds limit);
  /// Waits until it is stopped by a signal. False where it ended instead.
  bool wait_until_stopped();
  void go_on() const;
  /// The ending, if it has ended by itself. Once known, every call here returns it.
  std::optional<Ending> poll();
  /// The signal that ended it; 0: none, or not ended yet.
  int signal() const noexcept { return signal_; }
  /// SIGKILL, and waits until it is gone. Returns how it ended, which may have been before.
  Ending kill();

 private:
  Ending reap();

  pid_t pid_ = -1;
  int descriptor_ = -1;
  int signal_ = 0;
  std::optional<Ending> ended_;  ///< then the number may be another process's
};

/// Runs `body` in a child and waits for it.
Ending run_child(Board& board, std::chrono::milliseconds limit, const std::function<void()>& body);

/// Longest time that anything in a drill may take: far above what it takes on a slow machine.
inline constexpr std::chrono::seconds patience{60};

}  // namespace cairn::drills

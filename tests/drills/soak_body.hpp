// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "soak_board.hpp"

namespace cairn::drills {

/// Epoch of the write lock of the store that is open as `descriptor`, without taking part.
std::uint64_t lock_epoch(int descriptor) noexcept;

/// From here on this process knows which crashes are those of a body that went on after it was
/// fenced and commits were published over it: it may read two states at once, and what it makes of
/// that harms nobody but its own process, whose memory it may spoil, and which ends as if it were
/// done. Any other crash is told on `board`, with a backtrace on stderr. `threads` are those of
/// this process.
void watch_bodies(const std::string& path, Board& board, std::span<SoakThread> threads);
void watch_body_of(SoakThread& thread) noexcept;

/// Shows on the board that its thread is in the body of a transaction.
///
/// Requires: `watch_body_of`; made behind the transaction, so that it ends before that does, as
/// long
///           as the lock tells whether an exception comes out of a fenced body.
class WatchedBody {
 public:
  explicit WatchedBody(SoakThread& thread);
  WatchedBody(const WatchedBody&) = delete;
  WatchedBody& operator=(const WatchedBody&) = delete;
  ~WatchedBody();
  /// The body is over and the lock may pass on.
  void end() noexcept;

  /// How the last body of this thread ended by an exception: it was fenced, and may have seen two
  /// states.
  struct Escape {
    bool fenced = false;
    bool mixed = false;
  };
  static Escape& escape() noexcept;

 private:
  SoakThread& thread_;
  int exceptions_;
};

}  // namespace cairn::drills

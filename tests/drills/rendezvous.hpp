// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

#include "child.hpp"
#include "sweep.hpp"

namespace cairn::drills {

/// How the processes of a drill wait for one another.
///
/// Throws: DrillFailure once `patience` is over.
template <class Flag>
void await(const std::atomic<Flag>& flag, const char* what) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (flag == 0) {
    if (std::chrono::steady_clock::now() >= deadline) {
      throw DrillFailure(std::string("waited in vain for ") + what);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

/// Opens a store with a short lock_timeout, which others that open it are not to run into.
inline Store open_patiently(const std::string& path, const Options& options) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    try {
      return Store::open_existing(path, options);
    } catch (const Error& error) {
      if (!(error == errc::timeout) || std::chrono::steady_clock::now() >= deadline) throw;
    }
  }
}

/// Where the process of this board died or was stopped, for a message.
inline std::string place_of(const Board& board) {
  if (board.died_at == 0) return "no point";
  return all_points()[static_cast<std::size_t>(board.died_at - 1)];
}

/// From the death of one to when the other had what it waited for; not above 0 where it did not
/// have to wait.
inline std::chrono::nanoseconds wait_between(const Board& dead, const Board& waiter) {
  if (dead.died_ns == 0 || waiter.served_ns == 0) return std::chrono::nanoseconds(0);
  return std::chrono::nanoseconds(waiter.served_ns - dead.died_ns);
}

/// What is promised: so long after a death whoever waited has what the dead one had.
inline constexpr std::chrono::milliseconds takeover_limit{100};
/// So long a waiter takes to get to its sleep.
inline constexpr std::chrono::milliseconds time_to_wait{4};

/// How long those took who waited for a process that died.
struct Waits {
  std::uint64_t count = 0;
  std::uint64_t over_limit = 0;
  std::chrono::nanoseconds longest{0};

  void add(const Waits& other) {
    count += other.count;
    over_limit += other.over_limit;
    longest = std::max(longest, other.longest);
  }

  /// Plays one death, which returns how long the waiter took, not above 0 where nobody had to wait.
  /// A busy machine is slow now and then, but not at one and the same death again and again.
  ///
  /// Throws: DrillFailure, which says `where()`, where it was over the limit three times running.
  template <class Play, class Where>
  void measure(Play play, Where where) {
    constexpr int attempts = 3;
    for (int attempt = 1;; ++attempt) {
      const std::chrono::nanoseconds took = play();
      if (took <= took.zero()) return;
      ++count;
      longest = std::max(longest, took);
      if (took <= takeover_limit) return;
      ++over_limit;
      if (attempt == attempts) throw DrillFailure(where() + ": " + too_long(took));
    }
  }

 private:
  static std::string too_long(std::chrono::nanoseconds took) {
    return "whoever waited for the dead one had to wait for " +
           std::to_string(took / std::chrono::milliseconds(1)) + " ms, three times running";
  }
};

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cairn/mapping/file.hpp"
#include "cairn/mapping/processor.hpp"
#include "cairn/mapping/shared_view.hpp"
#include "cairn/options.hpp"
#include "child_process.hpp"

namespace cairn::bench {

/// How long one process of a trial waits for another.
inline constexpr std::chrono::seconds patience{60};

/// The clock that all processes of a machine share.
std::uint64_t now_ns();

/// Waits for a word by looking at it, which takes less than any call would; the processor goes to
/// others where it takes long, for the one that is waited for may be among them.
template <class Done>
void spin_until(Done done) {
  for (unsigned looks = 1; !done(); ++looks) {
    relax_processor();
    if (looks % 4096 == 0) std::this_thread::yield();
  }
}

using Counter = std::atomic<std::uint64_t>;

/// A page of words that the processes of a trial share.
class Board {
 public:
  explicit Board(const std::filesystem::path& path)
      : file_(File::open_or_create(path, 0600)), memory_(map()) {}

  struct Words {
    alignas(64) Counter turn;
    alignas(64) Counter stop;
    alignas(64) Counter commits;
    alignas(64) Counter stamp_ns;
  };
  Words& words() const noexcept { return *reinterpret_cast<Words*>(memory_.data()); }

 private:
  Reservation map() const;

  File file_;
  Reservation memory_;
};

/// Those of a store that is safe against kills.
Options options_of(const std::string& label);

/// What another process does in a trial: on the store and the board of these paths, `amount` times.
using Play = void (*)(const std::string& store, const Board& board, std::uint64_t amount);
using Parts = std::vector<std::pair<std::string, Play>>;

/// This program once more, playing a part: started anew for each trial, so that none of them is in
/// the way of another contestant. There once it has said that it is ready.
class Partner {
 public:
  Partner(const std::string& role, const std::string& part, const std::filesystem::path& store,
          const std::filesystem::path& board, std::uint64_t amount);
  ChildProcess& process() noexcept { return child_; }

 private:
  ChildProcess child_;
};

/// In the partner: what the one that started it waits for.
void say_ready();
/// In the partner: plays the part that its arguments name. Returns the exit status.
int play_part(const Parts& parts, const std::vector<std::string>& arguments);

}  // namespace cairn::bench

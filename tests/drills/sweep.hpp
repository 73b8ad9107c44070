// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "cairn/mapping/drill_hooks.hpp"
#include "child.hpp"
#include "points.hpp"
#include "scratch.hpp"
#include "workload.hpp"

namespace cairn::drills {

/// A drill that found the store broken.
class DrillFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Settings {
  bool quick = false;          ///< a sample of the kills that still passes every point
  std::uint64_t kills = 1000;  ///< of the random ones
  std::uint64_t seconds = 0;   ///< most time for the random ones, 0 as long as it takes
  std::uint64_t seed = 1;
  std::uint64_t cuts = 0;   ///< of each file system, 0: as many as suit
  std::uint64_t sleep = 1;  ///< seconds that a section sleeps
  std::size_t jobs = 1;     ///< explorations of power cuts at the same time
  std::string directory;
  PointHook hook = nullptr;                 ///< breaks the protocol in working children
  PointHook recovery_hook = nullptr;        ///< breaks it in recovering ones
  bool acknowledge_early = false;           ///< breaks the drill's own promise
  drill::IoObserver io_observer = nullptr;  ///< breaks operations of writers that are cut off
};

/// How a drill takes the lock from somebody who lives.
inline constexpr RecoverOptions fence_soon{true, std::chrono::milliseconds(3)};

/// What a store must hold once it has been opened again.
struct Expectation {
  std::uint64_t least = 0;  ///< transactions of the workload, by its models' numbers
  std::uint64_t most = 0;
  bool exists = true;  ///< false: the file may not be there at all
};

/// What recovery reported and what was found.
struct Finding {
  std::uint64_t steps = 0;
  std::uint64_t replayed_records = 0;
  std::uint64_t discarded_bytes = 0;
  std::uint64_t reclaimed_bytes = 0;
};

/// Throws DrillFailure, which says `when`, where check() finds damage or a block that nobody owns.
void require_sound(const Store& store, const char* when);

/// Opens the store in a child, compares it with the model, checks it, commits once more, closes it,
/// and does all of that again. Throws DrillFailure.
Finding verify(const std::string& path, Durability durability, const std::vector<Content>& models,
               const Expectation& expected);

/// Which kills of a sweep to make: by the step that was reached last and the point of the kill.
using PointFilter = std::function<bool(const std::string& step, const std::string& point)>;

/// Kills a child that works through a workload at its first, second, third, ... point until it
/// completes, and verifies the store after each.
class Sweep {
 public:
  Sweep(const Settings& settings, Tally& tally);

  /// Returns the number of kills. Throws DrillFailure.
  std::uint64_t run(const Workload& workload, Durability durability,
                    const PointFilter& filter = {});
  /// Depth 2: leaves the store half-done by a kill of the first kind, for a selection of those,
  /// and kills the child that recovers it in the same way. `reboot` makes the live words worthless
  /// in between.
  std::uint64_t run_recovery(const Workload& workload, Durability durability, bool reboot,
                             const PointFilter& filter = {});

 private:
  struct Run;
  struct Passage {  ///< one point of an undisturbed run
    std::uint8_t point;
    std::uint8_t step;
  };

  Run begin(const Workload& workload, Durability durability);
  std::vector<Passage> passages() const;
  enum class Selection {
    all,
    sample,  ///< first and last passage of every point in every step, and some more at random
    firsts,  ///< first passage of every point in every step
  };
  std::vector<std::uint64_t> choose(const std::vector<Passage>& all, const PointFilter& filter,
                                    Selection selection) const;
  static std::vector<std::uint64_t> recovery_kills(const std::vector<Passage>& all, bool sample);
  Ending perform_until(const Run& run, std::uint64_t die_at);
  Expectation expectation(const Run& run) const;
  bool kill_and_verify(const Run& run, std::uint64_t die_at, const Passage& passage);
  std::uint64_t sweep_recovery(const Run& run, const Expectation& expected,
                               const std::string& where);
  void prove_report(const Passage& passage, const Finding& finding, const std::string& where) const;

  const Settings& settings_;
  Tally& tally_;
  Scratch scratch_;
  Shared<Board> board_;
};

const char* to_string(Durability durability) noexcept;

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "board.hpp"

namespace cairn::drills {

/// Every point at which a drill can stop the library: the crash points that its sources name, and
/// one before each kind of operation on a file ("io.sync", ...).
const std::vector<std::string>& all_points();
/// Its place in all_points(). Throws std::out_of_range for a name that no source has.
std::uint8_t id_of(std::string_view name);
/// Points that say where in the protocol the process is, as against those that any store or system
/// call passes.
bool is_step(std::uint8_t id);

/// The numbers, from 1, of the first passage of each point after each step.
std::vector<std::uint64_t> first_passages(const Board& board);

/// How often the processes of a drill died at each point.
class Tally {
 public:
  void add(std::uint8_t point) { ++kills_[point]; }
  void add(const Tally& other);
  std::uint64_t kills(std::uint8_t point) const;
  std::uint64_t total() const;
  void print() const;
  /// Names of points at which nothing ever died.
  std::vector<std::string> missed() const;

 private:
  std::map<std::uint8_t, std::uint64_t> kills_;
};

/// What else to do to the store at `path` when a point is reached, for mutants. Runs before the
/// process dies there.
using PointHook = void (*)(std::string_view point, const std::string& path);

/// From here on this process reports each point on `board`, and dies at the `die_at`-th (0: never).
void watch_points(Board& board, std::uint64_t die_at, PointHook hook = nullptr,
                  const std::string& path = {});

/// From here on whoever is to die lets others know by `Board::at_the_door`, and does it some
/// milliseconds after `waiting` is set: by then they wait as somebody who waited all along.
void die_awaited(const std::atomic<std::uint32_t>& waiting);

/// As `watch_points`, but at its `stop_at`-th point the process stops, by SIGSTOP, until others let
/// it go on; and once more the first time that it gets to the point of this name.
void watch_points_to_stop(Board& board, std::uint64_t stop_at, std::string_view again_at = {});
/// As `watch_points`, and it dies the first time that it gets to the point of this name.
void watch_points_to_die_at(Board& board, std::string_view name);

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#include "points.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iterator>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>

#include "cairn/mapping/drill_hooks.hpp"
#include "cairn_console/format.hpp"
#include "cairn_console/table.hpp"
#include "rendezvous.hpp"

namespace cairn::drills {
namespace {

/// Written by the build: the names of all crash points in the library's sources.
constexpr std::string_view source_points[] = {
#include "crash_points.inc"
};

/// By drill::IoKind.
constexpr std::string_view io_points[] = {
    "io.write",  "io.allocate", "io.truncate", "io.sync", "io.sync_directory", "io.link",
    "io.unlink", "io.store",    "io.clone",    "io.copy", "io.write_back"};
static_assert(std::size(io_points) == static_cast<std::size_t>(drill::IoKind::write_back) + 1);

Board* watched_board = nullptr;
std::uint64_t dies_at = 0;
std::string_view death_at;
int death_signal = SIGKILL;
const std::atomic<std::uint32_t>* waiter = nullptr;
PointHook point_hook = nullptr;
std::string watched_path;

void pass(std::string_view name) {
  const std::uint8_t id = id_of(name);
  Board& board = *watched_board;
  const std::uint64_t count = board.points.fetch_add(1) + 1;
  if (count <= Board::trace_capacity) board.trace[count - 1] = id;
  if (name == "append.after_tail") board.tail_stored = 1;
  if (point_hook != nullptr) point_hook(name, watched_path);
  if (count != dies_at && name != death_at) return;
  if (name == death_at) death_at = {};
  if (waiter != nullptr) {
    board.at_the_door = 1;
    while (*waiter == 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
    std::this_thread::sleep_for(time_to_wait);
  }
  board.died_ns = steady_ns();
  board.died_at = id + 1U;
  ::raise(death_signal);
}

void on_crash_point(const char* name) {
  pass(name);
}

int on_operation(const drill::IoOperation& operation) {
  pass(io_points[static_cast<std::size_t>(operation.kind)]);
  return 0;
}

}  // namespace

const std::vector<std::string>& all_points() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all(std::begin(source_points), std::end(source_points));
    all.insert(all.end(), std::begin(io_points), std::end(io_points));
    return all;
  }();
  return names;
}

std::uint8_t id_of(std::string_view name) {
  const auto& names = all_points();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw std::out_of_range("no point " + std::string(name));
  return static_cast<std::uint8_t>(found - names.begin());
}

bool is_step(std::uint8_t id) {
  const std::string& name = all_points()[id];
  return !name.starts_with("io.") && name != "store.inside";
}

std::vector<std::uint64_t> first_passages(const Board& board) {
  std::set<std::pair<std::uint8_t, std::uint8_t>> seen;
  std::vector<std::uint64_t> numbers;
  std::uint8_t step = 0;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(board.points, Board::trace_capacity); ++i) {
    const std::uint8_t point = board.trace[i];
    if (is_step(point)) step = point;
    if (seen.insert({step, point}).second) numbers.push_back(i + 1);
  }
  return numbers;
}

std::uint64_t Tally::kills(std::uint8_t point) const {
  const auto found = kills_.find(point);
  return found == kills_.end() ? 0 : found->second;
}

void Tally::add(const Tally& other) {
  for (const auto& [point, count] : other.kills_) kills_[point] += count;
}

std::uint64_t Tally::total() const {
  std::uint64_t sum = 0;
  for (const auto& [point, count] : kills_) sum += count;
  return sum;
}

void Tally::print() const {
  console::Table table({"killed at", "times"});
  table.align(0, console::Align::left);
  for (std::size_t id = 0; id < all_points().size(); ++id) {
    table.add_row({all_points()[id], console::format_count(kills(static_cast<std::uint8_t>(id)))});
  }
  table.add_rule();
  table.add_row({"in all", console::format_count(total())});
  table.print(stdout);
}

std::vector<std::string> Tally::missed() const {
  std::vector<std::string> names;
  for (std::size_t id = 0; id < all_points().size(); ++id) {
    if (kills(static_cast<std::uint8_t>(id)) == 0) names.push_back(all_points()[id]);
  }
  return names;
}

void watch_points(Board& board, std::uint64_t die_at, PointHook hook, const std::string& path) {
  watched_board = &board;
  dies_at = die_at;
  death_at = {};
  death_signal = SIGKILL;
  waiter = nullptr;
  point_hook = hook;
  watched_path = path;
  drill::set_crash_observer(&on_crash_point);
  drill::set_io_observer(&on_operation);
}

void die_awaited(const std::atomic<std::uint32_t>& waiting) {
  waiter = &waiting;
}

void watch_points_to_stop(Board& board, std::uint64_t stop_at, std::string_view again_at) {
  watch_points(board, stop_at);
  death_at = again_at;
  death_signal = SIGSTOP;
}

void watch_points_to_die_at(Board& board, std::string_view name) {
  watch_points(board, 0);
  death_at = name;
}

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#include "cut.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "cairn/error.hpp"
#include "cairn_console/format.hpp"
#include "cairn_console/progress.hpp"
#include "cairn_console/table.hpp"
#include "cut_workload.hpp"
#include "drill_guard.hpp"
#include "loop_mount.hpp"

namespace cairn::drills {
namespace {

using std::chrono::microseconds;
using Clock = std::chrono::steady_clock;

constexpr FileSystem file_systems[] = {FileSystem::ext4, FileSystem::xfs, FileSystem::btrfs};
/// One cut in so many finds no store when its writers start.
constexpr std::uint64_t cuts_a_creation = 10;
constexpr std::uint64_t longest_life_us = 20'000;
/// How long writers may run on after the cut: they must not be told of commits then.
constexpr std::uint64_t longest_afterlife_us = 3'000;
constexpr std::uint64_t file_pages = 512;  ///< about what the files have

struct CutFigures {
  std::uint64_t cuts = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t recovered = 0;
  std::uint64_t unsettled = 0;  ///< begun, and neither acknowledged nor recovered
  std::uint64_t power_lost = 0;
  std::uint64_t not_there = 0;  ///< cuts in creation that left no store
  std::int64_t longest_recovery_ns = 0;
  double seconds = 0;
};

std::uint64_t sum_of(const Counters& counters) noexcept {
  return std::accumulate(counters.begin(), counters.end(), std::uint64_t{0});
}

/// What one cut is to be like.
struct CutPlan {
  CutKind kind = CutKind::shut_down;
  bool is_new = false;        ///< the cut comes as soon as anybody was told that there is a store
  bool waits = false;         ///< for the first commit, so that the cut does not come in opening
  bool writes_back = false;   ///< some pages reach the disk before, whoever wanted that
  bool finishes = false;      ///< writers close the store, or are at it
  std::uint64_t life_us = 0;  ///< of the writers, from there
};

/// Cuts one file system at one level, again and again.
class Cutter {
 public:
  Cutter(const Settings& settings, Durability durability, LoopMount& mount, OtherBoots& boots,
         DrillGuard& guard, FileSystem kind)
      : settings_(settings),
        mount_(mount),
        boots_(boots),
        guard_(guard),
        kind_(kind),
        random_(settings.seed) {
    one_.path = mount.path() + "/store";
    one_.durability = durability;
    one_.io_observer = settings.io_observer;
  }

  CutFigures run(std::uint64_t cuts);

 private:
  bool one_in(std::uint64_t n) { return random_() % n == 0; }
  CutPlan plan(bool creates);
  void start_from_nothing();
  void start_writers();
  void require_writers_alive(bool may_end);
  void wait_for(const char* what, const std::function<bool()>& has_come);
  void let_write(const CutPlan& plan);
  void write_back_some();
  void cut(const CutPlan& plan);
  void verify();
  [[noreturn]] void fail(const std::string& problem) const;

  const Settings& settings_;
  LoopMount& mount_;
  OtherBoots& boots_;
  DrillGuard& guard_;
  FileSystem kind_;
  std::mt19937_64 random_;
  CutCase one_;
  Shared<CutArena> arena_;
  Counters was_{};  ///< what the store held when the writers began
  Ledger model_;
  std::array<std::optional<Child>, writer_count> writers_;
  CutFigures figures_;
};

CutPlan Cutter::plan(bool creates) {
  CutPlan plan;
  const std::uint64_t choice = random_() % 8;
  if (choice == 0) plan.kind = CutKind::shut_down_flushed;
  if (choice == 1 || !mount_.shuts_down()) plan.kind = CutKind::disk_gone;
  plan.waits = !one_in(3);
  plan.writes_back = one_in(2);
  plan.finishes = one_in(one_.durability == Durability::process ? 2 : 8);
  plan.life_us = random_() % longest_life_us;
  if (creates && one_in(2)) {
    plan.is_new = true;
    plan.waits = plan.writes_back = plan.finishes = false;
    plan.life_us = 0;
  }
  return plan;
}

void Cutter::start_from_nothing() {
  remove_store(one_.path);
  // Else a cut would bring the old one back.
  mount_.sync();
  was_ = {};
  model_ = {};
}

void Cutter::start_writers() {
  arena_.clear();
  std::copy(was_.begin(), was_.end(), arena_->acknowledged.begin());
  std::copy(was_.begin(), was_.end(), arena_->begun.begin());
  one_.seed = random_();
  for (std::uint32_t writer = 0; writer < writer_count; ++writer) {
    writers_[writer].emplace(arena_->boards[writer],
                             [this, writer] { write_until_cut(one_, writer, *arena_); });
  }
}

void Cutter::require_writers_alive(bool may_end) {
  for (std::uint32_t writer = 0; writer < writer_count; ++writer) {
    const auto ending = writers_[writer]->poll();
    if (!ending || (may_end && *ending == Ending::finished)) continue;
    fail(fmt::format("writer {} {} before the cut: {}", writer, to_string(*ending),
                     arena_->boards[writer].failure_text()));
  }
}

void Cutter::wait_for(const char* what, const std::function<bool()>& has_come) {
  const Clock::time_point deadline = Clock::now() + patience;
  while (!has_come()) {
    require_writers_alive(false);
    if (Clock::now() > deadline) fail(std::string("nobody ") + what);
    std::this_thread::sleep_for(microseconds(50));
  }
}

/// As the kernel does whenever it likes: pages of either file, in no order, on to the disk.
void Cutter::write_back_some() {
  const std::string path = one_.path + (one_in(2) ? "-log" : "");
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return;  // not there yet
  const auto from = static_cast<off_t>(one_in(3) ? 0 : random_() % file_pages * 4096);
  const auto bytes = static_cast<off_t>((1 + random_() % 32) * 4096);
  ::sync_file_range(file, from, bytes, SYNC_FILE_RANGE_WRITE);
  ::close(file);
}

void Cutter::let_write(const CutPlan& plan) {
  guard_.at("lets the writers write");
  if (plan.is_new) wait_for("creates a store", [this] { return arena_->created != 0; });
  if (plan.waits) {
    wait_for("commits", [this] { return values_of(arena_->acknowledged) != was_; });
  }
  const Clock::time_point end = Clock::now() + microseconds(plan.life_us);
  while (Clock::now() < end) {
    const auto left = std::chrono::duration_cast<microseconds>(end - Clock::now());
    std::this_thread::sleep_for(plan.writes_back ? std::min(left, microseconds(500)) : left);
    if (plan.writes_back) write_back_some();
  }
  if (!plan.finishes) return;
  arena_->finish = 1;
  // Half of these cuts come in the middle of closing.
  if (one_in(2)) {
    std::this_thread::sleep_for(microseconds(random_() % longest_afterlife_us));
    return;
  }
  for (std::uint32_t writer = 0; writer < writer_count; ++writer) {
    if (writers_[writer]->wait(patience) == Ending::finished) continue;
    fail(
        fmt::format("writer {} does not close: {}", writer, arena_->boards[writer].failure_text()));
  }
}

void Cutter::cut(const CutPlan& plan) {
  guard_.at("cuts the file system");
  require_writers_alive(plan.finishes);
  arena_->cut = 1;
  mount_.cut(plan.kind);
  std::this_thread::sleep_for(microseconds(random_() % longest_afterlife_us));
  for (std::uint32_t writer = 0; writer < writer_count; ++writer) {
    const Ending ending = writers_[writer]->kill();
    if (ending == Ending::killed || ending == Ending::finished) continue;
    fail(fmt::format("writer {} {} after the cut: {}", writer, to_string(ending),
                     arena_->boards[writer].failure_text()));
  }
  guard_.at("mounts the file system again");
  mount_.mount_again();
  boots_.begin_next();
}

void Cutter::verify() {
  guard_.at("verifies the store");
  Board& board = arena_->boards[writer_count];
  const Ending ending =
      run_child(board, patience, [this] { verify_after_cut(one_, was_, model_, *arena_); });
  if (ending != Ending::finished) {
    fail(std::string("who opens it ") + to_string(ending) + ": " + board.failure_text());
  }
  figures_.acknowledged += sum_of(values_of(arena_->acknowledged)) - sum_of(was_);
  figures_.longest_recovery_ns =
      std::max(figures_.longest_recovery_ns, arena_->opened_in_ns.load());
  if (arena_->exists == 0) ++figures_.not_there;
  if (arena_->power_lost != 0) ++figures_.power_lost;
  if (arena_->holds_roots == 0) {
    start_from_nothing();
    return;
  }
  const std::uint64_t found = sum_of(values_of(arena_->found));
  figures_.recovered += found - sum_of(was_);
  figures_.unsettled += sum_of(values_of(arena_->begun)) - found;
  was_ = values_of(arena_->left);
  model_.advance(was_);
}

void Cutter::fail(const std::string& problem) const {
  throw DrillFailure(fmt::format("cut, {}, level {}, seed {}, cut {}: {}", to_string(kind_),
                                 to_string(one_.durability), settings_.seed, figures_.cuts + 1,
                                 problem));
}

CutFigures Cutter::run(std::uint64_t cuts) {
  const Clock::time_point begun = Clock::now();
  console::ProgressBar bar(fmt::format("cut, {}, {}", to_string(kind_), to_string(one_.durability)),
                           cuts, "cuts");
  for (; figures_.cuts < cuts && !guard_.is_interrupted(); ++figures_.cuts) {
    const bool creates = figures_.cuts % cuts_a_creation == 0;
    if (creates) start_from_nothing();
    const CutPlan next = plan(creates);
    start_writers();
    let_write(next);
    cut(next);
    verify();
    bar.note(console::format_count(figures_.acknowledged) + " commits acknowledged");
    bar.advance();
  }
  bar.done();
  remove_store(one_.path);
  figures_.seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  return figures_;
}

void add_row(console::Table& table, FileSystem kind, Durability level, const CutFigures& figures) {
  table.add_row({to_string(kind), to_string(level), console::format_count(figures.cuts),
                 console::format_count(figures.acknowledged),
                 console::format_count(figures.recovered), console::format_count(figures.unsettled),
                 console::format_count(figures.power_lost),
                 console::format_count(figures.not_there),
                 console::format_duration(std::chrono::nanoseconds(figures.longest_recovery_ns)),
                 fmt::format("{:.1f} s", figures.seconds)});
}

}  // namespace

void cut_file_systems(const Settings& settings, std::uint64_t cuts) {
  const Scratch scratch(settings.directory);
  DrillGuard guard({});
  const PrivateMounts mounts;
  OtherBoots boots(scratch.file("boot_id"));
  console::Table table({"file system", "level", "cuts", "acknowledged", "recovered", "neither",
                        "power_lost", "no store yet", "longest recovery", "took"});
  std::string reasons;
  std::uint64_t acknowledged = 0;
  for (const FileSystem kind : file_systems) {
    if (guard.is_interrupted()) break;
    try {
      guard.at("makes a file system");
      LoopMount mount(kind, scratch.file(to_string(kind)));
      for (const Durability level : {Durability::power, Durability::process}) {
        const CutFigures figures = Cutter(settings, level, mount, boots, guard, kind).run(cuts);
        acknowledged += figures.acknowledged;
        add_row(table, kind, level, figures);
      }
    } catch (const Unavailable& reason) {
      reasons += fmt::format("{}{} is not cut: {}", reasons.empty() ? "" : "\n", to_string(kind),
                             reason.what());
    }
  }
  if (table.rows() == 0 && !guard.is_interrupted()) throw Unavailable(reasons);
  table.print(stdout);
  if (!reasons.empty()) fmt::print("{}\n", reasons);
  if (guard.is_interrupted()) throw DrillFailure("interrupted; what is shown above was verified");
  if (acknowledged == 0) throw DrillFailure("nothing was committed: the drill proves nothing");
}

}  // namespace cairn::drills

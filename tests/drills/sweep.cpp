// SPDX-License-Identifier: BSL-1.0
#include "sweep.hpp"

#include <algorithm>
#include <optional>
#include <random>
#include <set>

namespace cairn::drills {
namespace {

std::string name_of(std::uint8_t id) {
  return all_points()[id];
}

}  // namespace

const char* to_string(Durability durability) noexcept {
  return durability == Durability::power ? "power" : "process";
}

struct Sweep::Run {
  const Workload& workload;
  Durability durability;
  std::vector<Content> models;
  std::string image;  ///< the store that each run begins with
  std::string path;   ///< the one that is worked on

  std::string text() const {
    return "workload \"" + workload.name + "\", level " + to_string(durability);
  }
};

Sweep::Sweep(const Settings& settings, Tally& tally)
    : settings_(settings), tally_(tally), scratch_(settings.directory) {}

Sweep::Run Sweep::begin(const Workload& workload, Durability durability) {
  Run run{workload, durability, models_of(workload), scratch_.file("image"),
          scratch_.file("store")};
  remove_store(run.image);
  remove_store(run.path);
  if (!workload.from_nothing) {
    board_.clear();
    const Ending ending =
        run_child(*board_, patience, [&] { prepare(workload, durability, run.image); });
    if (ending != Ending::finished) {
      throw DrillFailure(run.text() + ": the setup " + to_string(ending) + ": " +
                         board_->failure_text());
    }
  }
  return run;
}

Ending Sweep::perform_until(const Run& run, std::uint64_t die_at) {
  copy_store(run.image, run.path);
  board_.clear();
  return run_child(*board_, patience, [&] {
    watch_points(*board_, die_at, settings_.hook, run.path);
    if (settings_.acknowledge_early) board_->acknowledged = 1;
    perform(run.workload, run.durability, run.path, *board_);
  });
}

std::vector<Sweep::Passage> Sweep::passages() const {
  const std::uint64_t count = board_->points;
  if (count > Board::trace_capacity) {
    throw DrillFailure("a workload with " + std::to_string(count) + " points is too long to sweep");
  }
  std::vector<Passage> all;
  std::uint8_t step = id_of("io.write");  // before the first step
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint8_t point = board_->trace[i];
    if (is_step(point)) step = point;
    all.push_back({point, step});
  }
  return all;
}

/// The numbers, from 1, of the points to kill at.
std::vector<std::uint64_t> Sweep::choose(const std::vector<Passage>& all, const PointFilter& filter,
                                         Selection selection) const {
  std::set<std::uint64_t> chosen;
  std::vector<std::uint64_t> fitting;
  std::map<std::pair<std::uint8_t, std::uint8_t>, std::uint64_t> last;
  for (std::uint64_t i = 0; i < all.size(); ++i) {
    if (filter && !filter(name_of(all[i].step), name_of(all[i].point))) continue;
    fitting.push_back(i + 1);
    const auto [at, first] = last.insert_or_assign({all[i].step, all[i].point}, i + 1);
    if (first) chosen.insert(i + 1);
  }
  if (selection == Selection::all) return fitting;
  if (selection == Selection::sample) {
    for (const auto& [what, number] : last) chosen.insert(number);
    std::mt19937_64 random(settings_.seed);
    for (int more = 0; more < 8 && !fitting.empty(); ++more) {
      chosen.insert(fitting[random() % fitting.size()]);
    }
  }
  return {chosen.begin(), chosen.end()};
}

/// The numbers of the points to kill a recovery at: all, or the first passage of each.
std::vector<std::uint64_t> Sweep::recovery_kills(const std::vector<Passage>& all, bool sample) {
  std::set<std::uint8_t> seen;
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t i = 0; i < all.size(); ++i) {
    if (seen.insert(all[i].point).second || !sample) numbers.push_back(i + 1);
  }
  return numbers;
}

/// Kills strike at points only, so what must be there is known exactly: what was acknowledged, and
/// one more if the word that decides had been stored.
Expectation Sweep::expectation(const Run& run) const {
  const std::uint64_t in_flight = board_->in_transaction != 0 && board_->tail_stored != 0 ? 1U : 0U;
  const std::uint64_t steps = board_->acknowledged + in_flight;
  return {steps, steps, !run.workload.from_nothing || board_->acknowledged != 0};
}

/// What recovery must have had to do after a kill in that step.
void Sweep::prove_report(const Passage& passage, const Finding& finding,
                         const std::string& where) const {
  const std::string step = name_of(passage.step);
  const bool tail_left_over =
      step == "append.header" || step == "append.checksum" || step == "append.before_tail";
  if (tail_left_over && finding.discarded_bytes == 0) {
    throw DrillFailure(where + ": recovery does not report the append that it dropped");
  }
  static const std::set<std::string> to_redo = {
      "append.after_tail", "commit.sync_log", "commit.synced", "publish.begin",
      "publish.raised",    "publish.begun",   "publish.line",  "publish.applied"};
  // Deferred ones are published by the call that syncs them, one after the other.
  const std::uint64_t most = board_->held_back + board_->tail_stored + board_->deferred;
  const std::uint64_t least = board_->deferred == 0 ? most : 1;
  const std::uint64_t replayed = finding.replayed_records;
  if (to_redo.contains(step) && board_->releasing == 0 && (replayed < least || replayed > most)) {
    throw DrillFailure(where + ": recovery replayed " + std::to_string(replayed) + " records, " +
                       std::to_string(least) + " to " + std::to_string(most) +
                       " were not published");
  }
  if (step == "grow.allocated" && finding.reclaimed_bytes == 0) {
    throw DrillFailure(where + ": the growth of a dead process was not cut back");
  }
}

/// False where the workload completed before that point.
bool Sweep::kill_and_verify(const Run& run, std::uint64_t die_at, const Passage& passage) {
  const Ending ending = perform_until(run, die_at);
  std::string where = run.text();
  if (ending == Ending::killed && board_->died_at != 0) {
    const auto point = static_cast<std::uint8_t>(board_->died_at - 1);
    tally_.add(point);
    where += ", killed at point " + std::to_string(die_at) + " (" + name_of(point) + ", step " +
             name_of(passage.step) + ")";
    if (point != passage.point) throw DrillFailure(where + ": another run passed other points");
  } else if (ending == Ending::finished) {
    where += ", completed";
  } else {
    throw DrillFailure(where + ": the working process " + to_string(ending) + ": " +
                       board_->failure_text());
  }
  try {
    const Finding finding = verify(run.path, run.durability, run.models, expectation(run));
    if (ending == Ending::killed) prove_report(passage, finding, where);
  } catch (const DrillFailure& failure) {
    throw DrillFailure(where + ": " + failure.what());
  }
  return ending == Ending::killed;
}

std::uint64_t Sweep::run(const Workload& workload, Durability durability,
                         const PointFilter& filter) {
  const Run run = begin(workload, durability);
  if (kill_and_verify(run, 0, {})) throw DrillFailure(run.text() + ": killed by somebody else");
  const std::vector<Passage> all = passages();
  std::uint64_t kills = 0;
  for (const std::uint64_t number :
       choose(all, filter, settings_.quick ? Selection::sample : Selection::all)) {
    if (!kill_and_verify(run, number, all[number - 1])) {
      throw DrillFailure(run.text() + ": completed before its point " + std::to_string(number));
    }
    ++kills;
  }
  // The last kill was not what made it end.
  if (kill_and_verify(run, all.size() + 1, {})) {
    throw DrillFailure(run.text() + ": never completes");
  }
  return kills;
}

std::uint64_t Sweep::sweep_recovery(const Run& run, const Expectation& expected,
                                    const std::string& where) {
  const std::string half = scratch_.file("half");
  const std::uint64_t reference = verify(run.path, run.durability, run.models, expected).steps;
  // Every later recovery must come to the same.
  const Expectation same{reference, reference, expected.exists};
  const auto recover_until = [&](std::uint64_t die_at) {
    copy_store(half, run.path);
    board_.clear();
    return run_child(*board_, patience, [&] {
      watch_points(*board_, die_at, settings_.recovery_hook, run.path);
      Store::open(run.path, drill_options(run.durability, "recover"));
    });
  };
  if (recover_until(0) != Ending::finished) {
    throw DrillFailure(where + ": recovery fails: " + board_->failure_text());
  }
  std::vector<std::uint64_t> numbers = recovery_kills(passages(), settings_.quick);
  // The last one is more than there are: that recovery completes.
  numbers.push_back(board_->points + 1);
  std::uint64_t kills = 0;
  for (const std::uint64_t die_at : numbers) {
    const Ending ending = recover_until(die_at);
    const bool died = ending == Ending::killed && board_->died_at != 0;
    if (ending != (die_at == numbers.back() ? Ending::finished : Ending::killed)) {
      throw DrillFailure(where + ": recovery " + to_string(ending) + " at its point " +
                         std::to_string(die_at) + ": " + board_->failure_text());
    }
    std::string twice = where;
    if (died) {
      const auto point = static_cast<std::uint8_t>(board_->died_at - 1);
      tally_.add(point);
      twice += ", its recovery killed at " + name_of(point);
      ++kills;
    }
    try {
      verify(run.path, run.durability, run.models, same);
    } catch (const DrillFailure& failure) {
      throw DrillFailure(twice + ": " + failure.what());
    }
  }
  return kills;
}

std::uint64_t Sweep::run_recovery(const Workload& workload, Durability durability, bool reboot,
                                  const PointFilter& filter) {
  const Run run = begin(workload, durability);
  if (perform_until(run, 0) != Ending::finished) {
    throw DrillFailure(run.text() + " fails: " + board_->failure_text());
  }
  const std::vector<Passage> all = passages();
  std::uint64_t kills = 0;
  // Of the first kills a sample at all events: each has a whole sweep behind it.
  for (const std::uint64_t number :
       choose(all, filter, settings_.quick ? Selection::firsts : Selection::sample)) {
    if (perform_until(run, number) != Ending::killed || board_->died_at == 0) {
      throw DrillFailure(run.text() + ": not killed at its point " + std::to_string(number));
    }
    tally_.add(all[number - 1].point);
    ++kills;
    Expectation expected = expectation(run);
    const std::string where = run.text() + ", killed at " + name_of(all[number - 1].point) +
                              " in step " + name_of(all[number - 1].step) +
                              (reboot ? " and rebooted" : "");
    if (reboot) {
      scramble_live_words(run.path);
      // Without the live words a whole record in the log is a commit, acknowledged or not.
      if (board_->in_transaction != 0) expected.most = board_->acknowledged + 1;
    }
    const std::string half = scratch_.file("half");
    remove_store(half);
    copy_store(run.path, half);
    kills += sweep_recovery(run, expected, where);
  }
  return kills;
}

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#include "power.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "cairn_console/format.hpp"
#include "cairn_console/progress.hpp"
#include "cairn_console/table.hpp"
#include "mutants.hpp"
#include "power_exploration.hpp"
#include "power_workloads.hpp"

namespace cairn::drills {
namespace {

constexpr std::chrono::milliseconds look_interval{5};

std::vector<Ground> grounds_of(std::uint64_t round, std::uint64_t seed) {
  std::vector<Ground> grounds;
  for (const Durability durability : {Durability::power, Durability::process}) {
    for (Workload& workload : power_workloads(round, seed)) {
      grounds.push_back({std::move(workload), durability});
    }
  }
  // Level process promises nothing of a power cut, whoever wrote before it.
  for (Workload& workload : power_workloads(round, seed)) {
    if (workload.name != "numbers" && workload.name != "checkpoint beside") continue;
    grounds.push_back({std::move(workload), Durability::power, true});
  }
  return grounds;
}

PowerBudget budget_of(const Settings& settings, const Ground& ground, std::uint64_t round) {
  if (!ground.is_killed) return settings.quick ? PowerBudget{4, 6, 4, 6, 64} : PowerBudget{};
  // There are so many histories that each has few images, and all of them are made only once.
  const bool all = !settings.quick && round == 1;
  return {3, 3, 2, 3, 64, all ? Deaths::all : Deaths::sample, 64};
}

/// What all rounds came to, by workload and level in the order of the first round.
class PowerTable {
 public:
  void add(const Ground& ground, const PowerFigures& figures) {
    const std::string name = ground.is_killed ? "killed, then cut" : ground.workload.name;
    const std::string level = to_string(ground.durability);
    auto row = std::find_if(rows_.begin(), rows_.end(),
                            [&](const Row& one) { return one.name == name && one.level == level; });
    if (row == rows_.end()) row = rows_.insert(row, {name, level, {}});
    row->figures.add(figures);
  }

  /// Both come of images that lost power, so a drill in which one does not proves nothing of them.
  void require_both_endings() const {
    constexpr std::uint64_t enough = 1000;
    PowerFigures all;
    for (const Row& row : rows_) all.add(row.figures);
    if (all.refused < enough || (all.damaged != 0 && all.accepted != 0)) return;
    throw DrillFailure(fmt::format("of {} images that were refused {} were damaged and {} accepted",
                                   all.refused, all.damaged, all.accepted));
  }

  void print() const {
    console::Table table({"workload", "level", "moments", "images", "distinct", "refused",
                          "examined", "damaged", "accepted", "recoveries cut", "processor",
                          "a second"});
    PowerFigures all;
    for (const Row& row : rows_) {
      add_row(table, row);
      all.add(row.figures);
    }
    table.add_rule();
    add_row(table, {"in all", "", all});
    table.print(stdout);
  }

 private:
  struct Row {
    std::string name;
    std::string level;
    PowerFigures figures;
  };
  static void add_row(console::Table& table, const Row& row) {
    const PowerFigures& figures = row.figures;
    table.add_row({row.name, row.level, console::format_count(figures.moments),
                   console::format_count(figures.images), console::format_count(figures.distinct),
                   console::format_count(figures.refused), console::format_count(figures.examined),
                   console::format_count(figures.damaged), console::format_count(figures.accepted),
                   console::format_count(figures.recoveries),
                   fmt::format("{:.1f} s", figures.seconds),
                   console::format_rate(static_cast<double>(figures.distinct) /
                                        std::max(figures.seconds, 1e-3))});
  }

  std::vector<Row> rows_;
};

/// Explorations that go on at the same time, one a processor, of one ground after the other.
class Campaign {
 public:
  Campaign(const Settings& settings, std::uint64_t images)
      : settings_(settings),
        scratch_(settings.directory),
        bar_("power", images, "images"),
        rounds_(images == 0 ? 1 : ~std::uint64_t{0}) {
    settings_.directory = scratch_.file("");
    goal_->wanted = images;
  }

  void run() {
    for (;;) {
      while (running_.size() < settings_.jobs && begin_next()) {
      }
      if (running_.empty()) break;
      std::erase_if(running_, [this](const auto& one) {
        const auto figures = one->poll();
        if (figures) table_.add(one->ground(), *figures);
        return figures.has_value();
      });
      bar_.update(goal_->found);
      std::this_thread::sleep_for(look_interval);
    }
    bar_.done();
    table_.print();
    table_.require_both_endings();
  }

 private:
  bool begin_next() {
    if (goal_->is_reached()) return false;
    if (next_ == grounds_.size()) {
      if (round_ == rounds_) return false;
      grounds_ = grounds_of(round_++, settings_.seed);
      next_ = 0;
    }
    const Ground& ground = grounds_[next_++];
    const PowerBudget budget = budget_of(settings_, ground, round_);
    running_.push_back(std::make_unique<Exploration>(
        Exploration::Task{ground, budget, settings_.seed + round_}, settings_, *goal_));
    return true;
  }

  Settings settings_;
  Scratch scratch_;
  Shared<PowerGoal> goal_;
  console::ProgressBar bar_;
  PowerTable table_;
  std::uint64_t rounds_;
  std::uint64_t round_ = 0;
  std::vector<Ground> grounds_;
  std::size_t next_ = 0;
  std::vector<std::unique_ptr<Exploration>> running_;
};

/// What an exploration finds wrong, empty where nothing.
std::string explore_mutant(const Ground& ground, const std::vector<PowerHistory>& histories,
                           const PowerMutant& mutant, const Settings& settings) {
  constexpr PowerBudget budget{6, 40, 40, 40, 16, Deaths::decisive, 0};
  const Shared<PowerGoal> goal;
  Exploration exploration({ground, budget, settings.seed, &mutant, &histories}, settings, *goal);
  try {
    while (!exploration.poll()) std::this_thread::sleep_for(look_interval);
  } catch (const DrillFailure& failure) {
    return failure.what();
  }
  return {};
}

}  // namespace

void PowerFigures::add(const PowerFigures& other) {
  moments += other.moments;
  images += other.images;
  distinct += other.distinct;
  refused += other.refused;
  examined += other.examined;
  damaged += other.damaged;
  accepted += other.accepted;
  recoveries += other.recoveries;
  seconds += other.seconds;
}

void drill_power(const Settings& settings, std::uint64_t images) {
  Campaign(settings, images).run();
}

void hunt_power_mutants(const Settings& settings) {
  std::vector<Ground> grounds = grounds_of(0, settings.seed);
  std::erase_if(grounds,
                [](const Ground& ground) { return ground.durability != Durability::power; });
  std::vector<std::vector<PowerHistory>> histories;
  for (const Ground& ground : grounds) {
    const Scratch scratch(settings.directory);
    histories.push_back(record(ground, scratch.file("store"), Deaths::decisive));
  }
  Catch all;
  for (const PowerMutant& mutant : power_mutants(histories)) {
    std::string found;
    for (std::size_t i = 0; i < grounds.size() && found.empty(); ++i) {
      found = explore_mutant(grounds[i], histories[i], mutant, settings);
    }
    all.add(mutant.name, mutant.broken_rule, found.substr(0, found.find(", blocks")));
  }
  all.finish();
}

}  // namespace cairn::drills

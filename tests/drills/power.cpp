// SPDX-License-Identifier: BSL-1.0
#include "power.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <optional>
#include <utility>

#include "cairn_console/format.hpp"
#include "cairn_console/progress.hpp"
#include "cairn_console/table.hpp"
#include "mutants.hpp"
#include "power_explorer.hpp"

namespace cairn::drills {
namespace {

/// A disk sector and a page. Tearing within those is a fate of its own.
constexpr std::array<std::uint32_t, 2> block_sizes = {512, 4096};
/// Far above what one workload takes.
constexpr std::chrono::minutes exploration_patience{60};

/// What a child that explores tells its parent.
struct PowerBoard {
  Board board;
  PowerFigures figures;
};

/// One workload at one level.
struct Ground {
  Workload workload;
  Durability durability;
};

/// Of this process: whoever else is at work on the machine has no part in it.
double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::string text_of(const Ground& ground) {
  return fmt::format("workload \"{}\", level {}", ground.workload.name,
                     to_string(ground.durability));
}

PowerHistory record(const Ground& ground, const std::string& path) {
  remove_store(path);
  if (!ground.workload.from_nothing) prepare(ground.workload, ground.durability, path);
  const Shared<Board> board;
  PowerRecorder recorder(path, *board);
  perform(ground.workload, ground.durability, path, *board);
  return recorder.take();
}

/// At level power all that was acknowledged is there, and nothing that was not begun. At level
/// process nothing is promised, but that a state which opens is one.
void judge(const Ground& ground, const Verdict& verdict, const Promise& promise) {
  if (verdict.holds) {
    const bool kept =
        ground.durability == Durability::process || *verdict.holds >= promise.acknowledged;
    if (kept && *verdict.holds <= promise.begun) return;
    throw DrillFailure(fmt::format("it holds {} transactions", *verdict.holds));
  }
  // Whoever was still creating it had been promised nothing.
  if (ground.workload.from_nothing && promise.begun == 0) return;
  if (ground.durability == Durability::process && verdict.code == errc::power_lost) return;
  throw DrillFailure("it does not open: " + verdict.refusal);
}

PowerFigures explore_here(const Ground& ground, const PowerHistory& history,
                          const PowerBudget& budget, const std::string& directory,
                          std::uint64_t seed, const PowerMutant* mutant,
                          const PowerExplorer::Progress& progress) {
  const Scratch scratch(directory);
  ImageFiles files(scratch.file("image"));
  ImageChecker checker(files, ground.workload, ground.durability);
  PowerExplorer explorer(files, checker, budget, mutant, seed, progress);
  const double before = processor_seconds();
  for (const std::uint32_t block_bytes : block_sizes) {
    try {
      explorer.explore(history, block_bytes, [&](const Verdict& verdict, const Promise& promise) {
        judge(ground, verdict, promise);
      });
    } catch (const DrillFailure& failure) {
      throw DrillFailure(
          fmt::format("{}, blocks of {} bytes, {}", text_of(ground), block_bytes, failure.what()));
    }
  }
  PowerFigures figures = explorer.figures();
  figures.seconds = processor_seconds() - before;
  return figures;
}

/// In a child: whatever an image does to the process, the drill tells of it.
PowerFigures explore(const Ground& ground, const PowerBudget& budget, const Settings& settings,
                     std::uint64_t seed, console::ProgressBar* bar = nullptr,
                     const PowerMutant* mutant = nullptr) {
  const Shared<PowerBoard> shared;
  const std::uint64_t before = bar == nullptr ? 0 : bar->count();
  Child child(shared->board, [&] {
    const Scratch scratch(settings.directory);
    PowerHistory history = record(ground, scratch.file("store"));
    if (mutant != nullptr && mutant->change_history && !mutant->change_history(history)) return;
    shared->figures = explore_here(ground, history, budget, settings.directory, seed, mutant,
                                   [&] { ++shared->board.progress; });
  });
  const auto deadline = std::chrono::steady_clock::now() + exploration_patience;
  std::optional<Ending> ending;
  while (!(ending = child.poll())) {
    if (bar != nullptr) bar->update(before + shared->board.progress);
    if (std::chrono::steady_clock::now() > deadline) ending = child.kill();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (ending != Ending::finished) {
    const std::string why = shared->board.failure_text();
    throw DrillFailure(why.empty() ? fmt::format("{}: the process that explores {}",
                                                 text_of(ground), to_string(*ending))
                                   : why);
  }
  return shared->figures;
}

/// In files as small as they can be: what an image costs is above all its copy.
std::vector<Workload> small_workloads() {
  std::vector<Workload> workloads = all_workloads();
  std::erase_if(workloads, [](const Workload& workload) { return workload.has_other_files; });
  for (Workload& workload : workloads) workload.options.initial_bytes = 48 << 10;
  return workloads;
}

std::vector<Ground> all_grounds() {
  std::vector<Ground> grounds;
  for (const Durability durability : {Durability::power, Durability::process}) {
    for (Workload& workload : small_workloads()) {
      grounds.push_back({std::move(workload), durability});
    }
  }
  return grounds;
}

PowerBudget budget_of(const Settings& settings) {
  if (!settings.quick) return {};
  return {4, 6, 4, 6, 64, 64};
}

void add_row(console::Table& table, const std::string& name, const std::string& level,
             const PowerFigures& figures) {
  table.add_row({name, level, console::format_count(figures.moments),
                 console::format_count(figures.images), console::format_count(figures.distinct),
                 console::format_count(figures.refused), console::format_count(figures.recoveries),
                 fmt::format("{:.1f} s", figures.seconds),
                 console::format_rate(static_cast<double>(figures.distinct) /
                                      std::max(figures.seconds, 1e-3))});
}

}  // namespace

void PowerFigures::add(const PowerFigures& other) {
  moments += other.moments;
  images += other.images;
  distinct += other.distinct;
  refused += other.refused;
  recoveries += other.recoveries;
  seconds += other.seconds;
}

void drill_power(const Settings& settings, std::uint64_t images) {
  const std::vector<Ground> grounds = all_grounds();
  std::vector<PowerFigures> figures(grounds.size());
  PowerFigures all;
  // A round takes as many as it takes, also where none are asked for.
  console::ProgressBar bar("power", images, "images");
  for (std::uint64_t round = 0; round == 0 || all.distinct < images; ++round) {
    for (std::size_t i = 0; i < grounds.size(); ++i) {
      const PowerFigures found =
          explore(grounds[i], budget_of(settings), settings, settings.seed + round, &bar);
      figures[i].add(found);
      all.add(found);
    }
  }
  bar.done();
  console::Table table({"workload", "level", "moments", "images", "distinct", "refused",
                        "recoveries cut", "processor", "a second"});
  for (std::size_t i = 0; i < grounds.size(); ++i) {
    add_row(table, grounds[i].workload.name, to_string(grounds[i].durability), figures[i]);
  }
  table.add_rule();
  add_row(table, "in all", "", all);
  table.print(stdout);
}

void hunt_power_mutants(const Settings& settings) {
  std::vector<Ground> grounds;
  std::vector<PowerHistory> histories;
  for (Workload& workload : small_workloads()) {
    grounds.push_back({std::move(workload), Durability::power});
  }
  for (const Ground& ground : grounds) {
    const Scratch scratch(settings.directory);
    histories.push_back(record(ground, scratch.file("store")));
  }
  const PowerBudget budget{6, 40, 40, 40, 16, 0};
  Catch all;
  for (const PowerMutant& mutant : power_mutants(histories)) {
    std::string found;
    for (std::size_t i = 0; i < grounds.size() && found.empty(); ++i) {
      PowerHistory copy = histories[i];
      if (mutant.change_history && !mutant.change_history(copy)) continue;
      try {
        explore(grounds[i], budget, settings, settings.seed, nullptr, &mutant);
      } catch (const DrillFailure& failure) {
        found = failure.what();
      }
    }
    all.add(mutant.name, mutant.broken_rule, found.substr(0, found.find(", blocks")));
  }
  all.finish();
}

}  // namespace cairn::drills

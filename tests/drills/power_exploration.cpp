// SPDX-License-Identifier: BSL-1.0
#include "power_exploration.hpp"

#include <fmt/format.h>
#include <malloc.h>

#include <array>
#include <ctime>
#include <utility>

#include "power_explorer.hpp"

namespace cairn::drills {
namespace {

/// A disk sector and a page. Tearing within those is a fate of its own.
constexpr std::array<std::uint32_t, 2> block_sizes = {512, 4096};
/// Far above what one workload takes.
constexpr std::chrono::minutes exploration_patience{60};
/// Copies of files come and go: the memory for them is kept rather than given back each time, to be
/// zeroed by the kernel again.
constexpr int kept_memory_bytes = 32 << 20;

/// Of this process: whoever else is at work on the machine has no part in it.
double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::string text_of(const Ground& ground) {
  return fmt::format("workload \"{}\", level {}{}", ground.workload.name,
                     to_string(ground.durability), ground.is_killed ? ", killed" : "");
}

/// At level power all that was acknowledged is there, and nothing that was not begun. At level
/// process nothing is promised, but that a state which opens is one.
void judge(const Ground& ground, const PowerHistory& history, const Verdict& verdict,
           const Promise& promise) {
  if (verdict.holds) {
    const bool is_foreign = *verdict.holds > history.inherited && verdict.line != history.line;
    if (is_foreign && (verdict.line != 0 || promise.is_settled)) {
      throw DrillFailure(
          fmt::format("its transaction {} is one that was given up", *verdict.holds));
    }
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

}  // namespace

std::vector<PowerHistory> record(const Ground& ground, const std::string& path, Deaths deaths) {
  if (ground.is_killed) return record_successions(ground, path, deaths);
  remove_store(path);
  if (!ground.workload.from_nothing) prepare(ground.workload, ground.durability, path);
  const Shared<Board> board;
  PowerRecorder recorder(path, *board);
  perform(ground.workload, ground.durability, path, *board);
  std::vector<PowerHistory> histories;
  histories.push_back(recorder.take());
  return histories;
}

Exploration::Exploration(Task task, const Settings& settings, PowerGoal& goal)
    : task_(std::move(task)),
      deadline_(std::chrono::steady_clock::now() + exploration_patience),
      child_(told_->board, [&] { work(settings, goal); }) {}

void Exploration::work(const Settings& settings, PowerGoal& goal) {
  ::mallopt(M_MMAP_THRESHOLD, kept_memory_bytes);
  ::mallopt(M_TRIM_THRESHOLD, kept_memory_bytes);
  const double before = processor_seconds();
  const Ground& ground = task_.ground;
  const Scratch scratch(settings.directory);
  const PowerMutant* const mutant = task_.mutant;
  std::vector<PowerHistory> histories =
      task_.histories != nullptr ? *task_.histories
                                 : record(ground, scratch.file("store"), task_.budget.deaths);
  ImageFiles files(scratch.file("image"));
  ImageChecker checker(files, ground.workload, ground.durability, lines_of(ground));
  SeenImages seen;
  PowerExplorer explorer(files, checker, seen, task_.budget, mutant, task_.seed, [&] {
    goal.found.fetch_add(1, std::memory_order_relaxed);
    return !goal.is_reached();
  });
  for (PowerHistory& history : histories) {
    if (mutant != nullptr && mutant->change_history && !mutant->change_history(history)) continue;
    explore(explorer, history);
  }
  told_->figures = explorer.figures();
  told_->figures.examined = checker.examined();
  told_->figures.damaged = checker.damaged();
  told_->figures.accepted = checker.accepted();
  told_->figures.seconds = processor_seconds() - before;
}

void Exploration::explore(PowerExplorer& explorer, const PowerHistory& history) const {
  const Ground& ground = task_.ground;
  for (const std::uint32_t block_bytes : block_sizes) {
    try {
      explorer.explore(history, block_bytes, [&](const Verdict& verdict, const Promise& promise) {
        judge(ground, history, verdict, promise);
      });
    } catch (const DrillFailure& failure) {
      throw DrillFailure(fmt::format("{}{}, blocks of {} bytes, {}", text_of(ground),
                                     history.succession, block_bytes, failure.what()));
    }
  }
}

std::optional<PowerFigures> Exploration::poll() {
  std::optional<Ending> ending = child_.poll();
  if (!ending && std::chrono::steady_clock::now() < deadline_) return std::nullopt;
  if (!ending) ending = child_.kill();
  if (ending == Ending::finished) return told_->figures;
  const std::string why = told_->board.failure_text();
  throw DrillFailure(why.empty() ? fmt::format("{}: the process that explores {}",
                                               text_of(task_.ground), to_string(*ending))
                                 : why);
}

}  // namespace cairn::drills

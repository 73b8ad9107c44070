// SPDX-License-Identifier: BSL-1.0
#include "drills.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>

#include "cairn_console/format.hpp"
#include "cairn_console/progress.hpp"
#include "cairn_console/table.hpp"
#include "cut.hpp"
#include "fencing.hpp"
#include "io_faults.hpp"
#include "memory_faults.hpp"
#include "mutants.hpp"
#include "openers.hpp"
#include "power.hpp"
#include "private_mounts.hpp"
#include "random_kills.hpp"
#include "sleeper.hpp"
#include "soak.hpp"
#include "takeover.hpp"
#include "unreadable.hpp"

namespace cairn::drills {
namespace {

constexpr Durability both_levels[] = {Durability::process, Durability::power};

void require_kills(std::uint64_t kills) {
  if (kills == 0) throw DrillFailure("no process was killed: the drill proves nothing");
  fmt::print("{} kills, each survived\n", console::format_count(kills));
}

/// A sample beside all the other drills; `--cut` is the drill at length.
void cut_briefly(const Settings& settings, Tally&) {
  constexpr std::uint64_t quick_cuts = 5;
  constexpr std::uint64_t cuts = 20;
  const std::uint64_t suitable = settings.quick ? quick_cuts : cuts;
  cut_file_systems(settings, settings.cuts != 0 ? settings.cuts : suitable);
}

/// What a row of the table of faults kills in.
struct Row {
  std::vector<std::string> workloads;
  std::vector<std::string> steps;  ///< somebody has to die in each of them
  bool elsewhere_too = false;      ///< in whatever else these workloads pass as well
};

/// Only at level power does a commit sync, or a checkpoint beside commits.
bool belongs_to_level_power(const std::string& step) {
  static const std::set<std::string> steps = {"commit.sync_data", "commit.sync_log",
                                              "commit.synced", "checkpoint.beside"};
  return steps.contains(step);
}

/// Throws where a step of the row was passed at no level that has it, or at one that has not.
void require_kills_in_steps(const Row& row, const Tally& tally, Durability level) {
  for (const std::string& step : row.steps) {
    const bool expected = level == Durability::power || !belongs_to_level_power(step);
    if ((tally.kills(id_of(step)) != 0) == expected) continue;
    throw DrillFailure(fmt::format("level {}: {} {}", to_string(level),
                                   expected ? "nobody died at" : "somebody died at", step));
  }
}

void kill_in_steps(const Settings& settings, Tally& tally, const Row& row) {
  for (const std::string& step : row.steps) id_of(step);  // throws where no source has it
  const std::set<std::string> steps(row.steps.begin(), row.steps.end());
  std::uint64_t kills = 0;
  for (const Durability level : both_levels) {
    Tally at_level;
    Sweep sweep(settings, at_level);
    for (const std::string& name : row.workloads) {
      kills +=
          sweep.run(workload_named(name), level, [&](const std::string& step, const std::string&) {
            return row.elsewhere_too || steps.contains(step);
          });
    }
    require_kills_in_steps(row, at_level, level);
    tally.add(at_level);
  }
  require_kills(kills);
}

/// Recovery has the most to do after deaths in these steps.
bool leaves_work(const std::string& step, const std::string& point) {
  static const std::set<std::string> steps = {
      "append.before_tail", "append.after_tail",      "publish.line", "grow.allocated",
      "shrink.committed",   "checkpoint.data_synced", "meta.begin"};
  return steps.contains(step) && point != "io.store";
}

bool is_creation(const std::string& step, const std::string&) {
  return step.starts_with("create.") || step == "io.write";
}

std::uint64_t sweep_recoveries(const Settings& settings, Tally& tally) {
  Sweep sweep(settings, tally);
  std::uint64_t kills = 0;
  for (const Durability level : both_levels) {
    kills += sweep.run_recovery(workload_named("create"), level, false, &is_creation);
    for (const char* const name : {"numbers", "trees", "growth", "shrink"}) {
      kills += sweep.run_recovery(workload_named(name), level, false, &leaves_work);
    }
  }
  for (const char* const name : {"lists", "shrink"}) {
    kills += sweep.run_recovery(workload_named(name), Durability::power, true, &leaves_work);
  }
  return kills;
}

void kill_in_recovery(const Settings& settings, Tally& tally) {
  require_kills(sweep_recoveries(settings, tally));
}

void print_waits(const char* whose, const Waits& waits) {
  fmt::print("from the death of {} to the next one: {:.1f} ms at most, {} times\n", whose,
             std::chrono::duration<double, std::milli>(waits.longest).count(),
             console::format_count(waits.count));
  if (waits.over_limit == 0) return;
  fmt::print("  of these {} over the limit, and within it when they were tried again\n",
             console::format_count(waits.over_limit));
}

/// At every point somebody died while another process waited to open the store or for its lock.
void require_deaths_everywhere(const Tally& deaths) {
  // Where a fenced process finds that out it holds nothing, and so where a checkpoint is made
  // beside others; and who gives back what was set aside is killed by the drill `fencing`, while
  // nobody waits.
  static const std::set<std::string> without_a_waiter = {
      "fenced.noticed", "fenced.ended", "checkpoint.beside", "quarantine.released"};
  std::string names;
  for (const std::string& name : deaths.missed()) {
    if (!without_a_waiter.contains(name)) names += " " + name;
  }
  if (!names.empty()) throw DrillFailure("nobody died beside one who waits at:" + names);
}

void kill_and_take_over(const Settings& settings, Tally& tally) {
  TakeoverReport all;
  Waits openers;
  Waits fencers;
  for (const Durability level : both_levels) {
    all.add(sweep_takeover(settings, tally, level));
    all.add(sweep_takeover_workloads(settings, tally, level));
    const OpenersReport opened = sweep_openers(settings, tally, level, Blow::kill);
    all.kills += opened.events;
    openers.add(opened.waits);
    const Waits dying = sweep_dying_fencers(settings, tally, level);
    all.kills += dying.count;
    fencers.add(dying);
  }
  require_kills(all.kills);
  print_waits("an owner", all.owners);
  print_waits("an heir", all.heirs);
  print_waits("an opener", openers);
  print_waits("a fencer", fencers);
  if (all.owners.count == 0 || all.heirs.count == 0 || openers.count == 0 || fencers.count == 0) {
    throw DrillFailure("nobody had to wait: the drill proves nothing");
  }
  require_deaths_everywhere(tally);
}

/// Every point has somebody else beside it: creating and recovering alone, one who waits to open.
void require_stops_everywhere(const Tally& stops) {
  std::string names;
  for (const std::string& name : stops.missed()) names += " " + name;
  if (!names.empty()) throw DrillFailure("nobody was stopped at:" + names);
}

void stop_and_fence(const Settings& settings, Tally& tally) {
  Tally stops;
  std::uint64_t named = 0;
  for (const Durability level : both_levels) {
    sweep_fencing(settings, tally, stops, level);
    sweep_stops(settings, stops, level);
    const OpenersReport opened = sweep_openers(settings, stops, level, Blow::stop);
    named += opened.named;
  }
  fmt::print("{} stopped and {} killed, each survived\n", console::format_count(stops.total()),
             console::format_count(tally.total()));
  if (named == 0) throw DrillFailure("no second opener had to wait: the drill proves nothing");
  require_stops_everywhere(stops);
}

/// Everything that kills at points, and the proof that it did so at each.
void sweep_all(const Settings& settings, Tally& tally) {
  const std::vector<Workload> workloads = all_workloads();
  console::ProgressBar bar("sweep", 2 * workloads.size() + 5, "parts");
  Sweep sweep(settings, tally);
  const auto count = [&] {
    bar.note(console::format_count(tally.total()) + " kills");
    bar.advance();
  };
  for (const Durability level : both_levels) {
    for (const Workload& workload : workloads) {
      sweep.run(workload, level);
      count();
    }
  }
  sweep_recoveries(settings, tally);
  count();
  // Of these a sample, since they are drills of their own.
  Settings sampled = settings;
  sampled.quick = true;
  for (const Durability level : both_levels) {
    sweep_takeover(sampled, tally, level);
    count();
    Tally stops;
    sweep_fencing(sampled, tally, stops, level);
    count();
  }
  bar.done();
  tally.print();
  const std::vector<std::string> missed = tally.missed();
  if (missed.empty()) return;
  std::string names;
  for (const std::string& name : missed) names += " " + name;
  throw DrillFailure("no process died at:" + names + "; the sweep proves nothing about them");
}

void print_failures(const CallFaultReport& report) {
  console::Table table({"call", "failed"});
  table.align(0, console::Align::left);
  for (std::size_t i = 0; i < call_count; ++i) {
    if (report.failures[i] == 0) continue;
    table.add_row(
        {std::string(name_of(static_cast<Call>(i))), console::format_count(report.failures[i])});
  }
  table.add_rule();
  table.add_row({"in all", console::format_count(report.total())});
  table.print(stdout);
  fmt::print("{} runs, each named and survived\n", console::format_count(report.runs));
}

void fail_io(const Settings& settings, Tally&) {
  print_failures(sweep_io_faults(settings));
}

void fail_memory(const Settings& settings, Tally&) {
  print_failures(sweep_memory_faults(settings));
}

void break_off(const Settings& settings, Tally&) {
  fmt::print("{} calls broken off, the same bytes\n",
             console::format_count(break_calls_off(settings)));
}

void kill_randomly(const Settings& settings, Tally&) {
  console::Table table(
      {"level", "kills", "commits", "takeovers", "read sections", "checks", "comparisons", "time"});
  Settings half = settings;
  for (const Durability level : both_levels) {
    half.kills =
        level == Durability::power ? settings.kills - settings.kills / 2 : settings.kills / 2;
    half.seconds = settings.seconds / 2;
    if (half.kills == 0) continue;
    const RandomKillsReport report = kill_at_random(half, level);
    table.add_row({to_string(level), console::format_count(report.kills),
                   console::format_count(report.commits), console::format_count(report.takeovers),
                   console::format_count(report.sections), console::format_count(report.checks),
                   console::format_count(report.comparisons),
                   fmt::format("{:.1f} s", report.seconds)});
  }
  table.print(stdout);
}

void sleep_among_writers(const Settings& settings, Tally&) {
  console::Table table({"level", "the sleeper", "commits", "slowest", "new sections", "held back",
                        "data file", "log file", "given back in"});
  for (const Durability level : both_levels) {
    for (const Awakening awakening : {Awakening::leaves, Awakening::is_killed}) {
      const SleeperReport report =
          sleep_in_section(settings, level, awakening, std::chrono::seconds(settings.sleep));
      const auto milliseconds = [](std::chrono::nanoseconds time) {
        return fmt::format("{:.1f} ms", std::chrono::duration<double, std::milli>(time).count());
      };
      table.add_row({to_string(level), awakening == Awakening::leaves ? "leaves" : "is killed",
                     console::format_count(report.commits), milliseconds(report.slowest_commit),
                     console::format_count(report.sections),
                     console::format_count(report.held_back),
                     console::format_bytes(report.data_bytes),
                     console::format_bytes(report.log_bytes), milliseconds(report.given_back)});
    }
  }
  table.print(stdout);
}

void read_what_is_lost(const Settings& settings, Tally&) {
  console::Table table({"level", "deaths by SIGBUS", "commits beside and after", "takeovers",
                        "longest", "openings refused"});
  for (const Durability level : both_levels) {
    const UnreadableReport report = lose_pages(settings, level);
    table.add_row({to_string(level), console::format_count(report.deaths),
                   console::format_count(report.commits),
                   console::format_count(report.takeovers.count),
                   console::format_duration(report.takeovers.longest),
                   console::format_count(report.refusals)});
  }
  table.print(stdout);
}

/// A taste of what `--soak` does for as long as one likes.
void soak_briefly(const Settings& settings, Tally&) {
  soak(settings, {settings.quick ? std::uint64_t{5} : std::uint64_t{30}});
}

void hunt_mutants(const Settings& settings, Tally&) {
  Catch all;
  for (const Mutant& mutant : all_mutants()) {
    try {
      all.add(mutant.name, mutant.broken_rule, hunt(mutant, settings));
    } catch (const Unavailable& reason) {
      all.add_skipped(mutant.name, mutant.broken_rule, reason.what());
    }
  }
  all.finish();
}

/// One round at length takes as many images as it takes; `--power` makes as many rounds as it
/// needs.
void cut_power(const Settings& settings, Tally&) {
  drill_power(settings, 0);
}

void hunt_mutants_of_power(const Settings& settings, Tally&) {
  hunt_power_mutants(settings);
}

Drill row(const char* number, const char* name, const char* what, Row row) {
  return {name, number, what, true, [row = std::move(row)](const Settings& settings, Tally& tally) {
            kill_in_steps(settings, tally, row);
          }};
}

std::vector<Drill> rows_of_kills() {
  return {
      row("1", "kill_before_append", "the old state",
          {{"numbers", "lists", "chain", "trees", "queue", "abandon"},
           {"write.locked", "write.active", "commit.guarded", "append.begin"}}),
      row("2", "kill_inside_append", "the tail dropped, the old state",
          {{"numbers", "lists", "checkpoint", "deferred"},
           {"append.begin", "append.body", "append.header", "append.checksum",
            "append.before_tail"}}),
      row("3", "kill_after_append", "the new state, never mixed",
          {{"numbers", "lists", "chain", "trees", "queue"},
           {"append.after_tail", "commit.sync_log"}}),
      row("4", "kill_before_publish", "the new state after redo",
          {{"numbers", "lists", "growth"}, {"commit.synced", "publish.begin"}}),
      row("5", "kill_mid_publish", "redone first",
          {{"numbers", "lists", "chain", "trees", "checkpoint", "held back"},
           {"publish.raised", "publish.begun", "publish.line", "publish.held_back"}}),
      row("6", "kill_after_publish", "the new state",
          {{"numbers", "lists", "chain", "trees", "queue"},
           {"publish.applied", "publish.done", "write.ending"}}),
      row("7", "kill_in_checkpoint", "the same state, no stale replay",
          {{"checkpoint", "checkpoint beside", "log growth", "close"},
           {"checkpoint.begin", "checkpoint.beside", "checkpoint.data_synced",
            "checkpoint.meta_synced", "meta.begin", "meta.written", "log.grown", "log.copied"}}),
      {"kill_in_recovery", "8", "the same image again", true, &kill_in_recovery},
      row("9", "kill_in_create", "no store or a whole one",
          {{"create"},
           {"create.begin", "create.log_identity", "create.log_ring", "create.allocated",
            "create.written", "create.synced", "create.linked"},
           true}),
      row("10", "kill_in_growth", "opens, space reclaimed",
          {{"growth", "abandon", "shrink"},
           {"grow.recorded", "grow.tried", "grow.allocated", "commit.sync_data", "shrink.recorded",
            "shrink.committed", "write.ending"}}),
  };
}

}  // namespace

const std::vector<Drill>& all_drills() {
  static const std::vector<Drill> drills = [] {
    std::vector<Drill> all = rows_of_kills();
    const std::vector<Drill> others = {
        {"sweep", "1-10, 34", "every point of every workload, depth 2, takeover", false,
         &sweep_all},
        {"takeover", "34", "a waiting process inherits, a third watches", false,
         &kill_and_take_over},
        {"fencing", "35", "a writer stops anywhere, is fenced or named, and goes on", false,
         &stop_and_fence},
        {"io_faults", "21-26, 28", "each call for a file fails once and for good", false, &fail_io},
        {"broken_off", "27", "each call is interrupted, and moves less than was asked", false,
         &break_off},
        {"memory_faults", "30", "each block, mapping and thread is refused, once and for good",
         false, &fail_memory},
        {"mutants", "20", "the protocol broken on purpose: the sweep must see it", false,
         &hunt_mutants},
        {"power", "11-16, 18, 19",
         "the power goes at every moment and takes any part of what was not synced", false,
         &cut_power},
        {"power_mutants", "20", "each sync left out or late, each checksum believed", false,
         &hunt_mutants_of_power},
        {"random_kills", "1-8, 34", "four writers and a reader killed at random moments", false,
         &kill_randomly},
        {"sleeper", "45", "nobody waits for a section that sleeps, nor does a file grow for it",
         false, &sleep_among_writers},
        {"unreadable", "33", "a disk that cannot give pages back kills who reads them, nobody else",
         false, &read_what_is_lost},
        {"cut", "11-14, 19", "file systems cut as by a power loss, mounted again", false,
         &cut_briefly},
        {"soak", "1-8, 10, 34, 35, 37, 45", "all of that at once, every transaction accounted for",
         false, &soak_briefly},
    };
    all.insert(all.end(), others.begin(), others.end());
    return all;
  }();
  return drills;
}

}  // namespace cairn::drills

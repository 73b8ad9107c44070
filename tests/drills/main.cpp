// SPDX-License-Identifier: BSL-1.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>

#include "cairn_console/table.hpp"
#include "cut.hpp"
#include "drills.hpp"
#include "mutants.hpp"
#include "power.hpp"
#include "private_mounts.hpp"
#include "soak.hpp"

namespace {

using namespace cairn::drills;

void list_drills() {
  cairn::console::Table table({"rows", "drill", "what must come of it"});
  table.align(0, cairn::console::Align::left);
  for (const Drill& drill : all_drills()) table.add_row({drill.rows, drill.name, drill.what});
  table.print(stdout);
}

/// What ctest takes for a test that was skipped.
constexpr int skipped_status = 77;

int report_skipped(const Unavailable& reason) {
  fmt::print("skipped: {}\n", reason.what());
  return skipped_status;
}

/// A message of several lines as one, for whoever matches it.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

int hunt_one(const std::string& name, const Settings& settings) {
  for (const Mutant& mutant : all_mutants()) {
    if (mutant.name != name) continue;
    const std::string found = hunt(mutant, settings);
    fmt::print("mutant {}: {}\n", name, found.empty() ? "lives" : "caught: " + one_line(found));
    return found.empty() ? 0 : 1;
  }
  fmt::print(stderr, "no mutant {}\n", name);
  return 2;
}

int run_drills(const std::string& only, const Settings& settings) {
  bool found = false;
  for (const Drill& drill : all_drills()) {
    if (only.empty() ? drill.alone : drill.name != only) continue;
    found = true;
    fmt::print("--- {} (rows {}): {}\n", drill.name, drill.rows, drill.what);
    std::fflush(stdout);
    Tally tally;
    try {
      drill.run(settings, tally);
    } catch (const Unavailable& reason) {
      const int status = report_skipped(reason);
      if (!only.empty()) return status;
    } catch (const DrillFailure& failure) {
      std::fflush(stdout);
      fmt::print(stderr, "FAILED {}: {}\n", drill.name, failure.what());
      return 1;
    }
    std::fflush(stdout);
  }
  if (!found) fmt::print(stderr, "no drill {}; --list names them\n", only);
  return found ? 0 : 2;
}

/// Runs one drill that is not among the others.
int run_long(const std::function<void()>& drill) {
  try {
    drill();
  } catch (const DrillFailure& failure) {
    std::fflush(stdout);
    fmt::print(stderr, "FAILED {}\n", failure.what());
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Kills, starves and breaks processes that use a store, and proves that it holds");
  Settings settings;
  std::string only;
  std::string mutant;
  bool list = false;
  bool cut = false;
  SoakSettings long_run;
  bool power = false;
  std::uint64_t images = 1'000'000;
  app.add_option("--kills", settings.kills, "kills at random moments")->capture_default_str();
  app.add_option("--seconds", settings.seconds, "most time for those, 0: as long as it takes")
      ->capture_default_str();
  app.add_option("--seed", settings.seed, "of everything random")->capture_default_str();
  app.add_flag("--cut", cut,
               "only the drill that cuts file systems as a power loss does, at length");
  app.add_option("--cuts", settings.cuts, "of each file system at each level")
      ->check(CLI::PositiveNumber)
      ->default_str(std::to_string(cuts_at_length));
  app.add_option("--sleep", settings.sleep, "seconds that each section of the sleeper's sleeps")
      ->check(CLI::Range(1, 600))
      ->capture_default_str();
  app.add_flag("--quick", settings.quick, "a sample of each sweep, still through every point");
  app.add_option("--only", only, "run the drill of this name");
  app.add_option("--directory", settings.directory,
                 "where the stores go; memory where there is room");
  app.add_flag("--list", list, "print the drills and the rows of faults that they cover");
  app.add_option("--soak", long_run.seconds,
                 "only the long drill of everything at once, for so many seconds");
  app.add_option("--processes", long_run.processes, "of the soak")
      ->check(CLI::Range(2, 8))
      ->capture_default_str();
  app.add_option("--threads", long_run.threads, "of each of them")
      ->check(CLI::Range(2, 8))
      ->capture_default_str();
  app.add_flag("--power", power, "only the drill that cuts the power, at length");
  app.add_option("--images", images, "distinct crash images that it judges, then it ends")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--jobs", settings.jobs, "processes that explore them at the same time")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  // Exits with 1 where the sweep sees what the mutant does, as a drill that fails.
  app.add_option("--mutant", mutant, "break the protocol in this way")->group("");
  CLI11_PARSE(app, argc, argv);
  try {
    if (list) {
      list_drills();
      return 0;
    }
    if (long_run.seconds != 0) return run_long([&] { soak(settings, long_run); });
    if (power) return run_long([&] { drill_power(settings, images); });
    if (cut) {
      const std::uint64_t cuts = settings.cuts != 0 ? settings.cuts : cuts_at_length;
      return run_long([&] { cut_file_systems(settings, cuts); });
    }
    return mutant.empty() ? run_drills(only, settings) : hunt_one(mutant, settings);
  } catch (const Unavailable& reason) {
    return report_skipped(reason);
  } catch (const std::exception& error) {
    fmt::print(stderr, "cairn_drills: {}\n", error.what());
    return 1;
  }
}

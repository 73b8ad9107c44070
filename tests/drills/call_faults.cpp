// SPDX-License-Identifier: BSL-1.0
#include "call_faults.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cairn_console/format.hpp"
#include "cairn_console/progress.hpp"
#include "faulty_run.hpp"

namespace cairn::drills {
namespace {

constexpr Durability levels[] = {Durability::process, Durability::power};

/// What the sweeping process tells while it is at it.
struct Notes {
  Board board;  ///< of the sweep: how it ended, and its progress
  Board run;    ///< of the run under way
  CallFaultReport report;
  std::atomic<std::uint64_t> cases;
};

/// What a run could leave behind in its process.
struct Leftovers {
  std::int64_t blocks = 0;
  std::size_t descriptors = 0;
  std::size_t threads = 0;
  std::size_t mappings = 0;  ///< of the store's files
  friend bool operator==(const Leftovers&, const Leftovers&) = default;
};

std::size_t count_entries(const char* directory) {
  const std::filesystem::directory_iterator all(directory);
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

Leftovers count_leftovers(const std::string& path) {
  Leftovers found;
  found.blocks = live_blocks();
  found.descriptors = count_entries("/proc/self/fd");
  found.threads = count_entries("/proc/self/task");
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(path) != std::string::npos) ++found.mappings;
  }
  return found;
}

std::string describe(const Leftovers& found, const Leftovers& expected) {
  const auto one = [](const char* what, auto now, auto before) {
    if (now == before) return std::string();
    return " " + std::to_string(now) + " " + what + " instead of " + std::to_string(before);
  };
  return "it leaves" + one("blocks of memory", found.blocks, expected.blocks) +
         one("descriptors", found.descriptors, expected.descriptors) +
         one("threads", found.threads, expected.threads) +
         one("mappings", found.mappings, expected.mappings);
}

/// The process that sweeps. Its calls fail, so it has nothing else to do.
class Sweeper {
 public:
  Sweeper(const Settings& settings, const Scratch& scratch, Notes& notes)
      : quick_(settings.quick),
        path_(scratch.file("store")),
        image_(scratch.file("image")),
        other_(scratch.file("other")),
        notes_(notes) {}

  void run(std::span<const CallFault> faults) {
    prepare({"", {}, false, {{ActionKind::open}}, {}}, Durability::process, other_);
    for (const Durability level : levels) {
      for_each_fault_case(level, image_, [&](const FaultCase& one) {
        const std::vector<SeenCall> calls = watch(one);
        for (const CallFault& fault : faults) {
          for (const bool for_good : {false, true}) sweep(one, {fault, 0, for_good}, calls, faults);
          notes_.board.progress.fetch_add(1);
        }
      });
    }
  }

 private:
  /// The calls of a run in which none fails.
  std::vector<SeenCall> watch(const FaultCase& one) {
    copy_store(image_, path_);
    {
      FaultyRun run(one, path_, notes_.run);
      run.perform();
    }
    const auto calls = watched_calls();
    return {calls.begin(), calls.end()};
  }

  void sweep(const FaultCase& one, CallFailures failures, std::span<const SeenCall> calls,
             std::span<const CallFault> faults) {
    const std::vector<std::uint64_t> chosen = choose(one, failures, calls, faults);
    const Leftovers before = settle();
    for (const std::uint64_t at : chosen) {
      failures.at = at;
      notes_.report.failures[static_cast<std::size_t>(failures.fault.call)] +=
          run_once(one, failures);
      ++notes_.report.runs;
      Leftovers after = count_leftovers(path_);
      if (!(after == before)) after = settle();
      if (!(after == before)) fail(one, failures, describe(after, before));
    }
  }

  /// Which calls are to fail. In the sample each way to one is gone once, for one of the reasons
  /// that such a call may fail for.
  std::vector<std::uint64_t> choose(const FaultCase& one, const CallFailures& failures,
                                    std::span<const SeenCall> calls,
                                    std::span<const CallFault> faults) {
    std::vector<std::uint64_t> chosen;
    std::uint64_t number = 0;
    for (const SeenCall& seen : calls) {
      if (seen.call != failures.fault.call) continue;
      ++number;
      if (!quick_ || (is_sampled(one, seen) &&
                      is_turn_of(failures.fault, seen.way + failures.for_good, faults) &&
                      known_.insert({failures.for_good, seen.way}).second)) {
        chosen.push_back(number);
      }
    }
    return chosen;
  }

  /// A copy of all takes twenty times as long as anything else.
  static bool is_sampled(const FaultCase& one, const SeenCall& seen) {
    const bool is_of_copies = seen.call == Call::copy || seen.call == Call::write_back;
    return !one.workload.has_other_files || is_of_copies || seen.way % 8 == 0;
  }

  static bool is_turn_of(const CallFault& fault, std::uint64_t way,
                         std::span<const CallFault> faults) {
    std::vector<const CallFault*> all;
    for (const CallFault& each : faults) {
      if (each.call == fault.call) all.push_back(&each);
    }
    return *all[way % all.size()] == fault;
  }

  std::uint64_t run_once(const FaultCase& one, const CallFailures& failures) {
    copy_store(image_, path_);
    remove_store(path_ + "-copy");
    // Read where the process dies.
    notes_.board.fail(one.name + ", level " + to_string(one.durability) + ", " + text_of(failures));
    try {
      std::uint64_t failed = 0;
      std::uint64_t done = 0;
      {
        FaultyRun run(one, path_, notes_.run);
        failed = run.perform(failures);
        done = run.done();
      }
      verify(path_, one.durability, one.models, {done, done, true});
      notes_.board.points.fetch_add(1);
      return failed;
    } catch (const std::exception& error) {
      let_calls_pass();
      fail(one, failures, error.what());
    }
  }

  /// What stays in a thread of a store that is gone is given back when it enters another.
  Leftovers settle() {
    {
      const Store store = Store::open_existing(other_, drill_options(Durability::process, ""));
      read_content(store);
    }
    return count_leftovers(path_);
  }

  [[noreturn]] void fail(const FaultCase& one, const CallFailures& failures,
                         const std::string& why) const {
    throw DrillFailure(one.name + ", level " + to_string(one.durability) + ", " +
                       text_of(failures) + ": " + why);
  }

  bool quick_;
  std::string path_;
  std::string image_;
  std::string other_;
  Notes& notes_;
  std::set<std::pair<bool, std::uint64_t>> known_;  ///< for good or not, and the way
};

/// Waits as long as the sweep gets on. Throws DrillFailure where it does not.
void watch(Child& child, Notes& notes, console::ProgressBar& bar) {
  constexpr std::chrono::milliseconds pause{50};
  std::uint64_t seen = 0;
  auto since = std::chrono::steady_clock::now();
  std::optional<Ending> ended;
  while (!(ended = child.poll())) {
    std::this_thread::sleep_for(pause);
    bar.note(console::format_count(notes.report.total()) + " failed calls");
    bar.update(notes.board.progress);
    const auto now = std::chrono::steady_clock::now();
    if (std::exchange(seen, notes.board.points.load()) != notes.board.points) since = now;
    if (now - since > patience) {
      child.kill();
      throw DrillFailure("it hangs: " + notes.board.failure_text());
    }
  }
  if (*ended == Ending::finished) return;
  throw DrillFailure(
      (*ended == Ending::failed ? "" : "the process " + std::string(to_string(*ended)) + ": ") +
      notes.board.failure_text());
}

}  // namespace

std::uint64_t CallFaultReport::total() const noexcept {
  return std::accumulate(failures.begin(), failures.end(), std::uint64_t{0});
}

CallFaultReport sweep_call_faults(const Settings& settings, std::span<const CallFault> faults,
                                  const char* label) {
  const Scratch scratch(settings.directory);
  const Shared<Notes> notes;
  console::ProgressBar bar(label, std::size(levels) * count_fault_cases() * faults.size(),
                           "faults");
  Child child(notes->board, [&] { Sweeper(settings, scratch, *notes).run(faults); });
  watch(child, *notes, bar);
  bar.update(notes->board.progress);
  bar.done();
  for (const CallFault& fault : faults) {
    if (notes->report.failures[static_cast<std::size_t>(fault.call)] != 0) continue;
    throw DrillFailure("no call of " + std::string(name_of(fault.call)) + " failed");
  }
  return notes->report;
}

}  // namespace cairn::drills

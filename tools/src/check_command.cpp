// SPDX-License-Identifier: BSL-1.0
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "cairn/cairn.hpp"
#include "cairn/store/activity.hpp"
#include "cairn_console/format.hpp"
#include "commands.hpp"
#include "open_to_look.hpp"
#include "printable.hpp"

namespace cairn::tool {
namespace {

struct Findings {
  CheckReport report;
  bool failed = false;  ///< a sync failed, and the store still refuses writes
  RecoveryReport recovery;
};

Findings examine(const std::string& path) {
  const Store store = open_to_look(path, "cairn check");
  Findings found;
  found.report = store.check();
  found.recovery = store.last_recovery();
  // Where opening has not recovered the store, since others use it.
  found.failed = look_at_activity(path).failed;
  return found;
}

/// Which is no damage: what is there was read.
void print_failed_sync(const std::string& path, const Findings& found) {
  if (found.failed) {
    print_problems({path +
                    ": a sync failed: nothing can be written until every process has closed it "
                    "and it is opened again"});
  } else if (found.recovery.sync_failed) {
    print_problems({path + ": " + found.recovery.summary()});
  }
}

void print_report(const std::string& path, const CheckReport& report) {
  print_problems(report.problems);
  if (!report.ok()) {
    fmt::print(stderr, "cairn: {}: damaged, {} found\n", path,
               report.problems.size() == 1 ? "1 problem"
                                           : fmt::format("{} problems", report.problems.size()));
    return;
  }
  fmt::print("{}: sound; {} root{}, {} blocks, {} in use", path,
             console::format_count(report.roots), report.roots == 1 ? "" : "s",
             console::format_count(report.blocks), console::format_bytes(report.used_bytes));
  if (report.unowned_bytes != 0) {
    fmt::print(", of these {} in blocks that no root owns",
               console::format_bytes(report.unowned_bytes));
  }
  fmt::print("\n");
  std::fflush(stdout);
  print_problems(report.unowned);
}

void print_json(const std::string& path, const Findings& found) {
  const CheckReport& report = found.report;
  const nlohmann::ordered_json json = {{"path", path},
                                       {"ok", report.ok()},
                                       {"problems", report.problems},
                                       {"roots", report.roots},
                                       {"blocks", report.blocks},
                                       {"used_bytes", report.used_bytes},
                                       {"unowned_bytes", report.unowned_bytes},
                                       {"unowned_blocks", report.unowned_blocks},
                                       {"unowned", report.unowned},
                                       {"sync_failed", found.failed || found.recovery.sync_failed}};
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

}  // namespace

ExitStatus run_check(const Arguments& arguments) {
  Findings found;
  CheckReport& report = found.report;
  ExitStatus failure = ExitStatus::problems;
  try {
    found = examine(arguments.path);
  } catch (const Error& error) {
    report.problems.emplace_back(error.what());
    failure = ExitStatus::unusable;
    // Nothing was looked at, so nothing is known to be damaged.
    if (!arguments.json) {
      print_problems(report.problems);
      return failure;
    }
  }
  if (arguments.json) {
    print_json(arguments.path, found);
  } else {
    print_report(arguments.path, report);
    print_failed_sync(arguments.path, found);
  }
  return report.ok() ? ExitStatus::sound : failure;
}

}  // namespace cairn::tool

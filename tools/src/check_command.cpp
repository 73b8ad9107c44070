// SPDX-License-Identifier: BSL-1.0
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "cairn/cairn.hpp"
#include "cairn_console/format.hpp"
#include "commands.hpp"
#include "open_to_look.hpp"
#include "printable.hpp"

namespace cairn::tool {
namespace {

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

void print_json(const std::string& path, const CheckReport& report) {
  const nlohmann::ordered_json json = {{"path", path},
                                       {"ok", report.ok()},
                                       {"problems", report.problems},
                                       {"roots", report.roots},
                                       {"blocks", report.blocks},
                                       {"used_bytes", report.used_bytes},
                                       {"unowned_bytes", report.unowned_bytes},
                                       {"unowned_blocks", report.unowned_blocks},
                                       {"unowned", report.unowned}};
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

}  // namespace

ExitStatus run_check(const Arguments& arguments) {
  CheckReport report;
  ExitStatus failure = ExitStatus::problems;
  try {
    report = open_to_look(arguments.path, "cairn check").check();
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
    print_json(arguments.path, report);
  } else {
    print_report(arguments.path, report);
  }
  return report.ok() ? ExitStatus::sound : failure;
}

}  // namespace cairn::tool

// SPDX-License-Identifier: BSL-1.0
#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "cairn/store.hpp"
#include "commands.hpp"

namespace cairn::tools {
namespace {

using Json = nlohmann::ordered_json;

void print_report(const CheckReport& report, const std::string& recovery, double seconds) {
  for (const std::string& problem : report.problems) fmt::print("problem: {}\n", problem);
  fmt::print("{}\n{} roots, {} blocks, {} bytes in live blocks, checked in {:.2f} s\n", recovery,
             report.roots, report.blocks, report.used_bytes, seconds);
  if (report.unowned_bytes != 0) {
    fmt::print("{} bytes are in blocks that no root owns: allocated by hand, or forgotten\n",
               report.unowned_bytes);
  }
  if (report.ok()) {
    fmt::print("no problems\n");
  } else {
    std::fflush(stdout);
    fmt::print(stderr, "cairn: {} problem{}; restore the store from a copy\n",
               report.problems.size(), report.problems.size() == 1 ? "" : "s");
  }
}

Json report_json(const CheckReport& report, const std::string& recovery, double seconds) {
  return {{"ok", report.ok()},
          {"problems", report.problems},
          {"roots", report.roots},
          {"blocks", report.blocks},
          {"used_bytes", report.used_bytes},
          {"unowned_bytes", report.unowned_bytes},
          {"recovery", recovery},
          {"seconds", seconds}};
}

}  // namespace

int run_check(const StoreArguments& arguments) {
  const auto start = std::chrono::steady_clock::now();
  const Store store = Store::open_existing(arguments.path, {.label = "cairn check"});
  const CheckReport report = store.check();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::string recovery = store.last_recovery().summary();
  if (arguments.json) {
    const Json json = report_json(report, recovery, seconds);
    fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    print_report(report, recovery, seconds);
  }
  return report.ok() ? exit_ok : exit_problem;
}

}  // namespace cairn::tools

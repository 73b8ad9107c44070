// SPDX-License-Identifier: BSL-1.0
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cairn/cairn.hpp"
#include "cairn_console/format.hpp"
#include "commands.hpp"
#include "open_to_look.hpp"
#include "printable.hpp"
#include "root_list.hpp"
#include "slow_progress.hpp"

namespace cairn::tool {
namespace {

using Clock = std::chrono::steady_clock;

struct Backup {
  std::uint64_t sequence = 0;
  std::uint64_t bytes = 0;  ///< of the new data file
  bool shares_blocks = false;
  std::chrono::nanoseconds took{0};
};

Backup make_backup(const Arguments& arguments) {
  constexpr std::uint64_t mebibyte = 1 << 20;
  const Store store = open_to_look(arguments.path, "cairn backup");
  const Clock::time_point start = Clock::now();
  Backup made;
  std::optional<SlowProgress> bar;
  std::uint64_t shown = 0;
  SnapshotOptions how;
  how.share_blocks = !arguments.copy;
  how.progress = [&](const SnapshotProgress& progress) {
    made.bytes = progress.total_bytes;
    made.shares_blocks = progress.shares_blocks;
    if (!bar) bar.emplace("backup", progress.total_bytes / mebibyte, "MiB", 1);
    bar->advance(progress.done_bytes / mebibyte - shown);
    shown = progress.done_bytes / mebibyte;
  };
  made.sequence = store.snapshot(arguments.destination, how);
  made.took = Clock::now() - start;
  return made;
}

}  // namespace

ExitStatus run_backup(const Arguments& arguments) {
  const Backup made = make_backup(arguments);
  if (arguments.json) {
    const nlohmann::ordered_json json = {
        {"path", arguments.path},
        {"destination", arguments.destination},
        {"sequence", made.sequence},
        {"data_bytes", made.bytes},
        {"shares_blocks", made.shares_blocks},
        {"seconds", std::chrono::duration<double>(made.took).count()}};
    fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    return ExitStatus::sound;
  }
  print_line("store", printable(arguments.path));
  print_line("backup", printable(arguments.destination));
  print_line("sequence", console::format_count(made.sequence));
  print_line("data file",
             fmt::format("{} ({} bytes), {}", console::format_bytes(made.bytes),
                         console::format_count(made.bytes),
                         made.shares_blocks ? "shares the blocks of the original" : "copied"));
  print_line("took", console::format_duration(made.took));
  require_printed();
  return ExitStatus::sound;
}

}  // namespace cairn::tool

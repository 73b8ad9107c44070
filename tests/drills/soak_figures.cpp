// SPDX-License-Identifier: BSL-1.0
#include "soak_figures.hpp"

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>

#include "cairn_console/format.hpp"
#include "cairn_console/table.hpp"

namespace cairn::drills {

void print_figures(const SoakEvents& events, const SoakFigures& counted, double seconds) {
  console::Table table({"figure", "count", ""});
  const auto row = [&](const char* name, std::uint64_t count, std::string more = {}) {
    table.add_row({name, console::format_count(count), std::move(more)});
  };
  const auto rate = [&](std::uint64_t count) {
    return console::format_rate(static_cast<double>(count) / seconds) + "/s";
  };
  row("transactions in the history", events.deeds, rate(events.deeds));
  row("acknowledged", counted.acknowledged);
  row("committed, killed before it was told", events.untold);
  row("rolled back", counted.rolled_back);
  row("refused by name", counted.refused,
      fmt::format("{} by full logs, {} too large for them, {} for Atomics of a fenced one",
                  console::format_count(counted.no_space), console::format_count(counted.too_large),
                  console::format_count(counted.kept_atomics)));
  row("time-outs of the hasty", counted.timeouts,
      console::format_count(counted.unseen) + " of commits that stand, unseen");
  row("fenced", counted.fenced,
      fmt::format("{} saw two states, {} crashed, {} ran in circles",
                  console::format_count(counted.mixed_bodies),
                  console::format_count(counted.lost_bodies),
                  console::format_count(events.endless_bodies)));
  row("fenced writers that went on", counted.went_on);
  table.add_rule();
  row("kills", events.kills, rate(events.kills));
  row("stops", events.stops);
  row("fences asked for and made", counted.fences,
      console::format_count(counted.fences_in_vain) + " more could not be made");
  row("starts", events.starts);
  row("ended by themselves", events.finished);
  row("takeovers from the dead", counted.takeovers,
      "longest " + console::format_duration(std::chrono::nanoseconds(counted.longest_takeover_ns)));
  table.add_rule();
  row("resizes", counted.resizes,
      fmt::format("data file {} to {}, log up to {}", console::format_bytes(events.smallest_bytes),
                  console::format_bytes(events.largest_bytes),
                  console::format_bytes(events.largest_log_bytes)));
  row("checkpoints asked for", counted.checkpoints);
  row("commits of the engine's own", events.engine_commits);
  table.add_rule();
  row("read sections", counted.sections, rate(counted.sections));
  row("that stayed", counted.slow_sections);
  row("of read-only stores", counted.read_only_sections,
      console::format_count(counted.needs_recovery) + " times it needed recovery first");
  row("observations verified", events.observations);
  row("changes waited for", counted.changes_awaited);
  row("checks beside writers", counted.checks);
  row("rounds, each checked and replayed", events.rounds,
      console::format_count(events.stores) + " stores");
  table.print(stdout);
}

}  // namespace cairn::drills

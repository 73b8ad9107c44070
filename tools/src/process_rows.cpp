// SPDX-License-Identifier: BSL-1.0
#include "process_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cairn_console/format.hpp"
#include "printable.hpp"

namespace cairn::tool {
namespace {

std::string readers_text(const std::vector<ReaderInfo>& readers) {
  constexpr std::size_t most = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, readers.size()); ++i) {
    text += fmt::format("{}thread {} at {}", i == 0 ? "" : ", ", readers[i].thread_id,
                        console::format_count(readers[i].sequence));
  }
  if (readers.size() > most) text += fmt::format(", {} more", readers.size() - most);
  return text;
}

}  // namespace

nlohmann::ordered_json process_json(const ProcessInfo& row) {
  nlohmann::ordered_json json = {{"slot", row.slot},
                                 {"pid", row.pid},
                                 {"label", row.label},
                                 {"phase", to_string(row.phase)},
                                 {"phase_age_ns", nullptr},
                                 {"age_ns", row.age.count()},
                                 {"heartbeat_age_ns", row.heartbeat_age.count()},
                                 {"alive", row.alive},
                                 {"readers", nlohmann::ordered_json::array()}};
  if (row.phase_age) json["phase_age_ns"] = row.phase_age->count();
  for (const ReaderInfo& reader : row.readers) {
    nlohmann::ordered_json section = {{"lane", reader.lane},
                                      {"thread", reader.thread_id},
                                      {"sequence", reader.sequence},
                                      {"waited_for_ns", nullptr}};
    if (reader.waited_for) section["waited_for_ns"] = reader.waited_for->count();
    json["readers"].push_back(std::move(section));
  }
  return json;
}

console::Table process_table(const std::vector<ProcessInfo>& rows) {
  console::Table table({"slot", "pid", "label", "phase", "for", "last sign", "state", "reading"});
  table.align(2, console::Align::left).align(7, console::Align::left);
  // Times, also where they are no numbers, as "2 m 11 s": or the columns would jump while watched.
  table.align(4, console::Align::right).align(5, console::Align::right);
  for (const ProcessInfo& row : rows) {
    table.add_row({std::to_string(row.slot), std::to_string(row.pid), printable(row.label),
                   to_string(row.phase),
                   row.phase_age ? console::format_duration(*row.phase_age) : "-",
                   console::format_duration(row.heartbeat_age), row.alive ? "alive" : "dead",
                   readers_text(row.readers)});
  }
  return table;
}

std::string process_name(const ProcessInfo& row) {
  const std::string label = printable(row.label);
  return std::to_string(row.pid) + (label.empty() ? "" : " \"" + label + "\"");
}

}  // namespace cairn::tool

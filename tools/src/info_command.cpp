// SPDX-License-Identifier: BSL-1.0
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cairn/cairn.hpp"
#include "cairn_console/format.hpp"
#include "cairn_console/table.hpp"
#include "commands.hpp"
#include "file_facts.hpp"
#include "open_to_look.hpp"
#include "printable.hpp"
#include "process_rows.hpp"

namespace cairn::tool {
namespace {

using Json = nlohmann::ordered_json;

struct Root {
  std::string name;
  std::string type;
  std::uint64_t bytes;
  std::uint64_t offset;
};

/// What only an open store can tell.
struct OpenFacts {
  std::uint64_t sequence = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t limit_bytes = 0;
  std::vector<Root> roots;
  std::vector<ProcessInfo> processes;
  RecoveryReport recovery;
};

struct Info {
  FileFacts file;
  std::optional<OpenFacts> open;
};

OpenFacts read_open(const std::string& path) {
  const Store store = open_to_look(path, "cairn info");
  OpenFacts facts;
  facts.recovery = store.last_recovery();
  facts.processes = store.processes();
  facts.limit_bytes = store.limit();
  facts.used_bytes = store.used();
  const ReadTransaction section = store.begin_read();
  facts.sequence = section.sequence();
  section.catalog().for_each([&](const RootInfo& root) {
    facts.roots.push_back(
        {std::string(root.name), std::string(root.type), root.bytes, root.offset});
  });
  std::sort(facts.roots.begin(), facts.roots.end(),
            [](const Root& a, const Root& b) { return a.name < b.name; });
  return facts;
}

Info read_info(const std::string& path) {
  Info info;
  info.file = read_facts(path);
  if (!info.file.identity || !info.file.meta) return info;
  try {
    info.open = read_open(path);
    // Opening may have recovered the store; what the header says now is what counts.
    info.file = read_facts(path);
  } catch (const Error& error) {
    const std::string problem = error.what();
    const auto& known = info.file.problems;
    if (std::find(known.begin(), known.end(), problem) == known.end()) {
      info.file.problems.push_back(problem);
    }
  }
  return info;
}

std::string size_text(std::uint64_t bytes) {
  return fmt::format("{} ({} bytes)", console::format_bytes(bytes), console::format_count(bytes));
}

void print_file(const std::string& path, const FileFacts& file) {
  print_line("store", path);
  if (file.identity) {
    const Identity& identity = *file.identity;
    print_line("uuid", uuid_text(identity));
    print_line("created", time_text(identity.created_unix_ns));
    print_line("format",
               fmt::format("{}, pages of {} bytes", identity.version, identity.page_size));
    print_line("durability", durability_text(identity.durability));
  }
  print_line("data file", fmt::format("{}, {} on disk", size_text(file.data_bytes),
                                      console::format_bytes(file.data_disk_bytes)));
  if (file.meta) {
    const MetaSlot& meta = *file.meta;
    print_line("limit", size_text(meta.max_bytes));
    print_line("checkpoint",
               fmt::format("sequence {}, log position {}, {}", meta.checkpoint_sequence,
                           meta.checkpoint_position,
                           meta.clean != 0 ? "by a clean close" : "by a running store"));
    const std::uint64_t used = file.log_tail - std::min(file.log_tail, meta.checkpoint_position);
    print_line("log", fmt::format("{}, {} used since the checkpoint", size_text(meta.log_bytes),
                                  console::format_bytes(used)));
  }
  if (file.failed) print_line("failed", "a sync failed: nothing can be written until reopening");
}

void print_open(const OpenFacts& open) {
  print_line("sequence", console::format_count(open.sequence));
  print_line("in use", size_text(open.used_bytes));
  print_line("recovery", open.recovery.summary());
  fmt::print("\n");
  if (open.roots.empty()) {
    fmt::print("no roots\n");
  } else {
    console::Table roots({"root", "bytes", "at", "type"});
    for (const Root& root : open.roots) {
      roots.add_row({printable(root.name), console::format_count(root.bytes),
                     std::to_string(root.offset), printable(root.type)});
    }
    roots.print(stdout);
  }
  fmt::print("\n");
  console::Table processes({"process", "label", "phase", "since", "last sign", "state"});
  processes.align(1, console::Align::left);
  // Times, also where they are no numbers, as "2 m 11 s".
  processes.align(3, console::Align::right).align(4, console::Align::right);
  for (const ProcessInfo& row : open.processes) {
    processes.add_row({std::to_string(row.pid), printable(row.label), to_string(row.phase),
                       console::format_duration(row.age),
                       console::format_duration(row.heartbeat_age), row.alive ? "alive" : "dead"});
  }
  processes.print(stdout);
}

Json file_json(const std::string& path, const FileFacts& file) {
  Json json = {
      {"path", path}, {"data_bytes", file.data_bytes}, {"data_disk_bytes", file.data_disk_bytes}};
  if (file.log_file_bytes) json["log_file_bytes"] = *file.log_file_bytes;
  if (file.identity) {
    json["uuid"] = uuid_text(*file.identity);
    json["created"] = time_text(file.identity->created_unix_ns);
    json["format"] = file.identity->version;
    json["durability"] = durability_text(file.identity->durability);
  }
  if (file.meta) {
    const MetaSlot& meta = *file.meta;
    json["max_bytes"] = meta.max_bytes;
    json["checkpoint"] = {{"sequence", meta.checkpoint_sequence},
                          {"position", meta.checkpoint_position},
                          {"heap_end", meta.heap_end},
                          {"file_bytes", meta.file_bytes},
                          {"clean", meta.clean != 0}};
    json["log"] = {{"ring_bytes", meta.log_bytes}, {"tail", file.log_tail}};
  }
  json["failed"] = file.failed;
  return json;
}

/// Bytes that are no UTF-8, which names may hold, are replaced.
std::string to_text(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

void print_json(const std::string& path, const Info& info) {
  Json json = file_json(path, info.file);
  if (info.open) {
    const OpenFacts& open = *info.open;
    json["sequence"] = open.sequence;
    json["used_bytes"] = open.used_bytes;
    json["roots"] = Json::array();
    for (const Root& root : open.roots) {
      json["roots"].push_back({{"name", root.name},
                               {"type", root.type},
                               {"bytes", root.bytes},
                               {"offset", root.offset}});
    }
    json["processes"] = Json::array();
    for (const ProcessInfo& row : open.processes) json["processes"].push_back(process_json(row));
    json["recovery"] = {{"needed", open.recovery.needed},
                        {"replayed_records", open.recovery.replayed_records},
                        {"summary", open.recovery.summary()}};
  }
  json["problems"] = info.file.problems;
  fmt::print("{}\n", to_text(json));
}

}  // namespace

ExitStatus run_info(const Arguments& arguments) {
  const Info info = read_info(arguments.path);
  if (arguments.json) {
    print_json(arguments.path, info);
  } else {
    print_file(arguments.path, info.file);
    if (info.open) print_open(*info.open);
    std::fflush(stdout);
    print_problems(info.file.problems);
  }
  return info.file.problems.empty() ? ExitStatus::sound : ExitStatus::unusable;
}

}  // namespace cairn::tool

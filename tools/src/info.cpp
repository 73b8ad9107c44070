// SPDX-License-Identifier: BSL-1.0
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <vector>

#include "cairn/store.hpp"
#include "cairn_console/table.hpp"
#include "commands.hpp"
#include "raw_header.hpp"

namespace cairn::tools {
namespace {

using Json = nlohmann::ordered_json;

struct Root {
  std::string name;
  std::uint64_t offset;
  std::uint64_t bytes;
  std::string type;
};

/// What only an open store can tell.
struct OpenedStore {
  std::vector<Root> roots;
  std::vector<ProcessInfo> processes;
  std::uint64_t sequence = 0;
  std::uint64_t used = 0;
  std::string recovery;
};

const char* durability_name(const Identity& identity) {
  return identity.durability == StoredDurability::power ? "power" : "process";
}

std::string created_text(const Identity& identity) {
  const auto seconds = static_cast<std::time_t>(identity.created_unix_ns / 1'000'000'000U);
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(seconds));
}

std::uint64_t log_used(const RawHeader& raw) {
  return raw.live_words_of_this_boot && raw.meta
             ? raw.log_tail - std::min(raw.log_tail, raw.meta->checkpoint_position)
             : 0;
}

OpenedStore open_store(const std::string& path) {
  const Store store = Store::open_existing(path, {.label = "cairn info"});
  OpenedStore opened;
  opened.recovery = store.last_recovery().summary();
  opened.used = store.used();
  for (ProcessInfo& process : store.processes()) {
    if (process.pid != static_cast<std::uint32_t>(::getpid())) {
      opened.processes.push_back(std::move(process));
    }
  }
  store.read([&](const ReadTransaction& tx) {
    opened.sequence = tx.sequence();
    tx.catalog().for_each([&](const RootInfo& root) {
      opened.roots.push_back(
          {std::string(root.name), root.offset, root.bytes, std::string(root.type)});
    });
  });
  std::sort(opened.roots.begin(), opened.roots.end(),
            [](const Root& a, const Root& b) { return a.name < b.name; });
  return opened;
}

void print_header(const RawHeader& raw, const std::string& path) {
  console::Table table({"store", path});
  table.align(1, console::Align::left);
  const auto row = [&](const char* name, const std::string& value) {
    table.add_row({name, value});
  };
  row("uuid", uuid_text(raw.identity));
  row("created", created_text(raw.identity));
  row("format", fmt::format("{}", raw.identity.version));
  row("durability", durability_name(raw.identity));
  row("data file", fmt::format("{} bytes, {} on disk", raw.file_bytes, raw.disk_bytes));
  row("log file", fmt::format("{} bytes, {} on disk", raw.log_file_bytes, raw.log_disk_bytes));
  if (raw.meta) {
    const MetaSlot& meta = *raw.meta;
    row("may grow to", fmt::format("{} bytes", meta.max_bytes));
    row("heap at checkpoint", fmt::format("{} bytes", meta.heap_end));
    row("checkpoint", fmt::format("sequence {}, log position {}", meta.checkpoint_sequence,
                                  meta.checkpoint_position));
    row("log ring", fmt::format("{} bytes, {} in use", meta.log_bytes, log_used(raw)));
    row("closed cleanly", meta.clean != 0 ? "yes" : "no");
  } else {
    row("checkpoint", raw.meta_error);
  }
  if (raw.failed) row("failed", "a sync failed: writes are refused until it is opened anew");
  table.print(stdout);
}

void print_opened(const OpenedStore& opened) {
  fmt::print("\nsequence {}, {} bytes in live blocks; {}\n\n", opened.sequence, opened.used,
             opened.recovery);
  if (opened.roots.empty()) {
    fmt::print("no roots\n");
  } else {
    console::Table roots({"root", "offset", "bytes", "type"});
    roots.align(3, console::Align::left);
    for (const Root& root : opened.roots) {
      roots.add_row(
          {root.name, std::to_string(root.offset), std::to_string(root.bytes), root.type});
    }
    roots.print(stdout);
  }
  if (opened.processes.empty()) {
    fmt::print("\nno other process is attached\n");
    return;
  }
  console::Table processes({"slot", "pid", "label", "phase", "attached", "heartbeat", "alive"});
  for (const ProcessInfo& process : opened.processes) {
    const auto seconds = [](std::chrono::nanoseconds time) {
      return fmt::format("{:.1f} s", std::chrono::duration<double>(time).count());
    };
    processes.add_row({std::to_string(process.slot), std::to_string(process.pid), process.label,
                       to_string(process.phase), seconds(process.age),
                       seconds(process.heartbeat_age), process.alive ? "yes" : "no"});
  }
  fmt::print("\n");
  processes.print(stdout);
}

Json header_json(const RawHeader& raw, const std::string& path) {
  Json json = {{"path", path},
               {"uuid", uuid_text(raw.identity)},
               {"created", created_text(raw.identity)},
               {"format", raw.identity.version},
               {"durability", durability_name(raw.identity)},
               {"file_bytes", raw.file_bytes},
               {"disk_bytes", raw.disk_bytes},
               {"log_file_bytes", raw.log_file_bytes},
               {"log_disk_bytes", raw.log_disk_bytes},
               {"failed", raw.failed}};
  if (!raw.meta) {
    json["error"] = raw.meta_error;
    return json;
  }
  const MetaSlot& meta = *raw.meta;
  json["max_bytes"] = meta.max_bytes;
  json["heap_end"] = meta.heap_end;
  json["checkpoint"] = {{"sequence", meta.checkpoint_sequence},
                        {"position", meta.checkpoint_position}};
  json["log_bytes"] = meta.log_bytes;
  json["log_used"] = log_used(raw);
  json["clean"] = meta.clean != 0;
  return json;
}

void add_opened(Json& json, const OpenedStore& opened) {
  json["sequence"] = opened.sequence;
  json["used_bytes"] = opened.used;
  json["recovery"] = opened.recovery;
  json["roots"] = Json::array();
  for (const Root& root : opened.roots) {
    json["roots"].push_back(
        {{"name", root.name}, {"offset", root.offset}, {"bytes", root.bytes}, {"type", root.type}});
  }
  json["processes"] = Json::array();
  for (const ProcessInfo& process : opened.processes) {
    json["processes"].push_back({{"slot", process.slot},
                                 {"pid", process.pid},
                                 {"label", process.label},
                                 {"phase", to_string(process.phase)},
                                 {"age_ns", process.age.count()},
                                 {"heartbeat_age_ns", process.heartbeat_age.count()},
                                 {"alive", process.alive}});
  }
}

/// Names in a store are bytes; those that are no UTF-8 are shown with replacement characters.
std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

int run_info(const StoreArguments& arguments) {
  const RawHeader raw = read_raw_header(arguments.path);
  Json json = header_json(raw, arguments.path);
  if (!arguments.json) print_header(raw, arguments.path);
  int status = exit_ok;
  try {
    const OpenedStore opened = open_store(arguments.path);
    add_opened(json, opened);
    if (!arguments.json) print_opened(opened);
  } catch (const Error& error) {
    json["error"] = error.what();
    if (!arguments.json) {
      std::fflush(stdout);
      fmt::print(stderr, "cairn: {}\n", error.what());
    }
    status = exit_problem;
  }
  if (arguments.json) fmt::print("{}\n", dump(json));
  return status;
}

}  // namespace cairn::tools

// SPDX-License-Identifier: BSL-1.0
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "cairn/store/activity.hpp"
#include "cairn_console/format.hpp"
#include "commands.hpp"
#include "process_rows.hpp"
#include "root_list.hpp"

namespace cairn::tool {
namespace {

using Json = nlohmann::ordered_json;

const ProcessInfo* row_of(const Activity& activity, std::uint32_t slot) {
  for (const ProcessInfo& row : activity.processes) {
    if (row.slot == slot) return &row;
  }
  return nullptr;
}

const ProcessInfo* owner_of(const Activity& activity) {
  return activity.write_lock.held ? row_of(activity, activity.write_lock.slot) : nullptr;
}

std::string lock_text(const Activity& activity) {
  const LockWord& lock = activity.write_lock;
  if (!lock.held) return "free";
  const ProcessInfo* const owner = owner_of(activity);
  if (owner == nullptr || !owner->alive) {
    return fmt::format("left by {} that died; the next writer takes over",
                       owner == nullptr ? "a process" : "process " + process_name(*owner));
  }
  return fmt::format("held by process {} (slot {}), {}{}", process_name(*owner), owner->slot,
                     lock.guarded ? "at what nobody may interrupt" : "in its transaction",
                     lock.awaited ? "; others wait" : "");
}

/// Sections that are waited for come first, and among them or without them the oldest.
bool is_more_in_the_way(const ReaderInfo& one, const ReaderInfo& other) {
  if (one.waited_for.has_value() != other.waited_for.has_value()) return one.waited_for.has_value();
  return one.sequence < other.sequence;
}

/// What waits in the log, for whom and since when.
std::string held_back_text(const Activity& activity) {
  std::string text = fmt::format("{} of the newest commits, {} of log",
                                 console::format_count(activity.visible - activity.published),
                                 console::format_bytes(activity.held_back_bytes));
  const ProcessInfo* process = nullptr;
  ReaderInfo section;
  for (const ProcessInfo& row : activity.processes) {
    for (const ReaderInfo& reader : row.readers) {
      if (reader.sequence >= activity.visible) continue;
      if (process != nullptr && !is_more_in_the_way(reader, section)) continue;
      process = &row;
      section = reader;
    }
  }
  const ProcessInfo* const fenced =
      activity.fenced_slot ? row_of(activity, *activity.fenced_slot) : nullptr;
  if (process != nullptr && (section.waited_for || fenced == nullptr)) {
    text += fmt::format("; thread {} of process {} reads at {}", section.thread_id,
                        process_name(*process), console::format_count(section.sequence));
    if (!section.waited_for) return text;
    return text + ", in the way for the last " + console::format_duration(*section.waited_for);
  }
  if (fenced != nullptr) {
    return text + fmt::format("; a transaction of process {} that was fenced goes on",
                              process_name(*fenced));
  }
  return text + "; no section keeps them: the next one writes them out";
}

void print_text(const std::string& path, const Activity& activity) {
  fmt::print("store       {}\n", path);
  if (activity.current) {
    fmt::print("sequence    {}\n", console::format_count(activity.visible));
    if (activity.visible != activity.published) {
      fmt::print("held back   {}\n", held_back_text(activity));
    }
    fmt::print("write lock  {}\n", lock_text(activity));
  } else {
    fmt::print("not opened since this system was started\n");
  }
  if (activity.failed) {
    fmt::print("failed      a sync failed: nothing can be written until reopening\n");
  }
  fmt::print("\n");
  if (activity.processes.empty()) {
    fmt::print("no processes\n");
  } else {
    process_table(activity.processes).print(stdout);
  }
}

void print_json(const std::string& path, const Activity& activity, int indent) {
  const LockWord& lock = activity.write_lock;
  Json json = {{"path", path},
               {"current", activity.current},
               {"sequence", activity.visible},
               {"held_back",
                {{"commits", activity.visible - activity.published},
                 {"log_bytes", activity.held_back_bytes}}},
               {"failed", activity.failed},
               {"write_lock",
                {{"held", lock.held},
                 {"slot", nullptr},
                 {"guarded", lock.guarded},
                 {"awaited", lock.awaited},
                 {"epoch", lock.epoch}}},
               {"processes", Json::array()}};
  if (lock.held) json["write_lock"]["slot"] = lock.slot;
  for (const ProcessInfo& row : activity.processes) json["processes"].push_back(process_json(row));
  fmt::print("{}\n", json.dump(indent, ' ', false, Json::error_handler_t::replace));
}

void print_once(const Arguments& arguments) {
  const Activity activity = look_at_activity(arguments.path);
  if (arguments.json) {
    // One line each where there are many, as programs read them.
    print_json(arguments.path, activity, arguments.watch ? -1 : 2);
  } else {
    print_text(arguments.path, activity);
  }
  require_printed();
}

/// Prints again and again until Ctrl-C, which is a good end.
void print_repeatedly(const Arguments& arguments) {
  sigset_t endings;
  ::sigemptyset(&endings);
  ::sigaddset(&endings, SIGINT);
  ::sigaddset(&endings, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &endings, nullptr);
  const auto interval_ns = static_cast<long long>(arguments.interval_seconds * 1e9);
  const timespec interval{static_cast<time_t>(interval_ns / 1'000'000'000),
                          static_cast<long>(interval_ns % 1'000'000'000)};
  const bool redraw = !arguments.json && ::isatty(STDOUT_FILENO) == 1;
  for (bool first = true;; first = false) {
    if (redraw) {
      fmt::print("\x1b[H\x1b[2J");
    } else if (!first && !arguments.json) {
      fmt::print("\n");
    }
    print_once(arguments);
    const int signal = ::sigtimedwait(&endings, nullptr, &interval);
    if (signal == SIGINT || signal == SIGTERM) return;
  }
}

}  // namespace

ExitStatus run_ps(const Arguments& arguments) {
  if (arguments.watch) {
    print_repeatedly(arguments);
  } else {
    print_once(arguments);
  }
  return ExitStatus::sound;
}

}  // namespace cairn::tool

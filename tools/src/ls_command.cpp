// SPDX-License-Identifier: BSL-1.0
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "cairn/cairn.hpp"
#include "cairn_console/format.hpp"
#include "cairn_console/table.hpp"
#include "commands.hpp"
#include "open_to_look.hpp"
#include "printable.hpp"
#include "root_list.hpp"

namespace cairn::tool {
namespace {

using Json = nlohmann::ordered_json;

void print_json(const std::string& path, const Shares& shares) {
  Json json = {{"path", path}, {"roots", Json::array()}};
  for (const RootShare& root : shares.roots) {
    json["roots"].push_back({{"name", root.name},
                             {"type", root.type},
                             {"elements", root.elements},
                             {"bytes", root.share.bytes},
                             {"blocks", root.share.blocks}});
  }
  json["problems"] = shares.problems;
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

void print_table(const Shares& shares) {
  if (shares.roots.empty()) {
    fmt::print("no roots\n");
    return;
  }
  console::Table table({"root", "elements", "bytes", "type"});
  table.align(0, console::Align::left);
  for (const RootShare& root : shares.roots) {
    table.add_row({printable(root.name), console::format_count(root.elements),
                   console::format_count(root.share.bytes), root.type});
  }
  table.print(stdout);
}

ExitStatus list(const std::string& path, bool json) {
  const Store store = open_to_look(path, "cairn ls");
  const Shares shares = read_shares(store.begin_read(), path, "ls");
  if (json) {
    print_json(path, shares);
  } else {
    print_table(shares);
    std::fflush(stdout);
    print_problems(shares.problems);
  }
  return shares.problems.empty() ? ExitStatus::sound : ExitStatus::problems;
}

}  // namespace

ExitStatus run_ls(const Arguments& arguments) {
  const ExitStatus status = list(arguments.path, arguments.json);
  require_printed();
  return status;
}

}  // namespace cairn::tool

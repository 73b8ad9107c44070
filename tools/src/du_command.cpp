// SPDX-License-Identifier: BSL-1.0
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cairn/cairn.hpp"
#include "cairn_console/format.hpp"
#include "cairn_console/table.hpp"
#include "commands.hpp"
#include "file_facts.hpp"
#include "open_to_look.hpp"
#include "printable.hpp"
#include "root_list.hpp"

namespace cairn::tool {
namespace {

using Json = nlohmann::ordered_json;
using Row = std::pair<std::string, Share>;

struct DiskUse {
  Shares shares;
  std::uint64_t header_bytes = 0;
  std::uint64_t unused_bytes = 0;  ///< of the file, behind the heap
  std::uint64_t data_bytes = 0;
  std::uint64_t log_bytes = 0;
};

DiskUse read_use(const std::string& path) {
  const Store store = open_to_look(path, "cairn du");
  DiskUse use;
  const ReadTransaction section = store.begin_read();
  use.shares = read_shares(section, path, "du");
  const FileFacts facts = read_facts(path);
  const std::uint64_t heap_end = section.bytes().end;
  use.header_bytes = section.bytes().begin;
  use.data_bytes = facts.data_bytes;
  use.unused_bytes = facts.data_bytes - std::min(facts.data_bytes, heap_end);
  use.log_bytes = facts.log_file_bytes.value_or(0);
  return use;
}

void sort_by_size(std::vector<Row>& rows) {
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Row& a, const Row& b) { return a.second.bytes > b.second.bytes; });
}

std::vector<Row> root_rows(const Shares& shares) {
  std::vector<Row> rows;
  for (const RootShare& root : shares.roots) rows.emplace_back(root.name, root.share);
  sort_by_size(rows);
  return rows;
}

std::vector<Row> type_rows(const Shares& shares) {
  std::vector<Row> rows(shares.types.begin(), shares.types.end());
  sort_by_size(rows);
  return rows;
}

/// What is no root's, in the order in which it stands in the sum.
std::vector<std::pair<const char*, std::uint64_t>> other_rows(const DiskUse& use) {
  return {{"catalog of roots", use.shares.catalog.bytes},
          {"blocks without owner", use.shares.unowned_bytes},
          {"rounded up in blocks", use.shares.slack_bytes},
          {"free in the heap", use.shares.free_bytes},
          {"allocator", use.shares.allocator_bytes},
          {"header, lanes, processes", use.header_bytes},
          {"behind the heap", use.unused_bytes}};
}

void add_rows(console::Table& table, const std::vector<Row>& rows) {
  for (const auto& [name, share] : rows) {
    table.add_row(
        {printable(name), console::format_count(share.bytes), console::format_count(share.blocks)});
  }
}

void print_tables(const DiskUse& use) {
  console::Table roots({"root", "bytes", "blocks"});
  roots.align(0, console::Align::left);
  add_rows(roots, root_rows(use.shares));
  roots.add_rule();
  for (const auto& [name, bytes] : other_rows(use)) {
    roots.add_row({name, console::format_count(bytes), ""});
  }
  roots.add_rule();
  roots.add_row({"data file", console::format_count(use.data_bytes), ""});
  roots.add_row({"log file", console::format_count(use.log_bytes), ""});
  roots.print(stdout);
  if (use.shares.types.empty()) return;
  fmt::print("\n");
  console::Table types({"owned by", "bytes", "blocks"});
  types.align(0, console::Align::left);
  add_rows(types, type_rows(use.shares));
  types.print(stdout);
}

Json rows_json(const char* name, const std::vector<Row>& rows) {
  Json json = Json::array();
  for (const auto& [text, share] : rows) {
    json.push_back({{name, text}, {"bytes", share.bytes}, {"blocks", share.blocks}});
  }
  return json;
}

void print_json(const std::string& path, const DiskUse& use) {
  const Json json = {{"path", path},
                     {"roots", rows_json("name", root_rows(use.shares))},
                     {"types", rows_json("type", type_rows(use.shares))},
                     {"catalog_bytes", use.shares.catalog.bytes},
                     {"unowned_bytes", use.shares.unowned_bytes},
                     {"slack_bytes", use.shares.slack_bytes},
                     {"free_bytes", use.shares.free_bytes},
                     {"allocator_bytes", use.shares.allocator_bytes},
                     {"header_bytes", use.header_bytes},
                     {"unused_bytes", use.unused_bytes},
                     {"data_bytes", use.data_bytes},
                     {"log_bytes", use.log_bytes},
                     {"problems", use.shares.problems}};
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

ExitStatus show(const std::string& path, bool json) {
  const DiskUse use = read_use(path);
  if (json) {
    print_json(path, use);
  } else {
    print_tables(use);
    std::fflush(stdout);
    print_problems(use.shares.problems);
  }
  return use.shares.problems.empty() ? ExitStatus::sound : ExitStatus::problems;
}

}  // namespace

ExitStatus run_du(const Arguments& arguments) {
  const ExitStatus status = show(arguments.path, arguments.json);
  require_printed();
  return status;
}

}  // namespace cairn::tool

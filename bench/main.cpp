// SPDX-License-Identifier: BSL-1.0
//
// cairn beside its peers, in one run on one machine. `cairn_bench --help` lists the options; to
// profile one row alone: `cairn_bench --only cairn --filter put_one --reps 1`.
#include <cstdio>
#include <exception>
#include <iterator>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "child_roles.hpp"
#include "harness.hpp"
#include "machine.hpp"
#include "report.hpp"
#include "rows.hpp"
#include "scratch_directory.hpp"

namespace cairn::bench {
namespace {

enum ExitStatus { all_well = 0, failed = 1, marks_missed = 3 };

struct Arguments {
  RunOptions run;
  std::string json_file;
  bool list = false;
  bool strict = false;
  std::vector<std::string> child;
};

std::string must_be_regex(const std::string& text) {
  try {
    const std::regex pattern(text);
  } catch (const std::regex_error& error) {
    return fmt::format("{} is not a regular expression: {}", text, error.what());
  }
  return {};
}

void declare_options(CLI::App& app, Arguments& arguments) {
  arguments.run.directory = program_path().parent_path();
  app.add_option("--reps", arguments.run.repetitions, "repetitions of every row")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--filter", arguments.run.filter, "run the rows whose names match this regex")
      ->check(must_be_regex);
  app.add_option("--only", arguments.run.only, "run the contestants whose names match this regex")
      ->check(must_be_regex);
  app.add_flag("--quick", arguments.run.quick, "small amounts of work; marks are not judged");
  app.add_option("--dir", arguments.run.directory,
                 "where store files go, in a directory that is removed afterwards")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  app.add_option("--json", arguments.json_file, "write every sample to this file");
  app.add_flag("--strict", arguments.strict, "exit with 3 if a mark was missed");
  app.add_flag("--list", arguments.list, "list the rows and their contestants, run nothing");
  app.add_option("--child", arguments.child, "for the program's own use")->group("");
}

std::vector<Row> all_rows() {
  std::vector<Row> rows;
  for (auto* part : {put_rows, durable_rows, checkpoint_rows, lookup_rows, ordered_rows, bulk_rows,
                     vector_rows, allocator_rows, read_section_rows, processes_rows, handover_rows,
                     open_rows, footprint_rows, hash_rows, sequence_rows}) {
    std::vector<Row> some = part();
    rows.insert(rows.end(), std::make_move_iterator(some.begin()),
                std::make_move_iterator(some.end()));
  }
  return rows;
}

int list_rows() {
  for (const Row& row : all_rows()) {
    fmt::print("{}\n  {}\n", row.name, row.description);
    for (const Contestant& contestant : row.contestants) fmt::print("  - {}\n", contestant.name);
  }
  return all_well;
}

int run(const Arguments& arguments, const std::filesystem::path& scratch) {
  const MachineFacts facts = machine_facts(scratch);
  print_facts(stdout, facts, arguments.run);
  std::fflush(stdout);

  RunOptions options = arguments.run;
  options.directory = scratch;
  const std::vector<RowResult> results = run_rows(all_rows(), options);
  if (results.empty()) {
    fmt::print(stderr, "cairn_bench: no row matches; --list names them\n");
    return failed;
  }
  const Tally tally = print_results(stdout, results, options.quick);
  if (!arguments.json_file.empty()) write_json(arguments.json_file, facts, options, results);
  if (!options.quick) fmt::print("\n{} marks met, {} missed\n", tally.met, tally.missed);
  return arguments.strict && tally.missed != 0 ? marks_missed : all_well;
}

int run_child(const std::vector<std::string>& role_and_arguments) {
  const std::string& role = role_and_arguments.front();
  const std::vector<std::string> arguments(role_and_arguments.begin() + 1,
                                           role_and_arguments.end());
  if (role == change_role) return run_change_child(arguments);
  if (role == resident_role) return run_resident_child(arguments);
  if (role == processes_role) return run_processes_child(arguments);
  if (role == handover_role) return run_handover_child(arguments);
  throw std::invalid_argument(role + " is no role of a child process");
}

int main_of(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("cairn beside its peers: speed and size, measured in one run");
  declare_options(app, arguments);
  CLI11_PARSE(app, argc, argv);
  if (!arguments.child.empty()) return run_child(arguments.child);
  if (arguments.list) return list_rows();
  return run_in_scratch_directory(
      arguments.run.directory,
      [&](const std::filesystem::path& scratch) { return run(arguments, scratch); });
}

}  // namespace
}  // namespace cairn::bench

int main(int argc, char** argv) {
  try {
    return cairn::bench::main_of(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "cairn_bench: {}\n", error.what());
    return 1;
  }
}

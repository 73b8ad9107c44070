// SPDX-License-Identifier: BSL-1.0
// cairn: looks after stores from the command line.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <string_view>

#include "commands.hpp"
#include "printable.hpp"

namespace cairn::tool {
namespace {

/// The commands of the program, one of which is called while it parses.
class CommandLine {
 public:
  CommandLine() {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "cairn " CAIRN_VERSION);
    app_.footer("Exit status: 0 the store is sound, 1 damage was found, 2 the store could not be\n"
                "opened or read in whole, 64 the command line was wrong.");
    add("info", "What a store is, what it holds and who uses it", run_info);
    add("check", "Examine header, log, heap, catalog and every object of a store", run_check);
    add("ls", "The roots of a store, their types, elements and bytes", run_ls);
    CLI::App& dump =
        add("dump", "Print what a store holds, by its own descriptions of it", run_dump);
    dump.add_option("ROOT", arguments_.root, "Only the root of this name");
    add("du", "Who has the bytes of a store: roots, types, free space, log", run_du);
    CLI::App& backup = add("backup",
                           "Write what a store holds to a new one, while others use it and change "
                           "it",
                           run_backup);
    backup.add_option("DEST", arguments_.destination, "The data file of the new store")->required();
    backup.add_flag("--copy", arguments_.copy,
                    "Copy all bytes, also where the file system could share blocks");
    CLI::App& ps =
        add("ps", "The processes that use a store, what they are at, and who holds the write lock",
            run_ps);
    CLI::Option* const watch =
        ps.add_flag("--watch", arguments_.watch, "Print again and again, until Ctrl-C");
    ps.add_option("--interval", arguments_.interval_seconds, "Seconds between two of these")
        ->check(CLI::Range(shortest_seconds, longest_seconds))
        ->capture_default_str()
        ->needs(watch);
  }

  ExitStatus run(int argc, char** argv) {
    if (argc > 1 && is_unknown_command(argv[1])) {
      print_problems({fmt::format("there is no command \"{}\"; see cairn --help", argv[1])});
      return ExitStatus::usage;
    }
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return app_.exit(error) == 0 ? ExitStatus::sound : ExitStatus::usage;
    } catch (const std::exception& error) {
      print_problems({error.what()});
      return ExitStatus::unusable;
    }
    return status_;
  }

 private:
  static constexpr double shortest_seconds = 0.05;
  static constexpr double longest_seconds = 86'400;

  /// Only said that a command is required somebody would look for it in vain.
  bool is_unknown_command(std::string_view word) const {
    const auto is_meant = [&](const CLI::App* command) { return command->get_name() == word; };
    return !word.starts_with('-') && app_.get_subcommands(is_meant).empty();
  }

  CLI::App& add(const char* name, const char* purpose, ExitStatus (*perform)(const Arguments&)) {
    CLI::App* const command = app_.add_subcommand(name, purpose);
    command->add_option("FILE", arguments_.path, "The data file of the store")->required();
    command->add_flag("--json", arguments_.json, "Print JSON");
    command->callback([this, perform] { status_ = perform(arguments_); });
    return *command;
  }

  CLI::App app_{"Looks after cairn stores.", "cairn"};
  Arguments arguments_;
  ExitStatus status_ = ExitStatus::sound;
};

}  // namespace
}  // namespace cairn::tool

int main(int argc, char** argv) {
  return static_cast<int>(cairn::tool::CommandLine().run(argc, argv));
}

// SPDX-License-Identifier: BSL-1.0
// cairn: looks after stores from the command line.

#include <exception>

#include "commands.hpp"
#include "printable.hpp"

int main(int argc, char** argv) {
  using cairn::tool::ExitStatus;
  CLI::App app("Looks after cairn stores.", "cairn");
  app.require_subcommand(1);
  app.footer("Exit status: 0 the store is sound, 1 damage was found, 2 the store could not be\n"
             "opened or read in whole, 64 the command line was wrong.");
  ExitStatus status = ExitStatus::sound;
  cairn::tool::add_info_command(app, status);
  cairn::tool::add_check_command(app, status);
  cairn::tool::add_ls_command(app, status);
  cairn::tool::add_dump_command(app, status);
  cairn::tool::add_du_command(app, status);
  cairn::tool::add_ps_command(app, status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitStatus::usage);
  } catch (const std::exception& error) {
    cairn::tool::print_problems({error.what()});
    return static_cast<int>(ExitStatus::unusable);
  }
  return static_cast<int>(status);
}

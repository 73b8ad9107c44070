// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <CLI/CLI.hpp>

namespace cairn::tool {

/// What the program ends with. Scripts rely on these.
enum class ExitStatus : int {
  sound = 0,
  problems = 1,  ///< the store was examined and is damaged
  unusable = 2,  ///< the store could not be opened or read
  usage = 64,    ///< EX_USAGE of sysexits.h
};

/// Each adds one command to `app`; where that is given, `status` tells afterwards how it went.
void add_info_command(CLI::App& app, ExitStatus& status);
void add_check_command(CLI::App& app, ExitStatus& status);
void add_ls_command(CLI::App& app, ExitStatus& status);
void add_dump_command(CLI::App& app, ExitStatus& status);
void add_du_command(CLI::App& app, ExitStatus& status);
void add_ps_command(CLI::App& app, ExitStatus& status);

}  // namespace cairn::tool

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>

namespace cairn::tool {

/// What the program ends with. Scripts rely on these.
enum class ExitStatus : int {
  sound = 0,
  problems = 1,  ///< the store was examined and is damaged
  unusable = 2,  ///< the store could not be opened or read
  usage = 64,    ///< EX_USAGE of sysexits.h
};

/// What the command line says; each command looks at what it has.
struct Arguments {
  std::string path;         ///< of the data file
  std::string root;         ///< its name, empty for all
  std::string destination;  ///< the data file to be made
  bool copy = false;        ///< whatever the file system can
  bool json = false;
  bool watch = false;
  double interval_seconds = 1;
};

/// Each prints its findings and throws where it cannot come to any.
ExitStatus run_backup(const Arguments& arguments);
ExitStatus run_check(const Arguments& arguments);
ExitStatus run_du(const Arguments& arguments);
ExitStatus run_dump(const Arguments& arguments);
ExitStatus run_info(const Arguments& arguments);
ExitStatus run_ls(const Arguments& arguments);
ExitStatus run_ps(const Arguments& arguments);

}  // namespace cairn::tool

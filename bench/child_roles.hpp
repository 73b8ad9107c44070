// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <vector>

namespace cairn::bench {

/// What the program does when it is a child of itself: the name of each role, which is followed by
/// its arguments, and the functions that play them and return the exit status.
inline const std::string change_role = "change-and-wait";
inline const std::string resident_role = "resident";
inline const std::string processes_role = "processes";
inline const std::string handover_role = "handover";

int run_change_child(const std::vector<std::string>& arguments);
int run_resident_child(const std::vector<std::string>& arguments);
int run_processes_child(const std::vector<std::string>& arguments);
int run_handover_child(const std::vector<std::string>& arguments);

}  // namespace cairn::bench

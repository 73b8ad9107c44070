// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cairn::tool {

/// `text` such that it cannot steer a terminal or break a line: control characters, those of one
/// byte above 0x7F too, become question marks. Names of roots and labels of processes are whatever
/// bytes a program put there, and messages quote them.
std::string printable(std::string_view text);

/// What a store, a file or an outcome is like: one fact of it, in a column with the others.
void print_line(const char* name, const std::string& value);

/// Each problem on a line of the error output.
void print_problems(const std::vector<std::string>& problems);

}  // namespace cairn::tool

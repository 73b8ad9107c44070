// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace cairn::bench {

/// What figures depend on besides the program, as pairs of a name and a value.
using MachineFacts = std::vector<std::pair<std::string, std::string>>;

/// `directory` is where the stores will lie: its file system is among the facts.
MachineFacts machine_facts(const std::filesystem::path& directory);

}  // namespace cairn::bench

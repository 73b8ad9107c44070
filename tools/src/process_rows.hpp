// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cairn/reports.hpp"
#include "cairn_console/table.hpp"

namespace cairn::tool {

/// One row of the process table, as JSON.
nlohmann::ordered_json process_json(const ProcessInfo& row);

/// All of them, for people.
console::Table process_table(const std::vector<ProcessInfo>& rows);

/// A process in a sentence: its pid, and its label where it has one.
std::string process_name(const ProcessInfo& row);

}  // namespace cairn::tool

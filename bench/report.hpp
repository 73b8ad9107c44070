// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdio>
#include <filesystem>
#include <vector>

#include "harness.hpp"
#include "machine.hpp"

namespace cairn::bench {

/// How many marks came out how.
struct Tally {
  unsigned met = 0;
  unsigned missed = 0;
};

void print_facts(std::FILE* out, const MachineFacts& facts, const RunOptions& options);

/// One line a contestant: its median, its spread, how cairn compares, and the mark if it has one.
/// With `quick`, marks are shown but not judged.
Tally print_results(std::FILE* out, const std::vector<RowResult>& results, bool quick);

/// Every sample, the spreads, and the marks with what was reached.
/// Throws std::system_error where the file cannot be written.
void write_json(const std::filesystem::path& path, const MachineFacts& facts,
                const RunOptions& options, const std::vector<RowResult>& results);

}  // namespace cairn::bench

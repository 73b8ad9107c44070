// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "command_line.hpp"

namespace cairn::test {

using Json = nlohmann::json;

/// Reads what the program prints with --json.
class JsonOutputTest : public CommandLineTest {
 protected:
  /// The output of a run on the store that succeeds and complains of nothing.
  Json json(const std::string& command, const std::string& rest = "") const {
    const Result result = run(command + " --json '" + path() + "' " + rest);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.err, "");
    return Json::parse(result.out);
  }
  static std::uint64_t sum_of_bytes(const Json& rows) {
    std::uint64_t bytes = 0;
    for (const Json& row : rows) bytes += row["bytes"].get<std::uint64_t>();
    return bytes;
  }
  /// Of the output of `du`: each byte of the data file has one owner, roots and types alike.
  static void expect_every_byte_counted_once(const Json& use) {
    std::uint64_t all = sum_of_bytes(use["roots"]);
    EXPECT_EQ(sum_of_bytes(use["types"]), all);
    for (const char* const part : {"catalog_bytes", "unowned_bytes", "slack_bytes", "free_bytes",
                                   "allocator_bytes", "header_bytes", "unused_bytes"}) {
      all += use[part].get<std::uint64_t>();
    }
    EXPECT_EQ(all, use["data_bytes"]);
  }
};

}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cairn/recovery/header_format.hpp"

namespace cairn::tool {

/// What can be learned of a store from its bytes alone, without opening it: nothing is locked,
/// recovered or written, and what cannot be read is left out.
struct FileFacts {
  std::uint64_t data_bytes = 0;
  std::uint64_t data_disk_bytes = 0;
  std::optional<std::uint64_t> log_file_bytes;
  std::optional<Identity> identity;
  std::optional<MetaSlot> meta;
  /// Words of the running boot, or what the last one left.
  std::uint64_t log_tail = 0;
  std::uint64_t published = 0;
  bool live_words_are_current = false;
  bool failed = false;
  std::vector<std::string> problems;
};

/// Throws cairn::Error only where the data file cannot be opened at all.
FileFacts read_facts(const std::string& path);

std::string uuid_text(const Identity& identity);
/// "2026-01-31 23:59:58 UTC".
std::string time_text(std::uint64_t unix_ns);
const char* durability_text(StoredDurability durability) noexcept;

}  // namespace cairn::tool

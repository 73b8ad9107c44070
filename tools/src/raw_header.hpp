// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cairn/recovery/header_format.hpp"

namespace cairn::tools {

/// The header of a data file as its bytes have it, read without opening the store: works on one
/// that is damaged or in use, and changes nothing.
struct RawHeader {
  Identity identity{};
  std::optional<MetaSlot> meta;  ///< absent where neither slot is valid
  std::string meta_error;
  std::uint64_t file_bytes = 0;
  std::uint64_t disk_bytes = 0;
  std::uint64_t log_file_bytes = 0;
  std::uint64_t log_disk_bytes = 0;
  std::uint64_t log_tail = 0;
  std::uint64_t published = 0;
  bool live_words_of_this_boot = false;
  bool failed = false;
};

/// Throws cairn::Error where the file cannot be read or is no store at all.
RawHeader read_raw_header(const std::string& path);

/// As 8-4-4-4-12 hexadecimal digits.
std::string uuid_text(const Identity& identity);

}  // namespace cairn::tools

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>

#include "cairn/mapping/file.hpp"
#include "cairn/options.hpp"
#include "cairn/recovery/header_format.hpp"

namespace cairn {

/// Most that `Options::max_bytes` may be.
inline constexpr std::uint64_t largest_max_bytes = std::uint64_t{8} << 40;

/// Where the log of the store at `path` lives.
std::string log_path(const std::string& path);

/// How long the ring of a new log is, in bytes: a power of two.
std::uint64_t new_ring_bytes(const Options& options) noexcept;

/// Brings a store with an empty heap into being at `path`, both files complete and, for
/// Durability::power, durable before the data file gets its name: a kill or a power cut leaves no
/// store or a whole one.
/// Returns false where another process created the store first.
/// Throws errc::already_exists where a log file is in the way that is no log of ours, and the
/// errors of File.
bool create_store_files(const std::string& path, const Options& options);

}  // namespace cairn

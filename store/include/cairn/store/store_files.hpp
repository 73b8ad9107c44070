// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "cairn/mapping/file.hpp"
#include "cairn/options.hpp"
#include "cairn/recovery/header_format.hpp"

namespace cairn {

/// Most that `Options::max_bytes` may be.
inline constexpr std::uint64_t largest_max_bytes = std::uint64_t{8} << 40;

/// What the name of a log has behind that of its data file.
inline constexpr const char* log_suffix = "-log";
/// Where the log of the store at `path` lives.
std::string log_path(const std::string& path);

/// How long the ring of a new log is, in bytes: a power of two.
std::uint64_t new_ring_bytes(const Options& options) noexcept;

/// How much of such a log is written at once, so that its folios (File::allocate_zeroed) suit how
/// often a sync comes: after each commit, after hundreds, or never.
std::size_t log_piece_bytes(StoredDurability durability, const Options& options) noexcept;

/// What the header of a store says whose log is empty and which nobody has open.
struct StoreHeader {
  Identity identity{};
  MetaSlot meta{};  ///< sizes, inode, turn and checksum are the caller's to fill in
};

/// The header of a store that comes into being now, under a uuid of its own, at commit `sequence`.
StoreHeader new_header(StoredDurability durability, std::uint64_t sequence);

/// Writes all pages in front of the heap, with `header.meta` as the newest meta slot.
/// Throws the errors of File.
void write_header(const File& file, const StoreHeader& header);

/// Throws errc::already_exists where a file stands at `path`, or one that is no log where the log
/// belongs, and the errors of File::open where something else does.
void require_free_path(const std::string& path);

/// Gives the two files of a store their names, the log first, and makes the names durable. Both are
/// complete, durable and unnamed, so a kill or a power cut leaves no store or a whole one. A log
/// without a data file that stands in the way is removed, as by `create_store_files`; `patience` is
/// how long to wait for another process that is creating a store there.
/// Throws errc::already_exists, timeout and the errors of File: neither file has a name then.
void name_store_files(File& data, File& log, std::chrono::milliseconds patience);

/// Brings a store with an empty heap into being at `path`, both files complete and durable before
/// the data file gets its name: a kill or a power cut leaves no store or a whole one.
/// Returns false where another process created the store first.
/// Throws errc::already_exists where a log file is in the way that is no log of ours, and the
/// errors of File.
bool create_store_files(const std::string& path, const Options& options);

}  // namespace cairn

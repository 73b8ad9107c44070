// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "cairn/mapping/file.hpp"
#include "cairn/recovery/header_format.hpp"

namespace cairn {

/// Checks bytes 0..127 of a file. Throws errc::not_a_store, version_mismatch or corrupt.
Identity read_identity(const File& file);

/// The newer of the two meta slots whose checksum holds and whose numbers fit each other.
/// Throws errc::corrupt where neither does. `header` is the file's beginning, up to behind the
/// slots at least, in a copy that nobody else can change.
MetaSlot newest_meta(std::span<const std::byte> header, std::uint64_t seed,
                     const std::string& path);

/// Writes `meta` into the slot that is not the newest, with the next turn and its checksum, through
/// a shared mapping of the file at `window`. The caller syncs. Returns what was written.
MetaSlot write_meta(const File& file, std::byte* window, MetaSlot meta, std::uint64_t seed);

}  // namespace cairn

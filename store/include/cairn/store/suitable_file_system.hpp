// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>

#include "cairn/mapping/file_system.hpp"
#include "cairn/options.hpp"
#include "cairn/recovery/header_format.hpp"

namespace cairn {

/// What a store is opened for.
enum class StoreUse : std::uint8_t { reading, writing };

/// Throws errc::unsupported_file_system where a store at `path` of that level cannot be used on
/// `system` as it promises to be, unless `options` accept that.
///
/// Reading promises nothing for the time after a power cut, so a file system that keeps nothing is
/// good enough for that.
void require_suitable(const FileSystem& system, StoredDurability durability, StoreUse use,
                      const Options& options, const std::string& path);

}  // namespace cairn

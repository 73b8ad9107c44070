// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

#include "cairn/mapping/file.hpp"
#include "cairn/mapping/reservation.hpp"

namespace cairn {

enum class ViewAccess { read_only, read_write };

/// Maps `reach_bytes` of `file` shared, whatever its length is now: pages come into being under the
/// mapping as the file grows, so nothing ever has to be mapped again or moved. Touching a page
/// behind the end of the file is a SIGBUS; callers know the file's length.
/// Throws errc::too_large where address space is short.
Reservation map_shared(const File& file, std::uint64_t reach_bytes, ViewAccess access);

/// Maps the first `bytes` of `file` so that what is stored there stays this process's. Pages that
/// nothing was stored to may show what others do to the file. Throws errc::too_large.
Reservation map_private(const File& file, std::uint64_t bytes);

/// Maps [offset, offset + bytes) of `file` shared and twice in a row, so that what goes around its
/// end can be read in one piece. Throws as `map_shared`.
Reservation map_shared_twice(const File& file, std::uint64_t offset, std::uint64_t bytes,
                             ViewAccess access);

/// Maps those pages of [data, data + bytes) that the page cache holds, at a tenth of what it costs
/// to fault on them one by one. Pages that nobody wrote yet stay away. Only advice: it cannot fail.
void map_cached_pages(const std::byte* data, std::uint64_t bytes) noexcept;

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

/// The unit of mapping and of private copies.
inline constexpr std::uint64_t page_bytes = 4096;
/// The unit of tracking, logging and publishing: a cache line, 64 to a page, so that one 64-bit
/// mask says which lines of a page a transaction touched.
inline constexpr std::uint64_t line_bytes = 64;
inline constexpr std::uint64_t lines_per_page = page_bytes / line_bytes;
static_assert(lines_per_page == 64);

/// What one entry of the page tables one level up maps, where the kernel keeps the file in pieces
/// that large: address and file offset must both be a multiple of it.
inline constexpr std::uint64_t huge_page_bytes = std::uint64_t{2} << 20;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) noexcept {
  return (value + multiple - 1) / multiple * multiple;
}

constexpr bool is_multiple(std::uint64_t value, std::uint64_t of) noexcept {
  return value % of == 0;
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>

#include "cairn/allocator/heap_format.hpp"

/// \file
/// Pages as bits of the two bitmaps in a chunk's descriptor.
namespace cairn {

constexpr std::uint16_t bit_of(std::uint32_t page) noexcept {
  return static_cast<std::uint16_t>(1U << page % pages_per_chunk);
}

inline void set_bit(std::uint16_t& bits, std::uint32_t page) noexcept {
  bits = static_cast<std::uint16_t>(bits | bit_of(page));
}

inline void clear_bit(std::uint16_t& bits, std::uint32_t page) noexcept {
  bits = static_cast<std::uint16_t>(bits & ~bit_of(page));
}

constexpr std::uint32_t chunk_of(std::uint32_t page) noexcept {
  return page / pages_per_chunk;
}

/// The pages [first, last] of one chunk as bits; both count from the chunk's start.
constexpr std::uint32_t page_range(std::uint32_t first, std::uint32_t last) noexcept {
  return (0xFFFFU << first) & (0xFFFFU >> (pages_per_chunk - 1 - last));
}

inline std::string run_text(std::uint32_t first, std::uint64_t pages) {
  return std::to_string(pages) + " pages at page " + std::to_string(first);
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

/// \file
/// How other libraries lay out the fixed-size parts that are stored as they are. The compiler
/// cannot be asked for these; tests/types/inline_parts_test.cpp looks at the bytes.
namespace cairn {

// std::variant, of fewer than 255 alternatives:
//
//      0                 index_at           the size of the largest, rounded up to the alignment of
//      | an alternative  | index  u8 |      the strictest; 255 = none, an exception came in between
inline constexpr std::uint64_t variant_alternatives_max = 254;
inline constexpr std::uint8_t variant_valueless = 255;

// boost::container::static_vector:
//
//      0                       size_at
//      | capacity elements     | size  u64 |
inline constexpr std::uint64_t static_vector_size_bytes = 8;

// boost::static_string:
//
//      0             width
//      | size  u<8w> | capacity + 1 characters, a zero behind the last |

/// Bytes of the size of a static_string: the fewest that can tell its capacity.
constexpr std::uint64_t static_string_width(std::uint64_t capacity) noexcept {
  return capacity <= 0xFF ? 1 : capacity <= 0xFFFF ? 2 : capacity <= 0xFFFFFFFF ? 4 : 8;
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cairn/types/pointer_format.hpp"

namespace cairn {

/// What a `String` stores in place. The last byte tells the two shapes apart:
///
///      0                                             23       24
///      | up to 23 characters, then a zero byte        | room  |   short, room = 23 - size <= 23
///      | distance  i64 | size  u64 | capacity u56     | 0x80  |   long
///
/// Rules: a short string of 23 characters has its terminating zero in `room`. A long one owns a
/// block of `capacity + 1` bytes, size <= capacity, with a zero behind the last character. Either
/// shape may hold any size that fits. Short strings leave the bytes behind the zero undefined.
union StringFormat {
  struct Long {
    std::int64_t distance;
    std::uint64_t size;
    std::uint64_t capacity_and_tag;
  };

  char short_chars[24];
  Long long_form;
};

inline constexpr std::uint64_t string_short_capacity = 23;
inline constexpr std::uint64_t string_tag_byte = 23;
inline constexpr std::uint8_t string_long_tag = 0x80;
inline constexpr std::uint64_t string_long_tag_bits = std::uint64_t{string_long_tag} << 56;
/// Longest string that the 56 bits of `capacity` can tell.
inline constexpr std::uint64_t string_max_size = (std::uint64_t{1} << 56) - 2;

static_assert(sizeof(StringFormat) == 24 && alignof(StringFormat) == 8);
static_assert(offsetof(StringFormat::Long, distance) == 0 &&
              offsetof(StringFormat::Long, size) == 8 &&
              offsetof(StringFormat::Long, capacity_and_tag) == 16);
static_assert(std::is_trivially_copyable_v<StringFormat>);

}  // namespace cairn

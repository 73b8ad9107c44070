// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cairn/types/pointer_format.hpp"

namespace cairn {

/// What a `Segmented<T>` stores in place.
///
///      0               8               16              24
///      | distance  i64 | size      u64 | segments  u64 |
///        |
///        +--> directory: segment_directory_slots(segments) distances, each from its own slot to a
///             segment; the first `segments` of them are set
///
/// Segment k holds `1 << (segment_first_bits + k)` elements and never moves. Only the directory is
/// made anew as it grows.
///
/// Rules: no segments go with the null distance and size 0, and only these. size is at most what
/// the segments hold. Elements from `size` on are not objects.
struct SegmentedFormat {
  std::int64_t distance = null_distance;
  std::uint64_t size = 0;
  std::uint64_t segments = 0;
};

static_assert(sizeof(SegmentedFormat) == 24 && alignof(SegmentedFormat) == 8);
static_assert(offsetof(SegmentedFormat, distance) == 0 && offsetof(SegmentedFormat, size) == 8 &&
              offsetof(SegmentedFormat, segments) == 16);
static_assert(std::is_trivially_copyable_v<SegmentedFormat>);

/// More than any heap has room for.
inline constexpr std::uint64_t segments_max = 48;

/// The first segment has up to 256 bytes, or one element.
constexpr std::uint32_t segment_first_bits(std::uint64_t element_bytes) noexcept {
  return element_bytes >= 256 ? 0
                              : static_cast<std::uint32_t>(std::bit_width(256 / element_bytes) - 1);
}
/// Elements of segment `k`.
constexpr std::uint64_t segment_elements(std::uint32_t first_bits, std::uint64_t k) noexcept {
  return std::uint64_t{1} << (first_bits + k);
}
/// Elements that the first `segments` segments hold together.
constexpr std::uint64_t segments_capacity(std::uint32_t first_bits,
                                          std::uint64_t segments) noexcept {
  return segment_elements(first_bits, segments) - segment_elements(first_bits, 0);
}
/// Slots of a directory for that many segments.
constexpr std::uint64_t segment_directory_slots(std::uint64_t segments) noexcept {
  return segments == 0 ? 0 : segments <= 4 ? 4 : std::bit_ceil(segments);
}

struct SegmentPlace {
  std::uint64_t segment;
  std::uint64_t index;  ///< within it
};
constexpr SegmentPlace segment_place(std::uint32_t first_bits, std::uint64_t index) noexcept {
  const std::uint64_t shifted = index + segment_elements(first_bits, 0);
  const auto top = static_cast<std::uint32_t>(std::bit_width(shifted) - 1);
  return {top - first_bits, shifted - (std::uint64_t{1} << top)};
}

static_assert(segment_place(5, 0).segment == 0 && segment_place(5, 31).index == 31);
static_assert(segment_place(5, 32).segment == 1 && segment_place(5, 32).index == 0);
static_assert(segments_capacity(5, 2) == 96);

}  // namespace cairn

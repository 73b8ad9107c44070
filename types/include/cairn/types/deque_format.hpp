// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cairn/types/head_number.hpp"
#include "cairn/types/pointer_format.hpp"

namespace cairn {

/// What a `Deque<T>` stores in place; the elements are in a block of `capacity * sizeof(T)` bytes
/// that is used as a ring.
///
///      0               8               16              24              32
///      | distance  i64 | size      u64 | capacity  u64 | front     u64 |
///
///      block:   | 3rd | 4th |     |     | 1st | 2nd |       here capacity 6, size 4, front 4
///
/// Rules: size <= capacity; element i is in slot (front + i) modulo capacity; front < capacity. A
/// capacity of 0 goes with the null distance, and only that, and with a front of 0. The other slots
/// are not objects: their bytes mean nothing.
struct DequeFormat {
  HeadNumber<std::int64_t> distance = null_distance;
  HeadNumber<std::uint64_t> size = 0;
  HeadNumber<std::uint64_t> capacity = 0;
  HeadNumber<std::uint64_t> front = 0;
};

static_assert(sizeof(DequeFormat) == 32 && alignof(DequeFormat) == 8);
static_assert(offsetof(DequeFormat, distance) == 0 && offsetof(DequeFormat, size) == 8 &&
              offsetof(DequeFormat, capacity) == 16 && offsetof(DequeFormat, front) == 24);
static_assert(std::is_trivially_copyable_v<DequeFormat>);

/// The slot of what lies `position` slots from the block's begin on around the ring, at most once.
constexpr std::uint64_t deque_slot(std::uint64_t position, std::uint64_t capacity) noexcept {
  return position < capacity ? position : position - capacity;
}

}  // namespace cairn

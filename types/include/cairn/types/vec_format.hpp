// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cairn/types/head_number.hpp"
#include "cairn/types/pointer_format.hpp"

namespace cairn {

/// What a `Vec<T>` stores in place; the elements are in a block of `capacity * sizeof(T)` bytes.
///
///      0               8               16              24
///      | distance  i64 | size      u64 | capacity  u64 |
///
/// Rules: size <= capacity. A capacity of 0 goes with the null distance, and only that. Elements
/// from `size` on are not objects: their bytes mean nothing.
struct VecFormat {
  HeadNumber<std::int64_t> distance = null_distance;
  HeadNumber<std::uint64_t> size = 0;
  HeadNumber<std::uint64_t> capacity = 0;
};

static_assert(sizeof(VecFormat) == 24 && alignof(VecFormat) == 8);
static_assert(offsetof(VecFormat, distance) == 0 && offsetof(VecFormat, size) == 8 &&
              offsetof(VecFormat, capacity) == 16);
static_assert(std::is_trivially_copyable_v<VecFormat>);

}  // namespace cairn

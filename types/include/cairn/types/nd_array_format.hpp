// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cairn/types/vec_format.hpp"

namespace cairn {

/// What an `NdArray<T, Rank>` stores in place: a Vec of its elements in row-major order (the last
/// index runs fastest), then how many there are in each dimension.
///
///      0                  24                    24 + 8 * Rank
///      | VecFormat        | extents u64[Rank]   |
///
/// Rules: those of a Vec, and the product of the extents is its size.
template <std::size_t Rank>
struct NdArrayFormat {
  VecFormat elements;
  std::uint64_t extents[Rank];
};

static_assert(sizeof(NdArrayFormat<1>) == 32 && sizeof(NdArrayFormat<3>) == 48);
static_assert(offsetof(NdArrayFormat<2>, elements) == 0 &&
              offsetof(NdArrayFormat<2>, extents) == 24);
static_assert(std::is_trivially_copyable_v<NdArrayFormat<2>>);

/// Larger ranks are refused, by the compiler and when a description is read.
inline constexpr std::uint64_t nd_array_rank_max = 16;

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

#include "cairn/recovery/header_format.hpp"

namespace cairn {

class Overlay;
class ReaderLanes;

/// This thread's place in one store's reader lanes.
struct ThreadLane {
  std::uint64_t store_id = 0;  ///< ReaderLanes::id of the store, 0 none
  ReaderLanes* lanes = nullptr;
  ReaderLane* lane = nullptr;
  /// What the open section reads; nullptr: the shared image.
  Overlay* overlay = nullptr;
  std::uint64_t sequence = 0;  ///< what the open section reads at
  std::uint32_t depth = 0;     ///< sections open within one another
  /// The lane goes on holding `sequence` between sections, unless a publisher took it back.
  bool keeps = false;
  /// Of a thread that has read little yet.
  static constexpr std::uint32_t least_owed = 64;
  /// Sections that it has to enter with a fence of their own before it may keep its lane (again).
  std::uint32_t fences_owed = least_owed;
};

namespace detail {
struct HotLane {
  std::uint64_t store_id;
  ThreadLane* lane;
  std::uint32_t lanes;  ///< how many this thread has, in all stores
};
/// The lane that this thread used last, so that entering costs no search.
/// No store's while this thread has none: 0 is the id of stores that are shut.
inline constexpr std::uint64_t no_store_id = ~std::uint64_t{0};
inline constinit thread_local HotLane hot_lane{no_store_id, nullptr, 0};
}  // namespace detail

}  // namespace cairn

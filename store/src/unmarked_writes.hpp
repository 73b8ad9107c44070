// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cairn/heap_bytes.hpp"

namespace cairn {

/// Lines that differ from what is committed although nothing declared a change.
struct UnmarkedLines {
  static constexpr std::size_t kept = 8;

  std::vector<std::uint64_t> offsets;  ///< of the first `kept`
  std::uint64_t count = 0;

  void add(std::uint64_t offset) {
    ++count;
    if (offsets.size() < kept) offsets.push_back(offset);
  }
};

/// Says whose bytes were changed: the innermost object that a root reaches, or what the block or
/// the heap's state around them is; with type, offset, and the bytes before and after.
///
/// `ours` is the view with the changes, `committed` the one without.
/// Complexity: a walk over all objects of either view.
std::string describe(const UnmarkedLines& lines, const HeapBytes& ours, const HeapBytes& committed,
                     const std::string& path);

}  // namespace cairn

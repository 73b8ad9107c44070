// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

/// The bytes of a store that objects may lie in: file offsets [begin, end), mapped at base +
/// offset.
struct HeapBytes {
  const std::byte* base = nullptr;
  std::uint64_t end = 0;
  std::uint64_t begin = 0;
};

}  // namespace cairn

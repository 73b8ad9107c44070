// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace cairn {

/// The bytes of a store that objects may lie in: file offsets [begin, end), mapped at base +
/// offset.
struct HeapBytes {
  const std::byte* base = nullptr;
  std::uint64_t end = 0;
  std::uint64_t begin = 0;

  /// What stands at an offset. Requires: all of it lies in the store's bytes.
  template <class T>
  T load(std::uint64_t at) const noexcept {
    T value;
    std::memcpy(&value, base + at, sizeof value);
    return value;
  }
};

}  // namespace cairn

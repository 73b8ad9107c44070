// SPDX-License-Identifier: BSL-1.0
#include "cairn/hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace cairn {

std::uint64_t hash_bytes(const void* data, std::size_t bytes) noexcept {
  return XXH3_64bits(data, bytes);
}

}  // namespace cairn

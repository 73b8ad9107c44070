// SPDX-License-Identifier: BSL-1.0
#include "cairn/recovery/checksum.hpp"

#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace cairn {

std::uint64_t checksum(std::span<const std::byte> bytes, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t checksum_seed(const std::array<std::byte, 16>& uuid) noexcept {
  return checksum(uuid, 0);
}

}  // namespace cairn

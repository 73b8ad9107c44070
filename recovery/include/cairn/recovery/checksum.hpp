// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace cairn {

/// XXH3, 64 bits.
std::uint64_t checksum(std::span<const std::byte> bytes, std::uint64_t seed) noexcept;

/// The seed that ties records and meta slots to their store.
std::uint64_t checksum_seed(const std::array<std::byte, 16>& uuid) noexcept;

/// Checksum of all bytes of a stored struct that precede its last field, `checksum`.
template <class Stored>
std::uint64_t struct_checksum(const Stored& stored, std::uint64_t seed) noexcept {
  return checksum(std::as_bytes(std::span(&stored, 1)).first(offsetof(Stored, checksum)), seed);
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "cairn/types/hash_map_format.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace cairn::detail {

/// Bit i for slot i of a chunk.
using SlotMask = std::uint32_t;
inline constexpr SlotMask all_slots = 0x7FFF;

/// As an index of 64 bits, which addresses need no extension of. Requires: mask != 0.
inline std::uint64_t first_slot(SlotMask mask) noexcept {
  return static_cast<std::uint64_t>(std::countr_zero(mask));
}

/// The 15 tags of a chunk, compared at once, in plain C++: eight bytes at a time.
class PortableTagGroup {
 public:
  explicit PortableTagGroup(const HashChunkFormat* chunk) noexcept {
    std::memcpy(words_, chunk, sizeof words_);
  }

  SlotMask matching(std::uint8_t tag) const noexcept {
    return pack(equal_bytes(words_[0], tag), equal_bytes(words_[1], tag));
  }
  SlotMask occupied() const noexcept { return pack(words_[0] & high_bits, words_[1] & high_bits); }
  SlotMask free() const noexcept { return occupied() ^ all_slots; }

 private:
  static constexpr std::uint64_t high_bits = 0x8080808080808080ULL;
  static constexpr std::uint64_t low_bits = 0x0101010101010101ULL;

  /// The high bit of each byte that equals `tag`; exact, no carry passes between bytes.
  static std::uint64_t equal_bytes(std::uint64_t word, std::uint8_t tag) noexcept {
    const std::uint64_t differing = word ^ (low_bits * tag);
    return ~(((differing & ~high_bits) + ~high_bits) | differing) & high_bits;
  }
  /// The high bits of 16 bytes as 15 adjacent bits: the last byte is no tag.
  static SlotMask pack(std::uint64_t first, std::uint64_t second) noexcept {
    constexpr std::uint64_t gather = 0x0002040810204081ULL;
    const auto low = static_cast<SlotMask>((first * gather) >> 56);
    const auto high = static_cast<SlotMask>((second * gather) >> 56);
    return (low | high << 8) & all_slots;
  }

  std::uint64_t words_[2];
};

#if defined(__SSE2__)

/// The same in two instructions.
class SimdTagGroup {
 public:
  explicit SimdTagGroup(const HashChunkFormat* chunk) noexcept
      : bytes_(_mm_loadu_si128(reinterpret_cast<const __m128i*>(chunk))) {}

  SlotMask matching(std::uint8_t tag) const noexcept {
    const __m128i wanted = _mm_set1_epi8(static_cast<char>(tag));
    return static_cast<SlotMask>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes_, wanted))) & all_slots;
  }
  SlotMask occupied() const noexcept {
    return static_cast<SlotMask>(_mm_movemask_epi8(bytes_)) & all_slots;
  }
  SlotMask free() const noexcept { return occupied() ^ all_slots; }

 private:
  __m128i bytes_;
};

using TagGroup = SimdTagGroup;

#else

using TagGroup = PortableTagGroup;

#endif

}  // namespace cairn::detail

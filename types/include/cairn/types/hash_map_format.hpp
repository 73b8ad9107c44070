// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cairn/types/pointer_format.hpp"

namespace cairn {

/// What a `HashMap<K, V>` stores in place. The elements are in a table of `1 << chunk_bits` chunks.
///
///      0               8               16           17            18             19           24
///      | distance  i64 | size      u64 | chunk_bits | chunk_slots | hash_version | zero [5]   |
///
/// Rules: a null distance goes with all other fields zero but hash_version. `chunk_slots` is 15,
/// except that a table of one chunk may have 2 or 6. size <= hash_map_capacity(...).
struct HashMapFormat {
  std::int64_t distance = null_distance;
  std::uint64_t size = 0;
  std::uint8_t chunk_bits = 0;
  std::uint8_t chunk_slots = 0;
  std::uint8_t hash_version = 1;
  std::uint8_t reserved[5] = {};
};

static_assert(sizeof(HashMapFormat) == 24 && alignof(HashMapFormat) == 8);
static_assert(offsetof(HashMapFormat, distance) == 0 && offsetof(HashMapFormat, size) == 8 &&
              offsetof(HashMapFormat, chunk_bits) == 16 &&
              offsetof(HashMapFormat, chunk_slots) == 17 &&
              offsetof(HashMapFormat, hash_version) == 18 &&
              offsetof(HashMapFormat, reserved) == 19);
static_assert(std::is_trivially_copyable_v<HashMapFormat>);

/// The head of a chunk; `chunk_slots` slots follow at hash_chunk_slots_at(alignment).
///
///      0     1           15         16
///      | tag | ...  [15] | overflow | slot 0 | slot 1 | ... | slot 14 |
///
/// tag:       0 = the slot is free; else 0x80 | the top 7 bits of the key's hash.
/// overflow:  how many elements passed by this chunk because it was full when they came; 255 means
///            255 or more and stays. A search ends at the first chunk where it is 0.
///
/// An element's chunks are tried in the order hash, hash + d, hash + 2d, ... modulo the number of
/// chunks, with d = 2 * tag + 1. This is the scheme of F14 (N. Bronson and X. Shi, "Open-sourcing
/// F14", Facebook Engineering, 2019): tags are compared 16 at a time, and erasing leaves no
/// tombstones.
struct HashChunkFormat {
  std::uint8_t tags[15];
  std::uint8_t overflow;
};

static_assert(sizeof(HashChunkFormat) == 16);
static_assert(std::is_trivially_copyable_v<HashChunkFormat>);

inline constexpr std::uint64_t hash_chunk_head_bytes = 16;
inline constexpr std::uint64_t hash_chunk_slots_max = 15;
inline constexpr std::uint8_t hash_overflow_max = 255;
inline constexpr std::uint32_t hash_chunk_bits_max = 48;
/// Elements per chunk beyond which a table of several chunks doubles.
inline constexpr std::uint64_t hash_chunk_load_max = 13;

constexpr std::uint8_t hash_tag(std::uint64_t hash) noexcept {
  return static_cast<std::uint8_t>(0x80U | (hash >> 57));
}
constexpr std::uint64_t hash_probe_step(std::uint8_t tag) noexcept {
  return 2 * std::uint64_t{tag} + 1;
}
/// Where the first slot of a chunk begins.
constexpr std::uint64_t hash_chunk_slots_at(std::uint64_t slot_alignment) noexcept {
  return slot_alignment > hash_chunk_head_bytes ? slot_alignment : hash_chunk_head_bytes;
}
/// From one chunk to the next in a table of several; the head never straddles a line.
constexpr std::uint64_t hash_chunk_stride(std::uint64_t slot_bytes,
                                          std::uint64_t slot_alignment) noexcept {
  const std::uint64_t align = hash_chunk_slots_at(slot_alignment);
  return (align + hash_chunk_slots_max * slot_bytes + align - 1) / align * align;
}
/// Bytes of the block that holds a table of this shape.
constexpr std::uint64_t hash_table_bytes(std::uint32_t chunk_bits, std::uint64_t chunk_slots,
                                         std::uint64_t slot_bytes,
                                         std::uint64_t slot_alignment) noexcept {
  if (chunk_bits == 0) return hash_chunk_slots_at(slot_alignment) + chunk_slots * slot_bytes;
  return hash_chunk_stride(slot_bytes, slot_alignment) << chunk_bits;
}
/// The address a table is aligned to: several chunks begin at a line of their own.
constexpr std::uint64_t hash_table_alignment(std::uint32_t chunk_bits,
                                             std::uint64_t slot_alignment) noexcept {
  const std::uint64_t align = hash_chunk_slots_at(slot_alignment);
  return chunk_bits != 0 && align < 64 ? 64 : align;
}
/// Most elements that a table of this shape takes before it grows.
constexpr std::uint64_t hash_map_capacity(std::uint32_t chunk_bits,
                                          std::uint64_t chunk_slots) noexcept {
  return chunk_bits == 0 ? chunk_slots : hash_chunk_load_max << chunk_bits;
}

static_assert(hash_table_bytes(4, 15, 16, 8) == 16 * 256, "u64 to u64: a chunk is four lines");

}  // namespace cairn

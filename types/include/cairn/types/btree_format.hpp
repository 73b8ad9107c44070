// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cairn/types/pointer_format.hpp"

namespace cairn {

/// What a `BTreeMap<K, V, C>` or `BTreeSet<T, C>` stores in place.
///
///      0               8               16              24              32       33           40
///      | root      i64 | first     i64 | last      i64 | size      u64 | levels | zero [7]   |
///
/// root, first, last: the distances from this struct to the root, the first leaf and the last.
/// levels:            nodes on the way from the root to a leaf, both counted.
///
/// Rules: the three distances are null together, and then all other fields are zero. size and
/// levels are those of the nodes.
struct BTreeFormat {
  std::int64_t root = null_distance;
  std::int64_t first = null_distance;
  std::int64_t last = null_distance;
  std::uint64_t size = 0;
  std::uint8_t levels = 0;
  std::uint8_t reserved[7] = {};
};

static_assert(sizeof(BTreeFormat) == 40 && alignof(BTreeFormat) == 8);
static_assert(offsetof(BTreeFormat, root) == 0 && offsetof(BTreeFormat, first) == 8 &&
              offsetof(BTreeFormat, last) == 16 && offsetof(BTreeFormat, size) == 24 &&
              offsetof(BTreeFormat, levels) == 32 && offsetof(BTreeFormat, reserved) == 33);
static_assert(std::is_trivially_copyable_v<BTreeFormat>);

/// The head of a node. `slots` slots follow at btree_slots_at(alignment), of which the first
/// `count` hold elements; in an inner node `slots + 1` children follow these, of which the first
/// `count + 1` mean something.
///
///      0              8       9       10      11        16
///      | parent   i64 | level | count | slots | zero[5] | slot 0 | ... | child 0 i64 | child 1 ...
///
/// parent:  the distance from this node to the one above it; null in the root.
/// level:   0 in a leaf, else one more than in the children.
/// child i: the distance from *this node* (not from the field: so that children can be moved up and
///          down in one go) to the node with the elements between slots i - 1 and i.
///
/// Rules: 1 <= count <= slots. `slots` is btree_node_slots(...), except that the only node of a
/// small tree may have fewer. Elements are in inner nodes and leaves alike, in the order of the
/// comparator.
struct BTreeNodeFormat {
  std::int64_t parent = null_distance;
  std::uint8_t level = 0;
  std::uint8_t count = 0;
  std::uint8_t slots = 0;
  std::uint8_t reserved[5] = {};
};

static_assert(sizeof(BTreeNodeFormat) == 16 && alignof(BTreeNodeFormat) == 8);
static_assert(offsetof(BTreeNodeFormat, parent) == 0 && offsetof(BTreeNodeFormat, level) == 8 &&
              offsetof(BTreeNodeFormat, count) == 9 && offsetof(BTreeNodeFormat, slots) == 10 &&
              offsetof(BTreeNodeFormat, reserved) == 11);
static_assert(std::is_trivially_copyable_v<BTreeNodeFormat>);

inline constexpr std::uint64_t btree_node_head_bytes = 16;
/// What a leaf is to fill: four lines.
inline constexpr std::uint64_t btree_leaf_bytes = 256;
inline constexpr std::uint64_t btree_slots_min = 4;
inline constexpr std::uint64_t btree_slots_max = 60;
/// Elements of more bytes stand in blocks of their own.
inline constexpr std::uint64_t btree_direct_bytes_max = 256;
/// More than any tree has whose nodes hold an element each and have two children.
inline constexpr std::uint8_t btree_levels_max = 48;

/// Where the first slot of a node begins.
constexpr std::uint64_t btree_slots_at(std::uint64_t slot_alignment) noexcept {
  return slot_alignment > btree_node_head_bytes ? slot_alignment : btree_node_head_bytes;
}
/// How many slots a node has.
constexpr std::uint64_t btree_node_slots(std::uint64_t slot_bytes,
                                         std::uint64_t slot_alignment) noexcept {
  const std::uint64_t at = btree_slots_at(slot_alignment);
  const std::uint64_t fitting = at < btree_leaf_bytes ? (btree_leaf_bytes - at) / slot_bytes : 0;
  if (fitting < btree_slots_min) return btree_slots_min;
  return fitting < btree_slots_max ? fitting : btree_slots_max;
}
/// Bytes of the block that holds a leaf with so many slots.
constexpr std::uint64_t btree_leaf_block_bytes(std::uint64_t slots, std::uint64_t slot_bytes,
                                               std::uint64_t slot_alignment) noexcept {
  return btree_slots_at(slot_alignment) + slots * slot_bytes;
}
/// Where the children of an inner node begin.
constexpr std::uint64_t btree_children_at(std::uint64_t slot_bytes,
                                          std::uint64_t slot_alignment) noexcept {
  const std::uint64_t end = btree_leaf_block_bytes(btree_node_slots(slot_bytes, slot_alignment),
                                                   slot_bytes, slot_alignment);
  return (end + stored_pointer_bytes - 1) / stored_pointer_bytes * stored_pointer_bytes;
}
/// Bytes of the block that holds an inner node.
constexpr std::uint64_t btree_inner_block_bytes(std::uint64_t slot_bytes,
                                                std::uint64_t slot_alignment) noexcept {
  return btree_children_at(slot_bytes, slot_alignment) +
         (btree_node_slots(slot_bytes, slot_alignment) + 1) * stored_pointer_bytes;
}

static_assert(btree_node_slots(16, 8) == 15, "u64 to u64");
static_assert(btree_leaf_block_bytes(15, 16, 8) == 256 && btree_inner_block_bytes(16, 8) == 384,
              "u64 to u64: both are blocks that the heap has without rounding");

}  // namespace cairn

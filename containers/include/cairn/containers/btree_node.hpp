// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "cairn/containers/block.hpp"
#include "cairn/containers/relocate.hpp"
#include "cairn/types/btree_format.hpp"

namespace cairn::detail {

/// The slot of an element that stands in a block of its own.
struct BTreeBoxedSlot {
  std::int64_t distance;
};

/// How the elements of a tree lie in the slots of its nodes, and how they change slots.
///
/// Elements move when others come and go, so they have to relocate quietly. Those that cannot (they
/// have to be asked, and may refuse half-way), and large ones, stand in blocks of their own and
/// never move: what a slot holds then is the distance to the block.
template <class Policy>
struct BTreeSlots {
  using Value = typename Policy::Value;

  static constexpr bool boxed =
      !relocates_quietly<Value>() || sizeof(Value) > btree_direct_bytes_max;
  static constexpr bool bytewise = !boxed && std::is_trivially_copyable_v<Value>;

  using Slot = std::conditional_t<boxed, BTreeBoxedSlot, Value>;

  static Value* value(Slot* slot) noexcept {
    if constexpr (boxed) {
      return target_at<Value>(slot, slot->distance);
    } else {
      return slot;
    }
  }
  static void relocate(Slot* from, Slot* to) noexcept {
    if constexpr (boxed) {
      to->distance = distance_to(to, value(from));
    } else {
      relocate_quietly(from, to);
    }
  }
  /// To slots of which none, or only such as were relocated before, are among the old ones.
  static void relocate_n(Slot* from, std::size_t count, Slot* to) noexcept {
    if constexpr (bytewise) {
      std::memmove(static_cast<void*>(to), static_cast<const void*>(from), count * sizeof(Slot));
    } else if (to < from) {
      for (std::size_t i = 0; i < count; ++i) relocate(from + i, to + i);
    } else {
      for (std::size_t i = count; i-- > 0;) relocate(from + i, to + i);
    }
  }
  /// Ends the life of an element, with its block if it has one.
  static void destroy(Slot* slot) {
    destroy_stored(value(slot));
    if constexpr (boxed) free_block(value(slot), sizeof(Value));
  }
  /// The same from a destructor.
  static void drop(Slot* slot) noexcept {
    if constexpr (boxed || !std::is_trivially_destructible_v<Value>) {
      try {
        destroy_stored(value(slot));
      } catch (...) {  // NOLINT(bugprone-empty-catch): over budget; the parts stay allocated
      }
      if constexpr (boxed) drop_block(value(slot), sizeof(Value));
    }
  }
};

/// A node of a tree: a pointer to it that knows its layout (btree_format.hpp).
template <class Policy>
class BTreeNode {
 public:
  using Slots = BTreeSlots<Policy>;
  using Slot = typename Slots::Slot;
  using Value = typename Slots::Value;

  static constexpr unsigned max_slots =
      static_cast<unsigned>(btree_node_slots(sizeof(Slot), alignof(Slot)));
  static constexpr std::size_t alignment = std::max(alignof(Slot), alignof(BTreeNodeFormat));
  static_assert(std::is_trivially_copyable_v<BTreeNodeFormat>);

  BTreeNode() noexcept = default;
  explicit BTreeNode(BTreeNodeFormat* head) noexcept : head_(head) {}

  explicit operator bool() const noexcept { return head_ != nullptr; }
  friend bool operator==(BTreeNode a, BTreeNode b) noexcept { return a.head_ == b.head_; }

  BTreeNodeFormat* head() const noexcept { return head_; }
  unsigned level() const noexcept { return head_->level; }
  unsigned count() const noexcept { return head_->count; }
  unsigned slots() const noexcept { return head_->slots; }
  bool is_leaf() const noexcept { return head_->level == 0; }
  bool is_root() const noexcept { return head_->parent == null_distance; }
  bool is_full() const noexcept { return head_->count == head_->slots; }

  Slot* slot(unsigned index) const noexcept {
    return reinterpret_cast<Slot*>(bytes() + btree_slots_at(alignof(Slot))) + index;
  }
  Value* value(unsigned index) const noexcept { return Slots::value(slot(index)); }
  decltype(auto) key(unsigned index) const noexcept {
    return Policy::key(std::as_const(*value(index)));
  }
  /// The distances to the children. Requires: not a leaf.
  std::int64_t* children() const noexcept {
    return reinterpret_cast<std::int64_t*>(bytes() +
                                           btree_children_at(sizeof(Slot), alignof(Slot)));
  }
  BTreeNode child(unsigned index) const noexcept {
    return BTreeNode(target_at<BTreeNodeFormat>(head_, children()[index]));
  }
  /// Requires: not the root.
  BTreeNode parent() const noexcept {
    return BTreeNode(target_at<BTreeNodeFormat>(head_, head_->parent));
  }
  /// Which child of its parent this is. Nodes do not store that: each split would have to change
  /// it, and so to log a line, in half of the siblings.
  unsigned index_in(BTreeNode parent, unsigned guess = 0) const noexcept {
    const std::int64_t wanted = distance_to(parent.head_, head_);
    const std::int64_t* const children = parent.children();
    const unsigned last = parent.count();
    if (guess <= last && children[guess] == wanted) return guess;
    unsigned index = 0;
    while (index < last && children[index] != wanted) ++index;
    return index;
  }
  BTreeNode first_leaf() const noexcept {
    BTreeNode node = *this;
    for (unsigned left = level(); left > 0; --left) node = node.child(0);
    return node;
  }
  BTreeNode last_leaf() const noexcept {
    BTreeNode node = *this;
    for (unsigned left = level(); left > 0; --left) node = node.child(node.count());
    return node;
  }

  /// Fetches the lines of a node together: who reads it would ask for one after the other.
  void prefetch(bool leaf = true) const noexcept {
    constexpr std::size_t leaf_end = btree_leaf_block_bytes(max_slots, sizeof(Slot), alignof(Slot));
    constexpr std::size_t inner_end = btree_inner_block_bytes(sizeof(Slot), alignof(Slot));
    prefetch_lines(0, leaf_end);
    if (!leaf) prefetch_lines(leaf_end, inner_end);
  }

  // Declaring changes.

  void mark_head() const { mark(head_, sizeof *head_); }
  void mark_count() const { mark(&head_->count, sizeof head_->count); }
  /// The count, and slots, of which there may be none.
  void mark_count_and_slots(unsigned first, unsigned count) const {
    mark_scattered_run(&head_->count, slot(first), count * sizeof(Slot));
  }
  void mark_slots(unsigned first, unsigned count) const {
    if (count != 0) mark(slot(first), count * sizeof(Slot));
  }
  void mark_children(unsigned first, unsigned count) const {
    if (count != 0) mark(children() + first, count * sizeof(std::int64_t));
  }
  /// The links of children to this node, which change when they get another parent.
  void mark_links_of(unsigned first, unsigned count) const {
    for (unsigned i = first; i < first + count; ++i) {
      mark(&child(i).head_->parent, sizeof head_->parent);
    }
  }

  // Changes, of what is marked.

  void set_count(unsigned count) const noexcept { head_->count = static_cast<std::uint8_t>(count); }
  void set_child(unsigned index, BTreeNode child) const noexcept {
    children()[index] = distance_to(head_, child.head_);
    child.set_parent(*this);
  }
  void set_parent(BTreeNode parent) const noexcept {
    head_->parent = parent ? distance_to(head_, parent.head_) : null_distance;
  }
  /// Moves the slots from `index` on by `by` places up.
  void open_slots(unsigned index, unsigned by) const noexcept {
    Slots::relocate_n(slot(index), count() - index, slot(index + by));
  }
  /// Moves the slots from `index` on by `by` places down, over what is there.
  void close_slots(unsigned index, unsigned by) const noexcept {
    Slots::relocate_n(slot(index), count() - index, slot(index - by));
  }
  void move_children(unsigned from, unsigned count, unsigned to) const noexcept {
    std::memmove(children() + to, children() + from, count * sizeof(std::int64_t));
  }
  /// Takes `count` children of `other`, which lets go of them afterwards.
  void take_children(unsigned to, BTreeNode other, unsigned from, unsigned count) const noexcept {
    for (unsigned i = 0; i < count; ++i) set_child(to + i, other.child(from + i));
  }

  // Blocks.

  static std::size_t block_bytes(bool leaf, unsigned slots) noexcept {
    return leaf ? btree_leaf_block_bytes(slots, sizeof(Slot), alignof(Slot))
                : btree_inner_block_bytes(sizeof(Slot), alignof(Slot));
  }
  std::size_t block_bytes() const noexcept { return block_bytes(is_leaf(), slots()); }
  /// How many slots the only leaf of a tree gets when `slots` are too few: small trees are many.
  static unsigned grown_slots(unsigned slots) noexcept {
    constexpr std::size_t first_bytes = 64;
    constexpr std::size_t at = btree_slots_at(alignof(Slot));
    constexpr std::size_t first =
        at + sizeof(Slot) < first_bytes ? (first_bytes - at) / sizeof(Slot) : 1;
    const std::size_t grown = slots == 0 ? first : 2 * std::size_t{slots} + 1;
    return grown > max_slots * 3 / 4 ? max_slots : static_cast<unsigned>(grown);
  }

 private:
  /// What else a large node has is not worth a place in the queue of misses.
  static constexpr std::size_t prefetched_bytes = 512;

  std::byte* bytes() const noexcept { return reinterpret_cast<std::byte*>(head_); }
  void prefetch_lines(std::size_t begin, std::size_t end) const noexcept {
    constexpr std::size_t line = 64;
    end = std::min(end, prefetched_bytes);
    for (std::size_t at = begin; at < end; at += line) __builtin_prefetch(bytes() + at);
  }

  BTreeNodeFormat* head_ = nullptr;
};

/// A node that no tree has yet, empty and marked as a whole; it goes unless it is released.
template <class Policy>
class BTreeNewNode {
 public:
  using Node = BTreeNode<Policy>;

  /// In the store of `home`.
  BTreeNewNode(const void* home, unsigned level, unsigned slots)
      : block_(home, Node::block_bytes(level == 0, slots), Node::alignment,
               Node::block_bytes(level == 0, slots)) {
    auto* const head = ::new (static_cast<void*>(block_.data())) BTreeNodeFormat;
    head->level = static_cast<std::uint8_t>(level);
    head->slots = static_cast<std::uint8_t>(slots);
  }

  Node node() const noexcept { return Node(reinterpret_cast<BTreeNodeFormat*>(block_.data())); }
  Node release() noexcept { return Node(reinterpret_cast<BTreeNodeFormat*>(block_.release())); }

 private:
  NewBlock block_;
};

/// Nodes that wait for the steps of an insert that will need them; those left over go.
template <class Policy>
class BTreeSpareNodes {
 public:
  using Node = BTreeNode<Policy>;

  BTreeSpareNodes() noexcept = default;
  BTreeSpareNodes(const BTreeSpareNodes&) = delete;
  BTreeSpareNodes& operator=(const BTreeSpareNodes&) = delete;
  ~BTreeSpareNodes() {
    while (top_) {
      const Node spare = take();
      drop_block(spare.head(), spare.block_bytes());
    }
  }

  void add(BTreeNewNode<Policy> fresh) noexcept {
    const Node node = fresh.release();
    node.set_parent(top_);
    top_ = node;
  }
  /// The one that was added last, empty and marked as a whole. Requires: there is one.
  Node take() noexcept {
    const Node taken = top_;
    top_ = taken.is_root() ? Node() : taken.parent();
    taken.set_parent({});
    return taken;
  }

 private:
  Node top_;  ///< its parent is the one below it
};

/// An element that is made before its place is: its arguments may lie in the tree, and where it
/// cannot be made nothing has changed.
template <class Policy>
class BTreeNewElement {
  using Slots = BTreeSlots<Policy>;
  using Value = typename Slots::Value;

 public:
  /// For a tree in the store of `home`; `construct(Value*)` makes the element.
  template <class Construct>
  BTreeNewElement(const void* home, Construct&& construct) {
    if constexpr (Slots::boxed) {
      NewBlock block(home, sizeof(Value), alignof(Value), sizeof(Value));
      construct(reinterpret_cast<Value*>(block.data()));
      block_ = block.release();
    } else if constexpr (Slots::bytewise) {
      construct(value());
    } else {
      const MadeFor made_for(aside_, sizeof aside_, home);
      construct(value());
    }
    made_ = true;
  }
  BTreeNewElement(const BTreeNewElement&) = delete;
  BTreeNewElement& operator=(const BTreeNewElement&) = delete;
  ~BTreeNewElement() {
    if (made_) std::destroy_at(value());
    if (block_ != nullptr) drop_block(block_, sizeof(Value));
  }

  Value* value() noexcept { return reinterpret_cast<Value*>(Slots::boxed ? block_ : aside_); }
  /// Gives the element to a slot that is marked.
  void put(typename Slots::Slot* slot) noexcept {
    if constexpr (Slots::boxed) {
      slot->distance = distance_to(slot, block_);
      block_ = nullptr;
    } else {
      relocate_quietly(value(), slot);
    }
    made_ = false;
  }

 private:
  alignas(Value) std::byte aside_[Slots::boxed ? 1 : sizeof(Value)];
  std::byte* block_ = nullptr;
  bool made_ = false;
};

}  // namespace cairn::detail

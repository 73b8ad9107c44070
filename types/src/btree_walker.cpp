// SPDX-License-Identifier: BSL-1.0
// How the object walker goes through B-trees: first all nodes are looked at and claimed, so that
// their shape is known to be a tree's; then the elements are visited in order.
#include <algorithm>
#include <vector>

#include "cairn/object_walker.hpp"
#include "cairn/types/btree_format.hpp"
#include "stored_order.hpp"

namespace cairn {
namespace {

bool is_zero(const std::uint8_t* bytes, std::size_t count) noexcept {
  return std::all_of(bytes, bytes + count, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

/// Where the element of a slot stands.
std::uint64_t ObjectWalker::btree_element(const TypeNode& node, std::uint64_t offset,
                                          std::uint64_t index) const {
  const BTreeSlotLayout layout = btree_slot_layout(*tree_, node);
  const std::uint64_t slot = offset + btree_slots_at(layout.slot_align) + index * layout.slot_size;
  return node.boxed ? slot + load<std::uint64_t>(slot) : slot;
}

std::uint64_t ObjectWalker::btree_child(const TypeNode& node, std::uint64_t offset,
                                        std::uint64_t index) const {
  const BTreeSlotLayout layout = btree_slot_layout(*tree_, node);
  return offset +
         load<std::uint64_t>(offset + btree_children_at(layout.slot_size, layout.slot_align) +
                             index * stored_pointer_bytes);
}

void ObjectWalker::visit_btree(const TypeNode& node, std::uint64_t at) {
  const auto tree = load<BTreeFormat>(at);
  const bool empty = tree.root == null_distance;
  if ((tree.first == null_distance) != empty || (tree.last == null_distance) != empty ||
      (tree.size == 0) != empty || (tree.levels == 0) != empty) {
    return problem("a B-tree whose size and pointers contradict each other");
  }
  if (!is_zero(tree.reserved, sizeof tree.reserved) || tree.levels > btree_levels_max) {
    return problem("a B-tree of " + std::to_string(tree.levels) + " levels, or of another version");
  }
  if (empty || !claim_btree_nodes(node, at)) return;
  const std::uint64_t root = at + static_cast<std::uint64_t>(tree.root);
  frames_.push_back(
      {&node, at, root, 0, 3 * std::uint64_t{load<BTreeNodeFormat>(root).count} + 1, tree.size});
}

/// Proves that the nodes are a tree's: each has one owner, knows its parent, has elements and room
/// for them, and all leaves are as far from the root as the header says.
bool ObjectWalker::claim_btree_nodes(const TypeNode& node, std::uint64_t at) {
  struct Waiting {
    std::uint64_t offset;
    std::uint64_t parent;
    unsigned level;
  };
  const auto tree = load<BTreeFormat>(at);
  std::vector<Waiting> waiting{{at + static_cast<std::uint64_t>(tree.root), 0, tree.levels - 1U}};
  std::uint64_t elements = 0;
  std::uint64_t first_leaf = 0;
  std::uint64_t last_leaf = 0;
  while (!waiting.empty()) {
    const Waiting next = waiting.back();
    waiting.pop_back();
    if (!claim_btree_node(node, next.offset, next.level, next.parent == 0)) return false;
    const auto head = load<BTreeNodeFormat>(next.offset);
    const std::uint64_t linked =
        next.parent == 0 ? static_cast<std::uint64_t>(null_distance) : next.parent - next.offset;
    if (static_cast<std::uint64_t>(head.parent) != linked) {
      problem("a B-tree's node at " + std::to_string(next.offset) + " names another parent");
      return false;
    }
    elements += head.count;
    if (node.boxed && !claim_btree_boxes(node, next.offset)) return false;
    if (next.level == 0) {
      if (first_leaf == 0) first_leaf = next.offset;
      last_leaf = next.offset;
      continue;
    }
    for (std::uint64_t i = head.count + std::uint64_t{1}; i-- > 0;) {
      waiting.push_back({btree_child(node, next.offset, i), next.offset, next.level - 1});
    }
  }
  if (elements != tree.size) {
    problem("a B-tree of size " + std::to_string(tree.size) + " that holds " +
            std::to_string(elements));
    return false;
  }
  if (at + static_cast<std::uint64_t>(tree.first) != first_leaf ||
      at + static_cast<std::uint64_t>(tree.last) != last_leaf) {
    problem("a B-tree that names another first or last leaf than it has");
    return false;
  }
  return true;
}

bool ObjectWalker::claim_btree_node(const TypeNode& node, std::uint64_t offset, unsigned level,
                                    bool root) {
  const BTreeSlotLayout layout = btree_slot_layout(*tree_, node);
  std::uint64_t slots = btree_node_slots(layout.slot_size, layout.slot_align);
  if (root && level == 0 && offset < heap_.end && offset >= heap_.begin &&
      heap_.end - offset >= sizeof(BTreeNodeFormat)) {
    // The only node of a small tree says itself how large it is.
    slots = std::min<std::uint64_t>(slots, load<BTreeNodeFormat>(offset).slots);
  }
  const std::uint64_t bytes =
      level == 0 ? btree_leaf_block_bytes(slots, layout.slot_size, layout.slot_align)
                 : btree_inner_block_bytes(layout.slot_size, layout.slot_align);
  if (!claim(offset, bytes, std::max<std::uint64_t>(layout.slot_align, alignof(BTreeNodeFormat)))) {
    return false;
  }
  const auto head = load<BTreeNodeFormat>(offset);
  const bool sound = head.level == level && head.slots == slots && head.count != 0 &&
                     head.count <= slots && is_zero(head.reserved, sizeof head.reserved);
  if (!sound) {
    problem("a B-tree's node at " + std::to_string(offset) + " of level " +
            std::to_string(head.level) + " with " + std::to_string(head.count) + " of " +
            std::to_string(head.slots) + " elements, where one of level " + std::to_string(level) +
            " with up to " + std::to_string(slots) + " was due");
  }
  return sound;
}

bool ObjectWalker::claim_btree_boxes(const TypeNode& node, std::uint64_t offset) {
  const ElementLayout element = btree_slot_layout(*tree_, node).element;
  const unsigned count = load<BTreeNodeFormat>(offset).count;
  for (unsigned i = 0; i < count; ++i) {
    if (!claim(btree_element(node, offset, i), element.size, element.align)) return false;
  }
  return true;
}

/// Nothing for a child.
std::string ObjectWalker::btree_part_text(const Frame& frame, std::uint64_t part) const {
  if (part % 3 == 0) return {};
  const std::string place = '{' + std::to_string(part / 3) + '}';
  if (part % 3 == 1) return place + ".key";
  return value_name(*frame.node, place, btree_element(*frame.node, frame.content, part / 3));
}

/// The parts of a node's frame are, by turns, the child in front of an element, its key and its
/// value; at last the child behind all of them.
void ObjectWalker::step_btree(Frame& frame) {
  const TypeNode& node = *frame.node;
  const std::uint64_t offset = frame.content;
  const auto head = load<BTreeNodeFormat>(offset);
  const std::uint64_t part = frame.next++;
  const std::uint64_t index = part / 3;
  if (part % 3 == 0) {
    if (head.level == 0) return;
    const std::uint64_t child = btree_child(node, offset, index);
    const std::uint64_t parts = 3 * std::uint64_t{load<BTreeNodeFormat>(child).count} + 1;
    const std::uint64_t low = index == 0 ? frame.low_key : btree_element(node, offset, index - 1);
    const std::uint64_t high =
        index == head.count ? frame.high_key : btree_element(node, offset, index);
    frames_.push_back({&node, frame.at, child, 0, parts, std::nullopt, low, high, true});
    return;
  }
  const std::uint64_t at = btree_element(node, offset, index);
  if (part % 3 == 1) return visit(tree_->element_of(node), at);
  // By now the key has been visited, so it is safe to compare.
  check_key_order(frame, index);
  if (node.kind == TypeKind::btree_set) return;
  visit(tree_->value_of(node), at + btree_slot_layout(*tree_, node).element.value_offset);
}

/// Proves that a lookup finds the element: it comes behind the one in front of it and, as the last
/// of its node, before the one that follows in a node above. Comparators of a program's own are not
/// known here.
void ObjectWalker::check_key_order(const Frame& frame, std::uint64_t index) {
  const TypeNode& node = *frame.node;
  const bool is_less = node.key_function == "less";
  if (!is_less && node.key_function != "greater") return;
  const auto in_order = [&](std::uint64_t a, std::uint64_t b) {
    if (a == 0 || b == 0) return true;
    const TypeNode& key = tree_->element_of(node);
    return (is_less ? stored_less(key, heap_, a, b) : stored_less(key, heap_, b, a)).value_or(true);
  };
  const std::uint64_t key = btree_element(node, frame.content, index);
  const std::uint64_t before =
      index == 0 ? frame.low_key : btree_element(node, frame.content, index - 1);
  const bool is_last = index + 1 == load<BTreeNodeFormat>(frame.content).count;
  if (!in_order(before, key) || (is_last && !in_order(key, frame.high_key))) {
    problem("a B-tree's keys are not in order");
  }
}

}  // namespace cairn

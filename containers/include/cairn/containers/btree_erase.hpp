// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cairn/containers/btree.hpp"

/// \file
/// How elements leave a tree. A node is merged with a neighbour as soon as both fit into one, and
/// otherwise left as it is: to even out neighbours that are not to be merged would only write more.
namespace cairn::detail {

template <class Policy>
typename BTree<Policy>::Cursor BTree<Policy>::erase(Cursor at) {
  if (stored_.size == 1) {
    clear();
    return {};
  }
  // The leaf that will be short of an element must not be left without any.
  const auto giving_leaf = [&] {
    return at.node.is_leaf() ? at.node : at.node.child(at.index).last_leaf();
  };
  Node leaf = giving_leaf();
  while (leaf.count() == 1 && !leaf.is_root()) {
    reinforce(leaf, at);
    leaf = giving_leaf();
  }
  mark_header();
  const unsigned rest = leaf.count() - 1;
  if (at.node == leaf) {
    leaf.mark_count_and_slots(at.index, rest - at.index);
    Slots::destroy(at.node.slot(at.index));
    leaf.close_slots(at.index + 1, 1);
  } else {
    // The element in front of it, always in a leaf, takes its place.
    leaf.mark_count();
    at.node.mark_slots(at.index, 1);
    Slots::destroy(at.node.slot(at.index));
    Slots::relocate(leaf.slot(rest), at.node.slot(at.index));
    at.to_next();
  }
  leaf.set_count(rest);
  --stored_.size;
  merge_upward(leaf, at);
  settle(at);
  return at;
}

/// Gives a node with one element more of them, from or together with a neighbour. Requires: not the
/// root.
template <class Policy>
void BTree<Policy>::reinforce(Node node, Cursor& at) {
  Node parent = node.parent();
  if (parent.count() == 1 && !parent.is_root()) {
    reinforce(parent, at);
    parent = node.parent();
  }
  const unsigned index = node.index_in(parent);
  const unsigned i = index == 0 ? 0 : index - 1;
  const unsigned left_count = parent.child(i).count();
  const unsigned right_count = parent.child(i + 1).count();
  if (left_count + 1 + right_count <= Node::max_slots) {
    merge(parent, i, at);
  } else if (left_count < right_count) {
    shift_left(parent, i, (right_count - left_count) / 2, at);
  } else {
    shift_right(parent, i, (left_count - right_count) / 2, at);
  }
}

/// Merges a node that lost an element with a neighbour where both fit into one; then its parent,
/// which lost one by that, and so on.
template <class Policy>
void BTree<Policy>::merge_upward(Node node, Cursor& at) {
  while (node.count() < Node::max_slots / 2 && !node.is_root()) {
    Node parent = node.parent();
    const unsigned index = node.index_in(parent);
    const unsigned room = Node::max_slots - node.count() - 1;
    unsigned i = 0;
    if (index > 0 && parent.child(index - 1).count() <= room) {
      i = index - 1;
    } else if (index < parent.count() && parent.child(index + 1).count() <= room) {
      i = index;
    } else {
      return;
    }
    if (parent.count() == 1) {
      if (!parent.is_root()) {
        reinforce(parent, at);
        continue;
      }
      merge(parent, i, at);
      return;
    }
    merge(parent, i, at);
    node = parent;
  }
}

}  // namespace cairn::detail

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cairn/containers/btree.hpp"

/// \file
/// How elements change between neighbouring nodes of a tree. Each function is a step of its own:
/// what it needs it declares first, then nothing throws.
namespace cairn::detail {

/// Moves `count` elements from the right node to the left one, through the parent.
template <class Policy>
void BTree<Policy>::shift_left(Node parent, unsigned i, unsigned count, Cursor& at) {
  const Node left = parent.child(i);
  const Node right = parent.child(i + 1);
  const unsigned left_count = left.count();
  const unsigned rest = right.count() - count;
  left.mark_count_and_slots(left_count, count);
  parent.mark_slots(i, 1);
  right.mark_count_and_slots(0, rest);
  if (!left.is_leaf()) {
    left.mark_children(left_count + 1, count);
    right.mark_links_of(0, count);
    right.mark_children(0, rest + 1);
  }

  Slots::relocate(parent.slot(i), left.slot(left_count));
  Slots::relocate_n(right.slot(0), count - 1, left.slot(left_count + 1));
  Slots::relocate(right.slot(count - 1), parent.slot(i));
  right.close_slots(count, count);
  if (!left.is_leaf()) {
    left.take_children(left_count + 1, right, 0, count);
    right.move_children(count, rest + 1, 0);
  }
  left.set_count(left_count + count);
  right.set_count(rest);

  if (at.node == right) {
    if (at.index >= count) {
      at.index -= count;
    } else if (at.index == count - 1) {
      at = {parent, i};
    } else {
      at = {left, left_count + 1 + at.index};
    }
  } else if (at == Cursor{parent, i}) {
    at = {left, left_count};
  }
}

/// Moves `count` elements from the left node to the right one, through the parent.
template <class Policy>
void BTree<Policy>::shift_right(Node parent, unsigned i, unsigned count, Cursor& at) {
  const Node left = parent.child(i);
  const Node right = parent.child(i + 1);
  const unsigned rest = left.count() - count;
  const unsigned right_count = right.count();
  left.mark_count();
  parent.mark_slots(i, 1);
  right.mark_count_and_slots(0, right_count + count);
  if (!left.is_leaf()) {
    left.mark_links_of(rest + 1, count);
    right.mark_children(0, right_count + 1 + count);
  }

  right.open_slots(0, count);
  Slots::relocate(parent.slot(i), right.slot(count - 1));
  Slots::relocate_n(left.slot(rest + 1), count - 1, right.slot(0));
  Slots::relocate(left.slot(rest), parent.slot(i));
  if (!left.is_leaf()) {
    right.move_children(0, right_count + 1, count);
    right.take_children(0, left, rest + 1, count);
  }
  left.set_count(rest);
  right.set_count(right_count + count);

  if (at.node == right) {
    if (at) at.index += count;
  } else if (at.node == left) {
    if (at.index == rest) {
      at = {parent, i};
    } else if (at && at.index > rest) {
      at = {right, at.index - rest - 1};
    }
  } else if (at == Cursor{parent, i}) {
    at = {right, count - 1};
  }
}

/// Moves all of the right node, and what stands between both, to the left one and frees the right
/// one; where that leaves the root without elements, the left one is the root from then on.
///
/// Requires: room for that in the left one; `parent` is the root or has two elements.
template <class Policy>
void BTree<Policy>::merge(Node parent, unsigned i, Cursor& at) {
  const Node left = parent.child(i);
  const Node right = parent.child(i + 1);
  const unsigned left_count = left.count();
  const unsigned moved = right.count();
  const unsigned behind = parent.count() - i - 1;
  const bool to_the_top = parent.count() == 1;
  left.mark_slots(left_count, moved + 1);
  left.mark_head();
  if (!left.is_leaf()) {
    left.mark_children(left_count + 1, moved + 1);
    right.mark_links_of(0, moved + 1);
  }
  parent.mark_count_and_slots(i, behind);
  parent.mark_children(i + 1, behind);
  if (to_the_top) mark_header();
  if (is_last(right)) mark_last();

  Slots::relocate(parent.slot(i), left.slot(left_count));
  Slots::relocate_n(right.slot(0), moved, left.slot(left_count + 1));
  if (!left.is_leaf()) left.take_children(left_count + 1, right, 0, moved + 1);
  left.set_count(left_count + 1 + moved);
  if (is_last(right)) stored_.last = distance_of(left);
  if (to_the_top) {
    left.set_parent({});
    stored_.root = distance_of(left);
    --stored_.levels;
  } else {
    parent.close_slots(i + 1, 1);
    parent.move_children(i + 2, behind, i + 1);
    parent.set_count(parent.count() - 1);
  }

  if (at.node == right) {
    at = {left, at ? at.index + left_count + 1 : Cursor::end_index};
  } else if (at.node == parent && at.index >= i) {
    at = at.index == i ? Cursor{left, left_count} : Cursor{parent, at.index - 1};
  }
  free_block(right.head(), right.block_bytes());
  if (to_the_top) free_block(parent.head(), parent.block_bytes());
}

}  // namespace cairn::detail

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <optional>

#include "cairn/containers/btree.hpp"

/// \file
/// How elements come into a tree.
namespace cairn::detail {

template <class Policy>
template <class Construct>
typename BTree<Policy>::Cursor BTree<Policy>::append_or_insert(const void* home, Cursor at,
                                                               Construct& construct) {
  NewElement made(home, construct);
  if (!at.node) {
    plant(home, at);
  } else if (at.node.is_full()) [[unlikely]] {
    make_room(at);
  }
  put_in_room(at, made);
  return at;
}

template <class Policy>
template <class Construct>
typename BTree<Policy>::Cursor BTree<Policy>::insert_taken(Cursor at, Construct construct) {
  mark_header();
  const void* const place = home();
  if (!at.node) {
    plant(place, at);
  } else if (at.node.is_full()) {
    make_room(at, Coming::perhaps);
  }
  try {
    NewElement made(place, construct);
    put_in_room(at, made);
  } catch (...) {
    if (stored_.size == 0) clear();
    throw;
  }
  return at;
}

/// Nothing has changed where marking throws.
template <class Policy>
void BTree<Policy>::put_in_room(Cursor at, NewElement& made) {
  const Node node = at.node;
  const unsigned count = node.count();
  node.mark_count_and_slots(at.index, count - at.index + 1);
  node.open_slots(at.index, 1);
  made.put(node.slot(at.index));
  node.set_count(count + 1);
  ++stored_.size;
}

/// The first leaf. Until it holds something nothing throws: it is new, and so marked.
template <class Policy>
void BTree<Policy>::plant(const void* home, Cursor& at) {
  mark_header();
  NewNode leaf(home, 0, Node::grown_slots(0));
  at = {leaf.release(), 0};
  stored_.root = stored_.first = stored_.last = distance_of(at.node);
  stored_.levels = 1;
}

/// Makes room in a full node for an element (in an inner one, with the child behind it) at `at`,
/// which in a leaf follows its place. A neighbour with room takes some elements first: nodes are
/// fuller that way, and less is written than by a split.
template <class Policy>
void BTree<Policy>::make_room(Cursor& at, Coming coming) {
  if (at.node.slots() < Node::max_slots) return grow_only_leaf(at);
  if (!at.node.is_root() && (give_to_left(at) || give_to_right(at))) return;
  split(at, coming);
}

/// The old leaf stays as it is, so until it is freed nothing has changed.
template <class Policy>
void BTree<Policy>::grow_only_leaf(Cursor& at) {
  mark_header();
  const Node old = at.node;
  NewNode grown(old.head(), 0, Node::grown_slots(old.slots()));
  Slots::relocate_n(old.slot(0), old.count(), grown.node().slot(0));
  grown.node().set_count(old.count());
  free_block(old.head(), old.block_bytes());
  at.node = grown.release();
  stored_.root = stored_.first = stored_.last = distance_of(at.node);
}

template <class Policy>
bool BTree<Policy>::give_to_left(Cursor& at) {
  const Node parent = at.node.parent();
  const unsigned index = at.node.index_in(parent);
  if (index == 0) return false;
  const Node left = parent.child(index - 1);
  const unsigned room = Node::max_slots - left.count();
  if (room == 0) return false;
  // Elements that come in order leave full nodes behind.
  const unsigned moved = at.index == at.node.count() ? room : (room + 1) / 2;
  if (at.index < moved && moved == room) return false;
  shift_left(parent, index - 1, moved, at);
  if (at.node == parent) at = {left, left.count()};
  return true;
}

template <class Policy>
bool BTree<Policy>::give_to_right(Cursor& at) {
  const Node parent = at.node.parent();
  const unsigned index = at.node.index_in(parent);
  if (index == parent.count()) return false;
  const Node left = at.node;
  const unsigned room = Node::max_slots - parent.child(index + 1).count();
  if (room == 0) return false;
  const unsigned moved = at.index == 0 ? room : (room + 1) / 2;
  const unsigned rest = left.count() - moved;
  if (at.index > rest && moved == room) return false;
  const bool in_front = at.index <= rest;
  const unsigned place = at.index;
  shift_right(parent, index, moved, at);
  if (in_front) at = {left, place};
  return true;
}

/// The element of a full node that goes up when it is split for an element, or a child, at `at`.
/// Where that is the last place more are likely to follow, so the left node stays full; likewise
/// at the first place. A new inner node gets an element at least, a leaf the one to come, and where
/// that may fail to come another.
template <class Policy>
unsigned BTree<Policy>::split_point(const Cursor& at, Coming coming) noexcept {
  const unsigned count = at.node.count();
  if (coming == Coming::perhaps) return count / 2;
  if (at.index == count) return at.node.is_leaf() ? count - 1 : count - 2;
  if (at.index == 0) return 1;
  return count / 2;
}

/// Splits a full node in two and gives its parent, or a new root, the element between them.
template <class Policy>
void BTree<Policy>::split(Cursor& at, Coming coming) {
  const Node node = at.node;
  if (!node.is_root() && node.parent().is_full()) {
    Cursor above{node.parent(), node.index_in(node.parent())};
    make_room(above);
  }
  const unsigned middle = split_point(at, coming);
  const unsigned moved = node.count() - middle - 1;
  NewNode sibling(node.head(), node.level(), Node::max_slots);
  std::optional<NewNode> top;
  Node parent;
  unsigned i = 0;
  node.mark_head();
  if (!node.is_leaf()) node.mark_links_of(middle + 1, moved + 1);
  if (is_last(node)) mark_last();
  if (node.is_root()) {
    mark_header();
    top.emplace(node.head(), node.level() + 1, Node::max_slots);
  } else {
    parent = node.parent();
    i = node.index_in(parent);
    parent.mark_count_and_slots(i, parent.count() - i + 1);
    parent.mark_children(i + 1, parent.count() - i + 1);
  }

  const bool was_last = is_last(node);
  const Node right = sibling.release();
  if (top) {
    parent = top->release();
    parent.set_child(0, node);
    stored_.root = distance_of(parent);
    ++stored_.levels;
  }
  Slots::relocate_n(node.slot(middle + 1), moved, right.slot(0));
  right.set_count(moved);
  if (!node.is_leaf()) right.take_children(0, node, middle + 1, moved + 1);
  parent.open_slots(i, 1);
  Slots::relocate(node.slot(middle), parent.slot(i));
  parent.move_children(i + 1, parent.count() - i, i + 2);
  parent.set_child(i + 1, right);
  parent.set_count(parent.count() + 1);
  node.set_count(middle);
  if (was_last) stored_.last = distance_of(right);
  if (at.index > middle) at = {right, at.index - middle - 1};
}

/// Element by element behind each other, which fills the nodes and compares nothing.
template <class Policy>
void BTree<Policy>::copy_from(const void* home, const BTree& other) {
  BTree built;
  Cursor gap;
  for (Cursor at = other.begin(); at; at.to_next()) {
    auto copy = [&](auto* value) {
      ::new (static_cast<void*>(value)) typename Policy::Value(std::as_const(*at.value()));
    };
    gap = built.append_or_insert(home, gap, copy);
    ++gap.index;
  }
  steal(built);
}

}  // namespace cairn::detail

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cairn/containers/btree.hpp"

/// \file
/// How elements come into a tree.
namespace cairn::detail {

template <class Policy>
template <class Construct>
typename BTree<Policy>::Cursor BTree<Policy>::append_or_insert(const void* home, Cursor at,
                                                               Construct& construct) {
  Spares spares;
  const bool has_room = at.node && !at.node.is_full();
  if (!has_room) [[unlikely]]
    set_aside(home, at, spares);
  NewElement made(home, construct);
  if (!has_room) [[unlikely]]
    make_room(at, spares);
  const Node node = at.node;
  const unsigned count = node.count();
  node.mark_count_and_slots(at.index, count - at.index + 1);
  node.open_slots(at.index, 1);
  made.put(node.slot(at.index));
  node.set_count(count + 1);
  ++stored_.size;
  return at;
}

/// Allocates what make_room() will take for an element at `at`: the last step's node first.
template <class Policy>
void BTree<Policy>::set_aside(const void* home, Cursor at, Spares& spares) {
  if (!at.node) return spares.add(NewNode(home, 0, Node::grown_slots(0)));
  if (at.node.slots() < Node::max_slots) {
    return spares.add(NewNode(at.node.head(), 0, Node::grown_slots(at.node.slots())));
  }
  while (at.node.is_full()) {
    const Node node = at.node;
    if (!node.is_root() && (gift_to_left(at) != 0 || gift_to_right(at) != 0)) return;
    spares.add(NewNode(node.head(), node.level(), Node::max_slots));
    if (node.is_root()) {
      return spares.add(NewNode(node.head(), node.level() + 1, Node::max_slots));
    }
    at = {node.parent(), node.index_in(node.parent())};
  }
}

/// The first leaf. Until it holds something nothing throws: it is new, and so marked.
template <class Policy>
void BTree<Policy>::plant(Cursor& at, Spares& spares) {
  mark_header();
  at = {spares.take(), 0};
  stored_.root = stored_.first = stored_.last = distance_of(at.node);
  stored_.levels = 1;
}

/// Makes room for an element (in an inner node, with the child behind it) at `at`, which in a leaf
/// follows its place: nowhere yet, or a full node. A neighbour with room takes some elements first:
/// nodes are fuller that way, and less is written than by a split.
template <class Policy>
void BTree<Policy>::make_room(Cursor& at, Spares& spares) {
  if (!at.node) return plant(at, spares);
  if (at.node.slots() < Node::max_slots) return grow_only_leaf(at, spares);
  if (!at.node.is_root() && give_to_neighbour(at)) return;
  split(at, spares);
}

/// The old leaf stays as it is, so until it is freed nothing has changed.
template <class Policy>
void BTree<Policy>::grow_only_leaf(Cursor& at, Spares& spares) {
  mark_header();
  const Node old = at.node;
  const Node grown = spares.take();
  Slots::relocate_n(old.slot(0), old.count(), grown.slot(0));
  grown.set_count(old.count());
  try {
    free_block(old.head(), old.block_bytes());
  } catch (...) {
    drop_block(grown.head(), grown.block_bytes());
    throw;
  }
  at.node = grown;
  stored_.root = stored_.first = stored_.last = distance_of(at.node);
}

/// How many elements the neighbour in front of a full node takes for one that comes at `at`; 0
/// where that makes no room. Elements that come in order leave full nodes behind.
template <class Policy>
unsigned BTree<Policy>::gift_to_left(const Cursor& at) noexcept {
  const Node parent = at.node.parent();
  const unsigned index = at.node.index_in(parent);
  if (index == 0) return 0;
  const unsigned room = Node::max_slots - parent.child(index - 1).count();
  const unsigned gift = at.index == at.node.count() ? room : (room + 1) / 2;
  return at.index < gift && gift == room ? 0 : gift;
}

/// The same for the neighbour behind it.
template <class Policy>
unsigned BTree<Policy>::gift_to_right(const Cursor& at) noexcept {
  const Node parent = at.node.parent();
  const unsigned index = at.node.index_in(parent);
  if (index == parent.count()) return 0;
  const unsigned room = Node::max_slots - parent.child(index + 1).count();
  const unsigned gift = at.index == 0 ? room : (room + 1) / 2;
  return at.index > at.node.count() - gift && gift == room ? 0 : gift;
}

template <class Policy>
bool BTree<Policy>::give_to_neighbour(Cursor& at) {
  const Node node = at.node;
  const Node parent = node.parent();
  const unsigned index = node.index_in(parent);
  if (const unsigned gift = gift_to_left(at)) {
    const Node left = parent.child(index - 1);
    shift_left(parent, index - 1, gift, at);
    if (at.node == parent) at = {left, left.count()};
    return true;
  }
  if (const unsigned gift = gift_to_right(at)) {
    const unsigned rest = node.count() - gift;
    const unsigned place = at.index;
    shift_right(parent, index, gift, at);
    if (place <= rest) at = {node, place};
    return true;
  }
  return false;
}

/// The element of a full node that goes up when it is split for an element, or a child, at `at`.
/// Where that is the last place more are likely to follow, so the left node stays full; likewise
/// at the first place. A new inner node gets an element at least, a leaf the one to come.
template <class Policy>
unsigned BTree<Policy>::split_point(const Cursor& at) noexcept {
  const unsigned count = at.node.count();
  if (at.index == count) return at.node.is_leaf() ? count - 1 : count - 2;
  if (at.index == 0) return 1;
  return count / 2;
}

/// Splits a full node in two and gives its parent, or a new root, the element between them.
template <class Policy>
void BTree<Policy>::split(Cursor& at, Spares& spares) {
  const Node node = at.node;
  if (!node.is_root() && node.parent().is_full()) {
    Cursor above{node.parent(), node.index_in(node.parent())};
    make_room(above, spares);
  }
  const unsigned middle = split_point(at);
  const unsigned moved = node.count() - middle - 1;
  const bool to_the_top = node.is_root();
  node.mark_head();
  if (!node.is_leaf()) node.mark_links_of(middle + 1, moved + 1);
  if (is_last(node)) mark_last();
  Node parent;
  unsigned i = 0;
  if (to_the_top) {
    mark_header();
  } else {
    parent = node.parent();
    i = node.index_in(parent);
    parent.mark_count_and_slots(i, parent.count() - i + 1);
    parent.mark_children(i + 1, parent.count() - i + 1);
  }

  if (to_the_top) {
    parent = spares.take();
    parent.set_child(0, node);
    stored_.root = distance_of(parent);
    ++stored_.levels;
  }
  const Node right = spares.take();
  Slots::relocate_n(node.slot(middle + 1), moved, right.slot(0));
  right.set_count(moved);
  if (!node.is_leaf()) right.take_children(0, node, middle + 1, moved + 1);
  if (is_last(node)) stored_.last = distance_of(right);
  parent.open_slots(i, 1);
  Slots::relocate(node.slot(middle), parent.slot(i));
  parent.move_children(i + 1, parent.count() - i, i + 2);
  parent.set_child(i + 1, right);
  parent.set_count(parent.count() + 1);
  node.set_count(middle);
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

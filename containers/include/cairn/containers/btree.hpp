// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "cairn/containers/btree_iterator.hpp"
#include "cairn/containers/btree_search.hpp"

namespace cairn::detail {

/// The stored part of ordered containers: a B-tree whose elements stand in inner nodes and leaves
/// alike (layout: btree_format.hpp), so that no key is stored twice.
///
/// Policy names the element (`Value`), its `key(value)`, and the comparator `Order`.
///
/// Invariants:
///  1. Every node holds an element at least, also between the steps of a change: a step that throws
///     leaves a tree with the same elements, if in other nodes.
///  2. Within a step everything that can throw (marks) comes before the first store. Blocks are
///     allocated, and then comparators and constructors run, before the first step: what fails for
///     want of room has not taken its arguments.
///  3. Every store to the header or a node was marked, and no more than what is stored to: what an
///     insert or erase costs the log is what it shifts.
template <class Policy>
class BTree {
 public:
  using Key = typename Policy::Key;
  using Node = BTreeNode<Policy>;
  using Slots = BTreeSlots<Policy>;
  using Cursor = BTreeCursor<Policy>;
  using NewElement = BTreeNewElement<Policy>;
  template <class Q>
  using Probe = BTreeProbe<Key, typename Policy::Order, Q>;

  /// Where a key is, or the place in a leaf where it belongs.
  struct Place {
    Cursor at;
    bool found;
  };

  BTree() noexcept = default;
  BTree(const BTree&) = delete;
  BTree& operator=(const BTree&) = delete;
  ~BTree() {
    if (has_root() && block_is_writable(root().head())) drop_subtree(root());
  }

  std::uint64_t size() const noexcept { return stored_.size; }
  bool has_root() const noexcept { return stored_.root != null_distance; }
  /// Requires: has_root().
  Node root() const noexcept { return node_at(stored_.root); }
  Cursor begin() const noexcept {
    return has_root() ? Cursor{node_at(stored_.first), 0} : Cursor{};
  }
  Cursor end() const noexcept {
    return has_root() ? Cursor{node_at(stored_.last), Cursor::end_index} : Cursor{};
  }
  /// Behind the last element.
  Cursor back_gap() const noexcept {
    if (!has_root()) return {};
    const Node last = node_at(stored_.last);
    return {last, last.count()};
  }

  template <class Q>
  Place locate(const Probe<Q>& key) const {
    Cursor not_before;
    if (!has_root()) return {not_before, false};
    Node node = root();
    for (unsigned level = stored_.levels; level > 1; --level) {
      const BTreeSpot spot = key.lower(node);
      if (spot.exact) return {{node, spot.index}, true};
      if (spot.index < node.count()) not_before = {node, spot.index};
      node = node.child(spot.index);
      node.prefetch(level == 2);
    }
    const BTreeSpot spot = key.lower(node);
    const Cursor here{node, spot.index};
    if (spot.exact) return {here, true};
    if (spot.index < node.count()) not_before = here;
    if (not_before && !key.is_before(not_before.key())) return {not_before, true};
    return {here, false};
  }
  template <class Q>
  Cursor find(const Probe<Q>& key) const {
    const Place place = locate(key);
    return place.found ? place.at : end();
  }
  template <class Q>
  Cursor lower_bound(const Probe<Q>& key) const {
    Place place = locate(key);
    if (!place.found && has_root()) settle(place.at);
    return place.at;
  }
  template <class Q>
  Cursor upper_bound(const Probe<Q>& key) const {
    if (!has_root()) return {};
    Node node = root();
    for (unsigned level = stored_.levels; level > 1; --level) {
      node = node.child(key.upper(node));
      node.prefetch(level == 2);
    }
    Cursor at{node, key.upper(node)};
    settle(at);
    return at;
  }
  /// Whether a key that is not in the tree belongs in front of `hint`: then the place in a leaf for
  /// it, else what locate() says.
  template <class Q>
  Place locate_near(Cursor hint, const Probe<Q>& key) const {
    if (!has_root() || (hint && !key.is_before(hint.key()))) return locate(key);
    if (hint == begin()) return {hint, false};
    Cursor before = hint;
    before.to_previous();
    if (!key.is_behind(before.key())) return locate(key);
    if (before.node.is_leaf()) return {{before.node, before.index + 1}, false};
    return {hint, false};
  }

  /// Adds an element that `construct(Value*)` makes at a place that locate() gave. The same
  /// elements as before are there where anything throws.
  template <class Construct>
  Cursor insert_new(const Cursor& at, Construct construct) {
    mark_header();
    return append_or_insert(home(), at, construct);
  }
  /// As insert_new, to a tree that is new or whose header is marked, in the store of `home`.
  template <class Construct>
  Cursor append_or_insert(const void* home, Cursor at, Construct& construct);
  /// Removes an element; returns what follows it.
  Cursor erase(Cursor at);
  /// Destroys all elements and frees their nodes.
  void clear() {
    if (!has_root()) return;
    mark_header();
    const Node top = root();
    free_subtree(top);
    stored_ = BTreeFormat{};
  }

  /// All of it even where only the size changes: what is marked again and again is remembered as a
  /// whole.
  void mark_header() { mark_again(stored_); }
  /// Makes this one, which is empty, a copy of `other` in the store of `home`.
  void copy_from(const void* home, const BTree& other);
  /// Requires: empty; both headers marked; may_own(this, ...) of the nodes.
  void steal(BTree& other) noexcept {
    relocate(&other, this);
    other.stored_ = BTreeFormat{};
  }
  /// Gives up the elements and takes those of `other`, which may stand in one of them.
  /// Requires: as steal(), but for what is here.
  void replace_by(BTree& other) {
    BTree aside;
    aside.steal(other);
    clear();
    steal(aside);
  }
  void swap_marked(BTree& other) noexcept {
    BTree aside;
    relocate(this, &aside);
    relocate(&other, this);
    relocate(&aside, &other);
    aside.stored_ = BTreeFormat{};
  }
  static void relocate(BTree* from, BTree* to) noexcept {
    const BTreeFormat before = from->stored_;
    const std::int64_t moved = distance_to(&to->stored_, &from->stored_);
    to->stored_ = before;
    if (before.root == null_distance) return;
    to->stored_.root += moved;
    to->stored_.first += moved;
    to->stored_.last += moved;
  }

 private:
  using NewNode = BTreeNewNode<Policy>;
  using Spares = BTreeSpareNodes<Policy>;

  Node node_at(std::int64_t distance) const noexcept {
    return Node(target_at<BTreeNodeFormat>(&stored_, distance));
  }
  std::int64_t distance_of(Node node) const noexcept { return distance_to(&stored_, node.head()); }
  /// What stands in the store that new nodes and elements belong into.
  const void* home() const noexcept {
    return has_root() ? static_cast<const void*>(root().head()) : this;
  }
  void mark_last() { mark(&stored_.last, sizeof stored_.last); }
  bool is_last(Node node) const noexcept { return node.is_leaf() && node == node_at(stored_.last); }

  /// Makes of a place behind the last element of a leaf that of what follows.
  static void settle(Cursor& at) noexcept {
    if (at.index == at.node.count()) at.climb();
  }
  static void free_subtree(Node node) {
    if (!node.is_leaf()) {
      for (unsigned i = 0; i <= node.count(); ++i) free_subtree(node.child(i));
    }
    for (unsigned i = 0; i < node.count(); ++i) Slots::destroy(node.slot(i));
    free_block(node.head(), node.block_bytes());
  }
  static void drop_subtree(Node node) noexcept {
    if (!node.is_leaf()) {
      for (unsigned i = 0; i <= node.count(); ++i) drop_subtree(node.child(i));
    }
    for (unsigned i = 0; i < node.count(); ++i) Slots::drop(node.slot(i));
    drop_block(node.head(), node.block_bytes());
  }

  // Moving elements between neighbours, `parent`'s children `i` and `i + 1`. Each keeps `at` on its
  // element (btree_balance.hpp).
  void shift_left(Node parent, unsigned i, unsigned count, Cursor& at);
  void shift_right(Node parent, unsigned i, unsigned count, Cursor& at);
  void merge(Node parent, unsigned i, Cursor& at);

  // Making room (btree_insert.hpp).
  static void set_aside(const void* home, Cursor at, Spares& spares);
  void plant(Cursor& at, Spares& spares);
  void make_room(Cursor& at, Spares& spares);
  void grow_only_leaf(Cursor& at, Spares& spares);
  static unsigned gift_to_left(const Cursor& at) noexcept;
  static unsigned gift_to_right(const Cursor& at) noexcept;
  bool give_to_neighbour(Cursor& at);
  void split(Cursor& at, Spares& spares);
  static unsigned split_point(const Cursor& at) noexcept;

  // Keeping nodes filled (btree_erase.hpp).
  void reinforce(Node node, Cursor& at);
  void merge_upward(Node node, Cursor& at);

  BTreeFormat stored_;
};

}  // namespace cairn::detail

#include "cairn/containers/btree_balance.hpp"
#include "cairn/containers/btree_erase.hpp"
#include "cairn/containers/btree_insert.hpp"

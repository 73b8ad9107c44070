// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <type_traits>

#include "cairn/containers/btree_node.hpp"

namespace cairn::detail {

/// A place in a tree: an element, a gap in front of one, or the end. It knows no tree: the ways up
/// and down are in the nodes.
template <class Policy>
struct BTreeCursor {
  using Node = BTreeNode<Policy>;

  /// The index of the end, whose node is the last leaf.
  static constexpr unsigned end_index = ~0U;

  Node node;
  unsigned index = end_index;
  /// Which child of its parent the node is likely to be: who comes from there knows.
  unsigned place = 0;

  explicit operator bool() const noexcept { return index != end_index; }
  friend bool operator==(const BTreeCursor& a, const BTreeCursor& b) noexcept {
    return a.node == b.node && a.index == b.index;
  }
  decltype(auto) value() const noexcept { return node.value(index); }
  decltype(auto) key() const noexcept { return node.key(index); }

  void to_next() noexcept {
    ++index;
    if (node.is_leaf()) [[likely]] {
      if (index == node.count()) [[unlikely]]
        climb();
    } else {
      // Whoever goes on from leaf to leaf is soon at the next but one.
      if (index != node.count()) node.child(index + 1).prefetch();
      place = node.level() == 1 ? index : 0;
      node = node.child(index).first_leaf();
      index = 0;
    }
  }
  void to_previous() noexcept {
    if (index == end_index) {
      index = node.count() - 1;
    } else if (!node.is_leaf()) {
      place = node.level() == 1 ? index : 0;
      node = node.child(index).last_leaf();
      index = node.count() - 1;
    } else if (index != 0) [[likely]] {
      --index;
    } else {
      while (index == 0) {
        const Node parent = node.parent();
        index = node.index_in(parent, place);
        node = parent;
      }
      --index;
    }
  }
  /// From behind the last element of a leaf to what follows it. Levels that do not rise end it too,
  /// so that it ends whatever the bytes are.
  void climb() noexcept {
    const Node leaf = node;
    while (index == node.count()) {
      if (node.is_root() || node.parent().level() <= node.level()) {
        *this = {leaf, end_index};
        return;
      }
      const Node parent = node.parent();
      index = node.index_in(parent, place);
      node = parent;
    }
  }
};

/// Both ways over the elements of a tree, in order. The mutable one marks what may change of an
/// element, as Policy says, when it is dereferenced.
template <class Policy, bool is_const>
class BTreeIterator {
  using Value = typename Policy::Value;
  using Cursor = BTreeCursor<Policy>;

 public:
  using iterator_category = std::bidirectional_iterator_tag;
  using value_type = std::remove_cv_t<Value>;
  using difference_type = std::ptrdiff_t;
  using pointer = std::conditional_t<is_const, const Value*, Value*>;
  using reference = std::conditional_t<is_const, const Value&, Value&>;

  BTreeIterator() noexcept = default;
  explicit BTreeIterator(const Cursor& at) noexcept : at_(at) {}
  /// A mutable iterator is good for a const one.
  template <bool other_is_const>
    requires(is_const && !other_is_const)
  BTreeIterator(const BTreeIterator<Policy, other_is_const>& other)
  noexcept : at_(other.cursor()) {}

  reference operator*() const {
    Value* const value = at_.value();
    if constexpr (!is_const) Policy::mark_mutable(value);
    return *value;
  }
  pointer operator->() const { return std::addressof(**this); }

  BTreeIterator& operator++() noexcept {
    at_.to_next();
    return *this;
  }
  BTreeIterator operator++(int) noexcept {
    const BTreeIterator before = *this;
    at_.to_next();
    return before;
  }
  BTreeIterator& operator--() noexcept {
    at_.to_previous();
    return *this;
  }
  BTreeIterator operator--(int) noexcept {
    const BTreeIterator before = *this;
    at_.to_previous();
    return before;
  }
  friend bool operator==(const BTreeIterator& a, const BTreeIterator& b) noexcept {
    return a.at_ == b.at_;
  }

  const Cursor& cursor() const noexcept { return at_; }

 private:
  Cursor at_;
};

}  // namespace cairn::detail

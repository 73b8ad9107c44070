// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cairn {

enum class TypeKind : std::uint8_t {
  boolean,
  character,
  signed_integer,
  unsigned_integer,
  floating,
  enumeration,
  array,
  optional,
  structure,
  vec,
  string,
  box,
  ptr,
  ref,
  hash_map,
  hash_set,
  deque,
  atomic,
  variant,
  static_vector,
  static_string,
  segmented,
  nd_array,
  btree_map,
  btree_set,
};

/// One type within a TypeTree; types are named by their index in it.
struct TypeNode {
  struct Field {
    std::string name;
    std::uint32_t type = 0;
    std::uint64_t offset = 0;
  };

  TypeKind kind = TypeKind::structure;
  /// Of an enumeration the kind of the integer beneath; of all others `kind` itself.
  TypeKind number = TypeKind::structure;
  /// True where any bytes make a valid object that owns and points to nothing.
  bool plain = false;
  std::uint32_t align = 1;
  std::uint64_t size = 0;
  /// What an array, optional, vec, deque, hash set, B-tree set, box, ptr, ref, atomic,
  /// static_vector, segmented or nd_array is of; the key of a map; of an enumeration the integer
  /// beneath.
  std::uint32_t element = 0;
  /// The value of a map.
  std::uint32_t value = 0;
  /// Elements of an array, capacity of a static_vector or static_string, rank of an nd_array.
  std::uint64_t count = 0;
  /// Where a variant has its index, a static_vector its size, a static_string its characters.
  std::uint64_t inner_offset = 0;
  /// Of a structure; of a variant its alternatives.
  std::vector<Field> fields;
  /// What a map or set looks its keys up by: the hash function or, in a B-tree, the comparator.
  std::string key_function;
  /// Whether the elements of a B-tree stand in blocks of their own.
  bool boxed = false;
  /// Where its description stands in the whole text.
  std::uint32_t text_begin = 0;
  std::uint32_t text_end = 0;
};

/// What an object of a kind is to somebody who only wants to see what it holds.
enum class ValueShape : std::uint8_t {
  number,
  text,       ///< characters
  structure,  ///< named parts
  sequence,   ///< elements in their order, or in none
  map,        ///< keys and values by turns
  holder,     ///< one object or none, which stands for it
  pointer,    ///< to an object that something else owns
};
ValueShape shape_of(TypeKind kind) noexcept;

/// A stored type as its description tells it: what is known of an object without the program that
/// wrote it. A graph, since structs can contain containers of themselves.
///
/// Invariants, whatever text it was made of: sizes and alignments are those that the kinds have;
/// fields lie within their struct, aligned and apart from each other; what is nested by value is
/// finite, and nested at most `max_depth` deep.
class TypeTree {
 public:
  static constexpr std::size_t max_text_bytes = std::size_t{1} << 20;
  static constexpr std::uint32_t max_depth = 64;
  /// Where a label is cut: back references make a short text stand for a long one.
  static constexpr std::size_t max_label_bytes = std::size_t{4} << 10;
  static constexpr std::uint64_t max_object_bytes = std::uint64_t{1} << 40;

  /// Throws:     errc::corrupt, naming the position, where `text` follows not the grammar or its
  ///             numbers contradict each other.
  /// Complexity: O(n log n) in the text; no more memory than a small multiple of it.
  static TypeTree parse(std::string_view text);

  const TypeNode& root() const noexcept { return nodes_[root_]; }
  const TypeNode& operator[](std::uint32_t type) const noexcept { return nodes_[type]; }
  const TypeNode& element_of(const TypeNode& node) const noexcept { return nodes_[node.element]; }
  const TypeNode& value_of(const TypeNode& node) const noexcept { return nodes_[node.value]; }
  std::size_t node_count() const noexcept { return nodes_.size(); }
  /// The description of one of the tree's types, as it stands in the whole.
  std::string_view text_of(const TypeNode& node) const noexcept {
    return std::string_view(text_).substr(node.text_begin, node.text_end - node.text_begin);
  }
  /// The same for people: structs by the names of their fields, without sizes and offsets, as in
  /// `Vec<{name, age}>`. What is longer than max_label_bytes is cut there and ends in an ellipsis.
  /// Complexity: O(length of the description).
  std::string label_of(const TypeNode& node) const;

 private:
  friend class TypeParser;
  std::string text_;
  std::vector<TypeNode> nodes_;
  std::vector<std::uint32_t> structs_;  ///< types, in the order in which they open
  std::uint32_t root_ = 0;
};

/// How the elements of a map or set lie: a key and, in a map, its value.
struct ElementLayout {
  std::uint64_t value_offset;  ///< of a map
  std::uint64_t size;
  std::uint32_t align;
};
ElementLayout element_layout(const TypeTree& tree, const TypeNode& node) noexcept;

/// How the elements of a B-tree lie, and its slots.
struct BTreeSlotLayout {
  ElementLayout element;
  std::uint64_t slot_size;
  std::uint32_t slot_align;
};
BTreeSlotLayout btree_slot_layout(const TypeTree& tree, const TypeNode& node) noexcept;

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/heap_bytes.hpp"
#include "cairn/type_tree.hpp"
#include "cairn/types/unit_bits.hpp"

namespace cairn {

/// How an object stands in the one that it is a part of.
enum class PartRole : std::uint8_t { root, field, element, key, value };

struct ObjectPart {
  PartRole role = PartRole::root;
  std::uint64_t index = 0;  ///< the how manieth part it is
  std::string_view name;    ///< of a root or field
};

/// What a walk meets. The functions do nothing unless overridden.
///
/// Each object is told by exactly one of `begin` (its parts and `end` follow), `value`, `text`,
/// `pointer`, `empty` and `damaged`, and just before by `part`. Without `wants_values` only objects
/// that own or point are told, and no parts.
class ObjectVisitor {
 public:
  virtual ~ObjectVisitor() = default;

  /// A block that an object owns (`ObjectWalker::owner` tells which); the root object's own block
  /// comes first.
  virtual void block(std::uint64_t /*offset*/, std::uint64_t /*bytes*/) {}
  /// A Ptr or Ref at `at`; `target` lies in the heap, and `type` is what should be there.
  virtual void pointer(std::uint64_t /*at*/, std::uint64_t /*target*/, const TypeNode& /*type*/) {}

  virtual void part(const ObjectPart& /*part*/) {}
  /// A struct, container, full optional or Box. `elements` counts fields, elements, or pairs of key
  /// and value.
  virtual void begin(std::uint64_t /*at*/, const TypeNode& /*type*/, std::uint64_t /*elements*/) {}
  virtual void end(std::uint64_t /*at*/, const TypeNode& /*type*/) {}
  /// A number, enum or string; only where `wants_values`.
  virtual void value(std::uint64_t /*at*/, const TypeNode& /*type*/) {}
  /// A string and its characters, which stand in the heap; only where `wants_values`.
  virtual void text(std::uint64_t at, const TypeNode& type, std::string_view /*characters*/) {
    value(at, type);
  }
  /// A container that owns nothing, an empty optional, a null Box, Ptr or Ref.
  virtual void empty(std::uint64_t /*at*/, const TypeNode& /*type*/) {}
  /// Something that cannot be followed, or a value that its type does not have; a problem says why.
  virtual void damaged(std::uint64_t /*at*/, const TypeNode& /*type*/) {}
  /// Whether to go through arrays of numbers one by one.
  virtual bool wants_values() const { return false; }
};

/// Goes through objects by nothing but their types' descriptions, and tells what is wrong with
/// them.
///
/// Whatever the bytes are, it reads only the heap, takes each byte of it into at most one block,
/// and needs no stack for long chains. What it finds wrong it reports with the path that leads
/// there ("users[1].name") and does not follow.
///
/// Complexity: O(bytes owned); memory for one bit per 16 bytes of heap that blocks lie in, and for
///             the longest chain of objects.
class ObjectWalker {
 public:
  static constexpr std::size_t max_problems = 64;

  /// Problems are appended to `problems`, at most `max_problems` by this walker.
  ObjectWalker(HeapBytes heap, ObjectVisitor& visitor, std::vector<std::string>& problems);

  /// Walks the object that the block at `offset` holds, and everything it owns. `name` begins the
  /// paths. Several objects walked one after the other must not share a block.
  void walk(const TypeTree& tree, std::uint64_t offset, std::string_view name);
  /// Takes a block that belongs to something else than the objects walked, `name` in problems.
  void claim_for(std::string_view name, std::uint64_t offset, std::uint64_t bytes);

  /// Where the walk stands: "users[1].name". Complexity: O(depth), bounded.
  std::string path() const;
  /// The tree of the object being walked, and the type of what owns the block told last.
  const TypeTree& tree() const noexcept { return *tree_; }
  const TypeNode& owner() const noexcept { return *owner_; }
  std::uint64_t depth() const noexcept { return frames_.size(); }
  /// A bit for every unit of a block that was claimed.
  const UnitBits& claimed() const noexcept { return claimed_; }
  std::size_t problems_found() const noexcept { return problems_found_; }

 private:
  /// An object whose parts are being visited.
  struct Frame {
    const TypeNode* node;
    std::uint64_t at;        ///< the object
    std::uint64_t content;   ///< its first element, or its table
    std::uint64_t next = 0;  ///< the part to visit next
    std::uint64_t count = 0;
    /// What a visitor is told to be in it, where that is not `count`.
    std::optional<std::uint64_t> elements = std::nullopt;
    /// Of a node of a B-tree: the keys that its own are between, 0 where there is none.
    std::uint64_t low_key = 0;
    std::uint64_t high_key = 0;
    /// It goes on for the object of the frame before it, of which it holds a part.
    bool is_continuation = false;
    /// Of a hash table: how many chunks the lookups of its elements may still pass.
    std::uint64_t passes_left = 0;
  };

  void run();
  void step(Frame& frame);
  void step_map(Frame& frame);
  void visit(const TypeNode& node, std::uint64_t at);
  void look_at(const TypeNode& node, std::uint64_t at);
  ObjectPart part_of(const Frame& frame) const;
  void visit_vec(const TypeNode& node, std::uint64_t at);
  void visit_string(const TypeNode& node, std::uint64_t at);
  void visit_pointer(const TypeNode& node, std::uint64_t at);
  void visit_box(const TypeNode& node, std::uint64_t at);
  void visit_map(const TypeNode& node, std::uint64_t at);
  void visit_deque(const TypeNode& node, std::uint64_t at);
  void visit_atomic(const TypeNode& node, std::uint64_t at);
  void visit_variant(const TypeNode& node, std::uint64_t at);
  void visit_static_string(const TypeNode& node, std::uint64_t at);
  void visit_segmented(const TypeNode& node, std::uint64_t at);
  void visit_nd_array(const TypeNode& node, std::uint64_t at);
  void step_segmented(const Frame& frame, std::uint64_t part);
  void visit_btree(const TypeNode& node, std::uint64_t at);
  bool claim_btree_nodes(const TypeNode& node, std::uint64_t at);
  bool claim_btree_node(const TypeNode& node, std::uint64_t offset, unsigned level, bool root);
  bool claim_btree_boxes(const TypeNode& node, std::uint64_t offset);
  void step_btree(Frame& frame);
  void check_key_order(const Frame& frame, std::uint64_t index);
  std::uint64_t btree_element(const TypeNode& node, std::uint64_t offset,
                              std::uint64_t index) const;
  std::uint64_t btree_child(const TypeNode& node, std::uint64_t offset, std::uint64_t index) const;
  void check_element_place(Frame& frame, std::uint64_t chunk, std::uint64_t slot);

  bool claim(std::uint64_t offset, std::uint64_t bytes, std::uint64_t align);
  template <class T>
  T load(std::uint64_t at) const noexcept {
    return heap_.load<T>(at);
  }
  void problem(std::string what);
  std::string value_name(const TypeNode& map, const std::string& place, std::uint64_t key) const;
  std::string btree_part_text(const Frame& frame, std::uint64_t part) const;
  std::string map_part_text(const Frame& frame, std::uint64_t part) const;

  HeapBytes heap_;
  ObjectVisitor& visitor_;
  std::vector<std::string>& problems_;
  std::size_t problems_found_ = 0;
  UnitBits claimed_;
  const bool wants_values_;
  bool told_ = false;  ///< the object at hand was told to the visitor
  const TypeTree* tree_ = nullptr;
  const TypeNode* owner_ = nullptr;
  std::string name_;
  std::vector<Frame> frames_;
};

/// One object on its own.
void walk_object(const TypeTree& tree, HeapBytes heap, std::uint64_t offset, ObjectVisitor& visitor,
                 std::vector<std::string>& problems);

}  // namespace cairn

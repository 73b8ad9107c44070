// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/mapping/reservation.hpp"
#include "cairn/type_tree.hpp"

namespace cairn {

/// The bytes of a store that objects may lie in: file offsets [begin, end), mapped at base +
/// offset.
struct HeapBytes {
  const std::byte* base = nullptr;
  std::uint64_t end = 0;
  std::uint64_t begin = 0;
};

/// What a walk meets. The functions do nothing unless overridden.
class ObjectVisitor {
 public:
  virtual ~ObjectVisitor() = default;

  /// A block that an object owns; the root object's own block comes first.
  virtual void block(std::uint64_t /*offset*/, std::uint64_t /*bytes*/) {}
  /// A Ptr or Ref at `at`; `target` lies in the heap.
  virtual void pointer(std::uint64_t /*at*/, std::uint64_t /*target*/, const TypeNode& /*type*/) {}
  /// A number, enum or string; only where `wants_values`.
  virtual void value(std::uint64_t /*at*/, const TypeNode& /*type*/) {}
  /// Whether to go through arrays of numbers one by one.
  virtual bool wants_values() const { return false; }
};

/// Goes through objects by nothing but their types' descriptions, and tells what is wrong with
/// them.
///
/// Whatever the bytes are, it reads only the heap, takes each byte of it into at most one block,
/// and needs no stack for long chains. What it finds wrong it reports with the path that leads
/// there
/// ("users[1].name") and does not follow.
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

 private:
  /// An object whose parts are being visited.
  struct Frame {
    const TypeNode* node;
    std::uint64_t at;        ///< the object
    std::uint64_t content;   ///< its first element, or its table
    std::uint64_t next = 0;  ///< the part to visit next
    std::uint64_t count = 0;
    /// Of a node of a B-tree: the keys that its own are between, 0 where there is none.
    std::uint64_t low_key = 0;
    std::uint64_t high_key = 0;
  };

  void run();
  void step(Frame& frame);
  void step_map(Frame& frame);
  void visit(const TypeNode& node, std::uint64_t at);
  void visit_vec(const TypeNode& node, std::uint64_t at);
  void visit_string(const TypeNode& node, std::uint64_t at);
  void visit_pointer(const TypeNode& node, std::uint64_t at);
  void visit_box(const TypeNode& node, std::uint64_t at);
  void visit_map(const TypeNode& node, std::uint64_t at);
  void visit_btree(const TypeNode& node, std::uint64_t at);
  bool claim_btree_nodes(const TypeNode& node, std::uint64_t at);
  bool claim_btree_node(const TypeNode& node, std::uint64_t offset, unsigned level, bool root);
  bool claim_btree_boxes(const TypeNode& node, std::uint64_t offset);
  void step_btree(Frame& frame);
  void check_key_order(const Frame& frame, std::uint64_t index);
  std::uint64_t btree_element(const TypeNode& node, std::uint64_t offset,
                              std::uint64_t index) const;
  std::uint64_t btree_child(const TypeNode& node, std::uint64_t offset, std::uint64_t index) const;
  void check_element_place(const Frame& frame, std::uint64_t chunk, std::uint64_t slot);

  bool claim(std::uint64_t offset, std::uint64_t bytes, std::uint64_t align);
  template <class T>
  T load(std::uint64_t at) const noexcept {
    T value;
    std::memcpy(&value, heap_.base + at, sizeof value);
    return value;
  }
  void problem(std::string what);
  std::string path() const;

  HeapBytes heap_;
  ObjectVisitor& visitor_;
  std::vector<std::string>& problems_;
  std::size_t problems_found_ = 0;
  Reservation claimed_memory_;
  std::uint64_t* claimed_;
  const TypeTree* tree_ = nullptr;
  std::string name_;
  std::vector<Frame> frames_;
};

/// One object on its own.
void walk_object(const TypeTree& tree, HeapBytes heap, std::uint64_t offset, ObjectVisitor& visitor,
                 std::vector<std::string>& problems);

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#include "cairn/object_walker.hpp"

#include <algorithm>

#include "cairn/stored_value.hpp"
#include "cairn/types/atomic_format.hpp"
#include "cairn/types/deque_format.hpp"
#include "cairn/types/inline_format.hpp"
#include "cairn/types/nd_array_format.hpp"
#include "cairn/types/segmented_format.hpp"
#include "cairn/types/string_format.hpp"
#include "cairn/types/vec_format.hpp"
#include "saturating_product.hpp"

namespace cairn {

ObjectWalker::ObjectWalker(HeapBytes heap, ObjectVisitor& visitor,
                           std::vector<std::string>& problems)
    : heap_(heap),
      visitor_(visitor),
      problems_(problems),
      claimed_(heap.end),
      wants_values_(visitor.wants_values()) {}

std::string ObjectWalker::path() const {
  constexpr std::size_t shown = 12;
  std::string text = name_;
  for (std::size_t i = 0; i < frames_.size(); ++i) {
    if (i == shown && frames_.size() > 2 * shown) {
      text += "...";
      i = frames_.size() - shown;
    }
    const Frame& frame = frames_[i];
    // None of its parts has been visited yet.
    if (frame.next == 0 || (frame.node->kind == TypeKind::variant && frame.next < frame.count)) {
      break;
    }
    const std::uint64_t part = frame.next - 1;
    switch (frame.node->kind) {
      case TypeKind::structure: text += '.' + frame.node->fields[part].name; break;
      case TypeKind::variant: text += '<' + std::to_string(part) + '>'; break;
      case TypeKind::vec:
      case TypeKind::deque:
      case TypeKind::static_vector:
      case TypeKind::segmented:
      case TypeKind::nd_array:
      case TypeKind::array: text += '[' + std::to_string(part) + ']'; break;
      case TypeKind::hash_map: text += map_part_text(frame, part); break;
      case TypeKind::hash_set: text += "{slot " + std::to_string(part / 2) + '}'; break;
      case TypeKind::btree_map:
      case TypeKind::btree_set: text += btree_part_text(frame, part); break;
      default: text += "->"; break;
    }
  }
  return text;
}

/// A value of a map is named by its key, `["ada"]`, where that can be told.
std::string ObjectWalker::value_name(const TypeNode& map, const std::string& place,
                                     std::uint64_t key) const {
  const std::string text = value_text(tree_->element_of(map), heap_, key);
  return text.empty() ? place + ".value" : '[' + text + ']';
}

void ObjectWalker::problem(std::string what) {
  if (problems_found_++ < max_problems) problems_.push_back(path() + ": " + std::move(what));
}

/// Takes [offset, offset + bytes) as a block; false, and a problem, where it is no such thing.
bool ObjectWalker::claim(std::uint64_t offset, std::uint64_t bytes, std::uint64_t align) {
  const auto where = [&] {
    return "a block of " + std::to_string(bytes) + " bytes at " + std::to_string(offset);
  };
  if (offset < heap_.begin || offset >= heap_.end || bytes > heap_.end - offset) {
    problem(where() + " reaches outside of the heap [" + std::to_string(heap_.begin) + ", " +
            std::to_string(heap_.end) + ")");
    return false;
  }
  const std::uint64_t aligned_to = std::max(align, UnitBits::unit_bytes);
  if (offset % aligned_to != 0) {
    problem(where() + " is not aligned to " + std::to_string(aligned_to));
    return false;
  }
  if (claimed_.any(offset, bytes)) {
    problem(where() + " has another owner as well");
    return false;
  }
  claimed_.set(offset, bytes);
  visitor_.block(offset, bytes);
  return true;
}

void ObjectWalker::claim_for(std::string_view name, std::uint64_t offset, std::uint64_t bytes) {
  name_ = name;
  frames_.clear();
  if (bytes != 0) claim(offset, bytes, 1);
}

void ObjectWalker::walk(const TypeTree& tree, std::uint64_t offset, std::string_view name) {
  tree_ = &tree;
  name_ = name;
  frames_.clear();
  owner_ = &tree.root();
  if (!claim(offset, tree.root().size, tree.root().align)) return;
  visit(tree.root(), offset);
  run();
}

void ObjectWalker::run() {
  while (!frames_.empty() && problems_found_ <= max_problems) {
    Frame& frame = frames_.back();
    if (frame.next == frame.count) {
      if (!frame.is_continuation) visitor_.end(frame.at, *frame.node);
      frames_.pop_back();
    } else {
      step(frame);
    }
  }
}

/// Visits the next part of an object. The frame may have moved when this returns.
void ObjectWalker::step(Frame& frame) {
  const TypeNode& node = *frame.node;
  owner_ = &node;
  if (node.kind == TypeKind::hash_map || node.kind == TypeKind::hash_set) return step_map(frame);
  if (node.kind == TypeKind::btree_map || node.kind == TypeKind::btree_set) {
    return step_btree(frame);
  }
  const std::uint64_t part = frame.next++;
  if (node.kind == TypeKind::segmented) return step_segmented(frame, part);
  if (node.kind == TypeKind::structure || node.kind == TypeKind::variant) {
    const TypeNode::Field& field = node.fields[part];
    return visit((*tree_)[field.type], frame.at + field.offset);
  }
  const TypeNode& element = tree_->element_of(node);
  if (node.kind == TypeKind::deque) {
    const auto ring = load<DequeFormat>(frame.at);
    return visit(element,
                 frame.content + deque_slot(ring.front + part, ring.capacity) * element.size);
  }
  visit(element, frame.content + part * element.size);
}

ObjectPart ObjectWalker::part_of(const Frame& frame) const {
  const std::uint64_t part = frame.next - 1;
  if (frame.node->kind == TypeKind::hash_set) return {PartRole::element, part / 2, {}};
  if (frame.node->kind == TypeKind::btree_set) return {PartRole::element, part / 3, {}};
  if (frame.node->kind == TypeKind::btree_map) {
    return {part % 3 == 1 ? PartRole::key : PartRole::value, part / 3, {}};
  }
  switch (shape_of(frame.node->kind)) {
    case ValueShape::structure: return {PartRole::field, part, frame.node->fields[part].name};
    case ValueShape::map: return {part % 2 == 0 ? PartRole::key : PartRole::value, part / 2, {}};
    default: return {PartRole::element, part, {}};
  }
}

/// Looks at one object and tells it. Whatever its kind, it has then been told once: a kind only
/// has to check, to claim what the object owns, and to push a frame for its parts.
void ObjectWalker::visit(const TypeNode& node, std::uint64_t at) {
  if (node.plain && !wants_values_) return;
  if (wants_values_) {
    visitor_.part(frames_.empty() ? ObjectPart{PartRole::root, 0, name_} : part_of(frames_.back()));
  }
  const std::size_t depth = frames_.size();
  const std::size_t problems = problems_found_;
  told_ = false;
  owner_ = &node;
  look_at(node, at);
  if (frames_.size() != depth) {
    const Frame& frame = frames_.back();
    visitor_.begin(at, node, frame.elements.value_or(frame.count));
  } else if (!told_ && problems_found_ == problems) {
    visitor_.empty(at, node);
  } else if (!told_) {
    visitor_.damaged(at, node);
  }
}

void ObjectWalker::look_at(const TypeNode& node, std::uint64_t at) {
  switch (node.kind) {
    case TypeKind::boolean:
      if (load<std::uint8_t>(at) > 1) return problem("a bool that is neither false nor true");
      [[fallthrough]];
    case TypeKind::character:
    case TypeKind::signed_integer:
    case TypeKind::unsigned_integer:
    case TypeKind::floating:
    case TypeKind::enumeration:
      told_ = true;
      if (wants_values_) visitor_.value(at, node);
      return;
    case TypeKind::structure: frames_.push_back({&node, at, at, 0, node.fields.size()}); return;
    case TypeKind::array: frames_.push_back({&node, at, at, 0, node.count}); return;
    case TypeKind::optional: {
      const auto flag = load<std::uint8_t>(at + tree_->element_of(node).size);
      if (flag > 1) problem("an optional that is neither empty nor full");
      if (flag == 1) frames_.push_back({&node, at, at, 0, 1});
      return;
    }
    case TypeKind::vec: return visit_vec(node, at);
    case TypeKind::string: return visit_string(node, at);
    case TypeKind::box: return visit_box(node, at);
    case TypeKind::ptr:
    case TypeKind::ref: return visit_pointer(node, at);
    case TypeKind::hash_map:
    case TypeKind::hash_set: return visit_map(node, at);
    case TypeKind::deque: return visit_deque(node, at);
    case TypeKind::atomic: return visit_atomic(node, at);
    case TypeKind::variant: return visit_variant(node, at);
    case TypeKind::static_vector: {
      const auto size = load<std::uint64_t>(at + node.inner_offset);
      if (size <= node.count) return frames_.push_back({&node, at, at, 0, size});
      return problem("a static_vector of size " + std::to_string(size) + " but capacity " +
                     std::to_string(node.count));
    }
    case TypeKind::static_string: return visit_static_string(node, at);
    case TypeKind::segmented: return visit_segmented(node, at);
    case TypeKind::nd_array: return visit_nd_array(node, at);
    case TypeKind::btree_map:
    case TypeKind::btree_set: return visit_btree(node, at);
  }
}

/// The value may change meanwhile: what is looked at is some moment's.
void ObjectWalker::visit_atomic(const TypeNode& node, std::uint64_t at) {
  const auto line = load<AtomicFormat>(at);
  if (line.magic != atomic_magic || !std::all_of(std::begin(line.reserved), std::end(line.reserved),
                                                 [](std::uint8_t byte) { return byte == 0; })) {
    return problem("an Atomic whose line something else was written to");
  }
  // Told as the value that it holds.
  look_at(tree_->element_of(node), at);
}

void ObjectWalker::visit_variant(const TypeNode& node, std::uint64_t at) {
  const std::uint64_t index = load<std::uint8_t>(at + node.inner_offset);
  if (index == variant_valueless) return;
  if (index >= node.fields.size()) {
    return problem("a variant of " + std::to_string(node.fields.size()) +
                   " alternatives that holds number " + std::to_string(index));
  }
  frames_.push_back({&node, at, at, index, index + 1, 1});
}

void ObjectWalker::visit_static_string(const TypeNode& node, std::uint64_t at) {
  std::uint64_t size = 0;
  std::memcpy(&size, heap_.base + at, node.inner_offset);
  if (size > node.count) {
    return problem("a static_string of size " + std::to_string(size) + " but capacity " +
                   std::to_string(node.count));
  }
  if (load<char>(at + node.inner_offset + size) != '\0') {
    return problem("a static_string without a zero behind it");
  }
  told_ = true;
  if (!wants_values_) return;
  const auto* const characters = reinterpret_cast<const char*>(heap_.base + at + node.inner_offset);
  visitor_.text(at, node, {characters, size});
}

void ObjectWalker::visit_segmented(const TypeNode& node, std::uint64_t at) {
  const auto stored = load<SegmentedFormat>(at);
  const TypeNode& element = tree_->element_of(node);
  if ((stored.segments == 0) != (stored.distance == null_distance) ||
      stored.segments > segments_max || (stored.segments == 0 && stored.size != 0)) {
    return problem("a Segmented whose size and pointer contradict each other");
  }
  if (stored.segments == 0) return;
  const std::uint32_t first_bits = segment_first_bits(element.size);
  if (stored.size > segments_capacity(first_bits, stored.segments)) {
    return problem("a Segmented of size " + std::to_string(stored.size) + " with " +
                   std::to_string(stored.segments) + " segments");
  }
  const std::uint64_t directory = at + static_cast<std::uint64_t>(stored.distance);
  const std::uint64_t slots = segment_directory_slots(stored.segments);
  if (!claim(directory, slots * stored_pointer_bytes, stored_pointer_bytes)) return;
  for (std::uint64_t k = 0; k < stored.segments; ++k) {
    const std::uint64_t slot = directory + k * stored_pointer_bytes;
    const std::uint64_t elements = segment_elements(first_bits, k);
    if (!claim(slot + load<std::uint64_t>(slot), product(elements, element.size), element.align)) {
      return;
    }
  }
  const std::uint64_t parts = element.plain && !wants_values_ ? 0 : stored.size;
  frames_.push_back({&node, at, directory, 0, parts, stored.size});
}

void ObjectWalker::step_segmented(const Frame& frame, std::uint64_t part) {
  const TypeNode& element = tree_->element_of(*frame.node);
  const SegmentPlace place = segment_place(segment_first_bits(element.size), part);
  const std::uint64_t slot = frame.content + place.segment * stored_pointer_bytes;
  visit(element, slot + load<std::uint64_t>(slot) + place.index * element.size);
}

void ObjectWalker::visit_nd_array(const TypeNode& node, std::uint64_t at) {
  std::uint64_t elements = 1;
  for (std::uint64_t i = 0; i < node.count; ++i) {
    elements =
        product(elements, load<std::uint64_t>(at + sizeof(VecFormat) + i * sizeof(std::uint64_t)));
  }
  const auto vec = load<VecFormat>(at);
  if (elements != vec.size) {
    return problem("an NdArray whose extents make " + std::to_string(elements) +
                   " elements, but that has " + std::to_string(vec.size));
  }
  visit_vec(node, at);
}

void ObjectWalker::visit_vec(const TypeNode& node, std::uint64_t at) {
  const auto vec = load<VecFormat>(at);
  const TypeNode& element = tree_->element_of(node);
  if (vec.size > vec.capacity) {
    return problem("a Vec of size " + std::to_string(vec.size) + " but capacity " +
                   std::to_string(vec.capacity));
  }
  if ((vec.capacity == 0) != (vec.distance == null_distance)) {
    return problem("a Vec whose capacity and pointer contradict each other");
  }
  if (vec.capacity == 0) return;
  const std::uint64_t content = at + static_cast<std::uint64_t>(vec.distance);
  if (!claim(content, product(vec.capacity, element.size), element.align)) return;
  // Plain elements own nothing: who wants no values is spared them.
  const std::uint64_t elements = vec.size;
  const std::uint64_t parts = element.plain && !wants_values_ ? 0 : elements;
  frames_.push_back({&node, at, content, 0, parts, vec.size});
}

void ObjectWalker::visit_string(const TypeNode& node, std::uint64_t at) {
  const auto tag = load<std::uint8_t>(at + string_tag_byte);
  std::uint64_t begin = at;
  std::uint64_t terminator = 0;
  if (tag <= string_short_capacity) {
    terminator = at + string_short_capacity - tag;
  } else {
    const auto text = load<StringFormat::Long>(at);
    const std::uint64_t capacity = text.capacity_and_tag & ~string_long_tag_bits;
    if (tag != string_long_tag) return problem("a String that is neither short nor long");
    if (text.size > capacity) {
      return problem("a String of size " + std::to_string(text.size) + " but capacity " +
                     std::to_string(capacity));
    }
    begin = at + static_cast<std::uint64_t>(text.distance);
    if (!claim(begin, capacity + 1, 1)) return;
    terminator = begin + text.size;
  }
  if (load<char>(terminator) != '\0') return problem("a String without a zero behind it");
  told_ = true;
  if (!wants_values_) return;
  visitor_.text(at, node, {reinterpret_cast<const char*>(heap_.base + begin), terminator - begin});
}

void ObjectWalker::visit_pointer(const TypeNode& node, std::uint64_t at) {
  const auto stored = load<std::uint64_t>(at);
  const bool is_ref = node.kind == TypeKind::ref;
  if (stored == (is_ref ? 0 : static_cast<std::uint64_t>(null_distance))) return;
  const std::uint64_t target = is_ref ? stored : at + stored;
  const TypeNode& type = tree_->element_of(node);
  if (target < heap_.begin || target >= heap_.end || type.size > heap_.end - target ||
      target % type.align != 0) {
    return problem("points to " + std::to_string(target) + ", where no object of " +
                   std::to_string(type.size) + " bytes can be");
  }
  told_ = true;
  visitor_.pointer(at, target, type);
}

void ObjectWalker::visit_box(const TypeNode& node, std::uint64_t at) {
  const auto distance = load<std::int64_t>(at);
  if (distance == null_distance) return;
  const TypeNode& element = tree_->element_of(node);
  const std::uint64_t content = at + static_cast<std::uint64_t>(distance);
  if (claim(content, element.size, element.align)) {
    frames_.push_back({&node, at, content, 0, 1});
  }
}

void ObjectWalker::visit_deque(const TypeNode& node, std::uint64_t at) {
  const auto ring = load<DequeFormat>(at);
  const TypeNode& element = tree_->element_of(node);
  if (ring.size > ring.capacity) {
    return problem("a Deque of size " + std::to_string(ring.size) + " but capacity " +
                   std::to_string(ring.capacity));
  }
  if ((ring.capacity == 0) != (ring.distance == null_distance)) {
    return problem("a Deque whose capacity and pointer contradict each other");
  }
  if (ring.front >= std::max<std::uint64_t>(ring.capacity, 1)) {
    return problem("a Deque that begins at slot " + std::to_string(ring.front) + " of " +
                   std::to_string(ring.capacity));
  }
  if (ring.capacity == 0) return;
  const std::uint64_t content = at + static_cast<std::uint64_t>(ring.distance);
  if (!claim(content, product(ring.capacity, element.size), element.align)) return;
  const std::uint64_t elements = ring.size;
  const std::uint64_t parts = element.plain && !wants_values_ ? 0 : elements;
  frames_.push_back({&node, at, content, 0, parts, ring.size});
}

void walk_object(const TypeTree& tree, HeapBytes heap, std::uint64_t offset, ObjectVisitor& visitor,
                 std::vector<std::string>& problems) {
  ObjectWalker(heap, visitor, problems).walk(tree, offset, "object");
}

}  // namespace cairn

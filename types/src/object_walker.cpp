// SPDX-License-Identifier: BSL-1.0
#include "cairn/object_walker.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>

#include "cairn/hash.hpp"
#include "cairn/mapping/page.hpp"
#include "cairn/types/hash_map_format.hpp"
#include "cairn/types/string_format.hpp"
#include "cairn/types/vec_format.hpp"
#include "stored_hash.hpp"

namespace cairn {
namespace {

constexpr std::uint64_t claim_unit_bytes = 16;

/// a * b, or a number that is larger than any heap.
std::uint64_t product(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t result;
  return __builtin_mul_overflow(a, b, &result) ? std::numeric_limits<std::uint64_t>::max() : result;
}

}  // namespace

ObjectWalker::ObjectWalker(HeapBytes heap, ObjectVisitor& visitor,
                           std::vector<std::string>& problems)
    : heap_(heap),
      visitor_(visitor),
      problems_(problems),
      claimed_memory_(Reservation::anonymous(
          round_up(heap.end / claim_unit_bytes / 8 + sizeof(std::uint64_t), page_bytes))),
      claimed_(reinterpret_cast<std::uint64_t*>(claimed_memory_.data())) {}

std::string ObjectWalker::path() const {
  constexpr std::size_t shown = 12;
  std::string text = name_;
  for (std::size_t i = 0; i < frames_.size(); ++i) {
    if (i == shown && frames_.size() > 2 * shown) {
      text += "...";
      i = frames_.size() - shown;
    }
    const Frame& frame = frames_[i];
    const std::uint64_t part = frame.next == 0 ? 0 : frame.next - 1;
    switch (frame.node->kind) {
      case TypeKind::structure: text += '.' + frame.node->fields[part].name; break;
      case TypeKind::vec:
      case TypeKind::array: text += '[' + std::to_string(part) + ']'; break;
      case TypeKind::hash_map:
        text += "{slot " + std::to_string(part / 2) + (part % 2 == 0 ? "}.key" : "}.value");
        break;
      case TypeKind::btree_map:
      case TypeKind::btree_set:
        text += '{' + std::to_string(part / 3) +
                (part % 3 == 0   ? "}.child"
                 : part % 3 == 1 ? "}.key"
                                 : "}.value");
        break;
      default: text += "->"; break;
    }
  }
  return text;
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
  if (offset % std::max(align, claim_unit_bytes) != 0) {
    problem(where() + " is not aligned to " + std::to_string(std::max(align, claim_unit_bytes)));
    return false;
  }
  const std::uint64_t first = offset / claim_unit_bytes;
  const std::uint64_t last = (offset + bytes - 1) / claim_unit_bytes;
  const auto mask_of = [&](std::uint64_t word) {
    std::uint64_t mask = ~0ULL;
    if (word == first / 64) mask &= ~0ULL << (first % 64);
    if (word == last / 64) mask &= ~0ULL >> (63 - last % 64);
    return mask;
  };
  for (std::uint64_t word = first / 64; word <= last / 64; ++word) {
    if ((claimed_[word] & mask_of(word)) == 0) continue;
    problem(where() + " has another owner as well");
    return false;
  }
  for (std::uint64_t word = first / 64; word <= last / 64; ++word) claimed_[word] |= mask_of(word);
  visitor_.block(offset, bytes);
  return true;
}

void ObjectWalker::walk(const TypeTree& tree, std::uint64_t offset, std::string_view name) {
  tree_ = &tree;
  name_ = name;
  frames_.clear();
  if (!claim(offset, tree.root().size, tree.root().align)) return;
  visit(tree.root(), offset);
  run();
}

void ObjectWalker::run() {
  while (!frames_.empty() && problems_found_ <= max_problems) {
    Frame& frame = frames_.back();
    if (frame.next == frame.count) {
      frames_.pop_back();
    } else {
      step(frame);
    }
  }
}

/// Visits the next part of an object. The frame may have moved when this returns.
void ObjectWalker::step(Frame& frame) {
  const TypeNode& node = *frame.node;
  if (node.kind == TypeKind::hash_map) return step_map(frame);
  if (node.kind == TypeKind::btree_map || node.kind == TypeKind::btree_set) {
    return step_btree(frame);
  }
  const std::uint64_t part = frame.next++;
  if (node.kind == TypeKind::structure) {
    const TypeNode::Field& field = node.fields[part];
    return visit((*tree_)[field.type], frame.at + field.offset);
  }
  const TypeNode& element = tree_->element_of(node);
  visit(element, frame.content + part * element.size);
}

void ObjectWalker::visit(const TypeNode& node, std::uint64_t at) {
  if (node.plain && !visitor_.wants_values()) return;
  switch (node.kind) {
    case TypeKind::boolean:
      if (load<std::uint8_t>(at) > 1) problem("a bool that is neither false nor true");
      [[fallthrough]];
    case TypeKind::character:
    case TypeKind::signed_integer:
    case TypeKind::unsigned_integer:
    case TypeKind::floating:
    case TypeKind::enumeration:
      if (visitor_.wants_values()) visitor_.value(at, node);
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
    case TypeKind::hash_map: return visit_map(node, at);
    case TypeKind::btree_map:
    case TypeKind::btree_set: return visit_btree(node, at);
  }
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
  if (element.plain && !visitor_.wants_values()) return;
  frames_.push_back({&node, at, content, 0, vec.size});
}

void ObjectWalker::visit_string(const TypeNode& node, std::uint64_t at) {
  const auto tag = load<std::uint8_t>(at + string_tag_byte);
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
    const std::uint64_t block = at + static_cast<std::uint64_t>(text.distance);
    if (!claim(block, capacity + 1, 1)) return;
    terminator = block + text.size;
  }
  if (load<char>(terminator) != '\0') return problem("a String without a zero behind it");
  if (visitor_.wants_values()) visitor_.value(at, node);
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

void ObjectWalker::visit_map(const TypeNode& node, std::uint64_t at) {
  const auto map = load<HashMapFormat>(at);
  const std::uint64_t slots = map.chunk_slots;
  const bool zeroed = std::all_of(std::begin(map.reserved), std::end(map.reserved),
                                  [](std::uint8_t byte) { return byte == 0; });
  if (map.hash_version != hash_version || !zeroed) {
    return problem("a HashMap of an unknown version");
  }
  if ((slots == 0) != (map.distance == null_distance) ||
      (slots == 0 && (map.size != 0 || map.chunk_bits != 0))) {
    return problem("a HashMap whose size and pointer contradict each other");
  }
  if (slots == 0) return;
  const bool shape_known = slots == hash_chunk_slots_max
                               ? map.chunk_bits <= hash_chunk_bits_max
                               : map.chunk_bits == 0 && (slots == 2 || slots == 6);
  if (!shape_known) {
    return problem("a HashMap of 2^" + std::to_string(map.chunk_bits) + " chunks of " +
                   std::to_string(slots) + " slots");
  }
  const HashSlotLayout slot = hash_slot_layout(tree_->element_of(node), tree_->value_of(node));
  const std::uint64_t chunks = std::uint64_t{1} << map.chunk_bits;
  const std::uint64_t bytes = chunks == 1
                                  ? hash_table_bytes(0, slots, slot.size, slot.align)
                                  : product(chunks, hash_chunk_stride(slot.size, slot.align));
  const std::uint64_t table = at + static_cast<std::uint64_t>(map.distance);
  if (!claim(table, bytes, hash_table_alignment(map.chunk_bits, slot.align))) return;
  std::uint64_t elements = 0;
  for (std::uint64_t chunk = 0; chunk < chunks; ++chunk) {
    const auto head =
        load<HashChunkFormat>(table + chunk * hash_chunk_stride(slot.size, slot.align));
    for (std::uint64_t i = 0; i < hash_chunk_slots_max; ++i) {
      if (head.tags[i] == 0) continue;
      if (head.tags[i] < 0x80 || i >= slots) return problem("a HashMap with an impossible tag");
      ++elements;
    }
  }
  if (elements != map.size) {
    return problem("a HashMap of size " + std::to_string(map.size) + " that holds " +
                   std::to_string(elements));
  }
  frames_.push_back({&node, at, table, 0, chunks * hash_chunk_slots_max * 2});
}

/// The parts of a map's frame are keys and values by turns, of all slots, also the free ones.
void ObjectWalker::step_map(Frame& frame) {
  const TypeNode& key = tree_->element_of(*frame.node);
  const TypeNode& value = tree_->value_of(*frame.node);
  const HashSlotLayout layout = hash_slot_layout(key, value);
  const std::uint64_t stride = hash_chunk_stride(layout.size, layout.align);
  for (; frame.next < frame.count; frame.next += 2 - frame.next % 2) {
    const std::uint64_t slot = frame.next / 2 % hash_chunk_slots_max;
    const std::uint64_t chunk = frame.next / 2 / hash_chunk_slots_max;
    if (load<std::uint8_t>(frame.content + chunk * stride + slot) == 0) continue;
    const std::uint64_t at =
        frame.content + chunk * stride + hash_chunk_slots_at(layout.align) + slot * layout.size;
    if (frame.next++ % 2 == 0) return visit(key, at);
    // By now the key has been visited, so it is safe to hash.
    check_element_place(frame, chunk, slot);
    return visit(value, at + layout.value_offset);
  }
}

/// Proves that a lookup finds the element: its tag and its chunk are those that its key's hash
/// says, and the chunks that it passed know.
void ObjectWalker::check_element_place(const Frame& frame, std::uint64_t chunk,
                                       std::uint64_t slot) {
  const TypeNode& key = tree_->element_of(*frame.node);
  const HashSlotLayout layout = hash_slot_layout(key, tree_->value_of(*frame.node));
  const std::uint64_t stride = hash_chunk_stride(layout.size, layout.align);
  if (frame.node->hash_name != "cairn" + std::to_string(hash_version)) return;
  const std::uint64_t key_at =
      frame.content + chunk * stride + hash_chunk_slots_at(layout.align) + slot * layout.size;
  const std::optional<std::uint64_t> hash = stored_hash(*tree_, key, heap_, key_at);
  if (!hash) return;
  const std::uint8_t tag = hash_tag(*hash);
  if (load<std::uint8_t>(frame.content + chunk * stride + slot) != tag) {
    return problem("a HashMap's tag does not fit the key");
  }
  const std::uint64_t mask = frame.count / 2 / hash_chunk_slots_max - 1;
  std::uint64_t index = *hash;
  for (std::uint64_t tries = 0; (index & mask) != chunk; ++tries) {
    const std::uint64_t passed = frame.content + (index & mask) * stride;
    if (tries > mask || load<HashChunkFormat>(passed).overflow == 0) {
      return problem("a HashMap's element lies where no lookup comes by");
    }
    index += hash_probe_step(tag);
  }
}

void walk_object(const TypeTree& tree, HeapBytes heap, std::uint64_t offset, ObjectVisitor& visitor,
                 std::vector<std::string>& problems) {
  ObjectWalker(heap, visitor, problems).walk(tree, offset, "object");
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
// How the object walker goes through the tables of hash maps and sets.
#include <algorithm>
#include <optional>

#include "cairn/hash.hpp"
#include "cairn/object_walker.hpp"
#include "cairn/types/hash_map_format.hpp"
#include "saturating_product.hpp"
#include "stored_hash.hpp"

namespace cairn {
namespace {

/// How many chunks the lookups of all elements of a table may pass, for each of its chunks. Sound
/// tables stay far below; one of nothing but equal hashes comes here with a thousand elements.
/// Without a bound a hostile table takes time by the square of its size.
constexpr std::uint64_t passes_per_chunk_max = 256;

/// Where the slot of that number among all slots of the table at `table` lies.
std::uint64_t hash_slot_place(std::uint64_t table, const ElementLayout& slot,
                              std::uint64_t number) noexcept {
  return table + number / hash_chunk_slots_max * hash_chunk_stride(slot.size, slot.align) +
         hash_chunk_slots_at(slot.align) + number % hash_chunk_slots_max * slot.size;
}

std::string hash_kind(const TypeNode& node) {
  return node.kind == TypeKind::hash_set ? "a HashSet" : "a HashMap";
}

}  // namespace

std::string ObjectWalker::map_part_text(const Frame& frame, std::uint64_t part) const {
  const std::string place = "{slot " + std::to_string(part / 2) + '}';
  if (part % 2 == 0) return place + ".key";
  const ElementLayout layout = element_layout(*tree_, *frame.node);
  return value_name(*frame.node, place, hash_slot_place(frame.content, layout, part / 2));
}

void ObjectWalker::visit_map(const TypeNode& node, std::uint64_t at) {
  const auto map = load<HashMapFormat>(at);
  const std::uint64_t slots = map.chunk_slots;
  const bool zeroed = std::all_of(std::begin(map.reserved), std::end(map.reserved),
                                  [](std::uint8_t byte) { return byte == 0; });
  if (map.hash_version != hash_version || !zeroed) {
    return problem(hash_kind(node) + " of an unknown version");
  }
  if ((slots == 0) != (map.distance == null_distance) ||
      (slots == 0 && (map.size != 0 || map.chunk_bits != 0))) {
    return problem(hash_kind(node) + " whose size and pointer contradict each other");
  }
  if (slots == 0) return;
  const bool shape_known = slots == hash_chunk_slots_max
                               ? map.chunk_bits <= hash_chunk_bits_max
                               : map.chunk_bits == 0 && (slots == 2 || slots == 6);
  if (!shape_known) {
    return problem(hash_kind(node) + " of 2^" + std::to_string(map.chunk_bits) + " chunks of " +
                   std::to_string(slots) + " slots");
  }
  const ElementLayout slot = element_layout(*tree_, node);
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
      if (head.tags[i] < 0x80 || i >= slots)
        return problem(hash_kind(node) + " with an impossible tag");
      ++elements;
    }
  }
  if (elements != map.size) {
    return problem(hash_kind(node) + " of size " + std::to_string(map.size) + " that holds " +
                   std::to_string(elements));
  }
  frames_.push_back({&node, at, table, 0, chunks * hash_chunk_slots_max * 2, elements});
  frames_.back().passes_left = chunks * passes_per_chunk_max;
}

/// The parts of a map's frame are keys and values by turns, of all slots, also the free ones. A set
/// has nothing where a map has values.
void ObjectWalker::step_map(Frame& frame) {
  const TypeNode& node = *frame.node;
  const ElementLayout layout = element_layout(*tree_, node);
  const std::uint64_t stride = hash_chunk_stride(layout.size, layout.align);
  for (; frame.next < frame.count; frame.next += 2 - frame.next % 2) {
    const std::uint64_t slot = frame.next / 2 % hash_chunk_slots_max;
    const std::uint64_t chunk = frame.next / 2 / hash_chunk_slots_max;
    if (load<std::uint8_t>(frame.content + chunk * stride + slot) == 0) continue;
    const std::uint64_t at = hash_slot_place(frame.content, layout, frame.next / 2);
    if (frame.next++ % 2 == 0) return visit(tree_->element_of(node), at);
    // By now the key has been visited, so it is safe to hash.
    check_element_place(frame, chunk, slot);
    if (node.kind == TypeKind::hash_set) return;
    return visit(tree_->value_of(node), at + layout.value_offset);
  }
}

/// Proves that a lookup finds the element: its tag and its chunk are those that its key's hash
/// says, and the chunks that it passed know.
void ObjectWalker::check_element_place(Frame& frame, std::uint64_t chunk, std::uint64_t slot) {
  static const std::string known_function = "cairn" + std::to_string(hash_version);
  if (frame.node->key_function != known_function) return;
  const TypeNode& key = tree_->element_of(*frame.node);
  const ElementLayout layout = element_layout(*tree_, *frame.node);
  const std::uint64_t stride = hash_chunk_stride(layout.size, layout.align);
  const std::uint64_t key_at =
      hash_slot_place(frame.content, layout, chunk * hash_chunk_slots_max + slot);
  const std::optional<std::uint64_t> hash = stored_hash(*tree_, key, heap_, key_at);
  if (!hash) return;
  const std::uint8_t tag = hash_tag(*hash);
  if (load<std::uint8_t>(frame.content + chunk * stride + slot) != tag) {
    return problem(hash_kind(*frame.node) + "'s tag does not fit the key");
  }
  const std::uint64_t mask = frame.count / 2 / hash_chunk_slots_max - 1;
  if (frame.passes_left == 0) return;  // and that is a problem already
  std::uint64_t index = *hash;
  for (std::uint64_t tries = 0; (index & mask) != chunk; ++tries) {
    if (--frame.passes_left == 0) {
      return problem(hash_kind(*frame.node) +
                     "'s elements lie too far from where their hashes say");
    }
    const std::uint64_t passed = frame.content + (index & mask) * stride;
    if (tries > mask || load<HashChunkFormat>(passed).overflow == 0) {
      return problem(hash_kind(*frame.node) + "'s element lies where no lookup comes by");
    }
    index += hash_probe_step(tag);
  }
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#include "stored_hash.hpp"

#include <algorithm>
#include <cstring>

#include "cairn/hash.hpp"
#include "cairn/stored_value.hpp"

namespace cairn {
namespace {

std::uint64_t hash_unsigned(const TypeNode& node, const HeapBytes& heap, std::uint64_t at) {
  switch (node.size) {
    case 1: return hash_number(heap.load<std::uint8_t>(at));
    case 2: return hash_number(heap.load<std::uint16_t>(at));
    case 4: return hash_number(heap.load<std::uint32_t>(at));
    default: return hash_number(heap.load<std::uint64_t>(at));
  }
}

std::uint64_t hash_signed(const TypeNode& node, const HeapBytes& heap, std::uint64_t at) {
  switch (node.size) {
    case 1: return Hash<std::int8_t>{}(heap.load<std::int8_t>(at));
    case 2: return Hash<std::int16_t>{}(heap.load<std::int16_t>(at));
    case 4: return Hash<std::int32_t>{}(heap.load<std::int32_t>(at));
    default: return Hash<std::int64_t>{}(heap.load<std::int64_t>(at));
  }
}

/// Nothing where the string's own numbers lead outside of the heap.
std::optional<std::uint64_t> hash_string(const HeapBytes& heap, std::uint64_t at) {
  const std::optional<std::string_view> text = stored_string(heap, at);
  if (!text) return std::nullopt;
  return hash_bytes(text->data(), text->size());
}

}  // namespace

std::optional<std::uint64_t> stored_hash(const TypeTree& tree, const TypeNode& node,
                                         const HeapBytes& heap, std::uint64_t at) {
  switch (node.kind) {
    case TypeKind::boolean:
    case TypeKind::unsigned_integer:
    case TypeKind::ref: return hash_unsigned(node, heap, at);
    case TypeKind::character:
    case TypeKind::signed_integer: return hash_signed(node, heap, at);
    case TypeKind::enumeration: return stored_hash(tree, tree.element_of(node), heap, at);
    case TypeKind::floating:
      return node.size == 4 ? Hash<float>{}(heap.load<float>(at))
                            : Hash<double>{}(heap.load<double>(at));
    case TypeKind::string: return hash_string(heap, at);
    case TypeKind::static_string: {
      // The walker looked at the size before.
      std::uint64_t size = 0;
      std::memcpy(&size, heap.base + at, node.inner_offset);
      return hash_bytes(heap.base + at + node.inner_offset, std::min(size, node.count));
    }
    case TypeKind::array: {
      const TypeNode& element = tree.element_of(node);
      std::uint64_t hash = hash_of_nothing;
      for (std::uint64_t i = 0; i < node.count; ++i) {
        const auto part = stored_hash(tree, element, heap, at + i * element.size);
        if (!part) return std::nullopt;
        hash = hash_join(hash, *part);
      }
      return hash;
    }
    case TypeKind::structure: {
      std::uint64_t hash = hash_of_nothing;
      for (const TypeNode::Field& field : node.fields) {
        const auto part = stored_hash(tree, tree[field.type], heap, at + field.offset);
        if (!part) return std::nullopt;
        hash = hash_join(hash, *part);
      }
      return hash;
    }
    default: return std::nullopt;
  }
}

}  // namespace cairn

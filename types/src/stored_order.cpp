// SPDX-License-Identifier: BSL-1.0
#include "stored_order.hpp"

#include <cstring>
#include <string_view>

#include "cairn/types/string_format.hpp"

namespace cairn {
namespace {

template <class T>
T load(const HeapBytes& heap, std::uint64_t at) noexcept {
  T value;
  std::memcpy(&value, heap.base + at, sizeof value);
  return value;
}

template <class T>
bool less(const HeapBytes& heap, std::uint64_t a, std::uint64_t b) noexcept {
  return load<T>(heap, a) < load<T>(heap, b);
}

bool less_signed(std::uint64_t size, const HeapBytes& heap, std::uint64_t a, std::uint64_t b) {
  switch (size) {
    case 1: return less<std::int8_t>(heap, a, b);
    case 2: return less<std::int16_t>(heap, a, b);
    case 4: return less<std::int32_t>(heap, a, b);
    default: return less<std::int64_t>(heap, a, b);
  }
}

bool less_unsigned(std::uint64_t size, const HeapBytes& heap, std::uint64_t a, std::uint64_t b) {
  switch (size) {
    case 1: return less<std::uint8_t>(heap, a, b);
    case 2: return less<std::uint16_t>(heap, a, b);
    case 4: return less<std::uint32_t>(heap, a, b);
    default: return less<std::uint64_t>(heap, a, b);
  }
}

/// Nothing where the string's own numbers lead outside of the heap.
std::optional<std::string_view> text_at(const HeapBytes& heap, std::uint64_t at) {
  const auto* const base = reinterpret_cast<const char*>(heap.base);
  const auto tag = load<std::uint8_t>(heap, at + string_tag_byte);
  if (tag <= string_short_capacity) {
    return std::string_view(base + at, string_short_capacity - tag);
  }
  const auto text = load<StringFormat::Long>(heap, at);
  const std::uint64_t block = at + static_cast<std::uint64_t>(text.distance);
  if (block >= heap.end || text.size > heap.end - block) return std::nullopt;
  return std::string_view(base + block, text.size);
}

}  // namespace

std::optional<bool> stored_less(const TypeNode& type, const HeapBytes& heap, std::uint64_t a,
                                std::uint64_t b) {
  switch (type.kind) {
    case TypeKind::boolean:
    case TypeKind::unsigned_integer: return less_unsigned(type.size, heap, a, b);
    case TypeKind::character:
    case TypeKind::signed_integer: return less_signed(type.size, heap, a, b);
    case TypeKind::floating:
      return type.size == 4 ? less<float>(heap, a, b) : less<double>(heap, a, b);
    case TypeKind::string: {
      const auto first = text_at(heap, a);
      const auto second = text_at(heap, b);
      if (!first || !second) return std::nullopt;
      return *first < *second;
    }
    default: return std::nullopt;
  }
}

}  // namespace cairn

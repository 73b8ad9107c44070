// SPDX-License-Identifier: BSL-1.0
#include "stored_order.hpp"

#include "cairn/stored_value.hpp"

namespace cairn {
namespace {

template <class T>
bool less(const HeapBytes& heap, std::uint64_t a, std::uint64_t b) noexcept {
  return heap.load<T>(a) < heap.load<T>(b);
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
      const auto first = stored_string(heap, a);
      const auto second = stored_string(heap, b);
      if (!first || !second) return std::nullopt;
      return *first < *second;
    }
    default: return std::nullopt;
  }
}

}  // namespace cairn

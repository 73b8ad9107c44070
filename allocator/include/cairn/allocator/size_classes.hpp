// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "cairn/allocator/heap_format.hpp"

/// \file
/// The sizes that small blocks come in: steps of 16 bytes up to 128, then four to a doubling, so
/// that rounding up wastes a fifth at worst. The table is part of the file format.
namespace cairn {

inline constexpr std::size_t max_small_bytes = 8192;
inline constexpr std::uint32_t class_count = 32;
static_assert(class_count <= class_slots);

constexpr std::size_t class_bytes(std::uint32_t size_class) noexcept {
  if (size_class < 8) return (size_class + 1) * block_unit_bytes;
  const std::uint32_t doubling = (size_class - 8) / 4;
  const std::size_t step = std::size_t{32} << doubling;
  return (std::size_t{128} << doubling) + ((size_class - 8) % 4 + 1) * step;
}
static_assert(class_bytes(7) == 128 && class_bytes(8) == 160 && class_bytes(11) == 256);
static_assert(class_bytes(class_count - 1) == max_small_bytes);

/// What the hot path needs to know of a class, within one cache line.
struct ClassShape {
  std::uint32_t reciprocal;  ///< of `units`, for divide-free division of unit positions
  std::uint16_t units;       ///< size of a block in block units
  std::uint16_t capacity;    ///< blocks in a span
  std::uint16_t words;       ///< words of a span's bitmap
  std::uint16_t tag;         ///< kind and class as the first two bytes of a span's descriptor
};

namespace detail {

/// Exact for positions below 2^12 and units below 2^12: the error stays under one part in 2^12.
inline constexpr unsigned reciprocal_bits = 24;

constexpr std::array<ClassShape, class_count> make_class_shapes() noexcept {
  std::array<ClassShape, class_count> shapes{};
  for (std::uint32_t c = 0; c < class_count; ++c) {
    const auto units = static_cast<std::uint32_t>(class_bytes(c) / block_unit_bytes);
    const auto capacity = static_cast<std::uint32_t>(chunk_bytes / class_bytes(c));
    shapes[c] = {((1U << reciprocal_bits) + units - 1) / units, static_cast<std::uint16_t>(units),
                 static_cast<std::uint16_t>(capacity),
                 static_cast<std::uint16_t>((capacity + 63) / 64),
                 static_cast<std::uint16_t>(1U | c << 8)};
  }
  return shapes;
}

constexpr std::array<std::uint8_t, max_small_bytes / block_unit_bytes + 1> make_class_index() {
  std::array<std::uint8_t, max_small_bytes / block_unit_bytes + 1> index{};
  std::uint32_t c = 0;
  for (std::size_t units = 0; units < index.size(); ++units) {
    while (class_bytes(c) < units * block_unit_bytes) ++c;
    index[units] = static_cast<std::uint8_t>(c);
  }
  return index;
}

inline constexpr auto class_index = make_class_index();

}  // namespace detail

inline constexpr std::array<ClassShape, class_count> class_shapes = detail::make_class_shapes();

/// Which block of its span covers the unit at position `unit`.
constexpr std::uint64_t block_index(const ClassShape& shape, std::uint64_t unit) noexcept {
  return unit * shape.reciprocal >> detail::reciprocal_bits;
}

/// The smallest class that holds `bytes`. Requires: `bytes` at most max_small_bytes.
constexpr std::uint32_t class_of(std::size_t bytes) noexcept {
  return detail::class_index[(bytes + block_unit_bytes - 1) / block_unit_bytes];
}

/// What every block of the class is aligned to, as spans start at multiples of 64 KiB.
constexpr std::size_t class_alignment(std::uint32_t size_class) noexcept {
  const std::size_t bytes = class_bytes(size_class);
  return bytes & (~bytes + 1);
}

/// The smallest class that holds `bytes` at a multiple of `align`.
/// Requires: `bytes` at most max_small_bytes; `align` a power of two up to 4096.
constexpr std::uint32_t class_of(std::size_t bytes, std::size_t align) noexcept {
  std::uint32_t c = class_of(bytes);
  while (class_alignment(c) < align) ++c;
  return c;
}
static_assert(class_of(1, 4096) < class_count && class_of(8192, 4096) == class_count - 1);

/// True where some request of `bytes` is served from `size_class`: its own class, or one taken for
/// the sake of an alignment that no smaller fitting class has.
constexpr bool class_serves(std::uint32_t size_class, std::size_t bytes) noexcept {
  if (bytes > max_small_bytes) return false;
  const std::size_t align = class_alignment(size_class);
  return class_of(bytes) == size_class ||
         (class_of(bytes) < size_class &&
          class_of(bytes, align < page_bytes ? align : page_bytes) == size_class);
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace cairn {

// How pointers are stored: as the distance in bytes from the field itself to what it points to, so
// that they hold at whatever address a process maps the file.
//
//      0               8
//      | distance  i64 |
//
// A distance of 1 is the null pointer: a target one byte behind the field's own first byte would
// lie inside the field. 0, the field itself, is a valid target. The representation is that of
// boost::interprocess::offset_ptr, which `Ptr` and `Box` use.

static_assert(std::endian::native == std::endian::little, "stored numbers are little-endian");

inline constexpr std::int64_t null_distance = 1;
inline constexpr std::uint64_t stored_pointer_bytes = 8;

/// The distance to store in `field` so that it points to `target`, which is not null.
inline std::int64_t distance_to(const void* field, const void* target) noexcept {
  return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(target) -
                                   reinterpret_cast<std::uintptr_t>(field));
}

/// What the `distance` stored in `field` points to; not to be asked of the null distance.
template <class T>
T* target_at(const void* field, std::int64_t distance) noexcept {
  return reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(field) +
                              static_cast<std::uintptr_t>(distance));
}

}  // namespace cairn

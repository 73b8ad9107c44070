// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <memory>
#include <type_traits>

#include "cairn/allocator/write_context.hpp"
#include "cairn/storable.hpp"

namespace cairn::detail {

template <class T>
void mark_handed_out(const T* object);

template <class T>
struct HandedOutParts {
  const T* object;

  template <class Base>
  void base() {
    if constexpr (!std::is_empty_v<Base>) mark_handed_out(static_cast<const Base*>(object));
  }
  template <class Field>
  void field(Field) {
    mark_handed_out(std::addressof(object->*Field::pointer));
  }
};

/// Declares that an object that stood before may be written: all of it but the Atomics, whose lines
/// no record but that of their creation may hold.
template <class T>
void mark_handed_out(const T* object) {
  if constexpr (!holds_atomic<T>()) {
    mark(object, sizeof(T));
  } else if constexpr (std::is_array_v<T> || is_std_array<T>) {
    for (const auto& element : *object) mark_handed_out(std::addressof(element));
  } else if constexpr (!is_atomic<T>) {
    for_each_described_part<T>(HandedOutParts<T>{object});
  }
}

}  // namespace cairn::detail

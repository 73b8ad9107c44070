// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <type_traits>

#include "cairn/hash.hpp"

namespace cairn {

/// Names an object of a store by its offset from the start of the file: the same in every process,
/// valid across transactions for as long as the object stays where it is. Trivially copyable, so it
/// can be kept anywhere, in a store (as 8 bytes, 0 = none) or outside.
///
/// `tx.ref(object)` and `tx[ref]` make and resolve it.
template <class T>
class Ref {
 public:
  using element_type = T;

  constexpr Ref() noexcept = default;
  constexpr Ref(std::nullptr_t) noexcept {}
  /// The object `offset` bytes from the start of the file; 0, the file's header, names none.
  constexpr explicit Ref(std::uint64_t offset) noexcept : offset_(offset) {}

  constexpr std::uint64_t offset() const noexcept { return offset_; }
  constexpr explicit operator bool() const noexcept { return offset_ != 0; }

  friend constexpr bool operator==(Ref, Ref) noexcept = default;
  friend constexpr auto operator<=>(Ref, Ref) noexcept = default;

 private:
  std::uint64_t offset_ = 0;
};

static_assert(sizeof(Ref<int>) == 8 && std::is_trivially_copyable_v<Ref<int>>);

template <class T>
struct Hash<Ref<T>> {
  constexpr std::uint64_t operator()(Ref<T> ref) const noexcept {
    return hash_number(ref.offset());
  }
};

}  // namespace cairn

template <class T>
struct std::hash<cairn::Ref<T>> {
  std::size_t operator()(cairn::Ref<T> ref) const noexcept {
    return cairn::Hash<cairn::Ref<T>>{}(ref);
  }
};

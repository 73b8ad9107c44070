// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

#include "cairn/containers/block.hpp"
#include "cairn/containers/relocate.hpp"
#include "cairn/containers/sequence.hpp"
#include "cairn/types/mark_handed_out.hpp"
#include "cairn/types/pointer_format.hpp"
#include "cairn/types/type_writer.hpp"

namespace cairn {

/// Owns one object in a block of its own, or nothing: std::unique_ptr for stores, but copying
/// copies the object, and a const Box gives a const object. T may be incomplete where the Box is
/// declared, so that structs can hold boxes of themselves. The object never moves, so a Ptr or Ref
/// to it holds for as long as the Box does.
///
/// It allocates, moves and throws as Vec does. Non-const access marks the object.
///
/// Destroying an object destroys what its boxes own, one call within the other: a list of a million
/// boxes needs more stack than there is. Take such a list apart link by link:
///
///     while (list) {
///       Box<Link> rest = std::move(list->next);
///       list = std::move(rest);
///     }
template <class T>
class Box {
 public:
  using element_type = T;

  Box() noexcept = default;
  Box(std::nullptr_t) noexcept {}
  /// A new T made of `args`; `make_box` is the shorter way.
  template <class... Args>
  explicit Box(std::in_place_t, Args&&... args) {
    point_to(make(std::forward<Args>(args)...));
  }
  Box(const Box& other) {
    if (other) point_to(make(*other));
  }
  Box(Box&& other) {
    if (other) take(other);
  }
  ~Box() {
    require_storable<T>();
    if (*this && detail::block_is_writable(object())) drop();
  }

  Box& operator=(const Box& other) {
    if (this == &other) return *this;
    mark_self();
    replace(other ? make(*other) : nullptr);
    return *this;
  }
  Box& operator=(Box&& other) {
    if (this == &other) return *this;
    mark_self();
    Box aside(std::move(other));
    // From the stack an object can only be taken over within one store; else it moves piece by
    // piece.
    T* taken = nullptr;
    if (aside) {
      taken = detail::may_own(this, aside.object()) ? aside.release() : make_moved(*aside.object());
    }
    replace(taken);
    return *this;
  }
  Box& operator=(std::nullptr_t) {
    reset();
    return *this;
  }

  explicit operator bool() const noexcept { return distance_ != null_distance; }

  /// The object, marked. Requires: not empty.
  T& operator*() { return *marked(); }
  const T& operator*() const noexcept { return *object(); }
  T* operator->() { return marked(); }
  const T* operator->() const noexcept { return object(); }
  /// The same, or nullptr.
  T* get() { return *this ? marked() : nullptr; }
  const T* get() const noexcept { return *this ? object() : nullptr; }

  /// Destroys the object.
  void reset() {
    if (!*this) return;
    mark_self();
    replace(nullptr);
  }
  /// Replaces the object by a new one; nothing has changed where that throws.
  template <class... Args>
  T& emplace(Args&&... args) {
    mark_self();
    replace(make(std::forward<Args>(args)...));
    return *object();
  }
  /// Exchanges the objects, or moves them one into the other's store where the two stand apart.
  void swap(Box& other) {
    if (this == &other) return;
    Box aside(std::move(other));
    other = std::move(*this);
    *this = std::move(aside);
  }
  friend void swap(Box& a, Box& b) { a.swap(b); }

  friend bool operator==(const Box& box, std::nullptr_t) noexcept { return !box; }
  /// Compares the objects; an empty Box equals only an empty one.
  friend bool operator==(const Box& a, const Box& b) { return a && b ? *a == *b : !a && !b; }
  /// Orders by the objects; an empty Box comes first.
  template <class U>
    requires(std::same_as<U, T>&& detail::Ordered<U>)
  friend auto operator<=>(const Box& a, const Box<U>& b) {
    using Order = decltype(detail::CompareThreeWay()(*a, *b));
    return a && b ? detail::CompareThreeWay()(*a, *b) : Order(bool(a) <=> bool(b));
  }

 private:
  friend struct detail::Relocation<Box>;

  T* object() const noexcept { return target_at<T>(&distance_, distance_); }
  T* marked() {
    detail::mark_handed_out(object());
    return object();
  }
  void mark_self() { mark(&distance_, sizeof distance_); }
  void point_to(T* target) noexcept {
    distance_ = target == nullptr ? null_distance : distance_to(&distance_, target);
  }

  template <class... Args>
  T* make(Args&&... args) {
    detail::NewBlock block(this, sizeof(T), alignof(T), sizeof(T));
    T* made = ::new (static_cast<void*>(block.data())) T(std::forward<Args>(args)...);
    block.release();
    return made;
  }
  /// A new object out of another store's.
  T* make_moved(T& from) {
    if constexpr (std::is_move_constructible_v<T>) {
      mark(std::addressof(from), sizeof(T));
      return make(std::move(from));
    } else {
      detail::throw_immovable("cairn::Box");
    }
  }
  void take(Box& other) {
    T* target = other.object();
    if (detail::may_own(this, target)) {
      other.mark_self();
      other.release();
      point_to(target);
    } else {
      point_to(make_moved(*target));
      other.reset();
    }
  }
  /// Lets go of the object. Requires: this Box marked.
  T* release() noexcept {
    T* target = object();
    distance_ = null_distance;
    return target;
  }
  /// Takes over `target`, which may be null, in place of the object. Requires: this Box marked.
  void replace(T* target) {
    T* old = *this ? object() : nullptr;
    point_to(target);
    if (old == nullptr) return;
    detail::destroy_stored(old);
    detail::free_block(old, sizeof(T));
  }
  void drop() noexcept {
    try {
      detail::destroy_stored(object());
    } catch (...) {  // NOLINT(bugprone-empty-catch): over budget; the parts stay allocated
    }
    detail::drop_block(object(), sizeof(T));
  }

  std::int64_t distance_ = null_distance;
};

/// A Box of a new T. It becomes part of the store of this thread's innermost write transaction.
template <class T, class... Args>
Box<T> make_box(Args&&... args) {
  return Box<T>(std::in_place, std::forward<Args>(args)...);
}

template <class T>
struct detail::HeldTypes<Box<T>> : std::type_identity<std::tuple<T>> {};

template <class T>
struct detail::Relocation<Box<T>> {
  static void relocate(Box<T>* from, Box<T>* to) noexcept {
    to->point_to(*from ? from->object() : nullptr);
  }
};

template <class T>
struct TypeOf<Box<T>> {
  static void describe(TypeWriter& writer) {
    static_assert(sizeof(Box<T>) == stored_pointer_bytes && alignof(Box<T>) == 8);
    writer.text("Box<");
    writer.type<T>();
    writer.text(">");
  }
  static consteval Storability parts() { return Storability::ok; }
};

}  // namespace cairn

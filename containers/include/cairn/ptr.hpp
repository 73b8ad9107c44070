// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/interprocess/offset_ptr.hpp>
#include <cstddef>
#include <cstdint>

#include "cairn/allocator/write_context.hpp"
#include "cairn/containers/relocate.hpp"
#include "cairn/types/mark_handed_out.hpp"
#include "cairn/types/pointer_format.hpp"
#include "cairn/types/type_writer.hpp"

namespace cairn {

/// Points to an object in the same store and owns nothing. 8 bytes, self-relative, good in every
/// process. What it points to must stay where it is: a root, or in a Box; elements of a Vec or
/// HashMap move when that grows.
///
/// Reading through it marks nothing and gives a const object, also in read sections; `edit()` marks
/// the object and gives it for writing. Assigning marks the pointer itself.
template <class T>
class Ptr {
  using Stored = boost::interprocess::offset_ptr<T, std::int64_t, std::uint64_t, 0>;

 public:
  using element_type = T;

  Ptr() noexcept = default;
  Ptr(std::nullptr_t) noexcept {}
  Ptr(const T* target) noexcept : stored_(const_cast<T*>(target)) {}
  Ptr(const Ptr&) noexcept = default;
  ~Ptr() = default;

  Ptr& operator=(const Ptr& other) { return *this = other.get(); }
  Ptr& operator=(std::nullptr_t) { return *this = static_cast<const T*>(nullptr); }
  Ptr& operator=(const T* target) {
    mark(&stored_, sizeof stored_);
    stored_ = const_cast<T*>(target);
    return *this;
  }

  explicit operator bool() const noexcept { return get() != nullptr; }
  const T* get() const noexcept { return stored_.get(); }
  const T& operator*() const noexcept { return *get(); }
  const T* operator->() const noexcept { return get(); }

  /// The object for writing, marked. Requires: not null, in a write transaction of its store.
  T& edit() const {
    T* target = stored_.get();
    detail::mark_handed_out(target);
    return *target;
  }

  friend bool operator==(const Ptr& a, const Ptr& b) noexcept { return a.get() == b.get(); }
  friend bool operator==(const Ptr& a, const T* b) noexcept { return a.get() == b; }
  friend bool operator==(const Ptr& a, std::nullptr_t) noexcept { return a.get() == nullptr; }

 private:
  Stored stored_;
};

/// A pointer leaves nothing behind when it goes: copying it is all there is to moving it.
template <class T>
struct detail::Relocation<Ptr<T>> {
  static void relocate(Ptr<T>* from, Ptr<T>* to) noexcept {
    ::new (static_cast<void*>(to)) Ptr<T>(*from);
  }
};

template <class T>
struct TypeOf<Ptr<T>> {
  static void describe(TypeWriter& writer) {
    static_assert(sizeof(Ptr<T>) == stored_pointer_bytes && alignof(Ptr<T>) == 8);
    writer.text("Ptr<");
    writer.type<T>();
    writer.text(">");
  }
  static consteval Storability parts() { return Storability::ok; }
};

}  // namespace cairn

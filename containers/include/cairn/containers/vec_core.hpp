// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <utility>

#include "cairn/containers/block.hpp"
#include "cairn/containers/relocate.hpp"
#include "cairn/types/vec_format.hpp"

namespace cairn::detail {

/// The stored part of a `Vec<T>` and what it takes to grow, shrink and give away its block.
///
/// Invariant: every store to the header or the block was marked, by this class or by the heap.
template <class T>
class VecCore {
 public:
  VecCore() noexcept = default;
  VecCore(const VecCore&) = delete;
  VecCore& operator=(const VecCore&) = delete;
  ~VecCore() {
    if (stored_.capacity == 0 || !block_is_writable(block())) return;
    try {
      destroy_stored_n(block(), stored_.size);
    } catch (...) {  // NOLINT(bugprone-empty-catch): over budget; the parts stay allocated
    }
    drop_block(block(), bytes_of(stored_.capacity));
  }

  std::size_t size() const noexcept { return stored_.size; }
  std::size_t capacity() const noexcept { return stored_.capacity; }
  /// The elements; meaningless where there is no block.
  T* block() const noexcept { return target_at<T>(&stored_, stored_.distance); }
  T* block_or_null() const noexcept { return stored_.capacity == 0 ? nullptr : block(); }

  static constexpr std::size_t max_size() noexcept { return (std::size_t{1} << 56) / sizeof(T); }
  static constexpr std::size_t bytes_of(std::size_t count) noexcept { return count * sizeof(T); }

  void mark_header() { mark_again(stored_); }
  /// Requires: mark_header() came before.
  void set_size(std::size_t size) noexcept { stored_.size = size; }

  template <class... Args>
  T& emplace_back(Args&&... args) {
    const std::size_t size = stored_.size;
    if (size == stored_.capacity) [[unlikely]]
      return grow_and_emplace(std::forward<Args>(args)...);
    T* const slot = block() + size;
    mark_object(*slot);
    mark_header();
    ::new (static_cast<void*>(slot)) T(std::forward<Args>(args)...);
    stored_.size = size + 1;
    return *slot;
  }

  /// Room for `count` elements in all, with no growth beyond it.
  void reserve_exactly(std::size_t count) {
    if (count <= stored_.capacity) return;
    if (stored_.capacity != 0 && expand_block_to(count)) return;
    move_to_new_block(count);
  }
  /// Room for `count` elements in all, growing by a factor.
  void reserve_for_growth(std::size_t count) {
    if (count <= stored_.capacity || expand_in_place(count)) return;
    move_to_new_block(grown_capacity(count));
  }
  void shrink_to_size() {
    if (stored_.size == stored_.capacity) return;
    if (stored_.size != 0) {
      if (rounded_capacity(stored_.size) == stored_.capacity) return;
      move_to_new_block(stored_.size);
    } else {
      mark_header();
      free_block(block(), bytes_of(stored_.capacity));
      stored_ = VecFormat{};
    }
  }

  /// Appends the `count` elements that `fill` adds to a PartlyBuilt: all of them or none.
  template <class Fill>
  void append_built(std::size_t count, Fill fill) {
    if (count == 0) return;
    if (count > max_size() - stored_.size) throw std::length_error("cairn::Vec: too long");
    const std::size_t size = stored_.size + count;
    if (size > stored_.capacity && !expand_in_place(size)) return grow_and_append(size, fill);
    mark(block() + stored_.size, bytes_of(count));
    mark_header();
    PartlyBuilt<T> built(block() + stored_.size);
    fill(built);
    stored_.size += built.release();
  }
  /// Replaces all elements by the `count` that `fill` adds; nothing has changed where that throws.
  template <class Fill>
  void replace_built(std::size_t count, Fill fill) {
    mark_header();
    if (count == 0) return reset();
    const std::size_t capacity = rounded_capacity(count);
    NewBlock fresh(this, bytes_of(capacity), alignof(T), bytes_of(count));
    PartlyBuilt<T> built(reinterpret_cast<T*>(fresh.data()));
    fill(built);
    T* const old = block_or_null();
    const std::size_t old_bytes = bytes_of(stored_.capacity);
    if (old != nullptr) destroy_stored_n(old, stored_.size);
    adopt(fresh.release(), built.release(), capacity);
    if (old != nullptr) free_block(old, old_bytes);
  }

  /// Moves the last element to `index`, and those from there on up by one. Requires: all marked.
  void rotate_last_to(std::size_t index) {
    const std::size_t last = stored_.size - 1;
    if (index == last) return;
    T* data = block();
    if constexpr (relocates_quietly<T>()) {
      alignas(T) std::byte aside[sizeof(T)];
      T* held = reinterpret_cast<T*>(aside);
      relocate_quietly(data + last, held);
      if constexpr (std::is_trivially_copyable_v<T>) {
        std::memmove(static_cast<void*>(data + index + 1), data + index, bytes_of(last - index));
      } else {
        for (std::size_t i = last; i > index; --i) relocate_quietly(data + i - 1, data + i);
      }
      relocate_quietly(held, data + index);
    } else {
      std::rotate(data + index, data + last, data + last + 1);
    }
  }
  /// Removes `count` elements from `index` on and moves the ones behind them down.
  void remove(std::size_t index, std::size_t count) {
    if (count == 0) return;
    T* data = block();
    const std::size_t behind = stored_.size - index - count;
    mark_header();
    if (behind != 0) mark(data + index, bytes_of(behind));
    if constexpr (relocates_quietly<T>()) {
      destroy_stored_n(data + index, count);
      if constexpr (std::is_trivially_copyable_v<T>) {
        std::memmove(static_cast<void*>(data + index), data + index + count, bytes_of(behind));
      } else {
        for (std::size_t i = index; i < index + behind; ++i) {
          relocate_quietly(data + i + count, data + i);
        }
      }
    } else {
      mark(data + index, bytes_of(count + behind));
      std::move(data + index + count, data + stored_.size, data + index);
      destroy_stored_n(data + index + behind, count);
    }
    stored_.size -= count;
  }

  /// Takes the elements of `other`, which is left empty. This one must be empty and without block.
  /// Requires: may_own(this, other.block()); both headers marked.
  void steal(VecCore& other) noexcept {
    if (other.stored_.capacity == 0) return;
    T* data = other.block();
    stored_.size = other.stored_.size;
    stored_.capacity = other.stored_.capacity;
    stored_.distance = distance_to(&stored_, data);
    other.stored_ = VecFormat{};
  }
  /// Gives up the elements and takes those of `other`, which may stand in one of them.
  /// Requires: as steal().
  void replace_by(VecCore& other) {
    VecCore aside;
    aside.steal(other);
    reset();
    steal(aside);
  }
  /// Gives up the elements and the block. Requires: the header marked.
  void reset() {
    if (stored_.capacity == 0) return;
    T* data = block();
    destroy_stored_n(data, stored_.size);
    const std::size_t bytes = bytes_of(stored_.capacity);
    stored_ = VecFormat{};
    free_block(data, bytes);
  }
  /// Requires: no block yet; the header is new or marked.
  void adopt(std::byte* data, std::size_t size, std::size_t capacity) noexcept {
    stored_.distance = distance_to(&stored_, data);
    stored_.size = size;
    stored_.capacity = capacity;
  }
  void swap_marked(VecCore& other) noexcept {
    T* mine = block_or_null();
    T* theirs = other.block_or_null();
    std::swap(stored_.size, other.stored_.size);
    std::swap(stored_.capacity, other.stored_.capacity);
    stored_.distance = theirs == nullptr ? null_distance : distance_to(&stored_, theirs);
    other.stored_.distance = mine == nullptr ? null_distance : distance_to(&other.stored_, mine);
  }

  static void relocate(VecCore* from, VecCore* to) noexcept {
    to->stored_.size = from->stored_.size;
    to->stored_.capacity = from->stored_.capacity;
    to->stored_.distance =
        from->stored_.capacity == 0 ? null_distance : distance_to(&to->stored_, from->block());
  }

  /// The capacity that a block for `count` elements really has.
  static std::size_t rounded_capacity(std::size_t count) {
    if (count > max_size()) throw std::length_error("cairn::Vec: longer than max_size()");
    return FreeListAllocator::usable_bytes(bytes_of(count), alignof(T)) / sizeof(T);
  }

 private:
  static constexpr std::size_t first_bytes = 16;

  std::size_t grown_capacity(std::size_t count) const {
    if (count > max_size()) throw std::length_error("cairn::Vec: longer than max_size()");
    const std::size_t least = std::max<std::size_t>(1, first_bytes / sizeof(T));
    return std::max({count, std::min<std::size_t>(2 * stored_.capacity, max_size()), least});
  }

  bool expand_block_to(std::size_t count) {
    const std::size_t capacity = rounded_capacity(count);
    mark_header();
    if (!heap_for(block()).try_expand(block(), bytes_of(stored_.capacity), bytes_of(capacity))) {
      return false;
    }
    stored_.capacity = capacity;
    return true;
  }
  /// Grows where it stands: large blocks only, since small ones are rounded up to begin with.
  bool expand_in_place(std::size_t count) {
    if (bytes_of(stored_.capacity) < FreeListAllocator::max_small) return false;
    return expand_block_to(grown_capacity(count));
  }

  /// Moves all elements to `fresh`, which holds `size` of them then, and frees their old block.
  /// Requires: the header and the new block marked.
  void move_elements(NewBlock& fresh, std::size_t size, std::size_t capacity) {
    T* const old = block_or_null();
    T* const data = reinterpret_cast<T*>(fresh.data());
    const std::size_t old_bytes = bytes_of(stored_.capacity);
    if constexpr (relocates_quietly<T>()) {
      // The old elements stay as they are, so until here nothing has changed.
      relocate_quietly_n(old, stored_.size, data);
      if (old != nullptr) free_block(old, old_bytes);
      adopt(fresh.release(), size, capacity);
    } else {
      move_loudly_n(old, stored_.size, data);
      if (old != nullptr) std::destroy_n(old, stored_.size);
      adopt(fresh.release(), size, capacity);
      if (old != nullptr) free_block(old, old_bytes);
    }
  }

  void move_to_new_block(std::size_t count) {
    const std::size_t capacity = rounded_capacity(count);
    mark_header();
    NewBlock fresh(this, bytes_of(capacity), alignof(T), bytes_of(stored_.size));
    move_elements(fresh, stored_.size, capacity);
  }

  /// The new element is made first, where it will stand: its arguments may lie in the old block.
  template <class... Args>
  [[gnu::noinline]] T& grow_and_emplace(Args&&... args) {
    if (expand_in_place(stored_.size + 1)) return emplace_back(std::forward<Args>(args)...);
    const std::size_t capacity = rounded_capacity(grown_capacity(stored_.size + 1));
    mark_header();
    NewBlock fresh(this, bytes_of(capacity), alignof(T), bytes_of(stored_.size + 1));
    T* data = reinterpret_cast<T*>(fresh.data());
    PartlyBuilt<T> last(data + stored_.size);
    last.add(std::forward<Args>(args)...);
    move_elements(fresh, stored_.size + 1, capacity);
    last.release();
    return data[stored_.size - 1];
  }

  template <class Fill>
  void grow_and_append(std::size_t size, Fill& fill) {
    const std::size_t capacity = rounded_capacity(grown_capacity(size));
    mark_header();
    NewBlock fresh(this, bytes_of(capacity), alignof(T), bytes_of(size));
    T* data = reinterpret_cast<T*>(fresh.data());
    PartlyBuilt<T> built(data + stored_.size);
    fill(built);
    move_elements(fresh, size, capacity);
    built.release();
  }

  VecFormat stored_;
};

}  // namespace cairn::detail

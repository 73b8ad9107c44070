// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <utility>

#include "cairn/containers/block.hpp"
#include "cairn/containers/ring.hpp"

namespace cairn::detail {

/// The stored part of a `Deque<T>` and what it takes to grow, shrink and give away its ring.
///
/// Invariant: every store to the header or the block was marked, by this class or by the heap.
template <class T>
class DequeCore {
 public:
  using Iterator = RingIterator<T, true>;

  DequeCore() noexcept = default;
  DequeCore(const DequeCore&) = delete;
  DequeCore& operator=(const DequeCore&) = delete;
  ~DequeCore() {
    if (stored_.capacity == 0 || !block_is_writable(block())) return;
    try {
      destroy_elements(0, stored_.size);
    } catch (...) {  // NOLINT(bugprone-empty-catch): over budget; the parts stay allocated
    }
    drop_block(block(), bytes_of(stored_.capacity));
  }

  std::size_t size() const noexcept { return stored_.size; }
  std::size_t capacity() const noexcept { return stored_.capacity; }
  std::size_t front() const noexcept { return stored_.front; }
  /// The slots; meaningless where there is no block.
  T* block() const noexcept { return target_at<T>(&stored_, stored_.distance); }
  T* block_or_null() const noexcept { return stored_.capacity == 0 ? nullptr : block(); }
  /// Of the element at `index`, which may be size().
  Iterator at(std::size_t index) const noexcept {
    return {block_or_null(), stored_.capacity, stored_.front + index};
  }
  T* element(std::size_t index) const noexcept {
    return block() + deque_slot(stored_.front + index, stored_.capacity);
  }
  /// Requires: not empty.
  T* first() const noexcept { return block() + stored_.front; }

  static constexpr std::size_t max_size() noexcept { return (std::size_t{1} << 56) / sizeof(T); }
  static constexpr std::size_t bytes_of(std::size_t count) noexcept { return count * sizeof(T); }

  void mark_header() { mark_again(stored_); }

  template <class... Args>
  T& emplace_back(Args&&... args) {
    if constexpr (fits_registers<T>) {
      return add_back<T>(T(std::forward<Args>(args)...));
    } else {
      return add_back<Args&&...>(std::forward<Args>(args)...);
    }
  }
  template <class... Args>
  T& emplace_front(Args&&... args) {
    if constexpr (fits_registers<T>) {
      return add_front<T>(T(std::forward<Args>(args)...));
    } else {
      return add_front<Args&&...>(std::forward<Args>(args)...);
    }
  }
  /// Requires: not empty.
  void pop_back() {
    mark_header();
    destroy_stored(element(stored_.size - 1));
    --stored_.size;
  }
  void pop_front() {
    mark_header();
    destroy_stored(first());
    std::size_t next = stored_.front + 1;
    if (next == stored_.capacity) [[unlikely]]
      next = 0;
    stored_.front = next;
    --stored_.size;
  }
  /// Destroys the elements from `size` on. Requires: no more than there are.
  void truncate(std::size_t size) {
    if (size == stored_.size) return;
    mark_header();
    destroy_elements(size, stored_.size);
    stored_.size = size;
  }

  /// Adds the `count` elements that `fill` adds to a builder, in their order, before the first
  /// element or behind the last: all of them or none.
  template <class Fill>
  void add_built(bool in_front, std::size_t count, Fill fill) {
    if (count == 0) return;
    if (count > max_size() - stored_.size) throw std::length_error("cairn::Deque: too long");
    const std::size_t size = stored_.size + count;
    if (size > stored_.capacity && !expand_in_place(size)) {
      return grow_and_add(in_front, count, fill);
    }
    const std::size_t front = in_front ? slots_before(count) : this->front();
    const Iterator begin(block(), stored_.capacity, in_front ? front : front + stored_.size);
    mark_slots(begin, count);
    mark_header();
    RingPartlyBuilt<T> built(begin);
    fill(built);
    built.release();
    stored_.front = front;
    stored_.size = size;
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
    destroy_elements(0, stored_.size);
    adopt(fresh.release(), built.release(), capacity);
    if (old != nullptr) free_block(old, old_bytes);
  }

  /// Marks what turning [first, last) writes, and nothing else can fail in that but a move.
  void mark_elements(std::size_t first, std::size_t last) {
    if (first != last) mark_slots(at(first), last - first);
  }
  /// Requires: mark_elements(first, last) came before.
  void rotate_marked(std::size_t first, std::size_t middle, std::size_t last) {
    rotate_ring<T>(at(first), at(middle), at(last));
  }
  /// Removes `count` elements from `index` on and closes the gap from the nearer end.
  void remove(std::size_t index, std::size_t count) {
    if (count == 0) return;
    const std::size_t behind = stored_.size - index - count;
    const bool from_front = index < behind;
    mark_header();
    if (from_front) {
      mark_elements(0, index + count);
    } else {
      mark_elements(index, stored_.size);
    }
    if constexpr (relocates_quietly<T>()) {
      destroy_elements(index, index + count);
      if (from_front) {
        for (std::size_t i = index; i-- > 0;) relocate_quietly(element(i), element(i + count));
      } else {
        for (std::size_t i = index; i < index + behind; ++i) {
          relocate_quietly(element(i + count), element(i));
        }
      }
    } else if (from_front) {
      for (std::size_t i = index; i-- > 0;) *element(i + count) = std::move(*element(i));
      destroy_elements(0, count);
    } else {
      for (std::size_t i = index; i < index + behind; ++i) {
        *element(i) = std::move(*element(i + count));
      }
      destroy_elements(index + behind, stored_.size);
    }
    if (from_front) stored_.front = deque_slot(stored_.front + count, stored_.capacity);
    stored_.size -= count;
  }

  /// Room for `count` elements in all, with no growth beyond it.
  void reserve_exactly(std::size_t count) {
    if (count > stored_.capacity && !expand_block_to(count)) move_to_new_block(count);
  }
  void shrink_to_size() {
    if (stored_.size == stored_.capacity) return;
    if (stored_.size != 0) {
      if (rounded_capacity(stored_.size) != stored_.capacity) move_to_new_block(stored_.size);
    } else {
      mark_header();
      reset();
    }
  }

  /// Takes the elements of `other`, which is left empty. This one must be empty and without block.
  /// Requires: may_own(this, other.block()); both headers marked.
  void steal(DequeCore& other) noexcept {
    relocate(&other, this);
    other.stored_ = DequeFormat{};
  }
  /// Gives up the elements and takes those of `other`, which may stand in one of them.
  /// Requires: as steal().
  void replace_by(DequeCore& other) {
    DequeCore aside;
    aside.steal(other);
    reset();
    steal(aside);
  }
  /// Gives up the elements and the block. Requires: the header marked.
  void reset() {
    if (stored_.capacity == 0) return;
    destroy_elements(0, stored_.size);
    T* const old = block();
    const std::size_t bytes = bytes_of(stored_.capacity);
    stored_ = DequeFormat{};
    free_block(old, bytes);
  }
  void swap_marked(DequeCore& other) noexcept {
    DequeCore aside;
    relocate(this, &aside);
    relocate(&other, this);
    relocate(&aside, &other);
    aside.stored_ = DequeFormat{};
  }
  static void relocate(DequeCore* from, DequeCore* to) noexcept {
    T* const block = from->block_or_null();
    to->stored_ = from->stored_;
    if (block != nullptr) to->stored_.distance = distance_to(&to->stored_, block);
  }

  /// The capacity that a block for `count` elements really has.
  static std::size_t rounded_capacity(std::size_t count) {
    if (count > max_size()) throw std::length_error("cairn::Deque: longer than max_size()");
    return FreeListAllocator::usable_bytes(bytes_of(count), alignof(T)) / sizeof(T);
  }

 private:
  static constexpr std::size_t first_bytes = 32;

  std::size_t grown_capacity(std::size_t count) const {
    if (count > max_size()) throw std::length_error("cairn::Deque: longer than max_size()");
    const std::size_t least = std::max<std::size_t>(1, first_bytes / sizeof(T));
    return std::max({count, std::min<std::size_t>(2 * stored_.capacity, max_size()), least});
  }

  /// The slot `count` before the first element's.
  std::size_t slots_before(std::size_t count) const noexcept {
    return deque_slot(stored_.front + stored_.capacity - count, stored_.capacity);
  }
  static void mark_slots(const Iterator& begin, std::size_t count) {
    const std::size_t before_end =
        begin.capacity() - deque_slot(begin.position(), begin.capacity());
    const std::size_t first = std::min(count, before_end);
    mark(begin.unmarked(), bytes_of(first));
    if (first != count) mark(begin.block(), bytes_of(count - first));
  }
  void destroy_elements(std::size_t first, std::size_t last) {
    if constexpr (!std::is_trivially_destructible_v<T>) {
      for (; first != last; ++first) destroy_stored(element(first));
    }
  }
  void adopt(std::byte* data, std::size_t size, std::size_t capacity) noexcept {
    stored_.distance = distance_to(&stored_, data);
    stored_.size = size;
    stored_.capacity = capacity;
    stored_.front = 0;
  }

  /// Lengthens the block where it stands. Not where elements have gone around the ring: they would
  /// have to move, and what is about to be added may be one of them.
  bool expand_block_to(std::size_t count) {
    const std::size_t old = stored_.capacity;
    if (old == 0 || stored_.front + stored_.size > old) return false;
    const std::size_t capacity = rounded_capacity(count);
    mark_header();
    if (!heap_for(block()).try_expand(block(), bytes_of(old), bytes_of(capacity))) return false;
    stored_.capacity = capacity;
    return true;
  }
  /// Large blocks only, since small ones are rounded up to begin with.
  bool expand_in_place(std::size_t count) {
    if (bytes_of(stored_.capacity) < FreeListAllocator::max_small) return false;
    return expand_block_to(grown_capacity(count));
  }

  /// Moves all elements in their order to `to` in `fresh`, which holds `size` elements from its
  /// first slot on then, and frees their old block.
  /// Requires: the header and the new block marked.
  void move_elements(NewBlock& fresh, T* to, std::size_t size, std::size_t capacity) {
    T* const old = block_or_null();
    const std::size_t old_bytes = bytes_of(stored_.capacity);
    if constexpr (relocates_quietly<T>()) {
      // The old elements stay as they are, so until here nothing has changed.
      if (old != nullptr) {
        const std::size_t straight =
            std::min<std::size_t>(stored_.size, stored_.capacity - stored_.front);
        relocate_quietly_n(old + stored_.front, straight, to);
        relocate_quietly_n(old, stored_.size - straight, to + straight);
        free_block(old, old_bytes);
      }
      adopt(fresh.release(), size, capacity);
    } else {
      mark_elements(0, stored_.size);
      PartlyBuilt<T> built(to);
      for (std::size_t i = 0; i < stored_.size; ++i) built.add(move_unless_copyable(*element(i)));
      built.release();
      destroy_elements(0, stored_.size);
      adopt(fresh.release(), size, capacity);
      if (old != nullptr) free_block(old, old_bytes);
    }
  }
  // What follows takes its arguments as `Args` says: references, or small objects by value.
  template <class... Args>
  T& add_back(Args... args) {
    const std::size_t size = stored_.size;
    if (size == stored_.capacity) [[unlikely]]
      return grow_and_add_back<Args...>(std::forward<Args>(args)...);
    T* const slot = element(size);
    mark_object(*slot);
    mark_header();
    ::new (static_cast<void*>(slot)) T(std::forward<Args>(args)...);
    stored_.size = size + 1;
    return *slot;
  }
  template <class... Args>
  T& add_front(Args... args) {
    const std::size_t size = stored_.size;
    if (size == stored_.capacity) [[unlikely]]
      return grow_and_add_front<Args...>(std::forward<Args>(args)...);
    std::size_t front = stored_.front;
    if (front == 0) [[unlikely]]
      front = stored_.capacity;
    --front;
    T* const slot = block() + front;
    mark_object(*slot);
    mark_header();
    ::new (static_cast<void*>(slot)) T(std::forward<Args>(args)...);
    stored_.front = front;
    stored_.size = size + 1;
    return *slot;
  }
  // Apart from the rest, so that that is small enough to stand in its callers' loops.
  template <class... Args>
  [[gnu::noinline]] T& grow_and_add_back(Args... args) {
    if (expand_in_place(stored_.size + 1)) return add_back<Args...>(std::forward<Args>(args)...);
    grow_and_add(false, 1, [&](auto& built) { built.add(std::forward<Args>(args)...); });
    return *element(stored_.size - 1);
  }
  template <class... Args>
  [[gnu::noinline]] T& grow_and_add_front(Args... args) {
    if (expand_in_place(stored_.size + 1)) return add_front<Args...>(std::forward<Args>(args)...);
    grow_and_add(true, 1, [&](auto& built) { built.add(std::forward<Args>(args)...); });
    return *first();
  }
  void move_to_new_block(std::size_t count) {
    const std::size_t capacity = rounded_capacity(count);
    mark_header();
    NewBlock fresh(this, bytes_of(capacity), alignof(T), bytes_of(stored_.size));
    move_elements(fresh, reinterpret_cast<T*>(fresh.data()), stored_.size, capacity);
  }

  /// The new elements are made first, where they will stand: they may be copies of old ones.
  template <class Fill>
  void grow_and_add(bool in_front, std::size_t count, Fill&& fill) {
    const std::size_t size = stored_.size + count;
    const std::size_t capacity = rounded_capacity(grown_capacity(size));
    mark_header();
    NewBlock fresh(this, bytes_of(capacity), alignof(T), bytes_of(size));
    T* const data = reinterpret_cast<T*>(fresh.data());
    PartlyBuilt<T> built(in_front ? data : data + stored_.size);
    fill(built);
    move_elements(fresh, in_front ? data + count : data, size, capacity);
    built.release();
  }

  DequeFormat stored_;
};

}  // namespace cairn::detail

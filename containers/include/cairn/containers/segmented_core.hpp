// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "cairn/containers/block.hpp"
#include "cairn/containers/relocate.hpp"
#include "cairn/types/segmented_format.hpp"

namespace cairn::detail {

/// The stored part of a `Segmented<T>`: its segments and the directory that leads to them.
///
/// Invariants:
///  1. Every store to the header, the directory or a segment was marked.
///  2. A segment stays where it is for as long as it holds an element.
template <class T>
class SegmentedCore {
 public:
  static constexpr std::uint32_t first_bits = segment_first_bits(sizeof(T));

  SegmentedCore() noexcept = default;
  SegmentedCore(const SegmentedCore&) = delete;
  SegmentedCore& operator=(const SegmentedCore&) = delete;
  ~SegmentedCore() {
    if (stored_.segments == 0 || !block_is_writable(directory())) return;
    try {
      destroy_from(0);
    } catch (...) {  // NOLINT(bugprone-empty-catch): over budget; the parts stay allocated
    }
    for (std::size_t k = 0; k < stored_.segments; ++k) drop_block(segment(k), segment_bytes(k));
    drop_block(directory(), directory_bytes(stored_.segments));
  }

  void mark_header() { mark(&stored_, sizeof stored_); }

  std::size_t size() const noexcept { return stored_.size; }
  std::size_t segments() const noexcept { return stored_.segments; }
  std::size_t capacity() const noexcept { return segments_capacity(first_bits, stored_.segments); }
  static constexpr std::size_t max_size() noexcept { return (std::size_t{1} << 46) / sizeof(T); }

  T* element(std::size_t index) const noexcept {
    const SegmentPlace place = segment_place(first_bits, index);
    return segment(place.segment) + place.index;
  }
  T* segment(std::size_t k) const noexcept {
    const std::int64_t* const slot = directory() + k;
    return target_at<T>(slot, *slot);
  }
  /// How many elements segment `k` holds by now.
  std::size_t used_of(std::size_t k) const noexcept {
    const std::size_t before = segments_capacity(first_bits, k);
    return std::min(stored_.size - std::min(stored_.size, before), elements_of(k));
  }

  template <class... Args>
  T& emplace_back(Args&&... args) {
    if (stored_.size == capacity()) [[unlikely]]
      add_segment();
    T* const slot = element(stored_.size);
    mark(slot, sizeof(T));
    mark(&stored_.size, sizeof stored_.size);
    ::new (static_cast<void*>(slot)) T(std::forward<Args>(args)...);
    ++stored_.size;
    return *slot;
  }
  void reserve(std::size_t count) {
    if (count > max_size()) throw std::length_error("cairn::Segmented: longer than max_size()");
    while (capacity() < count) add_segment();
  }
  /// Ends the elements from `count` on; their room stays.
  void truncate(std::size_t count) {
    if (count >= stored_.size) return;
    mark(&stored_.size, sizeof stored_.size);
    destroy_from(count);
    stored_.size = count;
  }
  /// Frees the segments that hold nothing, and of the directory what they took.
  void shrink() {
    std::size_t needed = stored_.segments;
    while (needed != 0 && used_of(needed - 1) == 0) --needed;
    if (needed == stored_.segments) return;
    mark_header();
    const bool moves = needed != 0 && directory_bytes(needed) != directory_bytes(stored_.segments);
    // Before anything is given up, since it may throw.
    std::int64_t* const slots = moves ? new_directory(needed) : directory();
    std::int64_t* const old = directory();
    const std::size_t before = stored_.segments;
    for (std::size_t k = needed; k < before; ++k) free_block(segment(k), segment_bytes(k));
    stored_.segments = needed;
    stored_.distance = needed == 0 ? null_distance : distance_to(&stored_, slots);
    if (moves || needed == 0) free_block(old, directory_bytes(before));
  }

  const void* block() const noexcept { return directory(); }
  /// Takes the elements of `other`, which is left empty. This one must have no segments.
  /// Requires: may_own(this, other.block()); both headers marked.
  void steal(SegmentedCore& other) noexcept {
    relocate(&other, this);
    other.stored_ = SegmentedFormat{};
  }
  /// Gives up the elements and takes those of `other`, which may stand in one of them.
  /// Requires: as steal(), but for what is here.
  void replace_by(SegmentedCore& other) {
    SegmentedCore aside;
    aside.steal(other);
    truncate(0);
    shrink();
    steal(aside);
  }
  void swap_marked(SegmentedCore& other) noexcept {
    SegmentedCore aside;
    relocate(this, &aside);
    relocate(&other, this);
    relocate(&aside, &other);
    aside.stored_ = SegmentedFormat{};
  }
  static void relocate(const SegmentedCore* from, SegmentedCore* to) noexcept {
    to->stored_.size = from->stored_.size;
    to->stored_.segments = from->stored_.segments;
    to->stored_.distance =
        from->stored_.segments == 0 ? null_distance : distance_to(&to->stored_, from->directory());
  }

 private:
  static constexpr std::size_t elements_of(std::size_t k) noexcept {
    return segment_elements(first_bits, k);
  }
  static constexpr std::size_t segment_bytes(std::size_t k) noexcept {
    return elements_of(k) * sizeof(T);
  }
  static constexpr std::size_t directory_bytes(std::size_t segments) noexcept {
    return segment_directory_slots(segments) * sizeof(std::int64_t);
  }
  std::int64_t* directory() const noexcept {
    return target_at<std::int64_t>(&stored_, stored_.distance);
  }

  void destroy_from(std::size_t first) {
    for (std::size_t k = stored_.segments; k-- != 0;) {
      const std::size_t begin = segments_capacity(first_bits, k);
      const std::size_t used = used_of(k);
      if (begin + used <= first) return;
      const std::size_t kept = first > begin ? first - begin : 0;
      destroy_stored_n(segment(k) + kept, used - kept);
    }
  }

  /// Room for as many elements again. Nothing has changed where it throws.
  void add_segment() {
    const std::size_t k = stored_.segments;
    if (capacity() + elements_of(k) > max_size()) {
      throw std::length_error("cairn::Segmented: longer than max_size()");
    }
    mark_header();
    NewBlock fresh(this, segment_bytes(k), alignof(T), 0);
    std::int64_t* const old = k == 0 ? nullptr : directory();
    const bool moves = directory_bytes(k) != directory_bytes(k + 1);
    std::int64_t* const slots = moves ? new_directory(k + 1) : old;
    mark(slots + k, sizeof *slots);
    slots[k] = distance_to(slots + k, fresh.release());
    stored_.segments = k + 1;
    stored_.distance = distance_to(&stored_, slots);
    if (moves && old != nullptr) free_block(old, directory_bytes(k));
  }
  /// One that has room for `segments`, with as many of those that there are entered as it takes.
  std::int64_t* new_directory(std::size_t segments) {
    const std::size_t bytes = directory_bytes(segments);
    NewBlock fresh(this, bytes, alignof(std::int64_t), bytes);
    auto* const slots = reinterpret_cast<std::int64_t*>(fresh.release());
    std::memset(slots, 0, bytes);
    const std::size_t kept = std::min<std::size_t>(stored_.segments, segments);
    for (std::size_t k = 0; k < kept; ++k) slots[k] = distance_to(slots + k, segment(k));
    return slots;
  }

  SegmentedFormat stored_;
};

}  // namespace cairn::detail

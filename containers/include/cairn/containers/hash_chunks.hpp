// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <stdexcept>
#include <type_traits>

#include "cairn/containers/tag_group.hpp"
#include "cairn/types/hash_map_format.hpp"

namespace cairn::detail {

/// The number of chunks of a table, and of slots in a chunk.
struct HashShape {
  std::uint32_t chunk_bits = 0;
  std::uint32_t chunk_slots = 0;

  std::uint64_t chunks() const noexcept { return std::uint64_t{1} << chunk_bits; }
  std::uint64_t capacity() const noexcept { return hash_map_capacity(chunk_bits, chunk_slots); }

  /// The next larger shape: small maps begin with a part of a chunk, since there are many.
  HashShape next() const {
    if (chunk_slots < 2) return {0, 2};
    if (chunk_slots < 6) return {0, 6};
    if (chunk_slots < hash_chunk_slots_max) return {0, hash_chunk_slots_max};
    if (chunk_bits == hash_chunk_bits_max) throw std::length_error("cairn::HashMap: too many");
    return {chunk_bits + 1, hash_chunk_slots_max};
  }
  static HashShape for_size(std::uint64_t size) {
    HashShape shape;
    while (shape.capacity() < size) shape = shape.next();
    return shape;
  }
};

/// A slot of a table.
template <class Slot>
struct HashPosition {
  HashChunkFormat* chunk = nullptr;
  std::uint64_t index = 0;

  static constexpr std::uint64_t stride = hash_chunk_stride(sizeof(Slot), alignof(Slot));

  explicit operator bool() const noexcept { return chunk != nullptr; }
  Slot* slot() const noexcept { return slots_of(chunk) + index; }

  static Slot* slots_of(HashChunkFormat* chunk) noexcept {
    return reinterpret_cast<Slot*>(reinterpret_cast<std::byte*>(chunk) +
                                   hash_chunk_slots_at(alignof(Slot)));
  }
  static HashChunkFormat* after(HashChunkFormat* chunk) noexcept {
    return reinterpret_cast<HashChunkFormat*>(reinterpret_cast<std::byte*>(chunk) + stride);
  }
};

/// The chunks of a table, wherever it stands, without knowledge of who owns them.
template <class Slot>
class HashChunks {
 public:
  using Position = HashPosition<Slot>;

  HashChunks(std::byte* base, HashShape shape) noexcept
      : base_(base), mask_(shape.chunks() - 1), slots_((SlotMask{1} << shape.chunk_slots) - 1) {}

  HashChunkFormat* chunk(std::uint64_t index) const noexcept {
    return reinterpret_cast<HashChunkFormat*>(base_ + (index & mask_) * Position::stride);
  }
  HashChunkFormat* end() const noexcept {
    return reinterpret_cast<HashChunkFormat*>(base_ + (mask_ + 1) * Position::stride);
  }
  std::uint64_t mask() const noexcept { return mask_; }
  std::uint64_t chunks_in_half() const noexcept { return (mask_ + 1) / 2; }
  SlotMask free_slots(const HashChunkFormat* chunk) const noexcept {
    return TagGroup(chunk).free() & slots_;
  }

  void clear_tags() const noexcept {
    for (std::uint64_t i = 0; i <= mask_; ++i) std::memset(chunk(i), 0, sizeof(HashChunkFormat));
  }

  /// Calls `visit(position)` for each element, in the order in which they lie.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::uint64_t i = 0; i <= mask_; ++i) {
      HashChunkFormat* const at = chunk(i);
      for (SlotMask left = TagGroup(at).occupied(); left != 0; left &= left - 1) {
        visit(Position{at, first_slot(left)});
      }
    }
  }

  /// Takes a free slot for an element of this hash in a table that is marked as a whole and has
  /// one.
  Position place(std::uint64_t hash) const noexcept {
    const std::uint8_t tag = hash_tag(hash);
    for (std::uint64_t index = hash;; index += hash_probe_step(tag)) {
      HashChunkFormat* const at = chunk(index);
      if (const SlotMask free = free_slots(at); free != 0) {
        const std::uint64_t slot = first_slot(free);
        at->tags[slot] = tag;
        return {at, slot};
      }
      if (at->overflow != hash_overflow_max) ++at->overflow;
    }
  }

 private:
  std::byte* base_;
  std::uint64_t mask_;
  SlotMask slots_;
};

/// Forward over the elements of a table. The mutable one marks what may change of an element, as
/// Policy says, when it is dereferenced. The end is nowhere, so that whether a search found
/// something is known without looking for the table's end.
template <class Policy, bool is_const>
class HashIterator {
  using Slot = typename Policy::Slot;
  using Position = HashPosition<Slot>;

 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = std::remove_cv_t<Slot>;
  using difference_type = std::ptrdiff_t;
  using pointer = std::conditional_t<is_const, const Slot*, Slot*>;
  using reference = std::conditional_t<is_const, const Slot&, Slot&>;

  HashIterator() noexcept = default;
  HashIterator(Position at, HashChunkFormat* end) noexcept : at_(at), end_(end) {}
  /// A mutable iterator is good for a const one.
  template <bool other_is_const>
    requires(is_const && !other_is_const)
  HashIterator(const HashIterator<Policy, other_is_const>& other)
  noexcept : at_(other.position()), end_(other.chunks_end()) {}

  reference operator*() const {
    if constexpr (!is_const) Policy::mark_mutable(at_.slot());
    return *at_.slot();
  }
  pointer operator->() const { return std::addressof(**this); }

  HashIterator& operator++() noexcept {
    skip_to_element(at_.index + 1);
    return *this;
  }
  HashIterator operator++(int) noexcept {
    HashIterator before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const HashIterator& a, const HashIterator& b) noexcept {
    return a.at_.chunk == b.at_.chunk && a.at_.index == b.at_.index;
  }

  Position position() const noexcept { return at_; }
  HashChunkFormat* chunks_end() const noexcept { return end_; }

  /// Goes to the first element from slot `from` of this chunk on, or to the end.
  void skip_to_element(std::uint64_t from) noexcept {
    SlotMask left = TagGroup(at_.chunk).occupied() >> from << from;
    while (left == 0) {
      at_.chunk = Position::after(at_.chunk);
      if (at_.chunk == end_) {
        at_ = {};
        return;
      }
      left = TagGroup(at_.chunk).occupied();
    }
    at_.index = first_slot(left);
  }

 private:
  Position at_;
  HashChunkFormat* end_ = nullptr;
};

}  // namespace cairn::detail

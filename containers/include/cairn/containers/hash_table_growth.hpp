// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cairn/containers/hash_table.hpp"

/// \file
/// How hash tables change their size.
namespace cairn::detail {

/// A table that nobody owns yet: marked as a whole, at first empty. Unless released it destroys
/// what is in it and goes.
template <class Policy>
class HashTable<Policy>::FreshTable {
 public:
  FreshTable(const void* self, HashShape shape)
      : shape_(shape),
        block_(self, table_bytes(shape), hash_table_alignment(shape.chunk_bits, alignof(Slot)),
               table_bytes(shape)) {
    chunks().clear_tags();
  }
  FreshTable(const FreshTable&) = delete;
  FreshTable& operator=(const FreshTable&) = delete;
  ~FreshTable() {
    if (block_.data() == nullptr) return;
    if constexpr (!std::is_trivially_destructible_v<Slot>) {
      chunks().for_each([](Position place) { std::destroy_at(place.slot()); });
    }
  }

  HashShape shape() const noexcept { return shape_; }
  Chunks chunks() const noexcept { return {block_.data(), shape_}; }
  /// Forgets the elements: they belong to somebody else.
  void disown() const noexcept { chunks().clear_tags(); }
  std::byte* release() noexcept { return block_.release(); }

 private:
  HashShape shape_;
  NewBlock block_;
};

template <class Policy>
void HashTable<Policy>::install(FreshTable& fresh, std::uint64_t size) noexcept {
  stored_.size = size;
  stored_.chunk_bits = static_cast<std::uint8_t>(fresh.shape().chunk_bits);
  stored_.chunk_slots = static_cast<std::uint8_t>(fresh.shape().chunk_slots);
  stored_.distance = distance_to(&stored_, fresh.release());
}

/// In the order in which they lie: doubling then reads one sequential stream and writes two.
template <class Policy>
void HashTable<Policy>::relocate_elements(const Chunks& to) {
  const typename Policy::Hasher hasher{};
  chunks().for_each([&](Position place) {
    Slot* const slot = place.slot();
    relocate_quietly(slot, to.place(hasher(Policy::key(*slot))).slot());
  });
}

/// All hashes first, so that a hash function that throws finds nothing moved.
template <class Policy>
void HashTable<Policy>::move_elements_loudly(const Chunks& to) {
  const typename Policy::Hasher hasher{};
  std::vector<std::uint64_t> hashes;
  hashes.reserve(stored_.size);
  const Chunks from = chunks();
  from.for_each([&](Position place) { hashes.push_back(hasher(Policy::key(*place.slot()))); });
  mark(base(), table_bytes(shape()));
  auto hash = hashes.begin();
  from.for_each([&](Position place) {
    const Position target = to.place(*hash++);
    // Without its tag while it is not there yet: the cleanup looks for tags.
    const std::uint8_t tag = std::exchange(target.chunk->tags[target.index], std::uint8_t{0});
    Policy::move_to(place.slot(), target.slot());
    target.chunk->tags[target.index] = tag;
  });
  from.for_each([](Position place) { std::destroy_at(place.slot()); });
}

/// Moves all elements to `fresh`, which may hold one more already, `made`, and frees the old table.
template <class Policy>
void HashTable<Policy>::move_elements_to(FreshTable& fresh, Position made) {
  const std::uint64_t size = stored_.size + (made ? 1 : 0);
  std::byte* const old = has_table() ? base() : nullptr;
  const std::size_t old_bytes = old == nullptr ? 0 : table_bytes(shape());
  if constexpr (relocates_quietly<Slot>()) {
    // The old elements stay as they are, so until they are freed nothing has changed.
    try {
      if (old != nullptr) {
        relocate_elements(fresh.chunks());
        free_block(old, old_bytes);
      }
    } catch (...) {
      if (made) std::destroy_at(made.slot());
      fresh.disown();
      throw;
    }
    install(fresh, size);
  } else {
    if (old != nullptr) move_elements_loudly(fresh.chunks());
    install(fresh, size);
    if (old != nullptr) free_block(old, old_bytes);
  }
}

/// The new element is made first, since its arguments may lie in the old table.
template <class Policy>
template <class Construct>
typename HashTable<Policy>::Position HashTable<Policy>::grow_and_insert(std::uint64_t hash,
                                                                        Construct& construct) {
  mark_header();
  if constexpr (splits) {
    if (has_table() && current_write != nullptr && current_write->is_fresh(base())) {
      alignas(Slot) std::byte aside[sizeof(Slot)];
      auto* const made = reinterpret_cast<Slot*>(aside);
      construct(made);
      Relocating take{made};
      return split_in_place() ? insert_new(hash, take) : move_and_insert(hash, take);
    }
  }
  return move_and_insert(hash, construct);
}

template <class Policy>
template <class Construct>
typename HashTable<Policy>::Position HashTable<Policy>::move_and_insert(std::uint64_t hash,
                                                                        Construct& construct) {
  FreshTable fresh(this, shape().next());
  const Position made = fresh.chunks().place(hash);
  const std::uint8_t tag = std::exchange(made.chunk->tags[made.index], std::uint8_t{0});
  construct(made.slot());
  made.chunk->tags[made.index] = tag;
  move_elements_to(fresh, made);
  return made;
}

/// Doubles a table of fresh pages where it stands: it needs no second table then, whose space would
/// be too small for any later one, and no marks. False, and nothing has changed, where it cannot.
///
/// An element whose first chunk was i belongs into i or i + n now. Those that had passed chunks on
/// their way are found a place when all others have theirs. Requires: marked header, fresh pages.
template <class Policy>
bool HashTable<Policy>::split_in_place() {
  const std::size_t bytes = table_bytes(shape());
  if (FreeListAllocator::marked_on_allocate(bytes)) return false;
  const Chunks before = chunks();
  std::uint64_t passed = 0;
  for (std::uint64_t i = 0; i <= before.mask(); ++i) {
    const std::uint8_t overflow = before.chunk(i)->overflow;
    if (overflow == hash_overflow_max) return false;
    passed += overflow;
  }
  std::vector<Position> displaced;
  displaced.reserve(passed);
  const HashShape doubled = shape().next();
  if (!current_write->heap().try_expand(base(), bytes, table_bytes(doubled))) return false;

  stored_.chunk_bits = static_cast<std::uint8_t>(doubled.chunk_bits);
  for (std::uint64_t i = 0; i <= before.mask(); ++i) split_chunk(i, displaced);
  const Chunks after = chunks();
  const typename Policy::Hasher hasher{};
  for (const Position from : displaced) {
    from.chunk->tags[from.index] = 0;
    const Position to = after.place(hasher(Policy::key(*from.slot())));
    if (to.slot() != from.slot()) relocate_quietly(from.slot(), to.slot());
  }
  return true;
}

/// Moves what belongs there from chunk `index` of the lower half to its like in the upper half.
template <class Policy>
void HashTable<Policy>::split_chunk(std::uint64_t index, std::vector<Position>& displaced) {
  const Chunks table = chunks();
  const std::uint64_t half = table.chunks_in_half();
  HashChunkFormat* const low = table.chunk(index);
  HashChunkFormat* const high = table.chunk(index + half);
  std::memset(high, 0, sizeof *high);
  low->overflow = 0;
  const typename Policy::Hasher hasher{};
  std::uint64_t moved = 0;
  for (SlotMask left = TagGroup(low).occupied(); left != 0; left &= left - 1) {
    const Position from{low, first_slot(left)};
    const std::uint64_t home = hasher(Policy::key(*from.slot())) & table.mask();
    if ((home & (half - 1)) != index) [[unlikely]] {
      displaced.push_back(from);
      continue;
    }
    // Copied in any case, and counted only where it moves: which do is not to be predicted.
    const bool moves = home != index;
    const std::uint8_t tag = low->tags[from.index];
    relocate_quietly(from.slot(), Position{high, moved}.slot());
    high->tags[moved] = moves ? tag : std::uint8_t{0};
    low->tags[from.index] = moves ? std::uint8_t{0} : tag;
    moved += moves ? 1 : 0;
  }
}

template <class Policy>
void HashTable<Policy>::move_to(HashShape shape) {
  mark_header();
  FreshTable fresh(this, shape);
  move_elements_to(fresh, {});
}

/// A table of the same shape, in which `make(from, to)` has made each element out of the other's.
template <class Policy>
template <class Make>
void HashTable<Policy>::build_for(const void* home, const HashTable& other, Make make) {
  if (other.stored_.size == 0) return;
  FreshTable fresh(home, other.shape());
  const Chunks to = fresh.chunks();
  const Chunks from = other.chunks();
  for (std::uint64_t i = 0; i <= from.mask(); ++i) {
    const HashChunkFormat* const source = from.chunk(i);
    to.chunk(i)->overflow = source->overflow;
    for (SlotMask left = TagGroup(source).occupied(); left != 0; left &= left - 1) {
      const std::uint64_t slot = first_slot(left);
      make(Position{from.chunk(i), slot}.slot(), Position{to.chunk(i), slot}.slot());
      to.chunk(i)->tags[slot] = source->tags[slot];
    }
  }
  install(fresh, other.stored_.size);
}

template <class Policy>
void HashTable<Policy>::copy_from_for(const void* home, const HashTable& other) {
  build_for(home, other,
            [](const Slot* from, Slot* to) { ::new (static_cast<void*>(to)) Slot(*from); });
}

template <class Policy>
void HashTable<Policy>::move_from_for(const void* home, HashTable& other) {
  build_for(home, other, [](Slot* from, Slot* to) {
    mark(from, sizeof *from);  // which a move may write to
    Policy::move_to(from, to);
  });
}

}  // namespace cairn::detail

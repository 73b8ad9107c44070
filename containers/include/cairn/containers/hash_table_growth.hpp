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
  FreshTable fresh(this, shape().next());
  const Position made = fresh.chunks().place(hash);
  const std::uint8_t tag = std::exchange(made.chunk->tags[made.index], std::uint8_t{0});
  construct(made.slot());
  made.chunk->tags[made.index] = tag;
  move_elements_to(fresh, made);
  return made;
}

template <class Policy>
void HashTable<Policy>::move_to(HashShape shape) {
  mark_header();
  FreshTable fresh(this, shape);
  move_elements_to(fresh, {});
}

template <class Policy>
void HashTable<Policy>::copy_from_for(const void* home, const HashTable& other) {
  if (other.stored_.size == 0) return;
  FreshTable fresh(home, other.shape());
  const Chunks to = fresh.chunks();
  const Chunks from = other.chunks();
  for (std::uint64_t i = 0; i <= from.mask(); ++i) {
    const HashChunkFormat* const source = from.chunk(i);
    to.chunk(i)->overflow = source->overflow;
    for (SlotMask left = TagGroup(source).occupied(); left != 0; left &= left - 1) {
      const unsigned slot = first_slot(left);
      const Slot& element = *Position{from.chunk(i), slot}.slot();
      ::new (static_cast<void*>(Position{to.chunk(i), slot}.slot())) Slot(element);
      to.chunk(i)->tags[slot] = source->tags[slot];
    }
  }
  install(fresh, other.stored_.size);
}

}  // namespace cairn::detail

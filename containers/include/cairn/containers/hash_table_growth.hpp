// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cairn/containers/hash_table.hpp"

/// \file
/// How hash tables change their size.
namespace cairn::detail {

/// A table that nobody owns yet: marked as a whole, at first empty. Unless released it destroys what
/// is in it and goes.
template <class Policy>
class HashTable<Policy>::FreshTable {
 public:
  FreshTable(const void* self, HashShape shape)
      : shape_(shape),
        block_(self, table_bytes(shape),
               hash_table_alignment(shape.chunk_bits, alignof(Slot)), table_bytes(shape)) {
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
void HashTable<Policy>::install(FreshTable& fresh, std::uint64_t size) {
  std::byte* const old = has_table() ? base() : nullptr;
  const std::size_t old_bytes = old == nullptr ? 0 : table_bytes(shape());
  stored_.size = size;
  stored_.chunk_bits = static_cast<std::uint8_t>(fresh.shape().chunk_bits);
  stored_.chunk_slots = static_cast<std::uint8_t>(fresh.shape().chunk_slots);
  stored_.distance = distance_to(&stored_, fresh.release());
  if (old != nullptr) free_block(old, old_bytes);
}

/// In the order in which they lie: doubling then reads one sequential stream and writes two.
template <class Policy>
void HashTable<Policy>::move_elements_to(FreshTable& fresh) {
  if (stored_.size == 0) return;
  const Chunks from = chunks();
  const Chunks to = fresh.chunks();
  const typename Policy::Hasher hasher{};
  if constexpr (relocates_quietly<Slot>()) {
    // The old elements stay as they are, so there is nothing to undo where the hash function throws.
    from.for_each([&](Position place) {
      Slot* const slot = place.slot();
      relocate_quietly(slot, to.place(hasher(Policy::key(*slot))).slot());
    });
  } else {
    std::vector<std::uint64_t> hashes;
    hashes.reserve(stored_.size);
    from.for_each([&](Position place) { hashes.push_back(hasher(Policy::key(*place.slot()))); });
    mark(base(), table_bytes(shape()));
    auto hash = hashes.begin();
    from.for_each([&](Position place) {
      const Position target = to.place(*hash++);
      const std::uint8_t tag = std::exchange(target.chunk->tags[target.index], std::uint8_t{0});
      Policy::move_to(place.slot(), target.slot());
      target.chunk->tags[target.index] = tag;
    });
    from.for_each([](Position place) { std::destroy_at(place.slot()); });
  }
}

/// The new element is made first, since its arguments may lie in the old table.
template <class Policy>
template <class Construct>
typename HashTable<Policy>::Position HashTable<Policy>::grow_and_insert(std::uint64_t hash,
                                                                        Construct& construct) {
  mark_header();
  FreshTable fresh(this, shape().next());
  const Position place = fresh.chunks().place(hash);
  const std::uint8_t tag = std::exchange(place.chunk->tags[place.index], std::uint8_t{0});
  construct(place.slot());
  place.chunk->tags[place.index] = tag;
  if constexpr (relocates_quietly<Slot>()) {
    try {
      move_elements_to(fresh);
    } catch (...) {
      std::destroy_at(place.slot());
      fresh.disown();
      throw;
    }
  } else {
    move_elements_to(fresh);
  }
  install(fresh, stored_.size + 1);
  return place;
}

template <class Policy>
void HashTable<Policy>::move_to(HashShape shape) {
  mark_header();
  FreshTable fresh(this, shape);
  try {
    move_elements_to(fresh);
  } catch (...) {
    if constexpr (relocates_quietly<Slot>()) fresh.disown();
    throw;
  }
  install(fresh, stored_.size);
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

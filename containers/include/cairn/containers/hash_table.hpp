// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "cairn/containers/block.hpp"
#include "cairn/containers/hash_chunks.hpp"
#include "cairn/containers/relocate.hpp"
#include "cairn/containers/text_keys.hpp"

namespace cairn::detail {

/// The stored part of hash containers: a table of chunks of 15 slots whose one-byte tags are
/// compared all at once (layout and source of the method: hash_map_format.hpp).
///
/// Policy names the element (`Slot`), its `key(slot)`, the functions `Hasher` and `Equal`, and how
/// an element is moved (`move_to`).
///
/// Invariants:
///  1. An element lies in the first chunk of its probe sequence that had room when it came; each
///     chunk that it passed counts it in `overflow`.
///  2. Every store to the header or the table was marked. A new table is marked as a whole, since a
///     rehash writes most of its lines.
template <class Policy>
class HashTable {
 public:
  using Slot = typename Policy::Slot;
  using Position = HashPosition<Slot>;
  using Chunks = HashChunks<Slot>;

  HashTable() noexcept = default;
  HashTable(const HashTable&) = delete;
  HashTable& operator=(const HashTable&) = delete;
  ~HashTable() {
    if (!has_table() || !block_is_writable(base())) return;
    try {
      destroy_elements();
    } catch (...) {  // NOLINT(bugprone-empty-catch): over budget; the parts stay allocated
    }
    drop_block(base(), table_bytes(shape()));
  }

  std::uint64_t size() const noexcept { return stored_.size; }
  bool has_table() const noexcept { return stored_.chunk_slots != 0; }
  HashShape shape() const noexcept { return {stored_.chunk_bits, stored_.chunk_slots}; }
  std::uint64_t capacity() const noexcept { return has_table() ? shape().capacity() : 0; }
  std::byte* base() const noexcept { return target_at<std::byte>(&stored_, stored_.distance); }
  /// Requires: has_table().
  Chunks chunks() const noexcept { return {base(), shape()}; }

  template <class Key>
  Position find(const Key& key, std::uint64_t hash) const {
    if (stored_.size == 0) return {};
    const std::uint64_t mask = shape().chunks() - 1;
    std::byte* const at = base() + (hash & mask) * Position::stride;
    prefetch_slots(at);
    const Position found = find_in_chunk(at, key, hash_tag(hash));
    if (found || reinterpret_cast<HashChunkFormat*>(at)->overflow == 0) [[likely]]
      return found;
    return find_behind(key, hash);
  }

  /// Adds an element that `construct(Slot*)` makes and whose key is not in the table yet. Nothing
  /// has changed where anything throws.
  template <class Construct>
  Position insert_new(std::uint64_t hash, Construct construct) {
    if (stored_.size == capacity()) [[unlikely]]
      return grow_and_insert(hash, construct);
    const Chunks table = chunks();
    HashChunkFormat* const chunk = table.chunk(hash);
    const SlotMask free = table.free_slots(chunk);
    if (free == 0) [[unlikely]]
      return insert_behind(hash, construct);
    const Position place{chunk, first_slot(free)};
    mark_header();
    mark_scattered<slot_in_a_line>(chunk, place.slot());
    construct(place.slot());
    chunk->tags[place.index] = hash_tag(hash);
    ++stored_.size;
    return place;
  }

  /// An element on its way out: where it lies and its hash.
  struct Leaving {
    Position place;
    std::uint64_t hash;
  };
  /// Marks what removing an element changes, but for the element itself.
  Leaving prepare_to_remove(Position place) {
    return prepare_to_remove(place, typename Policy::Hasher{}(Policy::key(*place.slot())));
  }
  Leaving prepare_to_remove(Position place, std::uint64_t hash) {
    mark_header();
    mark_scattered(place.chunk);
    if (chunks().chunk(hash) != place.chunk) [[unlikely]]
      mark_passed({place, hash});
    return {place, hash};
  }
  /// Frees the slot of an element that is no object any more.
  void remove(Leaving leaving) noexcept {
    if (chunks().chunk(leaving.hash) != leaving.place.chunk) [[unlikely]]
      uncount_passed(leaving);
    leaving.place.chunk->tags[leaving.place.index] = 0;
    --stored_.size;
  }
  void erase(Position place, std::uint64_t hash) {
    const Leaving leaving = prepare_to_remove(place, hash);
    destroy_stored(place.slot());
    remove(leaving);
  }

  void reserve(std::uint64_t size) {
    if (size > capacity()) move_to(HashShape::for_size(size));
  }
  /// The smallest table with room for `size` elements. Requires: at least as many as there are.
  void resize(std::uint64_t size) {
    if (size == 0) return clear();
    const HashShape least = HashShape::for_size(size);
    if (least.capacity() != capacity()) move_to(least);
  }
  /// Destroys all elements and frees the table.
  void clear() {
    if (!has_table()) return;
    mark_header();
    destroy_elements();
    std::byte* const old = base();
    const std::size_t bytes = table_bytes(shape());
    stored_ = HashMapFormat{};
    free_block(old, bytes);
  }

  void mark_header() { mark_again<HashMapFormat, MarkMemory::place_of_tables>(stored_); }
  /// Makes this one, which has no table, a copy of `other`, slot by slot, in the store of `home`.
  void copy_from(const HashTable& other) { copy_from_for(this, other); }
  void copy_from_for(const void* home, const HashTable& other);
  /// The same with the elements of `other` moved, which stay there as what the moves leave.
  void move_from_for(const void* home, HashTable& other);
  /// Requires: no table here; both headers marked; may_own(this, other.base()) where that has one.
  void steal(HashTable& other) noexcept {
    relocate(&other, this);
    other.stored_ = HashMapFormat{};
  }
  /// Gives up the elements and takes those of `other`, which may stand in one of them.
  /// Requires: as steal(), but for what is here.
  void replace_by(HashTable& other) {
    HashTable aside;
    aside.steal(other);
    clear();
    steal(aside);
  }
  void swap_marked(HashTable& other) noexcept {
    HashTable aside;
    relocate(this, &aside);
    relocate(&other, this);
    relocate(&aside, &other);
    aside.stored_ = HashMapFormat{};
  }
  static void relocate(HashTable* from, HashTable* to) noexcept {
    std::byte* const table = from->has_table() ? from->base() : nullptr;
    to->stored_ = from->stored_;
    if (table != nullptr) to->stored_.distance = distance_to(&to->stored_, table);
  }

 private:
  class FreshTable;

  /// Makes an element of one that was made elsewhere.
  struct Relocating {
    Slot* made;
    void operator()(Slot* to) const noexcept { relocate_quietly(made, to); }
  };

  /// Chunks stand at multiples of 16 bytes at least.
  static constexpr bool slot_in_a_line =
      std::has_single_bit(sizeof(Slot)) && sizeof(Slot) <= hash_chunk_head_bytes;
  /// Whether nothing that splitting calls can throw, and nothing owns blocks.
  static constexpr bool splits =
      relocates_quietly<Slot>() &&
      std::is_trivially_destructible_v<Slot>&& noexcept(
          typename Policy::Hasher{}(Policy::key(std::declval<const Slot&>())));

  static std::size_t table_bytes(HashShape shape) noexcept {
    return hash_table_bytes(shape.chunk_bits, shape.chunk_slots, sizeof(Slot), alignof(Slot));
  }

  /// Fetches the lines of a chunk's first slots together with its tags, so that a lookup in a table
  /// that is not cached waits once, not twice. Slots are taken from the first one on, so most
  /// elements are there; to spread them over the chunk and fetch one line only was measured slower,
  /// since then all lines of the table compete for the cache.
  static void prefetch_slots(const std::byte* chunk) noexcept {
    if constexpr (Position::stride > 64) __builtin_prefetch(chunk + 64);
    if constexpr (Position::stride > 128) __builtin_prefetch(chunk + 128);
  }

  template <class Key>
  static Position find_in_chunk(std::byte* at, const Key& key, std::uint8_t tag) {
    auto* const chunk = reinterpret_cast<HashChunkFormat*>(at);
    for (SlotMask left = TagGroup(chunk).matching(tag); left != 0; left &= left - 1) {
      const Position found{chunk, first_slot(left)};
      if (equates<typename Policy::Equal>(Policy::key(*found.slot()), key)) [[likely]]
        return found;
    }
    return {};
  }
  /// As find, from the second chunk on: apart, so that what almost all searches do stays small.
  template <class Key>
  Position find_behind(const Key& key, std::uint64_t hash) const;

  /// Visits the chunks that an element passed on the way to its own.
  template <class Visit>
  void for_each_passed(Leaving element, Visit visit) const {
    const Chunks table = chunks();
    std::uint64_t index = element.hash;
    for (std::uint64_t tries = 0; tries <= table.mask(); ++tries) {
      if (table.chunk(index) == element.place.chunk) return;
      visit(table.chunk(index));
      index += hash_probe_step(hash_tag(element.hash));
    }
  }
  [[gnu::noinline]] void mark_passed(Leaving element) {
    for_each_passed(element, [](HashChunkFormat* chunk) { mark_scattered(chunk); });
  }
  [[gnu::noinline]] void uncount_passed(Leaving element) noexcept {
    for_each_passed(element, [](HashChunkFormat* chunk) {
      if (chunk->overflow != hash_overflow_max && chunk->overflow != 0) --chunk->overflow;
    });
  }

  void destroy_elements() {
    if constexpr (!std::is_trivially_destructible_v<Slot>) {
      if (stored_.size == 0) return;
      chunks().for_each([](Position place) { destroy_stored(place.slot()); });
    }
  }

  [[noreturn]] static void throw_full() {
    throw Error(errc::corrupt, "", "a hash table has no free slot although its size says so");
  }

  template <class Construct>
  Position insert_behind(std::uint64_t hash, Construct& construct);
  template <class Construct>
  Position grow_and_insert(std::uint64_t hash, Construct& construct);
  template <class Construct>
  Position move_and_insert(std::uint64_t hash, Construct& construct);
  bool split_in_place();
  void split_chunk(std::uint64_t index, std::vector<Position>& displaced);
  void move_to(HashShape shape);
  void relocate_elements(const Chunks& to);
  void move_elements_loudly(const Chunks& to);
  void move_elements_to(FreshTable& fresh, Position made);
  template <class Make>
  void build_for(const void* home, const HashTable& other, Make make);
  void install(FreshTable& fresh, std::uint64_t size) noexcept;

  HashMapFormat stored_;
};

template <class Policy>
template <class Key>
[[gnu::noinline]] typename HashTable<Policy>::Position
HashTable<Policy>::find_behind(const Key& key, std::uint64_t hash) const {
  const std::uint8_t tag = hash_tag(hash);
  const std::uint64_t mask = shape().chunks() - 1;
  std::uint64_t index = hash;
  for (std::uint64_t tries = 0; tries < mask; ++tries) {
    index += hash_probe_step(tag);
    std::byte* const at = base() + (index & mask) * Position::stride;
    const Position found = find_in_chunk(at, key, tag);
    if (found || reinterpret_cast<HashChunkFormat*>(at)->overflow == 0) return found;
  }
  return {};
}

/// As insert_new, where the first chunk is full.
template <class Policy>
template <class Construct>
[[gnu::noinline]] typename HashTable<Policy>::Position
HashTable<Policy>::insert_behind(std::uint64_t hash, Construct& construct) {
  const Chunks table = chunks();
  const std::uint8_t tag = hash_tag(hash);
  std::uint64_t index = hash;
  SlotMask free = 0;
  for (std::uint64_t tries = 0; free == 0; ++tries) {
    if (tries == table.mask()) throw_full();
    mark_scattered(table.chunk(index));
    index += hash_probe_step(tag);
    free = table.free_slots(table.chunk(index));
  }
  const Position place{table.chunk(index), first_slot(free)};
  mark_header();
  mark_scattered<slot_in_a_line>(place.chunk, place.slot());
  construct(place.slot());
  for (std::uint64_t passed = hash; passed != index; passed += hash_probe_step(tag)) {
    std::uint8_t& overflow = table.chunk(passed)->overflow;
    if (overflow != hash_overflow_max) ++overflow;
  }
  place.chunk->tags[place.index] = tag;
  ++stored_.size;
  return place;
}

}  // namespace cairn::detail

#include "cairn/containers/hash_table_growth.hpp"

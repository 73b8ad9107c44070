// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "cairn/allocator/heap_format.hpp"
#include "cairn/recovery/header_format.hpp"
#include "cairn/recovery/log_format.hpp"
#include "cairn/store/catalog.hpp"
#include "open_input.hpp"
#include "seed_stores.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using namespace cairn;
using namespace cairn::fuzz;

struct Region {
  EditKind kind;  ///< of the widest edit
  std::uint32_t begin;
  std::uint32_t bytes;
};

/// Where an edit reaches code that a random one would not.
constexpr std::array<Region, 9> regions = {{
    {EditKind::data_64, 0, sizeof(Identity)},
    {EditKind::data_64, meta_slot_offset, sizeof(MetaSlot)},
    {EditKind::data_64, meta_slot_offset + meta_slot_stride, sizeof(MetaSlot)},
    {EditKind::data_64, live_words_offset, sizeof(LiveWords)},
    {EditKind::data_64, heap_begin, sizeof(HeapHeader)},
    {EditKind::data_64, first_leaf_offset, 256},
    {EditKind::data_64, heap_begin + heap_minimum_bytes, 64 << 10},
    {EditKind::log_64, 0, sizeof(LogIdentity)},
    {EditKind::log_64, log_ring_offset, 48 << 10},
}};

/// The blocks of a seed's catalog, wherever they are: its header, the table, the entries with their
/// names and the texts of types.
std::vector<Region> catalog_regions(const StoreBytes& seed) {
  std::vector<Region> found;
  const std::string path = "seed";
  const auto* const base = reinterpret_cast<const std::byte*>(seed.data.data());
  const CatalogReader catalog(base, seed.data.size(), path);
  catalog.for_each_block([&](std::uint64_t offset, std::uint64_t bytes) {
    if (bytes == 0) return;
    found.push_back(
        {EditKind::data_64, static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(bytes)});
  });
  return found;
}

/// Where the next edit of the seed `index` goes.
Region region_from(std::mt19937& random, std::size_t index) {
  static const std::vector<std::vector<Region>> catalogs = [] {
    std::vector<std::vector<Region>> all;
    for (const StoreBytes& seed : seed_stores()) all.push_back(catalog_regions(seed));
    return all;
  }();
  const std::vector<Region>& catalog = catalogs[index % catalogs.size()];
  const std::size_t choice = random() % (regions.size() + 1);
  if (choice < regions.size() || catalog.empty()) return regions[choice % regions.size()];
  return catalog[random() % catalog.size()];
}

std::uint64_t value_from(std::mt19937& random) {
  constexpr std::array<std::uint64_t, 14> interesting = {
      0,          1,    2, 7, 63, 64, 4095, 4096, 24576, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF,
      ~0ULL - 63, ~0ULL};
  switch (random() % 4) {
    case 0: return random() % 256;
    case 1: return std::uint64_t{random()} << 32 | random();
    case 2: return (random() % 64) * 4096;
    default: return interesting[random() % interesting.size()];
  }
}

std::size_t add_edit(std::uint8_t* data, std::size_t size, std::size_t max_size,
                     std::mt19937& random) {
  const Region region = region_from(random, data[1]);
  std::array<std::uint8_t, edit_bytes> edit{};
  const auto narrower = static_cast<std::uint8_t>(random() % 4);
  edit[0] = static_cast<std::uint8_t>(static_cast<unsigned>(region.kind) - narrower);
  const std::uint32_t width = 8U >> narrower;
  const auto offset =
      static_cast<std::uint32_t>(region.begin + random() % region.bytes / width * width);
  const std::uint64_t value = value_from(random);
  std::memcpy(&edit[1], &offset, 3);
  std::memcpy(&edit[4], &value, sizeof value);
  const std::size_t edits = (size - edits_offset) / edit_bytes;
  // In the place of another where there is no room, and at times where there is.
  std::size_t index = edits;
  if (edits != 0 && (random() % 3 == 0 || edits_offset + (edits + 1) * edit_bytes > max_size)) {
    index = random() % edits;
  }
  const std::size_t at = edits_offset + index * edit_bytes;
  if (at + edit_bytes > max_size) return size;
  std::memcpy(data + at, edit.data(), edit.size());
  return std::max(size, at + edit_bytes);
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  std::mt19937 random(seed);
  const bool edits = size >= edits_offset && data[0] % 2 == 1;
  if (!edits || random() % 4 == 0) return LLVMFuzzerMutate(data, size, max_size);
  if (random() % 8 == 0) data[1] = static_cast<std::uint8_t>(random() % 4);
  // Mostly with right checksums: the wrong ones are refused at the door.
  if (random() % 4 == 0) data[2] = static_cast<std::uint8_t>(random() % 16);
  if (random() % 4 == 0) data[2] |= repair_identities | repair_meta | repair_records;
  return add_edit(data, size, max_size, random);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  open_input({data, size});
  return 0;
}

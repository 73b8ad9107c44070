// SPDX-License-Identifier: BSL-1.0
#include "power_image.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "cairn/recovery/checksum.hpp"
#include "cairn/recovery/header_format.hpp"
#include "mix.hpp"

namespace cairn::drills {
namespace {

using Sector = std::array<std::byte, sector_bytes>;

constexpr Sector zeros{};

static_assert(live_words_offset % sector_bytes == 0 && sizeof(LiveWords) <= sector_bytes);
static_assert(meta_slot_offset % sector_bytes == 0 && meta_slot_stride % sector_bytes == 0);

bool may_hold_meta_slot(std::uint64_t offset) noexcept {
  return offset == meta_slot_offset || offset == meta_slot_offset + meta_slot_stride;
}

/// Takes out of a valid slot what another boot and another file make of it.
void forget_place(Sector& sector, std::uint64_t seed) noexcept {
  MetaSlot meta;
  std::memcpy(&meta, sector.data(), sizeof meta);
  if (meta.checksum != struct_checksum(meta, seed)) return;
  meta.inode = 0;
  meta.boot_id = {};
  meta.checksum = 0;
  std::memcpy(sector.data(), &meta, sizeof meta);
}

std::uint64_t sum_of_sector(std::uint64_t offset, std::span<const std::byte> bytes,
                            std::uint64_t seed) noexcept {
  if (offset == live_words_offset) return 0;
  if (std::memcmp(bytes.data(), zeros.data(), bytes.size()) == 0) return 0;
  // Unseeded, which is twice as fast for so few bytes.
  const auto sum_of = [&](std::span<const std::byte> all) {
    return mix(checksum(all, 0) ^ mix(offset));
  };
  if (bytes.size() == sector_bytes && !may_hold_meta_slot(offset)) return sum_of(bytes);
  Sector sector{};
  std::memcpy(sector.data(), bytes.data(), bytes.size());
  if (may_hold_meta_slot(offset)) forget_place(sector, seed);
  return sum_of(sector);
}

std::uint64_t next_number() noexcept {
  static std::uint64_t last = 0;
  return ++last;
}

}  // namespace

std::uint64_t seed_of(std::span<const std::byte> file) noexcept {
  Identity identity;
  if (file.size() < sizeof identity) return 0;
  std::memcpy(&identity, file.data(), sizeof identity);
  return identity.magic == data_magic ? checksum_seed(identity.uuid) : 0;
}

std::uint64_t sum_of_sectors(std::uint64_t offset, std::span<const std::byte> bytes,
                             std::uint64_t seed) noexcept {
  std::uint64_t sum = 0;
  for (std::uint64_t at = 0; at < bytes.size(); at += sector_bytes) {
    const auto sector = bytes.subspan(at, std::min(sector_bytes, bytes.size() - at));
    sum ^= sum_of_sector(offset + at, sector, seed);
  }
  return sum;
}

SyncedFile::SyncedFile(FileBytes bytes, std::uint64_t seed)
    : bytes_(std::move(bytes)), number_(next_number()), seed_(seed), states_{{number_, 0}} {
  sum_up();
}

void SyncedFile::sum_up() {
  const std::span<const std::byte> all(bytes_);
  sums_.assign(1, 0);
  sums_.reserve(all.size() / sector_bytes + 2);
  for (std::uint64_t at = 0; at < all.size(); at += sector_bytes) {
    const auto sector = all.subspan(at, std::min(sector_bytes, all.size() - at));
    sums_.push_back(sums_.back() ^ sum_of_sector(at, sector, seed_));
  }
}

void SyncedFile::update(const FileBytes& bytes, std::uint64_t seed,
                        std::span<const std::uint64_t> offsets, std::uint64_t block_bytes) {
  number_ = next_number();
  if (seed != seed_) {
    seed_ = seed;
    bytes_ = bytes;
    sum_up();
    states_.clear();
    updated_.clear();
  } else {
    // Each sector's own sum, to be added up again.
    for (std::size_t i = sums_.size() - 1; i != 0; --i) sums_[i] ^= sums_[i - 1];
    if (bytes.size() != bytes_.size()) {
      update_all(bytes);
    } else {
      for (const std::uint64_t offset : offsets) update_block(bytes, offset, block_bytes);
    }
    for (std::size_t i = 1; i < sums_.size(); ++i) sums_[i] ^= sums_[i - 1];
  }
  states_.push_back({number_, updated_.size()});
}

void SyncedFile::update_block(const FileBytes& bytes, std::uint64_t offset,
                              std::uint64_t block_bytes) {
  if (offset >= bytes.size()) return;
  const auto block = std::span(bytes).subspan(offset, std::min(block_bytes, bytes.size() - offset));
  std::memcpy(bytes_.data() + offset, block.data(), block.size());
  for (std::uint64_t at = 0; at < block.size(); at += sector_bytes) {
    const auto sector = block.subspan(at, std::min(sector_bytes, block.size() - at));
    const std::uint64_t index = (offset + at) / sector_bytes;
    sums_[index + 1] = sum_of_sector(offset + at, sector, seed_);
    updated_.push_back(static_cast<std::uint32_t>(index));
  }
}

/// Where the length is another one as well: whatever has changed.
void SyncedFile::update_all(const FileBytes& bytes) {
  const std::uint64_t before = bytes_.size();
  bytes_.resize(std::max<std::size_t>(before, bytes.size()));
  const std::uint64_t sectors = (bytes.size() + sector_bytes - 1) / sector_bytes;
  sums_.resize(sectors + 1);
  for (std::uint64_t at = 0; at < bytes_.size(); at += sector_bytes) {
    const std::uint64_t kept = std::min<std::uint64_t>(sector_bytes, bytes_.size() - at);
    Sector now{};
    if (at < bytes.size()) {
      std::memcpy(now.data(), bytes.data() + at, std::min(kept, bytes.size() - at));
    }
    if (std::memcmp(bytes_.data() + at, now.data(), kept) == 0) continue;
    const std::uint64_t index = at / sector_bytes;
    if (index < sectors) sums_[index + 1] = sum_of_sector(at, now, seed_);
    updated_.push_back(static_cast<std::uint32_t>(index));
  }
  bytes_ = bytes;
}

std::optional<std::span<const std::uint32_t>>
SyncedFile::updated_since(std::uint64_t number) const noexcept {
  const auto state = std::ranges::lower_bound(states_, number, {}, &State::number);
  if (state == states_.end() || state->number != number) return std::nullopt;
  return std::span(updated_).subspan(state->updated_behind);
}

std::uint64_t SyncedFile::sum(std::uint64_t first, std::uint64_t end) const noexcept {
  const std::uint64_t last = sums_.size() - 1;
  return sums_[std::min(first, last)] ^ sums_[std::min(end, last)];
}

FileBytes flatten(const LayeredImage::File& file) {
  const FileBytes& base = file.base->bytes();
  const auto kept = static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(base.size(), file.length));
  FileBytes bytes(base.begin(), base.begin() + kept);
  bytes.resize(file.length);
  for (const auto& patch : file.patches) {
    std::memcpy(bytes.data() + patch.offset, patch.bytes.data(), patch.bytes.size());
  }
  return bytes;
}

CrashImage flatten(const LayeredImage& image) {
  CrashImage whole;
  for (std::size_t name = 0; name < image.files.size(); ++name) {
    if (image.files[name].base != nullptr) whole.files[name] = flatten(image.files[name]);
  }
  return whole;
}

}  // namespace cairn::drills

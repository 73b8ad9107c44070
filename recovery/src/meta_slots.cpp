// SPDX-License-Identifier: BSL-1.0
#include "cairn/recovery/meta_slots.hpp"

#include <bit>
#include <cstring>
#include <optional>

#include "cairn/error.hpp"
#include "cairn/recovery/checksum.hpp"
#include "cairn/recovery/log_format.hpp"

namespace cairn {
namespace {

/// 2^44 bytes: page numbers in records have 32 bits.
constexpr std::uint64_t largest_file_bytes = std::uint64_t{1} << 44;
constexpr std::uint64_t largest_log_bytes = std::uint64_t{1} << 40;

bool is_sound(const MetaSlot& meta, std::uint64_t seed) noexcept {
  return meta.checksum == struct_checksum(meta, seed) && is_multiple(meta.heap_end, page_bytes) &&
         is_multiple(meta.file_bytes, page_bytes) && std::has_single_bit(meta.log_bytes) &&
         is_multiple(meta.max_bytes, page_bytes) && meta.log_bytes >= least_ring_bytes &&
         meta.log_bytes <= largest_log_bytes && meta.heap_end > heap_begin &&
         meta.heap_end <= meta.file_bytes && meta.file_bytes <= meta.max_bytes &&
         meta.max_bytes <= largest_file_bytes && meta.turn <= ~std::uint64_t{0} / 2 &&
         is_multiple(meta.checkpoint_position, record_alignment) && meta.checkpoint_sequence != 0;
}

std::optional<MetaSlot> read_slot(std::span<const std::byte> header, std::uint64_t index,
                                  std::uint64_t seed) noexcept {
  MetaSlot meta;
  std::memcpy(&meta, header.data() + meta_slot_offset + index * meta_slot_stride, sizeof meta);
  if (!is_sound(meta, seed)) return std::nullopt;
  return meta;
}

}  // namespace

Identity read_identity(const File& file) {
  const std::uint64_t size = file.size();
  if (size == 0) throw Error(errc::empty_file, file.path(), "0 bytes; remove it to create a store");
  Identity identity{};
  const std::size_t got = file.read_at(0, std::as_writable_bytes(std::span(&identity, 1)));
  if (got < sizeof identity || identity.magic != data_magic) {
    throw Error(errc::not_a_store, file.path(),
                identity.magic == log_magic
                    ? "it is the log of one; name the data file, which stands beside it"
                    : "the first 8 of its " + std::to_string(size) + " bytes are not a store's");
  }
  if (identity.byte_order != byte_order_mark) {
    throw Error(errc::version_mismatch, file.path(), "written on a machine of other byte order");
  }
  if (identity.version != format_version) {
    throw Error(errc::version_mismatch, file.path(),
                "format " + std::to_string(identity.version) + ", this library reads " +
                    std::to_string(format_version));
  }
  if (identity.features != 0) {
    throw Error(errc::version_mismatch, file.path(),
                "unknown feature bits " + std::to_string(identity.features));
  }
  if (identity.checksum != struct_checksum(identity, 0)) {
    throw Error(errc::corrupt, file.path(), "the identity (bytes 0 to 127) fails its checksum");
  }
  if (identity.page_size != page_bytes) {
    throw Error(errc::version_mismatch, file.path(),
                "pages of " + std::to_string(identity.page_size) + " bytes, this library has " +
                    std::to_string(page_bytes));
  }
  if (identity.durability != StoredDurability::power &&
      identity.durability != StoredDurability::process) {
    throw Error(errc::version_mismatch, file.path(), "an unknown durability");
  }
  if (size < heap_begin + page_bytes) {
    throw Error(errc::truncated, file.path(),
                std::to_string(size) + " bytes; the header alone has " +
                    std::to_string(heap_begin));
  }
  return identity;
}

MetaSlot newest_meta(std::span<const std::byte> header, std::uint64_t seed,
                     const std::string& path) {
  const auto first = read_slot(header, 0, seed);
  const auto second = read_slot(header, 1, seed);
  if (!first && !second) {
    throw Error(errc::corrupt, path,
                "neither meta slot (bytes 512 and 1024) holds a valid checkpoint");
  }
  if (!second) return *first;
  if (!first) return *second;
  return first->turn > second->turn ? *first : *second;
}

MetaSlot write_meta(const File& file, std::byte* window, MetaSlot meta, std::uint64_t seed) {
  ++meta.turn;
  meta.checksum = struct_checksum(meta, seed);
  const std::uint64_t offset = meta_slot_offset + meta.turn % 2 * meta_slot_stride;
  crash_point("meta.begin");
  file.store_mapped(offset, window + offset, &meta, sizeof meta);
  crash_point("meta.written");
  return meta;
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>

#include "cairn/mapping/file.hpp"
#include "cairn/recovery/checksum.hpp"
#include "cairn/recovery/header_format.hpp"

namespace cairn::test {

/// A stored struct at a place of a file, to be read, changed and put back.
template <class Stored>
Stored read_struct(const std::string& path, std::uint64_t offset) {
  alignas(Stored) std::byte bytes[sizeof(Stored)];
  const File file = File::open(path, File::Access::read_only);
  if (file.read_at(offset, bytes) != sizeof bytes) throw std::runtime_error(path + ": too short");
  Stored stored;
  std::memcpy(&stored, bytes, sizeof stored);
  return stored;
}
template <class Stored>
void write_struct(const std::string& path, std::uint64_t offset, const Stored& stored) {
  File::open(path, File::Access::read_write).write_at(offset, std::as_bytes(std::span(&stored, 1)));
}

inline std::uint64_t meta_offset(std::uint64_t index) {
  return meta_slot_offset + index * meta_slot_stride;
}
/// The same of a header in memory: each slot for which `change` returns true is put back, with its
/// checksum right. It is given the checksum that the slot ought to have.
template <class Change>
void edit_meta_slots(std::byte* header, Change change) {
  Identity identity;
  std::memcpy(&identity, header, sizeof identity);
  const std::uint64_t seed = checksum_seed(identity.uuid);
  for (std::uint64_t index = 0; index < 2; ++index) {
    MetaSlot meta;
    std::memcpy(&meta, header + meta_offset(index), sizeof meta);
    if (!change(meta, struct_checksum(meta, seed))) continue;
    meta.checksum = struct_checksum(meta, seed);
    std::memcpy(header + meta_offset(index), &meta, sizeof meta);
  }
}
/// Changes every valid meta slot of a store and makes its checksum right again.
template <class Change>
void edit_meta_slots(const std::string& path, Change change) {
  const std::uint64_t seed = checksum_seed(read_struct<Identity>(path, 0).uuid);
  for (std::uint64_t index = 0; index < 2; ++index) {
    auto meta = read_struct<MetaSlot>(path, meta_offset(index));
    if (meta.checksum != struct_checksum(meta, seed)) continue;
    change(meta);
    meta.checksum = struct_checksum(meta, seed);
    write_struct(path, meta_offset(index), meta);
  }
}

}  // namespace cairn::test

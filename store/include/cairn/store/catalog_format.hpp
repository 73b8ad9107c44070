// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace cairn {

// The catalog of named roots: a chained hash table of offsets from the start of the file.
//
//   heap header --catalog_offset--> CatalogHeader --buckets--> u64[bucket_count]
//                                                                 |
//                                                                 v
//                                               CatalogEntry + name --next--> CatalogEntry ...
//                                                 |        |
//                                                 v        v
//                                               object   text of its type

inline constexpr std::uint64_t catalog_magic = 0x676f6c6174616363ULL;  // "ccatalog"

struct CatalogHeader {
  std::uint64_t magic;
  std::uint64_t count;         ///< entries
  std::uint64_t bucket_count;  ///< a power of two
  std::uint64_t buckets;       ///< offset of that many offsets of first entries, 0 none
};
static_assert(sizeof(CatalogHeader) == 32 && std::is_trivially_copyable_v<CatalogHeader>);
static_assert(std::has_unique_object_representations_v<CatalogHeader>);

struct CatalogEntry {
  std::uint64_t next;  ///< offset of the next entry in this bucket, 0 none
  std::uint64_t name_hash;
  std::uint64_t object_offset;
  std::uint64_t object_bytes;
  std::uint64_t type_fingerprint;
  std::uint64_t type_offset;  ///< text that describes the object's type
  std::uint32_t type_bytes;
  std::uint32_t name_bytes;  ///< the name follows the entry
  std::uint32_t object_align;
  std::uint32_t reserved;
};
static_assert(sizeof(CatalogEntry) == 64 && std::is_trivially_copyable_v<CatalogEntry>);
static_assert(std::has_unique_object_representations_v<CatalogEntry>);
static_assert(offsetof(CatalogEntry, type_bytes) == 48);

/// Longest name of a root.
inline constexpr std::uint64_t largest_name_bytes = 4096;

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cairn/mapping/page.hpp"

namespace cairn {

// The log file.
//
//   byte 0     LogIdentity
//        4096  the ring: records, each at its position modulo the ring's length
//
// A record:
//
//   +--------------+----------------------------+------------------------------+---------+
//   | RecordHeader | PageEntry x page_count     | 64 bytes a line, in the      | zeros   |
//   | 64 bytes     | {page, mask of its lines}  | order of entries and bits    | to 64   |
//   +--------------+----------------------------+------------------------------+---------+
//
// Positions count bytes since the store was created and only grow. A record holds its own position,
// so bytes that an earlier lap or a discarded append left in the ring are never taken for it.

inline constexpr std::array<char, 8> log_magic = {'c', 'a', 'i', 'r', 'n', '-', 'l', 'o'};
inline constexpr std::uint64_t log_ring_offset = page_bytes;
/// The ring's length is a power of two from here on, so that places in it need no division.
inline constexpr std::uint64_t least_ring_bytes = 16 * page_bytes;
inline constexpr std::uint64_t record_magic = 0x64726f6365726e63ULL;  // "cnrecord"
inline constexpr std::uint64_t record_alignment = 64;

struct LogIdentity {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t reserved0;
  std::array<std::byte, 16> uuid;  ///< that of the data file beside it
  std::array<std::uint64_t, 3> reserved;
  std::uint64_t checksum;  ///< XXH3 of the bytes before it
};
static_assert(sizeof(LogIdentity) == 64 && std::is_trivially_copyable_v<LogIdentity>);
static_assert(std::has_unique_object_representations_v<LogIdentity>);

struct RecordHeader {
  std::uint64_t checksum;  ///< XXH3 of all bytes of the record behind it, the padding included
  std::uint64_t magic;
  std::uint64_t salt;  ///< of the store: hash of its uuid
  std::uint64_t position;
  std::uint64_t sequence;          ///< one more than the record before it
  std::uint64_t durable_position;  ///< up to where the log was known durable when this was written
  std::uint32_t heap_end_pages;    ///< of the heap once this is applied
  std::uint32_t file_pages;        ///< committed length of the data file
  std::uint32_t page_count;
  std::uint32_t line_count;
};
static_assert(sizeof(RecordHeader) == 64 && std::is_trivially_copyable_v<RecordHeader>);
static_assert(std::has_unique_object_representations_v<RecordHeader>);
static_assert(offsetof(RecordHeader, checksum) == 0);
static_assert(offsetof(RecordHeader, heap_end_pages) == 48);

struct PageEntry {
  std::uint64_t page;
  std::uint64_t mask;  ///< bit i: line i of the page follows
};
static_assert(sizeof(PageEntry) == 16 && std::is_trivially_copyable_v<PageEntry>);

/// Calls `run(offset, bytes)` for each run of adjoining lines of an entry, in the order in which
/// the record holds them; `offset` counts from the start of the data file.
template <class Run>
void for_each_line_run(const PageEntry& entry, Run run) {
  for (std::uint64_t mask = entry.mask; mask != 0;) {
    const auto first = static_cast<std::uint64_t>(std::countr_zero(mask));
    const auto count = static_cast<std::uint64_t>(std::countr_one(mask >> first));
    run(entry.page * page_bytes + first * line_bytes, count * line_bytes);
    mask = first + count == lines_per_page ? 0 : mask & (~0ULL << (first + count));
  }
}

/// Bytes that a record takes up in the ring.
constexpr std::uint64_t record_bytes(std::uint64_t page_count, std::uint64_t line_count) noexcept {
  return round_up(sizeof(RecordHeader) + page_count * sizeof(PageEntry) + line_count * line_bytes,
                  record_alignment);
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cairn/mapping/page.hpp"

/// \file
/// The heap as it stands in the data file. Offsets count from the start of the file; little endian.
///
///     page 0..5   6             7        8 ..                                     heap end
///     | store's  | HeapHeader | leaf 0 | page runs and spans ...                        |
///
/// A *chunk* is 16 pages aligned by file offset; the chunk table has a 16-byte descriptor for each.
/// A chunk is either one *span* (blocks of one size class, side by side from the chunk's start) or
/// a piece of the *page runs*, each live or free, which tile everything between the spans. A run
/// may cover many chunks; the descriptors of chunks that it covers wholly are all zero.
///
///     HeapHeader      0  magic            8  format   12 size classes   16 catalog offset
///                    64  leaf offsets, 32 of 8 bytes (0: none yet)
///                   320  head chunk of each size class, 64 of 4 bytes (0: no span has room)
///                   576  bitmap of the run bins that are not empty, 4 of 8 bytes
///                   608  first page of the first run of each bin, 192 of 4 bytes (0: none)
///                  1408  magazine of each size class, 40 of 64 bytes
///
///     magazine        0  chunks, 10 of 4 bytes      40  units, 10 of 2 bytes      60  count u16
///
///     descriptor      0      1       2              4            6          8         12
///     of a span       kind 1 class   first free u16 live u16     bump u16   prev u32  next u32
///     of page runs    kind 0 0       run starts u16 free edges   0          first u32 0
///
///     free block      0  next free block of the span u16
///     free run        0  magic u32    4 pages u32    8 prev page u32    12 next page u32
///
/// Invariants (HeapReader::verify proves each):
///  1. Runs and spans tile [page 0, heap end) without gap or overlap; no two free runs touch.
///  2. A span's blocks below `bump` are handed out, in their class's magazine or on the span's free
///     list: exactly one of these. A magazine is zero behind its count.
///  3. A span is in its class's list exactly if it has room; only the head of a list may be empty.
///  4. A free run is in exactly one bin, that of its length.
///  5. Descriptors of chunks behind the heap end are zero, so that the end moves in O(1).
namespace cairn {

inline constexpr std::uint64_t heap_begin_bytes = 6 * page_bytes;
/// The least that a heap takes: its header and the first leaf of the chunk table.
inline constexpr std::uint64_t heap_minimum_bytes = 2 * page_bytes;
/// First page that a run may use.
inline constexpr std::uint32_t first_run_page =
    (heap_begin_bytes + heap_minimum_bytes) / page_bytes;

inline constexpr std::uint64_t chunk_bytes = 65536;
inline constexpr std::uint32_t pages_per_chunk = chunk_bytes / page_bytes;
/// Blocks start at multiples of this, and stored block positions count in it.
inline constexpr std::uint64_t block_unit_bytes = 16;
inline constexpr std::uint16_t no_block = 0xFFFF;

inline constexpr std::uint64_t heap_magic = 0x7061'6568'6E72'6963;  // "cirnheap" in the file
inline constexpr std::uint32_t heap_format_version = 1;
inline constexpr std::uint32_t free_run_magic = 0x6572'6663;  // "cfre" in the file

inline constexpr std::size_t leaf_slots = 32;
inline constexpr std::size_t class_slots = 64;
inline constexpr std::size_t run_bin_slots = 192;
inline constexpr std::size_t magazine_slots = 40;
inline constexpr std::uint32_t magazine_capacity = 10;

/// The blocks of one size class that were freed last and are handed out next, in a line of its own.
/// Freeing into it touches neither the block nor its span, both of which are likely out of cache.
struct Magazine {
  std::uint32_t chunk[magazine_capacity];
  std::uint16_t unit[magazine_capacity];  ///< where the block starts in its chunk
  std::uint16_t count;
  std::uint16_t reserved;
};
static_assert(sizeof(Magazine) == line_bytes && offsetof(Magazine, count) == 60);
static_assert(std::has_unique_object_representations_v<Magazine>);

struct HeapHeader {
  std::uint64_t magic;
  std::uint32_t format;
  std::uint32_t class_count;
  std::uint64_t catalog_offset;
  std::uint64_t reserved[5];
  std::uint64_t leaf[leaf_slots];
  std::uint32_t class_head[class_slots];
  std::uint64_t run_bitmap[4];
  std::uint32_t run_bin[run_bin_slots];
  std::uint8_t unused0[32];
  Magazine magazine[magazine_slots];
  std::uint8_t unused1[128];
};
static_assert(sizeof(HeapHeader) == page_bytes);
static_assert(offsetof(HeapHeader, catalog_offset) == 16);
static_assert(offsetof(HeapHeader, leaf) == 64);
static_assert(offsetof(HeapHeader, class_head) == 320);
static_assert(offsetof(HeapHeader, run_bitmap) == 576);
static_assert(offsetof(HeapHeader, run_bin) == 608);
static_assert(offsetof(HeapHeader, magazine) == 1408);
static_assert(std::has_unique_object_representations_v<HeapHeader>);
static_assert(std::is_trivially_copyable_v<HeapHeader>);

enum class ChunkKind : std::uint8_t { pages = 0, span = 1 };

struct SpanDescriptor {
  ChunkKind kind;
  std::uint8_t size_class;
  std::uint16_t free_head;  ///< first free block, in units from the chunk's start, or no_block
  std::uint16_t live;       ///< blocks handed out or in the magazine
  std::uint16_t bump;       ///< blocks that were ever handed out: those behind are untouched
  std::uint32_t prev;       ///< chunk of the previous span with room, 0 at the head
  std::uint32_t next;
};
static_assert(sizeof(SpanDescriptor) == 16 && offsetof(SpanDescriptor, prev) == 8);
static_assert(std::has_unique_object_representations_v<SpanDescriptor>);

struct PagesDescriptor {
  ChunkKind kind;
  std::uint8_t reserved0;
  std::uint16_t run_starts;  ///< bit i: page i of the chunk begins a run, live or free
  std::uint16_t free_edges;  ///< bit i: page i is the first or the last page of a free run
  std::uint16_t reserved1;
  /// First page of the free run that began in an earlier chunk and ends in this one; 0 if none.
  std::uint32_t free_run_from;
  std::uint32_t reserved2;
};
static_assert(sizeof(PagesDescriptor) == 16 && offsetof(PagesDescriptor, free_run_from) == 8);
static_assert(std::has_unique_object_representations_v<PagesDescriptor>);

union ChunkDescriptor {
  SpanDescriptor span;
  PagesDescriptor pages;

  /// Valid whichever member is in use: both begin with it.
  ChunkKind kind() const noexcept { return pages.kind; }
};
static_assert(sizeof(ChunkDescriptor) == 16 && std::is_trivially_copyable_v<ChunkDescriptor>);

/// Stands in the first line of a free run.
struct FreeRun {
  std::uint32_t magic;
  std::uint32_t pages;
  std::uint32_t prev;  ///< first page of the previous run of the bin, 0 at the head
  std::uint32_t next;
};
static_assert(sizeof(FreeRun) == 16 && std::has_unique_object_representations_v<FreeRun>);
static_assert(std::is_trivially_copyable_v<FreeRun>);

// The chunk table grows by leaves that never move: leaf 0 is page 7 and covers 256 chunks, leaf k
// doubles what is covered. 21 leaves cover 2^28 chunks, the 16 TiB that 32-bit page numbers reach.

inline constexpr std::uint32_t leaf_count_max = 21;
inline constexpr std::uint64_t first_leaf_chunks = page_bytes / sizeof(ChunkDescriptor);
inline constexpr std::uint64_t first_leaf_offset = heap_begin_bytes + page_bytes;
inline constexpr std::uint64_t heap_limit_bytes = (first_leaf_chunks << 20) * chunk_bytes;

/// Chunks below those of leaf `k`, which are also as many as leaf `k` covers if `k` is at least 1.
constexpr std::uint64_t leaf_first_chunk(std::uint32_t k) noexcept {
  return k == 0 ? 0 : first_leaf_chunks << (k - 1);
}
constexpr std::uint32_t leaf_pages(std::uint32_t k) noexcept {
  return k == 0 ? 1 : std::uint32_t{1} << (k - 1);
}
constexpr std::uint64_t chunks_reached(std::uint64_t end_page) noexcept {
  return (end_page + pages_per_chunk - 1) / pages_per_chunk;
}

}  // namespace cairn

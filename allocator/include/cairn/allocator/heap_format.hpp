// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cairn/mapping/page.hpp"

/// \file
/// The heap as it stands in the data file. Offsets count from the start of the file; little endian.
///
///     page 0..5   6             7 .. 15   16 ..                                    heap end
///     | store's  | HeapHeader | leaf 0  | page runs and spans ...                        |
///
/// A *chunk* is 16 pages aligned by file offset. It is either one *span* (blocks of one size class,
/// side by side from the chunk's start) or a piece of the *page runs*, each live or free, which
/// tile everything between the spans. A run may cover many chunks; the descriptors of chunks that
/// it covers wholly are all zero.
///
/// The *chunk table* says so: a line for each chunk with its 16-byte descriptor, and the bitmap of
/// a span's blocks (bit set: handed out) beside it, or 512 bytes elsewhere in the leaf where a span
/// has more than 384 blocks.
///
///     HeapHeader      0  magic            8  format   12 size classes   16 catalog offset
///                    24  first page of the run in quarantine, 4 bytes, and its pages, 4 bytes
///                    64  leaf offsets, 32 of 8 bytes (0: none yet)
///                   320  head chunk of each size class, 64 of 4 bytes (0: no span has room)
///                   576  bitmap of the run bins that are not empty, 4 of 8 bytes
///                   608  first page of the first run of each bin, 192 of 4 bytes (0: none)
///
///     leaf of n chunks   0  n lines, one for each chunk    n * 64  n wide bitmaps of 512 bytes
///     line               0  descriptor    16  bitmap of up to 384 blocks, 6 of 8 bytes
///
///     descriptor      0      1       2              4            6          8         12
///     of a span       kind 1 class   live u16       hint u16     0          prev u32  next u32
///     of page runs    kind 0 0       run starts u16 free edges   0          first u32 0
///
///     free run        0  magic u32    4 pages u32    8 prev page u32    12 next page u32
///
/// Invariants (HeapReader::verify proves each):
///  1. Runs and spans tile [page 0, heap end) without gap or overlap; no two free runs touch.
///  2. A span's bitmap has as many bits set as the span has live blocks, none behind its last
///     block, and all in the words before its hint. Every other bitmap is zero.
///  3. A span is in its class's list exactly if it has room; only the head of a list may be empty.
///  4. A free run is in exactly one bin, that of its length.
///  5. Lines and bitmaps of chunks behind the heap end are zero, so that the end moves in O(1).
namespace cairn {

inline constexpr std::uint64_t heap_begin_bytes = 6 * page_bytes;

inline constexpr std::uint64_t chunk_bytes = 65536;
inline constexpr std::uint32_t pages_per_chunk = chunk_bytes / page_bytes;
/// Blocks start at multiples of this, and their sizes are multiples of it.
inline constexpr std::uint64_t block_unit_bytes = 16;

inline constexpr std::uint64_t heap_magic = 0x7061'6568'6E72'6963;  // "cirnheap" in the file
inline constexpr std::uint32_t heap_format_version = 1;
inline constexpr std::uint32_t free_run_magic = 0x6572'6663;  // "cfre" in the file

inline constexpr std::size_t leaf_slots = 32;
inline constexpr std::size_t class_slots = 64;
inline constexpr std::size_t run_bin_slots = 192;

struct HeapHeader {
  std::uint64_t magic;
  std::uint32_t format;
  std::uint32_t class_count;
  std::uint64_t catalog_offset;
  /// A live run that no object owns: a process whose transaction was ended by others may still be
  /// storing there. No pages: there is none.
  std::uint32_t quarantined_first;
  std::uint32_t quarantined_pages;
  std::uint64_t reserved[4];
  std::uint64_t leaf[leaf_slots];
  std::uint32_t class_head[class_slots];
  std::uint64_t run_bitmap[4];
  std::uint32_t run_bin[run_bin_slots];
  std::uint8_t unused[2720];
};
static_assert(sizeof(HeapHeader) == page_bytes);
static_assert(offsetof(HeapHeader, catalog_offset) == 16);
static_assert(offsetof(HeapHeader, quarantined_first) == 24);
static_assert(offsetof(HeapHeader, leaf) == 64);
static_assert(offsetof(HeapHeader, class_head) == 320);
static_assert(offsetof(HeapHeader, run_bitmap) == 576);
static_assert(offsetof(HeapHeader, run_bin) == 608);
static_assert(offsetof(HeapHeader, unused) == 1376);
static_assert(std::has_unique_object_representations_v<HeapHeader>);
static_assert(std::is_trivially_copyable_v<HeapHeader>);

enum class ChunkKind : std::uint8_t { pages = 0, span = 1 };

struct SpanDescriptor {
  ChunkKind kind;
  std::uint8_t size_class;
  std::uint16_t live;  ///< blocks handed out
  std::uint16_t hint;  ///< word of the bitmap before which all blocks are live
  std::uint16_t reserved;
  std::uint32_t prev;  ///< chunk of the previous span with room, 0 at the head
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

inline constexpr std::size_t narrow_words = 6;
inline constexpr std::size_t wide_words = chunk_bytes / block_unit_bytes / 64;

/// What the chunk table has of each chunk, in a cache line of its own.
struct ChunkLine {
  ChunkDescriptor descriptor;
  std::uint64_t blocks[narrow_words];
};
static_assert(sizeof(ChunkLine) == line_bytes && offsetof(ChunkLine, blocks) == 16);
static_assert(std::is_trivially_copyable_v<ChunkLine>);

/// The blocks of a span that has more of them than a line takes.
struct WideBitmap {
  std::uint64_t blocks[wide_words];
};
static_assert(sizeof(WideBitmap) == 512);

/// Stands in the first line of a free run.
struct FreeRun {
  std::uint32_t magic;
  std::uint32_t pages;
  std::uint32_t prev;  ///< first page of the previous run of the bin, 0 at the head
  std::uint32_t next;
};
static_assert(sizeof(FreeRun) == 16 && std::has_unique_object_representations_v<FreeRun>);
static_assert(std::is_trivially_copyable_v<FreeRun>);

// The chunk table grows by leaves: leaf 0 stands behind the header and covers 64 chunks, leaf k
// doubles what is covered. 23 leaves cover 2^28 chunks, the 16 TiB that 32-bit page numbers reach.
// Leaves stay where they are unless they stand last in the heap (page_run_end.cpp).

inline constexpr std::uint32_t leaf_count_max = 23;
inline constexpr std::uint64_t first_leaf_chunks = 64;
inline constexpr std::uint64_t first_leaf_offset = heap_begin_bytes + page_bytes;
inline constexpr std::uint64_t heap_limit_bytes = (first_leaf_chunks << 22) * chunk_bytes;
inline constexpr std::uint64_t first_leaf_bytes =
    first_leaf_chunks * (sizeof(ChunkLine) + sizeof(WideBitmap));
static_assert(first_leaf_bytes % page_bytes == 0 && leaf_count_max <= leaf_slots);

/// The least that a heap takes: its header and the first leaf of the chunk table.
inline constexpr std::uint64_t heap_minimum_bytes = page_bytes + first_leaf_bytes;
/// First page that a run may use.
inline constexpr std::uint32_t first_run_page =
    (heap_begin_bytes + heap_minimum_bytes) / page_bytes;

/// Chunks below those of leaf `k`, which are also as many as leaf `k` covers if `k` is at least 1.
constexpr std::uint64_t leaf_first_chunk(std::uint32_t k) noexcept {
  return k == 0 ? 0 : first_leaf_chunks << (k - 1);
}
constexpr std::uint64_t leaf_chunks(std::uint32_t k) noexcept {
  return k == 0 ? first_leaf_chunks : leaf_first_chunk(k);
}
constexpr std::uint32_t leaf_pages(std::uint32_t k) noexcept {
  constexpr std::uint32_t first = first_leaf_bytes / page_bytes;
  return k == 0 ? first : first << (k - 1);
}
/// The leaf that covers `chunk`: its bit width less that of the first leaf, as each leaf k >= 1
/// covers as many chunks as lie before it. Not below leaf_count_max where none can.
constexpr std::uint32_t leaf_of_chunk(std::uint64_t chunk) noexcept {
  return static_cast<std::uint32_t>(std::bit_width(chunk / first_leaf_chunks));
}

/// Where, in a leaf of `chunks`, the line and the wide bitmap of its chunk `i` stand.
constexpr std::uint64_t line_place(std::uint64_t i) noexcept {
  return i * sizeof(ChunkLine);
}
constexpr std::uint64_t wide_place(std::uint64_t chunks, std::uint64_t i) noexcept {
  return chunks * sizeof(ChunkLine) + i * sizeof(WideBitmap);
}

constexpr std::uint64_t chunks_reached(std::uint64_t end_page) noexcept {
  return (end_page + pages_per_chunk - 1) / pages_per_chunk;
}

}  // namespace cairn

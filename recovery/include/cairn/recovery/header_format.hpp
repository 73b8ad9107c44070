// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cairn/mapping/boot.hpp"
#include "cairn/mapping/page.hpp"

namespace cairn {

// The six pages in front of the heap.
//
//   byte 0      Identity       written once, at creation
//        512    MetaSlot 0     written in turn, each within one disk sector: while one is being
//        1024   MetaSlot 1     written the other still tells the checkpoint
//        2048   LiveWords      meaningful within one boot
//        4096   ProcessSlot[64]
//        8192   ReaderLane[256]
//        24576  the heap

inline constexpr std::uint64_t meta_slot_offset = 512;
inline constexpr std::uint64_t meta_slot_stride = 512;
inline constexpr std::uint64_t meta_slots = 2;
inline constexpr std::uint64_t live_words_offset = 2048;
inline constexpr std::uint64_t process_table_offset = 4096;
inline constexpr std::uint64_t process_slot_count = 64;
inline constexpr std::uint64_t reader_lanes_offset = 8192;
inline constexpr std::uint64_t reader_lane_count = 256;
inline constexpr std::uint64_t heap_begin = 6 * page_bytes;

inline constexpr std::array<char, 8> data_magic = {'c', 'a', 'i', 'r', 'n', '\r', '\n', '\x1a'};
inline constexpr std::uint32_t format_version = 1;
inline constexpr std::uint32_t byte_order_mark = 0x01020304;

/// What the store promises to survive; chosen at creation.
enum class StoredDurability : std::uint32_t { power = 1, process = 2 };

/// Bytes 0..127: what the file is. Immutable.
struct Identity {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t features;  ///< bits that a reader must know; none yet
  std::uint32_t byte_order;
  std::uint32_t page_size;
  std::array<std::byte, 16> uuid;
  std::uint64_t created_unix_ns;
  StoredDurability durability;
  std::uint32_t reserved0;
  std::array<std::uint64_t, 8> reserved;
  std::uint64_t checksum;  ///< XXH3 of the bytes before it
};
static_assert(sizeof(Identity) == 128 && std::is_trivially_copyable_v<Identity>);
static_assert(std::has_unique_object_representations_v<Identity>);
static_assert(offsetof(Identity, uuid) == 24 && offsetof(Identity, durability) == 48);
static_assert(offsetof(Identity, checksum) == 120);

/// One of two: where replay begins and what the store looked like there.
struct MetaSlot {
  std::uint64_t turn;  ///< the higher of two valid slots counts
  std::uint64_t checkpoint_position;
  std::uint64_t checkpoint_sequence;
  std::uint64_t heap_end;    ///< bytes
  std::uint64_t file_bytes;  ///< committed length of the data file
  std::uint64_t log_bytes;   ///< length of the ring in the log file
  std::uint64_t max_bytes;   ///< how far every process maps the data file
  BootId boot_id;            ///< the boot in which it was written
  std::uint32_t clean;       ///< 1: everything was synced and nothing has been written since
  std::uint32_t reserved0;
  std::uint64_t inode;  ///< of the data file that it was written to; 0: not noted
  std::array<std::uint64_t, 5> reserved;
  std::uint64_t checksum;  ///< XXH3 of the bytes before it, seeded with the uuid
};
static_assert(sizeof(MetaSlot) == 136 && std::is_trivially_copyable_v<MetaSlot>);
static_assert(std::has_unique_object_representations_v<MetaSlot>);
static_assert(sizeof(MetaSlot) <= meta_slot_stride);
static_assert(offsetof(MetaSlot, boot_id) == 56 && offsetof(MetaSlot, inode) == 80);
static_assert(offsetof(MetaSlot, checksum) == 128);

enum class ResizeState : std::uint32_t { none = 0, growing = 1, shrinking = 2 };

/// The resize under way, for whoever has to finish or undo it.
struct ResizeRecord {
  std::atomic<ResizeState> state;
  std::atomic<std::uint32_t> owner_slot;
  std::atomic<std::uint64_t> epoch;
  std::atomic<std::uint64_t> started_ns;   ///< uptime_ns()
  std::atomic<std::uint64_t> deadline_ns;  ///< uptime_ns()
  std::atomic<std::uint64_t> old_bytes;
  std::atomic<std::uint64_t> new_bytes;
  std::array<std::uint64_t, 2> reserved;
};
static_assert(sizeof(ResizeRecord) == line_bytes);
static_assert(offsetof(ResizeRecord, state) == 0 && offsetof(ResizeRecord, owner_slot) == 4);
static_assert(offsetof(ResizeRecord, epoch) == 8 && offsetof(ResizeRecord, started_ns) == 16);
static_assert(offsetof(ResizeRecord, deadline_ns) == 24 && offsetof(ResizeRecord, old_bytes) == 32);
static_assert(offsetof(ResizeRecord, new_bytes) == 40);

/// A fenced transaction that may still be storing into the pages that were fresh for it, and
/// reading what the shared image shows. Once the heap's header has the pages as well
/// (HeapHeader::quarantined_first), that is what counts.
struct Quarantine {
  std::atomic<std::uint64_t> owner;     ///< its LiveWords::body, 0 none
  std::atomic<std::uint64_t> ended;     ///< the last one whose process says that it is over
  std::atomic<std::uint64_t> begin;     ///< byte of the file: the heap's end when it was fenced
  std::atomic<std::uint64_t> end;       ///< byte of the file: how far it reached then
  std::atomic<std::uint64_t> unpinned;  ///< the last one that commits are published over
  std::array<std::uint64_t, 3> reserved;
};
static_assert(sizeof(Quarantine) == line_bytes);
static_assert(offsetof(Quarantine, owner) == 0 && offsetof(Quarantine, ended) == 8);
static_assert(offsetof(Quarantine, begin) == 16 && offsetof(Quarantine, end) == 24);
static_assert(offsetof(Quarantine, unpinned) == 32);

/// Bytes 2048..: words that processes of one boot share. What writers touch, what readers touch and
/// what hardly anybody touches stand in lines of their own.
struct LiveWords {
  // writers
  std::atomic<std::uint64_t> write_lock;  ///< see WriteLock
  std::atomic<std::uint64_t> log_tail;    ///< position behind the last appended record
  std::atomic<std::uint64_t> body;        ///< see WriteLock: whose body may be storing, 0 nobody's
  std::atomic<std::uint64_t> durable;  ///< log position: before it all is known to be on the disk
  std::array<std::uint64_t, 4> reserved0;
  // readers and the publisher
  std::atomic<std::uint64_t> published;           ///< sequence that the shared image shows
  std::atomic<std::uint64_t> visible;             ///< the newest that a new read section must see
  std::atomic<std::uint64_t> heap_end;            ///< bytes of the heap at `published`
  std::atomic<std::uint32_t> change_awaited;      ///< 1: somebody sleeps on this word for a commit
  std::atomic<std::uint32_t> fences_missing;      ///< see ReaderLanes: 1 where nobody keeps lanes
  std::atomic<std::uint64_t> applying;            ///< see Publication
  std::atomic<std::uint64_t> published_position;  ///< log position behind the record `published`
  std::atomic<std::uint64_t> overlay_end;  ///< held-back record that no overlay may show, if any
  std::uint64_t reserved1;
  // both, rarely written
  std::array<std::atomic<std::uint64_t>, 4> claimed_lanes;  ///< bit i of word w: lane 64 w + i
  std::atomic<std::uint32_t> failed;    ///< 1 once a sync failed: nobody may write any more
  std::atomic<std::uint32_t> fence_ns;  ///< what the last fence on behalf of all threads took
  BootId boot_id;                       ///< the boot that these words belong to
  /// For messages: token (ProcessTable) of the process that opens or closes the store; 0 unknown.
  std::atomic<std::uint32_t> opener;
  std::uint32_t reserved3;
  ResizeRecord resize;
  Quarantine quarantine;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(sizeof(std::atomic<std::uint64_t>) == 8 && sizeof(std::atomic<std::uint32_t>) == 4);
static_assert(sizeof(LiveWords) == 5 * line_bytes);
static_assert(offsetof(LiveWords, write_lock) == 0 && offsetof(LiveWords, log_tail) == 8);
static_assert(offsetof(LiveWords, body) == 16 && offsetof(LiveWords, durable) == 24);
static_assert(offsetof(LiveWords, published) == line_bytes);
static_assert(offsetof(LiveWords, visible) == line_bytes + 8);
static_assert(offsetof(LiveWords, heap_end) == line_bytes + 16);
static_assert(offsetof(LiveWords, change_awaited) == line_bytes + 24);
static_assert(offsetof(LiveWords, fences_missing) == line_bytes + 28);
static_assert(offsetof(LiveWords, applying) == line_bytes + 32);
static_assert(offsetof(LiveWords, published_position) == line_bytes + 40);
static_assert(offsetof(LiveWords, overlay_end) == line_bytes + 48);
static_assert(offsetof(LiveWords, claimed_lanes) == 2 * line_bytes);
static_assert(offsetof(LiveWords, failed) == 2 * line_bytes + 32);
static_assert(offsetof(LiveWords, fence_ns) == 2 * line_bytes + 36);
static_assert(offsetof(LiveWords, boot_id) == 2 * line_bytes + 40);
static_assert(offsetof(LiveWords, opener) == 2 * line_bytes + 56);
static_assert(offsetof(LiveWords, resize) == 3 * line_bytes);
static_assert(offsetof(LiveWords, quarantine) == 4 * line_bytes);
static_assert(live_words_offset + sizeof(LiveWords) <= page_bytes);

/// `LiveWords::applying` tells how far the publication of record n is: no publication is under way;
/// the publisher is about to look at the lanes; it has begun to store, so whoever comes after it
/// must finish.
struct Publication {
  static constexpr std::uint64_t none = 0;
  static constexpr std::uint64_t raised(std::uint64_t sequence) noexcept { return 2 * sequence; }
  static constexpr std::uint64_t begun(std::uint64_t sequence) noexcept { return 2 * sequence + 1; }
};

enum class ProcessPhase : std::uint32_t {
  idle,
  reading,
  writing,
  publishing,
  resizing,
  checkpointing,
  recovering,
};

/// One attached process. It is alive exactly as long as it holds the lock on the slot's first byte.
struct ProcessSlot {
  std::atomic<std::uint64_t> nonce;  ///< random, so that a slot taken again is not mistaken; 0 free
  std::atomic<std::uint32_t> pid;
  std::atomic<ProcessPhase> phase;
  std::atomic<std::uint64_t> started_ns;      ///< uptime_ns()
  std::atomic<std::uint64_t> heartbeat_ns;    ///< uptime_ns()
  std::atomic<std::uint64_t> phase_since_ns;  ///< uptime_ns()
  std::array<char, 24> label;                 ///< zero-padded
};
static_assert(sizeof(ProcessSlot) == line_bytes);
static_assert(offsetof(ProcessSlot, nonce) == 0 && offsetof(ProcessSlot, pid) == 8);
static_assert(offsetof(ProcessSlot, phase) == 12 && offsetof(ProcessSlot, started_ns) == 16);
static_assert(offsetof(ProcessSlot, heartbeat_ns) == 24);
static_assert(offsetof(ProcessSlot, phase_since_ns) == 32 && offsetof(ProcessSlot, label) == 40);

/// One reading thread.
struct ReaderLane {
  std::atomic<std::uint64_t> sequence;  ///< what its section reads at; 0 idle
  std::atomic<std::uint32_t> owner;     ///< token of the process (ProcessTable); 0 free
  std::atomic<std::uint32_t> thread_id;
  // For people, by the publisher: the section at this sequence keeps commits back since then.
  std::atomic<std::uint64_t> awaited_sequence;  ///< 0: none has been waited for
  std::atomic<std::uint64_t> awaited_since_ns;  ///< uptime_ns()
  /// 1: its thread is outside sections and has only kept the sequence, for the next one.
  std::atomic<std::uint32_t> kept;
  std::uint32_t reserved0;
  std::array<std::uint64_t, 3> reserved;
};
static_assert(sizeof(ReaderLane) == line_bytes);
static_assert(offsetof(ReaderLane, sequence) == 0 && offsetof(ReaderLane, owner) == 8);
static_assert(offsetof(ReaderLane, thread_id) == 12 &&
              offsetof(ReaderLane, awaited_sequence) == 16);
static_assert(offsetof(ReaderLane, awaited_since_ns) == 24 && offsetof(ReaderLane, kept) == 32);
static_assert(process_table_offset + process_slot_count * sizeof(ProcessSlot) <=
              reader_lanes_offset);
static_assert(reader_lanes_offset + reader_lane_count * sizeof(ReaderLane) == heap_begin);

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
// docs/format.md beside the structs that it describes: the page cannot drift from the code.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <ostream>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/allocator/heap_format.hpp"
#include "cairn/recovery/header_format.hpp"
#include "cairn/recovery/log_format.hpp"
#include "cairn/store/catalog_format.hpp"
#include "cairn/types/atomic_format.hpp"
#include "cairn/types/btree_format.hpp"
#include "cairn/types/deque_format.hpp"
#include "cairn/types/hash_map_format.hpp"
#include "cairn/types/nd_array_format.hpp"
#include "cairn/types/segmented_format.hpp"
#include "cairn/types/string_format.hpp"
#include "cairn/types/vec_format.hpp"

namespace cairn {
namespace {

struct Row {
  std::uint64_t offset;
  std::uint64_t bytes;
  std::string field;

  friend bool operator==(const Row&, const Row&) = default;
  friend void PrintTo(const Row& row, std::ostream* out) {
    *out << row.field << ": " << row.bytes << " bytes at " << row.offset;
  }
};

struct Layout {
  std::uint64_t bytes;  ///< of the described part, which the rows must tile
  std::vector<Row> rows;
};

#define CAIRN_ROW(Struct, field)                                                                   \
  Row {                                                                                            \
    offsetof(Struct, field), sizeof(Struct::field), #field                                         \
  }

std::map<std::string, Layout> header_layouts() {
  return {
      {"Identity",
       {sizeof(Identity),
        {CAIRN_ROW(Identity, magic), CAIRN_ROW(Identity, version), CAIRN_ROW(Identity, features),
         CAIRN_ROW(Identity, byte_order), CAIRN_ROW(Identity, page_size), CAIRN_ROW(Identity, uuid),
         CAIRN_ROW(Identity, created_unix_ns), CAIRN_ROW(Identity, durability),
         CAIRN_ROW(Identity, reserved0), CAIRN_ROW(Identity, reserved),
         CAIRN_ROW(Identity, checksum)}}},
      {"MetaSlot",
       {sizeof(MetaSlot),
        {CAIRN_ROW(MetaSlot, turn), CAIRN_ROW(MetaSlot, checkpoint_position),
         CAIRN_ROW(MetaSlot, checkpoint_sequence), CAIRN_ROW(MetaSlot, heap_end),
         CAIRN_ROW(MetaSlot, file_bytes), CAIRN_ROW(MetaSlot, log_bytes),
         CAIRN_ROW(MetaSlot, max_bytes), CAIRN_ROW(MetaSlot, boot_id), CAIRN_ROW(MetaSlot, clean),
         CAIRN_ROW(MetaSlot, reserved0), CAIRN_ROW(MetaSlot, inode), CAIRN_ROW(MetaSlot, reserved),
         CAIRN_ROW(MetaSlot, checksum)}}},
      {"LiveWords",
       {sizeof(LiveWords),
        {CAIRN_ROW(LiveWords, write_lock),     CAIRN_ROW(LiveWords, log_tail),
         CAIRN_ROW(LiveWords, body),           CAIRN_ROW(LiveWords, durable),
         CAIRN_ROW(LiveWords, reserved0),      CAIRN_ROW(LiveWords, published),
         CAIRN_ROW(LiveWords, visible),        CAIRN_ROW(LiveWords, heap_end),
         CAIRN_ROW(LiveWords, change_awaited), CAIRN_ROW(LiveWords, fences_missing),
         CAIRN_ROW(LiveWords, applying),       CAIRN_ROW(LiveWords, published_position),
         CAIRN_ROW(LiveWords, overlay_end),    CAIRN_ROW(LiveWords, reserved1),
         CAIRN_ROW(LiveWords, claimed_lanes),  CAIRN_ROW(LiveWords, failed),
         CAIRN_ROW(LiveWords, fence_ns),       CAIRN_ROW(LiveWords, boot_id),
         CAIRN_ROW(LiveWords, opener),         CAIRN_ROW(LiveWords, reserved3),
         CAIRN_ROW(LiveWords, resize),         CAIRN_ROW(LiveWords, quarantine)}}},
      {"Quarantine",
       {sizeof(Quarantine),
        {CAIRN_ROW(Quarantine, owner), CAIRN_ROW(Quarantine, ended), CAIRN_ROW(Quarantine, begin),
         CAIRN_ROW(Quarantine, end), CAIRN_ROW(Quarantine, unpinned),
         CAIRN_ROW(Quarantine, reserved)}}},
      {"ResizeRecord",
       {sizeof(ResizeRecord),
        {CAIRN_ROW(ResizeRecord, state), CAIRN_ROW(ResizeRecord, owner_slot),
         CAIRN_ROW(ResizeRecord, epoch), CAIRN_ROW(ResizeRecord, started_ns),
         CAIRN_ROW(ResizeRecord, deadline_ns), CAIRN_ROW(ResizeRecord, old_bytes),
         CAIRN_ROW(ResizeRecord, new_bytes), CAIRN_ROW(ResizeRecord, reserved)}}},
      {"ProcessSlot",
       {sizeof(ProcessSlot),
        {CAIRN_ROW(ProcessSlot, nonce), CAIRN_ROW(ProcessSlot, pid), CAIRN_ROW(ProcessSlot, phase),
         CAIRN_ROW(ProcessSlot, started_ns), CAIRN_ROW(ProcessSlot, heartbeat_ns),
         CAIRN_ROW(ProcessSlot, phase_since_ns), CAIRN_ROW(ProcessSlot, label)}}},
      {"ReaderLane",
       {sizeof(ReaderLane),
        {CAIRN_ROW(ReaderLane, sequence), CAIRN_ROW(ReaderLane, owner),
         CAIRN_ROW(ReaderLane, thread_id), CAIRN_ROW(ReaderLane, awaited_sequence),
         CAIRN_ROW(ReaderLane, awaited_since_ns), CAIRN_ROW(ReaderLane, kept),
         CAIRN_ROW(ReaderLane, reserved0), CAIRN_ROW(ReaderLane, reserved)}}},
  };
}

std::map<std::string, Layout> log_layouts() {
  return {
      {"LogIdentity",
       {sizeof(LogIdentity),
        {CAIRN_ROW(LogIdentity, magic), CAIRN_ROW(LogIdentity, version),
         CAIRN_ROW(LogIdentity, reserved0), CAIRN_ROW(LogIdentity, uuid),
         CAIRN_ROW(LogIdentity, reserved), CAIRN_ROW(LogIdentity, checksum)}}},
      {"RecordHeader",
       {sizeof(RecordHeader),
        {CAIRN_ROW(RecordHeader, checksum), CAIRN_ROW(RecordHeader, magic),
         CAIRN_ROW(RecordHeader, salt), CAIRN_ROW(RecordHeader, position),
         CAIRN_ROW(RecordHeader, sequence), CAIRN_ROW(RecordHeader, durable_position),
         CAIRN_ROW(RecordHeader, heap_end_pages), CAIRN_ROW(RecordHeader, file_pages),
         CAIRN_ROW(RecordHeader, page_count), CAIRN_ROW(RecordHeader, line_count)}}},
      {"PageEntry", {sizeof(PageEntry), {CAIRN_ROW(PageEntry, page), CAIRN_ROW(PageEntry, mask)}}},
  };
}

std::map<std::string, Layout> heap_layouts() {
  return {
      // Only what stands in front of the allocator's own state, which docs/allocator.md is about.
      {"HeapHeader",
       {offsetof(HeapHeader, reserved),
        {CAIRN_ROW(HeapHeader, magic), CAIRN_ROW(HeapHeader, format),
         CAIRN_ROW(HeapHeader, class_count), CAIRN_ROW(HeapHeader, catalog_offset),
         CAIRN_ROW(HeapHeader, quarantined_first), CAIRN_ROW(HeapHeader, quarantined_pages)}}},
      {"CatalogHeader",
       {sizeof(CatalogHeader),
        {CAIRN_ROW(CatalogHeader, magic), CAIRN_ROW(CatalogHeader, count),
         CAIRN_ROW(CatalogHeader, bucket_count), CAIRN_ROW(CatalogHeader, buckets)}}},
      {"CatalogEntry",
       {sizeof(CatalogEntry),
        {CAIRN_ROW(CatalogEntry, next), CAIRN_ROW(CatalogEntry, name_hash),
         CAIRN_ROW(CatalogEntry, object_offset), CAIRN_ROW(CatalogEntry, object_bytes),
         CAIRN_ROW(CatalogEntry, type_fingerprint), CAIRN_ROW(CatalogEntry, type_offset),
         CAIRN_ROW(CatalogEntry, type_bytes), CAIRN_ROW(CatalogEntry, name_bytes),
         CAIRN_ROW(CatalogEntry, object_align), CAIRN_ROW(CatalogEntry, reserved)}}},
      {"VecFormat",
       {sizeof(VecFormat),
        {CAIRN_ROW(VecFormat, distance), CAIRN_ROW(VecFormat, size),
         CAIRN_ROW(VecFormat, capacity)}}},
      {"DequeFormat",
       {sizeof(DequeFormat),
        {CAIRN_ROW(DequeFormat, distance), CAIRN_ROW(DequeFormat, size),
         CAIRN_ROW(DequeFormat, capacity), CAIRN_ROW(DequeFormat, front)}}},
      {"StringFormat::Long",
       {sizeof(StringFormat),
        {CAIRN_ROW(StringFormat::Long, distance), CAIRN_ROW(StringFormat::Long, size),
         CAIRN_ROW(StringFormat::Long, capacity_and_tag)}}},
      {"HashMapFormat",
       {sizeof(HashMapFormat),
        {CAIRN_ROW(HashMapFormat, distance), CAIRN_ROW(HashMapFormat, size),
         CAIRN_ROW(HashMapFormat, chunk_bits), CAIRN_ROW(HashMapFormat, chunk_slots),
         CAIRN_ROW(HashMapFormat, hash_version), CAIRN_ROW(HashMapFormat, reserved)}}},
      {"BTreeFormat",
       {sizeof(BTreeFormat),
        {CAIRN_ROW(BTreeFormat, root), CAIRN_ROW(BTreeFormat, first), CAIRN_ROW(BTreeFormat, last),
         CAIRN_ROW(BTreeFormat, size), CAIRN_ROW(BTreeFormat, levels),
         CAIRN_ROW(BTreeFormat, reserved)}}},
      {"BTreeNodeFormat",
       {sizeof(BTreeNodeFormat),
        {CAIRN_ROW(BTreeNodeFormat, parent), CAIRN_ROW(BTreeNodeFormat, level),
         CAIRN_ROW(BTreeNodeFormat, count), CAIRN_ROW(BTreeNodeFormat, slots),
         CAIRN_ROW(BTreeNodeFormat, reserved)}}},
      {"HashChunkFormat",
       {hash_chunk_head_bytes,
        {CAIRN_ROW(HashChunkFormat, tags), CAIRN_ROW(HashChunkFormat, overflow)}}},
      {"AtomicFormat",
       {sizeof(AtomicFormat),
        {CAIRN_ROW(AtomicFormat, value), CAIRN_ROW(AtomicFormat, magic),
         CAIRN_ROW(AtomicFormat, turn), CAIRN_ROW(AtomicFormat, awaited),
         CAIRN_ROW(AtomicFormat, reserved)}}},
      {"SegmentedFormat",
       {sizeof(SegmentedFormat),
        {CAIRN_ROW(SegmentedFormat, distance), CAIRN_ROW(SegmentedFormat, size),
         CAIRN_ROW(SegmentedFormat, segments)}}},
      {"NdArrayFormat",
       {sizeof(NdArrayFormat<3>),
        {CAIRN_ROW(NdArrayFormat<3>, elements), CAIRN_ROW(NdArrayFormat<3>, extents)}}},
  };
}

std::map<std::string, Layout> layouts() {
  std::map<std::string, Layout> all = header_layouts();
  all.merge(log_layouts());
  all.merge(heap_layouts());
  return all;
}

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(' ') - first + 1));
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line.substr(1));
  for (std::string cell; std::getline(in, cell, '|');) cells.push_back(trimmed(cell));
  return cells;
}

/// The tables with the columns offset, bytes and field, by the heading that they stand under.
std::map<std::string, std::vector<Row>> tables_of(std::istream& page) {
  std::map<std::string, std::vector<Row>> tables;
  std::string heading;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("### ")) heading = trimmed(line.substr(4));
    if (!line.starts_with("|")) {
      inside = false;
    } else if (line.starts_with("| offset | bytes | field |")) {
      inside = true;
      if (!tables.try_emplace(heading).second) {
        throw std::invalid_argument("a second table under " + heading);
      }
    } else if (inside && !line.starts_with("|---")) {
      const std::vector<std::string> cells = cells_of(line);
      if (cells.size() < 3) throw std::invalid_argument("a row of few cells: " + line);
      tables[heading].push_back({std::stoull(cells[0]), std::stoull(cells[1]), cells[2]});
    }
  }
  return tables;
}

std::map<std::string, std::vector<Row>> format_page() {
  std::ifstream page(CAIRN_FORMAT_PAGE);
  if (!page) throw std::runtime_error(std::string("cannot read ") + CAIRN_FORMAT_PAGE);
  return tables_of(page);
}

TEST(FormatPage, describes_the_structs_that_are_stored_and_no_others) {
  std::vector<std::string> described;
  for (const auto& table : format_page()) described.push_back(table.first);
  std::vector<std::string> stored;
  for (const auto& layout : layouts()) stored.push_back(layout.first);
  EXPECT_EQ(described, stored);
}

TEST(FormatPage, gives_every_field_the_place_and_size_that_the_compiler_gives_it) {
  const auto page = format_page();
  for (const auto& [name, layout] : layouts()) {
    SCOPED_TRACE(name);
    const auto table = page.find(name);
    ASSERT_NE(table, page.end());
    EXPECT_EQ(table->second, layout.rows);
  }
}

/// A field that was added to a struct and neither to the page nor to the lists above leaves a hole.
TEST(FormatPage, leaves_no_byte_of_a_struct_undescribed) {
  for (const auto& [name, rows] : format_page()) {
    SCOPED_TRACE(name);
    std::uint64_t end = 0;
    for (const Row& row : rows) {
      EXPECT_EQ(row.offset, end) << row.field;
      end = row.offset + row.bytes;
    }
    EXPECT_EQ(end, layouts().at(name).bytes);
  }
}

/// What the page's drawings say: the number at the start of a line, and the box beside it.
std::vector<std::string> drawn_boxes() {
  std::ifstream page(CAIRN_FORMAT_PAGE);
  const std::regex box("^ +(?:byte +)?([0-9]+)  \\| ([A-Za-z]+(?: x? ?[0-9]+)?).*");
  std::vector<std::string> boxes;
  std::smatch found;
  for (std::string line; std::getline(page, line);) {
    if (std::regex_match(line, found, box)) boxes.push_back(found.str(1) + " " + found.str(2));
  }
  return boxes;
}

std::string box_at(std::uint64_t offset, const std::string& name) {
  return std::to_string(offset) + " " + name;
}

TEST(FormatPage, draws_the_parts_of_both_files_where_they_stand) {
  const std::vector<std::string> expected = {
      box_at(0, "Identity"),
      box_at(meta_slot_offset, "MetaSlot 0"),
      box_at(meta_slot_offset + meta_slot_stride, "MetaSlot 1"),
      box_at(live_words_offset, "LiveWords"),
      box_at(process_table_offset, "ProcessSlot x " + std::to_string(process_slot_count)),
      box_at(reader_lanes_offset, "ReaderLane x " + std::to_string(reader_lane_count)),
      box_at(heap_begin, "HeapHeader"),
      box_at(0, "LogIdentity"),
      box_at(log_ring_offset, "ring"),
  };
  EXPECT_EQ(drawn_boxes(), expected);
}

TEST(FormatPage, is_about_the_format_version_that_is_written) {
  std::ifstream page(CAIRN_FORMAT_PAGE);
  std::string text;
  for (std::string word; page >> word;) text += word + ' ';
  EXPECT_NE(text.find("describes format version " + std::to_string(format_version) + "."),
            std::string::npos);
}

}  // namespace
}  // namespace cairn

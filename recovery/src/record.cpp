// SPDX-License-Identifier: BSL-1.0
#include "cairn/recovery/record.hpp"

#include "cairn/recovery/checksum.hpp"
#include "cairn/recovery/header_format.hpp"

namespace cairn {

std::uint64_t record_checksum(std::span<const std::byte> record) noexcept {
  // Unseeded: XXH3 derives a whole secret from a seed before it hashes a long input. What ties the
  // record to its store is the salt in its header.
  return checksum(record.subspan(sizeof(RecordHeader::checksum)), 0);
}

std::optional<RecordView> RecordView::parse_trusted(std::span<const std::byte> bytes,
                                                    std::uint64_t position) {
  RecordHeader header;
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != record_magic || header.position != position) return std::nullopt;
  if (record_bytes(header.page_count, header.line_count) > bytes.size()) return std::nullopt;
  if (header.heap_end_pages > header.file_pages) return std::nullopt;
  if (header.heap_end_pages <= heap_begin / page_bytes) return std::nullopt;
  return RecordView(header, bytes.data() + sizeof header);
}

std::optional<RecordView> RecordView::parse(std::span<const std::byte> bytes,
                                            std::uint64_t position, std::uint64_t salt) {
  const auto record = parse_trusted(bytes, position);
  if (!record) return std::nullopt;
  if (record->header_.salt != salt) return std::nullopt;
  if (record_checksum(bytes.first(record->bytes())) != record->header_.checksum) {
    return std::nullopt;
  }
  if (!record->entries_are_sound()) return std::nullopt;
  return record;
}

bool RecordView::entries_are_sound() const noexcept {
  std::uint64_t lines = 0;
  for (std::uint64_t i = 0; i < header_.page_count; ++i) {
    PageEntry entry;
    std::memcpy(&entry, entries_ + i * sizeof(PageEntry), sizeof entry);
    if (entry.page < heap_begin / page_bytes || entry.page >= header_.heap_end_pages) return false;
    lines += static_cast<std::uint64_t>(std::popcount(entry.mask));
  }
  return lines == header_.line_count;
}

}  // namespace cairn

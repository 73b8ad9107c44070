// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>

#include "cairn/recovery/log_format.hpp"

namespace cairn {

/// A whole, valid record in memory.
class RecordView {
 public:
  /// Takes the record at `bytes` if there is one for `position` whose numbers fit each other, whose
  /// checksum is right, which carries `salt` and whose pages lie in a heap that ends where it says.
  /// Complexity: one pass over the record; nothing behind `bytes` is read.
  static std::optional<RecordView> parse(std::span<const std::byte> bytes, std::uint64_t position,
                                         std::uint64_t salt);
  /// As `parse` without the checksum and the entries, for records that this boot has appended.
  static std::optional<RecordView> parse_trusted(std::span<const std::byte> bytes,
                                                 std::uint64_t position);

  std::uint64_t position() const noexcept { return header_.position; }
  std::uint64_t end_position() const noexcept { return header_.position + bytes(); }
  std::uint64_t sequence() const noexcept { return header_.sequence; }
  std::uint64_t durable_position() const noexcept { return header_.durable_position; }
  std::uint64_t heap_end() const noexcept { return header_.heap_end_pages * page_bytes; }
  std::uint64_t file_bytes() const noexcept { return header_.file_pages * page_bytes; }
  std::uint64_t bytes() const noexcept {
    return record_bytes(header_.page_count, header_.line_count);
  }

  /// Calls `store(offset, from, bytes)` for each run of adjoining lines, `offset` counted from the
  /// start of the data file, for those pages that `wanted(page)` accepts.
  template <class Wanted, class Store>
  void apply(Wanted wanted, Store store) const {
    const std::byte* lines = lines_;
    for (std::uint64_t i = 0; i < header_.page_count; ++i) {
      PageEntry entry;
      std::memcpy(&entry, entries_ + i * sizeof(PageEntry), sizeof entry);
      const bool take = wanted(entry.page);
      for_each_line_run(entry, [&](std::uint64_t offset, std::uint64_t bytes) {
        if (take) store(offset, lines, bytes);
        lines += bytes;
      });
    }
  }

 private:
  friend class LogRing;
  RecordView(const RecordHeader& header, const std::byte* body) noexcept
      : header_(header), entries_(body), lines_(body + header.page_count * sizeof(PageEntry)) {}
  bool entries_are_sound() const noexcept;

  RecordHeader header_;
  const std::byte* entries_;
  const std::byte* lines_;
};

/// What the checksum of a whole record must be.
std::uint64_t record_checksum(std::span<const std::byte> record) noexcept;

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cairn/mapping/file.hpp"
#include "cairn/mapping/reservation.hpp"
#include "cairn/mapping/shared_view.hpp"
#include "cairn/recovery/record.hpp"

namespace cairn {

/// A ring's memory before a LogRing adopts it.
struct RingMapping {
  Reservation memory;
  std::uint64_t ring_bytes = 0;

  /// The memory from `position` on, a whole ring long.
  std::span<const std::byte> at(std::uint64_t position) const noexcept {
    return {memory.data() + (position & (ring_bytes - 1)), ring_bytes};
  }
};

/// The log file as a ring of records, mapped twice in a row so that a record never has to be split
/// where the ring ends.
///
/// Threads: `append` and `adopt` by the holder of the write lock; parsing by anybody who knows
/// that the records are not being overwritten (the holder of the write lock, or recovery).
class LogRing {
 public:
  LogRing() = default;

  /// Writes the log file of a new store: identity and `ring_bytes` of zeros, and syncs it. For
  /// `piece_bytes`, here and in `grow_file`, see File::allocate_zeroed.
  static void format(const File& file, const std::array<std::byte, 16>& uuid,
                     std::uint64_t ring_bytes, std::size_t piece_bytes = page_bytes);
  /// True where the file carries the identity of a log, of whichever store.
  static bool is_log(const File& file);
  /// True where the file is empty or a log that nothing was ever appended to: a creation that did
  /// not come to its end left it. Complexity: one pass over the file.
  static bool may_be_replaced(const File& file);

  /// Opens the log of the store `uuid`; `ring_bytes` is a power of two. Throws errc::corrupt where
  /// it is another store's or none, errc::truncated where it is shorter than `ring_bytes` needs.
  /// With ViewAccess::read_only nothing may be appended or spoiled.
  LogRing(File file, const std::array<std::byte, 16>& uuid, std::uint64_t ring_bytes,
          ViewAccess access = ViewAccess::read_write);

  std::uint64_t ring_bytes() const noexcept { return ring_bytes_; }
  const File& file() const noexcept { return file_; }

  /// The ring's memory from `position` on, a whole ring long.
  std::span<const std::byte> at(std::uint64_t position) const noexcept {
    return {base_ + (position & (ring_bytes_ - 1)), ring_bytes_};
  }
  std::optional<RecordView> parse(std::uint64_t position) const {
    return RecordView::parse(at(position), position, salt_);
  }
  std::optional<RecordView> parse_trusted(std::uint64_t position) const {
    return RecordView::parse_trusted(at(position), position);
  }
  /// True where a whole valid record with a higher sequence stands in [position, position + ring)
  /// and says that the log was durable up to behind `position` when it was written: then what is
  /// unreadable at `position` is damage, not an append that was cut short.
  bool proves_damage_at(std::uint64_t position, std::uint64_t sequence) const;

  /// How a record gets into the file.
  enum class By : std::uint8_t {
    storing,  ///< through the mapping; the first store into a page that was synced is a fault
    writing,  ///< by system calls, from a copy, which does not have its pages mapped for writing
  };
  /// Puts header and body of a record into the file. Nothing refers to it until the caller moves
  /// the tail. Throws, where it is written, std::bad_alloc, errc::no_space or io: what stands
  /// there then is no record.
  ///
  /// Requires: record_bytes() of it fit in the ring behind `header.position`; `page_at(page)`
  ///           yields the address of a page's bytes.
  template <class PageAt>
  RecordView append(RecordHeader header, std::span<const PageEntry> entries, PageAt page_at,
                    By by = By::storing);

  /// Takes the pages of [begin, end) out of this process's page tables, where they are several. A
  /// sync of what was stored there would do so one by one, and each time interrupt every processor
  /// that runs a thread of the process. Whoever stores there meanwhile maps them again.
  /// Threads: any, but not beside `adopt`.
  void unmap_pages(std::uint64_t begin, std::uint64_t end) const noexcept;

  /// Stores a record of this log where it stands, so that a sync writes it to the disk whatever the
  /// system believes to be there.
  void store_again(const RecordView& record);
  /// Makes the record at `position` unreadable.
  void spoil(std::uint64_t position);
  /// Makes every record unreadable, whatever its position. Throws errc::no_space or io; some are
  /// unreadable then. The caller syncs the file.
  void wipe() const;

  /// Makes the file long enough for a ring of that length. The caller syncs it, also where it was
  /// long enough: a process that died may have left it so. The caller makes the new length known
  /// afterwards. Throws errc::no_space; nothing has changed then.
  void grow_file(std::uint64_t ring_bytes, std::size_t piece_bytes = page_bytes);
  /// Maps the file as a ring of another length, for `adopt`. Throws errc::truncated, too_large.
  RingMapping map_ahead(std::uint64_t ring_bytes) const;
  /// Copies what the ring holds in [begin, end) to where a longer ring has it. Those places are
  /// behind the end of the present one, which therefore stays as it is.
  void copy_to(const RingMapping& longer, std::uint64_t begin, std::uint64_t end) const;
  void adopt(RingMapping mapping) noexcept;
  /// Cuts the file to what the ring needs. Requires: no other process maps a longer one.
  void cut_file() const noexcept;
  /// In a forked child: the descriptor is the parent's.
  void close_file() noexcept { file_.close(); }

 private:
  void store(std::uint64_t position, const void* from, std::size_t bytes) {
    const std::uint64_t place = position & (ring_bytes_ - 1);
    file_.store_mapped(log_ring_offset + place, base_ + place, from, bytes);
  }
  RecordView seal(const RecordHeader& header, std::uint64_t body_end);
  RecordView write(const RecordHeader& header, std::uint64_t body_end);

  File file_;
  Reservation memory_;
  std::byte* base_ = nullptr;
  std::uint64_t ring_bytes_ = 0;
  std::uint64_t salt_ = 0;
  ViewAccess access_ = ViewAccess::read_write;
  std::vector<std::byte> record_;  ///< the one that is being written
};

template <class PageAt>
RecordView LogRing::append(RecordHeader header, std::span<const PageEntry> entries, PageAt page_at,
                           By by) {
  crash_point("append.begin");
  header.salt = salt_;
  if (by == By::writing) record_.resize(record_bytes(header.page_count, header.line_count));
  std::uint64_t at = header.position + sizeof(RecordHeader);
  const auto put = [&](const void* from, std::size_t bytes) {
    // A record that only grows the file has no entries, and a span of none may be at no address.
    if (bytes == 0) return;
    if (by == By::writing) {
      std::memcpy(record_.data() + (at - header.position), from, bytes);
    } else {
      store(at, from, bytes);
    }
    at += bytes;
  };
  put(entries.data(), entries.size_bytes());
  for (const PageEntry& entry : entries) {
    const std::byte* page = page_at(entry.page);
    for_each_line_run(entry, [&](std::uint64_t offset, std::uint64_t bytes) {
      put(page + offset % page_bytes, bytes);
    });
  }
  crash_point("append.body");
  return by == By::writing ? write(header, at) : seal(header, at);
}

}  // namespace cairn

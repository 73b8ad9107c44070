// SPDX-License-Identifier: BSL-1.0
#include "cairn/recovery/log_ring.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <vector>

#include "cairn/error.hpp"
#include "cairn/recovery/checksum.hpp"
#include "cairn/recovery/header_format.hpp"

namespace cairn {
namespace {

std::optional<LogIdentity> read_identity(const File& file) {
  LogIdentity identity;
  if (file.read_at(0, std::as_writable_bytes(std::span(&identity, 1))) < sizeof identity) {
    return std::nullopt;
  }
  if (identity.magic != log_magic) return std::nullopt;
  return identity;
}

}  // namespace

void LogRing::format(const File& file, const std::array<std::byte, 16>& uuid,
                     std::uint64_t ring_bytes, std::size_t piece_bytes) {
  LogIdentity identity{};
  identity.magic = log_magic;
  identity.version = format_version;
  identity.uuid = uuid;
  identity.checksum = struct_checksum(identity, 0);
  file.truncate(0);
  // The identity first: whoever finds a half-written log must see that it is one.
  try {
    file.write_at(0, std::as_bytes(std::span(&identity, 1)));
  } catch (...) {
    // A part of it would be taken for somebody else's file.
    file.truncate(0);
    throw;
  }
  crash_point("create.log_identity");
  file.allocate_zeroed(log_ring_offset, log_ring_offset + ring_bytes, piece_bytes);
  crash_point("create.log_ring");
  file.sync();
}

bool LogRing::is_log(const File& file) {
  return read_identity(file).has_value();
}

bool LogRing::may_be_replaced(const File& file) {
  const std::uint64_t size = file.size();
  if (size != 0 && !is_log(file)) return false;
  std::vector<std::byte> piece(std::min<std::uint64_t>(size, 1 << 20));
  for (std::uint64_t at = log_ring_offset; at < size; at += piece.size()) {
    piece.resize(file.read_at(at, piece));
    if (piece.empty()) return true;
    if (!std::ranges::all_of(piece, [](std::byte one) { return one == std::byte{0}; }))
      return false;
  }
  return true;
}

LogRing::LogRing(File file, const std::array<std::byte, 16>& uuid, std::uint64_t ring_bytes,
                 ViewAccess access)
    : file_(std::move(file)), salt_(checksum_seed(uuid)), access_(access) {
  const auto identity = read_identity(file_);
  if (!identity || identity->checksum != struct_checksum(*identity, 0)) {
    throw Error(errc::corrupt, file_.path(), "this is no log of a cairn store");
  }
  if (identity->version != format_version) {
    throw Error(errc::version_mismatch, file_.path(),
                "log format " + std::to_string(identity->version) + ", this library writes " +
                    std::to_string(format_version));
  }
  if (identity->uuid != uuid) {
    throw Error(errc::corrupt, file_.path(), "the log belongs to another store");
  }
  adopt(map_ahead(ring_bytes));
}

RingMapping LogRing::map_ahead(std::uint64_t ring_bytes) const {
  if (const std::uint64_t size = file_.size(); size < log_ring_offset + ring_bytes) {
    throw Error(errc::truncated, file_.path(),
                "the log has " + std::to_string(size) + " bytes, its store expects " +
                    std::to_string(log_ring_offset + ring_bytes));
  }
  return {map_shared_twice(file_, log_ring_offset, ring_bytes, access_), ring_bytes};
}

void LogRing::adopt(RingMapping mapping) noexcept {
  memory_ = std::move(mapping.memory);
  base_ = memory_.data();
  ring_bytes_ = mapping.ring_bytes;
}

void LogRing::grow_file(std::uint64_t ring_bytes, std::size_t piece_bytes) {
  const std::uint64_t size = file_.size();
  if (size >= log_ring_offset + ring_bytes) return;
  // Written, not merely allocated: a first write into an allocated block would cost every sync a
  // journal commit.
  file_.allocate_zeroed(size, log_ring_offset + ring_bytes, piece_bytes);
  crash_point("log.grown");
}

void LogRing::cut_file() const noexcept {
  try {
    if (file_.size() > log_ring_offset + ring_bytes_) file_.truncate(log_ring_offset + ring_bytes_);
  } catch (...) {
    // One that is too long does no harm; the next close tries again.
  }
}

void LogRing::copy_to(const RingMapping& longer, std::uint64_t begin, std::uint64_t end) const {
  while (begin < end) {
    // Within a lap of the present ring all bytes move by the same distance, or not at all.
    const std::uint64_t lap_end = (begin / ring_bytes_ + 1) * ring_bytes_;
    const std::uint64_t bytes = std::min(lap_end, end) - begin;
    const std::uint64_t from = begin & (ring_bytes_ - 1);
    const std::uint64_t to = begin & (longer.ring_bytes - 1);
    if (to != from) {
      file_.store_mapped(log_ring_offset + to, longer.memory.data() + to, base_ + from, bytes);
    }
    begin += bytes;
  }
}

bool LogRing::proves_damage_at(std::uint64_t position, std::uint64_t sequence) const {
  // Records of one lap do not overlap. Headers that claim more than a few laps in all were put
  // there to have every byte hashed thousands of times, so they are damage as well.
  std::uint64_t bytes_left = 8 * ring_bytes_;
  for (std::uint64_t at = position + record_alignment; at < position + ring_bytes_;
       at += record_alignment) {
    // Nearly every place holds none.
    std::uint64_t magic = 0;
    std::memcpy(&magic, this->at(at).data() + offsetof(RecordHeader, magic), sizeof magic);
    if (magic != record_magic) continue;
    const auto record = parse_trusted(at);
    if (!record || record->sequence() <= sequence || record->durable_position() <= position) {
      continue;
    }
    if (record->bytes() > bytes_left || parse(at)) return true;
    bytes_left -= record->bytes();
  }
  return false;
}

void LogRing::unmap_pages(std::uint64_t begin, std::uint64_t end) const noexcept {
  // From here on the call costs less than what it saves.
  constexpr std::uint64_t least_pages = 2;
  // Both may be anybody's garbage, and several laps apart.
  const std::uint64_t stop = round_up(end, page_bytes);
  const std::uint64_t start =
      std::max(begin - begin % page_bytes, stop - std::min(stop, ring_bytes_));
  if (start >= stop || stop - start < least_pages * page_bytes) return;
  const std::uint64_t place = start & (ring_bytes_ - 1);
  const std::uint64_t bytes = stop - start;
  // Where it fails, as with locked pages, the sync does what this would have saved it.
  ::madvise(base_ + place, bytes, MADV_DONTNEED);
  // A record across the end of the ring lies behind it, the next one at its begin.
  if (place + bytes > ring_bytes_) ::madvise(base_, place + bytes - ring_bytes_, MADV_DONTNEED);
}

void LogRing::store_again(const RecordView& record) {
  const auto stored = at(record.position()).first(record.bytes());
  const std::vector<std::byte> copy(stored.begin(), stored.end());
  store(record.position(), copy.data(), copy.size());
}

void LogRing::spoil(std::uint64_t position) {
  static constexpr RecordHeader nothing{};
  store(position, &nothing, sizeof nothing);
}

void LogRing::wipe() const {
  // Written rather than stored into the mapping: pages may lack room on the disk.
  static constexpr std::array<std::byte, page_bytes> zeros{};
  for (std::uint64_t place = 0; place < ring_bytes_; place += zeros.size()) {
    file_.write_at(log_ring_offset + place, zeros);
  }
}

/// Pads the record and writes its header; the checksum, without which it is no record, comes last.
RecordView LogRing::seal(const RecordHeader& header, std::uint64_t body_end) {
  const std::uint64_t bytes = record_bytes(header.page_count, header.line_count);
  const std::uint64_t padding = header.position + bytes - body_end;
  static constexpr std::array<std::byte, record_alignment> zeros{};
  if (padding != 0) store(body_end, zeros.data(), padding);
  store(header.position, &header, sizeof header);
  crash_point("append.header");
  const std::span<const std::byte> record = at(header.position).first(bytes);
  const std::uint64_t sum = record_checksum(record);
  store(header.position, &sum, sizeof sum);
  crash_point("append.checksum");
  return {header, record.data() + sizeof header};
}

/// Completes the record that was copied, and writes it.
RecordView LogRing::write(const RecordHeader& header, std::uint64_t body_end) {
  const std::span<std::byte> record(record_);
  std::ranges::fill(record.subspan(body_end - header.position), std::byte{0});
  std::memcpy(record.data(), &header, sizeof header);
  const std::uint64_t sum = record_checksum(record);
  std::memcpy(record.data(), &sum, sizeof sum);
  const std::uint64_t place = header.position & (ring_bytes_ - 1);
  const std::uint64_t in_this_lap = std::min(record.size(), ring_bytes_ - place);
  const std::uint64_t in_this_page = std::min(record.size(), page_bytes - place % page_bytes);
  // Where somebody has cut the file this dies, as storing would. Writing would lengthen it.
  static_cast<void>(*static_cast<const volatile std::byte*>(base_ + place + in_this_lap - 1));
  const auto put = [&](std::uint64_t begin, std::uint64_t end) {
    if (begin == end) return;
    file_.write_at(log_ring_offset + ((place + begin) & (ring_bytes_ - 1)),
                   record.subspan(begin, end - begin));
  };
  // What a write leaves undone begins with a page, and there the same bytes may stand already. So
  // the header comes last, with no more than its page: without it that is no record.
  put(in_this_lap, record.size());
  put(in_this_page, in_this_lap);
  crash_point("append.body");
  put(0, in_this_page);
  crash_point("append.checksum");
  return {header, at(header.position).data() + sizeof header};
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/snapshot.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "cairn/recovery/log_ring.hpp"
#include "cairn/types/atomic_format.hpp"

namespace cairn {
namespace {

/// What is copied between two reports. Each call into the kernel locks the source against growth
/// for as long as it takes, so it must not be much.
constexpr std::uint64_t piece_bytes = 8 << 20;

/// A line that somebody may be changing: each of its words as of some moment.
void copy_line_of_atomic(std::byte* to, const std::byte* from) noexcept {
  for (std::size_t at = 0; at < line_bytes; at += sizeof(std::uint64_t)) {
    const std::uint64_t word =
        __atomic_load_n(reinterpret_cast<const std::uint64_t*>(from + at), __ATOMIC_RELAXED);
    std::memcpy(to + at, &word, sizeof word);
  }
}

/// Copies a piece of an overlay. The image of a line with an Atomic is as old there as its page,
/// and the shared image has the living one: a commit that makes an Atomic where the image shows
/// something else, or leaves such bytes by chance, is in no overlay. So whatever looks like one
/// in an overlay stands in the shared image, too.
void copy_piece(const SnapshotSource& source, std::uint64_t offset, std::span<std::byte> to) {
  std::memcpy(to.data(), source.heap.base + offset, to.size());
  for (std::uint64_t at = 0; at < to.size(); at += line_bytes) {
    if (is_atomic_line(to.data() + at)) [[unlikely]]
      copy_line_of_atomic(to.data() + at, source.shared_image + offset + at);
  }
}

}  // namespace

Snapshot::Snapshot(const std::string& path, const Options& options, StoredDurability durability,
                   std::uint64_t max_bytes)
    : options_(options), header_(new_header(durability, 0)) {
  header_.meta.max_bytes = max_bytes;
  header_.meta.log_bytes = new_ring_bytes(options);
  require_free_path(path);
  data_ = File::create_unnamed(path, options.permissions);
  log_ = File::create_unnamed(log_path(path), options.permissions);
  header_.meta.inode = data_.id().inode;
  // First, so that a disk without room for it is found before the heap is copied.
  LogRing::format(log_, header_.identity.uuid, header_.meta.log_bytes,
                  log_piece_bytes(durability, options));
  crash_point("snapshot.begin");
}

void Snapshot::copy(const SnapshotSource& source, const SnapshotOptions& how) {
  header_.meta.checkpoint_sequence = source.sequence;
  header_.meta.heap_end = source.heap.end;
  // As long as the heap and no longer: what was preallocated behind it is the original's.
  header_.meta.file_bytes = source.heap.end;
  const std::uint64_t heap_bytes = source.heap.end - heap_begin;
  shares_blocks_ = source.is_in_file() && how.share_blocks &&
                   data_.share_blocks(source.data, heap_begin, heap_bytes);
  if (!shares_blocks_) copy_in_pieces(source, how);
  crash_point("snapshot.copied");
}

void Snapshot::copy_in_pieces(const SnapshotSource& source, const SnapshotOptions& how) {
  const std::uint64_t end = source.heap.end;
  data_.allocate(0, end);
  crash_point("snapshot.allocated");
  std::vector<std::byte> buffer(source.is_in_file() ? 0 : std::min(piece_bytes, end));
  for (std::uint64_t at = heap_begin; at < end; at += piece_bytes) {
    report(at, how);
    const std::uint64_t bytes = std::min(piece_bytes, end - at);
    if (!source.is_in_file()) {
      const auto piece = std::span(buffer).first(bytes);
      copy_piece(source, at, piece);
      data_.write_at(at, piece);
    } else if (how.share_blocks) {
      data_.copy_from(source.data, at, bytes);
    } else {
      data_.copy_by_reading(source.data, at, bytes);
    }
    write_behind(at);
  }
}

/// Keeps the disk at work on the piece at `offset` and waits for the one before it. Left to the
/// last sync, all of the heap would be in memory to be written, in the way of the writers' syncs,
/// and nobody could say how far the snapshot has come.
void Snapshot::write_behind(std::uint64_t offset) const {
  data_.begin_writing(offset, piece_bytes);
  if (offset >= heap_begin + piece_bytes) data_.finish_writing(offset - piece_bytes, piece_bytes);
  crash_point("snapshot.piece");
}

void Snapshot::finish(const SnapshotOptions& how) {
  write_header(data_, header_);
  crash_point("snapshot.header");
  data_.sync();
  crash_point("snapshot.synced");
  report(header_.meta.file_bytes, how);
  name_store_files(data_, log_, options_.lock_timeout);
  crash_point("snapshot.done");
}

void Snapshot::report(std::uint64_t done_bytes, const SnapshotOptions& how) const {
  if (how.progress) how.progress({done_bytes, header_.meta.file_bytes, shares_blocks_});
}

}  // namespace cairn

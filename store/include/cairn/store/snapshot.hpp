// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "cairn/heap_bytes.hpp"
#include "cairn/mapping/file.hpp"
#include "cairn/options.hpp"
#include "cairn/store/store_files.hpp"

namespace cairn {

/// One committed state of a store, kept in place by a read section while it is copied.
struct SnapshotSource {
  const File& data;
  /// What the section sees.
  HeapBytes heap;
  /// The shared image. Where the section sees the same, the file shows its state, and the bytes may
  /// be taken from there; otherwise the heap is an overlay.
  const std::byte* shared_image;
  std::uint64_t sequence;

  bool is_in_file() const noexcept { return heap.base == shared_image; }
};

/// The two files of a snapshot while they come into being, without names until they are whole.
///
/// Invariants:
///  1. Nothing has a name before all bytes of both files are on the disk: where this ends early
///     nothing is left, or, by a kill between the two names, a log that gives way to the next
///     store.
///  2. The new store is one of its own, closed and with an empty log: its uuid is new, so neither
///     log can ever be taken for the other's.
///  3. The line of an Atomic is taken from the shared image, wherever else the heap comes from.
///
/// Threads: one.
class Snapshot {
 public:
  /// Makes both files in the directory of `path`. `options` says permissions, length of the log and
  /// how long to wait for whoever is creating a store there.
  /// Throws: errc::already_exists where something stands there; is_directory, not_found,
  ///         permission_denied, read_only, no_space, io.
  Snapshot(const std::string& path, const Options& options, StoredDurability durability,
           std::uint64_t max_bytes);

  /// Copies the heap. Requires: what keeps the source's state in place lasts until this returns.
  /// Throws: errc::no_space, too_large, truncated, io; what `how.progress` throws.
  void copy(const SnapshotSource& source, const SnapshotOptions& how);
  /// Writes the header, makes everything durable and gives the files their names.
  /// Throws: errc::already_exists, timeout, no_space, io; what `how.progress` throws. Nothing has a
  ///         name then.
  void finish(const SnapshotOptions& how);

 private:
  void copy_in_pieces(const SnapshotSource& source, const SnapshotOptions& how);
  void write_behind(std::uint64_t offset) const;
  void report(std::uint64_t done_bytes, const SnapshotOptions& how) const;

  Options options_;
  StoreHeader header_;
  File data_;
  File log_;
  bool shares_blocks_ = false;
};

}  // namespace cairn

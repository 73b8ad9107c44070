// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>

#include "private_mounts.hpp"

namespace cairn::drills {

enum class FileSystem { ext4, xfs, btrfs };

const char* to_string(FileSystem kind) noexcept;

enum class CutKind {
  shut_down,          ///< the file system drops what it has not written
  shut_down_flushed,  ///< it writes its journal first: sizes and names, with or without the data
  disk_gone,          ///< the disk refuses every write from here on
};

/// A loop device on anonymous memory. It goes away with its last user, as does the memory.
class LoopDisk {
 public:
  /// Throws: Unavailable where no loop device is to be had.
  explicit LoopDisk(std::uint64_t bytes);
  LoopDisk(LoopDisk&& other) noexcept;
  LoopDisk& operator=(LoopDisk&& other) noexcept;
  ~LoopDisk();

  const std::string& device() const noexcept { return device_; }
  /// Every write to it fails from here on.
  void refuse_writes();
  /// From this byte on it can neither be read nor written. Once only.
  ///
  /// Requires: a multiple of a page. Throws: Unavailable where the kernel reads zeros there.
  void lose_from(std::uint64_t offset);
  /// A disk that holds what this one took, also what it lost since, and takes more.
  LoopDisk copy() const;

 private:
  void attach();
  void require_read_errors(std::uint64_t offset) const;

  std::uint64_t bytes_;
  int memory_ = -1;
  int lost_ = -1;  ///< memory with what lay where nothing can be read any more
  int loop_ = -1;  ///< keeps the device while nothing is mounted
  std::string device_;
};

/// A file system of its own that can be cut as a power loss cuts it, and mounted again.
///
/// Requires: PrivateMounts.
class LoopMount {
 public:
  /// Makes the file system and mounts it. Throws: Unavailable where the tool or the kernel lacks
  /// it, or where that takes more rights.
  LoopMount(FileSystem kind, std::string mount_point);
  LoopMount(const LoopMount&) = delete;
  LoopMount& operator=(const LoopMount&) = delete;
  ~LoopMount();

  /// Whether the kernel can shut this kind of file system down.
  bool shuts_down() const noexcept { return shuts_down_; }
  /// From here on nothing reaches the disk. Requires: shuts_down(), or CutKind::disk_gone.
  void cut(CutKind kind);
  /// Unmounts and mounts, by which the file system recovers. Requires: nobody has a file open.
  void mount_again();
  /// From this byte of the disk on it can neither be read nor written; what the page cache has of
  /// that it still has. Requires: a multiple of a page; nothing was lost since find_again().
  void lose_from(std::uint64_t offset);
  /// Mounts it again, with what was lost. Requires: as mount_again().
  void find_again();
  /// Everything up to here is on the disk.
  void sync() const;
  const std::string& path() const noexcept { return path_; }

 private:
  bool try_shut_down(CutKind kind) const;
  void mount();
  void unmount();

  FileSystem kind_;
  std::string path_;
  LoopDisk disk_;
  bool mounted_ = false;
  bool shuts_down_ = false;
  bool needs_other_disk_ = false;
};

}  // namespace cairn::drills

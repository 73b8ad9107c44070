// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>

#include "cairn/mapping/drill_hooks.hpp"
#include "cairn/mapping/page.hpp"

namespace cairn {

/// Tells files apart whatever path they were reached by.
struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const FileId&, const FileId&) = default;
};

/// One open file and the only way to change its bytes: every write, allocation, cut, sync and every
/// store into a shared mapping of it goes through this class, where drills watch and break it.
///
/// Threads: safe to use from several at once; nothing here guards one caller's bytes from
/// another's.
class File {
 public:
  enum class Access { read_only, read_write };

  File() noexcept = default;
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  /// Opens an existing regular file without following a final symbolic link and without blocking.
  /// Throws errc::not_found, is_directory, not_a_regular_file, permission_denied, read_only or io.
  static File open(const std::string& path, Access access);
  /// Opens the file, creating it empty with exactly `permissions` where it is absent.
  static File open_or_create(const std::string& path, std::uint32_t permissions);
  /// A new file without a name in the directory of `path`; `link` gives it that name.
  static File create_unnamed(const std::string& path, std::uint32_t permissions);
  /// Gives an unnamed file its path. Returns false where that name is taken.
  bool link();
  /// Takes the file's name away, if `path()` still names it; whoever has it open keeps it.
  void unlink() const;

  void close() noexcept;
  bool is_open() const noexcept { return descriptor_ >= 0; }
  int descriptor() const noexcept { return descriptor_; }
  const std::string& path() const noexcept { return path_; }
  /// Found out once, when it was opened: a number is no other file's while this one is open.
  const FileId& id() const noexcept { return id_; }
  /// True while `path()` still names this file. Throws errc::io or permission_denied where nobody
  /// can tell.
  bool is_still_at_path() const;
  std::uint64_t size() const;
  /// Bytes that the file takes up on the disk.
  std::uint64_t disk_bytes() const;

  /// Reads up to `to.size()` bytes; returns how many there were. Throws errc::io.
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> to) const;
  /// Writes all of `from`. Throws errc::no_space, too_large or io.
  void write_at(std::uint64_t offset, std::span<const std::byte> from) const;
  /// Lets [offset, offset + bytes) of this file share its blocks with the same range of `from`, as
  /// file systems with reflinks can, so that nothing is copied until one of them changes. False
  /// where that cannot be: nothing has changed then. Throws errc::no_space or io.
  bool share_blocks(const File& from, std::uint64_t offset, std::uint64_t bytes) const;
  /// Copies [offset, offset + bytes) of `from` to the same place, within the kernel where it can,
  /// which shares blocks instead where it can do that.
  /// Throws errc::truncated where `from` ends before that, no_space, too_large or io.
  void copy_from(const File& from, std::uint64_t offset, std::uint64_t bytes) const;
  /// The same through this process, so that the files share nothing.
  void copy_by_reading(const File& from, std::uint64_t offset, std::uint64_t bytes) const;
  /// Begins to write a range to the disk, and waits until one is written, so that a long copy keeps
  /// only little in memory that `sync` has yet to write. Durable it becomes by `sync` alone.
  /// `finish_writing` throws errc::no_space or io; the bytes may be lost then.
  void begin_writing(std::uint64_t offset, std::uint64_t bytes) const noexcept;
  void finish_writing(std::uint64_t offset, std::uint64_t bytes) const;
  /// Extends the file from `old_bytes` to `new_bytes` with room on the disk behind every byte, so
  /// that a later store through a mapping cannot fault. Cut back and throws errc::no_space,
  /// too_large or io where that fails.
  void allocate(std::uint64_t old_bytes, std::uint64_t new_bytes) const;
  /// The two halves of `allocate`. The first only ever lengthens the file, so it does no harm to
  /// whoever else may be changing its length; returns an errno. The second does what has to follow
  /// a failure: writes zeros where that was all, else cuts the file back and throws.
  int try_allocate(std::uint64_t old_bytes, std::uint64_t new_bytes) const noexcept;
  void settle_allocation(int failure, std::uint64_t old_bytes, std::uint64_t new_bytes) const;
  /// As `allocate`, and writes zeros, so that overwriting costs no metadata later. `piece_bytes`
  /// are written at once, whole pages and 64 KiB at most: the kernel may keep them as one folio.
  /// The larger those are the less it costs to store into each page for the first time; but one
  /// store has the next sync write all of its folio.
  void allocate_zeroed(std::uint64_t old_bytes, std::uint64_t new_bytes,
                       std::size_t piece_bytes = page_bytes) const;
  /// Throws errc::io.
  void truncate(std::uint64_t bytes) const;
  /// Makes all bytes and the length durable. Throws errc::io; the bytes may be lost then, and a
  /// later success would prove nothing.
  void sync() const;
  /// The same where nothing may come between the failure and what its caller does about it: returns
  /// the errno, 0 where all is durable.
  int try_sync() const noexcept;
  /// The same for `bytes` from the page at `at` on, which is the place of `offset` in a shared
  /// mapping of this file, and nothing else: others may have much to be written.
  int try_sync_mapped(std::uint64_t offset, std::byte* at, std::size_t bytes) const noexcept;
  /// Makes the directory entry durable.
  void sync_directory() const;

  /// Stores `bytes` at `to`, the place of `offset` in a shared mapping of this file.
  void store_mapped(std::uint64_t offset, std::byte* to, const void* from,
                    std::size_t bytes) const {
    if constexpr (drills_enabled) {
      drill_store(offset, to, static_cast<const std::byte*>(from), bytes);
    } else {
      copy(to, static_cast<const std::byte*>(from), bytes);
    }
  }

 private:
  /// Takes the descriptor over, also where it throws.
  File(int descriptor, std::string path) noexcept
      : descriptor_(descriptor), path_(std::move(path)) {}
  /// Most copies are of one line or a few; for these a call to memcpy costs more than the copy.
  static void copy(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
    if (bytes % line_bytes != 0 || bytes > 8 * line_bytes) {
      std::memcpy(to, from, bytes);
      return;
    }
    for (const std::byte* const end = from + bytes; from != end;
         from += line_bytes, to += line_bytes) {
      std::memcpy(to, from, line_bytes);
    }
  }
  void drill_store(std::uint64_t offset, std::byte* to, const std::byte* from,
                   std::size_t bytes) const;
  void identify();
  void set_permissions(std::uint32_t permissions) const;
  void write_zeros(std::uint64_t begin, std::uint64_t end, std::size_t piece_bytes) const;
  void write_in_pieces(std::uint64_t offset, std::span<const std::byte> from,
                       std::size_t piece_bytes) const;
  std::uint64_t copy_in_kernel(const File& from, std::uint64_t offset, std::uint64_t bytes) const;

  int descriptor_ = -1;
  FileId id_;
  std::string path_;
};

/// Throws the Error that fits `system_errno`, saying what was being attempted.
[[noreturn]] void throw_system_error(int system_errno, const std::string& path,
                                     const std::string& attempted);

}  // namespace cairn

template <>
struct std::hash<cairn::FileId> {
  std::size_t operator()(const cairn::FileId& id) const noexcept {
    return std::hash<std::uint64_t>{}(id.device * 0x9E3779B97F4A7C15ULL ^ id.inode);
  }
};

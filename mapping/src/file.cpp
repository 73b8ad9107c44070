// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/file.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "cairn/error.hpp"
#include "directory_name.hpp"
#include "file_status.hpp"
#include "system_call.hpp"

namespace cairn {
namespace {

std::string range_text(std::uint64_t offset, std::uint64_t bytes) {
  return std::to_string(bytes) + " bytes at offset " + std::to_string(offset);
}

/// What says that the system has no such way between these two files, and not that it failed.
bool is_no_such_way(int system_errno) noexcept {
  switch (system_errno) {
    case EOPNOTSUPP:
    case ENOTTY:
    case ENOSYS:
    case EXDEV:
    case EINVAL:
    case ETXTBSY:
    // A sandbox that knows not the call refuses it so.
    case EPERM:
    case EACCES: return true;
    default: return false;
  }
}

}  // namespace

void throw_system_error(int system_errno, const std::string& path, const std::string& attempted) {
  errc code = errc::io;
  switch (system_errno) {
    case ENOENT: code = errc::not_found; break;
    case EISDIR: code = errc::is_directory; break;
    case EACCES:
    case EPERM: code = errc::permission_denied; break;
    case EROFS: code = errc::read_only; break;
    case ENOSPC:
    case EDQUOT: code = errc::no_space; break;
    case EFBIG: code = errc::too_large; break;
    case ELOOP:
      throw Error(errc::not_a_regular_file, path,
                  attempted + ": symbolic links are not followed, name the file that it leads to",
                  system_errno);
    case ENXIO: code = errc::not_a_regular_file; break;
    default: break;
  }
  throw Error(code, path, attempted, system_errno);
}

File::File(File&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      id_(other.id_),
      path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = std::exchange(other.descriptor_, -1);
    id_ = other.id_;
    path_ = std::move(other.path_);
  }
  return *this;
}

File::~File() {
  close();
}

void File::close() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

// In these the path is copied first: once there is a descriptor, nothing may fail that would not
// close it.
File File::open(const std::string& path, Access access) {
  // O_NONBLOCK: opening a FIFO for reading would wait for a writer for ever.
  const int flags = (access == Access::read_write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW |
                    O_NONBLOCK | O_NOCTTY;
  File file(-1, path);
  file.descriptor_ = uninterrupted([&] { return ::open(path.c_str(), flags); });
  if (!file.is_open()) throw_system_error(errno, path, "open");
  file.identify();
  return file;
}

File File::open_or_create(const std::string& path, std::uint32_t permissions) {
  const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  File file(-1, path);
  file.descriptor_ = uninterrupted(
      [&] { return ::open(path.c_str(), flags | O_CREAT | O_EXCL, mode_t{permissions}); });
  if (file.is_open()) {
    file.set_permissions(permissions);
    file.identify();
    return file;
  }
  if (errno != EEXIST) throw_system_error(errno, path, "create");
  return open(path, Access::read_write);
}

File File::create_unnamed(const std::string& path, std::uint32_t permissions) {
  const std::string directory = directory_of(path);
  File file(-1, path);
  file.descriptor_ = uninterrupted([&] {
    return ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, mode_t{permissions});
  });
  if (!file.is_open()) throw_system_error(errno, path, "create a file in " + directory);
  file.set_permissions(permissions);
  file.identify();
  return file;
}

/// Finds out which file it is. Throws where that is no regular one.
void File::identify() {
  const FileStatus status(descriptor_, STATX_TYPE | STATX_INO);
  if (status.failed()) throw_system_error(errno, path_, "statx");
  if (status.is_directory()) throw Error(errc::is_directory, path_, "name a file in it");
  if (!status.is_regular()) {
    throw Error(errc::not_a_regular_file, path_, "a FIFO, socket or device cannot hold a store");
  }
  id_ = status.id();
}

/// The umask must neither open nor lock the file up.
void File::set_permissions(std::uint32_t permissions) const {
  if (::fchmod(descriptor_, mode_t{permissions}) != 0) throw_system_error(errno, path_, "fchmod");
}

bool File::link() {
  if (const int failure = observed(drill::IoKind::link, descriptor_, 0, 0); failure != 0) {
    throw_system_error(failure, path_, "link");
  }
  const std::string unnamed = "/proc/self/fd/" + std::to_string(descriptor_);
  if (::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, path_.c_str(), AT_SYMLINK_FOLLOW) == 0) {
    return true;
  }
  if (errno == EEXIST) return false;
  throw_system_error(errno, path_, "link");
}

void File::unlink() const {
  if (!is_still_at_path()) return;
  int failure = observed(drill::IoKind::unlink, descriptor_, 0, 0);
  if (failure == 0 && ::unlink(path_.c_str()) != 0 && errno != ENOENT) failure = errno;
  if (failure != 0) throw_system_error(failure, path_, "remove");
}

bool File::is_still_at_path() const {
  const FileStatus status(AT_FDCWD, path_.c_str(), STATX_INO);
  if (!status.failed()) return status.id() == id();
  // Anything else says nothing about the name, and who was told that it is another would look
  // again and again.
  if (errno == ENOENT || errno == ENOTDIR) return false;
  throw_system_error(errno, path_, "statx");
}

std::uint64_t File::size() const {
  const FileStatus status(descriptor_, STATX_SIZE);
  if (status.failed()) throw_system_error(errno, path_, "statx");
  return status.size();
}

std::uint64_t File::disk_bytes() const {
  const FileStatus status(descriptor_, STATX_BLOCKS);
  if (status.failed()) throw_system_error(errno, path_, "statx");
  return status.disk_bytes();
}

std::size_t File::read_at(std::uint64_t offset, std::span<std::byte> to) const {
  std::size_t done = 0;
  while (done < to.size()) {
    const ssize_t got = uninterrupted([&] {
      return ::pread(descriptor_, to.data() + done, to.size() - done,
                     static_cast<off_t>(offset + done));
    });
    if (got < 0) {
      throw_system_error(errno, path_,
                         "read " + std::to_string(to.size()) + " bytes at offset " +
                             std::to_string(offset));
    }
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

void File::write_at(std::uint64_t offset, std::span<const std::byte> from) const {
  write_in_pieces(offset, from, SIZE_MAX);
}

void File::write_in_pieces(std::uint64_t offset, std::span<const std::byte> from,
                           std::size_t piece_bytes) const {
  int failure = observed(drill::IoKind::write, descriptor_, offset, from.size(), from.data());
  if (failure == 0) failure = refusal_to_reach(offset + from.size());
  std::size_t done = 0;
  while (failure == 0 && done < from.size()) {
    const ssize_t put = uninterrupted([&] {
      const std::size_t bytes =
          std::min(piece_bytes - (offset + done) % piece_bytes, from.size() - done);
      return ::pwrite(descriptor_, from.data() + done, bytes, static_cast<off_t>(offset + done));
    });
    if (put < 0) failure = errno;
    // None of those that are let in does, but who asks for bytes and gets none would ask for ever.
    if (put == 0) failure = EIO;
    if (put > 0) done += static_cast<std::size_t>(put);
  }
  if (failure == 0) return;
  throw_system_error(failure, path_,
                     "write " + std::to_string(from.size()) + " bytes at offset " +
                         std::to_string(offset));
}

bool File::share_blocks(const File& from, std::uint64_t offset, std::uint64_t bytes) const {
  int failure = observed(drill::IoKind::clone, descriptor_, offset, bytes);
  if (failure == 0) failure = refusal_to_reach(offset + bytes);
  const file_clone_range range{from.descriptor_, offset, bytes, offset};
  if (failure == 0 && uninterrupted([&] { return ::ioctl(descriptor_, FICLONERANGE, &range); })) {
    failure = errno;
  }
  if (failure == 0) return true;
  if (is_no_such_way(failure)) return false;
  throw_system_error(failure, path_, "share " + range_text(offset, bytes) + " with " + from.path_);
}

void File::copy_from(const File& from, std::uint64_t offset, std::uint64_t bytes) const {
  while (bytes != 0) {
    const std::uint64_t copied = copy_in_kernel(from, offset, bytes);
    if (copied == 0) {
      copy_by_reading(from, offset, bytes);
      return;
    }
    offset += copied;
    bytes -= copied;
  }
}

/// Returns how many bytes it copied: 0 where the kernel cannot, or `from` ends here.
std::uint64_t File::copy_in_kernel(const File& from, std::uint64_t offset,
                                   std::uint64_t bytes) const {
  auto read_at = static_cast<off_t>(offset);
  auto write_at = static_cast<off_t>(offset);
  int failure = observed(drill::IoKind::copy, descriptor_, offset, bytes);
  if (failure == 0) failure = refusal_to_reach(offset + bytes);
  ssize_t copied = 0;
  if (failure == 0) {
    copied = uninterrupted([&] {
      return ::copy_file_range(from.descriptor_, &read_at, descriptor_, &write_at, bytes, 0);
    });
    if (copied < 0) failure = errno;
  }
  if (failure == 0) return static_cast<std::uint64_t>(copied);
  if (is_no_such_way(failure)) return 0;
  throw_system_error(failure, path_, "copy " + range_text(offset, bytes) + " from " + from.path_);
}

void File::copy_by_reading(const File& from, std::uint64_t offset, std::uint64_t bytes) const {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(bytes, 1 << 20));
  while (bytes != 0) {
    const auto piece = std::span(buffer).first(std::min<std::uint64_t>(bytes, buffer.size()));
    if (const std::size_t got = from.read_at(offset, piece); got != piece.size()) {
      throw Error(errc::truncated, from.path_,
                  "it ends at byte " + std::to_string(offset + got) + ", " +
                      range_text(offset, bytes) + " were to be copied");
    }
    write_at(offset, piece);
    offset += piece.size();
    bytes -= piece.size();
  }
}

void File::begin_writing(std::uint64_t offset, std::uint64_t bytes) const noexcept {
  // What fails here fails again where it is waited for.
  ::sync_file_range(descriptor_, static_cast<off64_t>(offset), static_cast<off64_t>(bytes),
                    SYNC_FILE_RANGE_WRITE);
}

void File::finish_writing(std::uint64_t offset, std::uint64_t bytes) const {
  int failure = observed(drill::IoKind::write_back, descriptor_, offset, bytes);
  const unsigned all =
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  if (failure == 0 && uninterrupted([&] {
                        return ::sync_file_range(descriptor_, static_cast<off64_t>(offset),
                                                 static_cast<off64_t>(bytes), all);
                      }) != 0) {
    failure = errno;
  }
  // Where there is no such call, `sync` does it all.
  if (failure == 0 || is_no_such_way(failure)) return;
  throw_system_error(failure, path_, "write " + range_text(offset, bytes) + " back");
}

int File::try_sync() const noexcept {
  const int failure = observed(drill::IoKind::sync, descriptor_, 0, 0);
  if (failure != 0) return failure == drill::pretend_done ? 0 : failure;
  return uninterrupted([&] { return ::fdatasync(descriptor_); }) == 0 ? 0 : errno;
}

int File::try_sync_mapped(std::uint64_t offset, std::byte* at, std::size_t bytes) const noexcept {
  const int failure = observed(drill::IoKind::sync, descriptor_, offset, bytes);
  if (failure != 0) return failure == drill::pretend_done ? 0 : failure;
  return uninterrupted([&] { return ::msync(at, bytes, MS_SYNC); }) == 0 ? 0 : errno;
}

void File::sync() const {
  if (const int failure = try_sync(); failure != 0) {
    throw Error(errc::io, path_, "a sync failed; what was not yet durable may be lost", failure);
  }
}

void File::sync_directory() const {
  const std::string directory = directory_of(path_);
  const int descriptor =
      uninterrupted([&] { return ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (descriptor < 0) throw_system_error(errno, directory, "open the directory to sync it");
  int failure = observed(drill::IoKind::sync_directory, descriptor, 0, 0);
  if (failure == 0 && uninterrupted([&] { return ::fsync(descriptor); }) != 0) failure = errno;
  ::close(descriptor);
  if (failure == drill::pretend_done) return;
  if (failure != 0) throw_system_error(failure, directory, "sync the directory");
}

void File::drill_store(std::uint64_t offset, std::byte* to, const std::byte* from,
                       std::size_t bytes) const {
  observed(drill::IoKind::store, descriptor_, offset, bytes, from);
  // A kill may stop a copy anywhere; a cut at each disk sector stands for all of them.
  constexpr std::size_t sector_bytes = 512;
  for (std::size_t done = 0; done < bytes;) {
    const std::size_t piece = std::min(bytes - done, sector_bytes - (offset + done) % sector_bytes);
    std::memcpy(to + done, from + done, piece);
    done += piece;
    if (done < bytes) crash_point("store.inside");
  }
}

}  // namespace cairn

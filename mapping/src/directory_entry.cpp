// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/directory_entry.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "cairn/error.hpp"
#include "directory_name.hpp"
#include "file_status.hpp"
#include "system_call.hpp"

namespace cairn {
namespace {

int open_directory_of(const std::string& path) {
  const std::string directory = directory_of(path);
  const int descriptor =
      uninterrupted([&] { return ::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC); });
  if (descriptor < 0) throw_system_error(errno, directory, "open the directory");
  return descriptor;
}

}  // namespace

DirectoryEntry::DirectoryEntry(const std::string& path)
    : path_(path),
      name_(path.substr(path.rfind('/') + 1)),
      directory_(open_directory_of(path)),
      owns_directory_(true) {}

DirectoryEntry::DirectoryEntry(const DirectoryEntry& other, const std::string& suffix)
    : path_(other.path_ + suffix),
      name_(other.name_ + suffix),
      directory_(other.directory_),
      owns_directory_(false) {}

DirectoryEntry::~DirectoryEntry() {
  if (owns_directory_) ::close(directory_);
}

bool DirectoryEntry::names(const FileId& file) const noexcept {
  const FileStatus status(directory_, name_.c_str(), STATX_INO);
  // Anything else says nothing about the name.
  if (status.failed()) return errno != ENOENT && errno != ENOTDIR;
  return status.id() == file;
}

}  // namespace cairn

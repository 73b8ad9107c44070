// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/directory_entry.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "cairn/error.hpp"

namespace cairn {
namespace {

int open_directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int descriptor = ::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) throw_system_error(errno, directory, "open the directory");
  return descriptor;
}

}  // namespace

DirectoryEntry::DirectoryEntry(const std::string& path)
    : path_(path), name_(path.substr(path.rfind('/') + 1)), directory_(open_directory_of(path)) {}

DirectoryEntry::~DirectoryEntry() {
  ::close(directory_);
}

bool DirectoryEntry::names(const FileId& file) const noexcept {
  struct stat status {};
  if (::fstatat(directory_, name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    // Anything else says nothing about the name.
    return errno != ENOENT && errno != ENOTDIR;
  }
  return FileId{status.st_dev, status.st_ino} == file;
}

}  // namespace cairn

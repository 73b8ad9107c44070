// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>

#include "cairn/mapping/file.hpp"

namespace cairn {

/// A name in a directory that stays the one it was, whatever becomes of the working directory, the
/// root directory or the names above: for asking again and again what it names.
class DirectoryEntry {
 public:
  /// Throws the errors of File where the directory cannot be reached.
  explicit DirectoryEntry(const std::string& path);
  /// The name that `other` has, followed by `suffix`, in the same directory. `other` has to outlive
  /// it.
  DirectoryEntry(const DirectoryEntry& other, const std::string& suffix);
  DirectoryEntry(const DirectoryEntry&) = delete;
  DirectoryEntry& operator=(const DirectoryEntry&) = delete;
  ~DirectoryEntry();

  /// False where there is no such name any more or it is another file's. One system call.
  bool names(const FileId& file) const noexcept;
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  std::string name_;
  int directory_;
  bool owns_directory_;
};

}  // namespace cairn

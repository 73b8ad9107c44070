// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>

#include "cairn/mapping/file.hpp"

namespace cairn {

/// What one can go by of a file system.
enum class FileSystemKind : std::uint8_t {
  local,      ///< this machine's, or of a type that is not known here: a sync reaches its disk
  in_memory,  ///< this machine's memory: nothing outlives a restart, whatever is synced
  served,     ///< a program's (FUSE): it alone knows what a sync does
  remote,     ///< other machines, or the host of this one, change its files too: neither locks nor
              ///< mappings need be the same for all who use them
};

/// A file system by its type, as statfs(2) tells it.
///
/// Overlays are local: what is written goes to a file of the upper file system, which this does not
/// see. So an upper one in memory, or an overlay mounted as `volatile`, is taken for a disk.
struct FileSystem {
  FileSystemKind kind = FileSystemKind::local;
  const char* name = "a local file system";

  /// The one whose `f_type` that is.
  static FileSystem of_type(std::uint32_t type) noexcept;
  /// The one that an open file lies on. Throws errc::io where the system does not tell.
  static FileSystem of(const File& file);
  /// The one that a new file at `path` would lie on. A local one where the system does not tell:
  /// creating the file says why.
  static FileSystem around(const std::string& path);
};

}  // namespace cairn

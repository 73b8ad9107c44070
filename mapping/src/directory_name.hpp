// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>

namespace cairn {

/// Of the directory that the file at `path` stands in.
inline std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace cairn

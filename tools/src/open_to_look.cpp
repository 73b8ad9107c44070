// SPDX-License-Identifier: BSL-1.0
#include "open_to_look.hpp"

namespace cairn::tool {

Store open_to_look(const std::string& path, const std::string& label) {
  Options how;
  how.label = label;
  // Whoever made the store there knows what its file system cannot keep, and a copy of a store may
  // lie anywhere.
  how.any_file_system = true;
  try {
    return Store::open_existing(path, how);
  } catch (const Error& error) {
    if (!(error == errc::permission_denied) && !(error == errc::read_only) &&
        !(error == errc::timeout)) {
      throw;
    }
  }
  return Store::open_read_only(path, how);
}

}  // namespace cairn::tool

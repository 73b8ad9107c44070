// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <filesystem>
#include <string>

namespace cairn::drills {

/// A directory of a drill's own that goes away with the object.
class Scratch {
 public:
  /// In `parent`, or where that is empty in shared memory if there is room, else where temporary
  /// files belong: a kill does not care whether a disk lies under the page cache.
  explicit Scratch(const std::string& parent);
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();

  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// Makes the store at `to`, data file and log, a copy of the one at `from`; both names are taken
/// away first, so that no process that still has the old files open sees the new ones.
void copy_store(const std::string& from, const std::string& to);
void remove_store(const std::string& path);

/// What lock, log and process table of a store say, for a message. Reads the file without taking
/// part, since taking part may be what hangs.
std::string who_holds_what(const std::string& path);

/// Makes the live words of a store look as after a reboot: of another boot, and meaningless.
void scramble_live_words(const std::string& path);

}  // namespace cairn::drills

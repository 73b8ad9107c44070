// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <stdexcept>
#include <string>

namespace cairn::drills {

/// What this machine does not let a drill do, by its message. No fault of the store.
class Unavailable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws Unavailable: `attempted` and what errno says.
[[noreturn]] void throw_unavailable(const std::string& attempted);

/// A mount namespace of this process and its later children. What is mounted in it is seen by
/// nobody else and is gone with the last of them, even where that was killed.
class PrivateMounts {
 public:
  /// Throws: Unavailable where that takes more rights.
  PrivateMounts();
  PrivateMounts(const PrivateMounts&) = delete;
  PrivateMounts& operator=(const PrivateMounts&) = delete;
  ~PrivateMounts();

 private:
  int before_;
};

/// Has the kernel tell another boot id, so that processes that are started from then on take
/// themselves for those of another boot. No file of a store is touched for it.
///
/// Requires: PrivateMounts; the process itself has not asked for its boot id and does not.
class OtherBoots {
 public:
  /// Keeps the id that is told in a file of this name.
  explicit OtherBoots(std::string file);
  OtherBoots(const OtherBoots&) = delete;
  OtherBoots& operator=(const OtherBoots&) = delete;
  ~OtherBoots();

  void begin_next();

 private:
  std::string file_;
};

}  // namespace cairn::drills

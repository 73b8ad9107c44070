// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sched.h>
#include <sys/mount.h>

namespace cairn::test {

/// Gives this process mounts of its own, which nobody else sees and which go with it. False where
/// it may not.
inline bool begin_own_mounts() {
  return ::unshare(CLONE_NEWNS) == 0 &&
         ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "cairn/mapping/drill_hooks.hpp"

namespace cairn {

/// Repeats a system call that a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

/// Announces an operation on a file. Returns the errno that it is to fail with, 0 where it may
/// happen.
inline int observed(drill::IoKind kind, int descriptor, std::uint64_t offset, std::uint64_t bytes,
                    const std::byte* data = nullptr) noexcept {
  if constexpr (!drills_enabled) return 0;
  return drill::observe({kind, descriptor, offset, data, bytes});
}

/// The errno of a file that may not be so long (RLIMIT_FSIZE), 0 where it may. The system says so
/// as well, but by a signal that ends the process before anybody could be told.
int refusal_to_reach(std::uint64_t end) noexcept;

}  // namespace cairn

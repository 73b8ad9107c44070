// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace cairn {

/// Fences on behalf of other threads: `fence_all_threads` has the effect of a full fence in every
/// running thread of every process that has registered, so that those threads can leave theirs out.
/// Source of the method: membarrier(2), Linux 4.16, MEMBARRIER_CMD_GLOBAL_EXPEDITED.
///
/// Threads: any.
bool can_fence_all_threads() noexcept;
/// Lets `fence_all_threads` of other processes reach this one. False where the system refuses.
bool register_for_fences() noexcept;
/// Complexity: a system call, and an interrupt of each processor that runs a registered process.
/// Requires: can_fence_all_threads(). False where the system refuses it all the same, as by a
/// filter of system calls that was installed since.
[[nodiscard]] bool fence_all_threads() noexcept;

}  // namespace cairn

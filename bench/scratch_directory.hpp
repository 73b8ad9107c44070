// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <filesystem>
#include <functional>

namespace cairn::bench {

/// Makes a new directory under `parent`, runs `work` on it in a child process, removes the
/// directory with everything in it, and returns the exit status: that of `work`, or 128 plus the
/// number of the signal that ended either process.
///
/// The files go away however the work ends: by return, crash, SIGINT, SIGTERM or SIGHUP. And the
/// work has a process to itself with a single thread, which the peers on the heap profit from:
/// glibc's malloc leaves out its locks there.
///
/// Throws: std::system_error where there can be no directory or no child.
int run_in_scratch_directory(const std::filesystem::path& parent,
                             const std::function<int(const std::filesystem::path&)>& work);

/// Where the running program lies: its directory is on the build tree's file system.
std::filesystem::path program_path();

}  // namespace cairn::bench

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace cairn {

/// Names one run of the kernel: words in shared memory mean nothing in any other.
using BootId = std::array<std::byte, 16>;

/// The running kernel's. Throws errc::io where the system does not tell (no /proc).
const BootId& current_boot_id();

/// Nanoseconds that the system has been awake since boot, to within a few milliseconds. No clock
/// adjustment touches it, it is the same in every process, and reading it costs a few nanoseconds.
std::uint64_t uptime_ns() noexcept;

/// Fills a buffer with random bytes from the kernel.
std::array<std::byte, 16> random_id();

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace cairn {

/// Sleeps until `word` is woken, no longer holds `expected`, a signal comes or `timeout` passes.
/// Works between processes that map the word shared. Callers look at the word again either way.
void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                std::chrono::nanoseconds timeout) noexcept;

/// Wakes up to `count` sleepers on `word`.
void futex_wake(const std::atomic<std::uint32_t>& word, int count) noexcept;

/// The half of a 64-bit word that changes with every small step of it, to sleep on.
inline const std::atomic<std::uint32_t>& low_half(const std::atomic<std::uint64_t>& word) noexcept {
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  return *reinterpret_cast<const std::atomic<std::uint32_t>*>(&word);
}

}  // namespace cairn

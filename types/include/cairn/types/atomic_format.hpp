// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace cairn {

/// What an `Atomic<T>` stores in place: a line of its own, so that whatever else is marked, logged
/// and published leaves it alone.
///
///      0           8           16          20          24              64
///      | value     | magic u64 | turn  u32 | awaited   | zero [40]     |
///
/// value:    the T in the first sizeof(T) bytes, zeros behind it.
/// turn:     raised by every notification that finds `awaited` set; the word that waiters sleep on.
/// awaited:  somebody may be asleep, or was when he died.
///
/// The first three fields change in the shared image at any time, under whoever looks at it. The
/// rest is written when the Atomic is made and never again.
struct AtomicFormat {
  std::uint64_t value;
  std::uint64_t magic;
  std::uint32_t turn;
  std::uint32_t awaited;
  std::uint8_t reserved[40];
};

/// "cnatomic": tells people, `check` and `verify_writes` what the line is. That a line carries it
/// by chance costs a commit a line of log, or a wait for older sections, and nothing else.
inline constexpr std::uint64_t atomic_magic = 0x63696D6F74616E63ULL;
inline constexpr std::uint64_t atomic_value_bytes_max = 8;

/// Whether the line holds an Atomic, or what is left of one.
inline bool is_atomic_line(const std::byte* line) noexcept {
  std::uint64_t magic = 0;
  std::memcpy(&magic, line + offsetof(AtomicFormat, magic), sizeof magic);
  return magic == atomic_magic;
}

static_assert(sizeof(AtomicFormat) == 64, "a line");
static_assert(offsetof(AtomicFormat, value) == 0 && offsetof(AtomicFormat, magic) == 8 &&
              offsetof(AtomicFormat, turn) == 16 && offsetof(AtomicFormat, awaited) == 20 &&
              offsetof(AtomicFormat, reserved) == 24);
static_assert(std::is_trivially_copyable_v<AtomicFormat> &&
              std::has_unique_object_representations_v<AtomicFormat>);

}  // namespace cairn

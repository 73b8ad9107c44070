// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace cairn::drills {

/// What the library asks the system for that can be refused: each system call that may fail, and
/// `operator new`. The linker leads every call of this program through here (`--wrap`), so the
/// library is the one that its users link, with the loops that it has around its calls.
enum class Call : std::uint8_t {
  allocate_memory,  ///< operator new
  map,              ///< mmap
  protect,          ///< mprotect
  advise,           ///< madvise
  open,
  read,            ///< pread
  write,           ///< pwrite
  preallocate,     ///< fallocate
  truncate,        ///< ftruncate
  sync,            ///< fdatasync
  sync_directory,  ///< fsync
  link,            ///< linkat
  unlink,
  look,          ///< statx
  sync_page,     ///< msync
  set_mode,      ///< fchmod
  lock,          ///< fcntl, where it takes a lock
  copy,          ///< copy_file_range
  write_back,    ///< sync_file_range
  start_thread,  ///< pthread_create
};
inline constexpr std::size_t call_count = static_cast<std::size_t>(Call::start_thread) + 1;

std::string_view name_of(Call call) noexcept;
/// Whether it makes durable what stands in a file of the store.
constexpr bool is_sync(Call call) noexcept {
  return call == Call::sync || call == Call::sync_page;
}

/// How a call fails.
struct CallFault {
  Call call;
  int system_errno;  ///< memory: std::bad_alloc, whatever stands here
  /// Half of a write or an allocation is done before it fails.
  bool half_done = false;
  /// From the first failure on there is no memory either, not even to tell of it.
  bool starves = false;
  friend bool operator==(const CallFault&, const CallFault&) = default;
};

/// A call that this thread has made.
struct SeenCall {
  Call call;
  /// A hash of the functions that led there, the same for the same way in this process and its
  /// children.
  std::uint64_t way;
};

/// From here on the calls by this thread are noted down.
void watch_calls() noexcept;
/// Those that were, the first of them first, until other calls are watched.
std::span<const SeenCall> watched_calls() noexcept;

/// From here on the `at`-th call by this thread of that kind fails, and all that follow where that
/// is `for_good`.
void fail_calls(const CallFault& fault, std::uint64_t at, bool for_good) noexcept;

/// What happens to every call by this thread that may be broken off.
struct Disturbance {
  /// How often a signal interrupts it before it gets through.
  int interruptions = 0;
  /// Most bytes that one read, write or copy moves; 0: as many as it is asked for.
  std::size_t most_bytes = 0;
};
void disturb_calls(const Disturbance& how) noexcept;

/// All calls get through again. Returns how many failed, or were disturbed, since one of the above.
std::uint64_t let_calls_pass() noexcept;

/// Blocks that operator new has given out in this process and that live.
std::int64_t live_blocks() noexcept;

}  // namespace cairn::drills

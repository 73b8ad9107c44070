// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

namespace cairn::drills {

/// What a child that may be killed at any moment tells its parent. It lies in memory that both
/// share, so whatever the child stored before it died is there.
struct Board {
  static constexpr std::size_t trace_capacity = 1 << 16;

  // what the child is at
  std::atomic<std::uint64_t> acknowledged;    ///< transactions whose commit has returned
  std::atomic<std::uint32_t> deferred;        ///< of these, without having waited for a sync
  std::atomic<std::uint32_t> in_transaction;  ///< 1 while one more is on its way
  std::atomic<std::uint32_t> tail_stored;     ///< 1 once that one has passed its commit point
  std::atomic<std::uint32_t> held_back;       ///< acknowledged ones that a section holds back
  std::atomic<std::uint32_t> releasing;       ///< 1 while these are being published
  std::atomic<std::uint64_t> progress;        ///< raised now and then by a child that is alive

  // signals between processes that run together
  std::atomic<std::uint32_t> opened;
  std::atomic<std::uint32_t> holding;
  std::atomic<std::uint32_t> waiting;
  std::atomic<std::uint32_t> told;         ///< how often by an error, whom it waits for
  std::atomic<std::uint32_t> at_the_door;  ///< about to die, once others wait for it
  std::atomic<std::uint32_t> finish;

  // points that were passed
  std::atomic<std::uint64_t> points;
  std::atomic<std::uint64_t> own_points;           ///< of these, whoever else goes on meanwhile
  std::array<std::uint8_t, trace_capacity> trace;  ///< ids of the points, the first ones
  std::atomic<std::uint32_t> died_at;              ///< id of the point + 1, 0: at none
  std::atomic<std::int64_t> died_ns;               ///< when, by the steady clock
  std::atomic<std::int64_t> served_ns;             ///< when it had the lock that it waited for

  // outcomes
  std::atomic<std::uint64_t> steps;  ///< transactions that a verifier found in the store
  std::array<char, 1024> failure;

  void fail(std::string_view text) noexcept {
    const std::size_t length = std::min(text.size(), failure.size() - 1);
    std::memcpy(failure.data(), text.data(), length);
    failure[length] = '\0';
  }
  std::string failure_text() const { return failure.data(); }
};

inline std::int64_t steady_ns() noexcept {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

/// `T` in anonymous memory that forked children share with their parent, zeroed.
template <class T>
class Shared {
 public:
  Shared() {
    void* const at =
        ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw std::runtime_error("no memory to share with child processes");
    object_ = static_cast<T*>(at);
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { ::munmap(object_, sizeof(T)); }

  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }
  /// Back to zeros; only where no child uses it.
  void clear() noexcept { std::memset(static_cast<void*>(object_), 0, sizeof(T)); }

 private:
  T* object_;
};

}  // namespace cairn::drills

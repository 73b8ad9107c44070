// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "board.hpp"
#include "soak_history.hpp"

namespace cairn::drills {

inline constexpr std::uint32_t most_members = 8;
inline constexpr std::uint32_t most_threads_of_member = most_threads / most_members;

/// What a thread of the soak is at, for whoever finds that it stands still.
enum class Stage : std::uint32_t {
  outside,
  opening,
  waiting,
  body,
  committing,
  resizing,
  checkpointing,
  entering,
  reading,
  fencing,
  checking,
  awaiting,
  full,
};

const char* to_string(Stage stage) noexcept;

/// Entries that one thread appends and that stand whenever it is killed.
template <class T, std::size_t Capacity>
class Notes {
 public:
  bool is_full() const noexcept { return size() == Capacity; }
  bool is_nearly_full() const noexcept { return size() > Capacity / 4 * 3; }
  /// Requires: not full.
  void push(const T& entry) noexcept {
    const std::size_t size = size_.load(std::memory_order_relaxed);
    entries_[size] = entry;
    // Release: who counts the entry finds it whole.
    size_.store(size + 1, std::memory_order_release);
  }
  std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }
  const T* begin() const noexcept { return entries_.data(); }
  const T* end() const noexcept { return entries_.data() + size(); }
  void clear() noexcept { size_.store(0, std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> size_;
  std::array<T, Capacity> entries_;
};

/// One thread of one process, in all its lives.
struct SoakThread {
  std::atomic<Stage> stage;
  std::atomic<std::uint64_t> progress;
  std::atomic<std::uint64_t> begun;  ///< counter of its last transaction in this life
  /// Of the write lock, plus 1, as its body began; 0 outside of bodies.
  std::atomic<std::uint64_t> body_epoch;
  std::atomic<std::uint32_t> was_mixed;  ///< a body of this life that may have seen two states
  std::atomic<std::uint32_t> lost_body;  ///< its process crashed after that
  std::atomic<std::uint64_t> strokes_begun;
  std::atomic<std::uint64_t> strokes_done;
  Notes<Attempt, 1 << 14> attempts;
  Notes<Observation, 1 << 13> observations;
};

/// What is counted only to be shown.
struct SoakFigures {
  using Count = std::atomic<std::uint64_t>;
  Count acknowledged, rolled_back, fenced, refused;
  Count fences, fences_in_vain, went_on, mixed_bodies, lost_bodies;
  Count timeouts, no_space, too_large, kept_atomics, unseen, needs_recovery;
  Count resizes_begun, resizes, checkpoints;
  Count sections, slow_sections, read_only_sections, changes_awaited;
  Count checks, takeovers;
  Count longest_takeover_ns;
};

/// What the processes of the soak share, apart from the store.
struct SoakBoard {
  std::atomic<std::uint64_t> newest;  ///< number of the newest deed acknowledged to anybody
  std::atomic<std::uint32_t> finish;  ///< 1: end by yourselves
  std::atomic<std::uint32_t>
      fence_wanted;  ///< 1: whoever sees it first fences the write lock's owner
  SoakFigures figures;
  std::array<SoakThread, most_threads> threads;
  std::array<Board, most_members + 1> boards;
};

/// Raises `word` to `value` where it is lower.
inline void raise(std::atomic<std::uint64_t>& word, std::uint64_t value) noexcept {
  std::uint64_t seen = word.load(std::memory_order_relaxed);
  while (seen < value && !word.compare_exchange_weak(seen, value, std::memory_order_release,
                                                     std::memory_order_relaxed)) {
  }
}

}  // namespace cairn::drills

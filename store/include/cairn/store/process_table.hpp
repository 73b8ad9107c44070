// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cairn/mapping/file.hpp"
#include "cairn/recovery/header_format.hpp"
#include "cairn/reports.hpp"

namespace cairn {

/// A lock on one byte of a file that the kernel drops when its holder dies, however that happens.
/// It belongs to the open file, so it tells processes apart in any pid namespace.
class ByteLock {
 public:
  ByteLock() noexcept = default;
  ByteLock(ByteLock&& other) noexcept;
  ByteLock& operator=(ByteLock&& other) noexcept;
  ~ByteLock();

  /// Shared locks exclude exclusive ones, not each other, and need no permission to write.
  enum class Kind : std::uint8_t { exclusive, shared };

  /// Takes the byte if nobody else holds it; the result is empty otherwise.
  static ByteLock try_acquire(const File& file, std::uint64_t offset, Kind kind = Kind::exclusive);
  /// Who holds a byte, for messages; empty where that is not known. The kernel does not tell: these
  /// locks are of no process.
  using Holder = std::function<std::string()>;
  /// Waits for the byte. Throws errc::timeout, saying that its holder is `purpose`, or, where its
  /// lock is a shared one, that it is a reader.
  static ByteLock acquire(const File& file, std::uint64_t offset, std::chrono::milliseconds timeout,
                          const std::string& purpose, Kind kind = Kind::exclusive,
                          const Holder& holder = {});
  /// True while some other open file holds one of the bytes.
  static bool is_held_elsewhere(const File& file, std::uint64_t offset, std::uint64_t bytes = 1);

  explicit operator bool() const noexcept { return descriptor_ >= 0; }
  /// Forgets the lock without giving it back: in a forked child it is still the parent's.
  void abandon() noexcept { descriptor_ = -1; }

 private:
  ByteLock(int descriptor, std::uint64_t offset) noexcept
      : descriptor_(descriptor), offset_(offset) {}

  int descriptor_ = -1;
  std::uint64_t offset_ = 0;
};

/// True where the thread of `lane` is in a section: not where it only keeps the lane for the next.
bool is_section(const ReaderLane& lane) noexcept;
/// For how long publishers have waited for the section in `lane`, at `now_ns`; nothing where none
/// has met it.
std::optional<std::chrono::nanoseconds> awaited_for(const ReaderLane& lane,
                                                    std::uint64_t now_ns) noexcept;

/// The 64 slots of attached processes. Being alive means holding the lock on one's slot; heartbeats
/// only tell progress.
///
/// Threads: claim and release by the opener; everything else by any.
class ProcessTable {
 public:
  ProcessTable(const File& file, ProcessSlot* slots) noexcept : file_(file), slots_(slots) {}

  /// Takes a free slot; one that `avoid` names only where there is no other, since the dead process
  /// it belonged to is still referred to. Throws errc::too_many_processes.
  void claim(const std::string& label, std::uint32_t avoid);
  /// In a copy of the table that is this process's alone: takes the first slot, and locks nothing.
  void claim_in_copy(const std::string& label);
  /// Gives the slot back.
  void release() noexcept;
  /// In a forked child: the slot is the parent's.
  void abandon() noexcept;

  std::uint32_t own_slot() const noexcept { return own_slot_; }
  /// Slot + 1 in the low 8 bits, 24 bits of the slot's nonce above: what a process leaves as its
  /// name in places that outlive it, where the next owner of its slot must not be taken for it.
  std::uint32_t own_token() const noexcept { return own_token_; }
  /// True while the process that left `token` lives.
  bool is_token_alive(std::uint32_t token) const;
  static std::uint32_t slot_of(std::uint32_t token) noexcept { return (token & 0xFF) - 1; }
  /// The byte of the data file that the owner of `slot` holds.
  static std::uint64_t lock_offset(std::uint64_t slot) noexcept {
    return process_table_offset + slot * sizeof(ProcessSlot);
  }
  /// True for the own slot and for those that another living process holds.
  bool is_alive(std::uint32_t slot) const;
  /// True where no other process is attached.
  bool is_alone() const;
  /// True where some process is attached to the store in `file`, other than by that open file.
  static bool any_attached(const File& file);
  /// Forgets what dead processes left in their slots; returns how many there were.
  std::uint32_t reap();

  /// Shows what this process is at, from now on; a sign of progress too. By the holder of the write
  /// lock, or whoever opens the store alone.
  void enter_phase(ProcessPhase phase) noexcept;
  /// The same without a look at the clock: the phase counts from when the one before began.
  void continue_as(ProcessPhase phase) noexcept {
    slots_[own_slot_].phase.store(phase, std::memory_order_relaxed);  // for people
  }
  /// When this process last gave a sign of progress.
  std::uint64_t last_beat_ns() const noexcept {
    // Relaxed: it tells one tick from the next.
    return slots_[own_slot_].heartbeat_ns.load(std::memory_order_relaxed);
  }
  /// Back to idle. The time is that of the phase before: reading the clock once a transaction is
  /// enough for people to look at.
  void leave_phase() noexcept { continue_as(ProcessPhase::idle); }
  /// Counts the present phase from now on: for one that was continued into and turns out long.
  void restart_phase() const noexcept;
  /// A sign of progress. Any thread.
  void beat() const noexcept;

  /// A row for each slot in use, with the readers that `lanes` show.
  std::vector<ProcessInfo> list(std::span<const ReaderLane> lanes = {}) const;
  /// The same from words that stand anywhere, in a copy of the header for one.
  static std::vector<ProcessInfo> list(std::span<const ProcessSlot> slots,
                                       std::span<const ReaderLane> lanes,
                                       const std::function<bool(std::uint32_t slot)>& is_alive);
  /// For messages: who holds `slot`.
  std::string name(std::uint32_t slot) const;
  /// The same, and in which phase it is for how long.
  std::string describe(std::uint32_t slot) const;

 private:
  bool try_claim(std::uint32_t slot, const std::string& label);
  void fill(std::uint32_t slot, const std::string& label);
  std::uint32_t token_of(std::uint32_t slot) const noexcept;
  friend class PhaseScope;

  const File& file_;
  ProcessSlot* slots_;
  std::uint32_t own_slot_ = ~0U;
  std::uint32_t own_token_ = 0;
  ByteLock own_lock_;
};

/// A phase within another one, which goes on afterwards as if nothing had been.
class PhaseScope {
 public:
  PhaseScope(ProcessTable& table, ProcessPhase phase) noexcept;
  PhaseScope(const PhaseScope&) = delete;
  PhaseScope& operator=(const PhaseScope&) = delete;
  ~PhaseScope();

 private:
  ProcessSlot& slot_;
  ProcessPhase outer_;
  std::uint64_t outer_since_ns_;
};

}  // namespace cairn

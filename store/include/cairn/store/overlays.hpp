// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "cairn/mapping/file.hpp"
#include "cairn/mapping/reservation.hpp"
#include "cairn/recovery/header_format.hpp"
#include "cairn/recovery/log_ring.hpp"

namespace cairn {

/// A place in the log and what the store is like there.
struct LogPlace {
  std::uint64_t position = 0;  ///< behind the last record
  std::uint64_t sequence = 0;  ///< of the last record
  std::uint64_t heap_end = 0;  ///< bytes
};

/// The store as of one commit that the shared image does not show yet: a private mapping of the
/// data file with the records in between applied to it. Nobody may write to it.
class Overlay {
 public:
  const std::byte* base() const noexcept { return memory_.data(); }
  std::uint64_t heap_end() const noexcept { return place_.heap_end; }
  std::uint64_t sequence() const noexcept { return place_.sequence; }

 private:
  friend class Overlays;
  Reservation memory_;
  LogPlace place_;
  std::uint32_t sections_ = 0;  ///< that read it; guarded by Overlays::mutex_
};

/// The overlays of one process: what its sections read while an older section, of whichever
/// process, keeps commits out of the shared image.
///
/// Invariants:
///  1. An overlay at v is the shared image at some p <= v with the records (p, v] applied; every
///     page that these write is a private copy, so it may stay while the shared image goes on to v,
///     and no further: after that it is brought up to date by no record, but made anew.
///  2. Nobody reads an overlay while records are applied to it.
///  3. Records are read without the write lock: their place is held by a lane at p, and their bytes
///     are copied before they are checked against their sums and applied, since a log that is given
///     another length holds no place. That length is looked at again behind them.
///
/// An overlay that no section reads any more is brought up to date for the next one, which costs
/// what the records since then hold; there are as many as sections that read different states.
///
/// Threads: any.
class Overlays {
 public:
  /// `meta` tells the newest meta slot.
  Overlays(const File& data, const LogRing& log, std::uint64_t seed, std::uint64_t reach_bytes,
           std::function<MetaSlot()> meta);

  /// An overlay at `newest`, to be closed. Nothing where the log was moved meanwhile: try again.
  ///
  /// Requires: until this returns, the shared image shows `shown`, by a lane or the write lock, and
  ///           all records up to `newest` are appended. `shown.position` is a guess: where no
  ///           record of the next sequence stands there, the log is walked from its checkpoint.
  /// Throws:   errc::too_large where address space or memory is short, errc::corrupt.
  Overlay* open(const LogPlace& shown, std::uint64_t newest);
  /// The last one to read it leaves it idle.
  void close(Overlay& overlay) noexcept;
  /// Gives the idle ones' memory back.
  void drop_idle() noexcept;

  // Relaxed: a thread that reads one has opened it itself, under the mutex.
  bool any() const noexcept { return count_.load(std::memory_order_relaxed) != 0; }
  /// The view that holds `p`, nullptr where none does.
  const Reservation* around(const void* p) const noexcept;

 private:
  Overlay* find_at(std::uint64_t sequence) noexcept;
  Overlay& take_idle(const LogPlace& shown);
  void make(Overlay& overlay, const LogPlace& shown, std::uint64_t bytes);
  bool advance(Overlay& overlay, const LogPlace& shown, std::uint64_t newest);
  bool apply(Overlay& overlay, std::uint64_t newest);
  std::optional<RecordView> copy_record(std::uint64_t position);
  bool find_place(LogPlace& shown) const;
  void map_log();
  void drop(Overlay& overlay) noexcept;

  const File& data_;
  const LogRing& log_;
  const std::uint64_t seed_;
  const std::uint64_t reach_bytes_;
  const std::function<MetaSlot()> newest_meta_;

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Overlay>> overlays_;  ///< guarded by mutex_
  RingMapping ring_;                                ///< guarded by mutex_
  std::vector<std::byte> copy_;                     ///< of a record; guarded by mutex_
  std::atomic<std::size_t> count_{0};               ///< of overlays_
};

}  // namespace cairn

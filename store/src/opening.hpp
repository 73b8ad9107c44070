// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstdint>

#include "cairn/mapping/file.hpp"
#include "cairn/mapping/reservation.hpp"
#include "cairn/options.hpp"
#include "cairn/recovery/header_format.hpp"
#include "cairn/store/process_table.hpp"

namespace cairn {

template <class T>
T* at_offset(const Reservation& memory, std::uint64_t offset) noexcept {
  return reinterpret_cast<T*>(memory.data() + offset);
}

/// The pages in front of the heap, in memory of this process. Throws errc::truncated.
Reservation copy_of_header(const File& data);

/// Waits until no other process opens or closes the store, whose data file is open as `file`.
ByteLock take_opening_lock(const File& file, const Options& options,
                           ByteLock::Kind kind = ByteLock::Kind::exclusive);

/// Names this process to those who wait while it opens or closes the store: the kernel does not
/// tell whose the byte is. Before it has a slot, which is the first thing that it takes, and on the
/// way into a store that may only be read it has no name.
class OpenerNote {
 public:
  OpenerNote(LiveWords& live, const ProcessTable& table) noexcept : live_(live) {
    // Relaxed, both: for people.
    live_.opener.store(table.own_token(), std::memory_order_relaxed);
  }
  OpenerNote(const OpenerNote&) = delete;
  OpenerNote& operator=(const OpenerNote&) = delete;
  ~OpenerNote() { live_.opener.store(0, std::memory_order_relaxed); }

 private:
  LiveWords& live_;
};

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cairn/store/reader_lanes.hpp"
#include "temp_store.hpp"

namespace cairn::test {

/// The lanes of several processes in one: each has an open file and thereby a slot of its own.
class Lanes : public ::testing::Test {
 protected:
  struct Process {
    explicit Process(Lanes& lanes)
        : file(File::open_or_create(lanes.directory_ / "slots", 0600)),
          table(file, lanes.slots_.data()) {
      table.claim("process", ~0U);
      lanes_of.emplace(lanes.live_, lanes.lanes_.data(), table, "lanes");
    }
    /// Without giving anything back.
    void die() {
      lanes_of->shut(errc::closed);
      file.close();
    }

    File file;
    ProcessTable table;
    std::optional<ReaderLanes> lanes_of;
  };

  /// Puts into lane 0 what a process leaves there that dies in a section at `sequence`.
  void leave_dead_section(std::uint32_t token, std::uint64_t sequence) {
    lanes_[0].owner = token;
    lanes_[0].sequence = sequence;
    live_.claimed_lanes[0] = 1;
  }
  /// The token of a process that is gone.
  std::uint32_t dead_token() {
    const Process gone(*this);
    return gone.table.own_token();
  }

  TempDirectory directory_;
  std::vector<ProcessSlot> slots_{process_slot_count};
  std::vector<ReaderLane> lanes_{reader_lane_count};
  LiveWords live_{};
};

}  // namespace cairn::test

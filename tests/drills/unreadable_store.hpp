// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "board.hpp"
#include "cairn/recovery/header_format.hpp"
#include "sweep.hpp"

namespace cairn::drills {

/// How a process comes to a page that is lost.
enum class Touch { reads_in_section, reads_with_the_lock, writes };

const char* to_string(Touch touch) noexcept;

/// How a process comes to a store.
enum class Way { open, open_existing, open_read_only };

const char* to_string(Way way) noexcept;

/// What of the store lies where on the disk, and what is to be lost of it.
struct StorePlaces {
  std::array<std::uint64_t, heap_begin / page_bytes> header{};  ///< its pages
  std::uint64_t lost = 0;            ///< byte of the disk: from here on nothing can be read
  std::size_t readable_numbers = 0;  ///< so many can be read for sure
  std::size_t first_lost_number = 0;
  std::size_t last_lost_number = 0;  ///< in the last page of the vector
};

struct UnreadableBoards {
  Board witness;
  Board dying;
  std::atomic<std::uint64_t> wanted;     ///< commits that the witness is asked for
  std::atomic<std::uint64_t> committed;  ///< that anybody was told of
};

/// A store with a vector that is lost in part, and what processes do with it.
class UnreadableStore {
 public:
  UnreadableStore(std::string path, Durability durability);

  // before anything is lost, while nobody has the store open

  /// In a child, as all that opens the store.
  void set_up() const;
  /// From the middle of the vector on, or from further behind where the log is in the way.
  void find_places();
  /// Has a copy of the log take its place that lies behind this byte of the disk.
  void move_log_behind(std::uint64_t place) const;

  // bodies of children

  /// Commits when it is asked to, reads that back, and closes the store in the end.
  void witness() const;
  /// Must not come to its end. `is_awaited`: the witness waits for the lock by then.
  void touch(Touch how, std::size_t number, bool is_awaited) const;
  /// Opens the store while a part is lost.
  void commit() const;
  /// Must be told errc::io of this file.
  void be_refused(Way way, const std::string& file) const;
  /// Once nothing is lost any more.
  void verify() const;

  const std::string& path() const noexcept { return path_; }
  const std::string& log_path() const noexcept { return log_path_; }
  const StorePlaces& places() const noexcept { return places_; }
  UnreadableBoards& boards() const noexcept { return *boards_; }

 private:
  Options options(const char* label) const;
  void write_in_full() const;

  Durability durability_;
  std::string path_;
  std::string log_path_;
  StorePlaces places_;
  Shared<UnreadableBoards> boards_;
};

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace cairn::bench {

/// What one durable change costs at the very least: 4 KiB overwritten in place in a file whose
/// blocks are allocated and written, then fdatasync, so that the file system has nothing but data
/// to move.
class DurableFloor {
 public:
  explicit DurableFloor(const std::filesystem::path& file);
  DurableFloor(const DurableFloor&) = delete;
  DurableFloor& operator=(const DurableFloor&) = delete;
  ~DurableFloor();

  /// Overwrites the next page, one after the other as a log does, and makes it durable.
  void overwrite(std::uint64_t content);
  /// The first word of the page that was overwritten last, as the file has it.
  std::uint64_t last_content() const;

 private:
  int fd_;
  std::uint64_t page_ = 0;
  std::vector<std::uint64_t> buffer_;
};

}  // namespace cairn::bench

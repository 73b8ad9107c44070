// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace cairn::drills {

/// Where on its disk the data of a file lies, as the file system tells.
class DiskPlaces {
 public:
  /// Throws: std::system_error where the file system does not tell.
  explicit DiskPlaces(const std::string& file);

  /// The byte of the disk that holds this byte of the file. Throws: DrillFailure where none does,
  /// so that reading it reads no disk.
  std::uint64_t of(std::uint64_t offset) const;
  /// Behind the last byte of the disk that holds one of [begin, end); 0 where none does.
  std::uint64_t end_of(std::uint64_t begin, std::uint64_t end) const;
  std::size_t pieces() const noexcept { return pieces_.size(); }

 private:
  struct Piece {
    std::uint64_t offset;
    std::uint64_t place;
    std::uint64_t bytes;
  };

  std::string file_;
  std::vector<Piece> pieces_;
};

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace cairn::bench {

/// What replay costs at the very least: bytes copied out of memory into the pages of a mapped file
/// that the page cache holds, through a mapping as new as that of a store just opened.
class MemoryCopy {
 public:
  /// Makes and writes a file of `bytes`.
  MemoryCopy(const std::filesystem::path& file, std::size_t bytes);
  MemoryCopy(const MemoryCopy&) = delete;
  MemoryCopy& operator=(const MemoryCopy&) = delete;
  ~MemoryCopy();

  /// Fills the source with `content`, then maps the file and copies. Returns the seconds that
  /// mapping and copying took.
  double copy(std::uint64_t content);
  /// The sum of the words in the file.
  std::uint64_t sum() const;

 private:
  int fd_;
  std::vector<std::uint64_t> source_;
};

}  // namespace cairn::bench

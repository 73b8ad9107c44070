// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "power_history.hpp"

namespace cairn::drills {

/// What sums of a data file's sectors take its meta slots for: the hash of its uuid, 0 where the
/// bytes have none yet.
std::uint64_t seed_of(std::span<const std::byte> file) noexcept;

/// The xor of what each sector contributes, which depends on its place and bytes. Zeros contribute
/// nothing, so that a file's length can be told apart from its bytes. Nor does what each image is
/// given before it is opened: the inode and the boot of meta slots, and the live words.
///
/// Requires: `offset` a multiple of `sector_bytes`. A last sector that is short is filled by zeros.
std::uint64_t sum_of_sectors(std::uint64_t offset, std::span<const std::byte> bytes,
                             std::uint64_t seed) noexcept;

/// A file as it was at its last sync, on which all images of a moment build.
class SyncedFile {
 public:
  SyncedFile(FileBytes bytes, std::uint64_t seed);

  const FileBytes& bytes() const noexcept { return bytes_; }
  /// Never given to another state of a file in this process.
  std::uint64_t number() const noexcept { return number_; }
  /// Makes it what it is at the next sync. `offsets` are those of the blocks that may be different,
  /// where the length is the same.
  void update(const FileBytes& bytes, std::uint64_t seed, std::span<const std::uint64_t> offsets,
              std::uint64_t block_bytes);
  /// The sectors that may be different from what it was under that number, some of them more than
  /// once; none where it was something else altogether. Behind its end there are zeros.
  std::optional<std::span<const std::uint32_t>> updated_since(std::uint64_t number) const noexcept;
  /// Of the sectors [first, end), as `sum_of_sectors` says; behind its end there are zeros.
  std::uint64_t sum(std::uint64_t first, std::uint64_t end) const noexcept;
  std::uint64_t sum() const noexcept { return sums_.back(); }

 private:
  /// What it was once, and where in `updated_` those sectors begin that were updated since.
  struct State {
    std::uint64_t number;
    std::size_t updated_behind;
  };
  void sum_up();
  void update_block(const FileBytes& bytes, std::uint64_t offset, std::uint64_t block_bytes);
  void update_all(const FileBytes& bytes);

  FileBytes bytes_;
  std::uint64_t number_;
  std::uint64_t seed_ = 0;
  std::vector<State> states_;
  std::vector<std::uint32_t> updated_;
  std::vector<std::uint64_t> sums_;  ///< of the sectors before each
};

/// The files of a store after a power cut, each as what was synced and what is there instead: what
/// two images have in common need not be copied, nor hashed, for each.
struct LayeredImage {
  struct Patch {
    std::uint64_t offset;
    std::span<const std::byte> bytes;
  };
  struct File {
    const SyncedFile* base = nullptr;  ///< none: there is no such name
    std::uint64_t length = 0;          ///< behind the end of the base are zeros
    std::vector<Patch> patches = {};   ///< disjoint and within the length
  };
  std::array<File, 2> files;  ///< by StoreName
};

/// The same in one piece, to be changed.
struct CrashImage {
  std::array<std::optional<FileBytes>, 2> files;  ///< by StoreName
};

FileBytes flatten(const LayeredImage::File& file);
CrashImage flatten(const LayeredImage& image);

}  // namespace cairn::drills

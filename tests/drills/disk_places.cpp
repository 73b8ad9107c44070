// SPDX-License-Identifier: BSL-1.0
#include "disk_places.hpp"

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "sweep.hpp"

namespace cairn::drills {
namespace {

constexpr std::uint32_t most_extents = 256;
/// Blocks that were never written, or whose place is not known yet: no disk is read for them.
constexpr std::uint32_t without_data =
    FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_UNWRITTEN;

}  // namespace

DiskPlaces::DiskPlaces(const std::string& file) : file_(file) {
  alignas(fiemap) std::byte room[sizeof(fiemap) + most_extents * sizeof(fiemap_extent)]{};
  auto& map = *reinterpret_cast<fiemap*>(room);
  map.fm_length = FIEMAP_MAX_OFFSET;
  map.fm_flags = FIEMAP_FLAG_SYNC;
  map.fm_extent_count = most_extents;
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  const bool told = descriptor >= 0 && ::ioctl(descriptor, FS_IOC_FIEMAP, &map) == 0;
  const int failure = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!told) throw std::system_error(failure, std::generic_category(), "where lies " + file);
  for (std::uint32_t i = 0; i < map.fm_mapped_extents; ++i) {
    const fiemap_extent& extent = map.fm_extents[i];
    if ((extent.fe_flags & without_data) != 0) continue;
    pieces_.push_back({extent.fe_logical, extent.fe_physical, extent.fe_length});
  }
}

std::uint64_t DiskPlaces::of(std::uint64_t offset) const {
  for (const Piece& piece : pieces_) {
    if (offset >= piece.offset && offset - piece.offset < piece.bytes) {
      return piece.place + (offset - piece.offset);
    }
  }
  throw DrillFailure("nothing of the disk holds byte " + std::to_string(offset) + " of " + file_);
}

std::uint64_t DiskPlaces::end_of(std::uint64_t begin, std::uint64_t end) const {
  std::uint64_t last = 0;
  for (const Piece& piece : pieces_) {
    const std::uint64_t piece_end = std::min(end, piece.offset + piece.bytes);
    if (piece.offset >= end || piece_end <= begin) continue;
    last = std::max(last, piece.place + (piece_end - piece.offset));
  }
  return last;
}

}  // namespace cairn::drills

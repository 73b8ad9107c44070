// SPDX-License-Identifier: BSL-1.0
#include "disk_places.hpp"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>
#include <system_error>

#include "cairn/mapping/file.hpp"
#include "sweep.hpp"

namespace cairn::drills {
namespace {

constexpr std::uint32_t extents_at_once = 256;
/// Blocks that were never written, or whose place is not known yet: no disk is read for them.
constexpr std::uint32_t without_data =
    FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_UNWRITTEN;

/// What the file system tells of a file, as much as fits, from byte `begin` on.
class ExtentMap {
 public:
  ExtentMap(int descriptor, const std::string& file, std::uint64_t begin) {
    auto& map = *reinterpret_cast<fiemap*>(room_);
    map.fm_start = begin;
    map.fm_length = FIEMAP_MAX_OFFSET - begin;
    map.fm_flags = FIEMAP_FLAG_SYNC;
    map.fm_extent_count = extents_at_once;
    if (::ioctl(descriptor, FS_IOC_FIEMAP, &map) != 0) {
      throw std::system_error(errno, std::generic_category(), "where lies " + file);
    }
  }

  std::span<const fiemap_extent> extents() const {
    const auto& map = *reinterpret_cast<const fiemap*>(room_);
    return {static_cast<const fiemap_extent*>(map.fm_extents), map.fm_mapped_extents};
  }

 private:
  alignas(fiemap) std::byte room_[sizeof(fiemap) + extents_at_once * sizeof(fiemap_extent)]{};
};

}  // namespace

DiskPlaces::DiskPlaces(const std::string& file) : file_(file) {
  const File opened = File::open(file, File::Access::read_only);
  std::uint64_t begin = 0;
  for (bool last = false; !last;) {
    const ExtentMap map(opened.descriptor(), file, begin);
    // A file may have none at all, or have lost the last one meanwhile.
    last = map.extents().empty();
    for (const fiemap_extent& extent : map.extents()) {
      begin = extent.fe_logical + extent.fe_length;
      last = (extent.fe_flags & FIEMAP_EXTENT_LAST) != 0;
      if ((extent.fe_flags & without_data) != 0) continue;
      pieces_.push_back({extent.fe_logical, extent.fe_physical, extent.fe_length});
    }
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

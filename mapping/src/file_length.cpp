// SPDX-License-Identifier: BSL-1.0
// How files become longer and shorter.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstddef>
#include <span>
#include <string>

#include "cairn/mapping/file.hpp"
#include "cairn/mapping/page.hpp"
#include "system_call.hpp"

namespace cairn {

int refusal_to_reach(std::uint64_t end) noexcept {
  rlimit most{};
  if (::getrlimit(RLIMIT_FSIZE, &most) != 0 || most.rlim_cur == RLIM_INFINITY) return 0;
  return end > most.rlim_cur ? EFBIG : 0;
}

void File::allocate(std::uint64_t old_bytes, std::uint64_t new_bytes) const {
  settle_allocation(try_allocate(old_bytes, new_bytes), old_bytes, new_bytes);
}

int File::try_allocate(std::uint64_t old_bytes, std::uint64_t new_bytes) const noexcept {
  int failure = observed(drill::IoKind::allocate, descriptor_, old_bytes, new_bytes - old_bytes);
  if (failure == 0) failure = refusal_to_reach(new_bytes);
  if (failure == 0) {
    const int result = uninterrupted([&] {
      return ::fallocate(descriptor_, 0, static_cast<off_t>(old_bytes),
                         static_cast<off_t>(new_bytes - old_bytes));
    });
    failure = result == 0 ? 0 : errno;
  }
  return failure;
}

void File::settle_allocation(int failure, std::uint64_t old_bytes, std::uint64_t new_bytes) const {
  if (failure == EOPNOTSUPP) {
    write_zeros(old_bytes, new_bytes, page_bytes);
    return;
  }
  if (failure == 0) return;
  // A failed fallocate may leave the file longer than it was.
  uninterrupted([&] { return ::ftruncate(descriptor_, static_cast<off_t>(old_bytes)); });
  throw_system_error(failure, path_,
                     "grow from " + std::to_string(old_bytes) + " to " + std::to_string(new_bytes) +
                         " bytes; free some room and try again");
}

void File::allocate_zeroed(std::uint64_t old_bytes, std::uint64_t new_bytes,
                           std::size_t piece_bytes) const {
  allocate(old_bytes, new_bytes);
  write_zeros(old_bytes, new_bytes, piece_bytes);
}

void File::write_zeros(std::uint64_t begin, std::uint64_t end, std::size_t piece_bytes) const {
  static constexpr std::array<std::byte, 65536> zeros{};
  assert(piece_bytes != 0 && zeros.size() % piece_bytes == 0);
  try {
    for (std::uint64_t at = begin; at < end;) {
      // Up to where a folio may begin.
      const std::uint64_t bytes = std::min(zeros.size() - at % zeros.size(), end - at);
      write_in_pieces(at, std::span(zeros).first(bytes), piece_bytes);
      at += bytes;
    }
  } catch (...) {
    uninterrupted([&] { return ::ftruncate(descriptor_, static_cast<off_t>(begin)); });
    throw;
  }
}

void File::truncate(std::uint64_t bytes) const {
  int failure = observed(drill::IoKind::truncate, descriptor_, bytes, 0);
  if (failure == 0 &&
      uninterrupted([&] { return ::ftruncate(descriptor_, static_cast<off_t>(bytes)); }) != 0) {
    failure = errno;
  }
  if (failure != 0) {
    throw_system_error(failure, path_, "cut the file to " + std::to_string(bytes) + " bytes");
  }
}

}  // namespace cairn

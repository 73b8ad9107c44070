// SPDX-License-Identifier: BSL-1.0
#include "sparse_copy.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace cairn::drills {
namespace {

[[noreturn]] void throw_errno() {
  throw std::system_error(errno, std::generic_category(), "copy a disk");
}

/// Where the next data or hole begins, nothing where none does before the end.
std::optional<off_t> seek(int file, off_t at, int what) {
  const off_t found = ::lseek(file, at, what);
  if (found >= 0) return found;
  if (errno != ENXIO) throw_errno();
  return {};
}

}  // namespace

void copy_data(int from, int to, off_t at) {
  std::vector<char> buffer(1 << 20);
  while (const auto data = seek(from, at, SEEK_DATA)) {
    at = *data;
    // The end counts as a hole. Cut off in between, there is no data any more either.
    const off_t end = seek(from, at, SEEK_HOLE).value_or(at);
    while (at < end) {
      const auto piece = std::min(buffer.size(), static_cast<std::size_t>(end - at));
      const ssize_t got = ::pread(from, buffer.data(), piece, at);
      if (got < 0) throw_errno();
      if (got == 0) throw std::runtime_error("a disk has become shorter while it was copied");
      const ssize_t put = ::pwrite(to, buffer.data(), static_cast<std::size_t>(got), at);
      if (put < 0) throw_errno();
      // What is not written yet is read again.
      at += put;
    }
  }
}

}  // namespace cairn::drills

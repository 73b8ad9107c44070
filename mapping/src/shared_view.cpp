// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/shared_view.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "cairn/error.hpp"
#include "cairn/mapping/page.hpp"

namespace cairn {

namespace {

Reservation map_file(const File& file, std::uint64_t bytes, int protection, int flags) {
  Reservation memory = Reservation::inaccessible(bytes);
  void* at = ::mmap(memory.data(), bytes, protection, flags | MAP_FIXED, file.descriptor(), 0);
  if (at == MAP_FAILED) {
    throw Error(errc::too_large, file.path(),
                "cannot map " + std::to_string(bytes) +
                    " bytes; lower max_bytes or raise the limit (ulimit -v)",
                errno);
  }
  return memory;
}

}  // namespace

Reservation map_shared(const File& file, std::uint64_t reach_bytes, ViewAccess access) {
  return map_file(file, reach_bytes,
                  access == ViewAccess::read_write ? PROT_READ | PROT_WRITE : PROT_READ,
                  MAP_SHARED);
}

Reservation map_private(const File& file, std::uint64_t bytes) {
  return map_file(file, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE);
}

void map_cached_pages(const std::byte* data, std::uint64_t bytes) noexcept {
  // The kernel answers a read fault by mapping what is cached of the 64 KiB around it.
  constexpr std::uint64_t fault_around_pages = 16;
  constexpr std::uint64_t pages_at_once = 256;
  std::array<unsigned char, pages_at_once> cached;
  const std::uint64_t pages = bytes / page_bytes;
  for (std::uint64_t first = 0; first < pages; first += pages_at_once) {
    const std::uint64_t count = std::min(pages_at_once, pages - first);
    auto* const piece = const_cast<std::byte*>(data) + first * page_bytes;
    if (::mincore(piece, count * page_bytes, cached.data()) != 0) return;
    for (std::uint64_t i = 0; i < count; ++i) {
      if ((cached[i] & 1) == 0) continue;
      static_cast<void>(*static_cast<const volatile std::byte*>(piece + i * page_bytes));
      i |= fault_around_pages - 1;
    }
  }
}

}  // namespace cairn

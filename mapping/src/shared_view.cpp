// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/shared_view.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "cairn/error.hpp"
#include "cairn/mapping/drill_hooks.hpp"
#include "cairn/mapping/page.hpp"

namespace cairn {

namespace {

/// Maps [offset, offset + bytes) of the file over what is at `to`, or anywhere where that is
/// nullptr.
std::byte* map_at(std::byte* to, const File& file, std::uint64_t offset, std::uint64_t bytes,
                  int protection, int flags) {
  void* const at = ::mmap(to, bytes, protection, to == nullptr ? flags : flags | MAP_FIXED,
                          file.descriptor(), static_cast<off_t>(offset));
  if (at == MAP_FAILED) {
    throw Error(errc::too_large, file.path(),
                "cannot map " + std::to_string(bytes) +
                    " bytes; raise the limit on address space (ulimit -v)",
                errno);
  }
  return static_cast<std::byte*>(at);
}

std::byte* map_at(std::byte* to, const File& file, std::uint64_t offset, std::uint64_t bytes,
                  ViewAccess access) {
  const int protection = access == ViewAccess::read_write ? PROT_READ | PROT_WRITE : PROT_READ;
  return map_at(to, file, offset, bytes, protection, MAP_SHARED);
}

Reservation map_reach(const File& file, std::uint64_t reach_bytes, ViewAccess access) {
  // Only where huge pages may lie is it worth a reservation to begin at a multiple of them.
  if (reach_bytes < huge_page_bytes) {
    return Reservation::of({map_at(nullptr, file, 0, reach_bytes, access), reach_bytes});
  }
  Reservation memory = Reservation::inaccessible(reach_bytes, file.path());
  map_at(memory.data(), file, 0, reach_bytes, access);
  return memory;
}

Reservation map_in_a_row(const File& file, std::uint64_t offset, std::uint64_t bytes,
                         ViewAccess access) {
  // What is behind the first half gives way to the second.
  Reservation memory =
      Reservation::of({map_at(nullptr, file, offset, 2 * bytes, access), 2 * bytes});
  map_at(memory.data() + bytes, file, offset, bytes, access);
  return memory;
}

/// `make()`, but where a drill has kept one.
template <class Make>
Reservation kept_or_made([[maybe_unused]] const drill::SharedMapping& wanted, Make make) {
  if constexpr (drills_enabled) {
    if (drill::MappingKeeper* const keeper = drill::mapping_keeper()) {
      if (std::byte* const kept = keeper->lend(wanted)) {
        return Reservation::of({kept, wanted.twice ? 2 * wanted.bytes : wanted.bytes});
      }
      Reservation made = make();
      keeper->note(wanted, made.data());
      return made;
    }
  }
  return make();
}

}  // namespace

Reservation map_shared(const File& file, std::uint64_t reach_bytes, ViewAccess access) {
  return kept_or_made(
      {file.descriptor(), file.id().inode, 0, reach_bytes, access == ViewAccess::read_write, false},
      [&] { return map_reach(file, reach_bytes, access); });
}

Reservation map_shared_twice(const File& file, std::uint64_t offset, std::uint64_t bytes,
                             ViewAccess access) {
  return kept_or_made(
      {file.descriptor(), file.id().inode, offset, bytes, access == ViewAccess::read_write, true},
      [&] { return map_in_a_row(file, offset, bytes, access); });
}

Reservation map_private(const File& file, std::uint64_t bytes) {
  Reservation memory = Reservation::inaccessible(bytes, file.path());
  map_at(memory.data(), file, 0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE);
  return memory;
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

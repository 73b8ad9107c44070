// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/reservation.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <string>

#include "cairn/error.hpp"
#include "cairn/mapping/drill_hooks.hpp"
#include "cairn/mapping/page.hpp"

namespace cairn {
namespace {

std::byte* map_anonymous(std::size_t bytes, int protection, const std::string& path) {
  void* at = ::mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    throw Error(errc::too_large, path,
                "no room for " + std::to_string(bytes) +
                    " bytes of address space; raise the limit (ulimit -v), or create the store "
                    "with a smaller max_bytes: one that is there takes as much as it was created "
                    "with, or raised to since",
                errno);
  }
  return static_cast<std::byte*>(at);
}

}  // namespace

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Reservation::~Reservation() {
  if (data_ == nullptr) return;
  if constexpr (drills_enabled) {
    drill::MappingKeeper* const keeper = drill::mapping_keeper();
    if (keeper != nullptr && keeper->keep(data_)) return;
  }
  ::munmap(data_, bytes_);
}

Reservation Reservation::anonymous(std::size_t bytes) {
  return {map_anonymous(bytes, PROT_READ | PROT_WRITE, ""), bytes};
}

Reservation Reservation::inaccessible(std::size_t bytes, const std::string& path) {
  if (bytes < huge_page_bytes) return {map_anonymous(bytes, PROT_NONE, path), bytes};
  const std::size_t mapped = bytes + huge_page_bytes;
  std::byte* const first = map_anonymous(mapped, PROT_NONE, path);
  const auto address = reinterpret_cast<std::uintptr_t>(first);
  const std::size_t before = round_up(address, huge_page_bytes) - address;
  if (before != 0) ::munmap(first, before);
  ::munmap(first + before + bytes, mapped - before - bytes);
  return {first + before, bytes};
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/shared_view.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <string>

#include "cairn/error.hpp"

namespace cairn {

Reservation map_shared(const File& file, std::uint64_t reach_bytes, ViewAccess access) {
  Reservation memory = Reservation::inaccessible(reach_bytes);
  const int protection = access == ViewAccess::read_write ? PROT_READ | PROT_WRITE : PROT_READ;
  void* at = ::mmap(memory.data(), reach_bytes, protection, MAP_SHARED | MAP_FIXED,
                    file.descriptor(), 0);
  if (at == MAP_FAILED) {
    throw Error(errc::too_large, file.path(),
                "cannot map " + std::to_string(reach_bytes) +
                    " bytes; lower max_bytes or raise the limit (ulimit -v)",
                errno);
  }
  return memory;
}

}  // namespace cairn

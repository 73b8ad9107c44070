// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/suitable_file_system.hpp"

#include "cairn/error.hpp"

namespace cairn {
namespace {

[[noreturn]] void refuse(const FileSystem& system, const std::string& path,
                         const std::string& because) {
  throw Error(errc::unsupported_file_system, path,
              std::string("it is on ") + system.name + ", " + because);
}

void require_power_safe(const FileSystem& system, const std::string& path) {
  const std::string instead =
      "; put it on a disk, create it with Durability::process, or set Options::any_file_system to "
      "go without";
  if (system.kind == FileSystemKind::in_memory) {
    refuse(system, path,
           "which keeps nothing over a power cut, and Durability::power promises that" + instead);
  }
  if (system.kind == FileSystemKind::served) {
    refuse(system, path,
           "where it is up to a program what a power cut leaves, and Durability::power promises "
           "that nothing is lost" +
               instead);
  }
}

}  // namespace

void require_suitable(const FileSystem& system, StoredDurability durability, StoreUse use,
                      const Options& options, const std::string& path) {
  if (options.any_file_system) return;
  if (system.kind == FileSystemKind::remote) {
    refuse(system, path,
           "where locks and mappings need not be the same for all who share it; put it on a file "
           "system of this machine, or set Options::any_file_system where nobody else uses it");
  }
  if (use == StoreUse::writing && durability == StoredDurability::power) {
    require_power_safe(system, path);
  }
}

}  // namespace cairn

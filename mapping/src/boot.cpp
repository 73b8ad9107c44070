// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/boot.hpp"

#include <sys/random.h>

#include <cerrno>
#include <ctime>
#include <fstream>
#include <string>

#include "cairn/error.hpp"

namespace cairn {
namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

constexpr const char* boot_id_path = "/proc/sys/kernel/random/boot_id";

BootId read_boot_id() {
  BootId id{};
  std::ifstream file(boot_id_path);
  std::string text;
  std::getline(file, text);
  std::size_t digits = 0;
  for (const char c : text) {
    const int digit = hex_digit(c);
    if (digit < 0 || digits >= 2 * id.size()) continue;
    id[digits / 2] |= static_cast<std::byte>(digits % 2 == 0 ? digit << 4 : digit);
    ++digits;
  }
  // Taken for the same in every boot, it would vouch for words and pages of before a power cut.
  if (digits != 2 * id.size()) {
    throw Error(errc::io, boot_id_path,
                "which boot this is cannot be read there; mount /proc where the store is used");
  }
  return id;
}

}  // namespace

const BootId& current_boot_id() {
  static const BootId id = read_boot_id();
  return id;
}

std::uint64_t uptime_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

std::array<std::byte, 16> random_id() {
  std::array<std::byte, 16> id{};
  if (::getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) {
    throw Error(errc::io, "", "no random bytes for a new store's identity", errno);
  }
  return id;
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#include "scratch.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <span>
#include <system_error>

#include "cairn/mapping/file.hpp"
#include "cairn/recovery/checksum.hpp"
#include "cairn/recovery/header_format.hpp"

namespace cairn::drills {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t wanted_room_bytes = 512 << 20;

fs::path default_parent() {
  std::error_code failed;
  const fs::path memory = "/dev/shm";
  const fs::space_info room = fs::space(memory, failed);
  const bool usable =
      !failed && room.available >= wanted_room_bytes && ::access(memory.c_str(), W_OK | X_OK) == 0;
  return usable ? memory : fs::temp_directory_path();
}

}  // namespace

Scratch::Scratch(const std::string& parent) {
  const fs::path directory = parent.empty() ? default_parent() : fs::path(parent);
  std::string name = (directory / "cairn-drill-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), "create " + name);
  }
  path_ = name;
}

Scratch::~Scratch() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void remove_store(const std::string& path) {
  fs::remove(path);
  fs::remove(path + "-log");
}

namespace {

/// Makes a copied file its own original, as though the kill had happened to it.
void adopt(const std::string& path) {
  const File file = File::open(path, File::Access::read_write);
  Identity identity;
  if (file.read_at(0, std::as_writable_bytes(std::span(&identity, 1))) < sizeof identity) return;
  const std::uint64_t seed = checksum_seed(identity.uuid);
  for (std::uint64_t index = 0; index < 2; ++index) {
    const std::uint64_t offset = meta_slot_offset + index * meta_slot_stride;
    MetaSlot meta;
    file.read_at(offset, std::as_writable_bytes(std::span(&meta, 1)));
    if (meta.checksum != struct_checksum(meta, seed)) continue;
    meta.inode = file.id().inode;
    meta.checksum = struct_checksum(meta, seed);
    file.write_at(offset, std::as_bytes(std::span(&meta, 1)));
  }
}

}  // namespace

void copy_store(const std::string& from, const std::string& to) {
  remove_store(to);
  for (const char* const suffix : {"", "-log"}) {
    if (fs::exists(from + suffix)) fs::copy_file(from + suffix, to + suffix);
  }
  if (fs::exists(to)) adopt(to);
}

void scramble_live_words(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return;  // killed before it had a name
  std::array<char, sizeof(LiveWords)> garbage{};
  garbage.fill('\x5A');
  const ssize_t put = ::pwrite(descriptor, garbage.data(), garbage.size(), live_words_offset);
  ::close(descriptor);
  if (put != static_cast<ssize_t>(garbage.size())) {
    throw std::system_error(errno, std::generic_category(), "write " + path);
  }
}

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#include "scratch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <system_error>

#include "cairn/mapping/file.hpp"
#include "cairn/recovery/header_format.hpp"
#include "cairn/reports.hpp"
#include "stored_structs.hpp"

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

void copy_store(const std::string& from, const std::string& to) {
  remove_store(to);
  for (const char* const suffix : {"", "-log"}) {
    if (fs::exists(from + suffix)) fs::copy_file(from + suffix, to + suffix);
  }
  if (!fs::exists(to)) return;
  // The copy passes for the original, as though the kill had happened to it.
  const std::uint64_t inode = File::open(to, File::Access::read_only).id().inode;
  test::edit_meta_slots(to, [&](MetaSlot& slot) { slot.inode = inode; });
}

std::string who_holds_what(const std::string& path) {
  std::array<char, 3 * page_bytes> header{};
  std::ifstream(path, std::ios::binary)
      .read(header.data(), static_cast<std::streamsize>(header.size()));
  const auto& live = *reinterpret_cast<const LiveWords*>(header.data() + live_words_offset);
  std::string text = fmt::format(
      "\n  lock word {:#x}, tail {}, published {}, visible {}, applying {}", live.write_lock.load(),
      live.log_tail.load(), live.published.load(), live.visible.load(), live.applying.load());
  const auto* const slots =
      reinterpret_cast<const ProcessSlot*>(header.data() + process_table_offset);
  for (std::uint64_t i = 0; i < process_slot_count; ++i) {
    if (slots[i].nonce.load() == 0) continue;
    text += fmt::format("\n  slot {}: process {} \"{}\", {}", i, slots[i].pid.load(),
                        slots[i].label.data(), cairn::to_string(slots[i].phase.load()));
  }
  return text;
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

// SPDX-License-Identifier: BSL-1.0
#include "raw_header.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <span>

#include "cairn/error.hpp"
#include "cairn/mapping/file.hpp"
#include "cairn/recovery/checksum.hpp"
#include "cairn/recovery/meta_slots.hpp"
#include "cairn/store/store_files.hpp"

namespace cairn::tools {
namespace {

template <class T>
T load(std::span<const std::byte> bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

void read_live_words(std::span<const std::byte> header, RawHeader& raw) {
  const auto at = [&](std::size_t field) { return live_words_offset + field; };
  raw.log_tail = load<std::uint64_t>(header, at(offsetof(LiveWords, log_tail)));
  raw.published = load<std::uint64_t>(header, at(offsetof(LiveWords, published)));
  raw.failed = load<std::uint32_t>(header, at(offsetof(LiveWords, failed))) != 0;
  raw.live_words_of_this_boot =
      load<BootId>(header, at(offsetof(LiveWords, boot_id))) == current_boot_id();
}

}  // namespace

RawHeader read_raw_header(const std::string& path) {
  const File data = File::open(path, File::Access::read_only);
  RawHeader raw;
  raw.identity = read_identity(data);
  raw.file_bytes = data.size();
  raw.disk_bytes = data.disk_bytes();
  std::array<std::byte, page_bytes> header{};
  data.read_at(0, header);
  try {
    raw.meta = newest_meta(header, checksum_seed(raw.identity.uuid), path);
  } catch (const Error& error) {
    raw.meta_error = error.what();
  }
  read_live_words(header, raw);
  const File log = File::open(log_path(path), File::Access::read_only);
  raw.log_file_bytes = log.size();
  raw.log_disk_bytes = log.disk_bytes();
  return raw;
}

std::string uuid_text(const Identity& identity) {
  std::string text;
  for (std::size_t i = 0; i < identity.uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", std::to_integer<unsigned>(identity.uuid[i]));
  }
  return text;
}

}  // namespace cairn::tools

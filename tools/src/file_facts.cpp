// SPDX-License-Identifier: BSL-1.0
#include "file_facts.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <ctime>
#include <span>

#include "cairn/error.hpp"
#include "cairn/mapping/file.hpp"
#include "cairn/recovery/checksum.hpp"
#include "cairn/recovery/meta_slots.hpp"
#include "cairn/store/store_files.hpp"

namespace cairn::tool {
namespace {

/// What `part` throws is a problem of the store, and the rest is read all the same.
template <class Part>
void attempt(FileFacts& facts, Part part) {
  try {
    part();
  } catch (const Error& error) {
    facts.problems.emplace_back(error.what());
  }
}

template <class T>
T word_at(std::span<const std::byte> header, std::size_t offset) {
  T value;
  std::memcpy(&value, header.data() + live_words_offset + offset, sizeof value);
  return value;
}

void read_header(const File& data, FileFacts& facts) {
  alignas(8) std::array<std::byte, page_bytes> header{};
  const std::size_t got = data.read_at(0, header);
  attempt(facts, [&] { facts.identity = read_identity(data); });
  if (got < header.size() || !facts.identity) return;
  attempt(facts, [&] {
    facts.meta = newest_meta(header, checksum_seed(facts.identity->uuid), data.path());
  });
  facts.log_tail = word_at<std::uint64_t>(header, offsetof(LiveWords, log_tail));
  facts.published = word_at<std::uint64_t>(header, offsetof(LiveWords, published));
  facts.failed = word_at<std::uint32_t>(header, offsetof(LiveWords, failed)) != 0;
  facts.live_words_are_current =
      word_at<BootId>(header, offsetof(LiveWords, boot_id)) == current_boot_id();
}

}  // namespace

FileFacts read_facts(const std::string& path) {
  FileFacts facts;
  const File data = File::open(path, File::Access::read_only);
  facts.data_bytes = data.size();
  facts.data_disk_bytes = data.disk_bytes();
  read_header(data, facts);
  if (facts.identity) {
    attempt(facts, [&] {
      facts.log_file_bytes = File::open(log_path(path), File::Access::read_only).size();
    });
  }
  if (facts.meta && facts.data_bytes < facts.meta->file_bytes) {
    facts.problems.push_back(fmt::format("{}: the file has {} bytes, its header says {}", path,
                                         facts.data_bytes, facts.meta->file_bytes));
  }
  return facts;
}

std::string uuid_text(const Identity& identity) {
  std::string text;
  for (std::size_t i = 0; i < identity.uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", std::to_integer<unsigned>(identity.uuid[i]));
  }
  return text;
}

std::string time_text(std::uint64_t unix_ns) {
  const auto seconds = static_cast<std::time_t>(unix_ns / 1'000'000'000U);
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(seconds));
}

const char* durability_text(StoredDurability durability) noexcept {
  return durability == StoredDurability::process ? "process" : "power";
}

}  // namespace cairn::tool

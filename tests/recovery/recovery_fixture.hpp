// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "cairn/mapping/file.hpp"
#include "cairn/mapping/page.hpp"
#include "cairn/recovery/checksum.hpp"
#include "cairn/recovery/header_format.hpp"
#include "cairn/recovery/log_format.hpp"
#include "cairn/recovery/record.hpp"

namespace cairn::test {

/// A directory of one test's own that goes away with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "cairn-recovery-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create " + name);
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// Bytes that end where an unreadable page begins: reading one too many is a crash.
class BytesBeforeTheEdge {
 public:
  explicit BytesBeforeTheEdge(std::span<const std::byte> content)
      : bytes_(round_up(content.size(), page_bytes) + page_bytes), size_(content.size()) {
    void* const at =
        ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw std::runtime_error("no memory");
    base_ = static_cast<std::byte*>(at);
    ::mprotect(base_ + bytes_ - page_bytes, page_bytes, PROT_NONE);
    if (!content.empty()) std::memcpy(span().data(), content.data(), content.size());
  }
  BytesBeforeTheEdge(const BytesBeforeTheEdge&) = delete;
  BytesBeforeTheEdge& operator=(const BytesBeforeTheEdge&) = delete;
  ~BytesBeforeTheEdge() { ::munmap(base_, bytes_); }

  std::span<std::byte> span() const noexcept {
    return {base_ + bytes_ - page_bytes - size_, size_};
  }

 private:
  std::size_t bytes_;
  std::size_t size_;
  std::byte* base_ = nullptr;
};

inline constexpr std::uint64_t seed = 0x1234'5678'9ABC'DEF0;

/// The record as it stands in a log: header, entries, lines of ascending bytes, zeros.
inline std::vector<std::byte> make_record(std::uint64_t position, std::uint64_t sequence,
                                          const std::vector<PageEntry>& entries,
                                          std::uint64_t salt = seed) {
  RecordHeader header{};
  header.salt = salt;
  header.magic = record_magic;
  header.position = position;
  header.sequence = sequence;
  header.heap_end_pages = 100;
  header.file_pages = 120;
  header.page_count = static_cast<std::uint32_t>(entries.size());
  for (const PageEntry& entry : entries) {
    header.line_count += static_cast<std::uint32_t>(std::popcount(entry.mask));
  }
  std::vector<std::byte> bytes(record_bytes(header.page_count, header.line_count));
  if (!entries.empty()) {
    std::memcpy(bytes.data() + sizeof header, entries.data(), entries.size() * sizeof(PageEntry));
  }
  std::byte* line = bytes.data() + sizeof header + entries.size() * sizeof(PageEntry);
  for (std::uint32_t i = 0; i < header.line_count; ++i, line += line_bytes) {
    std::memset(line, static_cast<int>(i + 1), line_bytes);
  }
  std::memcpy(bytes.data(), &header, sizeof header);
  header.checksum = record_checksum(bytes);
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

/// Puts another header in front of a record and makes its checksum right.
inline void reseal(std::span<std::byte> record, RecordHeader header) {
  std::memcpy(record.data(), &header, sizeof header);
  header.checksum = record_checksum(record);
  std::memcpy(record.data(), &header, sizeof header);
}

inline RecordHeader header_of(std::span<const std::byte> record) {
  RecordHeader header;
  std::memcpy(&header, record.data(), sizeof header);
  return header;
}

}  // namespace cairn::test

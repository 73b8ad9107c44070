// SPDX-License-Identifier: BSL-1.0
#include "durable_floor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <system_error>

namespace cairn::bench {
namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::uint64_t file_pages = 4096;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

DurableFloor::DurableFloor(const std::filesystem::path& file)
    : fd_(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)),
      buffer_(page_bytes / sizeof(std::uint64_t), ~0ULL) {
  if (fd_ < 0) fail("open");
  if (::fallocate(fd_, 0, 0, static_cast<off_t>(file_pages * page_bytes)) != 0) fail("fallocate");
  for (std::uint64_t page = 0; page < file_pages; ++page) {
    const auto offset = static_cast<off_t>(page * page_bytes);
    if (::pwrite(fd_, buffer_.data(), page_bytes, offset) != ssize_t{page_bytes}) fail("pwrite");
  }
  if (::fsync(fd_) != 0) fail("fsync");
}

DurableFloor::~DurableFloor() {
  ::close(fd_);
}

void DurableFloor::overwrite(std::uint64_t content) {
  page_ = (page_ + 1) % file_pages;
  for (std::uint64_t& word : buffer_) word = content;
  const auto offset = static_cast<off_t>(page_ * page_bytes);
  if (::pwrite(fd_, buffer_.data(), page_bytes, offset) != ssize_t{page_bytes}) fail("pwrite");
  if (::fdatasync(fd_) != 0) fail("fdatasync");
}

std::uint64_t DurableFloor::last_content() const {
  std::uint64_t content = 0;
  const auto offset = static_cast<off_t>(page_ * page_bytes);
  if (::pread(fd_, &content, sizeof content, offset) != ssize_t{sizeof content}) fail("pread");
  return content;
}

}  // namespace cairn::bench

// SPDX-License-Identifier: BSL-1.0
#include "memory_copy.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <system_error>

#include "../workload.hpp"

namespace cairn::bench {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void* map_whole(int fd, std::size_t bytes) {
  void* p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (p == MAP_FAILED) fail("mmap");
  return p;
}

}  // namespace

MemoryCopy::MemoryCopy(const std::filesystem::path& file, std::size_t bytes)
    : fd_(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)),
      source_(bytes / sizeof(std::uint64_t)) {
  if (fd_ < 0) fail("open");
  if (::fallocate(fd_, 0, 0, static_cast<off_t>(bytes)) != 0) fail("fallocate");
  copy(0);
}

MemoryCopy::~MemoryCopy() {
  ::close(fd_);
}

double MemoryCopy::copy(std::uint64_t content) {
  std::fill(source_.begin(), source_.end(), content);
  const std::size_t bytes = source_.size() * sizeof(std::uint64_t);
  void* target = nullptr;
  const double seconds = seconds_of([&] {
    target = map_whole(fd_, bytes);
    std::memcpy(target, source_.data(), bytes);
  });
  ::munmap(target, bytes);
  return seconds;
}

std::uint64_t MemoryCopy::sum() const {
  const std::size_t bytes = source_.size() * sizeof(std::uint64_t);
  void* mapped = map_whole(fd_, bytes);
  const auto* words = static_cast<const std::uint64_t*>(mapped);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < source_.size(); ++i) sum += words[i];
  ::munmap(mapped, bytes);
  return sum;
}

}  // namespace cairn::bench

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <new>

namespace cairn::bench {

/// glibc's malloc, on a single thread: no locks taken.
class MallocHeap {
 public:
  explicit MallocHeap(const std::filesystem::path&) {}

  void begin() {}
  void commit() {}

  void* allocate(std::size_t bytes) {
    void* p = std::malloc(bytes);
    if (p == nullptr) throw std::bad_alloc();
    return p;
  }
  void deallocate(void* p, std::size_t) { std::free(p); }
};

}  // namespace cairn::bench

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "cairn/free_list_allocator.hpp"

namespace cairn::test {

/// Takes what a heap has left in blocks of every size, so that each new one needs a longer file,
/// and gives it back.
class AllTheRoom {
 public:
  explicit AllTheRoom(FreeListAllocator& heap) : heap_(heap) {
    for (std::size_t bytes = std::size_t{1} << 22; bytes >= 16; bytes /= 2) {
      for (const std::size_t size : {bytes + bytes / 2, bytes}) {
        while (void* const block = heap_.try_allocate(size)) taken_.emplace_back(block, size);
      }
    }
  }
  AllTheRoom(const AllTheRoom&) = delete;
  AllTheRoom& operator=(const AllTheRoom&) = delete;
  ~AllTheRoom() {
    for (const auto& [block, size] : taken_) heap_.deallocate(block, size);
  }

 private:
  FreeListAllocator& heap_;
  std::vector<std::pair<void*, std::size_t>> taken_;
};

}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "../workload.hpp"

namespace cairn::bench {

/// u64 to u64 in a hash map on the heap: what speed looks like with nothing made to last.
/// Nothing is reserved, as on cairn's side.
template <class Map>
class HeapMap {
 public:
  void put_all(std::span<const Put> puts) {
    for (const Put& put : puts) map_.insert_or_assign(put.key, put.value);
  }

  std::uint64_t sum_of_found(std::span<const std::uint64_t> keys) const {
    std::uint64_t sum = 0;
    for (const std::uint64_t key : keys) {
      const auto found = map_.find(key);
      if (found != map_.end()) sum += found->second;
    }
    return sum;
  }

  Digest digest() const {
    Digest digest;
    for (const auto& [key, value] : map_) digest.add(key, value);
    return digest;
  }

 private:
  Map map_;
};

}  // namespace cairn::bench

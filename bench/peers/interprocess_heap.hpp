// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <filesystem>

#include <boost/interprocess/managed_mapped_file.hpp>

namespace cairn::bench {

/// Boost.Interprocess' rbtree_best_fit in a mapped file, made large enough once: it cannot grow
/// while it is mapped. `MutexFamily` decides whether each call takes a lock, as it does by default,
/// or relies on the caller to be the only writer, as cairn's heap may.
template <class MutexFamily>
class InterprocessHeap {
 public:
  explicit InterprocessHeap(const std::filesystem::path& file)
      : segment_(boost::interprocess::create_only, file.c_str(), segment_bytes) {}

  void begin() {}
  void commit() {}

  void* allocate(std::size_t bytes) { return segment_.allocate(bytes); }
  void deallocate(void* p, std::size_t) { segment_.deallocate(p); }

 private:
  static constexpr std::size_t segment_bytes = 1ULL << 30;

  using Segment = boost::interprocess::basic_managed_mapped_file<
      char, boost::interprocess::rbtree_best_fit<MutexFamily>, boost::interprocess::iset_index>;
  Segment segment_;
};

using LockedInterprocessHeap = InterprocessHeap<boost::interprocess::mutex_family>;
using UnlockedInterprocessHeap = InterprocessHeap<boost::interprocess::null_mutex_family>;

}  // namespace cairn::bench

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

#include "cairn/cairn.hpp"

namespace cairn::bench {

/// A store's heap without any container, between `begin` and `commit` of a transaction.
class CairnHeap {
 public:
  explicit CairnHeap(const std::filesystem::path& file) : store_(Store::open(file, kill_safe())) {}

  void begin() {
    transaction_.emplace(store_.begin_write());
    heap_ = &transaction_->heap();
  }
  void commit() {
    transaction_->commit();
    transaction_.reset();
  }

  void* allocate(std::size_t bytes) { return heap_->allocate(bytes); }
  void deallocate(void* p, std::size_t bytes) { heap_->deallocate(p, bytes); }

 private:
  static Options kill_safe() {
    Options options;
    options.durability = Durability::process;
    return options;
  }

  Store store_;
  std::optional<WriteTransaction> transaction_;
  FreeListAllocator* heap_ = nullptr;
};

}  // namespace cairn::bench

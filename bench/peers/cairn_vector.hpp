// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <filesystem>

#include "cairn/cairn.hpp"

namespace cairn::bench {

/// A cairn::Vec of u64 in a store of its own.
class CairnVector {
 public:
  explicit CairnVector(const std::filesystem::path& file);

  /// Appends `i ^ seed` for each i below `count`, in one transaction.
  void push_back_all(std::uint64_t count, std::uint64_t seed);
  /// The sum of all elements, in one read section.
  std::uint64_t sum();

 private:
  Store store_;
  Ref<Vec<std::uint64_t>> elements_;
};

}  // namespace cairn::bench

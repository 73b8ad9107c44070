// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <filesystem>

#include "cairn/cairn.hpp"
#include "vector_fill.hpp"

namespace cairn::bench {

/// A cairn::Vec of u64 in a store of its own.
class CairnVector {
 public:
  explicit CairnVector(const std::filesystem::path& file);

  /// Appends `i ^ seed` for each i below `count` in one transaction, and sums in it before it
  /// commits.
  VectorFill fill(std::uint64_t count, std::uint64_t seed);
  /// The sum of all elements, in one read section.
  std::uint64_t sum();

 private:
  Store store_;
  Ref<Vec<std::uint64_t>> elements_;
};

}  // namespace cairn::bench

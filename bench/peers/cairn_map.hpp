// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <utility>

#include "../workload.hpp"
#include "cairn/cairn.hpp"

namespace cairn::bench {

/// The hash that cairn's map uses by default; peers on the heap get the same, so that rows compare
/// tables and not hash functions.
using CairnHash = cairn::Hash<std::uint64_t>;

/// u64 to u64 in a cairn::HashMap. As LMDB's database handle is opened once, so the map is found by
/// name once and by reference from then on.
class CairnMap {
 public:
  CairnMap(const std::filesystem::path& file, Durability durability);

  /// Puts all in one transaction.
  void put_all(std::span<const Put> puts);
  /// Waits for deferred puts.
  void sync() { store_.sync(); }
  /// Looks up each key in one read section; the sum of what was found, absent keys counting 0.
  std::uint64_t sum_of_found(std::span<const std::uint64_t> keys);
  Digest digest();

  /// Enters and leaves a read section `times` times; the sum of the sequence numbers seen.
  std::uint64_t enter_and_leave(std::uint64_t times);

 private:
  using Map = HashMap<std::uint64_t, std::uint64_t>;

  Store store_;
  Ref<Map> map_;
};

}  // namespace cairn::bench

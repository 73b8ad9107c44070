// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <lmdb.h>

#include <cstdint>
#include <filesystem>
#include <span>

#include "../workload.hpp"

namespace cairn::bench {

/// u64 to u64 in LMDB, set up to its advantage: integer keys, one file without a directory, the
/// database handle opened once, read transactions reused and not tied to threads.
class LmdbMap {
 public:
  /// `flags` are those that a row varies: 0, MDB_NOSYNC, MDB_NOSYNC | MDB_WRITEMAP.
  LmdbMap(const std::filesystem::path& file, unsigned flags);
  LmdbMap(const LmdbMap&) = delete;
  LmdbMap& operator=(const LmdbMap&) = delete;
  ~LmdbMap();

  /// Puts all in one transaction.
  void put_all(std::span<const Put> puts);
  /// Looks up each key in one read section; the sum of what was found, absent keys counting 0.
  std::uint64_t sum_of_found(std::span<const std::uint64_t> keys);
  Digest digest();
  /// From each key on `length` entries in order, in one read section; the sum of their values.
  std::uint64_t sum_of_ranges(std::span<const std::uint64_t> first_keys, std::uint64_t length);

  /// Enters and leaves a read section `times` times the way LMDB advises: one transaction, renewed
  /// and reset. Returns the sum of the transaction ids that were seen.
  std::uint64_t enter_and_leave(std::uint64_t times);
  /// The same with a transaction begun and ended each time.
  std::uint64_t begin_and_abort(std::uint64_t times);

 private:
  MDB_txn* renewed_reader();

  MDB_env* env_ = nullptr;
  MDB_dbi dbi_ = 0;
  MDB_txn* reader_ = nullptr;  ///< reset, not ended, between sections
};

}  // namespace cairn::bench

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "../workload.hpp"

namespace cairn::bench {

/// u64 to u64 in SQLite, set up to its advantage: an integer primary key, the write-ahead log,
/// statements prepared once, the whole file mapped; and each commit on the disk
/// (synchronous=FULL).
class SqliteMap {
 public:
  explicit SqliteMap(const std::filesystem::path& file);

  /// Puts all in one transaction.
  void put_all(std::span<const Put> puts);
  /// Looks up each key; the sum of what was found, absent keys counting 0.
  std::uint64_t sum_of_found(std::span<const std::uint64_t> keys);

 private:
  struct Close {
    void operator()(sqlite3* db) const noexcept { ::sqlite3_close(db); }
    void operator()(sqlite3_stmt* statement) const noexcept { ::sqlite3_finalize(statement); }
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Close>;

  void run(const char* sql);
  Statement prepare(const char* sql);
  void put(const Put& put);
  void require(int code, int wanted) const;

  std::unique_ptr<sqlite3, Close> db_;
  Statement put_;
  Statement find_;
};

}  // namespace cairn::bench

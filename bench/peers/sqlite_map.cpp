// SPDX-License-Identifier: BSL-1.0
#include "sqlite_map.hpp"

#include <stdexcept>
#include <string>

namespace cairn::bench {

SqliteMap::SqliteMap(const std::filesystem::path& file) {
  sqlite3* db = nullptr;
  const int code = ::sqlite3_open(file.c_str(), &db);
  db_.reset(db);
  require(code, SQLITE_OK);
  run("pragma journal_mode=wal");
  run("pragma synchronous=full");
  run("pragma mmap_size=1073741824");
  run("create table map (k integer primary key, v integer not null)");
  put_ = prepare("insert or replace into map values (?, ?)");
  find_ = prepare("select v from map where k = ?");
}

void SqliteMap::put_all(std::span<const Put> puts) {
  // A single statement is a transaction of its own.
  if (puts.size() == 1) return put(puts.front());
  run("begin immediate");
  for (const Put& one : puts) put(one);
  run("commit");
}

std::uint64_t SqliteMap::sum_of_found(std::span<const std::uint64_t> keys) {
  std::uint64_t sum = 0;
  for (const std::uint64_t key : keys) {
    ::sqlite3_bind_int64(find_.get(), 1, static_cast<sqlite3_int64>(key));
    if (::sqlite3_step(find_.get()) == SQLITE_ROW) {
      sum += static_cast<std::uint64_t>(::sqlite3_column_int64(find_.get(), 0));
    }
    require(::sqlite3_reset(find_.get()), SQLITE_OK);
  }
  return sum;
}

void SqliteMap::put(const Put& put) {
  ::sqlite3_bind_int64(put_.get(), 1, static_cast<sqlite3_int64>(put.key));
  ::sqlite3_bind_int64(put_.get(), 2, static_cast<sqlite3_int64>(put.value));
  require(::sqlite3_step(put_.get()), SQLITE_DONE);
  require(::sqlite3_reset(put_.get()), SQLITE_OK);
}

void SqliteMap::run(const char* sql) {
  require(::sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr), SQLITE_OK);
}

SqliteMap::Statement SqliteMap::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = ::sqlite3_prepare_v2(db_.get(), sql, -1, &statement, nullptr);
  Statement made(statement);
  require(code, SQLITE_OK);
  return made;
}

void SqliteMap::require(int code, int wanted) const {
  if (code != wanted)
    throw std::runtime_error(std::string("SQLite: ") + ::sqlite3_errmsg(db_.get()));
}

}  // namespace cairn::bench

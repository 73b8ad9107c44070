// SPDX-License-Identifier: BSL-1.0
#include "lmdb_map.hpp"

#include <cstring>
#include <stdexcept>

#include <fmt/format.h>

namespace cairn::bench {
namespace {

/// Address space, not disk: far more than any row puts in, so that growth is never an issue.
constexpr std::size_t map_bytes = 16ULL << 30;

void check(int result, const char* call) {
  if (result != MDB_SUCCESS) {
    throw std::runtime_error(fmt::format("LMDB: {}: {}", call, mdb_strerror(result)));
  }
}

MDB_val value_of(const std::uint64_t& number) {
  return {sizeof number, const_cast<std::uint64_t*>(&number)};
}

std::uint64_t number_in(const MDB_val& value) {
  std::uint64_t number = 0;
  std::memcpy(&number, value.mv_data, sizeof number);
  return number;
}

}  // namespace

LmdbMap::LmdbMap(const std::filesystem::path& file, unsigned flags) {
  check(mdb_env_create(&env_), "mdb_env_create");
  check(mdb_env_set_mapsize(env_, map_bytes), "mdb_env_set_mapsize");
  check(mdb_env_open(env_, file.c_str(), flags | MDB_NOSUBDIR | MDB_NOTLS, 0600), "mdb_env_open");
  MDB_txn* txn = nullptr;
  check(mdb_txn_begin(env_, nullptr, 0, &txn), "mdb_txn_begin");
  check(mdb_dbi_open(txn, nullptr, MDB_INTEGERKEY | MDB_CREATE, &dbi_), "mdb_dbi_open");
  check(mdb_txn_commit(txn), "mdb_txn_commit");
}

LmdbMap::~LmdbMap() {
  if (reader_ != nullptr) mdb_txn_abort(reader_);
  if (env_ != nullptr) mdb_env_close(env_);
}

void LmdbMap::put_all(std::span<const Put> puts) {
  MDB_txn* txn = nullptr;
  check(mdb_txn_begin(env_, nullptr, 0, &txn), "mdb_txn_begin");
  for (const Put& put : puts) {
    MDB_val key = value_of(put.key);
    MDB_val value = value_of(put.value);
    check(mdb_put(txn, dbi_, &key, &value, 0), "mdb_put");
  }
  check(mdb_txn_commit(txn), "mdb_txn_commit");
}

MDB_txn* LmdbMap::renewed_reader() {
  if (reader_ == nullptr) {
    check(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &reader_), "mdb_txn_begin");
  } else {
    check(mdb_txn_renew(reader_), "mdb_txn_renew");
  }
  return reader_;
}

std::uint64_t LmdbMap::sum_of_found(std::span<const std::uint64_t> keys) {
  MDB_txn* txn = renewed_reader();
  std::uint64_t sum = 0;
  for (const std::uint64_t& number : keys) {
    MDB_val key = value_of(number);
    MDB_val value;
    const int result = mdb_get(txn, dbi_, &key, &value);
    if (result == MDB_SUCCESS) {
      sum += number_in(value);
    } else if (result != MDB_NOTFOUND) {
      check(result, "mdb_get");
    }
  }
  mdb_txn_reset(txn);
  return sum;
}

Digest LmdbMap::digest() {
  MDB_txn* txn = renewed_reader();
  MDB_cursor* cursor = nullptr;
  check(mdb_cursor_open(txn, dbi_, &cursor), "mdb_cursor_open");
  Digest digest;
  MDB_val key;
  MDB_val value;
  int result = MDB_SUCCESS;
  while ((result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == MDB_SUCCESS) {
    digest.add(number_in(key), number_in(value));
  }
  mdb_cursor_close(cursor);
  mdb_txn_reset(txn);
  if (result != MDB_NOTFOUND) check(result, "mdb_cursor_get");
  return digest;
}

std::uint64_t LmdbMap::sum_of_ranges(std::span<const std::uint64_t> first_keys,
                                     std::uint64_t length) {
  MDB_txn* txn = renewed_reader();
  MDB_cursor* cursor = nullptr;
  check(mdb_cursor_open(txn, dbi_, &cursor), "mdb_cursor_open");
  std::uint64_t sum = 0;
  for (const std::uint64_t& first : first_keys) {
    MDB_val key = value_of(first);
    MDB_val value;
    int result = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (std::uint64_t i = 0; i < length && result == MDB_SUCCESS; ++i) {
      sum += number_in(value);
      result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    if (result != MDB_NOTFOUND) check(result, "mdb_cursor_get");
  }
  mdb_cursor_close(cursor);
  mdb_txn_reset(txn);
  return sum;
}

std::uint64_t LmdbMap::enter_and_leave(std::uint64_t times) {
  mdb_txn_reset(renewed_reader());
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < times; ++i) {
    check(mdb_txn_renew(reader_), "mdb_txn_renew");
    sum += mdb_txn_id(reader_);
    mdb_txn_reset(reader_);
  }
  return sum;
}

std::uint64_t LmdbMap::begin_and_abort(std::uint64_t times) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < times; ++i) {
    MDB_txn* txn = nullptr;
    check(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn), "mdb_txn_begin");
    sum += mdb_txn_id(txn);
    mdb_txn_abort(txn);
  }
  return sum;
}

}  // namespace cairn::bench

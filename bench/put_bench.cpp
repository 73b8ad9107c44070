// SPDX-License-Identifier: BSL-1.0
#include <lmdb.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <span>

#include "peers/cairn_map.hpp"
#include "peers/lmdb_map.hpp"
#include "rows.hpp"
#include "workload.hpp"

namespace cairn::bench {
namespace {

const std::string lmdb_nosync = "LMDB NOSYNC";
const std::string lmdb_writemap = "LMDB NOSYNC|WRITEMAP";

/// What every contestant of a kill-safe row does: new keys into an empty map, then the same keys in
/// other orders and with other values.
struct PutWork {
  std::uint64_t keys;
  std::size_t batch;
  unsigned update_passes;
};

template <class Map>
Samples run_put_work(const std::string& who, Map& map, const PutWork& work, unsigned repetition) {
  const std::vector<std::uint64_t> keys = distinct_keys(work.keys);
  std::uint64_t round = std::uint64_t{repetition} * (work.update_passes + 1);
  std::vector<Put> puts = puts_of(shuffled(keys, round), round);
  const double inserting = seconds_of([&] { put_in_batches(map, puts, work.batch); });
  double updating = 0;
  for (unsigned pass = 0; pass < work.update_passes; ++pass) {
    ++round;
    puts = puts_of(shuffled(keys, round), round);
    updating += seconds_of([&] { put_in_batches(map, puts, work.batch); });
  }
  require_digest(who, map.digest(), digest_of(puts));
  return {ns_each(inserting, work.keys), ns_each(updating, work.keys * work.update_passes)};
}

/// A contestant that begins every repetition with a new file; `open` makes the map in it.
template <class Open>
Contestant putting_contestant(const std::string& name, const PutWork& full, Open open) {
  return {name, [=](const Setting& setting) -> Trial {
            PutWork work = full;
            work.keys = setting.amount(full.keys, full.keys / 10);
            return [=](unsigned repetition) {
              const TrialDirectory directory(setting.directory);
              auto map = open(directory.file("map"));
              return run_put_work(name, *map, work, repetition);
            };
          }};
}

Contestant putting_lmdb(const std::string& name, const PutWork& work, unsigned flags) {
  return putting_contestant(name, work, [flags](const std::filesystem::path& file) {
    return std::make_unique<LmdbMap>(file, flags);
  });
}

Contestant putting_cairn(const PutWork& work) {
  return putting_contestant(cairn_name, work, [](const std::filesystem::path& file) {
    return std::make_unique<CairnMap>(file, Durability::process);
  });
}

std::vector<Measure> put_measures() {
  return {{"insert", Unit::nanoseconds}, {"update", Unit::nanoseconds}};
}

Row put_one_row() {
  const PutWork work{100'000, 1, 4};
  Row row{"put_one",
          "one put a transaction, kill-safe, 100 000 random keys, u64 to u64; each put",
          put_measures(),
          {putting_cairn(work), putting_lmdb(lmdb_writemap, work, MDB_NOSYNC | MDB_WRITEMAP),
           putting_lmdb(lmdb_nosync, work, MDB_NOSYNC)}};
  for (const Measure& measure : row.measures) {
    row.marks.push_back({measure.name, Mark::Kind::at_least_times_as_fast, 3, lmdb_writemap});
    row.marks.push_back({measure.name, Mark::Kind::at_least_times_as_fast, 8, lmdb_nosync});
  }
  return row;
}

Row put_1000_row() {
  const PutWork work{500'000, 1000, 2};
  Row row{"put_1000",
          "1000 puts a transaction, kill-safe, 500 000 random keys, u64 to u64; each put",
          put_measures(),
          {putting_cairn(work), putting_lmdb(lmdb_writemap, work, MDB_NOSYNC | MDB_WRITEMAP)}};
  for (const Measure& measure : row.measures) {
    row.marks.push_back({measure.name, Mark::Kind::at_least_times_as_fast, 5, lmdb_writemap});
  }
  return row;
}

}  // namespace

std::vector<Row> put_rows() {
  return {put_one_row(), put_1000_row()};
}

}  // namespace cairn::bench

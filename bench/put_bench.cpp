// SPDX-License-Identifier: BSL-1.0
#include <lmdb.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <span>

#include "peers/cairn_map.hpp"
#include "peers/durable_floor.hpp"
#include "peers/lmdb_map.hpp"
#include "rows.hpp"
#include "workload.hpp"

namespace cairn::bench {
namespace {

const std::string lmdb_default = "LMDB";
const std::string lmdb_nosync = "LMDB NOSYNC";
const std::string lmdb_writemap = "LMDB NOSYNC|WRITEMAP";
const std::string floor_name = "4 KiB overwrite + fdatasync";

template <class Map>
void put_in_batches(Map& map, std::span<const Put> puts, std::size_t batch) {
  for (std::size_t i = 0; i < puts.size(); i += batch) {
    map.put_all(puts.subspan(i, std::min(batch, puts.size() - i)));
  }
}

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

/// Durable puts are few and slow, so maps last for the whole row: filled once, then each repetition
/// changes the next few keys of one random order.
struct DurableWork {
  explicit DurableWork(const Setting& setting)
      : keys(distinct_keys(setting.amount(100'000, 10'000))),
        order(shuffled(keys, 1)),
        puts_each(setting.amount(250, 25)) {}

  /// The puts of a repetition; never the values that stand there.
  std::vector<Put> puts(unsigned repetition) const {
    std::vector<Put> puts;
    puts.reserve(puts_each);
    for (std::size_t i = 0; i < puts_each; ++i) {
      const std::uint64_t key = order[(repetition * puts_each + i) % order.size()];
      puts.push_back({key, value_in_round(key, repetition + 1)});
    }
    return puts;
  }

  std::vector<std::uint64_t> keys;
  std::vector<std::uint64_t> order;
  std::size_t puts_each;
};

template <class Open>
Contestant durable_contestant(const std::string& name, Open open) {
  return {name, [=](const Setting& setting) -> Trial {
            auto work = std::make_shared<const DurableWork>(setting);
            using Map = typename decltype(open(setting.directory))::element_type;
            std::shared_ptr<Map> map = open(setting.directory / "map");
            map->put_all(puts_of(work->keys, 0));
            return [=](unsigned repetition) -> Samples {
              const std::vector<Put> puts = work->puts(repetition);
              const double seconds = seconds_of([&] { put_in_batches(*map, puts, 1); });
              std::vector<std::uint64_t> changed;
              changed.reserve(puts.size());
              for (const Put& put : puts) changed.push_back(put.key);
              require_answer(name, "sum of changed values", map->sum_of_found(changed),
                             sum_of_values(puts));
              return {seconds * 1e6 / static_cast<double>(puts.size())};
            };
          }};
}

Contestant durable_floor_contestant() {
  return {floor_name, [](const Setting& setting) -> Trial {
            auto work = std::make_shared<const DurableWork>(setting);
            auto floor = std::make_shared<DurableFloor>(setting.directory / "floor");
            return [=](unsigned repetition) -> Samples {
              const std::vector<Put> puts = work->puts(repetition);
              const double seconds = seconds_of([&] {
                for (const Put& put : puts) floor->overwrite(put.value);
              });
              require_answer(floor_name, "last page", floor->last_content(), puts.back().value);
              return {seconds * 1e6 / static_cast<double>(puts.size())};
            };
          }};
}

Row put_durable_row() {
  Row row{"put_durable",
          "one put a transaction, level power, among 100 000 keys; each put",
          {{"put", Unit::microseconds}},
          {durable_contestant(cairn_name,
                              [](const std::filesystem::path& file) {
                                return std::make_unique<CairnMap>(file, Durability::power);
                              }),
           durable_contestant(lmdb_default,
                              [](const std::filesystem::path& file) {
                                return std::make_unique<LmdbMap>(file, 0);
                              }),
           durable_floor_contestant()}};
  row.marks = {{"put", Mark::Kind::at_least_times_as_fast, 1.7, lmdb_default},
               {"put", Mark::Kind::at_most_times_the_time, 1.3, floor_name}};
  row.rounds = 4;
  return row;
}

}  // namespace

std::vector<Row> put_rows() {
  return {put_one_row(), put_1000_row(), put_durable_row()};
}

}  // namespace cairn::bench

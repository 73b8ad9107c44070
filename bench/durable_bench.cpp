// SPDX-License-Identifier: BSL-1.0
// Commits that survive a power cut: alone, by many threads at once, and deferred.
#include <functional>
#include <memory>
#include <span>
#include <thread>

#include "peers/cairn_map.hpp"
#include "peers/durable_floor.hpp"
#include "peers/lmdb_map.hpp"
#include "peers/sqlite_map.hpp"
#include "rows.hpp"
#include "workload.hpp"

namespace cairn::bench {
namespace {

const std::string lmdb_name = "LMDB";
const std::string sqlite_name = "SQLite WAL FULL";
const std::string floor_name = "4 KiB overwrite + fdatasync";
const std::string one_thread_name = "cairn, one thread";
const std::string process_name = "cairn, level process";

constexpr std::size_t many_threads = 16;

std::function<std::unique_ptr<CairnMap>(const std::filesystem::path&)> cairn_at(Durability level) {
  return [level](const std::filesystem::path& file) {
    return std::make_unique<CairnMap>(file, level);
  };
}

std::unique_ptr<SqliteMap> open_sqlite(const std::filesystem::path& file) {
  return std::make_unique<SqliteMap>(file);
}

std::unique_ptr<LmdbMap> open_lmdb(const std::filesystem::path& file) {
  return std::make_unique<LmdbMap>(file, 0);
}

/// Durable puts are few and slow, so maps last for the whole row: filled once, then each repetition
/// changes the next few keys of one random order.
struct DurableWork {
  DurableWork(const Setting& setting, std::size_t threads)
      : keys(distinct_keys(setting.amount(100'000, 10'000))),
        order(shuffled(keys, 1)),
        puts_each(threads * setting.amount(250, 25)) {}

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

/// Changes values of a map that lasts for the whole row: `put_all` puts what it is given. The row's
/// figure is what each took.
template <class Open, class PutAll>
Contestant changing_contestant(const std::string& name, std::size_t threads, Open open,
                               PutAll put_all) {
  return {name, [=](const Setting& setting) -> Trial {
            auto work = std::make_shared<const DurableWork>(setting, threads);
            using Map = typename decltype(open(setting.directory))::element_type;
            std::shared_ptr<Map> map = open(setting.directory / "map");
            map->put_all(puts_of(work->keys, 0));
            return [=](unsigned repetition) -> Samples {
              const std::vector<Put> puts = work->puts(repetition);
              const double seconds = seconds_of([&] { put_all(*map, puts); });
              std::vector<std::uint64_t> changed;
              changed.reserve(puts.size());
              for (const Put& put : puts) changed.push_back(put.key);
              require_answer(name, "sum of changed values", map->sum_of_found(changed),
                             sum_of_values(puts));
              return {seconds * 1e6 / static_cast<double>(puts.size())};
            };
          }};
}

template <class Open>
Contestant durable_contestant(const std::string& name, Open open) {
  return changing_contestant(
      name, 1, open, [](auto& map, std::span<const Put> puts) { put_in_batches(map, puts, 1); });
}

/// Each of many threads commits its part of the puts, one at a time.
template <class Open>
Contestant threads_contestant(const std::string& name, Open open) {
  return changing_contestant(name, many_threads, open, [](auto& map, std::span<const Put> puts) {
    std::vector<std::thread> threads;
    const std::size_t each = puts.size() / many_threads;
    for (std::size_t i = 0; i < many_threads; ++i) {
      threads.emplace_back(
          [&map, part = puts.subspan(i * each, each)] { put_in_batches(map, part, 1); });
    }
    for (std::thread& thread : threads) thread.join();
  });
}

Contestant durable_floor_contestant() {
  return {floor_name, [](const Setting& setting) -> Trial {
            auto work = std::make_shared<const DurableWork>(setting, 1);
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
          {durable_contestant(cairn_name, cairn_at(Durability::power)),
           durable_contestant(lmdb_name, open_lmdb), durable_contestant(sqlite_name, open_sqlite),
           durable_floor_contestant()}};
  row.marks = {{"put", Mark::Kind::at_least_times_as_fast, 2, lmdb_name},
               {"put", Mark::Kind::at_least_times_as_fast, 1, sqlite_name},
               {"put", Mark::Kind::at_most_times_the_time, 1.2, floor_name}};
  row.rounds = 4;
  return row;
}

Row put_durable_threads_row() {
  Row row{"put_durable_threads",
          "one put a transaction, level power, 16 threads at once; each put",
          {{"put", Unit::microseconds}},
          {threads_contestant(cairn_name, cairn_at(Durability::power)),
           durable_contestant(one_thread_name, cairn_at(Durability::power)),
           threads_contestant(lmdb_name, open_lmdb)}};
  row.marks = {{"put", Mark::Kind::at_least_times_as_fast, 8, one_thread_name},
               {"put", Mark::Kind::at_least_times_as_fast, 2, lmdb_name}};
  row.rounds = 4;
  return row;
}

/// New values for all keys, one a transaction; the sync at the end counts.
Contestant deferred_contestant(const std::string& name, Durability level) {
  return {name, [=](const Setting& setting) -> Trial {
            const std::uint64_t count = setting.amount(100'000, 10'000);
            auto keys = std::make_shared<const std::vector<std::uint64_t>>(distinct_keys(count));
            std::shared_ptr<CairnMap> map = cairn_at(level)(setting.directory / "map");
            map->put_all(puts_of(*keys, 0));
            return [=](unsigned repetition) -> Samples {
              const std::vector<Put> puts =
                  puts_of(shuffled(*keys, repetition + 1), repetition + 1);
              const double seconds = seconds_of([&] {
                put_in_batches(*map, puts, 1);
                map->sync();
              });
              require_digest(name, map->digest(), digest_of(puts));
              return {ns_each(seconds, puts.size())};
            };
          }};
}

Row put_deferred_row() {
  Row row{"put_deferred",
          "one put a transaction, deferred, 100 000 random keys, and a sync at the end; each put",
          {{"put", Unit::nanoseconds}},
          {deferred_contestant(cairn_name, Durability::deferred),
           deferred_contestant(process_name, Durability::process)}};
  row.marks = {{"put", Mark::Kind::at_most_times_the_time, 2, process_name}};
  return row;
}

}  // namespace

std::vector<Row> durable_rows() {
  return {put_durable_row(), put_durable_threads_row(), put_deferred_row()};
}

}  // namespace cairn::bench

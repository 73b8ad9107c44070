// SPDX-License-Identifier: BSL-1.0
#include <lmdb.h>
#include <malloc.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "peers/lmdb_map.hpp"
#include "peers/ordered_map.hpp"
#include "rows.hpp"
#include "workload.hpp"

namespace cairn::bench {
namespace {

const std::string absl_name = "absl::btree_map";
const std::string interprocess_name = "boost::interprocess::map";
const std::string lmdb_name = "LMDB NOSYNC|WRITEMAP";

template <class Key>
std::vector<Key> keys_of(std::uint64_t count);
template <>
std::vector<std::uint64_t> keys_of(std::uint64_t count) {
  return distinct_keys(count);
}
/// From 16 to 39 characters, with beginnings that some share.
template <>
std::vector<std::string> keys_of(std::uint64_t count) {
  std::vector<std::string> keys;
  for (const std::uint64_t number : distinct_keys(count)) {
    keys.push_back(
        fmt::format("{:02x}{:014x}{}", number % 64, number >> 8, std::string(number % 24, 'k')));
  }
  return keys;
}

template <class Key>
std::vector<Key> reordered(std::vector<Key> keys, std::uint64_t seed) {
  Random random(seed);
  for (std::size_t i = keys.size(); i > 1; --i) std::swap(keys[i - 1], keys[random.below(i)]);
  return keys;
}

/// What is done `rounds` times over in a repetition, so that small maps take measurable time.
struct Amount {
  std::uint64_t keys;
  unsigned rounds;
};

std::vector<Measure> work_measures() {
  return {{"insert", Unit::nanoseconds},
          {"find, read section", Unit::nanoseconds},
          {"find, transaction", Unit::nanoseconds},
          {"scan, read section", Unit::nanoseconds},
          {"scan, transaction", Unit::nanoseconds},
          {"erase", Unit::nanoseconds}};
}

template <template <class> class Contestant, class Key>
Samples run_ordered_work(const std::string& who, const std::filesystem::path& file,
                         const Amount& amount, unsigned repetition) {
  Contestant<Key> contestant(file);
  using Work = OrderedWork<typename Contestant<Key>::Map, Key>;
  double seconds[6] = {};
  const std::vector<Key> keys = keys_of<Key>(amount.keys);
  std::uint64_t found[4] = {};
  std::uint64_t expected = 0;
  std::uint64_t erased = 0;
  for (unsigned round = 0; round < amount.rounds; ++round) {
    const std::uint64_t seed = std::uint64_t{repetition} * amount.rounds + round;
    std::vector<Entry<Key>> entries;
    entries.reserve(keys.size());
    for (const Key& key : reordered(keys, seed)) {
      entries.push_back({key, mix(seed * amount.keys + entries.size())});
      expected += 2 * entries.back().value;
    }
    const std::vector<Key> sought = reordered(keys, seed + 77);
    const std::vector<Key> sought_again = reordered(keys, seed + 177);
    const std::vector<Key> doomed = reordered(keys, seed + 777);
    contestant.run(
        [&](auto& map) { seconds[0] += seconds_of([&] { Work::insert(map, entries); }); });
    contestant.read([&](const auto& map) {
      seconds[1] += seconds_of([&] { found[0] += Work::sum_of_found(map, sought); });
      seconds[3] += seconds_of([&] { found[1] += Work::sum_of_all(map); });
    });
    contestant.run([&](auto& map) {
      seconds[2] += seconds_of([&] { found[2] += Work::sum_of_found(map, sought_again); });
      seconds[4] += seconds_of([&] { found[3] += Work::sum_of_all(map); });
    });
    contestant.run(
        [&](auto& map) { seconds[5] += seconds_of([&] { erased += Work::erase(map, doomed); }); });
  }
  require_answer(who, "sum of values in read sections", found[0] + found[1], expected);
  require_answer(who, "sum of values in transactions", found[2] + found[3], expected);
  require_answer(who, "number of erased keys", erased, amount.keys * amount.rounds);
  Samples samples;
  for (const double each : seconds) samples.push_back(ns_each(each, amount.keys * amount.rounds));
  return samples;
}

template <template <class> class Peer, class Key>
Contestant ordered_contestant(const std::string& name, const Amount& full) {
  return {name, [=](const Setting& setting) -> Trial {
            Amount amount = full;
            amount.keys = setting.amount(full.keys, std::min<std::uint64_t>(full.keys, 20'000));
            return [=](unsigned repetition) {
              const TrialDirectory directory(setting.directory);
              return run_ordered_work<Peer, Key>(name, directory.file("map"), amount, repetition);
            };
          }};
}

template <class Key>
Row ordered_row(const std::string& name, const std::string& what, const Amount& amount) {
  Row row{name,
          what + ", each operation on all of them in random order in one transaction",
          work_measures(),
          {ordered_contestant<OrderedCairnMap, Key>(cairn_name, amount),
           ordered_contestant<OrderedHeapMap, Key>(absl_name, amount),
           ordered_contestant<OrderedInterprocessMap, Key>(interprocess_name, amount)}};
  for (const Measure& measure : row.measures) {
    row.marks.push_back({measure.name, Mark::Kind::at_most_times_the_time, 1.3, absl_name});
    row.marks.push_back({measure.name, Mark::Kind::at_least_times_as_fast, 4, interprocess_name});
  }
  return row;
}

/// cairn's ordered map with the interface that LMDB's has here.
class OrderedCairnPuts : public OrderedCairnMap<std::uint64_t> {
 public:
  using OrderedCairnMap::OrderedCairnMap;

  void put_all(std::span<const Put> puts) {
    run([&](Map& map) {
      for (const Put& put : puts) map.insert_or_assign(put.key, put.value);
    });
  }
  std::uint64_t sum_of_found(std::span<const std::uint64_t> keys) {
    std::uint64_t sum = 0;
    read([&](const Map& map) { sum = OrderedWork<Map, std::uint64_t>::sum_of_found(map, keys); });
    return sum;
  }
  std::uint64_t sum_of_ranges(std::span<const std::uint64_t> first_keys, std::uint64_t length) {
    std::uint64_t sum = 0;
    read([&](const Map& map) {
      for (const std::uint64_t first : first_keys) {
        auto at = map.lower_bound(first);
        for (std::uint64_t i = 0; i < length && at != map.end(); ++i, ++at) sum += at->second;
      }
    });
    return sum;
  }
};

constexpr std::uint64_t range_length = 100;
constexpr std::size_t batch_puts = 1000;

/// Batches into an empty map, then lookups and ranges in what they made.
template <class Map, class Open>
Contestant batch_contestant(const std::string& name, Open open) {
  return {name, [=](const Setting& setting) -> Trial {
            const std::vector<std::uint64_t> keys =
                distinct_keys(setting.amount(1'000'000, 20'000));
            return [=](unsigned repetition) -> Samples {
              const TrialDirectory directory(setting.directory);
              const std::unique_ptr<Map> map = open(directory.file("map"));
              const std::vector<Put> puts = puts_of(shuffled(keys, repetition), repetition);
              const std::span<const Put> all(puts);
              const double inserting = seconds_of([&] {
                for (std::size_t i = 0; i < all.size(); i += batch_puts) {
                  map->put_all(all.subspan(i, std::min(batch_puts, all.size() - i)));
                }
              });
              const std::vector<std::uint64_t> sought = shuffled(keys, repetition + 7);
              const std::span<const std::uint64_t> firsts(sought.data(), keys.size() / 100);
              std::uint64_t found = 0;
              std::uint64_t in_ranges = 0;
              const double getting = seconds_of([&] { found = map->sum_of_found(sought); });
              const double ranging =
                  seconds_of([&] { in_ranges = map->sum_of_ranges(firsts, range_length); });
              require_answer(name, "sum of values found", found, sum_of_values(puts));
              std::vector<Put> sorted = puts;
              std::sort(sorted.begin(), sorted.end(),
                        [](const Put& a, const Put& b) { return a.key < b.key; });
              std::uint64_t expected = 0;
              for (const std::uint64_t first : firsts) {
                auto at = std::lower_bound(
                    sorted.begin(), sorted.end(), first,
                    [](const Put& put, std::uint64_t key) { return put.key < key; });
                for (std::uint64_t i = 0; i < range_length && at != sorted.end(); ++i, ++at) {
                  expected += at->value;
                }
              }
              require_answer(name, "sum of values in ranges", in_ranges, expected);
              return {ns_each(getting, keys.size()), ns_each(ranging, firsts.size() * range_length),
                      ns_each(inserting, keys.size())};
            };
          }};
}

Row ordered_lmdb_row() {
  Row row{"ordered_lmdb",
          "1 000 000 u64 pairs: random gets, ranges of 100 entries, inserts of 1000 a transaction",
          {{"random get", Unit::nanoseconds},
           {"range scan", Unit::nanoseconds},
           {"batch insert", Unit::nanoseconds}},
          {batch_contestant<OrderedCairnPuts>(cairn_name,
                                              [](const std::filesystem::path& file) {
                                                return std::make_unique<OrderedCairnPuts>(file);
                                              }),
           batch_contestant<LmdbMap>(lmdb_name, [](const std::filesystem::path& file) {
             return std::make_unique<LmdbMap>(file, unsigned{MDB_NOSYNC | MDB_WRITEMAP});
           })}};
  row.marks = {{"random get", Mark::Kind::at_least_times_as_fast, 4, lmdb_name},
               {"range scan", Mark::Kind::at_least_times_as_fast, 3, lmdb_name},
               {"batch insert", Mark::Kind::at_least_times_as_fast, 4, lmdb_name}};
  return row;
}

std::vector<Entry<std::uint64_t>> entries_in_round(std::uint64_t count, std::uint64_t round) {
  std::vector<Entry<std::uint64_t>> entries;
  for (const Put& put : puts_of(shuffled(distinct_keys(count), round), round)) {
    entries.push_back({put.key, put.value});
  }
  return entries;
}

double mebibytes(std::uint64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

/// Bytes of the whole data file, trailing free pages given back.
Samples measure_file(const std::filesystem::path& file, std::uint64_t count, unsigned repetition) {
  using Map = OrderedCairnMap<std::uint64_t>;
  Map map(file);
  map.run([&](Map::Map& stored) {
    OrderedWork<Map::Map, std::uint64_t>::insert(stored, entries_in_round(count, repetition));
  });
  map.store().shrink_to_usage();
  return {mebibytes(map.store().size())};
}

Samples measure_heap(std::uint64_t count, unsigned repetition) {
  using Map = absl::btree_map<std::uint64_t, std::uint64_t>;
  const auto entries = entries_in_round(count, repetition);
  const auto before = ::mallinfo2();
  Map map;
  OrderedWork<Map, std::uint64_t>::insert(map, entries);
  const auto after = ::mallinfo2();
  return {mebibytes(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd)};
}

Row ordered_memory_row() {
  const auto amount = [](const Setting& setting) { return setting.amount(1'000'000, 20'000); };
  Row row{"ordered_memory",
          "1 000 000 u64 pairs, inserted in random order: the data file, or what malloc gave out",
          {{"size", Unit::mebibytes}},
          {{cairn_name,
            [=](const Setting& setting) -> Trial {
              return [=](unsigned repetition) {
                const TrialDirectory directory(setting.directory);
                return measure_file(directory.file("map"), amount(setting), repetition);
              };
            }},
           {absl_name, [=](const Setting& setting) -> Trial {
              return [=](unsigned repetition) { return measure_heap(amount(setting), repetition); };
            }}}};
  row.marks = {{"size", Mark::Kind::at_most_times_the_time, 1, absl_name}};
  return row;
}

}  // namespace

std::vector<Row> ordered_rows() {
  const Amount small{1'000, 300};
  const Amount large{1'000'000, 1};
  return {ordered_row<std::uint64_t>("ordered_u64_1k", "1 000 u64 keys", small),
          ordered_row<std::uint64_t>("ordered_u64_1m", "1 000 000 u64 keys", large),
          ordered_row<std::string>("ordered_text_1k", "1 000 texts as keys", small),
          ordered_row<std::string>("ordered_text_1m", "1 000 000 texts as keys", large),
          ordered_lmdb_row(),
          ordered_memory_row()};
}

}  // namespace cairn::bench

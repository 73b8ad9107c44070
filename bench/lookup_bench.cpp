// SPDX-License-Identifier: BSL-1.0
#include <absl/container/flat_hash_map.h>
#include <lmdb.h>
#include <tsl/robin_map.h>

#include <memory>

#include "peers/cairn_map.hpp"
#include "peers/heap_map.hpp"
#include "peers/lmdb_map.hpp"
#include "rows.hpp"
#include "workload.hpp"

namespace cairn::bench {
namespace {

using RobinMap = HeapMap<tsl::robin_map<std::uint64_t, std::uint64_t, CairnHash>>;
using AbslMap = HeapMap<absl::flat_hash_map<std::uint64_t, std::uint64_t, CairnHash>>;

const std::string lmdb_name = "LMDB";
const std::string robin_name = "tsl::robin_map";
const std::string absl_name = "absl::flat_hash_map";

/// `open` makes an empty map, which is filled once for the whole row; nothing is timed but lookups,
/// all in one read section.
template <class Open>
Contestant lookup_contestant(const std::string& name, Open open) {
  return {name, [=](const Setting& setting) -> Trial {
            const std::vector<std::uint64_t> keys =
                distinct_keys(setting.amount(1'000'000, 50'000));
            const std::vector<Put> puts = puts_of(keys, 0);
            using Map = typename decltype(open(setting.directory))::element_type;
            std::shared_ptr<Map> map = open(setting.directory / "map");
            map->put_all(puts);
            return [=](unsigned repetition) -> Samples {
              const std::vector<std::uint64_t> present = shuffled(keys, repetition);
              const std::vector<std::uint64_t> absent =
                  shuffled(absent_keys(keys.size()), repetition);
              std::uint64_t found = 0;
              std::uint64_t not_there = 0;
              const double hits = seconds_of([&] { found = map->sum_of_found(present); });
              const double misses = seconds_of([&] { not_there = map->sum_of_found(absent); });
              require_answer(name, "sum of values found", found, sum_of_values(puts));
              require_answer(name, "sum of absent values", not_there, 0);
              return {ns_each(hits, keys.size()), ns_each(misses, keys.size())};
            };
          }};
}

template <class Map>
Contestant lookup_on_the_heap(const std::string& name) {
  return lookup_contestant(name,
                           [](const std::filesystem::path&) { return std::make_unique<Map>(); });
}

}  // namespace

std::vector<Row> lookup_rows() {
  Row row{"lookup",
          "1 000 000 random lookups among as many keys in one read section; each lookup",
          {{"present key", Unit::nanoseconds}, {"absent key", Unit::nanoseconds}},
          {lookup_contestant(cairn_name,
                             [](const std::filesystem::path& file) {
                               return std::make_unique<CairnMap>(file, Durability::process);
                             }),
           lookup_contestant(lmdb_name,
                             [](const std::filesystem::path& file) {
                               return std::make_unique<LmdbMap>(file, unsigned{MDB_NOSYNC});
                             }),
           lookup_on_the_heap<RobinMap>(robin_name), lookup_on_the_heap<AbslMap>(absl_name)}};
  row.marks = {{"present key", Mark::Kind::at_least_times_as_fast, 8, lmdb_name},
               {"present key", Mark::Kind::at_most_times_the_time, 1.3, robin_name}};
  return {row};
}

}  // namespace cairn::bench

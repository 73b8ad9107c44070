// SPDX-License-Identifier: BSL-1.0
#include <absl/container/flat_hash_map.h>
#include <tsl/robin_map.h>

#include <memory>

#include "peers/cairn_map.hpp"
#include "peers/heap_map.hpp"
#include "rows.hpp"
#include "workload.hpp"

namespace cairn::bench {
namespace {

using RobinMap = HeapMap<tsl::robin_map<std::uint64_t, std::uint64_t, CairnHash>>;
using AbslMap = HeapMap<absl::flat_hash_map<std::uint64_t, std::uint64_t, CairnHash>>;

const std::string robin_name = "tsl::robin_map";
const std::string absl_name = "absl::flat_hash_map";

/// `open` makes an empty map before time runs: a bulk load finds its store there, and on the heap
/// an empty map costs nothing.
template <class Open>
Contestant bulk_contestant(const std::string& name, Open open) {
  return {name, [=](const Setting& setting) -> Trial {
            const std::uint64_t count = setting.amount(10'000'000, 200'000);
            return [=](unsigned repetition) -> Samples {
              const std::vector<Put> puts = puts_of(distinct_keys(count), repetition);
              const TrialDirectory directory(setting.directory);
              auto map = open(directory.file("map"));
              const double seconds = seconds_of([&] { map->put_all(puts); });
              require_digest(name, map->digest(), digest_of(puts));
              return {ns_each(seconds, count)};
            };
          }};
}

template <class Map>
Contestant bulk_on_the_heap(const std::string& name) {
  return bulk_contestant(name,
                         [](const std::filesystem::path&) { return std::make_unique<Map>(); });
}

}  // namespace

std::vector<Row> bulk_rows() {
  Row row{"put_bulk",
          "10 000 000 puts in one transaction with its commit, kill-safe; each put",
          {{"put", Unit::nanoseconds}},
          {bulk_contestant(cairn_name,
                           [](const std::filesystem::path& file) {
                             return std::make_unique<CairnMap>(file, Durability::process);
                           }),
           bulk_on_the_heap<RobinMap>(robin_name), bulk_on_the_heap<AbslMap>(absl_name)}};
  row.marks = {{"put", Mark::Kind::at_most_times_the_time, 1.6, robin_name}};
  return {row};
}

}  // namespace cairn::bench

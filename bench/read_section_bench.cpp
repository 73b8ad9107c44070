// SPDX-License-Identifier: BSL-1.0
#include <benchmark/benchmark.h>
#include <lmdb.h>

#include <memory>

#include "peers/cairn_map.hpp"
#include "peers/lmdb_map.hpp"
#include "rows.hpp"
#include "workload.hpp"

namespace cairn::bench {
namespace {

const std::string renew_name = "LMDB reset/renew";
const std::string begin_name = "LMDB begin/abort";

/// Every section reads the sequence number that it stands at, which is the least that a section is
/// entered for and lets the answers be checked: nothing is written meanwhile, so all are alike.
///
/// `section` enters and leaves the map's read section a number of times and sums the numbers.
template <class Map, class Open, class Section>
Contestant section_contestant(const std::string& name, Open open, Section section) {
  return {name, [=](const Setting& setting) -> Trial {
            std::shared_ptr<Map> map = open(setting.directory / "map");
            const Put put{1, 1};
            map->put_all({&put, 1});
            const std::uint64_t times = setting.amount(5'000'000, 200'000);
            const std::uint64_t sequence = section(*map, 1);
            return [=](unsigned) -> Samples {
              std::uint64_t sum = 0;
              const double seconds = seconds_of([&] {
                sum = section(*map, times);
                benchmark::DoNotOptimize(sum);
              });
              require_answer(name, "sum of sequence numbers", sum, sequence * times);
              return {ns_each(seconds, times)};
            };
          }};
}

template <class Section>
Contestant lmdb_contestant(const std::string& name, Section section) {
  const auto open = [](const std::filesystem::path& file) {
    return std::make_unique<LmdbMap>(file, unsigned{MDB_NOSYNC});
  };
  return section_contestant<LmdbMap>(name, open, section);
}

Contestant cairn_contestant() {
  const auto open = [](const std::filesystem::path& file) {
    return std::make_unique<CairnMap>(file, Durability::process);
  };
  return section_contestant<CairnMap>(cairn_name, open, [](CairnMap& map, std::uint64_t times) {
    return map.enter_and_leave(times);
  });
}

}  // namespace

std::vector<Row> read_section_rows() {
  Row row{
      "read_section",
      "entering and leaving a read section; each pair",
      {{"pair", Unit::nanoseconds}},
      {cairn_contestant(),
       lmdb_contestant(renew_name, [](LmdbMap& map,
                                      std::uint64_t times) { return map.enter_and_leave(times); }),
       lmdb_contestant(begin_name, [](LmdbMap& map, std::uint64_t times) {
         return map.begin_and_abort(times);
       })}};
  row.marks = {{"pair", Mark::Kind::at_least_times_as_fast, 3, renew_name}};
  return {row};
}

}  // namespace cairn::bench

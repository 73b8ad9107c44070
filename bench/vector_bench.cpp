// SPDX-License-Identifier: BSL-1.0
#include <benchmark/benchmark.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "peers/cairn_vector.hpp"
#include "rows.hpp"
#include "workload.hpp"

namespace cairn::bench {
namespace {

const std::string std_name = "std::vector";

/// std::vector behind the calls of CairnVector.
class StdVector {
 public:
  explicit StdVector(const std::filesystem::path&) {}

  void push_back_all(std::uint64_t count, std::uint64_t seed) {
    for (std::uint64_t i = 0; i < count; ++i) elements_.push_back(i ^ seed);
  }
  std::uint64_t sum() const {
    std::uint64_t sum = 0;
    const std::uint64_t* element = elements_.data();
    for (std::size_t i = 0; i < elements_.size(); ++i) sum += element[i];
    return sum;
  }

 private:
  std::vector<std::uint64_t> elements_;
};

std::uint64_t expected_sum(std::uint64_t count, std::uint64_t seed) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count; ++i) sum += i ^ seed;
  return sum;
}

/// Sums several times: one pass over 80 MB is short beside a disturbance.
constexpr unsigned sum_passes = 5;

template <class Vector>
Contestant vector_contestant(const std::string& name) {
  return {name, [=](const Setting& setting) -> Trial {
            const std::uint64_t count = setting.amount(10'000'000, 200'000);
            return [=](unsigned repetition) -> Samples {
              const TrialDirectory directory(setting.directory);
              Vector vector(directory.file("vector"));
              const std::uint64_t seed = mix(repetition);
              const double pushing = seconds_of([&] { vector.push_back_all(count, seed); });
              std::uint64_t sum = 0;
              const double summing = seconds_of([&] {
                for (unsigned pass = 0; pass < sum_passes; ++pass) {
                  benchmark::DoNotOptimize(sum = vector.sum());
                  benchmark::ClobberMemory();  // or one pass would serve for all
                }
              });
              require_answer(name, "sum of elements", sum, expected_sum(count, seed));
              return {ns_each(pushing, count), ns_each(summing, count * sum_passes)};
            };
          }};
}

}  // namespace

std::vector<Row> vector_rows() {
  Row row{"vector",
          "10 000 000 push_back of a u64 in one transaction with its commit, kill-safe; then "
          "summing; each element",
          {{"push_back", Unit::nanoseconds}, {"sum", Unit::nanoseconds}},
          {vector_contestant<CairnVector>(cairn_name), vector_contestant<StdVector>(std_name)}};
  row.marks = {{"push_back", Mark::Kind::at_most_times_the_time, 1.5, std_name},
               {"sum", Mark::Kind::at_most_times_the_time, 1.05, std_name}};
  return {row};
}

}  // namespace cairn::bench

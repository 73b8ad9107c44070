// SPDX-License-Identifier: BSL-1.0
#include <cstddef>
#include <memory>
#include <vector>

#include "peers/cairn_vector.hpp"
#include "peers/vector_fill.hpp"
#include "rows.hpp"
#include "workload.hpp"

namespace cairn::bench {
namespace {

const std::string std_name = "std::vector";

/// std::vector behind the calls of CairnVector. Its elements last as long as it does.
class StdVector {
 public:
  explicit StdVector(const std::filesystem::path&) {}

  VectorFill fill(std::uint64_t count, std::uint64_t seed) {
    VectorFill fill;
    fill.pushing_seconds = seconds_of([&] {
      for (std::uint64_t i = 0; i < count; ++i) elements_.push_back(i ^ seed);
    });
    fill.summing_seconds = seconds_of([&] { fill.sum = sum_repeatedly([this] { return sum(); }); });
    return fill;
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

template <class Vector>
Contestant vector_contestant(const std::string& name) {
  return {name, [=](const Setting& setting) -> Trial {
            const std::uint64_t count = setting.amount(10'000'000, 200'000);
            return [=](unsigned repetition) -> Samples {
              const TrialDirectory directory(setting.directory);
              Vector vector(directory.file("vector"));
              const std::uint64_t seed = mix(repetition);
              const std::uint64_t expected = expected_sum(count, seed);
              const VectorFill fill = vector.fill(count, seed);
              require_answer(name, "sum of elements", fill.sum, expected);
              std::uint64_t sum = 0;
              const double first = seconds_of([&] { sum = vector.sum(); });
              require_answer(name, "sum of elements", sum, expected);
              const double later =
                  seconds_of([&] { sum = sum_repeatedly([&] { return vector.sum(); }); });
              require_answer(name, "sum of elements", sum, expected);
              return {ns_each(fill.pushing_seconds, count),
                      ns_each(fill.summing_seconds, count * sum_passes), ns_each(first, count),
                      ns_each(later, count * sum_passes)};
            };
          }};
}

}  // namespace

std::vector<Row> vector_rows() {
  Row row{"vector",
          "10 000 000 push_back of a u64 in one transaction with its commit, kill-safe; summing in "
          "that transaction, then in read sections; each element",
          {{"push_back", Unit::nanoseconds},
           {"sum in the transaction", Unit::nanoseconds},
           {"sum, first read", Unit::nanoseconds},
           {"sum, later reads", Unit::nanoseconds}},
          {vector_contestant<CairnVector>(cairn_name), vector_contestant<StdVector>(std_name)}};
  row.marks = {{"push_back", Mark::Kind::at_most_times_the_time, 1.5, std_name},
               {"sum in the transaction", Mark::Kind::at_most_times_the_time, 1.05, std_name},
               {"sum, first read", Mark::Kind::at_most_times_the_time, 1.05, std_name},
               {"sum, later reads", Mark::Kind::at_most_times_the_time, 1.05, std_name}};
  return {row};
}

}  // namespace cairn::bench

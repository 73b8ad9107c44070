// SPDX-License-Identifier: BSL-1.0
#include "cairn_vector.hpp"

#include <cstddef>
#include <optional>
#include <utility>

#include "../workload.hpp"

namespace cairn::bench {
namespace {

Options kill_safe() {
  Options options;
  options.durability = Durability::process;
  return options;
}

std::uint64_t sum_of(const Vec<std::uint64_t>& elements) {
  const std::uint64_t* element = elements.data();
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < elements.size(); ++i) sum += element[i];
  return sum;
}

}  // namespace

CairnVector::CairnVector(const std::filesystem::path& file)
    : store_(Store::open(file, kill_safe())), elements_(store_.write([](WriteTransaction& tx) {
        return tx.ref(tx.find_or_construct<Vec<std::uint64_t>>("elements"));
      })) {}

VectorFill CairnVector::fill(std::uint64_t count, std::uint64_t seed) {
  VectorFill fill;
  std::optional<WriteTransaction> tx;
  Vec<std::uint64_t>* elements = nullptr;
  fill.pushing_seconds = seconds_of([&] {
    tx.emplace(store_.begin_write());
    elements = &(*tx)[elements_];
    for (std::uint64_t i = 0; i < count; ++i) elements->push_back(i ^ seed);
  });
  fill.summing_seconds = seconds_of(
      [&] { fill.sum = sum_repeatedly([&] { return sum_of(std::as_const(*elements)); }); });
  fill.pushing_seconds += seconds_of([&] { tx->commit(); });
  return fill;
}

std::uint64_t CairnVector::sum() {
  return store_.read([&](const ReadTransaction& tx) { return sum_of(tx[elements_]); });
}

}  // namespace cairn::bench

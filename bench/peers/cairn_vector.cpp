// SPDX-License-Identifier: BSL-1.0
#include "cairn_vector.hpp"

#include <cstddef>

namespace cairn::bench {
namespace {

Options kill_safe() {
  Options options;
  options.durability = Durability::process;
  return options;
}

}  // namespace

CairnVector::CairnVector(const std::filesystem::path& file)
    : store_(Store::open(file, kill_safe())), elements_(store_.write([](WriteTransaction& tx) {
        return tx.ref(tx.find_or_construct<Vec<std::uint64_t>>("elements"));
      })) {}

void CairnVector::push_back_all(std::uint64_t count, std::uint64_t seed) {
  store_.write([&](WriteTransaction& tx) {
    Vec<std::uint64_t>& elements = tx[elements_];
    for (std::uint64_t i = 0; i < count; ++i) elements.push_back(i ^ seed);
  });
}

std::uint64_t CairnVector::sum() {
  return store_.read([&](const ReadTransaction& tx) {
    const Vec<std::uint64_t>& elements = tx[elements_];
    const std::uint64_t* element = elements.data();
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < elements.size(); ++i) sum += element[i];
    return sum;
  });
}

}  // namespace cairn::bench

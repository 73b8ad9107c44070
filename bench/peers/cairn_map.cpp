// SPDX-License-Identifier: BSL-1.0
#include "cairn_map.hpp"

namespace cairn::bench {
namespace {

Options options_for(Durability durability) {
  Options options;
  options.durability = durability;
  // The scratch directory may lie in memory; the report says where it does.
  options.any_file_system = true;
  return options;
}

}  // namespace

CairnMap::CairnMap(const std::filesystem::path& file, Durability durability)
    : store_(Store::open(file, options_for(durability))),
      map_(store_.write(
          [](WriteTransaction& tx) { return tx.ref(tx.find_or_construct<Map>("map")); })) {}

void CairnMap::put_all(std::span<const Put> puts) {
  store_.write([&](WriteTransaction& tx) {
    Map& map = tx[map_];
    for (const Put& put : puts) map.insert_or_assign(put.key, put.value);
  });
}

std::uint64_t CairnMap::sum_of_found(std::span<const std::uint64_t> keys) {
  return store_.read([&](const ReadTransaction& tx) {
    const Map& map = tx[map_];
    std::uint64_t sum = 0;
    for (const std::uint64_t key : keys) {
      const auto found = map.find(key);
      if (found != map.end()) sum += found->second;
    }
    return sum;
  });
}

Digest CairnMap::digest() {
  return store_.read([&](const ReadTransaction& tx) {
    Digest digest;
    for (const auto& [key, value] : tx[map_]) digest.add(key, value);
    return digest;
  });
}

std::uint64_t CairnMap::enter_and_leave(std::uint64_t times) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < times; ++i) {
    sum += store_.read([](const ReadTransaction& tx) { return tx.sequence(); });
  }
  return sum;
}

}  // namespace cairn::bench

// SPDX-License-Identifier: BSL-1.0

// The example of the README with several processes, line by line as it stands there.
#include <cairn/cairn.hpp>
#include <chrono>
#include <cstdio>
#include <string_view>

using Readings = cairn::Vec<double>;
constexpr std::size_t wanted = 10;

void measure(cairn::Store& store) {
  for (std::size_t i = 1; i <= wanted; ++i) {
    store.write([&](cairn::WriteTransaction& tx) {
      tx.find_or_construct<Readings>("readings").push_back(0.5 * static_cast<double>(i));
    });
  }
}

void watch(const cairn::Store& store) {
  std::uint64_t seen = 0;  // of the commit that was read last
  std::size_t count = 0;
  while (count < wanted && store.wait_for_change(seen, std::chrono::minutes(1)) > seen) {
    store.read([&](const cairn::ReadTransaction& tx) {
      seen = tx.sequence();  // perhaps a newer one than woke it
      const auto* readings = tx.find<Readings>("readings");
      if (readings == nullptr) return;
      count = readings->size();
      std::printf("%zu readings, the last is %g\n", count, readings->back());
    });
  }
}

int main(int argc, char** argv) {
  cairn::Store store = cairn::Store::open("readings.cairn");  // whoever comes first creates it
  if (argc > 1 && std::string_view(argv[1]) == "measure") {
    measure(store);
  } else {
    watch(store);
  }
  store.close();
}

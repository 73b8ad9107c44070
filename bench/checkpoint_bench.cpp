// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>

#include "cairn/cairn.hpp"
#include "rows.hpp"
#include "workload.hpp"

namespace cairn::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Cells = Vec<std::uint64_t>;

const std::string undisturbed_name = "no checkpoint";
const std::string cells_name = "cells";
const std::string counters_name = "counters";

constexpr std::uint64_t cells_a_page = 4096 / sizeof(std::uint64_t);
constexpr std::uint64_t pages_a_commit = 4096;
constexpr std::size_t counter_count = 1024;
/// Between small commits: what stands still is seen, and the log does not fill.
constexpr std::chrono::microseconds pause{200};

double ms_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double, std::milli>(end - begin).count();
}

/// A store whose log holds a line of each page twice, so that no checkpoint comes by itself.
Store make_store(const std::filesystem::path& file, std::uint64_t bytes) {
  Options options;
  options.durability = Durability::power;
  options.label = "cairn_bench";
  options.log_bytes = bytes / 16;
  options.any_file_system = true;
  Store store = Store::create(file, options);
  store.write([&](WriteTransaction& tx) {
    tx.construct<Cells>(cells_name).resize(bytes / sizeof(std::uint64_t));
    tx.construct<Cells>(counters_name).resize(counter_count);
  });
  return store;
}

/// Changes every page, so that a checkpoint has all of them to write.
void change_all(Store& store, std::uint64_t value) {
  std::uint64_t pages = 0;
  store.read([&](const ReadTransaction& tx) {
    pages = tx.find<Cells>(cells_name)->size() / cells_a_page;
  });
  for (std::uint64_t first = 0; first < pages; first += pages_a_commit) {
    store.write(Durability::deferred, [&](WriteTransaction& tx) {
      Cells& cells = *tx.find<Cells>(cells_name);
      for (std::uint64_t page = first; page < std::min(first + pages_a_commit, pages); ++page) {
        cells[page * cells_a_page] = value + page;
      }
    });
  }
  store.sync();
}

/// The longest of small commits, in milliseconds, for as long as `busy` says.
double longest_commit(Store& store, Durability durability, const std::atomic<bool>& busy) {
  double longest = 0;
  std::uint64_t done = 0;
  // Relaxed: only when to end.
  while (busy.load(std::memory_order_relaxed)) {
    const auto begin = Clock::now();
    store.write(durability, [&](WriteTransaction& tx) {
      ++(*tx.find<Cells>(counters_name))[done % counter_count];
    });
    longest = std::max(longest, ms_between(begin, Clock::now()));
    ++done;
    std::this_thread::sleep_for(pause);
  }
  store.sync();
  const std::uint64_t sum = store.read([&](const ReadTransaction& tx) {
    std::uint64_t all = 0;
    for (const std::uint64_t one : *tx.find<Cells>(counters_name)) all += one;
    return all;
  });
  if (sum < done) require_answer(cairn_name, "what was counted", sum, done);
  return longest;
}

/// The longest commits of each kind while one of them is under way that `work` does.
template <class Work>
Samples longest_beside(Store& store, std::uint64_t round, Work work) {
  Samples longest;
  for (const Durability durability : {Durability::deferred, Durability::power}) {
    change_all(store, ++round << 32);
    std::atomic<bool> busy{true};
    std::future<double> took = std::async(std::launch::async, [&] {
      const auto begin = Clock::now();
      work(store);
      busy = false;
      return ms_between(begin, Clock::now());
    });
    longest.push_back(longest_commit(store, durability, busy));
    if (durability == Durability::power) longest.push_back(took.get());
    store.checkpoint();
  }
  return longest;
}

template <class Work>
Contestant stall_contestant(const std::string& name, Work work) {
  return {name, [=](const Setting& setting) -> Trial {
            auto store = std::make_shared<Store>(
                make_store(setting.directory / "store", setting.amount(1 << 30, 32 << 20)));
            return [=](unsigned repetition) -> Samples {
              return longest_beside(*store, 2 * repetition, work);
            };
          }};
}

Row stall_row() {
  Row row{"checkpoint_stall",
          "the longest of small commits, one each 200 us, while a checkpoint writes 1 GiB: those "
          "that do not wait for their sync, those that do, and what the checkpoint takes",
          {{"deferred", Unit::milliseconds},
           {"synced", Unit::milliseconds},
           {"checkpoint", Unit::milliseconds}},
          {stall_contestant(cairn_name, [](Store& store) { store.checkpoint(); }),
           stall_contestant(undisturbed_name,
                            [](Store&) { std::this_thread::sleep_for(std::chrono::seconds(1)); })}};
  row.marks = {{"deferred", Mark::Kind::never_above, 20}};
  return row;
}

}  // namespace

std::vector<Row> checkpoint_rows() {
  return {stall_row()};
}

}  // namespace cairn::bench

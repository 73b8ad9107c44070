// SPDX-License-Identifier: BSL-1.0
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <future>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <thread>

#include "cairn/cairn.hpp"
#include "cairn/recovery/header_format.hpp"
#include "child_process.hpp"
#include "child_roles.hpp"
#include "peers/memory_copy.hpp"
#include "rows.hpp"
#include "workload.hpp"

namespace cairn::bench {
namespace {

using Cells = Vec<std::uint64_t>;

const std::string copy_name = "memory copy";
const std::string root_name = "cells";

Options options_at(std::optional<Durability> durability = std::nullopt) {
  Options options;
  options.durability = durability;
  // The scratch directory may lie in memory; the report says where it does.
  options.any_file_system = true;
  options.label = "cairn_bench";
  return options;
}

/// A store whose data file is about as large as `bytes`, filled with one vector and closed cleanly.
void make_store(const std::filesystem::path& file, Durability durability, std::uint64_t bytes) {
  Store store = Store::create(file, options_at(durability));
  store.write([&](WriteTransaction& tx) {
    Cells& cells = tx.construct<Cells>(root_name);
    cells.resize(bytes / sizeof(std::uint64_t));
  });
  store.close();
  const std::uint64_t reached = std::filesystem::file_size(file);
  if (reached < bytes) {
    throw WrongAnswer(
        fmt::format("a store of {} bytes holds {} bytes of elements", reached, bytes));
  }
}

constexpr std::uint64_t store_bytes_full = 1ULL << 30;
constexpr std::uint64_t store_bytes_quick = 32ULL << 20;
/// What the transaction that dies with its process changes.
constexpr std::uint64_t changed_bytes_full = 256ULL << 20;
constexpr std::uint64_t changed_bytes_quick = 8ULL << 20;

// ---- a clean store
// --------------------------------------------------------------------------------

constexpr unsigned opens_each = 10;

Samples open_cleanly(const std::filesystem::path& file, std::uint64_t elements) {
  double seconds = 0;
  for (unsigned i = 0; i < opens_each; ++i) {
    std::optional<Store> store;
    seconds += seconds_of([&] { store.emplace(Store::open_existing(file, options_at())); });
    const std::uint64_t found = store->read([](const ReadTransaction& tx) {
      const Cells* cells = tx.find<Cells>(root_name);
      return cells == nullptr ? 0 : cells->size();
    });
    require_answer(cairn_name, "number of elements", found, elements);
    require_answer(cairn_name, "recoveries", store->last_recovery().needed ? 1 : 0, 0);
    store->close();
  }
  return {seconds * 1e3 / opens_each};
}

Contestant clean_contestant(const std::string& name, Durability durability) {
  return {name, [=](const Setting& setting) -> Trial {
            const std::filesystem::path file = setting.directory / "store";
            const std::uint64_t bytes = setting.amount(store_bytes_full, store_bytes_quick);
            make_store(file, durability, bytes);
            return [=](unsigned) { return open_cleanly(file, bytes / sizeof(std::uint64_t)); };
          }};
}

Row clean_row() {
  const std::string process_level = cairn_name + ", level process";
  Row row{"open_clean",
          "opening a store of 1 GiB that was closed",
          {{"open", Unit::milliseconds}},
          {clean_contestant(cairn_name, Durability::power),
           clean_contestant(process_level, Durability::process)}};
  row.marks = {{"open", Mark::Kind::at_most, 2}};
  return row;
}

// ---- after a kill
// ---------------------------------------------------------------------------------

/// The child: changes the first `elements` cells in one transaction, whose publication a read
/// section of another thread holds back, so that all of it lies in the log and none of it in the
/// data file.
int change_and_wait(const std::filesystem::path& file, std::uint64_t elements,
                    std::uint64_t content) {
  die_with_parent();
  Store store = Store::open_existing(file, options_at());
  std::promise<void> reading;
  std::thread reader([&] {
    [[maybe_unused]] const ReadTransaction section = store.begin_read();
    reading.set_value();
    for (;;) ::pause();
  });
  reader.detach();
  reading.get_future().wait();

  store.write([&](WriteTransaction& tx) {
    std::uint64_t* cells = tx.find<Cells>(root_name)->data();
    std::fill_n(cells, elements, content);
  });
  for (;;) ::pause();
}

/// The word whose store is the commit, read from the file.
std::uint64_t log_tail_of(const std::filesystem::path& file) {
  std::uint64_t tail = 0;
  std::ifstream in(file, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(live_words_offset + offsetof(LiveWords, log_tail)));
  in.read(reinterpret_cast<char*>(&tail), sizeof tail);
  if (!in) throw std::runtime_error(file.string() + " has no log tail");
  return tail;
}

/// Runs the child until its transaction is committed but not published, and kills it there.
void leave_unpublished(const std::filesystem::path& file, std::uint64_t elements,
                       std::uint64_t content) {
  const std::uint64_t tail_before = log_tail_of(file);
  ChildProcess child(
      {change_role, file.string(), std::to_string(elements), std::to_string(content)});
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  while (log_tail_of(file) < tail_before + elements * sizeof(std::uint64_t)) {
    if (!child.running()) throw std::runtime_error("a child process ended before it was killed");
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("a child process did not commit within two minutes");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  child.kill();
}

Samples open_after_kill(const std::filesystem::path& file, std::uint64_t elements,
                        std::uint64_t content) {
  leave_unpublished(file, elements, content);
  std::optional<Store> store;
  const double seconds =
      seconds_of([&] { store.emplace(Store::open_existing(file, options_at())); });
  const std::uint64_t replayed = store->last_recovery().replayed_bytes;
  const std::uint64_t sum = store->read([&](const ReadTransaction& tx) {
    const Cells& cells = *tx.find<Cells>(root_name);
    return std::accumulate(cells.begin(), cells.begin() + static_cast<std::ptrdiff_t>(elements),
                           std::uint64_t{0});
  });
  require_answer(cairn_name, "sum of changed elements", sum, elements * content);
  require_answer(cairn_name, "replays of less than was changed",
                 replayed < elements * sizeof(std::uint64_t) ? 1 : 0, 0);
  store->close();
  const double rate = static_cast<double>(replayed) / 1e9;  // seconds at 1 GB/s
  return {seconds * 1e3, (seconds - rate) * 1e3, rate / seconds};
}

Contestant killed_contestant() {
  return {cairn_name, [](const Setting& setting) -> Trial {
            const std::filesystem::path file = setting.directory / "store";
            const std::uint64_t elements =
                setting.amount(changed_bytes_full, changed_bytes_quick) / sizeof(std::uint64_t);
            make_store(file, Durability::process,
                       setting.amount(store_bytes_full, store_bytes_quick));
            return [=](unsigned repetition) {
              return open_after_kill(file, elements, mix(repetition));
            };
          }};
}

Contestant copy_contestant() {
  return {copy_name, [](const Setting& setting) -> Trial {
            const std::uint64_t bytes = setting.amount(changed_bytes_full, changed_bytes_quick);
            auto copy = std::make_shared<MemoryCopy>(setting.directory / "copy", bytes);
            return [=](unsigned repetition) -> Samples {
              const std::uint64_t content = mix(repetition);
              const double seconds = copy->copy(content);
              require_answer(copy_name, "sum of words", copy->sum(),
                             bytes / sizeof(std::uint64_t) * content);
              return {seconds * 1e3, not_measured, static_cast<double>(bytes) / 1e9 / seconds};
            };
          }};
}

Row killed_row() {
  Row row{
      "open_killed",
      "opening a store of 1 GiB whose writer was killed with 256 MiB committed and unpublished; "
      "the copy moves as many bytes",
      {{"open", Unit::milliseconds},
       {"open beyond replay at 1 GB/s", Unit::milliseconds},
       {"replay", Unit::gigabytes_per_second}},
      {killed_contestant(), copy_contestant()}};
  row.marks = {{"open beyond replay at 1 GB/s", Mark::Kind::at_most, 2},
               {"replay", Mark::Kind::at_least, 1}};
  return row;
}

}  // namespace

std::vector<Row> open_rows() {
  return {clean_row(), killed_row()};
}

int run_change_child(const std::vector<std::string>& arguments) {
  if (arguments.size() != 3) throw std::invalid_argument("change-and-wait FILE ELEMENTS CONTENT");
  return change_and_wait(arguments[0], std::stoull(arguments[1]), std::stoull(arguments[2]));
}

}  // namespace cairn::bench

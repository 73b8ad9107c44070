// SPDX-License-Identifier: BSL-1.0
//
// Several processes and threads at work on one store.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>

#include "cairn/cairn.hpp"
#include "child_roles.hpp"
#include "partner.hpp"
#include "peers/cairn_map.hpp"
#include "rows.hpp"
#include "workload.hpp"

namespace cairn::bench {
namespace {

// ---- writing in turn

const std::string alone_name = "one process alone";
constexpr std::uint64_t turn_keys = 10'000;

/// What one process puts, in its order: every second of the keys, so that each is one process's.
std::vector<Put> puts_in_turn(std::uint64_t amount, std::uint64_t parity, std::uint64_t round) {
  const std::vector<std::uint64_t> keys = shuffled(distinct_keys(turn_keys), 3);
  std::vector<Put> puts;
  puts.reserve(amount);
  for (std::uint64_t i = 0; i < amount; ++i) {
    const std::uint64_t key = keys[(2 * i + parity) % turn_keys];
    puts.push_back({key, value_in_round(key, round + i / (turn_keys / 2))});
  }
  return puts;
}

/// Puts whenever the turn's parity is `parity`, and passes the turn on.
void put_in_turn(CairnMap& map, const std::vector<Put>& puts, Counter& turn, std::uint64_t parity) {
  std::uint64_t mine = parity;
  for (const Put& put : puts) {
    spin_until([&] { return turn.load(std::memory_order_acquire) == mine; });
    map.put_all({&put, 1});
    turn.store(mine + 1, std::memory_order_release);
    mine += 2;
  }
}

void play_turns(const std::string& store, const Board& board, std::uint64_t amount) {
  CairnMap map(store, Durability::process);
  const std::vector<Put> puts = puts_in_turn(amount, 1, 1);
  say_ready();
  put_in_turn(map, puts, board.words().turn, 1);
}

template <class Work>
Contestant turn_contestant(const std::string& name, Work work) {
  return {name, [=](const Setting& setting) -> Trial {
            const std::uint64_t each = setting.amount(100'000, 5'000);
            return [=](unsigned) -> Samples {
              const TrialDirectory directory(setting.directory);
              CairnMap map(directory.file("map"), Durability::process);
              map.put_all(puts_of(distinct_keys(turn_keys), 0));
              const std::vector<Put> mine = puts_in_turn(each, 0, 1);
              const std::vector<Put> theirs = puts_in_turn(each, 1, 1);
              const double seconds = work(map, directory, mine, theirs);
              Digest expected;
              for (const auto* puts : {&mine, &theirs}) {
                const std::size_t last = std::min<std::size_t>(puts->size(), turn_keys / 2);
                for (std::size_t i = puts->size() - last; i < puts->size(); ++i) {
                  expected.add((*puts)[i].key, (*puts)[i].value);
                }
              }
              require_digest(name, map.digest(), expected);
              return {ns_each(seconds, 2 * each)};
            };
          }};
}

Row turns_row() {
  const auto both = [](CairnMap& map, const TrialDirectory& directory, const std::vector<Put>& mine,
                       const std::vector<Put>& theirs) {
    const Board board(directory.file("board"));
    Partner partner(processes_role, "turns", directory.file("map"), directory.file("board"),
                    theirs.size());
    Counter& turn = board.words().turn;
    const double seconds = seconds_of([&] {
      put_in_turn(map, mine, turn, 0);
      spin_until([&] { return turn.load(std::memory_order_acquire) == 2 * mine.size(); });
    });
    partner.process().wait();
    return seconds;
  };
  const auto alone = [](CairnMap& map, const TrialDirectory&, const std::vector<Put>& mine,
                        const std::vector<Put>& theirs) {
    return seconds_of([&] {
      for (std::size_t i = 0; i < mine.size(); ++i) {
        map.put_all({&mine[i], 1});
        map.put_all({&theirs[i], 1});
      }
    });
  };
  Row row{"write_turns",
          "two processes that put in turn, one put a transaction, kill-safe, 10 000 keys; each put",
          {{"put", Unit::nanoseconds}},
          {turn_contestant(cairn_name, both), turn_contestant(alone_name, alone)}};
  row.marks = {{"put", Mark::Kind::at_most_times_the_time, 3, alone_name}};
  row.rounds = 3;
  return row;
}

// ---- read sections on two threads

const std::string one_thread_name = "one thread";

/// Sections of `threads` threads at once; nanoseconds for each of all of them.
Contestant threads_contestant(const std::string& name, unsigned threads) {
  return {name, [=](const Setting& setting) -> Trial {
            auto map = std::make_shared<CairnMap>(setting.directory / "map", Durability::process);
            const std::uint64_t times = setting.amount(20'000'000, 200'000);
            return [=](unsigned) -> Samples {
              std::atomic<unsigned> ready{0};
              std::vector<std::future<std::uint64_t>> sums;
              const auto sections = [&] {
                std::uint64_t sum = map->enter_and_leave(1000);
                ready.fetch_add(1);
                spin_until([&] { return ready.load() == threads + 1; });
                sum = map->enter_and_leave(times);
                benchmark::DoNotOptimize(sum);
                return sum;
              };
              for (unsigned i = 0; i < threads; ++i) {
                sums.push_back(std::async(std::launch::async, sections));
              }
              spin_until([&] { return ready.load() == threads; });
              double seconds = seconds_of([&] {
                ready.fetch_add(1);
                for (auto& each : sums) each.wait();
              });
              for (auto& each : sums) {
                require_answer(name, "sum of sequence numbers", each.get(), 2 * times);
              }
              return {ns_each(seconds, times * threads)};
            };
          }};
}

Row threads_row() {
  Row row{"read_section_threads",
          "read sections on two threads at once; each section of all of them",
          {{"pair", Unit::nanoseconds}},
          {threads_contestant(cairn_name, 2), threads_contestant(one_thread_name, 1)}};
  row.marks = {{"pair", Mark::Kind::at_least_times_as_fast, 1.9, one_thread_name}};
  row.rounds = 3;
  return row;
}

// ---- reading beside a writer

const std::string undisturbed_name = "without a writer";
constexpr std::uint64_t beside_keys = 10'000;
constexpr std::uint64_t commit_interval_ns = 10'000;

/// Commits one put each ten microseconds until told to stop.
void play_publisher(const std::string& store, const Board& board, std::uint64_t /*amount*/) {
  CairnMap map(store, Durability::process);
  const std::vector<std::uint64_t> keys = shuffled(distinct_keys(beside_keys), 5);
  say_ready();
  std::uint64_t due = now_ns();
  for (std::uint64_t i = 0; board.words().stop.load(std::memory_order_relaxed) == 0; ++i) {
    const Put put{keys[i % beside_keys], i};
    map.put_all({&put, 1});
    board.words().commits.store(i + 1, std::memory_order_relaxed);
    due += commit_interval_ns;
    while (now_ns() < due) relax_processor();
  }
}

/// A loop of sections with one lookup each; nothing is stored under the keys that it looks for, so
/// that the sum is known whatever the writer does.
Contestant beside_contestant(const std::string& name, bool with_writer) {
  return {name, [=](const Setting& setting) -> Trial {
            const std::uint64_t sections = setting.amount(4'000'000, 100'000);
            return [=](unsigned) -> Samples {
              const TrialDirectory directory(setting.directory);
              CairnMap map(directory.file("map"), Durability::process);
              map.put_all(puts_of(distinct_keys(beside_keys), 0));
              const std::vector<std::uint64_t> keys = absent_keys(beside_keys);
              const Board board(directory.file("board"));
              std::unique_ptr<Partner> writer;
              if (with_writer) {
                writer = std::make_unique<Partner>(
                    processes_role, "publisher", directory.file("map"), directory.file("board"), 0);
              }
              const std::uint64_t before = board.words().commits.load();
              std::uint64_t sum = 0;
              const double seconds = seconds_of([&] {
                for (std::uint64_t i = 0; i < sections; ++i) {
                  sum += map.sum_of_found({&keys[i % beside_keys], 1});
                }
              });
              const std::uint64_t commits = board.words().commits.load() - before;
              require_answer(name, "sum of absent values", sum, 0);
              board.words().stop.store(1);
              if (writer) writer->process().wait();
              const double every =
                  with_writer ? seconds * 1e6 / static_cast<double>(commits) : not_measured;
              return {ns_each(seconds, sections), every};
            };
          }};
}

Row beside_row() {
  Row row{
      "read_beside_writer",
      "read sections with one lookup beside another process that commits a put each 10 us; each "
      "section, and the time from commit to commit that was reached",
      {{"section", Unit::nanoseconds}, {"commit", Unit::microseconds}},
      {beside_contestant(cairn_name, true), beside_contestant(undisturbed_name, false)}};
  row.marks = {{"section", Mark::Kind::at_most_times_the_time, 1.2, undisturbed_name},
               {"commit", Mark::Kind::at_most, 10.5}};
  row.rounds = 3;
  return row;
}

// ---- a reader that sleeps

const std::string awake_name = "nobody asleep";
/// How long the sleeper stays in its section where nobody ends it: a store that waits for it comes
/// to an end, with a figure that tells.
constexpr std::chrono::seconds longest_sleep{3};

void play_sleeper(const std::string& store, const Board& /*board*/, std::uint64_t /*amount*/) {
  const Store mine = Store::open_existing(store, options_of("sleeper"));
  {
    [[maybe_unused]] const ReadTransaction section = mine.begin_read();
    say_ready();
    std::this_thread::sleep_for(longest_sleep);
  }
  for (;;) ::pause();
}

Contestant sleeping_contestant(const std::string& name, bool asleep) {
  return {name, [=](const Setting& setting) -> Trial {
            const std::uint64_t amount = setting.amount(100'000, 5'000);
            return [=](unsigned) -> Samples {
              const TrialDirectory directory(setting.directory);
              CairnMap map(directory.file("map"), Durability::process);
              map.put_all(puts_of(distinct_keys(turn_keys), 0));
              const std::vector<Put> puts = puts_in_turn(amount, 0, 1);
              std::unique_ptr<Partner> sleeper;
              if (asleep) {
                sleeper = std::make_unique<Partner>(
                    processes_role, "sleeper", directory.file("map"), directory.file("board"), 0);
              }
              constexpr std::uint64_t looks_each = 1000;
              const double seconds = seconds_of([&] {
                for (std::size_t i = 0; i < puts.size(); ++i) {
                  map.put_all({&puts[i], 1});
                  if (i % looks_each != 0) continue;
                  // A new section sees it at once.
                  require_answer(name, "what a new section sees",
                                 map.sum_of_found({&puts[i].key, 1}), puts[i].value);
                }
              });
              return {ns_each(seconds, puts.size())};
            };
          }};
}

Row sleeping_row() {
  Row row{"commit_past_sleeper",
          "one put a transaction, kill-safe, 10 000 keys, while another process stays in a read "
          "section; every 1000th is looked for in a new section; each put",
          {{"put", Unit::nanoseconds}},
          {sleeping_contestant(cairn_name, true), sleeping_contestant(awake_name, false)}};
  row.marks = {{"put", Mark::Kind::at_most_times_the_time, 2, awake_name}};
  return row;
}

}  // namespace

std::vector<Row> processes_rows() {
  return {turns_row(), threads_row(), beside_row(), sleeping_row()};
}

int run_processes_child(const std::vector<std::string>& arguments) {
  return play_part(
      {{"turns", &play_turns}, {"publisher", &play_publisher}, {"sleeper", &play_sleeper}},
      arguments);
}

}  // namespace cairn::bench

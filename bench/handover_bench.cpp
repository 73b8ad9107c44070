// SPDX-License-Identifier: BSL-1.0
//
// What one process waits for another: the write lock, the end of a section, news. Also where the
// other is killed.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <stdexcept>
#include <thread>

#include "cairn/cairn.hpp"
#include "child_roles.hpp"
#include "partner.hpp"
#include "rows.hpp"
#include "workload.hpp"

namespace cairn::bench {
namespace {

using Clock = std::chrono::steady_clock;

/// Microseconds from the begin of `act` until the partner, whom it sets going, has stamped the
/// board.
template <class Act>
double us_until_stamped(Board::Words& words, Act act) {
  words.stamp_ns.store(0);
  const std::uint64_t begun = now_ns();
  act();
  std::uint64_t stamp = 0;
  spin_until([&] {
    stamp = words.stamp_ns.load(std::memory_order_acquire);
    return stamp != 0;
  });
  return static_cast<double>(stamp - begun) / 1e3;
}

// ---- the lock, from hand to hand

/// Begins a transaction each time that it is asked to, and tells when it had it.
void play_contender(const std::string& store, const Board& board, std::uint64_t amount) {
  Store mine = Store::open_existing(store, options_of("contender"));
  say_ready();
  for (std::uint64_t i = 1; i <= amount; ++i) {
    spin_until([&] { return board.words().turn.load(std::memory_order_acquire) == i; });
    const WriteTransaction held = mine.begin_write();
    board.words().stamp_ns.store(now_ns(), std::memory_order_release);
  }
}

Row handover_row() {
  const auto prepare = [](const Setting& setting) -> Trial {
    const std::uint64_t times = setting.amount(500, 20);
    return [=](unsigned) -> Samples {
      const TrialDirectory directory(setting.directory);
      Store store = Store::create(directory.file("store"), options_of("holder"));
      store.write([](WriteTransaction& tx) { tx.construct<std::uint64_t>("count"); });
      const Board board(directory.file("board"));
      Board::Words& words = board.words();
      Partner contender(handover_role, "contender", directory.file("store"),
                        directory.file("board"), times);
      std::vector<double> all;
      for (std::uint64_t i = 1; i <= times; ++i) {
        WriteTransaction tx = store.begin_write();
        tx.modify(*tx.find<std::uint64_t>("count")) = i;
        words.turn.store(i, std::memory_order_release);
        // Asleep by then.
        std::this_thread::sleep_for(std::chrono::microseconds(500));
        all.push_back(us_until_stamped(words, [&] { tx.commit(); }));
      }
      contender.process().wait();
      return {spread_of(all).median};
    };
  };
  return {
      "lock_handover",
      "from the begin of a commit until another process, which sleeps waiting for the lock, has "
      "begun its transaction; the median of 500",
      {{"median", Unit::microseconds}},
      {{cairn_name, prepare}}};
}

// ---- kills

void play_owner(const std::string& store, const Board& /*board*/, std::uint64_t /*amount*/) {
  Store mine = Store::open_existing(store, options_of("owner"));
  WriteTransaction held = mine.begin_write();
  held.find_or_construct<Vec<std::uint64_t>>("begun").push_back(1);
  say_ready();
  for (;;) ::pause();
}

void play_reader(const std::string& store, const Board& /*board*/, std::uint64_t /*amount*/) {
  const Store mine = Store::open_existing(store, options_of("reader"));
  [[maybe_unused]] const ReadTransaction section = mine.begin_read();
  say_ready();
  for (;;) ::pause();
}

/// From the kill of a process that plays `part` until `wait`, which waits for it in a thread of
/// this process, has come to an end.
double after_kill_ms(const std::string& part, const std::filesystem::path& file, unsigned kill,
                     const std::function<void()>& wait) {
  Partner victim(handover_role, part, file, file.string() + ".board", 0);
  std::atomic<bool> waiting{false};
  auto over = std::async(std::launch::async, [&] {
    waiting = true;
    wait();
    return Clock::now();
  });
  spin_until([&] { return waiting.load(); });
  // Killed at another phase of the waiter's sleep each time.
  const auto until_kill = std::chrono::milliseconds(15) + std::chrono::microseconds(700) * kill;
  if (over.wait_for(until_kill) == std::future_status::ready) {
    throw std::runtime_error(part + ": nobody waited for it");
  }
  const Clock::time_point killed = Clock::now();
  victim.process().kill();
  return std::chrono::duration<double, std::milli>(over.get() - killed).count();
}

/// The median and the worst of twenty kills, each of which `measure` answers for.
Row kills_row(
    const std::string& name, const std::string& description,
    const std::function<double(Store&, const std::filesystem::path&, unsigned)>& measure) {
  const auto prepare = [measure](const Setting& setting) -> Trial {
    const auto kills = static_cast<unsigned>(setting.amount(20, 3));
    return [=](unsigned) -> Samples {
      const TrialDirectory directory(setting.directory);
      Store store = Store::create(directory.file("store"), options_of("heir"));
      std::vector<double> all;
      for (unsigned i = 0; i < kills; ++i) {
        all.push_back(measure(store, directory.file("store"), i));
      }
      const Spread spread = spread_of(all);
      return {spread.median, spread.max};
    };
  };
  return {name,
          description + ", 20 kills: the median and the worst",
          {{"median", Unit::milliseconds}, {"worst", Unit::milliseconds}},
          {{cairn_name, prepare}},
          {{"worst", Mark::Kind::never_above, 100}}};
}

Row takeover_row() {
  Row row = kills_row(
      "takeover", "from the kill of a process that holds the write lock until a waiter has it",
      [](Store& store, const std::filesystem::path& file, unsigned kill) {
        const double ms = after_kill_ms("owner", file, kill, [&] { store.begin_write(); });
        require_answer(cairn_name, "takeovers", store.last_recovery().took_over ? 1 : 0, 1);
        return ms;
      });
  row.marks.push_back({"median", Mark::Kind::at_most, 20});
  return row;
}

/// A file that is cut is the one thing that sections keep others from at once.
Row killed_reader_row() {
  constexpr std::uint64_t ahead = 8 << 20;
  return kills_row(
      "killed_reader",
      "from the kill of a process in a read section until a shrinking that waits for the section "
      "is done",
      [](Store& store, const std::filesystem::path& file, unsigned kill) {
        store.resize_file(ahead);
        const double ms = after_kill_ms("reader", file, kill, [&] { store.shrink_to_usage(); });
        require_answer(cairn_name, "files that were cut", store.size() < ahead ? 1 : 0, 1);
        return ms;
      });
}

// ---- waking

void play_waiter(const std::string& store, const Board& board, std::uint64_t amount) {
  const Store mine = Store::open_existing(store, options_of("waiter"));
  std::uint64_t seen = mine.sequence();
  say_ready();
  for (std::uint64_t i = 0; i < amount; ++i) {
    board.words().turn.store(i + 1, std::memory_order_release);
    const std::uint64_t next = mine.wait_for_change(seen, patience);
    board.words().stamp_ns.store(now_ns(), std::memory_order_release);
    if (next != seen + 1) throw std::runtime_error("woken without a commit");
    seen = next;
  }
}

Row waking_row() {
  const auto prepare = [](const Setting& setting) -> Trial {
    const std::uint64_t wakes = setting.amount(500, 20);
    return [=](unsigned) -> Samples {
      const TrialDirectory directory(setting.directory);
      Store store = Store::create(directory.file("store"), options_of("waker"));
      store.write([](WriteTransaction& tx) { tx.construct<std::uint64_t>("count"); });
      const Board board(directory.file("board"));
      Partner waiter(handover_role, "waiter", directory.file("store"), directory.file("board"),
                     wakes);
      std::vector<double> all;
      for (std::uint64_t i = 0; i < wakes; ++i) {
        spin_until([&] { return board.words().turn.load(std::memory_order_acquire) == i + 1; });
        // Asleep by then.
        std::this_thread::sleep_for(std::chrono::microseconds(500));
        all.push_back(us_until_stamped(board.words(), [&] {
          store.write(
              [&](WriteTransaction& tx) { tx.modify(*tx.find<std::uint64_t>("count")) = i + 1; });
        }));
      }
      waiter.process().wait();
      return {spread_of(all).median};
    };
  };
  Row row{"wake_waiter",
          "from the begin of a commit until wait_for_change returns in another process that sleeps "
          "in it; the median of 500",
          {{"median", Unit::microseconds}},
          {{cairn_name, prepare}}};
  row.marks = {{"median", Mark::Kind::at_most, 50}};
  return row;
}

}  // namespace

std::vector<Row> handover_rows() {
  return {handover_row(), takeover_row(), killed_reader_row(), waking_row()};
}

int run_handover_child(const std::vector<std::string>& arguments) {
  return play_part({{"contender", &play_contender},
                    {"owner", &play_owner},
                    {"reader", &play_reader},
                    {"waiter", &play_waiter}},
                   arguments);
}

}  // namespace cairn::bench

// SPDX-License-Identifier: BSL-1.0
#include "sleeper.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <numeric>
#include <random>
#include <thread>

#include "cairn/recovery/header_format.hpp"
#include "cairn/recovery/log_format.hpp"
#include "cairn/recovery/meta_slots.hpp"
#include "rendezvous.hpp"
#include "stored_structs.hpp"

namespace cairn::drills {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Cells = Vec<std::uint64_t>;

constexpr std::size_t writers = 2;
constexpr std::size_t cells = 4096;
constexpr std::uint64_t max_log_bytes = 32 << 20;
/// More than one of the writers' commits takes of the log, so that a sleep of any length fits.
constexpr std::uint64_t most_record_bytes = 512;
constexpr std::chrono::nanoseconds shortest_pause = 200us;
/// So often each writer commits at least: one that waited for the sleeper would not.
constexpr std::uint64_t fewest_commits = 20;
constexpr std::chrono::seconds longest_to_give_back{10};

struct SleeperBoard {
  std::array<Board, writers> writing;
  std::array<std::atomic<std::int64_t>, writers> slowest_ns;
  Board reading;
  Board sleeping;
  std::atomic<std::uint64_t> sections;
  std::atomic<std::uint32_t> finish;
};

class Night {
 public:
  Night(const Settings& settings, Durability durability, std::chrono::milliseconds sleep)
      : durability_(durability),
        sleep_(sleep),
        scratch_(settings.directory),
        path_(scratch_.file("store")) {}

  SleeperReport spend(Awakening awakening);

 private:
  Options options(const char* label) const;
  void set_up() const;
  void write(std::size_t writer) const;
  void read() const;
  void sleep() const;
  void use_the_log_again() const;
  void run_alone(const char* what, const std::function<void()>& body) const;
  void require(Ending ending, Ending expected, const Board& board, const char* who) const;
  void measure_sleep(SleeperReport& report) const;
  void await_all_published(SleeperReport& report) const;
  std::uint64_t word(std::uint64_t offset) const {
    return test::read_struct<std::uint64_t>(path_, live_words_offset + offset);
  }
  std::uint64_t data_bytes() const { return std::filesystem::file_size(path_); }
  std::uint64_t log_bytes() const { return std::filesystem::file_size(path_ + "-log"); }
  std::uint64_t checkpoint_position() const;
  [[noreturn]] void fail(const std::string& what) const {
    throw DrillFailure("sleeper, level " + std::string(to_string(durability_)) + ": " + what +
                       who_holds_what(path_));
  }

  Durability durability_;
  std::chrono::milliseconds sleep_;
  Scratch scratch_;
  std::string path_;
  Shared<SleeperBoard> board_;
};

Options Night::options(const char* label) const {
  Options options = drill_options(durability_, label);
  options.max_log_bytes = max_log_bytes;
  return options;
}

void Night::set_up() const {
  Store store = Store::create(path_, options("setup"));
  store.write([](WriteTransaction& tx) {
    tx.construct<Cells>("cells").resize(cells);
    tx.construct<Cells>("counters").resize(writers);
  });
  store.close();
}

/// Each commit adds one to a cell and to the writer's counter, so that the sum tells of a mixed
/// state.
void Night::write(std::size_t writer) const {
  Board& mine = board_->writing[writer];
  Store store = Store::open_existing(path_, options(writer == 0 ? "writer 0" : "writer 1"));
  mine.opened = 1;
  const std::uint64_t most = max_log_bytes / most_record_bytes / writers;
  const auto pause = std::max<std::chrono::nanoseconds>(shortest_pause, 2 * sleep_ / most);
  std::mt19937_64 random(writer);
  await(board_->sleeping.holding, "the sleeper");
  while (board_->finish == 0) {
    const auto begun = Clock::now();
    store.write([&](WriteTransaction& tx) {
      tx.find<Cells>("cells")->at(random() % cells) += 1;
      tx.find<Cells>("counters")->at(writer) += 1;
    });
    const auto took = Clock::now() - begun;
    mine.acknowledged += 1;
    if (took.count() > board_->slowest_ns[writer]) board_->slowest_ns[writer] = took.count();
    if (took < pause) std::this_thread::sleep_for(pause - took);
  }
}

std::uint64_t require_sum(const ReadTransaction& section) {
  const Cells& all = *section.find<Cells>("cells");
  const Cells& counters = *section.find<Cells>("counters");
  const auto sum = std::accumulate(all.begin(), all.end(), std::uint64_t{0});
  if (sum != std::accumulate(counters.begin(), counters.end(), std::uint64_t{0})) {
    throw DrillFailure("a section sees a mixed state");
  }
  return sum;
}

void Night::read() const {
  const Store store = Store::open_existing(path_, options("reader"));
  board_->reading.opened = 1;
  while (board_->finish == 0) {
    std::array<std::uint64_t, writers> told{};
    for (std::size_t i = 0; i < writers; ++i) told[i] = board_->writing[i].acknowledged;
    store.read([&](const ReadTransaction& section) {
      require_sum(section);
      for (std::size_t i = 0; i < writers; ++i) {
        if (section.find<Cells>("counters")->at(i) >= told[i]) continue;
        throw DrillFailure("a new section does not see what was acknowledged before it began");
      }
    });
    board_->sections += 1;
    std::this_thread::sleep_for(50us);
  }
}

void Night::sleep() const {
  const Store store = Store::open_existing(path_, options("sleeper"));
  const ReadTransaction section = store.begin_read();
  const std::uint64_t sum = require_sum(section);
  board_->sleeping.holding = 1;
  while (board_->sleeping.finish == 0) std::this_thread::sleep_for(1ms);
  if (require_sum(section) != sum) throw DrillFailure("the sleeper's state changed under it");
}

std::uint64_t Night::checkpoint_position() const {
  const std::uint64_t seed = checksum_seed(test::read_struct<Identity>(path_, 0).uuid);
  const auto header = test::read_struct<std::array<std::byte, page_bytes>>(path_, 0);
  return newest_meta(header, seed, path_).checkpoint_position;
}

/// The room of what was held back is enough for as much again.
void Night::use_the_log_again() const {
  Store store = Store::open_existing(path_, options("afterwards"));
  require_sound(store, "after the sleep");
  const std::uint64_t sum = store.read(&require_sum);
  std::uint64_t acknowledged = 0;
  for (const Board& writing : board_->writing) acknowledged += writing.acknowledged;
  if (sum != acknowledged) fail("commits were lost or invented");
  store.checkpoint();
  const std::uint64_t begin = word(offsetof(LiveWords, log_tail));
  if (checkpoint_position() != begin) fail("a checkpoint leaves something in the log");
  const std::uint64_t before = log_bytes();
  while (word(offsetof(LiveWords, log_tail)) - begin < before) {
    store.write([&](WriteTransaction& tx) {
      Cells& all = *tx.find<Cells>("cells");
      for (std::size_t i = 0; i < cells; ++i) all.at(i) += 1;
    });
  }
  if (log_bytes() != before) fail("the log grew again, although nothing was held back");
  store.close();
}

void Night::run_alone(const char* what, const std::function<void()>& body) const {
  const Shared<Board> board;
  require(run_child(*board, patience, body), Ending::finished, *board, what);
}

void Night::require(Ending ending, Ending expected, const Board& board, const char* who) const {
  if (ending != expected) {
    fail(std::string(who) + " " + to_string(ending) + ": " + board.failure_text());
  }
}

/// What is there just before the section ends.
void Night::measure_sleep(SleeperReport& report) const {
  for (const Board& writing : board_->writing) {
    if (writing.acknowledged < fewest_commits) fail("a writer waited for the sleeper");
    report.commits += writing.acknowledged;
  }
  report.sections = board_->sections;
  if (report.sections < fewest_commits) fail("a reader waited for the sleeper");
  report.held_back = word(offsetof(LiveWords, visible)) - word(offsetof(LiveWords, published));
  if (report.held_back < fewest_commits) fail("nothing was held back: the drill proves nothing");
  report.log_bytes = log_bytes();
  report.max_log_bytes = max_log_bytes;
  if (report.log_bytes > log_ring_offset + max_log_bytes) fail("the log is over max_log_bytes");
  if (data_bytes() != report.data_bytes) fail("the data file grew for the sleeper");
}

void Night::await_all_published(SleeperReport& report) const {
  const auto begun = Clock::now();
  const std::uint64_t last = word(offsetof(LiveWords, visible));
  while (word(offsetof(LiveWords, published)) < last) {
    if (Clock::now() - begun > longest_to_give_back) {
      fail("commits are held back although the sleeper is gone");
    }
    std::this_thread::sleep_for(1ms);
  }
  report.given_back = Clock::now() - begun;
}

SleeperReport Night::spend(Awakening awakening) {
  SleeperReport report;
  run_alone("the setup", [&] { set_up(); });
  report.data_bytes = data_bytes();
  const std::uint64_t new_log_bytes = log_bytes();
  std::array<std::optional<Child>, writers> writing;
  for (std::size_t i = 0; i < writers; ++i) {
    writing[i].emplace(board_->writing[i], [this, i] { write(i); });
  }
  Child reader(board_->reading, [this] { read(); });
  for (const Board& board : board_->writing) await(board.opened, "the writers");
  await(board_->reading.opened, "the reader");
  Child sleeper(board_->sleeping, [this] { sleep(); });
  await(board_->sleeping.holding, "the sleeper");
  std::this_thread::sleep_for(sleep_);
  measure_sleep(report);
  if (awakening == Awakening::leaves) {
    board_->sleeping.finish = 1;
    require(sleeper.wait(patience), Ending::finished, board_->sleeping, "the sleeper");
  } else {
    require(sleeper.kill(), Ending::killed, board_->sleeping, "the sleeper");
  }
  await_all_published(report);
  board_->finish = 1;
  for (std::size_t i = 0; i < writers; ++i) {
    require(writing[i]->wait(patience), Ending::finished, board_->writing[i], "a writer");
    report.slowest_commit =
        std::max(report.slowest_commit, std::chrono::nanoseconds(board_->slowest_ns[i]));
  }
  require(reader.wait(patience), Ending::finished, board_->reading, "the reader");
  if (word(offsetof(LiveWords, published)) != word(offsetof(LiveWords, visible))) {
    fail("commits are held back although nobody is there");
  }
  run_alone("who uses the log again", [&] { use_the_log_again(); });
  if (data_bytes() != report.data_bytes) fail("the data file grew afterwards");
  if (log_bytes() != new_log_bytes) fail("closing does not give the log's growth back");
  return report;
}

}  // namespace

SleeperReport sleep_in_section(const Settings& settings, Durability durability, Awakening awakening,
                               std::chrono::milliseconds sleep) {
  return Night(settings, durability, sleep).spend(awakening);
}

}  // namespace cairn::drills

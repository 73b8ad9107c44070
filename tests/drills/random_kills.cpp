// SPDX-License-Identifier: BSL-1.0
#include "random_kills.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "cairn_console/progress.hpp"
#include "ledger.hpp"

namespace cairn::drills {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t member_count = writer_count + 1;
constexpr std::uint32_t reading_member = writer_count;
/// After so many kills all processes are killed and the store is opened alone.
constexpr std::uint64_t kills_a_round = 50;
constexpr std::uint64_t longest_life_us = 8000;
constexpr std::uint64_t sections_a_check = 100;
/// Far above the lock timeout, which reports a name first.
constexpr std::chrono::seconds longest_standstill{45};

/// What the processes of the drill share.
struct Arena {
  std::array<std::atomic<std::uint64_t>, writer_count> acknowledged;
  /// What each writer has stored in its Atomic, which a killed one may not have come to.
  std::array<std::atomic<std::uint64_t>, writer_count> told;
  std::array<std::atomic<std::uint64_t>, member_count> progress;
  std::atomic<std::uint64_t> commits;
  std::atomic<std::uint64_t> takeovers;
  std::atomic<std::uint64_t> sections;
  std::atomic<std::uint64_t> checks;
  std::atomic<std::uint64_t> comparisons;
  std::array<std::atomic<std::uint64_t>, writer_count> verified;
  std::array<Board, member_count + 1> boards;
};

Options options_of(Durability durability, const std::string& label) {
  Options options = drill_options(durability, label);
  // Small, so that checkpoints and growth happen all the time.
  options.log_bytes = 256 << 10;
  return options;
}

Counters snapshot(const std::array<std::atomic<std::uint64_t>, writer_count>& words) {
  Counters values{};
  std::copy(words.begin(), words.end(), values.begin());
  return values;
}

class Arenas {
 public:
  Arenas(const Settings& settings, Durability durability)
      : settings_(settings),
        durability_(durability),
        scratch_(settings.directory),
        path_(scratch_.file("store")),
        random_(settings.seed) {}

  RandomKillsReport run();

 private:
  struct Member {
    std::optional<Child> child;
    std::uint64_t progress = 0;
    Clock::time_point alive_at;
  };

  void write_for_ever(std::uint32_t writer);
  void read_for_ever();
  void verify_alone();
  void round(std::uint64_t kills);
  void start(std::uint32_t member);
  void kill(std::uint32_t member);
  void look_after_members();
  void compare_alone();
  [[noreturn]] void fail(const std::string& problem) const;

  const Settings& settings_;
  Durability durability_;
  Scratch scratch_;
  std::string path_;
  std::mt19937_64 random_;
  Shared<Arena> arena_;
  Ledger model_;  ///< as of the last round; children inherit it
  std::array<Member, member_count> members_;
  std::uint64_t kills_ = 0;
};

void Arenas::write_for_ever(std::uint32_t writer) {
  Store store =
      Store::open_existing(path_, options_of(durability_, "writer " + std::to_string(writer)));
  std::mt19937_64 random(random_() + writer + static_cast<std::uint64_t>(::getpid()));
  std::atomic<std::uint64_t>& acknowledged = arena_->acknowledged[writer];
  std::uint64_t number =
      store.read([&](const ReadTransaction& tx) { return Ledger::counters(tx)[writer]; });
  if (number < acknowledged || number > acknowledged + 1) {
    throw DrillFailure(fmt::format("writer {} was told of transaction {}, the store holds {}",
                                   writer, acknowledged.load(), number));
  }
  const auto tell = [&] {
    store.read([&](const ReadTransaction& tx) { Ledger::told(tx)[writer] = number; });
    arena_->told[writer] = number;
    acknowledged = number;
  };
  tell();
  std::uint64_t seen = 0;
  for (;;) {
    const std::uint64_t die = random() % 4000;
    if (die == 0) store.shrink_to_usage();
    if (die == 1) store.checkpoint();
    WriteTransaction tx = store.begin_write();
    if (const RecoveryReport report = store.last_recovery();
        report.took_over && report.sequence != seen) {
      seen = report.sequence;
      ++arena_->takeovers;
    }
    Ledger::enter(tx, writer, number + 1);
    ++arena_->progress[writer];
    if (die < 200) continue;  // let go
    tx.commit();
    ++number;
    tell();
    ++arena_->commits;
  }
}

void Arenas::read_for_ever() {
  Store store = Store::open_existing(path_, options_of(durability_, "reader"));
  for (std::uint64_t turn = 0;; ++turn) {
    const Counters least = snapshot(arena_->acknowledged);
    const Counters least_told = snapshot(arena_->told);
    store.read([&](const ReadTransaction& tx) {
      Ledger::require_invariants(tx, least, least_told, turn);
    });
    ++arena_->sections;
    ++arena_->progress[reading_member];
    if (turn % sections_a_check != 0) continue;
    require_sound(store, "beside writers");
    ++arena_->checks;
    // Most of the way outside a section, which publication waits for.
    model_.advance(store.read([](const ReadTransaction& tx) { return Ledger::counters(tx); }));
    store.read([&](const ReadTransaction& tx) {
      model_.advance(Ledger::counters(tx));
      model_.require_equal(tx);
    });
    ++arena_->comparisons;
    ++arena_->progress[reading_member];
  }
}

void Arenas::verify_alone() {
  Store store = Store::open_existing(path_, options_of(durability_, "verify"));
  const CheckReport report = store.check();
  if (!report.ok()) throw DrillFailure("check finds " + report.problems.front());
  const Counters least = snapshot(arena_->acknowledged);
  const Counters found = store.read([&](const ReadTransaction& tx) {
    Ledger::require_invariants(tx, least, snapshot(arena_->told), 0);
    return Ledger::counters(tx);
  });
  for (std::uint32_t writer = 0; writer < writer_count; ++writer) {
    if (found[writer] > least[writer] + 1) {
      throw DrillFailure(
          fmt::format("writer {} never began transaction {}", writer, found[writer]));
    }
    const std::uint64_t told =
        store.read([&](const ReadTransaction& tx) { return Ledger::told(tx)[writer].load(); });
    if (told > found[writer]) {
      throw DrillFailure(fmt::format("an Atomic says {} of writer {}", told, writer));
    }
    arena_->verified[writer] = found[writer];
  }
  model_.advance(found);
  store.read([&](const ReadTransaction& tx) { model_.require_equal(tx); });
  if (random_() % 2 == 0) store.close();
}

void Arenas::start(std::uint32_t member) {
  Member& one = members_[member];
  one.child.emplace(arena_->boards[member], [this, member] {
    if (member == reading_member) {
      read_for_ever();
    } else {
      write_for_ever(member);
    }
  });
  one.alive_at = Clock::now();
}

void Arenas::kill(std::uint32_t member) {
  Member& one = members_[member];
  if (!one.child) return;
  const Ending ending = one.child->kill();
  one.child.reset();
  if (ending != Ending::killed) {
    fail(fmt::format("process {} {}: {}", member, to_string(ending),
                     arena_->boards[member].failure_text()));
  }
  ++kills_;
}

/// Nobody may end by itself, and nobody may stand still.
void Arenas::look_after_members() {
  const Clock::time_point now = Clock::now();
  for (std::uint32_t member = 0; member < member_count; ++member) {
    Member& one = members_[member];
    if (!one.child) continue;
    if (const auto ending = one.child->poll()) {
      one.child.reset();
      fail(fmt::format("process {} {}: {}", member, to_string(*ending),
                       arena_->boards[member].failure_text()));
    }
    const std::uint64_t progress = arena_->progress[member];
    if (progress != one.progress) {
      one.progress = progress;
      one.alive_at = now;
    }
    if (now - one.alive_at > longest_standstill) {
      fail(fmt::format("process {} has stood still for {} s", member, longest_standstill.count()));
    }
  }
}

void Arenas::round(std::uint64_t kills) {
  const std::uint64_t end = kills_ + kills;
  for (std::uint32_t member = 0; member < member_count; ++member) start(member);
  while (kills_ < end) {
    std::this_thread::sleep_for(std::chrono::microseconds(random_() % longest_life_us));
    look_after_members();
    const auto victim = static_cast<std::uint32_t>(random_() % member_count);
    // The reader needs some time for its checks.
    if (victim == reading_member && random_() % 4 != 0) continue;
    kill(victim);
    // At times two at once, so that an heir dies too.
    if (random_() % 4 == 0 && kills_ < end) {
      const auto other =
          (victim + 1 + static_cast<std::uint32_t>(random_() % (writer_count - 1))) % writer_count;
      kill(other);
      start(other);
    }
    if (!members_[victim].child) start(victim);
  }
  for (std::uint32_t member = 0; member < member_count; ++member) kill(member);
}

void Arenas::compare_alone() {
  Board& board = arena_->boards[member_count];
  const Ending ending = run_child(board, patience, [this] { verify_alone(); });
  random_();
  if (ending != Ending::finished) {
    fail(std::string("the process that reopens it ") + to_string(ending) + ": " +
         board.failure_text());
  }
  ++arena_->checks;
  ++arena_->comparisons;
  const Counters found = snapshot(arena_->verified);
  model_.advance(found);
  // The next writers hold their first section against this.
  std::copy(found.begin(), found.end(), arena_->acknowledged.begin());
}

void Arenas::fail(const std::string& problem) const {
  throw DrillFailure(fmt::format("random kills, level {}, seed {}, after {} kills: {}{}",
                                 to_string(durability_), settings_.seed, kills_, problem,
                                 who_holds_what(path_)));
}

RandomKillsReport Arenas::run() {
  const Clock::time_point begun = Clock::now();
  const auto since = [&] { return std::chrono::duration<double>(Clock::now() - begun).count(); };
  if (run_child(arena_->boards[0], patience, [this] {
        Store store = Store::create(path_, options_of(durability_, "founder"));
        store.write([](WriteTransaction& tx) { Ledger::found(tx); });
      }) != Ending::finished) {
    fail("the store cannot be founded: " + arena_->boards[0].failure_text());
  }
  console::ProgressBar bar(std::string("random kills, ") + to_string(durability_), settings_.kills,
                           "kills");
  while (kills_ < settings_.kills &&
         (settings_.seconds == 0 || since() < static_cast<double>(settings_.seconds))) {
    round(std::min(kills_a_round, settings_.kills - kills_));
    compare_alone();
    bar.note(
        fmt::format("{} commits, {} takeovers", arena_->commits.load(), arena_->takeovers.load()));
    bar.update(kills_);
  }
  bar.done();
  return {kills_,           arena_->commits, arena_->takeovers,
          arena_->sections, arena_->checks,  arena_->comparisons,
          since()};
}

}  // namespace

RandomKillsReport kill_at_random(const Settings& settings, Durability durability) {
  const auto arenas = std::make_unique<Arenas>(settings, durability);
  const RandomKillsReport report = arenas->run();
  if (report.commits == 0 || report.comparisons == 0) {
    throw DrillFailure("random kills: nothing was committed or nothing compared");
  }
  return report;
}

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#include "soak_worker.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <exception>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <thread>
#include <vector>

#include "cairn/mapping/drill_hooks.hpp"
#include "soak_body.hpp"
#include "soak_round.hpp"
#include "sweep.hpp"

namespace cairn::drills {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

constexpr std::uint64_t largest_asked_bytes = 16 << 20;
constexpr std::uint64_t all_parts = (1U << part_count) - 1;

/// Thrown by a transaction that changes its mind.
struct ChangedItsMind {};

PointHook watched_hook = nullptr;
std::string watched_path;

void on_point(const char* point) {
  watched_hook(point, watched_path);
}

bool says(const Error& error, std::string_view text) {
  return std::string_view(error.what()).find(text) != std::string_view::npos;
}

class Thread {
 public:
  Thread(const SoakLife& life, std::uint32_t thread, std::uint32_t turn)
      : life_(life),
        id_{life.member, life.incarnation, thread, 0},
        board_(*life.board),
        slot_(life.member * most_threads_of_member + thread),
        mine_(board_.threads[slot_]),
        random_(life.seed ^
                (std::uint64_t{turn} << 40 | std::uint64_t{life.incarnation} << 16 | slot_)) {}

  void write_and_read();
  void read_some(const Store& store);
  /// Nothing where that failed as it may.
  std::optional<Store> open();

 private:
  void write(Store& store);
  void attempt(Store& store, const Plan& plan, std::uint64_t least);
  void transact(Store& store, Plan plan, std::uint64_t least);
  void note(Outcome outcome, std::uint64_t number = 0, std::uint64_t sequence = 0);
  Outcome judge(const Error& error);
  void note_takeover(const Store& store);
  void stroke(const Store& store);
  void maintain(Store& store);
  void read(const Store& store);
  void require_strokes(const ReadTransaction& tx, std::uint32_t slot) const;
  void fence(Store& store);
  void check(const Store& store);
  void watch(Store& store);
  void pause(std::uint64_t most_us) {
    std::this_thread::sleep_for(microseconds(random_() % most_us));
  }
  bool one_in(std::uint64_t n) { return random_() % n == 0; }
  void enter(Stage stage) noexcept {
    mine_.stage = stage;
    ++mine_.progress;
  }

  const SoakLife& life_;
  DeedId id_;
  SoakBoard& board_;
  std::uint32_t slot_;
  SoakThread& mine_;
  std::mt19937_64 random_;
  std::uint64_t taken_over_ = 0;
  std::uint64_t noted_ = 0;  ///< counter of the last transaction whose outcome was noted
  bool fenced_ = false;      ///< its last transaction was
};

/// What may come of a transaction by design. Throws the error again where it may not.
Outcome Thread::judge(const Error& error) {
  SoakFigures& figures = board_.figures;
  if (error == errc::fenced) return Outcome::fenced;
  if (error == errc::timeout && life_.hasty) {
    ++figures.timeouts;
    return Outcome::refused;
  }
  // Sections fill the log, or the transaction alone would.
  if ((error == errc::no_space || error == errc::too_large) && says(error, "max_log_bytes")) {
    ++(error == errc::no_space ? figures.no_space : figures.too_large);
    return Outcome::refused;
  }
  // As long as a fenced one may change it.
  if (error == errc::timeout && says(error, "the transaction ends an Atomic")) {
    ++figures.kept_atomics;
    return Outcome::refused;
  }
  throw;
}

void Thread::note(Outcome outcome, std::uint64_t number, std::uint64_t sequence) {
  // Of the mutant that notes early only the first counts.
  if (noted_ == id_.counter) return;
  noted_ = id_.counter;
  mine_.attempts.push({id_, outcome, number, sequence});
  SoakFigures& figures = board_.figures;
  switch (outcome) {
    case Outcome::acknowledged: ++figures.acknowledged; break;
    case Outcome::rolled_back: ++figures.rolled_back; break;
    case Outcome::fenced: ++figures.fenced; break;
    case Outcome::refused: ++figures.refused; break;
  }
  if (fenced_ && outcome == Outcome::acknowledged) ++figures.went_on;
  if (outcome != Outcome::refused) fenced_ = outcome == Outcome::fenced;
}

void Thread::write(Store& store) {
  ++id_.counter;
  mine_.begun = id_.counter;
  const std::uint64_t least = board_.newest.load(std::memory_order_acquire);
  WatchedBody::Escape& escape = WatchedBody::escape();
  escape = {};
  try {
    transact(store, Plan(life_.seed, id_), least);
  } catch (const ChangedItsMind&) {
    note(escape.fenced ? Outcome::fenced : Outcome::rolled_back);
  } catch (const Error& error) {
    const bool told = error == errc::fenced;
    if (escape.mixed && !told) ++board_.figures.mixed_bodies;
    const Outcome outcome = escape.mixed && !told ? Outcome::fenced : judge(error);
    note(escape.fenced ? Outcome::fenced : outcome);
  } catch (const std::exception&) {
    if (!escape.mixed) throw;
    ++board_.figures.mixed_bodies;
    note(Outcome::fenced);
  }
  mine_.stage = Stage::outside;
}

void Thread::transact(Store& store, Plan plan, std::uint64_t least) {
  const std::uint64_t kind = random_() % 100;
  enter(Stage::waiting);
  WriteTransaction tx = store.begin_write();
  WatchedBody body(mine_);
  note_takeover(store);
  plan.look(tx);
  if (number_in(tx) < least) {
    throw DrillFailure(fmt::format("{} finds number {}, after {} had been acknowledged",
                                   to_string(id_), number_in(tx), least));
  }
  const std::size_t half = random_() % (plan.edit_count() + 1);
  plan.begin(tx, half);
  if (kind < 4) pause(4000);
  if (kind % 10 == 1) throw ChangedItsMind();
  const Deed deed = plan.finish(tx, half);
  if (kind == 4) pause(4000);
  if (kind % 20 == 2) throw ChangedItsMind();
  body.end();
  mine_.stage = Stage::committing;
  if (kind % 20 == 3) {
    tx.rollback();
    note(Outcome::rolled_back);
    return;
  }
  if (life_.acknowledge_early) note(Outcome::acknowledged, deed.number, deed.sequence);
  try {
    const std::uint64_t sequence = tx.commit();
    note(Outcome::acknowledged, deed.number, sequence);
    raise(board_.newest, deed.number);
  } catch (const Error& error) {
    // It made an Atomic where a section that stays sees something else.
    if (!life_.hasty || !(error == errc::timeout) || !says(error, "the commit stands")) throw;
    ++board_.figures.unseen;
    note(Outcome::acknowledged, deed.number, deed.sequence);
  }
}

void Thread::note_takeover(const Store& store) {
  const RecoveryReport report = store.last_recovery();
  if (!report.took_over || report.sequence == taken_over_) return;
  taken_over_ = report.sequence;
  ++board_.figures.takeovers;
  raise(board_.figures.longest_takeover_ns, static_cast<std::uint64_t>(report.duration.count()));
}

/// Counts in Atomics, outside of transactions: in the thread's own, and in one that anybody may
/// destroy meanwhile.
void Thread::stroke(const Store& store) {
  ++mine_.strokes_begun;
  bool done = false;
  try {
    store.read([&](const ReadTransaction& tx) {
      (*tx.find<Strokes>("strokes"))[slot_].fetch_add(1);
      done = true;
      ++mine_.strokes_done;
      count_in_lamp(tx, random_() % lamp_count);
    });
  } catch (const Error& error) {
    judge(error);
    if (!done) --mine_.strokes_begun;
  }
}

/// What changes the file and not the content.
void Thread::maintain(Store& store) {
  SoakFigures& figures = board_.figures;
  try {
    switch (random_() % 6) {
      case 0:
      case 1:
        enter(Stage::resizing);
        ++figures.resizes_begun;
        store.shrink_to_usage();
        ++figures.resizes;
        break;
      case 2:
        enter(Stage::resizing);
        ++figures.resizes_begun;
        store.resize_file(std::min(store.size(), largest_asked_bytes) + random_() % (2 << 20));
        ++figures.resizes;
        break;
      case 3:
        enter(Stage::checkpointing);
        store.checkpoint();
        ++figures.checkpoints;
        break;
      case 4:
        enter(Stage::resizing);
        store.cleanup_failed_resize();
        break;
      default:
        enter(Stage::fencing);
        store.recover();
        break;
    }
  } catch (const Error& error) {
    judge(error);
  }
  mine_.stage = Stage::outside;
}

/// Whoever is at it: the owner of the write lock may be stopped.
void Thread::fence(Store& store) {
  enter(Stage::fencing);
  try {
    if (store.recover(fence_soon).fenced_pid != 0) ++board_.figures.fences;
  } catch (const Error& error) {
    if (error == errc::timeout) {
      ++board_.figures.fences_in_vain;
    } else {
      judge(error);
    }
  }
  mine_.stage = Stage::outside;
}

void Thread::check(const Store& store) {
  enter(Stage::checking);
  require_sound(store, "beside writers");
  ++board_.figures.checks;
}

void Thread::require_strokes(const ReadTransaction& tx, std::uint32_t slot) const {
  const SoakThread& thread = board_.threads[slot];
  const std::uint64_t least = thread.strokes_done;
  const std::uint64_t found = (*tx.find<Strokes>("strokes"))[slot];
  drills::require_strokes(slot, found, least, thread.strokes_begun);
}

void Thread::read(const Store& store) {
  Observation seen;
  seen.incarnation = life_.incarnation;
  // Mostly a part, at times everything.
  seen.parts =
      static_cast<std::uint32_t>(one_in(8) ? all_parts : random_() & all_parts & random_());
  const auto look = [&](const ReadTransaction& tx) {
    Observation found = seen;
    found.number = number_in(tx);
    found.sequence = tx.sequence();
    for (std::size_t i = 0; i < part_count; ++i) {
      if (found.has(static_cast<Part>(i))) found.digests[i] = digest_of(tx, static_cast<Part>(i));
    }
    return found;
  };
  enter(Stage::entering);
  seen.least = board_.newest.load(std::memory_order_acquire);
  const ReadTransaction section = store.begin_read();
  mine_.stage = Stage::reading;
  seen = look(section);
  if (!life_.reads_only) count_in_lamp(section, random_() % lamp_count);
  require_strokes(section, static_cast<std::uint32_t>(random_() % most_threads));
  SoakFigures& figures = board_.figures;
  if (one_in(20)) {
    pause(one_in(4) ? life_.longest_section_us : 5'000);
    // Through a nested section, which must not be a newer one.
    if (!life_.reads_only) count_in_lamp(section, random_() % lamp_count);
    const Observation again = store.read(look);
    if (again.number != seen.number || again.sequence != seen.sequence ||
        again.digests != seen.digests) {
      throw DrillFailure(fmt::format("a section changed while it stayed: number {} and {}",
                                     seen.number, again.number));
    }
    ++figures.slow_sections;
  }
  mine_.observations.push(seen);
  ++figures.sections;
  if (life_.reads_only) ++figures.read_only_sections;
}

void Thread::read_some(const Store& store) {
  watch_body_of(mine_);
  try {
    const std::uint64_t sections = 1 + random_() % 60;
    for (std::uint64_t i = 0; i < sections && board_.finish == 0; ++i) {
      if (mine_.observations.is_full()) break;
      read(store);
      mine_.stage = Stage::outside;
      pause(400);
    }
    if (one_in(20)) check(store);
  } catch (const Error& error) {
    judge(error);
  }
  mine_.stage = Stage::outside;
}

void Thread::write_and_read() {
  watch_body_of(mine_);
  const bool writes = id_.thread + 1 < life_.threads;
  std::optional<Store> store;
  while (board_.finish == 0) {
    if (mine_.attempts.is_full() || mine_.observations.is_full()) {
      enter(Stage::full);
      pause(5000);
    } else if (!store) {
      store = open();
    } else if (writes) {
      write(*store);
      if (one_in(3)) stroke(*store);
      if (one_in(300)) maintain(*store);
      if (one_in(50)) pause(3000);
    } else {
      watch(*store);
    }
  }
}

std::optional<Store> Thread::open() {
  enter(Stage::opening);
  try {
    if (life_.reads_only) return Store::open_read_only(life_.path, life_.options);
    return Store::open_existing(life_.path, life_.options);
  } catch (const Error& error) {
    if (life_.reads_only && error == errc::needs_recovery) {
      ++board_.figures.needs_recovery;
      pause(2000);
    } else {
      judge(error);
    }
  }
  return std::nullopt;
}

/// What the thread of a process does that only reads.
void Thread::watch(Store& store) {
  std::uint32_t wanted = 1;
  if (board_.fence_wanted.compare_exchange_strong(wanted, 0)) fence(store);
  try {
    read(store);
    if (one_in(400)) check(store);
    if (one_in(30)) {
      enter(Stage::awaiting);
      const std::uint64_t before = store.sequence();
      if (store.wait_for_change(before, 5ms) > before) ++board_.figures.changes_awaited;
    }
  } catch (const Error& error) {
    judge(error);
  }
  mine_.stage = Stage::outside;
  pause(400);
}

/// Runs `body(thread)` for each thread of the process; what one throws ends the process.
void in_threads(const SoakLife& life, const std::function<void(std::uint32_t)>& body) {
  const auto guarded = [&](std::uint32_t thread) {
    try {
      body(thread);
    } catch (const std::exception& error) {
      life.board->boards[life.member].fail(fmt::format("thread {}: {}", thread, error.what()));
      ::_exit(1);
    }
  };
  std::vector<std::thread> threads;
  for (std::uint32_t i = 1; i < life.threads; ++i) threads.emplace_back(guarded, i);
  guarded(0);
  for (std::thread& thread : threads) thread.join();
}

/// Opens the store again and again: who finds nobody attached keeps writers out as long as it has
/// it open.
void read_only(const SoakLife& life) {
  for (std::uint32_t turn = 1; life.board->finish == 0; ++turn) {
    const std::optional<Store> store = Thread(life, 0, turn).open();
    if (!store) continue;
    in_threads(life, [&](std::uint32_t thread) { Thread(life, thread, turn).read_some(*store); });
  }
}

/// Opens the store before there are other threads: a process that registers for membarrier(2) with
/// several waits in the kernel for every processor, which takes seconds on a busy machine, and
/// cannot be killed or stopped meanwhile.
void write_and_read(const SoakLife& life) {
  std::optional<Store> store;
  while (!store && life.board->finish == 0) store = Thread(life, 0, 0).open();
  in_threads(life, [&](std::uint32_t thread) { Thread(life, thread, 0).write_and_read(); });
}

}  // namespace

const char* to_string(Stage stage) noexcept {
  switch (stage) {
    case Stage::outside: return "between two things";
    case Stage::opening: return "opening the store";
    case Stage::waiting: return "beginning a transaction";
    case Stage::body: return "the body of a transaction";
    case Stage::committing: return "committing or rolling back";
    case Stage::resizing: return "changing the file's length";
    case Stage::checkpointing: return "a checkpoint";
    case Stage::entering: return "entering a section";
    case Stage::reading: return "reading";
    case Stage::fencing: return "recovering or fencing";
    case Stage::checking: return "checking";
    case Stage::awaiting: return "waiting for a change";
    case Stage::full: return "waiting for the round's end";
  }
  return "something";
}

void live(const SoakLife& life) {
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_IGN);
  watch_bodies(
      life.path, life.board->boards[life.member],
      std::span(life.board->threads).subspan(life.member * most_threads_of_member, life.threads));
  if (life.hook != nullptr) {
    watched_hook = life.hook;
    watched_path = life.path;
    drill::set_crash_observer(&on_point);
  }
  if (life.reads_only) {
    read_only(life);
  } else {
    write_and_read(life);
  }
}

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#include "fencing.hpp"

#include <chrono>
#include <optional>
#include <set>
#include <thread>

#include "rendezvous.hpp"

namespace cairn::drills {
namespace {

using namespace std::chrono_literals;

const std::vector<Edit> writer_edits = {{EditKind::put, 1, 100},
                                        {EditKind::append, 1, 100},
                                        {EditKind::push, 0, 100},
                                        {EditKind::fill, 60'000, 9}};
const std::vector<Edit> fencer_edits = {
    {EditKind::put, 2, 200}, {EditKind::append, 1, 200}, {EditKind::append, 7, 200}};
const std::vector<Edit> third_edits = {{EditKind::put, 3, 300}};

Workload base_workload() {
  Workload base{"fencing", {}, false, {}, {}};
  base.setup = {{ActionKind::open},
                {ActionKind::transaction, {{EditKind::put, 1, 1}, {EditKind::append, 1, 1}}}};
  return base;
}

/// Where something is stopped or dies in one play.
struct Script {
  std::uint64_t writer_stops_at = 0;
  std::uint64_t fencer_dies_at = 0;
  const char* writer_dies_at = nullptr;  ///< once it goes on
  const char* third_dies_at = nullptr;
  const char* joining_dies_at = nullptr;  ///< one that opens the store once the fencer is dead
  bool third_waits = false;               ///< for the fencer to die, and not only once it is dead
};

class Play {
 public:
  Play(const Settings& settings, Tally& deaths, Tally& stops, Durability durability)
      : deaths_(deaths),
        stops_(stops),
        durability_(durability),
        scratch_(settings.directory),
        image_(scratch_.file("image")),
        path_(scratch_.file("store")) {
    if (run_child(*writer_, patience, [&] { prepare(base_workload(), durability_, image_); }) !=
        Ending::finished) {
      throw DrillFailure("fencing: the setup fails: " + writer_->failure_text());
    }
  }

  void perform(const Script& script);

  const Board& writer() const noexcept { return *writer_; }
  const Board& fencer() const noexcept { return *fencer_; }
  bool was_fenced() const noexcept { return fencer_->holding != 0; }
  std::uint64_t events() const noexcept { return events_; }
  /// How long the third process waited for the dead fencer.
  std::chrono::nanoseconds wait() const { return wait_between(*fencer_, *third_); }
  std::string text() const {
    return "fencing, level " + std::string(to_string(durability_)) + ", writer stopped at " +
           place_of(*writer_) + ", fencer dead at " + place_of(*fencer_);
  }

 private:
  void write() const;
  void fence() const;
  void settle(const char* dies_at) const;
  void settle(Store& store) const;
  void wait_for_fencer() const;
  void settle_and_prove(const Script& script);
  Content expected() const;
  void require(Ending ending, const Board& board, const char* who, bool may_die);

  Tally& deaths_;
  Tally& stops_;
  Durability durability_;
  Scratch scratch_;
  std::string image_;
  std::string path_;
  Shared<Board> writer_;
  Shared<Board> fencer_;
  Shared<Board> third_;
  Script script_;
  std::uint64_t events_ = 0;
};

/// Commits, and where it was fenced instead does it all again. `board.tail_stored` is of the
/// transaction alone: what beginning it commits by itself is none of it.
void commit(Store& store, Board& board, const std::vector<Edit>& edits) {
  for (;;) {
    try {
      WriteTransaction tx = store.begin_write();
      board.tail_stored = 0;
      apply_edits(edits, tx);
      board.in_transaction = 1;
      tx.commit();
      board.acknowledged = 1;
      return;
    } catch (const Error& error) {
      if (!(error == errc::fenced)) throw;
      board.in_transaction = 0;
      board.progress += 1;
    }
  }
}

void Play::write() const {
  Store store = Store::open_existing(path_, drill_options(durability_, "writer"));
  writer_->opened = 1;
  await(fencer_->opened, "the fencer to open the store");
  if (script_.third_waits) await(third_->opened, "the third to open the store");
  watch_points_to_stop(*writer_, script_.writer_stops_at);
  bool again = false;
  try {
    WriteTransaction tx = store.begin_write();
    apply_edits(writer_edits, tx);
    // Here at the latest it was stopped where it can be fenced.
    if (script_.writer_dies_at != nullptr) watch_points_to_die_at(*writer_, script_.writer_dies_at);
    tx.commit();
    writer_->acknowledged = 1;
  } catch (const Error& error) {
    if (!(error == errc::fenced)) throw;
    again = true;
  }
  if ((fencer_->holding != 0) != again) {
    throw DrillFailure(again ? "told that it was fenced, and was not" : "fenced, and not told");
  }
  if (again) commit(store, *writer_, writer_edits);
}

void Play::fence() const {
  Options hasty = drill_options(durability_, "fencer");
  hasty.lock_timeout = 40ms;
  Store store = open_patiently(path_, hasty);
  fencer_->opened = 1;
  await(fencer_->waiting, "the writer to stop");
  watch_points(*fencer_, script_.fencer_dies_at);
  if (script_.third_waits) die_awaited(third_->waiting);
  try {
    // Known to the writer whatever becomes of this process.
    const RecoveryReport report = store.recover(fence_soon);
    fencer_->holding = report.fenced_pid != 0;
  } catch (const Error& error) {
    const std::string text = error.what();
    const bool named = text.find("writer") != std::string::npos &&
                       text.find("cannot be interrupted") != std::string::npos;
    if (!(error == errc::timeout) || !named) throw;
    fencer_->finish = 1;
    await(writer_->acknowledged, "the writer to go on");
  }
  commit(store, *fencer_, fencer_edits);
  require_sound(store, "after fencing");
  fencer_->finish = 1;
}

/// What must come of everything once all others have ended or are stopped.
void Play::settle(const char* dies_at) const {
  if (dies_at != nullptr) watch_points_to_die_at(*third_, dies_at);
  Store store = Store::open_existing(path_, drill_options(durability_, "third"));
  settle(store);
}

void Play::settle(Store& store) const {
  store.recover(fence_soon);
  commit(store, *third_, third_edits);
  require_sound(store, "once all is settled");
}

/// Where it had not come to fence the writer yet, that is who is waited for in vain.
void Play::wait_for_fencer() const {
  Options patient = drill_options(durability_, "third");
  patient.lock_timeout = 5s;
  Store store = open_patiently(path_, patient);
  third_->opened = 1;
  await(fencer_->at_the_door, "the fencer to be about to die");
  third_->waiting = 1;
  try {
    store.begin_write().rollback();
    third_->served_ns = steady_ns();
  } catch (const Error& error) {
    const bool named = std::string(error.what()).find("writer") != std::string::npos;
    if (!(error == errc::timeout) || !named) throw;
  }
  settle(store);
}

Content Play::expected() const {
  Content content = models_of(base_workload()).front();
  const bool first_writer = writer_->acknowledged != 0 && fencer_->holding == 0;
  const bool fencer = fencer_->in_transaction != 0 && fencer_->tail_stored != 0;
  const bool third = third_->acknowledged != 0;
  if (first_writer) apply_edits(writer_edits, content);
  if (fencer) apply_edits(fencer_edits, content);
  if (third) apply_edits(third_edits, content);
  if (!first_writer && writer_->acknowledged != 0) apply_edits(writer_edits, content);
  return content;
}

void Play::require(Ending ending, const Board& board, const char* who, bool may_die) {
  if (ending == Ending::killed && board.died_at != 0 && may_die) {
    deaths_.add(static_cast<std::uint8_t>(board.died_at - 1));
    ++events_;
    return;
  }
  if (ending == Ending::finished && !may_die) return;
  throw DrillFailure("fencing, level " + std::string(to_string(durability_)) +
                     ", writer stopped at " + place_of(*writer_) + ": " + who + " " +
                     to_string(ending) + ": " + board.failure_text());
}

void Play::perform(const Script& script) {
  copy_store(image_, path_);
  writer_.clear();
  fencer_.clear();
  third_.clear();
  script_ = script;
  std::optional<Child> waiting;
  if (script.third_waits) waiting.emplace(*third_, [&] { wait_for_fencer(); });
  Child fencer(*fencer_, [&] { fence(); });
  Child writer(*writer_, [&] { write(); });
  const bool stopped = writer.wait_until_stopped();
  if (stopped) {
    stops_.add(static_cast<std::uint8_t>(writer_->died_at - 1));
    ++events_;
  }
  fencer_->waiting = 1;
  if (!stopped || script.fencer_dies_at == 0) {
    // The fencer either is done with the stopped one, or waits for it to go on.
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (fencer_->finish == 0 && !fencer.poll() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(100us);
    }
  } else {
    require(fencer.wait(patience), *fencer_, "the fencer", true);
    if (script.joining_dies_at != nullptr) {
      Child joining(*third_, [&] { settle(script.joining_dies_at); });
      require(joining.wait(patience), *third_, "who opens the store", true);
      third_.clear();
    }
    if (!waiting) waiting.emplace(*third_, [&] { settle(nullptr); });
    require(waiting->wait(patience), *third_, "the third process", false);
    // By one or the other of them; whoever died may not have come to say so.
    fencer_->holding = 1;
  }
  if (stopped) writer.go_on();
  const Ending writer_ending = writer.wait(patience);
  if (script.fencer_dies_at == 0) require(fencer.wait(patience), *fencer_, "the fencer", false);
  require(writer_ending, *writer_, "the writer", script.writer_dies_at != nullptr);
  settle_and_prove(script);
}

void Play::settle_and_prove(const Script& script) {
  if (script.third_dies_at != nullptr) {
    Child third(*third_, [&] { settle(script.third_dies_at); });
    require(third.wait(patience), *third_, "the third process", true);
  }
  try {
    verify(path_, durability_, {expected()}, {0, 0, true});
  } catch (const DrillFailure& failure) {
    writer_->fail(failure.what());
    require(Ending::failed, *writer_, "reopening after it", false);
  }
}

/// The number of the point at which the writer is in its body and its file grown.
std::uint64_t point_in_growth(const Board& writer) {
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(writer.points, writer.trace.size()); ++i) {
    if (writer.trace[i] == id_of("grow.allocated")) return i + 1;
  }
  throw DrillFailure("fencing: the writer does not grow");
}

}  // namespace

Waits sweep_dying_fencers(const Settings& settings, Tally& deaths, Durability durability) {
  Tally stops;
  Play play(settings, deaths, stops, durability);
  play.perform({});
  const std::uint64_t in_growth = point_in_growth(play.writer());
  play.perform({in_growth});
  Waits waits;
  for (const std::uint64_t number : first_passages(play.fencer())) {
    Script script{in_growth, number};
    script.third_waits = true;
    waits.measure(
        [&] {
          play.perform(script);
          return play.wait();
        },
        [&] { return play.text(); });
  }
  return waits;
}

std::uint64_t sweep_fencing(const Settings& settings, Tally& deaths, Tally& stops,
                            Durability durability) {
  Play play(settings, deaths, stops, durability);
  std::set<std::string> active;
  std::set<std::string> guarded;
  std::set<std::uint8_t> seen;
  std::optional<std::uint64_t> in_growth;
  // The n-th point of the writer, for each n; the first passage of each point where time is short.
  play.perform({});
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t i = 0; i < play.writer().points; ++i) {
    const std::uint8_t point = play.writer().trace[i];
    if (!seen.insert(point).second && settings.quick) continue;
    if (!is_step(point) && settings.quick && i % 7 != 0) continue;
    numbers.push_back(i + 1);
  }
  for (const std::uint64_t number : numbers) {
    play.perform({number});
    const std::string& point = all_points()[play.writer().trace[number - 1]];
    (play.was_fenced() ? active : guarded).insert(point);
    if (point == "grow.allocated") in_growth = number;
  }
  if (!active.contains("write.active") || !active.contains("grow.recorded") ||
      !guarded.contains("write.locked") || !guarded.contains("commit.guarded") || !in_growth) {
    throw DrillFailure("fencing: a point that should tell a phase was not passed");
  }
  // Each death of the fencer, with the writer in its body and its file grown.
  play.perform({*in_growth});
  const std::uint64_t fencer_points = play.fencer().points;
  std::set<std::uint8_t> died;
  std::vector<std::uint64_t> numbers_of_deaths;
  for (std::uint64_t i = 0; i < fencer_points; ++i) {
    const std::uint8_t point = play.fencer().trace[i];
    if (!died.insert(point).second && settings.quick) continue;
    numbers_of_deaths.push_back(i + 1);
  }
  for (const std::uint64_t number : numbers_of_deaths) play.perform({*in_growth, number});
  play.perform({*in_growth, numbers_of_deaths.front(), nullptr, nullptr, "join.measured"});
  for (const char* const point : {"fenced.noticed", "fenced.ended"}) {
    play.perform({*in_growth, 0, point});
  }
  play.perform({*in_growth, 0, "fenced.ended", "quarantine.released"});
  return play.events();
}

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#include "openers.hpp"

#include <chrono>
#include <set>
#include <thread>

namespace cairn::drills {
namespace {

using namespace std::chrono_literals;

/// How the store was left that is opened.
struct Remains {
  const char* workload;
  const char* died_at;  ///< nullptr: nothing is there
  bool rebooted = false;
};

constexpr Remains all_remains[] = {{"create", nullptr},
                                   {"create", "create.log_ring"},
                                   {"growth", "append.before_tail"},
                                   {"growth", "publish.line"},
                                   {"growth", "grow.allocated"},
                                   {"shrink", "shrink.committed"},
                                   {"growth", "publish.line", true}};

/// Of the second opener, whose transaction comes last.
const std::vector<Edit> second_edits = {{EditKind::put, 900, 1}, {EditKind::append, 90, 1}};

class Opening {
 public:
  Opening(const Settings& settings, Tally& tally, const Remains& remains, Durability durability)
      : tally_(tally),
        remains_(remains),
        durability_(durability),
        scratch_(settings.directory),
        half_(scratch_.file("half")),
        path_(scratch_.file("store")) {
    leave_half_done();
  }

  /// Lets the first opener pass all of its points.
  void trace();
  /// Returns how long the second waited.
  std::chrono::nanoseconds kill(std::uint64_t first_dies_at);
  /// Returns whether the second was told to wait.
  bool stop(std::uint64_t first_stops_at);
  const Board& first() const noexcept { return *first_; }
  std::string text() const {
    return "opening, level " + std::string(to_string(durability_)) + ", workload \"" +
           remains_.workload + "\", left by a death at " +
           (remains_.died_at == nullptr ? "no point" : remains_.died_at) +
           (remains_.rebooted ? " and rebooted" : "") + ", first opener struck at " +
           place_of(*first_);
  }

 private:
  void leave_half_done();
  void begin();
  void open_second(Options options) const;
  void wait_and_open() const;
  void open_hastily() const;
  void require(Ending ending, Ending expected, const Board& board, const char* who) const;
  void prove_end() const;

  Tally& tally_;
  const Remains& remains_;
  Durability durability_;
  Scratch scratch_;
  std::string half_;
  std::string path_;
  Content expected_;
  Shared<Board> first_;
  Shared<Board> second_;
};

void Opening::leave_half_done() {
  const Workload workload = workload_named(remains_.workload);
  const std::vector<Content> models = models_of(workload);
  expected_ = models.front();
  if (remains_.died_at != nullptr) {
    if (!workload.from_nothing) {
      const Ending ready =
          run_child(*first_, patience, [&] { prepare(workload, durability_, half_); });
      require(ready, Ending::finished, *first_, "the setup");
    }
    first_.clear();
    const Ending ending = run_child(*first_, patience, [&] {
      watch_points_to_die_at(*first_, remains_.died_at);
      perform(workload, durability_, half_, *first_);
    });
    require(ending, Ending::killed, *first_, "the process that leaves it half done");
    if (remains_.rebooted) scramble_live_words(half_);
    const bool one_more = first_->in_transaction != 0 && first_->tail_stored != 0;
    expected_ = models[first_->acknowledged + (one_more ? 1 : 0)];
  }
  apply_edits(second_edits, expected_);
}

void Opening::begin() {
  copy_store(half_, path_);
  first_.clear();
  second_.clear();
}

void Opening::open_second(Options options) const {
  options.label = "second";
  Store store = Store::open(path_, options);
  second_->served_ns = steady_ns();
  store.write([](WriteTransaction& tx) { apply_edits(second_edits, tx); });
  const Content found = store.read([](const ReadTransaction& tx) { return read_content(tx); });
  if (found != expected_) {
    throw DrillFailure("it does not find the model: " + difference(found, expected_));
  }
  require_sound(store, "by the second opener");
}

void Opening::wait_and_open() const {
  await(first_->at_the_door, "the first opener to be about to die");
  second_->waiting = 1;
  open_second(drill_options(durability_, "second"));
}

/// Tries it once in a hurry, and waits for the first one to go on where that is in the way.
void Opening::open_hastily() const {
  Options hasty = drill_options(durability_, "second");
  hasty.lock_timeout = 20ms;
  await(second_->waiting, "the first opener to stop");
  try {
    open_second(hasty);
  } catch (const Error& error) {
    if (!(error == errc::timeout)) throw;
    const std::string text = error.what();
    // Before it has a slot it can leave no name.
    const bool has_slot = place_of(*first_).starts_with("recover.");
    const bool named = text.find("\"first\"") != std::string::npos ||
                       (!has_slot && text.find("another process") != std::string::npos);
    if (!named || text.find(" is still ") == std::string::npos) throw;
    second_->holding = 1;
  }
  second_->finish = 1;
  if (second_->holding != 0) open_second(drill_options(durability_, "second"));
}

void Opening::require(Ending ending, Ending expected, const Board& board, const char* who) const {
  if (ending == expected && (ending != Ending::killed || board.died_at != 0)) return;
  throw DrillFailure(text() + ": " + who + " " + to_string(ending) + ": " + board.failure_text());
}

void Opening::prove_end() const {
  try {
    verify(path_, durability_, {expected_}, {0, 0, true});
  } catch (const DrillFailure& failure) {
    throw DrillFailure(text() + ": reopening: " + failure.what());
  }
}

void Opening::trace() {
  begin();
  const Ending ending = run_child(*first_, patience, [&] {
    watch_points(*first_, 0);
    const Store store = Store::open(path_, drill_options(durability_, "first"));
  });
  require(ending, Ending::finished, *first_, "the first opener");
}

std::chrono::nanoseconds Opening::kill(std::uint64_t first_dies_at) {
  begin();
  Child second(*second_, [&] { wait_and_open(); });
  const Ending ending = run_child(*first_, patience, [&] {
    watch_points(*first_, first_dies_at);
    die_awaited(second_->waiting);
    const Store store = Store::open(path_, drill_options(durability_, "first"));
  });
  require(ending, Ending::killed, *first_, "the first opener");
  tally_.add(static_cast<std::uint8_t>(first_->died_at - 1));
  require(second.wait(patience), Ending::finished, *second_, "the second opener");
  prove_end();
  return wait_between(*first_, *second_);
}

bool Opening::stop(std::uint64_t first_stops_at) {
  begin();
  Child second(*second_, [&] { open_hastily(); });
  Child first(*first_, [&] {
    watch_points_to_stop(*first_, first_stops_at);
    Store store = Store::open(path_, drill_options(durability_, "first"));
    store.begin_write().rollback();
  });
  if (!first.wait_until_stopped()) {
    require(first.wait(patience), Ending::killed, *first_, "the first opener");
  }
  tally_.add(static_cast<std::uint8_t>(first_->died_at - 1));
  second_->waiting = 1;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (second_->finish == 0 && !second.poll() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(100us);
  }
  first.go_on();
  require(second.wait(patience), Ending::finished, *second_, "the second opener");
  require(first.wait(patience), Ending::finished, *first_, "the first opener");
  prove_end();
  return second_->holding != 0;
}

}  // namespace

OpenersReport sweep_openers(const Settings& settings, Tally& tally, Durability durability,
                            Blow blow) {
  OpenersReport report;
  std::set<std::uint8_t> seen;
  for (const Remains& remains : all_remains) {
    Opening sut(settings, tally, remains, durability);
    sut.trace();
    const std::vector<std::uint64_t> firsts = first_passages(sut.first());
    std::vector<std::uint8_t> points;
    for (const std::uint64_t number : firsts) points.push_back(sut.first().trace[number - 1]);
    for (std::size_t i = 0; i < firsts.size(); ++i) {
      if (settings.quick && !seen.insert(points[i]).second && i % 8 != 0) continue;
      if (blow == Blow::kill) {
        report.waits.measure([&] { return sut.kill(firsts[i]); }, [&] { return sut.text(); });
      } else if (sut.stop(firsts[i])) {
        ++report.named;
      }
      ++report.events;
    }
  }
  return report;
}

}  // namespace cairn::drills

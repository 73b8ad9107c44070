// SPDX-License-Identifier: BSL-1.0
#include "soak.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "cairn_console/format.hpp"
#include "cairn_console/progress.hpp"
#include "drill_guard.hpp"
#include "soak_body.hpp"
#include "soak_figures.hpp"
#include "soak_round.hpp"
#include "soak_worker.hpp"

namespace cairn::drills {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

constexpr std::chrono::milliseconds longest_round{4000};
constexpr std::uint64_t most_deeds_a_round = 60'000;
constexpr std::uint64_t rounds_a_store = 6;
/// Longest times between two things that befall the processes.
constexpr std::array<std::uint64_t, 4> peaces_us = {6'000, 24'000, 24'000, 90'000};
/// Far above the lock timeout, which reports a name first.
constexpr std::chrono::seconds stuck_after{45};
/// A fenced body may run in circles in what it reads; nobody waits for it.
constexpr std::chrono::seconds lost_after{2};

class Soak {
 public:
  Soak(const Settings& settings, const SoakSettings& how)
      : settings_(settings),
        how_(how),
        scratch_(settings.directory),
        path_(scratch_.file("store")),
        history_file_(scratch_.file("history")),
        guard_({path_, path_ + "-log", history_file_}),
        random_(settings.seed),
        historian_(settings.seed) {}
  Soak(const Soak&) = delete;
  Soak& operator=(const Soak&) = delete;
  ~Soak() {
    if (file_ >= 0) ::close(file_);
  }

  void run();

 private:
  struct Member {
    std::optional<Child> child;
    std::uint32_t incarnation = 0;
    std::array<std::uint64_t, most_threads_of_member> progress{};
    std::array<Clock::time_point, most_threads_of_member> alive_at{};
  };

  void found_store();
  void round();
  void happen();
  void start(std::uint32_t member);
  void end(std::uint32_t member, Ending ending);
  void kill(std::uint32_t member);
  void stop();
  void kill_everybody();
  void finish_everybody();
  void look_after_members();
  void look_at_files();
  bool round_is_full() const;
  void verify_round();
  void require_few_engine_commits() const;
  void run_alone(const char* what, const std::function<void()>& body);
  bool has_lost_body(std::uint32_t member) const;
  Options options(bool hasty, const std::string& label);
  SoakThread& thread_of(std::uint32_t member, std::uint32_t thread) const {
    return board_->threads[member * most_threads_of_member + thread];
  }
  std::uint32_t any_member() { return static_cast<std::uint32_t>(random_() % how_.processes); }
  bool one_in(std::uint64_t n) { return random_() % n == 0; }
  [[noreturn]] void fail(const std::string& problem) const;

  const Settings& settings_;
  SoakSettings how_;
  Scratch scratch_;
  std::string path_;
  std::string history_file_;
  DrillGuard guard_;
  std::mt19937_64 random_;
  Shared<SoakBoard> board_;
  Shared<Harvest> harvest_;
  Historian historian_;
  Durability level_ = Durability::process;
  bool small_log_ = false;
  int file_ = -1;
  Clock::time_point deadline_;
  std::array<Member, most_members> members_;
  std::vector<Life> lives_;  ///< that ended in this round
  SoakEvents events_;
};

Options Soak::options(bool hasty, const std::string& label) {
  Options options = drill_options(level_, label);
  options.max_bytes = 256 << 20;
  if (hasty) {
    options.lock_timeout = std::chrono::milliseconds(5 + random_() % 30);
    options.reader_timeout = 20ms;
    options.fence_live_owner = one_in(2);
  }
  return options;
}

void Soak::found_store() {
  remove_store(path_);
  level_ = level_ == Durability::process ? Durability::power : Durability::process;
  small_log_ = !small_log_ && events_.stores % 4 >= 2;
  run_alone("founds the store",
            [&] { found_soak_store(path_, options(false, "founder"), *harvest_); });
  board_->newest = 0;
  for (SoakThread& thread : board_->threads) thread.strokes_begun = thread.strokes_done = 0;
  historian_.begin(harvest_->left_sequence);
  if (file_ >= 0) ::close(file_);
  file_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  ++events_.stores;
}

/// A process that opens the store while no other runs, and must come to its end.
void Soak::run_alone(const char* what, const std::function<void()>& body) {
  guard_.at(what);
  Board& board = board_->boards[most_members];
  const Ending ending = run_child(board, patience, body);
  if (ending != Ending::finished) {
    fail(fmt::format("the process that {} {}: {}", what, to_string(ending), board.failure_text()));
  }
}

void Soak::start(std::uint32_t member) {
  Member& one = members_[member];
  ++one.incarnation;
  ++events_.starts;
  SoakLife life;
  life.board = &*board_;
  life.path = path_;
  // The last one, where there are others. What waits for it may be hasty, so it never is patient.
  life.reads_only = member + 1 == how_.processes && member != 0;
  life.hasty = life.reads_only || one_in(3);
  life.options = options(life.hasty, fmt::format("process {}", member));
  if (one_in(4)) life.options.heartbeat_interval = 2ms;
  life.options.verify_writes = one_in(16);
  if (small_log_) {
    // So small that a section which stays fills it.
    life.options.max_log_bytes = 512 << 10;
    life.longest_section_us = 600'000;
  }
  life.seed = settings_.seed;
  life.member = member;
  life.incarnation = one.incarnation;
  life.threads = how_.threads;
  life.hook = settings_.recovery_hook;
  life.acknowledge_early = settings_.acknowledge_early;
  one.progress.fill(0);
  one.alive_at.fill(Clock::now());
  one.child.emplace(board_->boards[member], [life] { live(life); });
}

bool Soak::has_lost_body(std::uint32_t member) const {
  for (std::uint32_t i = 0; i < how_.threads; ++i) {
    if (thread_of(member, i).lost_body != 0) return true;
  }
  return false;
}

/// What is to be kept of a process that is gone.
void Soak::end(std::uint32_t member, Ending ending) {
  Member& one = members_[member];
  one.child.reset();
  const bool lost_body = has_lost_body(member);
  for (std::uint32_t i = 0; i < how_.threads; ++i) {
    SoakThread& thread = thread_of(member, i);
    lives_.push_back({member, one.incarnation, i, thread.begun});
    thread.begun = 0;
    thread.body_epoch = 0;
    thread.was_mixed = 0;
    thread.lost_body = 0;
  }
  if (ending == Ending::killed) {
    ++events_.kills;
  } else if (ending == Ending::finished && lost_body) {
    ++board_->figures.lost_bodies;
  } else if (ending == Ending::finished && board_->finish != 0) {
    ++events_.finished;
  } else {
    fail(fmt::format("process {} {}: {}", member, to_string(ending),
                     board_->boards[member].failure_text()));
  }
}

void Soak::kill(std::uint32_t member) {
  if (members_[member].child) end(member, members_[member].child->kill());
}

void Soak::kill_everybody() {
  // All at once, so that nobody is there to see the others die.
  for (std::uint32_t i = 0; i < how_.processes; ++i) {
    if (members_[i].child) ::kill(members_[i].child->pid(), SIGKILL);
  }
  for (std::uint32_t i = 0; i < how_.processes; ++i) kill(i);
}

void Soak::finish_everybody() {
  guard_.at("waits until everybody has finished");
  board_->finish = 1;
  for (std::uint32_t i = 0; i < how_.processes; ++i) {
    if (!members_[i].child) continue;
    const Ending ending = members_[i].child->wait(patience);
    if (ending == Ending::hung) {
      fail(fmt::format("process {} does not finish; it is at {}", i,
                       to_string(thread_of(i, 0).stage)));
    }
    end(i, ending);
  }
  board_->finish = 0;
}

/// Stops a process, preferably in the body of a transaction, and lets others fence it.
void Soak::stop() {
  std::uint32_t victim = any_member();
  for (std::uint32_t i = 0; i < how_.processes * how_.threads; ++i) {
    const std::uint32_t member = (victim + i) % how_.processes;
    if (thread_of(member, i / how_.processes).stage != Stage::body) continue;
    victim = member;
    break;
  }
  std::optional<Child>& child = members_[victim].child;
  ::kill(child->pid(), SIGSTOP);
  if (!child->wait_until_stopped()) return;
  ++events_.stops;
  const std::uint64_t fences = board_->figures.fences;
  const bool fence = !one_in(4);
  if (fence) board_->fence_wanted = 1;
  const auto end = Clock::now() + microseconds(1000 + random_() % 40'000);
  while (Clock::now() < end && (!fence || board_->figures.fences == fences)) {
    std::this_thread::sleep_for(1ms);
  }
  // At times the fencer dies too, or what was fenced never wakes up.
  if (one_in(5)) {
    const std::uint32_t other = any_member();
    if (other != victim) {
      kill(other);
      start(other);
    }
  }
  if (one_in(4)) std::this_thread::sleep_for(microseconds(random_() % 20'000));
  board_->fence_wanted = 0;
  if (one_in(4)) {
    kill(victim);
    start(victim);
  } else {
    child->go_on();
  }
}

void Soak::happen() {
  const std::uint64_t kind = random_() % 100;
  if (kind < 30) {
    stop();
  } else if (kind < 32) {
    kill_everybody();
    for (std::uint32_t i = 0; i < how_.processes; ++i) start(i);
  } else {
    const std::uint64_t victims = kind < 85 ? 1 : 2;
    std::array<bool, most_members> killed{};
    for (std::uint64_t i = 0; i < victims; ++i) {
      const std::uint32_t victim = any_member();
      kill(victim);
      killed[victim] = true;
    }
    for (std::uint32_t i = 0; i < how_.processes; ++i) {
      if (killed[i]) start(i);
    }
  }
}

/// Nobody may end by itself, and nobody may stand still.
void Soak::look_after_members() {
  const Clock::time_point now = Clock::now();
  for (std::uint32_t member = 0; member < how_.processes; ++member) {
    Member& one = members_[member];
    if (const auto ending = one.child->poll()) {
      end(member, *ending);
      start(member);
      continue;
    }
    for (std::uint32_t i = 0; i < how_.threads; ++i) {
      const SoakThread& thread = thread_of(member, i);
      const std::uint64_t progress = thread.progress;
      if (progress != one.progress[i]) {
        one.progress[i] = progress;
        one.alive_at[i] = now;
      }
      const auto still = now - one.alive_at[i];
      const std::uint64_t epoch = thread.body_epoch;
      if (still > lost_after && epoch != 0 && epoch != lock_epoch(file_) + 1) {
        ++events_.endless_bodies;
        kill(member);
        start(member);
        break;
      }
      if (still > stuck_after) {
        fail(fmt::format("thread {} of process {} has stood still for {} s, at {}", i, member,
                         stuck_after.count(), to_string(thread.stage)));
      }
    }
  }
}

void Soak::look_at_files() {
  std::error_code failed;
  const std::uint64_t bytes = std::filesystem::file_size(path_, failed);
  if (failed) return;
  events_.smallest_bytes = std::min(events_.smallest_bytes, bytes);
  events_.largest_bytes = std::max(events_.largest_bytes, bytes);
  const std::uint64_t log = std::filesystem::file_size(path_ + "-log", failed);
  if (!failed) events_.largest_log_bytes = std::max(events_.largest_log_bytes, log);
}

bool Soak::round_is_full() const {
  if (board_->newest > historian_.number() + most_deeds_a_round) return true;
  return std::ranges::any_of(board_->threads, [](const SoakThread& thread) {
    return thread.attempts.is_nearly_full() || thread.observations.is_nearly_full();
  });
}

void Soak::round() {
  for (std::uint32_t i = 0; i < how_.processes; ++i) start(i);
  const Clock::time_point end = std::min(Clock::now() + longest_round, deadline_);
  // Some rounds are rough, in some much is done between two deaths.
  const std::uint64_t longest_peace_us = peaces_us[random_() % peaces_us.size()];
  while (Clock::now() < end && !round_is_full() && !guard_.is_interrupted()) {
    guard_.at("watches the processes");
    std::this_thread::sleep_for(microseconds(random_() % longest_peace_us));
    look_after_members();
    look_at_files();
    happen();
  }
  if (one_in(3)) {
    for (std::uint32_t i = 0; i < how_.processes; ++i) {
      if (one_in(4)) kill(i);
    }
    finish_everybody();
  } else {
    kill_everybody();
  }
  // Who recovers it alone dies too.
  while (one_in(2)) {
    guard_.at("kills a process that recovers the store");
    Child child(board_->boards[most_members],
                [&] { Store::open_existing(path_, options(false, "recoverer")).checkpoint(); });
    std::this_thread::sleep_for(microseconds(random_() % 3000));
    const Ending ending = child.kill();
    if (ending == Ending::killed) ++events_.kills;
    if (ending == Ending::failed || ending == Ending::crashed) {
      fail("a process that recovers the store: " + board_->boards[most_members].failure_text());
    }
  }
  verify_round();
}

void Soak::verify_round() {
  const std::uint64_t choice = random_();
  run_alone("verifies the store", [&] {
    harvest_store(path_, options(false, "verifier"), choice, history_file_, *harvest_);
  });
  guard_.at("replays the history");
  try {
    Round round = take_round(*board_, *harvest_, history_file_);
    round.lives = std::exchange(lives_, {});
    std::uint64_t told = 0;
    for (const auto& thread : round.attempts) {
      told += static_cast<std::uint64_t>(
          std::ranges::count(thread, Outcome::acknowledged, &Attempt::outcome));
    }
    for (const auto& thread : round.observations) events_.observations += thread.size();
    events_.engine_commits += round.sequence - historian_.sequence() - round.history.size();
    events_.deeds += round.history.size();
    events_.untold += round.history.size() - told;
    require_few_engine_commits();
    historian_.verify(round);
  } catch (const HistoryError& error) {
    fail(error.what());
  }
  historian_.go_on_from(harvest_->left_sequence);
  board_->newest = historian_.number();
  ++events_.rounds;
}

/// The engine counts commits that are in no history: one where the file's length changed, and two
/// for a fenced body, whose pages it sets aside and gives back. A body that nobody was told of lost
/// its process, or was stopped. What is not among these the engine's sequence has skipped.
void Soak::require_few_engine_commits() const {
  const SoakFigures& figures = board_->figures;
  const std::uint64_t most =
      figures.resizes_begun + 2 * (figures.fenced + events_.kills + events_.stops);
  if (events_.engine_commits <= most) return;
  fail(
      fmt::format("the sequence has {} numbers that no transaction has, and reasons for {} at most",
                  events_.engine_commits, most));
}

void Soak::fail(const std::string& problem) const {
  throw DrillFailure(fmt::format("soak, level {}, seed {}, round {}, after {} kills: {}{}",
                                 to_string(level_), settings_.seed, events_.rounds + 1,
                                 events_.kills, problem, who_holds_what(path_)));
}

void Soak::run() {
  const Clock::time_point begun = Clock::now();
  deadline_ = begun + std::chrono::seconds(how_.seconds);
  const auto since = [&] { return std::chrono::duration<double>(Clock::now() - begun).count(); };
  console::ProgressBar bar("soak", how_.seconds, "s");
  while (!guard_.is_interrupted() && Clock::now() < deadline_) {
    if (events_.rounds % rounds_a_store == 0) found_store();
    round();
    bar.note(fmt::format(
        "{} kills ({:.1f}/s), {} transactions, {} observations",
        console::format_count(events_.kills), static_cast<double>(events_.kills) / since(),
        console::format_count(events_.deeds), console::format_count(events_.observations)));
    bar.update(static_cast<std::uint64_t>(since()));
  }
  bar.done();
  print_figures(events_, board_->figures, since());
  if (guard_.is_interrupted()) throw DrillFailure("interrupted; what is shown above was verified");
  if (events_.deeds == 0 || events_.kills == 0 || events_.observations == 0) {
    throw DrillFailure("nothing was killed or nothing verified: the soak proves nothing");
  }
}

}  // namespace

void soak(const Settings& settings, const SoakSettings& how) {
  const auto soak = std::make_unique<Soak>(settings, how);
  soak->run();
}

}  // namespace cairn::drills

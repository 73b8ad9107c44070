// SPDX-License-Identifier: BSL-1.0
#include "power_succession.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "rendezvous.hpp"

namespace cairn::drills {
namespace {

/// At the `passage`-th time, from 1, that the process comes to the point.
struct Death {
  std::string point;
  std::uint64_t passage;
  std::uint64_t passages;

  bool is_in_the_middle() const noexcept { return passage == (passages + 1) / 2; }
  /// Where a record that is the newest, or a meta slot, has been stored and not synced.
  bool is_decisive() const { return point == "append.after_tail" || point == "meta.written"; }
  bool belongs_to(Deaths which, std::size_t number) const {
    constexpr std::size_t sampled_each = 20;
    if (which == Deaths::all) return true;
    if (which == Deaths::decisive) return is_decisive();
    return number % sampled_each == 0 || (is_decisive() && is_in_the_middle());
  }
};

struct Heir {
  bool was_attached;  ///< it takes over the lock, rather than open a store that nobody has open
  bool closes;        ///< or makes a checkpoint
};
constexpr std::array<Heir, 4> heirs{{{false, false}, {false, true}, {true, false}, {true, true}}};

std::uint64_t line_of(std::uint64_t inherited, std::size_t heir) {
  return 1 + inherited * heirs.size() + heir;
}

/// What an heir does once it has recovered the store. Enough for the log to go around over what a
/// checkpoint of the dead one set free, before it makes one itself; and nothing that the workload
/// or another line does.
std::vector<Action> actions_of(const Heir& heir, std::uint64_t line) {
  const std::uint64_t value = 1'000'000 + 1000 * line;
  std::vector<Action> actions{
      {ActionKind::transaction, {{EditKind::put, 700, value}, {EditKind::append, 1, value}}},
      {ActionKind::transaction, {{EditKind::fill, 3000, value}}},
      {ActionKind::transaction, {{EditKind::fill, 3000, value + 1}, {EditKind::put, 701, value}}}};
  if (heir.closes) {
    actions.push_back({ActionKind::close});
  } else {
    actions.push_back({ActionKind::checkpoint, {{EditKind::put, 700, value + 2}}});
    actions.push_back({ActionKind::transaction, {{EditKind::put, 702, value}}});
  }
  return actions;
}

/// All but its bytes, which follow. Both processes have the names of the points at one address.
struct StoredStep {
  PowerStep::Kind kind;
  std::uint32_t file;
  std::uint64_t offset;
  std::uint64_t synced_bytes;
  const char* site;
};

/// What a process leaves to its heir in a file, since it dies.
class Bequest {
 public:
  static void write(const PowerHistory& history, const std::string& path) {
    std::ofstream out(path, std::ios::binary);
    put(out, history.names);
    put(out, history.files.size());
    for (const FileBytes& file : history.files) put_bytes(out, file);
    put(out, history.steps.size());
    for (const PowerStep& step : history.steps) {
      put(out, StoredStep{step.kind, step.file, step.offset, step.synced_bytes, step.site});
      put_bytes(out, step.bytes);
    }
    if (!out.flush()) throw std::runtime_error("a history cannot be written");
  }
  static PowerHistory read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    in.exceptions(std::ios::failbit | std::ios::badbit);
    PowerHistory history;
    history.names = get<decltype(history.names)>(in);
    history.files.resize(get<std::size_t>(in));
    for (FileBytes& file : history.files) file = get_bytes(in);
    history.steps.resize(get<std::size_t>(in));
    for (PowerStep& step : history.steps) {
      const auto stored = get<StoredStep>(in);
      step = {stored.kind,   stored.file,         stored.offset,
              get_bytes(in), stored.synced_bytes, stored.site};
    }
    return history;
  }

 private:
  template <class T>
  static void put(std::ostream& out, const T& value) {
    out.write(reinterpret_cast<const char*>(&value), sizeof value);
  }
  static void put_bytes(std::ostream& out, const FileBytes& bytes) {
    put(out, bytes.size());
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
  }
  template <class T>
  static T get(std::istream& in) {
    T value;
    in.read(reinterpret_cast<char*>(&value), sizeof value);
    return value;
  }
  static FileBytes get_bytes(std::istream& in) {
    FileBytes bytes(get<std::size_t>(in));
    in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return bytes;
  }
};

/// Kills the process at a point, behind whoever else observes it, once its history is in a file.
class Killer {
 public:
  Killer(PowerRecorder& recorder, const Death& death, std::string bequest, Board& board) {
    watched = {&recorder,          death.point, death.passage,
               std::move(bequest), &board,      drill::set_crash_observer(&pass)};
  }

 private:
  struct Watched {
    PowerRecorder* recorder;
    std::string point;
    std::uint64_t left;
    std::string bequest;
    Board* board;
    drill::CrashObserver before;
  };
  static void pass(const char* name) {
    watched.before(name);
    if (name != watched.point || --watched.left != 0) return;
    try {
      Bequest::write(watched.recorder->take_dying(), watched.bequest);
    } catch (const std::exception& error) {
      watched.board->fail(error.what());
      return;
    }
    ::raise(SIGKILL);
  }
  static inline Watched watched;
};

/// Records one succession after the other.
class Succession {
 public:
  Succession(const Ground& ground, std::string path)
      : ground_(ground),
        path_(std::move(path)),
        prepared_(path_ + ".prepared"),
        bequest_(path_ + ".bequest"),
        steps_before_(models_of(ground.workload).front().steps) {
    remove_store(prepared_);
    prepare(ground_.workload, ground_.durability, prepared_);
  }

  /// The first, the middle and the last passage of each crash point, alone or beside another
  /// process.
  std::vector<Death> deaths(bool beside) {
    text_ = beside ? " nowhere, beside another" : " nowhere";
    begin();
    Performer other(ground_.workload, ground_.durability, path_, *board_);
    Child first(*board_, [&] {
      if (beside) await(board_->opened, "the other");
      watch_points(*board_, 0);
      perform(ground_.workload, ground_.durability, path_, *board_);
    });
    if (beside) other.perform({ActionKind::open});
    board_->opened = 1;
    const Ending ending = first.wait(patience);
    if (ending != Ending::finished) fail(std::string("it ") + to_string(ending) + told());
    std::map<std::uint8_t, std::uint64_t> passages;
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(board_->points, Board::trace_capacity);
         ++i) {
      if (!all_points()[board_->trace[i]].starts_with("io.")) ++passages[board_->trace[i]];
    }
    std::vector<Death> all;
    for (const auto& [id, count] : passages) {
      for (const std::uint64_t passage : std::set{std::uint64_t{1}, (count + 1) / 2, count}) {
        all.push_back({all_points()[id], passage, count});
      }
    }
    return all;
  }

  PowerHistory record(const Death& death, std::size_t number) {
    const Heir& heir = heirs[number];
    text_ = fmt::format(" at {}, passage {} of {}, its heir {} and {}", death.point, death.passage,
                        death.passages, heir.was_attached ? "takes over" : "opens the store",
                        heir.closes ? "closes it" : "makes a checkpoint");
    begin();
    Performer performer(ground_.workload, ground_.durability, path_, *board_);
    Child first(*board_, [&] {
      if (heir.was_attached) await(board_->opened, "the heir");
      PowerRecorder recorder(path_, *board_);
      const Killer killer(recorder, death, bequest_, *board_);
      perform(ground_.workload, ground_.durability, path_, *board_);
    });
    if (heir.was_attached) performer.perform({ActionKind::open});
    board_->opened = 1;
    if (const Ending ending = first.wait(patience); ending != Ending::killed) {
      fail(std::string("it ") + to_string(ending) + told());
    }
    PowerRecorder recorder(path_, *board_, Bequest::read(bequest_));
    if (heir.was_attached) {
      performer.store()->recover();
    } else {
      performer.perform({ActionKind::open});
    }
    const std::uint64_t inherited = read_content(*performer.store()).steps - steps_before_;
    if (inherited < board_->acknowledged ||
        inherited > board_->acknowledged + board_->in_transaction) {
      fail(fmt::format("the heir finds {} transactions", inherited));
    }
    recorder.settle(inherited);
    board_->in_transaction = 0;
    board_->acknowledged = inherited;
    const std::uint64_t line = line_of(inherited, number);
    for (const Action& action : actions_of(heir, line)) performer.perform(action);
    PowerHistory history = recorder.take();
    history.succession = text_;
    history.line = line;
    return history;
  }

 private:
  void begin() {
    board_.clear();
    remove_store(path_);
    copy_store(prepared_, path_);
  }
  std::string told() const { return ": " + board_->failure_text(); }
  [[noreturn]] void fail(const std::string& why) const {
    throw DrillFailure("workload \"" + ground_.workload.name + "\", killed" + text_ + ": " + why);
  }

  const Ground& ground_;
  std::string path_;
  std::string prepared_;
  std::string bequest_;
  std::uint64_t steps_before_;
  std::string text_;
  Shared<Board> board_;
};

}  // namespace

std::vector<PowerHistory> record_successions(const Ground& ground, const std::string& path,
                                             Deaths which) {
  Succession succession(ground, path);
  std::vector<PowerHistory> histories;
  for (const bool was_attached : {false, true}) {
    const std::vector<Death> deaths = succession.deaths(was_attached);
    for (std::size_t i = 0; i < deaths.size(); ++i) {
      if (!deaths[i].belongs_to(which, i)) continue;
      for (std::size_t heir = 0; heir < heirs.size(); ++heir) {
        if (heirs[heir].was_attached != was_attached) continue;
        const bool next_closes = histories.size() % 2 != 0;
        if (which != Deaths::decisive && heirs[heir].closes != next_closes) continue;
        histories.push_back(succession.record(deaths[i], heir));
      }
    }
  }
  return histories;
}

std::vector<std::vector<Content>> lines_of(const Ground& ground) {
  const std::vector<Content> models = models_of(ground.workload);
  std::vector<std::vector<Content>> lines{models};
  for (std::size_t inherited = 0; ground.is_killed && inherited < models.size(); ++inherited) {
    for (std::size_t number = 0; number < heirs.size(); ++number) {
      std::vector<Content> line(models.begin(),
                                models.begin() + static_cast<std::ptrdiff_t>(inherited) + 1);
      for (const Action& action : actions_of(heirs[number], lines.size())) {
        if (!commits(action)) continue;
        line.push_back(line.back());
        apply_edits(action.edits, line.back());
      }
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "fencing.hpp"
#include "rendezvous.hpp"

namespace cairn::drills {
namespace {

using namespace std::chrono_literals;

// Transactions in any order: nobody touches what is another's.
const std::vector<Edit> owner_edits = {
    {EditKind::put, 800, 1}, {EditKind::append, 80, 1}, {EditKind::fill, 60'000, 9}};
const std::vector<Edit> fencers_own_edits = {{EditKind::put, 900, 1}, {EditKind::append, 90, 1}};
const std::vector<Edit> thirds_own_edits = {{EditKind::put, 901, 1}};

/// What an heir does once it has the lock.
Workload heir_workload() {
  Workload made{"heir", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  made.setup.push_back({ActionKind::transaction, {{EditKind::put, 1, 1}}});
  made.actions.push_back(
      {ActionKind::transaction, {{EditKind::put, 2, 200}, {EditKind::append, 1, 200}}});
  return made;
}

/// One that grows its file, in which it is fenced.
Workload grower_workload() {
  Workload made{"grower", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  made.setup.push_back({ActionKind::transaction, {{EditKind::put, 1, 1}}});
  made.actions.push_back({ActionKind::transaction, {{EditKind::fill, 60'000, 7}}});
  return made;
}

/// Who is stopped, and where.
struct Stops {
  std::uint64_t writer = 0;
  const char* writer_again = nullptr;  ///< once it goes on
  std::uint64_t fencer = 0;            ///< as it fences the writer
  bool in_body = false;                ///< is where the writer stops

  bool has_third() const noexcept { return fencer != 0 || writer_again != nullptr; }
};

/// A writer that works through a workload, and a fencer; where one of them is stopped while it is
/// at the other's transaction, a third; and where the writer is an heir, the owner that dies.
class Company {
 public:
  Company(const Settings& settings, Tally& stops, Workload workload, const char* owner_dies_at,
          Durability durability)
      : tally_(stops),
        workload_(std::move(workload)),
        owner_dies_at_(owner_dies_at),
        durability_(durability),
        scratch_(settings.directory),
        image_(scratch_.file("image")),
        path_(scratch_.file("store")) {
    const Ending ending =
        run_child(*writer_, patience, [&] { prepare(workload_, durability_, image_); });
    if (ending != Ending::finished) fail("the setup", ending, *writer_);
  }

  void play(const Stops& stops);
  const Board& writer() const noexcept { return *writer_; }
  const Board& fencer() const noexcept { return *fencer_; }
  std::uint64_t told() const noexcept { return told_; }

 private:
  void own() const;
  void write() const;
  void be_hasty(Board& mine, const char* label, const std::vector<Edit>& edits) const;
  void finish(Child& child, const Board& board, const char* who);
  void await_stop(Child& child, const Board& board, const char* who);
  Content expected() const;
  void prove_end() const;
  [[noreturn]] void fail(const char* who, Ending ending, const Board& board) const;

  Tally& tally_;
  Workload workload_;
  const char* owner_dies_at_;
  Durability durability_;
  Scratch scratch_;
  std::string image_;
  std::string path_;
  Stops stops_;
  Shared<Board> owner_;
  Shared<Board> writer_;
  Shared<Board> fencer_;
  Shared<Board> third_;
  std::uint64_t told_ = 0;
};

void Company::own() const {
  Store store = Store::open_existing(path_, drill_options(durability_, "owner"));
  // So that it leaves a lane behind.
  { const ReadTransaction section = store.begin_read(); }
  await(writer_->opened, "the writer to open the store");
  WriteTransaction tx = store.begin_write();
  owner_->holding = 1;
  await(writer_->waiting, "the writer to wait");
  watch_points_to_die_at(*owner_, owner_dies_at_);
  apply_edits(owner_edits, tx);
  owner_->in_transaction = 1;
  tx.commit();
}

/// What is passed from here on depends on who goes on meanwhile.
void end_attempt(Board& mine) {
  if (mine.finish == 0) mine.own_points = mine.points.load();
  mine.finish = 1;
}

void Company::write() const {
  Performer performer(workload_, durability_, path_, *writer_);
  performer.perform(workload_.actions.front());
  writer_->opened = 1;
  await(fencer_->opened, "the fencer to open the store");
  if (stops_.has_third()) await(third_->opened, "the third to open the store");
  if (owner_dies_at_ != nullptr) await(owner_->holding, "the owner to take the lock");
  writer_->waiting = 1;
  watch_points_to_stop(*writer_, stops_.writer,
                       stops_.writer_again == nullptr ? "" : stops_.writer_again);
  for (std::size_t i = 1; i < workload_.actions.size(); ++i) {
    for (bool done = false; !done;) {
      try {
        performer.perform(workload_.actions[i]);
        done = true;
      } catch (const Error& error) {
        if (!(error == errc::fenced)) throw;
        writer_->told += 1;
      }
    }
  }
  end_attempt(*writer_);
}

/// Fences whom it finds and commits, or is told by name whom it would have to wait for, and then
/// waits until that has gone on.
void Company::be_hasty(Board& mine, const char* label, const std::vector<Edit>& edits) const {
  Options hasty = drill_options(durability_, label);
  // Where it is known to find a body that can be fenced, it is not to give up because it is slow.
  const bool fences = &mine == &*fencer_ && stops_.in_body;
  hasty.lock_timeout = fences ? std::chrono::milliseconds(patience) : 20ms;
  Store store = open_patiently(path_, hasty);
  mine.opened = 1;
  await(mine.waiting, "somebody to stop");
  if (&mine == &*fencer_) watch_points_to_stop(mine, stops_.fencer);
  const auto commit = [&] { store.write([&](WriteTransaction& tx) { apply_edits(edits, tx); }); };
  for (const auto deadline = std::chrono::steady_clock::now() + patience;;) {
    try {
      if (store.recover(fence_soon).fenced_pid != 0) mine.holding = 1;
      commit();
      break;
    } catch (const Error& error) {
      if (error == errc::fenced) continue;
      const std::string text = error.what();
      const bool named = text.find(workload_.name) != std::string::npos ||
                         text.find("fencer") != std::string::npos ||
                         text.find("third") != std::string::npos;
      if (!(error == errc::timeout) || !named || std::chrono::steady_clock::now() >= deadline) {
        throw;
      }
      mine.told += 1;
    }
    end_attempt(mine);
    await(writer_->finish, "the writer to end");
  }
  require_sound(store, "beside a process that was stopped");
  end_attempt(mine);
}

void Company::fail(const char* who, Ending ending, const Board& board) const {
  throw DrillFailure("stopped beside others, level " + std::string(to_string(durability_)) +
                     ", workload \"" + workload_.name + "\", owner dead at " + place_of(*owner_) +
                     ", writer stopped at " + place_of(*writer_) + ", fencer at " +
                     place_of(*fencer_) + ": " + who + " " + to_string(ending) + ": " +
                     board.failure_text());
}

void Company::await_stop(Child& child, const Board& board, const char* who) {
  if (!child.wait_until_stopped()) fail(who, child.wait(patience), board);
  tally_.add(static_cast<std::uint8_t>(board.died_at - 1));
}

void Company::finish(Child& child, const Board& board, const char* who) {
  const Ending ending = child.wait(patience);
  if (ending != Ending::finished) fail(who, ending, board);
  if (board.told != 0) ++told_;
}

/// Until its first attempt is over, or it has ended.
void await_attempt(Child& child, const Board& board) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (board.finish == 0 && !child.poll() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(100us);
  }
}

void Company::play(const Stops& stops) {
  copy_store(image_, path_);
  for (Shared<Board>* const board : {&owner_, &writer_, &fencer_, &third_}) board->clear();
  stops_ = stops;
  std::optional<Child> third;
  std::optional<Child> owner;
  Child fencer(*fencer_, [&] { be_hasty(*fencer_, "fencer", fencers_own_edits); });
  if (stops.has_third()) {
    third.emplace(*third_, [&] { be_hasty(*third_, "third", thirds_own_edits); });
  }
  if (owner_dies_at_ != nullptr) owner.emplace(*owner_, [&] { own(); });
  Child writer(*writer_, [&] { write(); });
  const auto let_third_try = [&] {
    third_->waiting = 1;
    await_attempt(*third, *third_);
  };
  if (stops.writer != 0) {
    await_stop(writer, *writer_, "the writer");
  } else {
    await_attempt(writer, *writer_);
  }
  fencer_->waiting = 1;
  if (stops.fencer != 0) {
    await_stop(fencer, *fencer_, "the fencer");
    let_third_try();
    fencer.go_on();
  }
  await_attempt(fencer, *fencer_);
  if (stops.writer != 0) writer.go_on();
  if (stops.writer_again != nullptr) {
    await_stop(writer, *writer_, "the writer, once it went on,");
    let_third_try();
    writer.go_on();
  }
  finish(fencer, *fencer_, "the fencer");
  if (third) finish(*third, *third_, "the third");
  finish(writer, *writer_, "the writer");
  if (owner && owner->wait(patience) != Ending::killed)
    fail("the owner", Ending::finished, *owner_);
  prove_end();
}

Content Company::expected() const {
  Content content = models_of(workload_).back();
  if (owner_->tail_stored != 0 && owner_->in_transaction != 0) apply_edits(owner_edits, content);
  apply_edits(fencers_own_edits, content);
  if (stops_.has_third()) apply_edits(thirds_own_edits, content);
  return content;
}

void Company::prove_end() const {
  const bool fenced = fencer_->holding != 0 || third_->holding != 0;
  if (writer_->told != 0 && !fenced) {
    writer_->fail("told that it was fenced, and was not");
    fail("the writer", Ending::failed, *writer_);
  }
  try {
    verify(path_, durability_, {expected()}, {0, 0, true});
  } catch (const DrillFailure& failure) {
    writer_->fail(failure.what());
    fail("reopening", Ending::failed, *writer_);
  }
}

/// One point of a run that nothing disturbed.
struct Passage {
  std::uint64_t number;
  std::uint8_t point;
};

/// Where to stop: where time is short, at the points that are not in `seen` and some of the others.
std::vector<Passage> choose(const Board& board, bool quick, std::set<std::uint8_t>& seen) {
  std::vector<Passage> chosen;
  const std::vector<std::uint64_t> firsts = first_passages(board);
  for (std::size_t i = 0; i < firsts.size() && firsts[i] <= board.own_points; ++i) {
    const std::uint8_t point = board.trace[firsts[i] - 1];
    const bool fresh = seen.insert(point).second;
    if (fresh || !quick || i % 12 == 0) chosen.push_back({firsts[i], point});
  }
  return chosen;
}

void require_stop(const Board& board, const Passage& passage) {
  if (board.died_at == passage.point + 1U) return;
  throw DrillFailure("stopped at " + place_of(board) + " instead of " +
                     all_points()[passage.point]);
}

}  // namespace

void sweep_stops(const Settings& settings, Tally& stops, Durability durability) {
  struct Script {
    Workload workload;
    const char* owner_dies_at = nullptr;
  };
  std::vector<Script> scripts;
  for (const char* const name :
       {"shrink", "checkpoint", "log growth", "held back", "abandon", "close", "snapshot"}) {
    scripts.push_back({workload_named(name)});
  }
  for (const char* const death : {"append.before_tail", "publish.line", "grow.allocated"}) {
    scripts.push_back({heir_workload(), death});
  }
  std::set<std::uint8_t> seen;
  for (Script& script : scripts) {
    Company sut(settings, stops, std::move(script.workload), script.owner_dies_at, durability);
    sut.play({});
    for (const Passage& passage : choose(sut.writer(), settings.quick, seen)) {
      sut.play({passage.number});
      require_stop(sut.writer(), passage);
    }
    if (sut.told() == 0) throw DrillFailure("stopped beside others: nobody was told of it");
  }
  // The fencer stops as well, or the writer once more, as it finds out.
  Company sut(settings, stops, grower_workload(), nullptr, durability);
  sut.play({});
  std::uint64_t in_growth = 0;
  for (std::uint64_t i = 0; i < sut.writer().points && in_growth == 0; ++i) {
    if (sut.writer().trace[i] == id_of("grow.allocated")) in_growth = i + 1;
  }
  for (const char* const point : {"fenced.noticed", "fenced.ended", "quarantine.released"}) {
    sut.play({in_growth, point, 0, true});
  }
  sut.play({in_growth, nullptr, 0, true});
  seen.clear();
  for (const Passage& passage : choose(sut.fencer(), settings.quick, seen)) {
    sut.play({in_growth, nullptr, passage.number, true});
    require_stop(sut.fencer(), passage);
  }
}

}  // namespace cairn::drills

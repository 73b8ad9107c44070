// SPDX-License-Identifier: BSL-1.0
#include "takeover.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "rendezvous.hpp"

namespace cairn::drills {
namespace {

using namespace std::chrono_literals;

const std::vector<Edit> owner_edits = {{EditKind::put, 1, 100},     {EditKind::append, 1, 100},
                                       {EditKind::put, 50, 100},    {EditKind::push, 0, 100},
                                       {EditKind::plant, 100, 100}, {EditKind::queue, 30, 100},
                                       {EditKind::fill, 2500, 9}};
const std::vector<Edit> heir_edits = {{EditKind::put, 2, 200},
                                      {EditKind::append, 1, 200},
                                      {EditKind::plant, 110, 200},
                                      {EditKind::tag, 1, 0}};

const std::vector<Edit> third_edits = {{EditKind::put, 3, 300}};

Workload base_workload() {
  Workload base{"takeover", {}, false, {}, {}};
  base.setup = {{ActionKind::open},
                {ActionKind::transaction, {{EditKind::put, 1, 1}, {EditKind::put, 2, 2}}},
                {ActionKind::transaction, {{EditKind::append, 1, 1}, {EditKind::push, 0, 1}}}};
  return base;
}

/// Every state that the store may show: without and with the owner's and the heir's transaction.
struct States {
  Content none, owner, heir, both;

  explicit States(const Content& base) : none(base), owner(base), heir(base), both(base) {
    apply_edits(owner_edits, owner);
    apply_edits(heir_edits, heir);
    apply_edits(owner_edits, both);
    apply_edits(heir_edits, both);
  }
  const Content& with(bool owner_done, bool heir_done) const {
    if (owner_done) return heir_done ? both : owner;
    return heir_done ? heir : none;
  }
};

void commit_watched(WriteTransaction& tx, Board& board) {
  board.in_transaction = 1;
  tx.commit();
  board.acknowledged = 1;
}

class Rehearsal {
 public:
  Rehearsal(const Settings& settings, Tally& tally, Durability durability)
      : settings_(settings),
        tally_(tally),
        durability_(durability),
        scratch_(settings.directory),
        image_(scratch_.file("image")),
        path_(scratch_.file("store")),
        states_(models_of(base_workload()).front()) {
    if (run_child(*owner_, patience, [&] { prepare(base_workload(), durability_, image_); }) !=
        Ending::finished) {
      throw DrillFailure("takeover: the setup fails: " + owner_->failure_text());
    }
  }

  enum class Third {
    reads,  ///< all along, which makes others pass more points at one time than at another
    idles,  ///< until both are done
    waits,  ///< for the lock, as soon as the heir is about to die
  };
  /// Kills owner and heir at their points of these numbers (0: not at all).
  void play(std::uint64_t owner_dies_at, std::uint64_t heir_dies_at, Third third);
  /// Kills the owner. Returns how long the heir waited for the lock.
  std::chrono::nanoseconds kill_owner(std::uint64_t owner_dies_at, Third third);
  /// Kills the heir too. Returns how long the third waited.
  std::chrono::nanoseconds kill_heir(std::uint64_t owner_dies_at, std::uint64_t heir_dies_at);
  std::string text() const;

  Ending owner_ending() const noexcept { return owner_ending_; }
  const Board& owner() const noexcept { return *owner_; }
  const Board& heir() const noexcept { return *heir_; }
  TakeoverReport& report() noexcept { return report_; }

 private:
  void own() const;
  void inherit() const;
  void watch(bool all_along) const;
  void wait_for_heir() const;
  void look(const Store& store) const;
  void finish_as_third(Store& store) const;
  void prove_end() const;
  void count(Ending ending, const Board& board);
  [[noreturn]] void fail(const std::string& who, Ending ending, const Board& board) const;

  const Settings& settings_;
  Tally& tally_;
  Durability durability_;
  Scratch scratch_;
  std::string image_;
  std::string path_;
  States states_;
  Shared<Board> owner_;
  Shared<Board> heir_;
  Shared<Board> third_;
  std::uint64_t owner_dies_at_ = 0;
  std::uint64_t heir_dies_at_ = 0;
  Ending owner_ending_ = Ending::finished;
  Ending heir_ending_ = Ending::finished;
  TakeoverReport report_;
};

void Rehearsal::own() const {
  Store store = Store::open_existing(path_, drill_options(durability_, "owner"));
  owner_->opened = 1;
  await(heir_->opened, "the heir to open the store");
  await(third_->opened, "the third process to open the store");
  WriteTransaction tx = store.begin_write();
  owner_->holding = 1;
  await(heir_->waiting, "the heir to wait");
  watch_points(*owner_, owner_dies_at_, settings_.hook, path_);
  apply_edits(owner_edits, tx);
  commit_watched(tx, *owner_);
}

void Rehearsal::inherit() const {
  Store store = Store::open_existing(path_, drill_options(durability_, "heir"));
  heir_->opened = 1;
  await(owner_->holding, "the owner to take the lock");
  heir_->waiting = 1;
  watch_points(*heir_, heir_dies_at_, settings_.recovery_hook, path_);
  if (heir_dies_at_ != 0) die_awaited(third_->waiting);
  {
    WriteTransaction tx = store.begin_write();
    heir_->served_ns = steady_ns();
    apply_edits(heir_edits, tx);
    commit_watched(tx, *heir_);
  }
  const Content found = store.read([](const ReadTransaction& tx) { return read_content(tx); });
  const Content& expected = states_.with(owner_->tail_stored != 0, true);
  if (found != expected) {
    throw DrillFailure("the heir does not find the model: " + difference(found, expected));
  }
}

/// One section's content is one of the states, whoever is dying at the moment.
void Rehearsal::look(const Store& store) const {
  const Content found = store.read([](const ReadTransaction& tx) { return read_content(tx); });
  for (const bool owner_done : {false, true}) {
    for (const bool heir_done : {false, true}) {
      if (found == states_.with(owner_done, heir_done)) return;
    }
  }
  throw DrillFailure("a reader sees a mixed state: " + difference(found, states_.none));
}

void Rehearsal::finish_as_third(Store& store) const {
  Content expected = states_.with(owner_->tail_stored != 0, heir_->tail_stored != 0);
  apply_edits(third_edits, expected);
  const Content found = store.read([](const ReadTransaction& tx) { return read_content(tx); });
  if (found != expected) {
    throw DrillFailure("the third process does not find the model: " + difference(found, expected));
  }
  require_sound(store, "by the third process");
}

void Rehearsal::watch(bool all_along) const {
  Store store = Store::open_existing(path_, drill_options(durability_, "third"));
  third_->opened = 1;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (third_->finish == 0) {
    if (all_along) look(store);
    if (std::chrono::steady_clock::now() >= deadline) throw DrillFailure("nobody ends the drill");
    std::this_thread::sleep_for(100us);
  }
  store.recover();
  look(store);
  store.write([](WriteTransaction& tx) { apply_edits(third_edits, tx); });
  finish_as_third(store);
}

void Rehearsal::wait_for_heir() const {
  Store store = Store::open_existing(path_, drill_options(durability_, "third"));
  third_->opened = 1;
  await(heir_->at_the_door, "the heir to be about to die");
  third_->waiting = 1;
  {
    WriteTransaction tx = store.begin_write();
    third_->served_ns = steady_ns();
    apply_edits(third_edits, tx);
    tx.commit();
  }
  finish_as_third(store);
}

std::string Rehearsal::text() const {
  return "takeover, level " + std::string(to_string(durability_)) + ", owner killed at " +
         place_of(*owner_) + ", heir at " + place_of(*heir_);
}

void Rehearsal::fail(const std::string& who, Ending ending, const Board& board) const {
  throw DrillFailure(text() + ": " + who + " " + to_string(ending) + ": " + board.failure_text());
}

void Rehearsal::count(Ending ending, const Board& board) {
  if (ending != Ending::killed || board.died_at == 0) return;
  tally_.add(static_cast<std::uint8_t>(board.died_at - 1));
  ++report_.kills;
}

void Rehearsal::play(std::uint64_t owner_dies_at, std::uint64_t heir_dies_at, Third third_does) {
  copy_store(image_, path_);
  owner_.clear();
  heir_.clear();
  third_.clear();
  owner_dies_at_ = owner_dies_at;
  heir_dies_at_ = heir_dies_at;
  Child third(*third_, [&] {
    if (third_does == Third::waits) return wait_for_heir();
    watch(third_does == Third::reads);
  });
  Child heir(*heir_, [&] { inherit(); });
  Child owner(*owner_, [&] { own(); });
  owner_ending_ = owner.wait(patience);
  count(owner_ending_, *owner_);
  heir_ending_ = heir.wait(patience);
  count(heir_ending_, *heir_);
  third_->finish = 1;
  const Ending third_ending = third.wait(patience);
  const auto is_fine = [](Ending ending, const Board& board) {
    return ending == Ending::finished || (ending == Ending::killed && board.died_at != 0);
  };
  if (!is_fine(owner_ending_, *owner_)) fail("the owner", owner_ending_, *owner_);
  if (!is_fine(heir_ending_, *heir_)) fail("the heir", heir_ending_, *heir_);
  if (third_ending != Ending::finished) fail("the third process", third_ending, *third_);
  prove_end();
}

std::chrono::nanoseconds Rehearsal::kill_owner(std::uint64_t owner_dies_at, Third third) {
  play(owner_dies_at, 0, third);
  return wait_between(*owner_, *heir_);
}

std::chrono::nanoseconds Rehearsal::kill_heir(std::uint64_t owner_dies_at,
                                              std::uint64_t heir_dies_at) {
  play(owner_dies_at, heir_dies_at, Third::waits);
  if (heir_ending_ != Ending::killed) fail("the heir", heir_ending_, *heir_);
  return wait_between(*heir_, *third_);
}

void Rehearsal::prove_end() const {
  Content expected = states_.with(owner_->tail_stored != 0, heir_->tail_stored != 0);
  apply_edits(third_edits, expected);
  try {
    verify(path_, durability_, {expected}, {0, 0, true});
  } catch (const DrillFailure& failure) {
    fail(std::string("reopening: ") + failure.what() + "; the owner", owner_ending_, *owner_);
  }
}

}  // namespace

TakeoverReport sweep_takeover(const Settings& settings, Tally& tally, Durability durability) {
  Rehearsal rehearsal(settings, tally, durability);
  Waits& owners = rehearsal.report().owners;
  Waits& heirs = rehearsal.report().heirs;
  const auto text = [&] { return rehearsal.text(); };
  rehearsal.play(0, 0, Rehearsal::Third::reads);
  const std::vector<std::uint64_t> firsts = first_passages(rehearsal.owner());
  const auto beside_a_reader = [&](std::uint64_t number) {
    owners.measure([&] { return rehearsal.kill_owner(number, Rehearsal::Third::reads); }, text);
  };
  if (settings.quick) {
    for (const std::uint64_t number : firsts) beside_a_reader(number);
  } else {
    for (std::uint64_t number = 1;; ++number) {
      beside_a_reader(number);
      if (rehearsal.owner_ending() == Ending::finished) break;
    }
  }
  for (const std::uint64_t number : firsts) {
    // Tells, too, what the heir passes after that death.
    owners.measure([&] { return rehearsal.kill_owner(number, Rehearsal::Third::idles); }, text);
    const std::vector<std::uint64_t> heir_firsts = first_passages(rehearsal.heir());
    const std::size_t stride =
        settings.quick ? std::max<std::size_t>(1, heir_firsts.size() / 3) : 1;
    // A different part of the heir's points for each death of the owner, all of them in the end.
    for (std::size_t i = number % stride; i < heir_firsts.size(); i += stride) {
      heirs.measure([&] { return rehearsal.kill_heir(number, heir_firsts[i]); }, text);
    }
  }
  return rehearsal.report();
}

}  // namespace cairn::drills

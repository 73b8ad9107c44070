// SPDX-License-Identifier: BSL-1.0
#include <chrono>
#include <set>
#include <thread>
#include <utility>

#include "takeover.hpp"

namespace cairn::drills {
namespace {

using namespace std::chrono_literals;

/// Of the heir, whose transaction comes last: nothing that the workloads touch.
const std::vector<Edit> edits_of_heir = {{EditKind::put, 900, 1}, {EditKind::append, 90, 1}};

/// One workload in a process that dies, beside one that waits for the write lock.
class Inheritance {
 public:
  Inheritance(const Settings& settings, Tally& tally, const std::string& workload,
              Durability durability)
      : tally_(tally),
        workload_(workload_named(workload)),
        durability_(durability),
        models_(models_of(workload_)),
        scratch_(settings.directory),
        image_(scratch_.file("image")),
        path_(scratch_.file("store")) {
    if (run_child(*owner_, patience, [&] { prepare(workload_, durability_, image_); }) !=
        Ending::finished) {
      throw DrillFailure(text() + ": the setup fails: " + owner_->failure_text());
    }
  }

  /// Kills the owner at its point of this number (0: not at all). Returns how long the heir waited.
  std::chrono::nanoseconds play(std::uint64_t owner_dies_at);
  const Board& owner() const noexcept { return *owner_; }
  std::string text() const {
    return "takeover, level " + std::string(to_string(durability_)) + ", workload \"" +
           workload_.name + "\", owner killed at " + place_of(*owner_);
  }

 private:
  void own(std::uint64_t dies_at) const;
  void inherit() const;
  Content expected() const;

  Tally& tally_;
  Workload workload_;
  Durability durability_;
  std::vector<Content> models_;
  Scratch scratch_;
  std::string image_;
  std::string path_;
  Shared<Board> owner_;
  Shared<Board> heir_;
};

void Inheritance::own(std::uint64_t dies_at) const {
  Performer performer(workload_, durability_, path_, *owner_);
  performer.perform(workload_.actions.front());
  await(heir_->opened, "the heir to open the store");
  watch_points(*owner_, dies_at);
  die_awaited(heir_->waiting);
  for (std::size_t i = 1; i < workload_.actions.size(); ++i)
    performer.perform(workload_.actions[i]);
  owner_->finish = 1;
}

Content Inheritance::expected() const {
  const bool one_more = owner_->in_transaction != 0 && owner_->tail_stored != 0;
  Content content = models_[owner_->acknowledged + (one_more ? 1 : 0)];
  apply_edits(edits_of_heir, content);
  return content;
}

void Inheritance::inherit() const {
  Store store = Store::open_existing(path_, drill_options(durability_, "heir"));
  heir_->opened = 1;
  while (owner_->at_the_door == 0 && owner_->finish == 0) std::this_thread::sleep_for(50us);
  heir_->waiting = 1;
  {
    WriteTransaction tx = store.begin_write();
    heir_->served_ns = steady_ns();
    apply_edits(edits_of_heir, tx);
    tx.commit();
  }
  const Content found = store.read([](const ReadTransaction& tx) { return read_content(tx); });
  if (found != expected()) {
    throw DrillFailure("the heir does not find the model: " + difference(found, expected()));
  }
  require_sound(store, "by the heir");
}

std::chrono::nanoseconds Inheritance::play(std::uint64_t owner_dies_at) {
  copy_store(image_, path_);
  owner_.clear();
  heir_.clear();
  Child heir(*heir_, [&] { inherit(); });
  Child owner(*owner_, [&] { own(owner_dies_at); });
  const Ending owner_ending = owner.wait(patience);
  const bool died = owner_ending == Ending::killed && owner_->died_at != 0;
  if (died != (owner_dies_at != 0) || (!died && owner_ending != Ending::finished)) {
    throw DrillFailure(text() + ": it " + to_string(owner_ending) + ": " + owner_->failure_text());
  }
  const Ending heir_ending = heir.wait(patience);
  if (heir_ending != Ending::finished) {
    throw DrillFailure(text() + ": the heir " + to_string(heir_ending) + ": " +
                       heir_->failure_text());
  }
  if (died) tally_.add(static_cast<std::uint8_t>(owner_->died_at - 1));
  try {
    verify(path_, durability_, {expected()}, {0, 0, true});
  } catch (const DrillFailure& failure) {
    throw DrillFailure(text() + ": reopening: " + failure.what());
  }
  return wait_between(*owner_, *heir_);
}

}  // namespace

TakeoverReport sweep_takeover_workloads(const Settings& settings, Tally& tally,
                                        Durability durability) {
  TakeoverReport report;
  std::set<std::uint8_t> seen;
  for (const char* const name :
       {"shrink", "checkpoint", "log growth", "held back", "abandon", "close", "snapshot"}) {
    Inheritance sut(settings, tally, name, durability);
    sut.play(0);
    const std::vector<std::uint64_t> firsts = first_passages(sut.owner());
    std::vector<std::uint8_t> points;
    for (const std::uint64_t number : firsts) points.push_back(sut.owner().trace[number - 1]);
    for (std::size_t i = 0; i < firsts.size(); ++i) {
      // Where time is short, each point in one of the workloads, and a part of them in the others.
      if (settings.quick && !seen.insert(points[i]).second && i % 8 != 0) continue;
      report.owners.measure([&] { return sut.play(firsts[i]); }, [&] { return sut.text(); });
      ++report.kills;
    }
  }
  return report;
}

}  // namespace cairn::drills

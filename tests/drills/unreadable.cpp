// SPDX-License-Identifier: BSL-1.0
#include "unreadable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include "disk_places.hpp"
#include "drill_guard.hpp"
#include "loop_mount.hpp"
#include "unreadable_store.hpp"

namespace cairn::drills {
namespace {

using namespace std::chrono_literals;

/// One store at one level, on a disk that loses its end.
class Loss {
 public:
  Loss(LoopMount& mount, DrillGuard& guard, Durability durability)
      : mount_(mount),
        guard_(guard),
        durability_(durability),
        store_(mount.path() + "/store", durability),
        boards_(store_.boards()) {}

  UnreadableReport play();

 private:
  using Body = std::function<void()>;

  void lose_beside_witness();
  void lose_alone();
  void lose_header();
  void lose_log();
  void ask_for_commit() { boards_.wanted = boards_.committed + 1; }
  void await_commit(Child& witness);
  /// Requires: nobody is at it.
  void begin_dying() { std::memset(static_cast<void*>(&boards_.dying), 0, sizeof(Board)); }
  std::chrono::nanoseconds die_with_the_lock(Touch how, Child& witness);
  void require_death(Child& child, Touch how);
  void require_refusals(const std::string& file, const std::string& what);
  void require_finished(const std::string& who, const Body& body);
  void await_child(Child& child, const Board& board, const char* what,
                   const std::function<bool()>& has_come) const;
  [[noreturn]] void fail(const std::string& problem) const;

  LoopMount& mount_;
  DrillGuard& guard_;
  Durability durability_;
  UnreadableStore store_;
  UnreadableBoards& boards_;
  UnreadableReport report_;
};

void Loss::await_child(Child& child, const Board& board, const char* what,
                       const std::function<bool()>& has_come) const {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!has_come()) {
    if (const auto ending = child.poll(); ending && !has_come()) {
      fail(fmt::format("waited for {}, which {} (signal {}): {}", what, to_string(*ending),
                       child.signal(), board.failure_text()));
    }
    if (std::chrono::steady_clock::now() > deadline) {
      fail(fmt::format("waited in vain for {}", what) + who_holds_what(store_.path()));
    }
    std::this_thread::sleep_for(50us);
  }
}

void Loss::require_finished(const std::string& who, const Body& body) {
  const Shared<Board> board;
  Child child(*board, body);
  const Ending ending = child.wait(patience);
  if (ending == Ending::finished) return;
  fail(fmt::format("{} {} (signal {}): {}", who, to_string(ending), child.signal(),
                   board->failure_text()));
}

void Loss::require_death(Child& child, Touch how) {
  const Ending ending = child.wait(patience);
  if (ending == Ending::crashed && child.signal() == SIGBUS && boards_.dying.died_ns != 0) {
    ++report_.deaths;
    return;
  }
  fail(fmt::format("who {} what is lost {} (signal {}, {} it came there): {}", to_string(how),
                   to_string(ending), child.signal(),
                   boards_.dying.died_ns == 0 ? "before" : "when", boards_.dying.failure_text()));
}

void Loss::await_commit(Child& witness) {
  await_child(witness, boards_.witness, "the witness to commit",
              [&] { return boards_.committed == boards_.wanted; });
}

std::chrono::nanoseconds Loss::die_with_the_lock(Touch how, Child& witness) {
  begin_dying();
  Child owner(boards_.dying, [&] { store_.touch(how, store_.places().last_lost_number, true); });
  await_child(owner, boards_.dying, "the owner to have the lock",
              [&] { return boards_.dying.holding != 0; });
  ask_for_commit();
  require_death(owner, how);
  await_commit(witness);
  const auto wait = wait_between(boards_.dying, boards_.witness);
  if (wait <= wait.zero()) fail("the witness had the lock before its owner died");
  return wait;
}

/// The disk breaks while a process has the store open, which goes on.
void Loss::lose_beside_witness() {
  guard_.at("loses pages beside a witness");
  mount_.mount_again();
  Child witness(boards_.witness, [&] { store_.witness(); });
  await_child(witness, boards_.witness, "the witness to open",
              [&] { return boards_.witness.opened != 0; });
  mount_.lose_from(store_.places().lost);
  for (const std::size_t number :
       {store_.places().first_lost_number, store_.places().last_lost_number}) {
    begin_dying();
    Child reader(boards_.dying, [&] { store_.touch(Touch::reads_in_section, number, false); });
    require_death(reader, Touch::reads_in_section);
    ask_for_commit();
    await_commit(witness);
  }
  for (const Touch how : {Touch::reads_with_the_lock, Touch::writes}) {
    report_.takeovers.measure([&] { return die_with_the_lock(how, witness); },
                              [&] {
                                return fmt::format("unreadable, level {}, the owner {}",
                                                   to_string(durability_), to_string(how));
                              });
  }
  boards_.witness.finish = 1;
  if (const Ending ending = witness.wait(patience); ending != Ending::finished) {
    fail(fmt::format("the witness, as it closes the store, {} (signal {}): {}", to_string(ending),
                     witness.signal(), boards_.witness.failure_text()));
  }
}

/// Each opens the store alone and with nothing in the page cache, after the one before it died.
void Loss::lose_alone() {
  guard_.at("loses pages of a store that nobody else has open");
  for (const Touch how : {Touch::reads_in_section, Touch::reads_with_the_lock, Touch::writes}) {
    mount_.mount_again();
    begin_dying();
    Child reader(boards_.dying,
                 [&] { store_.touch(how, store_.places().first_lost_number, false); });
    require_death(reader, how);
    require_finished("who opens the store next", [&] { store_.commit(); });
  }
}

void Loss::require_refusals(const std::string& file, const std::string& what) {
  for (const Way way : {Way::open, Way::open_existing, Way::open_read_only}) {
    const std::string who = fmt::format("{}, with {} lost,", to_string(way), what);
    require_finished(who, [&] { store_.be_refused(way, file); });
    ++report_.refusals;
  }
}

void Loss::lose_header() {
  guard_.at("loses the header");
  for (std::uint64_t page = 0; page < store_.places().header.size(); ++page) {
    mount_.find_again();
    mount_.lose_from(store_.places().header[page]);
    require_refusals(store_.path(), fmt::format("page {} of the header", page));
  }
}

void Loss::lose_log() {
  guard_.at("loses the log");
  mount_.find_again();
  store_.move_log_behind(
      *std::max_element(store_.places().header.begin(), store_.places().header.end()) + page_bytes);
  mount_.mount_again();
  mount_.lose_from(DiskPlaces(store_.log_path()).of(0));
  require_refusals(store_.log_path(), "the log's identity");
}

void Loss::fail(const std::string& problem) const {
  throw DrillFailure(fmt::format("unreadable, level {}: {}", to_string(durability_), problem));
}

UnreadableReport Loss::play() {
  guard_.at("sets a store up");
  require_finished("the setup", [&] { store_.set_up(); });
  store_.find_places();
  lose_beside_witness();
  lose_alone();
  lose_header();
  lose_log();
  guard_.at("verifies the store");
  mount_.find_again();
  require_finished("who opens the store afterwards", [&] { store_.verify(); });
  require_finished("who opens it once more", [&] { store_.verify(); });
  report_.commits = boards_.committed;
  return report_;
}

}  // namespace

UnreadableReport lose_pages(const Settings& settings, Durability durability) {
  const Scratch scratch(settings.directory);
  DrillGuard guard({});
  const PrivateMounts mounts;
  guard.at("makes a file system");
  LoopMount mount(FileSystem::ext4, scratch.file("ext4"));
  return Loss(mount, guard, durability).play();
}

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#include "faulty_run.hpp"

#include <cerrno>
#include <chrono>
#include <new>
#include <thread>

namespace cairn::drills {
namespace {

/// What callers must be told.
errc name_of_failure(const CallFault& fault) noexcept {
  // Whatever the reason is: of a sync that failed nobody knows what it did.
  if (is_sync(fault.call)) return errc::io;
  switch (fault.system_errno) {
    case ENOSPC:
    case EDQUOT: return errc::no_space;
    case EFBIG:
    // Of mappings, which are what there is not enough room for.
    case ENOMEM: return errc::too_large;
    case EPERM: return errc::permission_denied;
    default: return errc::io;
  }
}

void put_probe(Store& store) {
  store.write(
      [](WriteTransaction& tx) { ++tx.modify(tx.find_or_construct<std::uint64_t>("probe")); });
}

void stand_by(const std::string& path, Durability durability, Board& board) {
  constexpr std::chrono::microseconds pause{100};
  Store store = Store::open_existing(path, drill_options(durability, "bystander"));
  board.opened = 1;
  while (board.finish == 0) {
    std::this_thread::sleep_for(pause);
    if (board.waiting == 0) continue;
    board.waiting = 0;
    read_content(store);
    try {
      put_probe(store);
      board.told = 1;
    } catch (const Error& error) {
      if (!(error == errc::io)) throw;
      board.told = 2;
    }
  }
}

}  // namespace

std::string text_of(const CallFailures& failures) {
  std::string text(name_of(failures.fault.call));
  if (failures.fault.call != Call::allocate_memory) {
    text += " with " + std::generic_category().message(failures.fault.system_errno);
  }
  if (failures.fault.half_done) text += " half done";
  if (failures.fault.starves) text += " and no memory";
  return text + (failures.for_good ? ", for good from call " : ", at call ") +
         std::to_string(failures.at);
}

Bystander::Bystander(const std::string& path, Durability durability)
    : child_(*board_, [this, path, durability] { stand_by(path, durability, *board_); }) {
  while (board_->opened == 0) {
    if (child_.poll()) throw DrillFailure("company cannot open it: " + board_->failure_text());
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

bool Bystander::may_write() {
  board_->told = 0;
  board_->waiting = 1;
  while (board_->told == 0) {
    if (child_.poll()) throw DrillFailure("company fails: " + board_->failure_text());
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  return board_->told == 1;
}

void Bystander::leave() {
  board_->finish = 1;
  if (child_.wait(patience) != Ending::finished) {
    throw DrillFailure("company fails: " + board_->failure_text());
  }
}

FaultyRun::FaultyRun(const FaultCase& one, const std::string& path, Board& board)
    : one_(one), path_(path), board_(board), performer_(one.workload, one.durability, path, board) {
  board_.acknowledged = 0;
  board_.in_transaction = 0;
  if (one.has_bystander) bystander_.emplace(path, one.durability);
}

void FaultyRun::perform() {
  watch_calls();
  for (const Action& action : one_.workload.actions) performer_.perform(action);
  let_calls_pass();
  if (bystander_) bystander_->leave();
}

std::uint64_t FaultyRun::perform(const CallFailures& failures) {
  fail_calls(failures.fault, failures.at, failures.for_good);
  bool failing = true;
  for (const Action& action : one_.workload.actions) {
    const Outcome outcome = attempt(action, failures);
    if (outcome == Outcome::done) continue;
    if (!failing) throw DrillFailure("it fails although no call does any more");
    failing = false;
    go_on_after(action, outcome, failures);
  }
  if (failing) failed_calls_ = let_calls_pass();
  if (bystander_) bystander_->leave();
  return failed_calls_;
}

FaultyRun::Outcome FaultyRun::attempt(const Action& action, const CallFailures& failures) {
  // From the first thing on that is caught all calls pass: nothing here needs to bear failures.
  try {
    performer_.perform(action);
    return Outcome::done;
  } catch (const Error& error) {
    failed_calls_ = let_calls_pass();
    return judge(error, failures);
  } catch (const std::bad_alloc&) {
    failed_calls_ = let_calls_pass();
    if (failures.fault.call == Call::allocate_memory) return Outcome::nothing_done;
    if (failures.fault.starves) return Outcome::unknown;
    throw DrillFailure("std::bad_alloc although there is memory");
  }
}

FaultyRun::Outcome FaultyRun::judge(const Error& error, const CallFailures& failures) const {
  const CallFault& fault = failures.fault;
  const bool is_named =
      fault.call != Call::allocate_memory && error == name_of_failure(fault) &&
      // A store that a failed sync has closed for writers says so without an errno.
      (error.system_errno() == fault.system_errno || is_sync(fault.call));
  if (!is_named) throw DrillFailure(std::string("an unexpected error: ") + error.what());
  return error == errc::io ? Outcome::unknown : Outcome::nothing_done;
}

void FaultyRun::go_on_after(const Action& action, Outcome outcome, const CallFailures& failures) {
  if (outcome == Outcome::nothing_done) {
    board_.in_transaction = 0;
    retry(action);
    return;
  }
  // A sync of a copy is nothing to the store.
  const bool must_refuse = is_sync(failures.fault.call) && action.kind != ActionKind::snapshot;
  if (performer_.store()) probe(must_refuse);
  const bool was_committed = reopen();
  board_.in_transaction = 0;
  if (!was_committed && action.kind != ActionKind::open) retry(action);
}

/// Reads go on, and so do writes where that is allowed; in the other process as well.
void FaultyRun::probe(bool must_refuse) {
  Store& store = *performer_.store();
  read_content(store);
  bool refused = false;
  try {
    put_probe(store);
  } catch (const Error& error) {
    if (!(error == errc::io)) throw;
    refused = true;
  }
  if (refused != must_refuse) {
    throw DrillFailure(refused ? "a store whose syncs succeeded takes no more writes"
                               : "a store whose sync failed takes another write");
  }
  if (bystander_ && bystander_->may_write() == must_refuse) {
    throw DrillFailure(must_refuse ? "it takes another write from another process"
                                   : "it takes no more writes from another process");
  }
}

/// Opens the store anew once nobody has it open any more. True where the transaction that was under
/// way is there.
bool FaultyRun::reopen() {
  if (bystander_) bystander_->leave();
  bystander_.reset();
  performer_.perform({ActionKind::release});
  performer_.store().reset();
  if (board_.acknowledged == 0 && one_.workload.from_nothing) {
    performer_.perform({ActionKind::open});
  } else {
    performer_.store().emplace(
        Store::open_existing(path_, drill_options(one_.durability, one_.workload.name)));
  }
  const std::uint64_t least = one_.models.front().steps + done();
  const std::uint64_t found = read_content(*performer_.store()).steps;
  if (found < least || found > least + board_.in_transaction) {
    throw DrillFailure("opened again it holds " + std::to_string(found) + " transactions of " +
                       std::to_string(least));
  }
  if (found == least) return false;
  board_.acknowledged.fetch_add(1);
  return true;
}

void FaultyRun::retry(const Action& action) {
  try {
    performer_.perform(action);
  } catch (const std::exception& error) {
    throw DrillFailure(std::string("it does not work although no call fails any more: ") +
                       error.what());
  }
}

}  // namespace cairn::drills

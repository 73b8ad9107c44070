// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fault_cases.hpp"
#include "system_calls.hpp"

namespace cairn::drills {

/// Which calls fail in a run: the `at`-th, and all that follow where that is `for_good`.
struct CallFailures {
  CallFault fault;
  std::uint64_t at = 0;
  bool for_good = false;
};

std::string text_of(const CallFailures& failures);

/// Another process that has the store open. It says whether it still may write.
class Bystander {
 public:
  Bystander(const std::string& path, Durability durability);
  /// Whether a write of it goes through; false where it is refused as after a failed sync.
  bool may_write();
  /// It closes the store and ends. Throws DrillFailure where it did not do well.
  void leave();

 private:
  Shared<Board> board_;
  Child child_;
};

/// A workload during which calls fail in this process, up to the first action that says so; then it
/// goes on as though nothing had been.
///
/// Of that action it requires: what it throws has the name that the failure must have. Unless that
/// is errc::io, nothing was done, and doing it again works; otherwise it was done or not, the store
/// goes on being read, and takes writes until a sync of it failed, which closes it for everybody
/// until it was opened anew. Throws DrillFailure.
class FaultyRun {
 public:
  FaultyRun(const FaultCase& one, const std::string& path, Board& board);

  /// Does all of it, watching its calls.
  void perform();
  /// Does all of it. Returns how many calls failed.
  std::uint64_t perform(const CallFailures& failures);
  /// Transactions of the models that the store holds now.
  std::uint64_t done() const noexcept { return one_.done + board_.acknowledged; }

 private:
  enum class Outcome { done, nothing_done, unknown };

  Outcome attempt(const Action& action, const CallFailures& failures);
  Outcome judge(const Error& error, const CallFailures& failures) const;
  void go_on_after(const Action& action, Outcome outcome, const CallFailures& failures);
  void probe(bool must_refuse);
  bool reopen();
  void retry(const Action& action);

  const FaultCase& one_;
  const std::string& path_;
  Board& board_;
  Performer performer_;
  std::optional<Bystander> bystander_;
  std::uint64_t failed_calls_ = 0;
};

}  // namespace cairn::drills

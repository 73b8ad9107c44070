// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "board.hpp"
#include "content.hpp"
#include "slow_reader.hpp"

namespace cairn::drills {

enum class ActionKind {
  open,         ///< opens the store; every workload begins so
  transaction,  ///< commits `edits`
  defer,        ///< the same, deferred where the level knows that
  sync,         ///< waits for those that are
  abandon,      ///< makes `edits` and lets the transaction go
  read,         ///< the whole content, in a section
  hold,         ///< a thread begins a read section and stays
  release,      ///< and leaves it
  checkpoint,   ///< and commits `edits` between its sync and its meta slot, where that is possible
  shrink,       ///< shrink_to_usage
  resize,       ///< resize_file(bytes)
  snapshot,     ///< to a file beside the store, where an earlier one may be
  close,
};

struct Action {
  ActionKind kind;
  std::vector<Edit> edits = {};
  std::uint64_t bytes = 0;
};

/// Whether the action makes a transaction.
inline bool commits(const Action& action) {
  return action.kind == ActionKind::transaction || action.kind == ActionKind::defer ||
         (action.kind == ActionKind::checkpoint && !action.edits.empty());
}

/// A sequence of calls that a child makes until it is killed.
struct Workload {
  std::string name;
  Options options;
  bool from_nothing = false;  ///< begins without a file
  std::vector<Action> setup;  ///< what is there before
  std::vector<Action> actions;
  /// Operates on files other than the store's.
  bool has_other_files = false;
};

/// The workloads of the sweep: creation, small commits of each container, trees that split and
/// merge, growth, rollback, shrinking, a log that grows, commits that a section holds back,
/// checkpoints, closing.
std::vector<Workload> all_workloads();
Workload workload_named(const std::string& name);

/// The contents after the setup (first) and after each transaction of the actions.
std::vector<Content> models_of(const Workload& workload);

/// Makes the workload's setup at `path` and closes the store.
void prepare(const Workload& workload, Durability durability, const std::string& path);
/// Does one action after the other and reports on `board` what has been acknowledged.
class Performer {
 public:
  Performer(const Workload& workload, Durability durability, std::string path, Board& board);
  void perform(const Action& action);
  /// The store between `open` and `close`.
  std::optional<Store>& store() noexcept { return store_; }

 private:
  void commit(const Action& action);
  void checkpoint_beside_commit(const Action& action);
  void commit_once(const Action& action);

  Options options_;
  std::string path_;
  Board& board_;
  std::optional<Store> store_;
  std::optional<test::SlowReader> reader_;
  bool committed_beside_ = false;  ///< the edits of the checkpoint under way
};

/// Works through all actions.
void perform(const Workload& workload, Durability durability, const std::string& path,
             Board& board);

/// The options of every store that drills use.
Options drill_options(Durability durability, const std::string& label);

}  // namespace cairn::drills

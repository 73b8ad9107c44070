// SPDX-License-Identifier: BSL-1.0
#include "workload.hpp"

#include <cstring>
#include <exception>
#include <functional>
#include <stdexcept>

#include "cairn/mapping/drill_hooks.hpp"
#include "scratch.hpp"

namespace cairn::drills {
namespace {

Action commit(std::vector<Edit> edits) {
  return {ActionKind::transaction, std::move(edits)};
}

Workload create_workload() {
  Workload made{"create", {}, true, {}, {}};
  made.actions = {{ActionKind::open},
                  commit({{EditKind::put, 1, 10}, {EditKind::append, 1, 11}}),
                  {ActionKind::close},
                  {ActionKind::open},
                  commit({{EditKind::put, 2, 20}})};
  return made;
}

Workload numbers_workload() {
  Workload made{"numbers", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  for (std::uint64_t key = 0; key < 12; ++key)
    made.setup.push_back(commit({{EditKind::put, key, key}}));
  made.actions.push_back(commit({{EditKind::put, 100, 1}}));
  made.actions.push_back(commit({{EditKind::put, 3, 7}, {EditKind::drop, 4, 0}}));
  // Enough new keys for the table to grow.
  std::vector<Edit> many;
  for (std::uint64_t key = 200; key < 230; ++key) many.push_back({EditKind::put, key, 3 * key});
  made.actions.push_back(commit(many));
  made.actions.push_back(commit({{EditKind::drop, 205, 0}, {EditKind::put, 206, 1}}));
  return made;
}

Workload lists_workload() {
  Workload made{"lists", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  for (std::uint64_t key = 0; key < 6; ++key) {
    made.setup.push_back(commit({{EditKind::append, key, key}, {EditKind::append, key, key + 1}}));
  }
  made.actions.push_back(commit({{EditKind::append, 1, 5}, {EditKind::append, 9, 5}}));
  std::vector<Edit> many;
  for (std::uint64_t i = 0; i < 40; ++i) many.push_back({EditKind::append, i % 5, 100 + i});
  made.actions.push_back(commit(many));
  made.actions.push_back(commit({{EditKind::forget, 2, 0}, {EditKind::forget, 3, 0}}));
  made.actions.push_back(commit({{EditKind::append, 2, 1}}));
  return made;
}

Workload chain_workload() {
  Workload made{"chain", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  for (std::uint64_t i = 0; i < 4; ++i) made.setup.push_back(commit({{EditKind::push, 0, i}}));
  made.actions.push_back(commit({{EditKind::push, 0, 50}, {EditKind::push, 0, 51}}));
  made.actions.push_back(commit({{EditKind::pop, 0, 0}, {EditKind::pop, 0, 0}}));
  made.actions.push_back(commit({{EditKind::pop, 0, 0}, {EditKind::push, 0, 52}}));
  return made;
}

/// A B-tree that gets levels, splits, borrows and merges; and sets.
Workload trees_workload() {
  Workload made{"trees", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  for (std::uint64_t i = 0; i < 6; ++i) {
    made.setup.push_back(commit({{EditKind::plant, i * 40, i}, {EditKind::tag, i, 0}}));
  }
  // Into the middle and behind the end, over what is there and between it.
  made.actions.push_back(commit({{EditKind::plant, 60, 7}}));
  made.actions.push_back(commit({{EditKind::plant, 500, 1}, {EditKind::tag, 100, 0}}));
  made.actions.push_back(commit({{EditKind::prune, 70, 75}, {EditKind::untag, 3, 0}}));
  std::vector<Edit> tags;
  for (std::uint64_t key = 200; key < 230; ++key) tags.push_back({EditKind::tag, key, 0});
  made.actions.push_back(commit(tags));
  // Most of it, so that nodes are merged up to the root; then all.
  made.actions.push_back(commit({{EditKind::prune, 30, 400}, {EditKind::untag, 201, 0}}));
  made.actions.push_back(commit({{EditKind::prune, 0, 1000}}));
  made.actions.push_back(commit({{EditKind::plant, 3, 3}}));
  return made;
}

/// A ring that turns, grows while it lies across its end, and is emptied.
Workload queue_workload() {
  Workload made{"queue", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  made.setup.push_back(commit({{EditKind::queue, 20, 100}, {EditKind::serve, 15, 0}}));
  made.actions.push_back(commit({{EditKind::queue, 12, 200}}));
  made.actions.push_back(commit({{EditKind::serve, 8, 0}, {EditKind::queue, 90, 300}}));
  made.actions.push_back(commit({{EditKind::serve, 200, 0}, {EditKind::queue, 3, 400}}));
  return made;
}

Workload growth_workload() {
  Workload made{"growth", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  made.options.initial_bytes = 64 << 10;
  made.setup.push_back(commit({{EditKind::put, 1, 1}}));
  made.actions.push_back(commit({{EditKind::fill, 3000, 1}}));
  made.actions.push_back(commit({{EditKind::put, 2, 2}}));
  // More than is logged at level power: the data file is synced instead.
  made.actions.push_back(commit({{EditKind::fill, 60000, 2}, {EditKind::put, 3, 3}}));
  made.actions.push_back({ActionKind::resize, {}, 2 << 20});
  made.actions.push_back(commit({{EditKind::fill, 10, 3}}));
  return made;
}

Workload abandon_workload() {
  Workload made{"abandon", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  made.options.initial_bytes = 64 << 10;
  made.setup.push_back(commit({{EditKind::put, 1, 1}, {EditKind::append, 1, 1}}));
  made.actions.push_back(
      {ActionKind::abandon, {{EditKind::put, 1, 9}, {EditKind::fill, 40000, 1}}});
  made.actions.push_back(commit({{EditKind::put, 5, 5}}));
  made.actions.push_back({ActionKind::abandon, {{EditKind::forget, 1, 0}}});
  made.actions.push_back(commit({{EditKind::append, 1, 2}}));
  return made;
}

Workload shrink_workload() {
  Workload made{"shrink", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  made.setup.push_back(commit({{EditKind::put, 1, 1}}));
  made.setup.push_back(commit({{EditKind::fill, 100000, 1}}));
  made.actions.push_back(commit({{EditKind::fill, 0, 0}, {EditKind::put, 1, 2}}));
  made.actions.push_back({ActionKind::shrink});
  made.actions.push_back(commit({{EditKind::put, 2, 2}}));
  // Over the pages that were just given back.
  made.actions.push_back(commit({{EditKind::fill, 20000, 7}}));
  return made;
}

Workload log_workload() {
  Workload made{"log growth", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  made.setup.push_back(commit({{EditKind::fill, 12000, 1}}));
  made.actions.push_back(commit({{EditKind::put, 1, 1}}));
  // More lines than the ring has room for.
  made.actions.push_back(commit({{EditKind::fill, 12000, 2}}));
  made.actions.push_back(commit({{EditKind::put, 1, 2}}));
  return made;
}

/// A section stays while the log fills and grows under what it holds back, with growth of the heap
/// and a rollback in between; what comes after it leaves is published at once.
Workload held_back_workload() {
  Workload made{"held back", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  made.setup.push_back(commit({{EditKind::fill, 6000, 1}, {EditKind::put, 1, 1}}));
  made.actions.push_back({ActionKind::hold});
  made.actions.push_back(commit({{EditKind::put, 1, 2}, {EditKind::append, 1, 1}}));
  made.actions.push_back(commit({{EditKind::fill, 6000, 2}}));
  made.actions.push_back({ActionKind::abandon, {{EditKind::put, 1, 9}, {EditKind::put, 3, 9}}});
  made.actions.push_back(commit({{EditKind::fill, 9000, 3}}));
  made.actions.push_back({ActionKind::checkpoint});
  made.actions.push_back(commit({{EditKind::put, 1, 3}}));
  made.actions.push_back({ActionKind::release});
  made.actions.push_back(commit({{EditKind::put, 1, 4}}));
  return made;
}

Workload checkpoint_workload() {
  Workload made{"checkpoint", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  made.setup.push_back(commit({{EditKind::fill, 3000, 1}}));
  made.actions.push_back(commit({{EditKind::put, 1, 1}}));
  made.actions.push_back({ActionKind::checkpoint});
  made.actions.push_back(commit({{EditKind::put, 1, 2}}));
  // The third of these does not fit behind the others: the ring wraps around.
  for (std::uint64_t value = 2; value < 5; ++value) {
    made.actions.push_back(commit({{EditKind::fill, 3000, value}}));
  }
  made.actions.push_back({ActionKind::checkpoint});
  return made;
}

/// Checkpoints beside commits, with the log going around over what they set free.
Workload beside_workload() {
  Workload made{"checkpoint beside", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  made.setup.push_back(commit({{EditKind::fill, 3000, 1}}));
  made.actions.push_back(commit({{EditKind::put, 1, 1}}));
  made.actions.push_back({ActionKind::checkpoint, {{EditKind::put, 1, 2}, {EditKind::push, 0, 1}}});
  made.actions.push_back(commit({{EditKind::fill, 3000, 2}}));
  made.actions.push_back({ActionKind::checkpoint, {{EditKind::fill, 3000, 3}}});
  for (std::uint64_t value = 4; value < 6; ++value) {
    made.actions.push_back(commit({{EditKind::fill, 3000, value}}));
    made.actions.push_back({ActionKind::checkpoint, {{EditKind::put, value, 1}}});
  }
  made.actions.push_back(commit({{EditKind::put, 1, 3}}));
  return made;
}

Workload close_workload() {
  Workload made{"close", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  made.setup.push_back(commit({{EditKind::put, 1, 1}}));
  made.actions.push_back(commit({{EditKind::put, 1, 2}}));
  made.actions.push_back({ActionKind::close});
  made.actions.push_back({ActionKind::open});
  made.actions.push_back({ActionKind::close});
  made.actions.push_back({ActionKind::open});
  made.actions.push_back(commit({{EditKind::append, 1, 2}}));
  made.actions.push_back({ActionKind::close});
  return made;
}

Action defer(std::vector<Edit> edits) {
  return {ActionKind::defer, std::move(edits)};
}

/// Commits that share syncs: with the next that waits for one, with `sync`, with a transaction that
/// is let go over them, with a checkpoint, with closing.
Workload deferred_workload() {
  Workload made{"deferred", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  made.setup.push_back(commit({{EditKind::put, 1, 1}}));
  made.actions.push_back(defer({{EditKind::put, 1, 2}}));
  made.actions.push_back(defer({{EditKind::put, 2, 1}, {EditKind::put, 1, 3}}));
  made.actions.push_back(commit({{EditKind::put, 3, 1}}));
  made.actions.push_back(defer({{EditKind::put, 1, 4}}));
  made.actions.push_back(defer({{EditKind::put, 1, 5}}));
  made.actions.push_back(defer({{EditKind::put, 4, 1}}));
  made.actions.push_back({ActionKind::sync});
  made.actions.push_back(defer({{EditKind::put, 1, 6}}));
  made.actions.push_back({ActionKind::abandon, {{EditKind::put, 5, 1}}});
  made.actions.push_back(defer({{EditKind::put, 1, 7}}));
  made.actions.push_back({ActionKind::checkpoint});
  // Fresh pages, which are logged.
  made.actions.push_back(defer({{EditKind::fill, 3000, 1}}));
  made.actions.push_back(defer({{EditKind::put, 1, 8}}));
  made.actions.push_back({ActionKind::close});
  return made;
}

/// In more than one piece. The store must be whole wherever that dies; of the copy the tests of
/// snapshots tell.
Workload snapshot_workload() {
  Workload made{"snapshot", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  made.has_other_files = true;
  made.setup.push_back(commit({{EditKind::fill, 1100000, 1}, {EditKind::put, 1, 1}}));
  made.actions.push_back(commit({{EditKind::put, 1, 2}}));
  made.actions.push_back({ActionKind::snapshot});
  made.actions.push_back(commit({{EditKind::put, 1, 3}}));
  return made;
}

Options options_of(const Workload& workload, Durability durability) {
  Options options = drill_options(durability, workload.name);
  if (workload.options.initial_bytes != Options{}.initial_bytes) {
    options.initial_bytes = workload.options.initial_bytes;
  }
  if (workload.options.max_bytes != 0) options.max_bytes = workload.options.max_bytes;
  return options;
}

/// Calls `beside` between the sync of a checkpoint and its meta slot, for as long as it lives.
class CheckpointMoment {
 public:
  explicit CheckpointMoment(std::function<void()> beside) {
    call = std::move(beside);
    watched = drill::set_crash_observer([](const char* name) {
      if (watched != nullptr) watched(name);
      if (std::strcmp(name, "checkpoint.beside") == 0) call();
    });
  }
  CheckpointMoment(const CheckpointMoment&) = delete;
  CheckpointMoment& operator=(const CheckpointMoment&) = delete;
  ~CheckpointMoment() { drill::set_crash_observer(watched); }

 private:
  static inline std::function<void()> call;
  static inline drill::CrashObserver watched;
};

}  // namespace

Options drill_options(Durability durability, const std::string& label) {
  Options options;
  options.durability = durability;
  options.initial_bytes = 128 << 10;
  options.max_bytes = 64 << 20;
  options.log_bytes = 64 << 10;
  options.lock_timeout = std::chrono::seconds(20);
  options.label = label;
  // Only one thread's operations can be told apart.
  options.deferred_delay = std::chrono::hours(1);
  // Kills leave memory alone, and power cuts are made of what was synced.
  options.any_file_system = true;
  return options;
}

std::vector<Workload> all_workloads() {
  return {create_workload(), numbers_workload(), lists_workload(),     chain_workload(),
          trees_workload(),  queue_workload(),   growth_workload(),    abandon_workload(),
          shrink_workload(), log_workload(),     held_back_workload(), checkpoint_workload(),
          beside_workload(), close_workload(),   snapshot_workload(),  deferred_workload()};
}

Workload workload_named(const std::string& name) {
  for (Workload& workload : all_workloads()) {
    if (workload.name == name) return workload;
  }
  throw std::out_of_range("no workload " + name);
}

std::vector<Content> models_of(const Workload& workload) {
  Content content;
  for (const Action& action : workload.setup) {
    if (action.kind == ActionKind::transaction) apply_edits(action.edits, content);
  }
  std::vector<Content> models{content};
  for (const Action& action : workload.actions) {
    if (!commits(action)) continue;
    apply_edits(action.edits, content);
    models.push_back(content);
  }
  return models;
}

Performer::Performer(const Workload& workload, Durability durability, std::string path,
                     Board& board)
    : options_(options_of(workload, durability)), path_(std::move(path)), board_(board) {}

void Performer::commit(const Action& action) {
  const bool deferred =
      action.kind == ActionKind::defer && options_.durability != Durability::process;
  board_.tail_stored = 0;
  WriteTransaction tx = store_->begin_write();
  apply_edits(action.edits, tx);
  board_.in_transaction = 1;
  if (deferred) {
    tx.commit(Durability::deferred);
    board_.deferred.fetch_add(1);
  } else {
    tx.commit();
    board_.deferred = 0;
  }
  // Nothing can kill the process between these: it dies at points in the library only.
  board_.acknowledged.fetch_add(1);
  if (reader_) board_.held_back.fetch_add(1);
  board_.tail_stored = 0;
  board_.in_transaction = 0;
}

/// Others commit while a checkpoint is made without the lock. What they do there this thread does
/// itself, so that all operations are those of one.
void Performer::checkpoint_beside_commit(const Action& action) {
  std::exception_ptr failure;
  {
    const CheckpointMoment moment([&] {
      try {
        commit_once(action);
      } catch (...) {  // no exception may leave a crash point
        failure = std::current_exception();
      }
    });
    store_->checkpoint();
  }
  if (failure) std::rethrow_exception(failure);
  // At level process there is no such moment.
  commit_once(action);
  committed_beside_ = false;
}

/// Where the checkpoint fails after that, the action is tried again, and is not to commit twice.
void Performer::commit_once(const Action& action) {
  if (committed_beside_) return;
  commit({ActionKind::transaction, action.edits});
  committed_beside_ = true;
}

void Performer::perform(const Action& action) {
  switch (action.kind) {
    case ActionKind::open: store_.emplace(Store::open(path_, options_)); break;
    case ActionKind::transaction:
    case ActionKind::defer: commit(action); break;
    case ActionKind::sync:
      store_->sync();
      board_.deferred = 0;
      break;
    case ActionKind::abandon: {
      WriteTransaction tx = store_->begin_write();
      apply_edits(action.edits, tx);
      tx.rollback();
      // What it has read is durable.
      board_.deferred = 0;
      break;
    }
    case ActionKind::read: read_content(*store_); break;
    case ActionKind::hold: reader_.emplace(*store_); break;
    case ActionKind::release:
      board_.releasing = 1;
      reader_.reset();
      board_.held_back = 0;
      board_.releasing = 0;
      break;
    case ActionKind::checkpoint:
      if (action.edits.empty()) {
        store_->checkpoint();
      } else {
        checkpoint_beside_commit(action);
      }
      board_.deferred = 0;
      break;
    case ActionKind::shrink: store_->shrink_to_usage(); break;
    case ActionKind::resize: store_->resize_file(action.bytes); break;
    case ActionKind::snapshot:
      remove_store(path_ + "-copy");
      store_->snapshot(path_ + "-copy");
      break;
    case ActionKind::close:
      // So that there is a reader's lane to give back.
      { const ReadTransaction section = store_->begin_read(); }
      store_->close();
      board_.deferred = 0;
      store_.reset();
      break;
  }
}

void prepare(const Workload& workload, Durability durability, const std::string& path) {
  const Shared<Board> unused;
  Performer performer(workload, durability, path, *unused);
  for (const Action& action : workload.setup) performer.perform(action);
  performer.perform({ActionKind::close});
}

void perform(const Workload& workload, Durability durability, const std::string& path,
             Board& board) {
  Performer performer(workload, durability, path, board);
  for (const Action& action : workload.actions) performer.perform(action);
}

}  // namespace cairn::drills

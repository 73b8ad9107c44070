// SPDX-License-Identifier: BSL-1.0
#include <filesystem>

#include "sweep.hpp"

namespace cairn::drills {
namespace {

void require_equal(const Content& found, const Content& expected, const char* when) {
  if (found == expected) return;
  throw DrillFailure(std::string("the content ") + when +
                     " is not the model's: " + difference(found, expected));
}

/// The model that the store must equal, by the number of steps that it holds.
const Content& model_for(const Content& found, const std::vector<Content>& models,
                         const Expectation& expected) {
  const std::uint64_t first = models.front().steps;
  const std::uint64_t done = found.steps - first;
  if (found.steps < first || done < expected.least) {
    throw DrillFailure("less than acknowledged: " + std::to_string(found.steps) +
                       " transactions for at least " + std::to_string(first + expected.least));
  }
  if (done > expected.most || done >= models.size()) {
    throw DrillFailure("more than begun: " + std::to_string(found.steps) +
                       " transactions for at most " + std::to_string(first + expected.most));
  }
  return models[done];
}

void verify_in_child(const std::string& path, Durability durability,
                     const std::vector<Content>& models, const Expectation& expected, Board& board,
                     Finding& finding) {
  const Options options = drill_options(durability, "verify");
  Content model;
  {
    Store store =
        expected.exists ? Store::open_existing(path, options) : Store::open(path, options);
    // First, since containers believe what they read: only a sound store has a content.
    require_sound(store, "after recovery");
    const Content found = read_content(store);
    board.steps = found.steps;
    const RecoveryReport report = store.last_recovery();
    finding = {found.steps - models.front().steps, report.replayed_records, report.discarded_bytes,
               report.reclaimed_bytes};
    model = model_for(found, models, expected);
    require_equal(found, model, "after recovery");
  }
  {
    // Recovering again changes nothing.
    Store store = Store::open_existing(path, options);
    require_equal(read_content(store), model, "after a second recovery");
    apply_edits(proving_edits(), model);
    store.write([&](WriteTransaction& tx) { apply_edits(proving_edits(), tx); });
    require_equal(read_content(store), model, "after one more transaction");
    store.close();
  }
  Store store = Store::open_existing(path, options);
  require_equal(read_content(store), model, "after closing");
  require_sound(store, "after closing");
  if (store.last_recovery().needed) throw DrillFailure("a closed store needed recovery");
}

}  // namespace

void require_sound(const Store& store, const char* when) {
  const CheckReport report = store.check();
  if (!report.ok()) {
    throw DrillFailure(std::string("check ") + when + " finds " + report.problems.front());
  }
  if (!report.leak_free()) {
    throw DrillFailure(std::string("check ") + when + " finds " +
                       std::to_string(report.unowned_bytes) +
                       " bytes that nobody owns: " + report.unowned.front());
  }
}

Finding verify(const std::string& path, Durability durability, const std::vector<Content>& models,
               const Expectation& expected) {
  const Shared<Board> board;
  const Shared<Finding> finding;
  const Ending ending = run_child(*board, patience, [&] {
    verify_in_child(path, durability, models, expected, *board, *finding);
  });
  if (ending == Ending::finished) return *finding;
  const std::string why = board->failure_text();
  throw DrillFailure(why.empty() ? std::string("the process that reopens it ") + to_string(ending)
                                 : why);
}

}  // namespace cairn::drills

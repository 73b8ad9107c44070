// SPDX-License-Identifier: BSL-1.0
#include "io_faults.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "cairn/mapping/drill_hooks.hpp"

namespace cairn::drills {
namespace {

struct Fault {
  drill::IoKind kind;
  int system_errno;
  errc named;  ///< what callers must be told
  const char* text;
  bool for_good = false;
};

constexpr std::array<Fault, 8> faults = {{
    {drill::IoKind::sync, EIO, errc::io, "fdatasync fails with EIO"},
    {drill::IoKind::allocate, ENOSPC, errc::no_space, "fallocate fails with ENOSPC"},
    {drill::IoKind::write, ENOSPC, errc::no_space, "pwrite fails with ENOSPC"},
    {drill::IoKind::write, EIO, errc::io, "pwrite fails with EIO"},
    {drill::IoKind::truncate, EIO, errc::io, "ftruncate fails with EIO"},
    {drill::IoKind::sync_directory, EIO, errc::io, "fsync of the directory fails with EIO"},
    {drill::IoKind::link, EIO, errc::io, "linkat fails with EIO"},
    {drill::IoKind::unlink, EIO, errc::io, "unlink fails with EIO"},
}};

Fault active{};
std::uint64_t fails_at = 0;
std::uint64_t operations_seen = 0;
std::uint64_t operations_failed = 0;

int fail_operation(const drill::IoOperation& operation) {
  if (operation.kind != active.kind) return 0;
  ++operations_seen;
  const bool fails = active.for_good ? operations_seen >= fails_at : operations_seen == fails_at;
  if (fails) ++operations_failed;
  return fails ? active.system_errno : 0;
}

void require_named(const Error& error) {
  // Failing to cut a file back while rolling back is no failure of the transaction.
  if (error == active.named && error.system_errno() == active.system_errno) return;
  // A store that a failed sync has closed for writers says so without an errno.
  if (active.kind == drill::IoKind::sync && error == errc::io) return;
  throw DrillFailure(std::string("an unexpected error: ") + error.what());
}

/// After an error the store either works or refuses with the same name; it never hangs or lies. A
/// failed sync closes it for writers until it is opened again, since the next sync proves nothing.
void probe(std::optional<Store>& store) {
  if (!store) return;
  bool written = false;
  try {
    store->read([](const ReadTransaction& tx) { return read_content(tx); });
    store->write(
        [](WriteTransaction& tx) { ++tx.modify(tx.find_or_construct<std::uint64_t>("probe")); });
    written = true;
  } catch (const Error& error) {
    require_named(error);
  }
  if (written && active.kind == drill::IoKind::sync) {
    throw DrillFailure("a store whose sync failed takes another write");
  }
}

void perform_with_faults(const Workload& workload, Durability durability, const std::string& path,
                         Board& board) {
  Performer performer(workload, durability, path, board);
  drill::set_io_observer(&fail_operation);
  for (const Action& action : workload.actions) {
    try {
      performer.perform(action);
      continue;
    } catch (const Error& error) {
      require_named(error);
    }
    probe(performer.store());
    // A full disk that has room again: the same call works now.
    if (active.for_good || active.named != errc::no_space) break;
    performer.perform(action);
  }
  board.points = operations_failed;
}

/// A store to run with failing operations, and what it must hold before and after.
struct Case {
  std::string name;
  Workload workload;
  Durability durability;
  std::vector<Content> models;
  std::uint64_t done = 0;  ///< transactions of the models that the image holds already
};

std::string text_of(const Case& one) {
  return one.name + ", level " + to_string(one.durability) + ", " + active.text +
         (active.for_good ? " for good from" : " at") + " operation " + std::to_string(fails_at);
}

/// Returns the failures that there were.
std::uint64_t run_once(const Case& one, const std::string& image, const std::string& path) {
  const Shared<Board> board;
  copy_store(image, path);
  const Ending ending = run_child(
      *board, patience, [&] { perform_with_faults(one.workload, one.durability, path, *board); });
  if (ending != Ending::finished) {
    throw DrillFailure(text_of(one) + ": the process " + to_string(ending) + ": " +
                       board->failure_text());
  }
  const std::uint64_t done = one.done + board->acknowledged;
  const Expectation expected{done, done + board->in_transaction,
                             !one.workload.from_nothing || board->acknowledged != 0};
  try {
    verify(path, one.durability, one.models, expected);
  } catch (const DrillFailure& failure) {
    throw DrillFailure(text_of(one) + ": " + failure.what());
  }
  return board->points;
}

std::uint64_t sweep_case(const Case& one, const std::string& image, const std::string& path) {
  std::uint64_t failures = 0;
  for (const Fault& fault : faults) {
    for (const bool for_good : {false, true}) {
      active = fault;
      active.for_good = for_good;
      for (fails_at = 1;; ++fails_at) {
        const std::uint64_t happened = run_once(one, image, path);
        if (happened == 0) break;
        failures += happened;
      }
    }
  }
  return failures;
}

void make_image(const Workload& workload, Durability durability, const std::string& image) {
  remove_store(image);
  if (workload.from_nothing) return;
  const Shared<Board> board;
  const Ending ending = run_child(*board, patience, [&] { prepare(workload, durability, image); });
  if (ending != Ending::finished) {
    throw DrillFailure("the setup of \"" + workload.name + "\" fails: " + board->failure_text());
  }
}

/// Lets a child die at its first passage of `point`, so that whoever opens `image` has to recover;
/// operations fail then.
Case make_half_done(const Workload& workload, Durability durability, const std::string& point,
                    const std::string& image) {
  make_image(workload, durability, image);
  const std::string whole = image + "-whole";
  copy_store(image, whole);
  Shared<Board> board;
  const auto perform_until = [&](std::uint64_t die_at) {
    copy_store(whole, image);
    return run_child(*board, patience, [&] {
      watch_points(*board, die_at);
      perform(workload, durability, image, *board);
    });
  };
  perform_until(0);
  const auto end = board->trace.begin() + static_cast<std::ptrdiff_t>(board->points.load());
  const auto at = std::find(board->trace.begin(), end, id_of(point));
  const auto number = static_cast<std::uint64_t>(at - board->trace.begin()) + 1;
  board.clear();
  if (at == end || perform_until(number) != Ending::killed) {
    throw DrillFailure("\"" + workload.name + "\" does not pass " + point);
  }
  Case half{"recovery of \"" + workload.name + "\" after a kill at " + point,
            {workload.name, workload.options, false, {}, {{ActionKind::open}, {ActionKind::close}}},
            durability,
            models_of(workload)};
  half.done = board->acknowledged + (board->in_transaction != 0 ? board->tail_stored.load() : 0);
  return half;
}

}  // namespace

std::uint64_t sweep_io_faults(const Settings& settings, Durability durability) {
  const Scratch scratch(settings.directory);
  const std::string image = scratch.file("image");
  const std::string path = scratch.file("store");
  std::uint64_t failures = 0;
  for (const Workload& workload : all_workloads()) {
    // A failed sync of another file is nothing to the store.
    if (workload.has_other_files) continue;
    make_image(workload, durability, image);
    const Case one{"workload \"" + workload.name + "\"", workload, durability, models_of(workload)};
    failures += sweep_case(one, image, path);
  }
  const std::pair<const char*, const char*> deaths[] = {{"numbers", "publish.line"},
                                                        {"numbers", "append.before_tail"},
                                                        {"growth", "grow.allocated"},
                                                        {"shrink", "shrink.committed"},
                                                        {"checkpoint", "meta.written"}};
  for (const auto& [workload, point] : deaths) {
    const Case half = make_half_done(workload_named(workload), durability, point, image);
    failures += sweep_case(half, image, path);
  }
  if (failures == 0) throw DrillFailure("no operation failed at all");
  return failures;
}

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#include "fault_cases.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace cairn::drills {
namespace {

Action transaction_of(std::vector<Edit> edits) {
  return {ActionKind::transaction, std::move(edits)};
}

/// Sections that read what one at an older state keeps out of the shared image, over a heap that
/// outgrows the view that they have of it.
Workload overlay_workload() {
  Workload made{"overlay", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  made.setup.push_back(transaction_of({{EditKind::put, 1, 1}, {EditKind::append, 1, 1}}));
  made.actions.push_back({ActionKind::hold});
  made.actions.push_back(transaction_of({{EditKind::put, 1, 2}}));
  made.actions.push_back({ActionKind::read});
  made.actions.push_back(transaction_of({{EditKind::fill, 200000, 1}, {EditKind::append, 1, 2}}));
  made.actions.push_back({ActionKind::read});
  made.actions.push_back({ActionKind::release});
  made.actions.push_back({ActionKind::read});
  made.actions.push_back(transaction_of({{EditKind::put, 1, 3}}));
  return made;
}

Workload bystander_workload() {
  Workload made{"bystander", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  made.setup.push_back(transaction_of({{EditKind::put, 1, 1}}));
  made.actions.push_back({ActionKind::read});
  made.actions.push_back(transaction_of({{EditKind::put, 1, 2}}));
  made.actions.push_back(transaction_of({{EditKind::put, 2, 1}, {EditKind::append, 1, 2}}));
  made.actions.push_back({ActionKind::close});
  return made;
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
/// calls fail then.
FaultCase make_half_done(const Workload& workload, Durability durability, const std::string& point,
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
  FaultCase half{"recovery of \"" + workload.name + "\" after a kill at " + point, workload,
                 durability, models_of(workload)};
  // Of a creation all is still to be done.
  if (!workload.from_nothing) {
    half.workload.actions = {{ActionKind::open}, {ActionKind::close}};
  }
  half.done = board->acknowledged + (board->in_transaction != 0 ? board->tail_stored.load() : 0);
  return half;
}

std::vector<Workload> fault_workloads() {
  std::vector<Workload> workloads = all_workloads();
  workloads.push_back(overlay_workload());
  workloads.push_back(bystander_workload());
  return workloads;
}

constexpr std::pair<const char*, const char*> fatal_points[] = {
    {"create", "create.synced"},  {"numbers", "publish.line"},    {"numbers", "append.before_tail"},
    {"growth", "grow.allocated"}, {"shrink", "shrink.committed"}, {"checkpoint", "meta.written"}};

}  // namespace

void for_each_fault_case(Durability durability, const std::string& image,
                         const std::function<void(const FaultCase&)>& visit) {
  for (const Workload& workload : fault_workloads()) {
    make_image(workload, durability, image);
    FaultCase one{"workload \"" + workload.name + "\"", workload, durability, models_of(workload)};
    one.has_bystander = workload.name == "bystander";
    visit(one);
  }
  for (const auto& [workload, point] : fatal_points) {
    visit(make_half_done(workload_named(workload), durability, point, image));
  }
}

std::size_t count_fault_cases() {
  return fault_workloads().size() + std::size(fatal_points);
}

}  // namespace cairn::drills

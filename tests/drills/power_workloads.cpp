// SPDX-License-Identifier: BSL-1.0
#include "power_workloads.hpp"

#include <algorithm>
#include <utility>

#include "mix.hpp"

namespace cairn::drills {
namespace {

constexpr std::uint64_t initial_bytes = 48 << 10;
/// What no workload outgrows.
constexpr std::uint64_t max_bytes = 1536 << 10;
constexpr std::uint64_t resized_bytes = 1 << 20;

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(mix(seed)) {}
  std::uint64_t below(std::uint64_t end) { return (state_ = mix(state_)) % end; }

 private:
  std::uint64_t state_;
};

/// What one round adds to each edit of a workload: what belonged together still does.
struct Variation {
  std::uint64_t key;
  std::uint64_t value;
  std::uint64_t elements;
  std::uint64_t queued;

  void apply(Edit& edit) const {
    switch (edit.kind) {
      case EditKind::pop:
      case EditKind::serve: break;
      case EditKind::fill:
        if (edit.key != 0) edit.key += elements;
        edit.value += value;
        break;
      case EditKind::queue:
        edit.key += queued;
        edit.value += value;
        break;
      case EditKind::prune:
        if (edit.key != 0) edit.key += key;
        edit.value += key;
        break;
      default:
        edit.key += key;
        edit.value += value;
        break;
    }
  }
};

void vary(Workload& workload, Chance& chance) {
  const Variation variation{1 + chance.below(900), 1 + chance.below(90'000), chance.below(64),
                            chance.below(8)};
  for (auto* const actions : {&workload.setup, &workload.actions}) {
    for (Action& action : *actions) {
      for (Edit& edit : action.edits) variation.apply(edit);
    }
  }
}

Edit edit_by_chance(Chance& chance) {
  const std::uint64_t key = chance.below(24);
  const std::uint64_t value = chance.below(100'000);
  switch (chance.below(16)) {
    case 0:
    case 1:
    case 2: return {EditKind::put, key, value};
    case 3: return {EditKind::drop, key, 0};
    case 4:
    case 5: return {EditKind::append, key, value};
    case 6: return {EditKind::forget, key, 0};
    case 7: return {EditKind::push, 0, value};
    case 8: return {EditKind::pop, 0, 0};
    case 9: return {EditKind::fill, chance.below(4) * chance.below(1000), value};
    case 10: return {EditKind::plant, 10 * key, value};
    case 11: return {EditKind::prune, 10 * key, 10 * key + chance.below(100)};
    case 12: return {EditKind::tag, key, 0};
    case 13: return {EditKind::untag, key, 0};
    case 14: return {EditKind::queue, 1 + chance.below(40), value};
    default: return {EditKind::serve, chance.below(40), 0};
  }
}

std::vector<Edit> edits_by_chance(Chance& chance) {
  std::vector<Edit> edits;
  for (std::uint64_t i = chance.below(4) * chance.below(4) + 1; i != 0; --i) {
    edits.push_back(edit_by_chance(chance));
  }
  return edits;
}

Workload chance_workload(Chance& chance) {
  Workload made{"chance", {}, false, {{ActionKind::open}}, {{ActionKind::open}}};
  for (std::uint64_t i = 2 + chance.below(6); i != 0; --i) {
    made.setup.push_back({ActionKind::transaction, edits_by_chance(chance)});
  }
  bool holds = false;
  for (std::uint64_t i = 8 + chance.below(8); i != 0; --i) {
    const std::uint64_t what = chance.below(24);
    if (what == 0) {
      // Half of them with a commit beside.
      const bool beside = chance.below(2) == 0;
      made.actions.push_back(
          {ActionKind::checkpoint, beside ? edits_by_chance(chance) : std::vector<Edit>()});
    } else if (what == 1) {
      made.actions.push_back({ActionKind::abandon, edits_by_chance(chance)});
    } else if (what <= 3) {
      made.actions.push_back({holds ? ActionKind::release : ActionKind::hold});
      holds = !holds;
    } else if (what == 4 && !holds) {
      made.actions.push_back({ActionKind::shrink});
    } else if (what == 5 && !holds) {
      made.actions.push_back({ActionKind::close});
      made.actions.push_back({ActionKind::open});
    } else if (what == 6) {
      made.actions.push_back({ActionKind::sync});
    } else if (what <= 10) {
      made.actions.push_back({ActionKind::defer, edits_by_chance(chance)});
    } else {
      made.actions.push_back({ActionKind::transaction, edits_by_chance(chance)});
    }
  }
  if (holds) made.actions.push_back({ActionKind::release});
  return made;
}

}  // namespace

std::vector<Workload> power_workloads(std::uint64_t round, std::uint64_t seed) {
  Chance chance(seed + (round << 32));
  std::vector<Workload> workloads = all_workloads();
  // While a store is created, rounds would differ in its uuid alone.
  std::erase_if(workloads, [&](const Workload& workload) {
    return workload.has_other_files || (workload.from_nothing && round != 0);
  });
  if (round != 0) {
    for (Workload& workload : workloads) vary(workload, chance);
  }
  workloads.push_back(chance_workload(chance));
  for (Workload& workload : workloads) {
    workload.options.initial_bytes = initial_bytes;
    workload.options.max_bytes = max_bytes;
    for (Action& action : workload.actions) action.bytes = std::min(action.bytes, resized_bytes);
  }
  return workloads;
}

}  // namespace cairn::drills

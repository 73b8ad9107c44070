// SPDX-License-Identifier: BSL-1.0
#include "power_explorer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace cairn::drills {
namespace {

constexpr std::size_t fates_told = 12;
/// Making mappings costs more than a recovery does, and giving them back does so again.
constexpr std::uint64_t own_mappings_each = 8;

const char* text_of(Fate fate) {
  switch (fate) {
    case Fate::missing: return "missing";
    case Fate::written: return "written";
    case Fate::earlier: return "as it was before";
    case Fate::zeros: return "zeros";
    case Fate::garbage: return "garbage";
    case Fate::torn: return "torn";
    case Fate::front: return "its front";
    case Fate::back: return "its back";
  }
  return "?";
}

/// The moment and what became of each atom.
std::string describe(const PowerState& state, const std::vector<Fate>& fate_of) {
  std::string text = "before the first step";
  if (state.steps_taken() != 0) {
    const PowerStep& step = state.last_step();
    text = fmt::format("after step {}, {} behind {}", state.steps_taken(), to_string(step.kind),
                       step.site);
  }
  text += fmt::format(", {} acknowledged and {} begun", state.promise().acknowledged,
                      state.promise().begun);
  for (std::size_t i = 0; i < std::min(fate_of.size(), fates_told); ++i) {
    const Atom& atom = state.atoms()[i];
    text += fmt::format("; {} {} of file {}: {}", to_string(atom.kind), atom.offset, atom.file,
                        text_of(fate_of[i]));
  }
  if (fate_of.size() > fates_told)
    text += fmt::format("; and {} more", fate_of.size() - fates_told);
  return text;
}

}  // namespace

PowerExplorer::PowerExplorer(ImageFiles& files, ImageChecker& checker, SeenImages& seen,
                             const PowerBudget& budget, const PowerMutant* mutant,
                             std::uint64_t seed, Progress progress)
    : files_(files),
      checker_(checker),
      seen_(seen),
      budget_(budget),
      mutant_(mutant),
      random_(mix(seed)),
      progress_(std::move(progress)) {}

void PowerExplorer::explore(const PowerHistory& history, std::uint32_t block_bytes,
                            const Judge& judge) {
  block_bytes_ = block_bytes;
  PowerState state(history, block_bytes);
  // Up to a death it is as any history of one process.
  const auto death = std::ranges::find(history.steps, PowerStep::Kind::death, &PowerStep::kind);
  const auto first = death == history.steps.end() ? 0 : death - history.steps.begin() + 1;
  while (state.steps_taken() < static_cast<std::uint64_t>(first)) state.advance();
  do {
    if (!state.is_turning_point() && chance(budget_.between) != 0) continue;
    ++figures_.moments;
    explore_moment(state, judge);
  } while (state.advance() && !has_enough_);
}

void PowerExplorer::explore_moment(const PowerState& state, const Judge& judge) {
  const std::size_t atoms = state.atoms().size();
  std::vector<Fate> fate_of(atoms, Fate::missing);
  if (atoms <= budget_.all_up_to) {
    for (std::uint64_t subset = 0; subset < std::uint64_t{1} << atoms; ++subset) {
      for (std::size_t i = 0; i < atoms; ++i) {
        fate_of[i] = (subset >> i & 1) != 0 ? Fate::written : Fate::missing;
      }
      try_fates(state, fate_of, judge);
    }
  } else {
    try_some_subsets(state, judge);
  }
  if (atoms == 0) return;
  for (std::uint32_t i = 0; i < budget_.fates; ++i) {
    for (Fate& fate : fate_of) fate = static_cast<Fate>(chance(fates));
    try_fates(state, fate_of, judge);
  }
}

/// Prefixes in the order of writing, all of them or as many as pairs; what keeps or drops one or
/// two; and what chance says, which keeps few, half or most.
void PowerExplorer::try_some_subsets(const PowerState& state, const Judge& judge) {
  const std::size_t atoms = state.atoms().size();
  for (const Fate other : {Fate::missing, Fate::written}) {
    const Fate kept = other == Fate::missing ? Fate::written : Fate::missing;
    std::vector<Fate> fate_of(atoms, other);
    for (std::uint32_t i = 0; i < budget_.pairs; ++i) {
      const std::size_t one = chance(atoms);
      const std::size_t two = chance(atoms);
      fate_of[one] = fate_of[two] = kept;
      try_fates(state, fate_of, judge);
      fate_of[one] = fate_of[two] = other;
    }
  }
  std::vector<Fate> fate_of(atoms, Fate::missing);
  const std::size_t step = 1 + atoms / (budget_.pairs + 1);
  for (std::size_t i = 0; i < atoms; ++i) {
    if (i % step == 0) try_fates(state, fate_of, judge);
    fate_of[i] = Fate::written;
  }
  try_fates(state, fate_of, judge);
  for (std::uint32_t i = 0; i < budget_.random; ++i) {
    const std::uint64_t of_eight = 1 + i % 7;
    for (Fate& fate : fate_of) fate = chance(8) < of_eight ? Fate::written : Fate::missing;
    try_fates(state, fate_of, judge);
  }
}

void PowerExplorer::try_fates(const PowerState& state, const std::vector<Fate>& fate_of,
                              const Judge& judge) {
  if (has_enough_) return;
  ++figures_.images;
  const std::uint64_t hash = state.hash(fate_of);
  try {
    // What was promised grows from one moment to the next, so known images are judged again.
    if (const auto seen = seen_.find(hash); seen != seen_.end()) {
      return judge(seen->second, state.promise());
    }
    state.lay(fate_of, image_);
    const Verdict verdict = open_image();
    seen_.emplace(hash, verdict);
    ++figures_.distinct;
    if (!verdict.holds) ++figures_.refused;
    has_enough_ = !progress_();
    judge(verdict, state.promise());
    const bool chosen = budget_.recoveries != 0 && figures_.distinct % budget_.recoveries == 0;
    if (chosen && !in_recovery_ && verdict.holds && mutant_ == nullptr) {
      explore_recovery(verdict);
    }
  } catch (const DrillFailure& failure) {
    throw DrillFailure(describe(state, fate_of) + ": " + failure.what());
  }
}

Verdict PowerExplorer::open_image() {
  if (mutant_ == nullptr || !mutant_->change_image) {
    files_.write(image_);
  } else {
    CrashImage changed = flatten(image_);
    mutant_->change_image(changed);
    files_.write(changed);
  }
  return checker_.check();
}

/// Cuts the power while the store recovers. It must come to the same state, whenever that happens.
void PowerExplorer::explore_recovery(const Verdict& before) {
  files_.write(image_);
  PowerRecorder recorder(files_.path(), *idle_board_, PowerRecorder::Watch::recovery);
  // A store with mappings of its own now and then.
  files_.lend_mappings(figures_.recoveries % own_mappings_each != 0);
  checker_.open();
  files_.lend_mappings(true);
  const PowerHistory history = recorder.take();
  files_.forget_sectors();
  PowerBudget budget = budget_;
  budget.all_up_to = std::min(budget.all_up_to, 8U);
  budget.pairs = budget.random = budget.fates = 8;
  budget.between = 16;
  PowerExplorer inner(files_, checker_, seen_, budget, nullptr, random_, progress_);
  inner.in_recovery_ = true;
  inner.explore(history, block_bytes_, [&](const Verdict& verdict, const Promise&) {
    if (verdict.holds == before.holds && verdict.line == before.line) return;
    throw DrillFailure(
        fmt::format("recovery came to {} transactions before, now {}", *before.holds,
                    verdict.holds ? std::to_string(*verdict.holds) : verdict.refusal));
  });
  ++figures_.recoveries;
  figures_.distinct += inner.figures_.distinct;
  figures_.images += inner.figures_.images;
  figures_.refused += inner.figures_.refused;
  figures_.moments += inner.figures_.moments;
  has_enough_ = inner.has_enough_;
}

}  // namespace cairn::drills

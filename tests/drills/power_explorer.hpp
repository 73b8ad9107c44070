// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "board.hpp"
#include "mix.hpp"
#include "power.hpp"
#include "power_check.hpp"
#include "power_state.hpp"

namespace cairn::drills {

/// What came of the images that were opened, by their hash: none is counted twice, whichever walk
/// through a history comes by it.
using SeenImages = std::unordered_map<std::uint64_t, Verdict>;

/// Tries fates of the atoms of a history at every moment of it.
class PowerExplorer {
 public:
  /// What the store may hold after a cut.
  using Judge = std::function<void(const Verdict&, const Promise&)>;
  /// Told of each image that was judged. False: that was enough.
  using Progress = std::function<bool()>;

  PowerExplorer(ImageFiles& files, ImageChecker& checker, SeenImages& seen,
                const PowerBudget& budget, const PowerMutant* mutant, std::uint64_t seed,
                Progress progress);

  /// Throws DrillFailure, which names the moment and the fates.
  void explore(const PowerHistory& history, std::uint32_t block_bytes, const Judge& judge);
  const PowerFigures& figures() const noexcept { return figures_; }

 private:
  void explore_moment(const PowerState& state, const Judge& judge);
  void try_fates(const PowerState& state, const std::vector<Fate>& fate_of, const Judge& judge);
  void try_some_subsets(const PowerState& state, const Judge& judge);
  Verdict open_image();
  void explore_recovery(const Verdict& before);
  std::uint64_t chance(std::uint64_t below) { return (random_ = mix(random_)) % below; }

  ImageFiles& files_;
  ImageChecker& checker_;
  SeenImages& seen_;
  PowerBudget budget_;
  const PowerMutant* mutant_;
  std::uint64_t random_;
  Progress progress_;
  PowerFigures figures_;
  std::uint32_t block_bytes_ = 0;
  LayeredImage image_;
  const Shared<Board> idle_board_;  ///< of recoveries, in which nobody commits
  bool in_recovery_ = false;
  bool has_enough_ = false;
};

}  // namespace cairn::drills

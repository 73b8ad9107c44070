// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sweep.hpp"

namespace cairn::drills {

/// One thing that can be rehearsed by name.
struct Drill {
  std::string name;
  std::string rows;  ///< of the table of faults that it covers
  std::string what;
  bool alone;  ///< part of the whole sweep too, so left out when everything is run
  std::function<void(const Settings&, Tally&)> run;
};

const std::vector<Drill>& all_drills();

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sweep.hpp"

namespace cairn::drills {

/// A store to run with failing calls, and what it must hold before and after.
struct FaultCase {
  std::string name;
  Workload workload;
  Durability durability;
  std::vector<Content> models;
  std::uint64_t done = 0;      ///< transactions of the models that the image holds already
  bool has_bystander = false;  ///< another process has the store open all the while
};

/// All workloads; sections that read from overlays; a store that another process has open; and the
/// opening of stores that their writer died over, each of several ways, one in their creation.
///
/// Calls `visit` for each at this level, with the store as it is to begin with in files of the name
/// `image`. Throws DrillFailure.
void for_each_fault_case(Durability durability, const std::string& image,
                         const std::function<void(const FaultCase&)>& visit);
/// How many these are.
std::size_t count_fault_cases();

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cairn_console/table.hpp"
#include "sweep.hpp"

namespace cairn::drills {

/// The protocol with one rule broken: what proves that the sweep can see.
struct Mutant {
  std::string name;
  std::string broken_rule;
  std::string workload;  ///< of the sweep that must catch it; "takeover", "soak" and "cut" are ones
                         ///< of their own
  PointHook hook = nullptr;
  PointHook recovery_hook = nullptr;
  bool acknowledge_early = false;
  drill::IoObserver io_observer = nullptr;
};

const std::vector<Mutant>& all_mutants();

/// What came of hunting mutants.
class Catch {
 public:
  /// `found` is what the hunt found wrong, empty where nothing.
  void add(const std::string& name, const std::string& broken_rule, const std::string& found);
  void add_skipped(const std::string& name, const std::string& broken_rule,
                   const std::string& reason);
  /// Prints all of it. Throws DrillFailure where one was hunted and not caught.
  void finish() const;

 private:
  console::Table table_{{"mutant", "rule that it breaks", "caught by"}};
  std::size_t hunted_ = 0;
  std::size_t caught_ = 0;
};

/// Runs the mutant's sweep. Returns what the sweep found wrong, empty where it found nothing.
std::string hunt(const Mutant& mutant, Settings settings);

}  // namespace cairn::drills

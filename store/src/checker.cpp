// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/checker.hpp"

#include "cairn/error.hpp"
#include "cairn/store/engine.hpp"
#include "reachability.hpp"

namespace cairn {
namespace {

/// Runs one part of the examination; what it throws is a problem of that part.
template <class Part>
void examine(CheckReport& report, Part part) {
  try {
    part();
  } catch (const Error& error) {
    report.problems.emplace_back(error.what());
  }
}

}  // namespace

CheckReport check_store(const Engine& engine, const HeapBytes& seen) {
  CheckReport report;
  const HeapReader heap(seen.base, seen.end, engine.path());
  const CatalogReader catalog(seen.base, seen.end, engine.path());
  examine(report, [&] { engine.examine_log(); });
  examine(report, [&] { heap.verify(report.problems); });
  examine(report, [&] { report.roots = catalog.count(); });
  examine(report, [&] { report.used_bytes = heap.used(); });
  examine(report, [&] { report.quarantined_bytes = heap.quarantined(); });
  // Damaged objects are told even where the heap is damaged as well.
  examine(report, [&] { Reachability(seen, heap, catalog, engine.path(), report).prove(); });
  return report;
}

}  // namespace cairn

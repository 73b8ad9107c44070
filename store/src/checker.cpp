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

void examine_heap(CheckReport& report, const HeapBytes& seen, const std::string& path) {
  const HeapReader heap(seen.base, seen.end, path);
  const CatalogReader catalog(seen.base, seen.end, path);
  examine(report, [&] { heap.verify(report.problems); });
  examine(report, [&] { report.roots = catalog.count(); });
  examine(report, [&] { report.used_bytes = heap.used(); });
  examine(report, [&] { report.quarantined_bytes = heap.quarantined(); });
  // Damaged objects are told even where the heap is damaged as well.
  examine(report, [&] { Reachability(seen, heap, catalog, path, report).prove(); });
}

}  // namespace

CheckReport check_store(const Engine& engine, const HeapBytes& seen) {
  CheckReport report;
  examine(report, [&] { engine.examine_log(); });
  examine_heap(report, seen, engine.path());
  return report;
}

CheckReport check_heap(const HeapBytes& seen, const std::string& path) {
  CheckReport report;
  examine_heap(report, seen, path);
  return report;
}

}  // namespace cairn

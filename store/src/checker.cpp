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

CheckReport check_store(const Engine& engine) {
  CheckReport report;
  const std::byte* const base = engine.read_base();
  const std::uint64_t heap_end = engine.published_heap_end();
  const HeapReader heap(base, heap_end, engine.path());
  const CatalogReader catalog(base, heap_end, engine.path());
  examine(report, [&] { engine.examine_log(); });
  examine(report, [&] { heap.verify(report.problems); });
  examine(report, [&] { report.roots = catalog.count(); });
  examine(report, [&] { report.used_bytes = heap.used(); });
  examine(report, [&] { report.quarantined_bytes = heap.quarantined(); });
  // Damaged objects are told even where the heap is damaged as well.
  examine(report, [&] {
    Reachability({base, heap_end, heap_begin}, heap, catalog, engine.path(), report).prove();
  });
  return report;
}

}  // namespace cairn

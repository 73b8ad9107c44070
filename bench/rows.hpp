// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <vector>

#include "harness.hpp"

namespace cairn::bench {

/// Puts of u64 to u64, transaction by transaction, kill-safe.
std::vector<Row> put_rows();
/// Commits at level power: alone, by threads at once, deferred.
std::vector<Row> durable_rows();
/// How long commits wait for a checkpoint beside them.
std::vector<Row> checkpoint_rows();
/// All puts in one transaction.
std::vector<Row> bulk_rows();
std::vector<Row> lookup_rows();
/// Ordered maps: every operation, what they take of memory.
std::vector<Row> ordered_rows();
std::vector<Row> vector_rows();
/// HashMap and HashSet beside hash tables on the heap.
std::vector<Row> hash_rows();
/// Deque, String and Vec beside the standard library's; what one change of each container appends
/// to the log.
std::vector<Row> sequence_rows();
std::vector<Row> allocator_rows();
std::vector<Row> read_section_rows();
/// Several processes and threads on one store: turns, readers beside writers.
std::vector<Row> processes_rows();
/// What one process waits for another, also where that is killed.
std::vector<Row> handover_rows();
/// Opening after a clean close and after a kill.
std::vector<Row> open_rows();
/// What an empty store takes of disk and memory.
std::vector<Row> footprint_rows();

}  // namespace cairn::bench

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>

#include "cairn/heap_bytes.hpp"
#include "cairn/reports.hpp"

namespace cairn {

class Engine;

/// Examines everything that the state which a read section sees consists of, trusting none of its
/// bytes.
///
/// Requires: `seen` is what a section of this thread on the store sees.
/// Complexity: one pass over the log, one over the heap, and one over every object that a root
/// reaches.
CheckReport check_store(const Engine& engine, const HeapBytes& seen);

/// The same without the log, of bytes that nobody else changes.
CheckReport check_heap(const HeapBytes& seen, const std::string& path);

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cairn/reports.hpp"

namespace cairn {

class Engine;

/// Examines everything that the published state consists of, trusting none of its bytes.
///
/// Requires: a read section of this thread on the store.
/// Complexity: one pass over the log, one over the heap, and one over every object that a root
/// reaches.
CheckReport check_store(const Engine& engine);

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <optional>

#include "cairn/object_walker.hpp"
#include "cairn/type_tree.hpp"

namespace cairn {

/// Whether std::less has the key at `a` before the one at `b`; nothing where that is not known
/// without the program's own types. Both must lie within the heap; what texts say of their length
/// need not be true.
std::optional<bool> stored_less(const TypeNode& type, const HeapBytes& heap, std::uint64_t a,
                                std::uint64_t b);

}  // namespace cairn

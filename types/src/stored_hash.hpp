// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <optional>

#include "cairn/object_walker.hpp"
#include "cairn/type_tree.hpp"

namespace cairn {

/// What `Hash` gives for the object at `at`, by its description alone; nothing for types that have
/// no Hash. Strings within it must not reach outside of the heap.
std::optional<std::uint64_t> stored_hash(const TypeTree& tree, const TypeNode& node,
                                         const HeapBytes& heap, std::uint64_t at);

}  // namespace cairn

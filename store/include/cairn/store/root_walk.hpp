// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cairn/object_locator.hpp"
#include "cairn/store/catalog.hpp"
#include "cairn/type_tree.hpp"

namespace cairn {

/// The type of a root. Throws errc::corrupt where its description is none, or does not fit the
/// root's size and alignment.
TypeTree parse_root_type(const RootInfo& root, const std::string& path);

/// Walks every root. What the catalog or a description throws becomes a problem, and the rest is
/// walked all the same.
void walk_roots(const CatalogReader& catalog, const std::string& path, ObjectWalker& walker,
                std::vector<std::string>& problems);

/// What lies at each of `offsets`, as far as roots reach it. Never throws but std::bad_alloc and
/// errc::too_large. Complexity: one walk over all objects.
ObjectLocator locate_in_roots(const CatalogReader& catalog, const std::string& path, HeapBytes heap,
                              std::vector<std::uint64_t> offsets);

}  // namespace cairn

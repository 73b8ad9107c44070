// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "cairn/object_walker.hpp"
#include "cairn/transaction.hpp"
#include "slow_progress.hpp"

namespace cairn::tool {

/// All roots, by name. Throws errc::corrupt.
std::vector<RootInfo> sorted_roots(const ReadTransaction& section);

/// Bytes in live blocks; 0 where the heap is too damaged to tell.
std::uint64_t used_bytes(const ReadTransaction& section);

/// Throws std::runtime_error where not all that was printed could be written.
void require_printed();

struct Share {
  std::uint64_t bytes = 0;  ///< as asked for; the heap rounds up
  std::uint64_t blocks = 0;
};

struct RootShare {
  std::string name;
  std::string type;  ///< its label
  std::uint64_t elements = 0;
  Share share;
};

/// Who has the bytes of a store.
struct Shares {
  std::vector<RootShare> roots;  ///< by name
  /// Bytes of the blocks that objects of a type own, and of the roots themselves.
  std::map<std::string, Share> types;
  Share catalog;
  std::uint64_t slack_bytes = 0;  ///< what the heap rounded up in owned blocks
  std::uint64_t unowned_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t allocator_bytes = 0;  ///< header, chunk table, ends of spans
  std::vector<std::string> problems;
};

/// Complexity: a walk over all objects, those of plain elements left out, and one over the heap.
Shares read_shares(const ReadTransaction& section, const std::string& path, const char* label);

}  // namespace cairn::tool

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

#include "wndb_source.hpp"

/// Counting what a database holds without parsing it: the yardstick that an import is held against.
namespace wordnet {

/// How many of each there are, in the source files or in a store.
struct Counts {
  std::uint64_t synsets = 0;
  std::uint64_t words = 0;  ///< in synsets, so a word counts once for each of its synsets
  std::uint64_t pointers = 0;
  std::uint64_t entries = 0;  ///< pairs of a word and a part of speech
  std::uint64_t senses = 0;   ///< synsets that entries refer to

  bool operator==(const Counts&) const = default;
};

/// Adds up the count fields that stand in the lines of `source`. Shares no code with the parser on
/// purpose: a mistake there shows as a difference.
///
/// Throws: ParseError: a line without its count fields.
Counts take_census(const Source& source);

}  // namespace wordnet

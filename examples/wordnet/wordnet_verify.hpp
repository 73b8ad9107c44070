// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <vector>

#include "wndb_census.hpp"
#include "wordnet_types.hpp"

/// Proof that a finished import holds everything, and that everything in it hangs together.
namespace wordnet {

struct Verification {
  Counts in_source;
  Counts in_store;
  std::vector<std::string> problems;    ///< the first few, in words
  std::size_t problem_count = 0;        ///< all of them
  std::uint64_t pointers_resolved = 0;  ///< pointers that lead to the synset they name

  bool ok() const noexcept { return problem_count == 0; }
};

/// Holds `wordnet` against a census of its source and against itself:
///
/// 1. The numbers of synsets, words, pointers, entries and senses are those of the source files.
/// 2. Every synset that was mentioned is defined, and filed under its own id.
/// 3. Every pointer leads to a synset that is filed, and to a word that this synset has.
/// 4. Every sense leads to a synset that has the word and the part of speech; sense numbers count
///    up from 1 for each part of speech.
/// 5. Every word of every synset is found under its spelling and leads back to the synset.
///
/// Throws: ParseError: see take_census().
Verification verify(const Wordnet& wordnet, const Source& source);

}  // namespace wordnet

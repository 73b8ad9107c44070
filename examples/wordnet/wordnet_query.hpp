// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "wordnet_types.hpp"

/// Questions to a stored WordNet. All of them only follow pointers inside the mapped file; what
/// they return points into it and holds as long as the transaction that `wordnet` was found in.
namespace wordnet {

/// The senses of a word in any spelling that lookup_form() folds together; nullptr if it has none.
///
/// Complexity: O(log words).
const cairn::Vec<Sense>* find_word(const Wordnet& wordnet, std::string_view word);

/// The first `count` words that begin with `prefix`, spelled as lookup_form() spells them, in the
/// order of their bytes.
///
/// Complexity: O(log words + count).
std::vector<std::string_view> words_beginning_with(const Wordnet& wordnet, std::string_view prefix,
                                                   std::size_t count);

/// `synset`, the first more general one that it points to, and so on up to one that has none above
/// it. The database has a few circles; the chain ends before it would enter one a second time.
///
/// Complexity: O(length * (length + pointers of a synset)).
std::vector<const Synset*> hypernym_chain(const Synset& synset);

/// A synset with the number of pointers that leave it and that lead to it.
struct Connections {
  const Synset* synset = nullptr;
  std::uint32_t outgoing = 0;
  std::uint32_t incoming = 0;

  std::uint32_t total() const noexcept { return outgoing + incoming; }
};

/// The synsets with the most connections, the most first; equal ones in the order of their ids.
///
/// Complexity: follows every pointer in the store once.
std::vector<Connections> most_connected(const Wordnet& wordnet, std::size_t count);

struct Statistics {
  struct Part {
    std::uint64_t synsets = 0;
    std::uint64_t words = 0;  ///< in synsets
    std::uint64_t pointers = 0;
    std::uint64_t frames = 0;
    std::uint64_t senses = 0;  ///< that index entries refer to
  };

  std::array<Part, 4> parts{};  ///< in the order of PartOfSpeech
  std::array<std::uint64_t, relation_count> pointers_by_relation{};
  std::uint64_t distinct_words = 0;
  std::uint64_t undefined_synsets = 0;  ///< mentioned by a pointer, not yet come to themselves

  Part total() const noexcept;
};

/// Counts everything by walking through everything.
Statistics statistics(const Wordnet& wordnet);

}  // namespace wordnet

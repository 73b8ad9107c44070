// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "vocabulary.hpp"

/// Parsers for the lines of WordNet's data.* and index.* files, as wndb(5WN) lays them down.
///
/// A line is taken literally: every field has its width, every count must hold, nothing is left
/// over at the end. What does not fit is a ParseError that names the file and the line. Records
/// point into the text that was parsed and live no longer than it.
namespace wordnet {

/// One line of a database file, and where it stands.
struct SourceLine {
  std::string_view file;
  std::size_t number = 0;  ///< counted from 1
  std::size_t offset = 0;  ///< of its first byte in the file
  std::string_view text;   ///< without the newline
};

/// A line that does not keep to the format. what() reads "data.noun:31: ...".
class ParseError : public std::runtime_error {
 public:
  ParseError(const SourceLine& line, const std::string& detail);

  const std::string& file() const noexcept { return file_; }
  std::size_t line() const noexcept { return line_; }

 private:
  std::string file_;
  std::size_t line_;
};

struct WordRecord {
  std::string_view text;  ///< as written: underscores for blanks, without an adjective's marker
  AdjectivePosition position = AdjectivePosition::any;
  std::uint8_t lex_id = 0;
};

/// A pointer to another synset. Words are numbered from 1; both numbers are 0 where the pointer
/// relates whole synsets and not two of their words.
struct PointerRecord {
  Relation relation{};
  SynsetId target = 0;
  std::uint8_t source_word = 0;
  std::uint8_t target_word = 0;
};

/// A sentence frame that the verb fits, for one word, or for all of the synset's words if word is
/// 0.
struct FrameRecord {
  std::uint8_t frame = 0;
  std::uint8_t word = 0;
};

struct SynsetRecord {
  SynsetId id = 0;
  PartOfSpeech part{};
  bool satellite = false;  ///< an adjective that gets its meaning from the head of its cluster
  std::uint8_t lexicographer_file = 0;
  std::vector<WordRecord> words;
  std::vector<PointerRecord> pointers;
  std::vector<FrameRecord> frames;
  std::string_view gloss;
};

struct IndexRecord {
  std::string_view lemma;  ///< as written: lower case, underscores for blanks
  PartOfSpeech part{};
  std::uint32_t tagged_senses = 0;  ///< how many of the first senses occur in the tagged texts
  std::vector<SynsetId> senses;     ///< the most frequent first
};

/// The synset on one line of data.noun, data.verb, data.adj or data.adv.
///
/// Throws:     ParseError: a field is missing, of the wrong width or out of range, a count
///             disagrees with what follows, the part of speech is not `part`, or the line stands at
///             another byte of the file than it says.
/// Complexity: O(length of the line).
SynsetRecord parse_synset(const SourceLine& line, PartOfSpeech part);

/// The entry on one line of index.noun, index.verb, index.adj or index.adv.
///
/// Throws:     ParseError, as above.
/// Complexity: O(length of the line).
IndexRecord parse_index_entry(const SourceLine& line, PartOfSpeech part);

}  // namespace wordnet

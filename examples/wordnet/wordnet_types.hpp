// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/describe/class.hpp>
#include <cairn/cairn.hpp>
#include <cstdint>

#include "vocabulary.hpp"
#include "wndb_source.hpp"

/// WordNet as it lies in the store: ordinary structs of ordinary-looking containers.
///
///     Wordnet ── synsets: id -> Box<Synset> ── words, gloss, frames
///        │                         └─ pointers ──> Synset
///        ├──── words: text -> Vec<Sense> ──> Synset, in the order of their texts
///        └──── words_asked: a counter that every process raises, in no transaction
///
/// Nothing here knows that it lives in a file. BOOST_DESCRIBE_STRUCT lists a struct's members once;
/// from that the compiler checks that the type can be stored, and the store remembers what it looks
/// like.
namespace wordnet {

struct Synset;

/// A pointer from one synset, or one of its words, to another. It owns nothing.
struct Pointer {
  cairn::Ptr<Synset> target;
  Relation relation = Relation::antonym;
  std::uint8_t source_word = 0;  ///< counted from 1; 0 where the pointer relates whole synsets
  std::uint8_t target_word = 0;
};
BOOST_DESCRIBE_STRUCT(Pointer, (), (target, relation, source_word, target_word))

struct Word {
  cairn::String text;  ///< as people write it: "Canis familiaris"
  AdjectivePosition position = AdjectivePosition::any;
  std::uint8_t lex_id = 0;
};
BOOST_DESCRIBE_STRUCT(Word, (), (text, position, lex_id))

/// A sentence that the verb fits, by its number in wninput(5WN); `word` 0 means all words.
struct VerbFrame {
  std::uint8_t frame = 0;
  std::uint8_t word = 0;
};
BOOST_DESCRIBE_STRUCT(VerbFrame, (), (frame, word))

/// A set of words with one meaning.
///
/// A pointer may come before the synset that it leads to. Such a synset is created where it is
/// first mentioned, with its id and nothing else, and filled when its own line comes: so every
/// pointer is right at once, and there is no second pass.
struct Synset {
  SynsetId id = 0;
  PartOfSpeech part = PartOfSpeech::noun;
  bool satellite = false;
  std::uint8_t lexicographer_file = 0;
  cairn::Vec<Word> words;
  cairn::String gloss;
  cairn::Vec<Pointer> pointers;
  cairn::Vec<VerbFrame> frames;

  /// False while the synset has only been mentioned.
  bool is_defined() const { return !words.empty(); }
};
BOOST_DESCRIBE_STRUCT(Synset, (),
                      (id, part, satellite, lexicographer_file, words, gloss, pointers, frames))

/// One meaning of a word.
struct Sense {
  cairn::Ptr<Synset> synset;
  PartOfSpeech part = PartOfSpeech::noun;
  bool tagged = false;       ///< occurs in the texts that WordNet's frequencies were counted in
  std::uint16_t number = 0;  ///< from 1, the most frequent first, for each part of speech anew
};
BOOST_DESCRIBE_STRUCT(Sense, (), (synset, part, tagged, number))

/// How far the import has come. Changed only together with what it describes, in one transaction.
struct ImportState {
  Cursor cursor;
  std::uint64_t source_fingerprint = 0;
  std::uint64_t batches = 0;
  std::uint64_t runs = 0;        ///< processes that have worked on it
  std::uint64_t parsing_ns = 0;  ///< time spent on parsing alone
  std::uint64_t working_ns = 0;  ///< time spent on all of it, up to the last batch's commit
};
BOOST_DESCRIBE_STRUCT(ImportState, (),
                      (cursor, source_fingerprint, batches, runs, parsing_ns, working_ns))

/// The root object.
struct Wordnet {
  /// Boxed, so that a synset stays where it is when the table grows: pointers lead to it.
  cairn::HashMap<SynsetId, cairn::Box<Synset>> synsets;
  /// By lookup_form(); senses of nouns come first, then those of verbs, adjectives and adverbs.
  cairn::BTreeMap<cairn::String, cairn::Vec<Sense>> words;
  ImportState import;
  /// Words that were looked up in all processes since the import began. Others see it at once.
  cairn::Atomic<std::uint64_t> words_asked;
};
BOOST_DESCRIBE_STRUCT(Wordnet, (), (synsets, words, import, words_asked))

/// The name of the root object in the store.
inline constexpr const char* root_name = "wordnet";

}  // namespace wordnet

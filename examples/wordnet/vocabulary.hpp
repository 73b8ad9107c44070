// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/describe/enum.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// The closed vocabulary of WordNet: parts of speech, kinds of pointers, lexicographer files.
///
/// These are plain enums with fixed values, because the values are stored: a value may be added at
/// the end of a list, never renumbered.
namespace wordnet {

enum class PartOfSpeech : std::uint8_t { noun = 1, verb = 2, adjective = 3, adverb = 4 };
BOOST_DESCRIBE_ENUM(PartOfSpeech, noun, verb, adjective, adverb)

/// Where an adjective may stand: the markers (a), (p) and (ip) of the adjective files.
enum class AdjectivePosition : std::uint8_t { any, before_noun, predicate, after_noun };
BOOST_DESCRIBE_ENUM(AdjectivePosition, any, before_noun, predicate, after_noun)

/// What a pointer from one synset to another says: every pointer symbol of wninput(5WN).
enum class Relation : std::uint8_t {
  antonym,
  hypernym,
  instance_hypernym,
  hyponym,
  instance_hyponym,
  member_holonym,
  substance_holonym,
  part_holonym,
  member_meronym,
  substance_meronym,
  part_meronym,
  attribute,
  derivation,
  topic_domain,
  topic_member,
  region_domain,
  region_member,
  usage_domain,
  usage_member,
  entailment,
  cause,
  also_see,
  verb_group,
  similar_to,
  participle,
  pertainym,
  derived_from_adjective,
};
BOOST_DESCRIBE_ENUM(Relation, antonym, hypernym, instance_hypernym, hyponym, instance_hyponym,
                    member_holonym, substance_holonym, part_holonym, member_meronym,
                    substance_meronym, part_meronym, attribute, derivation, topic_domain,
                    topic_member, region_domain, region_member, usage_domain, usage_member,
                    entailment, cause, also_see, verb_group, similar_to, participle, pertainym,
                    derived_from_adjective)

inline constexpr std::size_t relation_count = 27;

/// How the database files write a relation, and how people say it.
struct RelationName {
  std::string_view symbol;
  std::string_view name;
};

/// The names of all relations, indexed by the value of the enum.
std::span<const RelationName, relation_count> relation_names() noexcept;

/// "unknown" for a value that is not in the list, which only a damaged file can hold.
std::string_view name_of(Relation relation) noexcept;
std::string_view name_of(PartOfSpeech part) noexcept;

/// The relation that `symbol` means in an entry of this part of speech, nothing if there is none.
/// The part matters: a backslash is a pertainym in an adjective and a derivation in an adverb.
std::optional<Relation> relation_from_symbol(std::string_view symbol, PartOfSpeech part) noexcept;

/// The part of speech that a pointer names by `n`, `v`, `a`, `s` or `r`, nothing for other text.
std::optional<PartOfSpeech> part_from_code(std::string_view code) noexcept;

/// "noun.animal" and the like, after lexnames(5WN); "unknown" for other numbers.
std::string_view lexicographer_file_name(unsigned number) noexcept;
inline constexpr unsigned lexicographer_file_count = 45;

/// A synset's identity: the part of speech in the first digit, its byte offset in the data file in
/// the other eight. WordNet's own Prolog edition numbers synsets in the same way.
using SynsetId = std::uint32_t;

/// Requires: data_offset < 100 000 000, as the eight digits of the format say.
constexpr SynsetId make_synset_id(PartOfSpeech part, std::uint32_t data_offset) noexcept {
  return static_cast<SynsetId>(part) * 100'000'000U + data_offset;
}

/// The text that a word of the database is shown as: blanks where the files write underscores.
std::string display_form(std::string_view word);

/// The one spelling under which a word is looked up: ASCII lower case, one blank between its parts.
std::string lookup_form(std::string_view word);

/// A text between quotation marks, for messages.
std::string quoted(std::string_view text);

}  // namespace wordnet

// SPDX-License-Identifier: BSL-1.0
#include "wndb_parser.hpp"

#include <gtest/gtest.h>
#include <string>
#include <tuple>

namespace wordnet {
namespace {

constexpr std::size_t line_number = 31;

/// A line as it would stand at byte `offset` of its file.
SourceLine line_at(std::size_t offset, std::string_view text) {
  return {"data.test", line_number, offset, text};
}

SynsetRecord synset_of(std::string_view text, PartOfSpeech part) {
  return parse_synset(line_at(1740, text), part);
}

IndexRecord entry_of(std::string_view text, PartOfSpeech part) {
  return parse_index_entry(line_at(0, text), part);
}

/// What a parse of `text` complains about; empty if it does not.
template <typename Parse>
std::string complaint(Parse parse, std::string_view text, PartOfSpeech part) {
  try {
    parse(text, part);
  } catch (const ParseError& error) {
    EXPECT_EQ(error.file(), "data.test");
    EXPECT_EQ(error.line(), line_number);
    const std::string prefix = "data.test:31: ";
    EXPECT_TRUE(std::string(error.what()).starts_with(prefix)) << error.what();
    return std::string(error.what()).substr(prefix.size());
  }
  return {};
}

// Real lines of WordNet 3.0.
constexpr std::string_view entity =
    "00001740 03 n 01 entity 0 003 ~ 00001930 n 0000 ~ 00002137 n 0000 ~ 04424418 n 0000 | that "
    "which is perceived or known or inferred to have its own distinct existence (living or "
    "nonliving)  ";
constexpr std::string_view breathe =
    "00001740 29 v 04 breathe 0 take_a_breath 0 respire 0 suspire 3 003 * 00005041 v 0000 + "
    "03110323 a 0301 ^ 00004227 v 0103 02 + 02 00 + 08 04 | draw air into, and expel out of, the "
    "lungs; \"I can breathe better when the air is clean\"  ";
constexpr std::string_view galore =
    "00001740 00 s 02 abounding(p) 0 galore(ip) a 001 & 00013887 a 0000 | existing in abundance  ";

TEST(ParseSynset, takes_a_noun_apart) {
  const SynsetRecord sut = synset_of(entity, PartOfSpeech::noun);
  EXPECT_EQ(sut.id, 100001740U);
  EXPECT_EQ(sut.part, PartOfSpeech::noun);
  EXPECT_FALSE(sut.satellite);
  EXPECT_EQ(sut.lexicographer_file, 3);
  ASSERT_EQ(sut.words.size(), 1U);
  EXPECT_EQ(sut.words[0].text, "entity");
  ASSERT_EQ(sut.pointers.size(), 3U);
  EXPECT_EQ(sut.pointers[2].relation, Relation::hyponym);
  EXPECT_EQ(sut.pointers[2].target, 104424418U);
  EXPECT_EQ(sut.pointers[2].source_word, 0);
  EXPECT_TRUE(sut.frames.empty());
  EXPECT_EQ(sut.gloss, "that which is perceived or known or inferred to have its own distinct "
                       "existence (living or nonliving)");
}

TEST(ParseSynset, takes_a_verb_with_lexical_pointers_and_frames_apart) {
  const SynsetRecord sut = synset_of(breathe, PartOfSpeech::verb);
  ASSERT_EQ(sut.words.size(), 4U);
  EXPECT_EQ(sut.words[1].text, "take_a_breath");
  EXPECT_EQ(sut.words[3].lex_id, 3);
  ASSERT_EQ(sut.pointers.size(), 3U);
  EXPECT_EQ(sut.pointers[0].relation, Relation::entailment);
  EXPECT_EQ(sut.pointers[1].relation, Relation::derivation);
  EXPECT_EQ(sut.pointers[1].target, 303110323U);
  EXPECT_EQ(sut.pointers[1].source_word, 3);
  EXPECT_EQ(sut.pointers[1].target_word, 1);
  ASSERT_EQ(sut.frames.size(), 2U);
  EXPECT_EQ(sut.frames[0].frame, 2);
  EXPECT_EQ(sut.frames[0].word, 0);
  EXPECT_EQ(sut.frames[1].frame, 8);
  EXPECT_EQ(sut.frames[1].word, 4);
}

TEST(ParseSynset, turns_adjective_markers_into_positions) {
  const SynsetRecord sut = synset_of(galore, PartOfSpeech::adjective);
  EXPECT_TRUE(sut.satellite);
  ASSERT_EQ(sut.words.size(), 2U);
  EXPECT_EQ(sut.words[0].text, "abounding");
  EXPECT_EQ(sut.words[0].position, AdjectivePosition::predicate);
  EXPECT_EQ(sut.words[1].text, "galore");
  EXPECT_EQ(sut.words[1].position, AdjectivePosition::after_noun);
  EXPECT_EQ(sut.words[1].lex_id, 10);
}

TEST(ParseSynset, leaves_brackets_outside_adjectives_alone) {
  const SynsetRecord sut = synset_of("00001740 04 n 01 a(p) 0 000 | a gloss", PartOfSpeech::noun);
  EXPECT_EQ(sut.words[0].text, "a(p)");
  EXPECT_EQ(sut.words[0].position, AdjectivePosition::any);
}

TEST(ParseSynset, reads_the_word_count_as_hexadecimal_and_the_pointer_count_as_decimal) {
  std::string text = "00001740 04 n 10";
  for (int i = 0; i < 16; ++i) text += " w" + std::to_string(i) + " 0";
  text += " 010";
  for (int i = 0; i < 10; ++i) text += " @ 00001930 n 0000";
  const SynsetRecord sut = synset_of(text + " | a gloss", PartOfSpeech::noun);
  EXPECT_EQ(sut.words.size(), 16U);
  EXPECT_EQ(sut.pointers.size(), 10U);
}

TEST(ParseSynset, keeps_a_bar_inside_the_gloss) {
  EXPECT_EQ(synset_of("00001740 04 n 01 w 0 000 | one | two  ", PartOfSpeech::noun).gloss,
            "one | two");
}

struct Malformed {
  const char* name;
  std::string_view text;
  PartOfSpeech part;
  std::string_view complaint;
};

std::string name_of_case(const testing::TestParamInfo<Malformed>& info) {
  return info.param.name;
}

class MalformedSynset : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedSynset, is_refused_with_what_is_wrong) {
  const Malformed& param = GetParam();
  EXPECT_EQ(complaint(synset_of, param.text, param.part), param.complaint);
}

using enum PartOfSpeech;

INSTANTIATE_TEST_SUITE_P(
    Fields, MalformedSynset,
    testing::Values(
        Malformed{"nothing", "", noun, "the synset offset is empty"},
        Malformed{"short_offset", "1740 03 n", noun,
                  "the synset offset is \"1740\", not a number of 8 digits"},
        Malformed{"signed_offset", "-0001740 03 n", noun,
                  "the synset offset is \"-0001740\", not a number of 8 digits"},
        Malformed{"moved", "00001741 03 n", noun,
                  "the synset says that it stands at byte 1741, but it stands at byte 1740"},
        Malformed{"lexicographer_file", "00001740 45 n", noun,
                  "the lexicographer file number is 45, over 44"},
        Malformed{"type", "00001740 03 q 01", noun, "\"q\" is not a synset type"},
        Malformed{"type_of_other_file", "00001740 03 v 01", noun,
                  "a synset of type \"v\" in a file of nouns"},
        Malformed{"no_words", "00001740 03 n 00 000 | gloss", noun, "a synset without words"},
        Malformed{"word_count", "00001740 03 n 0g x 0", noun,
                  "the word count is \"0g\", not a hexadecimal number of 2 digits"},
        Malformed{"fewer_words", "00001740 03 n 02 x 0 000 | gloss", noun,
                  "the lex_id is \"|\", not a hexadecimal number of 1 digit"},
        Malformed{"double_blank", "00001740 03 n 01  x 0 000 | gloss", noun, "the word is empty"},
        Malformed{"cut_off", "00001740 03 n 01 x", noun, "the line ends before its lex_id"},
        Malformed{"marker", "00001740 00 a 01 x(q) 0 000 | gloss", adjective,
                  "the adjective \"x(q)\" ends in a marker other than (a), (p), (ip)"},
        Malformed{"marker_unopened", "00001740 00 a 01 x) 0 000 | gloss", adjective,
                  "the adjective \"x)\" ends in a marker other than (a), (p), (ip)"},
        Malformed{"marker_alone", "00001740 00 a 01 (p) 0 000 | gloss", adjective,
                  "an adjective consists of its marker alone"},
        Malformed{"no_gloss", "00001740 03 n 01 x 0 000 |   ", noun, "a synset without a gloss"},
        Malformed{"no_bar", "00001740 03 n 01 x 0 000 gloss", noun,
                  "\"gloss\" stands where the | before the gloss is expected"}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(
    Pointers, MalformedSynset,
    testing::Values(
        Malformed{"more_than_counted", "00001740 03 n 01 x 0 000 @ 00001930 n 0000 | gloss", noun,
                  "\"@\" stands where the | before the gloss is expected"},
        Malformed{"fewer_than_counted", "00001740 03 n 01 x 0 001 | gloss", noun,
                  "\"|\" is not a pointer symbol"},
        Malformed{"symbol", "00001740 03 n 01 x 0 001 @q 00001930 n 0000 | gloss", noun,
                  "\"@q\" is not a pointer symbol"},
        Malformed{"target", "00001740 03 n 01 x 0 001 @ 0000193x n 0000 | gloss", noun,
                  "the pointer's synset offset is \"0000193x\", not a number of 8 digits"},
        Malformed{"target_zero", "00001740 03 n 01 x 0 001 @ 00000000 n 0000 | gloss", noun,
                  "a synset offset is 0"},
        Malformed{"part", "00001740 03 n 01 x 0 001 @ 00001930 m 0000 | gloss", noun,
                  "\"m\" is not a part of speech"},
        Malformed{
            "ends", "00001740 03 n 01 x 0 001 @ 00001930 n 000 | gloss", noun,
            "the pointer's source and target is \"000\", not a hexadecimal number of 4 digits"},
        Malformed{"half_lexical", "00001740 03 n 01 x 0 001 @ 00001930 n 0100 | gloss", noun,
                  "a pointer joins a word to a whole synset"},
        Malformed{"source_word", "00001740 03 n 01 x 0 001 ! 00001930 n 0201 | gloss", noun,
                  "a pointer starts at word 2 of 1"}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(
    Frames, MalformedSynset,
    testing::Values(Malformed{"plus", "00001740 29 v 01 x 0 000 01 - 02 00 | gloss", verb,
                              "a frame starts with \"-\", not with +"},
                    Malformed{"number", "00001740 29 v 01 x 0 000 01 + 36 00 | gloss", verb,
                              "the frame number is 36, over 35"},
                    Malformed{"word", "00001740 29 v 01 x 0 000 01 + 02 02 | gloss", verb,
                              "the frame's word number is 2, over 1"},
                    Malformed{"missing", "00001740 29 v 01 x 0 000 | gloss", verb,
                              "the frame count is \"|\", not a number of 2 digits"}),
    name_of_case);

TEST(ParseSynset, refuses_a_good_line_that_is_cut_anywhere_before_its_gloss) {
  for (const auto& [text, part] :
       {std::tuple{entity, noun}, std::tuple{breathe, verb}, std::tuple{galore, adjective}}) {
    const std::size_t gloss = text.find(" | ") + 3;
    for (std::size_t length = 0; length <= gloss; ++length) {
      EXPECT_NE(complaint(synset_of, text.substr(0, length), part), "") << length;
    }
    EXPECT_EQ(complaint(synset_of, text.substr(0, gloss + 1), part), "");
  }
}

TEST(ParseSynset, answers_any_changed_byte_with_a_record_or_a_parse_error) {
  std::size_t refused = 0;
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < breathe.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text(breathe);
      text[i] = static_cast<char>(byte);
      complaint(synset_of, text, verb).empty() ? ++accepted : ++refused;
    }
  }
  EXPECT_GT(refused, 0U);
  EXPECT_GT(accepted, 0U);
}

// Real lines of WordNet 3.0.
TEST(ParseIndexEntry, takes_an_entry_apart) {
  const IndexRecord sut = entry_of("dog n 7 5 @ ~ #m #p %p 7 1 02084071 10114209 10023039 09886220 "
                                   "07676602 03901548 02710044  ",
                                   noun);
  EXPECT_EQ(sut.lemma, "dog");
  EXPECT_EQ(sut.part, noun);
  EXPECT_EQ(sut.tagged_senses, 1U);
  ASSERT_EQ(sut.senses.size(), 7U);
  EXPECT_EQ(sut.senses.front(), 102084071U);
  EXPECT_EQ(sut.senses.back(), 102710044U);
}

TEST(ParseIndexEntry, takes_an_entry_without_pointer_symbols_apart) {
  const IndexRecord sut = entry_of("a_cappella r 1 0 1 0 00001740  ", adverb);
  EXPECT_EQ(sut.lemma, "a_cappella");
  EXPECT_EQ(sut.senses, std::vector<SynsetId>{400001740});
}

class MalformedEntry : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedEntry, is_refused_with_what_is_wrong) {
  const Malformed& param = GetParam();
  EXPECT_EQ(complaint(entry_of, param.text, param.part), param.complaint);
}

INSTANTIATE_TEST_SUITE_P(
    Fields, MalformedEntry,
    testing::Values(
        Malformed{"nothing", "   ", noun, "the lemma is empty"},
        Malformed{"other_file", "dog v 1 0 1 0 00001740", noun,
                  "a synset of type \"v\" in a file of nouns"},
        Malformed{"no_senses", "dog n 0 0 0 0", noun, "a word without senses"},
        Malformed{"huge_count", "dog n 4097 0 4097 0", noun, "the synset count is 4097, over 4096"},
        Malformed{"overflowing_count", "dog n 99999999999 0 1 0", noun,
                  "the synset count is \"99999999999\", not a number"},
        Malformed{"counts_differ", "dog n 2 0 1 0 00001740 00001930", noun,
                  "the sense count is 1, the synset count 2"},
        Malformed{"tagged", "dog n 1 0 1 2 00001740", noun, "the tagged sense count is 2, over 1"},
        Malformed{"fewer_senses", "dog n 2 0 2 0 00001740", noun,
                  "the line ends before its synset offset"},
        Malformed{"more_senses", "dog n 1 0 1 0 00001740 00001930", noun,
                  "more synset offsets than the synset count says"},
        Malformed{"huge_symbol_count", "dog n 1 4000000000 @ 1 0 00001740", noun,
                  "the line ends before its pointer symbol"}),
    name_of_case);

}  // namespace
}  // namespace wordnet

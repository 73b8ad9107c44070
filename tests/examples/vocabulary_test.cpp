// SPDX-License-Identifier: BSL-1.0
#include "vocabulary.hpp"

#include <gtest/gtest.h>
#include <set>

namespace wordnet {
namespace {

TEST(Vocabulary, every_relation_is_found_again_by_its_symbol) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < relation_count; ++i) {
    const auto relation = static_cast<Relation>(i);
    // The backslash is the one symbol that means two things.
    const PartOfSpeech part = relation == Relation::derived_from_adjective
                                  ? PartOfSpeech::adverb
                                  : PartOfSpeech::adjective;
    EXPECT_EQ(relation_from_symbol(relation_names()[i].symbol, part), relation) << i;
    names.insert(name_of(relation));
  }
  EXPECT_EQ(names.size(), relation_count);
}

TEST(Vocabulary, a_backslash_means_another_relation_in_an_adverb) {
  EXPECT_EQ(relation_from_symbol("\\", PartOfSpeech::adjective), Relation::pertainym);
  EXPECT_EQ(relation_from_symbol("\\", PartOfSpeech::adverb), Relation::derived_from_adjective);
}

TEST(Vocabulary, text_that_is_no_symbol_is_no_relation) {
  for (const char* const text : {"", "@@", "~x", "#", ";", "-", "n", "@i "}) {
    EXPECT_EQ(relation_from_symbol(text, PartOfSpeech::noun), std::nullopt) << text;
  }
}

TEST(Vocabulary, a_satellite_is_an_adjective) {
  EXPECT_EQ(part_from_code("s"), PartOfSpeech::adjective);
  EXPECT_EQ(part_from_code("a"), PartOfSpeech::adjective);
  EXPECT_EQ(part_from_code("x"), std::nullopt);
  EXPECT_EQ(part_from_code("nn"), std::nullopt);
}

TEST(Vocabulary, lexicographer_files_have_the_numbers_of_the_manual_page) {
  EXPECT_EQ(lexicographer_file_name(0), "adj.all");
  EXPECT_EQ(lexicographer_file_name(5), "noun.animal");
  EXPECT_EQ(lexicographer_file_name(18), "noun.person");
  EXPECT_EQ(lexicographer_file_name(29), "verb.body");
  EXPECT_EQ(lexicographer_file_name(38), "verb.motion");
  EXPECT_EQ(lexicographer_file_name(43), "verb.weather");
  EXPECT_EQ(lexicographer_file_name(44), "adj.ppl");
}

TEST(Vocabulary, values_that_only_a_damaged_file_can_hold_have_a_name_too) {
  EXPECT_EQ(name_of(static_cast<Relation>(relation_count)), "unknown");
  EXPECT_EQ(name_of(static_cast<PartOfSpeech>(0)), "unknown");
  EXPECT_EQ(lexicographer_file_name(lexicographer_file_count), "unknown");
}

TEST(Vocabulary, synset_ids_of_different_parts_of_speech_never_meet) {
  EXPECT_EQ(make_synset_id(PartOfSpeech::noun, 2084071), 102084071U);
  EXPECT_EQ(make_synset_id(PartOfSpeech::adverb, 99'999'999), 499'999'999U);
  EXPECT_LT(make_synset_id(PartOfSpeech::noun, 99'999'999), make_synset_id(PartOfSpeech::verb, 0));
}

TEST(Vocabulary, a_word_is_looked_up_whatever_its_case_and_its_blanks) {
  EXPECT_EQ(lookup_form("Canis_familiaris"), "canis familiaris");
  EXPECT_EQ(lookup_form("  CANIS  familiaris "), "canis familiaris");
  EXPECT_EQ(lookup_form("St._Mary's_Hill"), "st. mary's hill");
  EXPECT_EQ(lookup_form("a_ _b"), "a b");
  EXPECT_EQ(lookup_form("_"), "");
  EXPECT_EQ(lookup_form(""), "");
}

TEST(Vocabulary, folding_leaves_bytes_outside_ascii_alone) {
  EXPECT_EQ(lookup_form("\xC3\x89t\xC3\xA9"), "\xC3\x89t\xC3\xA9");
}

TEST(Vocabulary, a_shown_word_keeps_its_case) {
  EXPECT_EQ(display_form("Canis_familiaris"), "Canis familiaris");
}

}  // namespace
}  // namespace wordnet

// SPDX-License-Identifier: BSL-1.0
#include "wordnet_query.hpp"

#include <gtest/gtest.h>

#include "wordnet_fixture.hpp"
#include "wordnet_import.hpp"
#include "wordnet_print.hpp"
#include "wordnet_verify.hpp"

namespace wordnet {
namespace {

using namespace wordnet::test;

/// A store with the whole fixture, opened anew after the import.
class Query : public testing::Test {
 protected:
  Query() {
    {
      cairn::Store store = cairn::Store::create(path(), options());
      import_wordnet(store, source_);
      store.close();
    }
    store_.emplace(cairn::Store::open_existing(path()));
  }

  template <typename Body>
  void read(Body body) const {
    store_->read([&](const cairn::ReadTransaction& tx) { body(*tx.find<Wordnet>(root_name)); });
  }

  /// Changes the stored graph and returns what verify() then finds.
  template <typename Change>
  Verification verification_after(Change change) {
    store_->write(
        [&](cairn::WriteTransaction& tx) { change(tx.modify(*tx.find<Wordnet>(root_name))); });
    return store_->read([&](const cairn::ReadTransaction& tx) {
      return verify(*tx.find<Wordnet>(root_name), source_);
    });
  }

  const Source source_{fixture_directory()};

 private:
  static cairn::Options options() {
    cairn::Options options;
    options.durability = cairn::Durability::process;
    options.verify_writes = true;
    return options;
  }
  std::string path() const { return (directory_.path() / "store.cairn").string(); }

  TemporaryDirectory directory_;
  std::optional<cairn::Store> store_;
};

std::vector<SynsetId> ids_of(const std::vector<const Synset*>& synsets) {
  std::vector<SynsetId> ids;
  ids.reserve(synsets.size());
  for (const Synset* const synset : synsets) ids.push_back(synset->id);
  return ids;
}

TEST_F(Query, finds_a_word_in_any_case_with_blanks_or_underscores) {
  read([](const Wordnet& wordnet) {
    const auto* const sut = find_word(wordnet, "canis familiaris");
    ASSERT_NE(sut, nullptr);
    EXPECT_EQ(find_word(wordnet, "Canis_Familiaris"), sut);
    EXPECT_EQ(find_word(wordnet, " CANIS  FAMILIARIS"), sut);
    EXPECT_NE(find_word(wordnet, "dog"), sut);
    EXPECT_EQ(find_word(wordnet, "canis"), nullptr);
    EXPECT_EQ(find_word(wordnet, ""), nullptr);
  });
}

TEST_F(Query, words_are_found_by_how_they_begin_in_their_order) {
  read([](const Wordnet& wordnet) {
    std::vector<std::string> all;
    for (const auto& [text, senses] : wordnet.words) all.emplace_back(text);
    EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
    EXPECT_EQ(words_beginning_with(wordnet, "", all.size() + 1).size(), all.size());
    std::vector<std::string_view> with_d;
    for (const std::string& word : all) {
      if (word.starts_with('d')) with_d.push_back(word);
    }
    ASSERT_GE(with_d.size(), 2U);
    EXPECT_EQ(words_beginning_with(wordnet, "D", 100), with_d);
    EXPECT_EQ(words_beginning_with(wordnet, "d", 1).size(), 1U);
    EXPECT_TRUE(words_beginning_with(wordnet, "zzz", 5).empty());
  });
}

TEST_F(Query, follows_the_first_hypernym_up_to_the_top) {
  read([](const Wordnet& wordnet) {
    const Synset& dog = *wordnet.synsets.at(100000978);
    EXPECT_EQ(
        ids_of(hypernym_chain(dog)),
        (std::vector<SynsetId>{100000978, 100000687, 100000592, 100000355, 100000229, 100000146}));
  });
}

TEST_F(Query, an_instance_is_a_kind_of_its_class) {
  read([](const Wordnet& wordnet) {
    const auto chain = hypernym_chain(*wordnet.synsets.at(100001219));
    ASSERT_GE(chain.size(), 2U);
    EXPECT_EQ(chain[1]->id, 100000978U);
    EXPECT_EQ(words_of(*chain.back()), "entity");
  });
}

TEST_F(Query, a_circle_of_hypernyms_is_gone_round_once) {
  read([](const Wordnet& wordnet) {
    EXPECT_EQ(ids_of(hypernym_chain(*wordnet.synsets.at(200000594))),
              (std::vector<SynsetId>{200000594, 200000678}));
  });
}

TEST_F(Query, counts_connections_in_both_directions) {
  read([](const Wordnet& wordnet) {
    const std::vector<Connections> sut = most_connected(wordnet, 4);
    ASSERT_EQ(sut.size(), 4U);
    EXPECT_EQ(sut[0].synset->id, 100000978U);  // dog
    EXPECT_EQ(sut[0].outgoing, 6U);
    EXPECT_EQ(sut[0].incoming, 7U);
    EXPECT_EQ(sut[1].synset->id, 100000687U);  // animal
    EXPECT_EQ(sut[1].total(), 8U);
    // Equal totals: by id.
    EXPECT_EQ(sut[2].synset->id, 200000146U);  // move
    EXPECT_EQ(sut[2].total(), 7U);
    EXPECT_EQ(sut[3].synset->id, 200000251U);  // chase
    EXPECT_EQ(sut[3].total(), 7U);
  });
}

TEST_F(Query, asking_for_more_connections_than_there_are_synsets_gives_all) {
  read([](const Wordnet& wordnet) {
    const std::vector<Connections> sut = most_connected(wordnet, 1000);
    EXPECT_EQ(sut.size(), fixture_synsets);
    std::uint64_t outgoing = 0;
    std::uint64_t incoming = 0;
    for (const Connections& each : sut) {
      outgoing += each.outgoing;
      incoming += each.incoming;
    }
    EXPECT_EQ(outgoing, fixture_pointers);
    EXPECT_EQ(incoming, fixture_pointers);
  });
}

TEST_F(Query, statistics_count_by_part_of_speech_and_relation) {
  read([](const Wordnet& wordnet) {
    const Statistics sut = statistics(wordnet);
    EXPECT_EQ(sut.total().synsets, fixture_synsets);
    EXPECT_EQ(sut.total().words, fixture_words);
    EXPECT_EQ(sut.total().senses, fixture_senses);
    EXPECT_EQ(sut.total().pointers, fixture_pointers);
    EXPECT_EQ(sut.parts[0].synsets, 16U);
    EXPECT_EQ(sut.parts[1].synsets, 6U);
    EXPECT_EQ(sut.parts[1].frames, 9U);
    EXPECT_EQ(sut.parts[2].synsets, 7U);
    EXPECT_EQ(sut.parts[3].synsets, 2U);
    EXPECT_EQ(sut.undefined_synsets, 0U);
    // dog and tail are both nouns and verbs.
    EXPECT_EQ(sut.distinct_words, fixture_entries - 2);
    const auto count = [&](Relation relation) {
      return sut.pointers_by_relation[static_cast<std::size_t>(relation)];
    };
    EXPECT_EQ(count(Relation::attribute), 4U);
    EXPECT_EQ(count(Relation::pertainym), 1U);
    EXPECT_EQ(count(Relation::derived_from_adjective), 1U);
    EXPECT_EQ(count(Relation::region_domain), 0U);
  });
}

TEST_F(Query, words_of_a_synset_are_cut_where_there_are_too_many) {
  read([](const Wordnet& wordnet) {
    const Synset& dog = *wordnet.synsets.at(100000978);
    EXPECT_EQ(words_of(dog), "dog, domestic dog, Canis familiaris");
    EXPECT_EQ(words_of(dog, 1), "dog (and 2 more)");
  });
}

TEST_F(Query, verification_passes_on_an_untouched_import) {
  const Verification sut = verification_after([](Wordnet&) {});
  EXPECT_TRUE(sut.ok());
  EXPECT_EQ(sut.pointers_resolved, fixture_pointers);
}

TEST_F(Query, verification_finds_a_pointer_to_nowhere) {
  const Verification sut = verification_after(
      [](Wordnet& wordnet) { wordnet.synsets.at(100000978)->pointers[2].target = nullptr; });
  ASSERT_EQ(sut.problems, std::vector<std::string>{
                              "synset 100000978: a pointer (member holonym) leads to no synset"});
  EXPECT_EQ(sut.pointers_resolved, fixture_pointers - 1);
}

TEST_F(Query, verification_finds_a_pointer_to_a_word_that_is_not_there) {
  const Verification sut = verification_after(
      [](Wordnet& wordnet) { wordnet.synsets.at(100000978)->pointers[5].target_word = 4; });
  EXPECT_EQ(sut.problems, std::vector<std::string>{
                              "synset 100000978: a pointer to synset 200000251 names word 4 of 3"});
}

TEST_F(Query, verification_finds_a_lost_word) {
  const Verification sut =
      verification_after([](Wordnet& wordnet) { wordnet.synsets.at(100000978)->words.pop_back(); });
  EXPECT_EQ(sut.problem_count, 2U);  // one word fewer, and a sense that leads to it
  EXPECT_FALSE(sut.ok());
}

TEST_F(Query, verification_finds_a_synset_that_was_only_mentioned) {
  const Verification sut = verification_after([](Wordnet& wordnet) {
    auto& box = wordnet.synsets.try_emplace(499999999).first->second;
    box.emplace();
    box->id = 499999999;
  });
  EXPECT_EQ(sut.problems,
            std::vector<std::string>{"synset 499999999 is mentioned but defined nowhere"});
}

TEST_F(Query, verification_finds_senses_out_of_order) {
  const Verification sut = verification_after([](Wordnet& wordnet) {
    auto& senses = wordnet.words.at("dog");
    std::swap(senses[0].number, senses[1].number);
  });
  EXPECT_EQ(sut.problem_count, 2U);
}

TEST_F(Query, verification_finds_a_missing_entry) {
  const Verification sut =
      verification_after([](Wordnet& wordnet) { wordnet.words.erase("hill"); });
  EXPECT_EQ(sut.problem_count, 3U);  // the entry, its sense, and the word that leads nowhere
}

TEST_F(Query, verification_finds_an_import_that_is_not_finished) {
  const Verification sut = verification_after([](Wordnet& wordnet) {
    wordnet.import.cursor = Cursor{7, 0, 0};
  });
  EXPECT_EQ(sut.problems, std::vector<std::string>{"the import is not finished"});
}

}  // namespace
}  // namespace wordnet

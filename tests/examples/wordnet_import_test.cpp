// SPDX-License-Identifier: BSL-1.0
#include "wordnet_import.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wordnet_dump.hpp"
#include "wordnet_fixture.hpp"
#include "wordnet_verify.hpp"

namespace wordnet {
namespace {

using namespace wordnet::test;

/// Runs `work` in a forked process and returns the status that waitpid(2) gives.
template <typename Work>
int status_of_forked(Work work) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      work();
      ::_exit(0);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "forked process: %s\n", error.what());
      ::_exit(1);
    }
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

void expect_sound(cairn::Store& store) {
  const cairn::CheckReport report = store.check();
  for (const std::string& problem : report.problems) ADD_FAILURE() << problem;
}

class Import : public testing::Test {
 protected:
  std::string path() const { return (directory_.path() / "store.cairn").string(); }

  cairn::Store create(cairn::Durability durability = cairn::Durability::process) const {
    cairn::Options options = wherever_it_lies();
    options.durability = durability;
    options.verify_writes = true;
    return cairn::Store::create(path(), options);
  }

  void remove_store() const {
    std::filesystem::remove(path());
    std::filesystem::remove(path() + "-log");
  }

  /// What the store holds after each batch of an undisturbed import: [0] before the first one.
  std::vector<std::string> states_of_undisturbed_import(std::size_t batch_entries) const {
    cairn::Store store = create();
    std::vector<std::string> states;
    ImportOptions options;
    options.batch_entries = batch_entries;
    options.after_commit = [&](const ImportProgress&) { states.push_back(dump(store)); };
    import_wordnet(store, source_, options);
    store.close();
    remove_store();
    return states;
  }

  /// Imports in a child process that kills itself before or after its `nth` commit. Returns false
  /// if it came to the end without.
  bool import_with_kill(std::size_t batch_entries, std::size_t nth, bool after_commit) const {
    const int status = status_of_forked([&] {
      cairn::Store store = cairn::Store::open(path(), wherever_it_lies());
      std::size_t count = 0;
      const auto kill_at_nth = [&](const ImportProgress&) {
        if (++count == nth) ::kill(::getpid(), SIGKILL);
      };
      ImportOptions options;
      options.batch_entries = batch_entries;
      (after_commit ? options.after_commit : options.before_commit) = kill_at_nth;
      import_wordnet(store, source_, options);
      store.close();
    });
    if (WIFSIGNALED(status)) {
      EXPECT_EQ(WTERMSIG(status), SIGKILL);
      return true;
    }
    EXPECT_EQ(status, 0);
    return false;
  }

  const Source source_{fixture_directory()};

 private:
  TemporaryDirectory directory_;
};

TEST_F(Import, stores_what_the_files_hold) {
  cairn::Store store = create();
  const ImportResult sut = import_wordnet(store, source_);
  EXPECT_EQ(sut.started_at, Cursor{});
  EXPECT_EQ(sut.batches, 8U);
  store.read([&](const cairn::ReadTransaction& tx) {
    const Verification verification = verify(*tx.find<Wordnet>(root_name), source_);
    for (const std::string& problem : verification.problems) ADD_FAILURE() << problem;
    EXPECT_EQ(verification.pointers_resolved, fixture_pointers);
    EXPECT_EQ(verification.in_store, verification.in_source);
  });
  expect_sound(store);
}

TEST_F(Import, keeps_every_field_of_a_synset) {
  cairn::Store store = create();
  import_wordnet(store, source_);
  store.read([&](const cairn::ReadTransaction& tx) {
    const Wordnet& wordnet = *tx.find<Wordnet>(root_name);
    EXPECT_EQ(dump_synset(*wordnet.synsets.at(200000251)),
              "synset 200000251 verb file 38\n"
              "  word chase 0 0\n"
              "  word dog 0 0\n"
              "  word tail 0 0\n"
              "  hypernym 200000146 0/0\n"
              "  derivation 100000978 2/1\n"
              "  entailment 200000146 0/0\n"
              "  verb group 200000428 0/0\n"
              "  frame 8 0\n"
              "  frame 9 2\n"
              "  gloss go after someone in order to catch them\n");
    EXPECT_EQ(dump_synset(*wordnet.synsets.at(300000350)),
              "synset 300000350 adjective satellite file 0\n"
              "  word giant 1 0\n"
              "  word jumbo 0 0\n"
              "  similar to 300000146 0/0\n"
              "  gloss very big\n");
  });
}

TEST_F(Import, keeps_the_senses_of_a_word_in_order) {
  cairn::Store store = create();
  import_wordnet(store, source_);
  store.read([&](const cairn::ReadTransaction& tx) {
    const auto& senses = tx.find<Wordnet>(root_name)->words.at("dog");
    ASSERT_EQ(senses.size(), 3U);
    EXPECT_EQ(senses[0].synset->id, 100000978U);
    EXPECT_TRUE(senses[0].tagged);
    EXPECT_EQ(senses[1].synset->id, 100001294U);
    EXPECT_EQ(senses[1].number, 2);
    EXPECT_FALSE(senses[1].tagged);
    EXPECT_EQ(senses[2].part, PartOfSpeech::verb);
    EXPECT_EQ(senses[2].number, 1);
  });
}

TEST_F(Import, ends_in_the_same_graph_whatever_the_batch_size) {
  std::string expected;
  for (const std::size_t size : {1000U, 1U, 2U, 5U, 13U}) {
    cairn::Store store = create();
    import_wordnet(store, source_, {.batch_entries = size});
    std::string found = dump(store);
    found.resize(found.rfind("batches"));  // their number is what must differ
    if (expected.empty()) expected = found;
    EXPECT_EQ(found, expected) << size;
    store.close();
    remove_store();
  }
}

TEST_F(Import, run_again_changes_nothing) {
  cairn::Store store = create();
  import_wordnet(store, source_);
  const std::string before = dump(store);
  const ImportResult again = import_wordnet(store, source_);
  EXPECT_EQ(again.batches, 0U);
  EXPECT_TRUE(source_.at_end(again.started_at));
  EXPECT_EQ(dump(store), before);
}

TEST_F(Import, survives_a_kill_before_or_after_every_commit) {
  constexpr std::size_t batch_entries = 7;
  const std::vector<std::string> states = states_of_undisturbed_import(batch_entries);
  ASSERT_GT(states.size(), 8U);
  for (const bool after_commit : {false, true}) {
    std::size_t kills = 0;
    bool completed = false;
    for (std::size_t nth = 1; !completed; ++nth) {
      ASSERT_LE(nth, states.size() + 1);
      create().close();
      completed = !import_with_kill(batch_entries, nth, after_commit);
      if (!completed) {
        ++kills;
        cairn::Store store = cairn::Store::open_existing(path(), wherever_it_lies());
        expect_sound(store);
        const std::size_t committed = after_commit ? nth : nth - 1;
        if (committed > 0) {
          EXPECT_EQ(dump(store), states[committed - 1]) << nth;
        }
        import_wordnet(store, source_, {.batch_entries = batch_entries});
        EXPECT_EQ(dump(store), states.back()) << nth;
        expect_sound(store);
      }
      remove_store();
    }
    EXPECT_EQ(kills, states.size());
    EXPECT_TRUE(completed);
  }
}

TEST_F(Import, killed_again_and_again_still_ends_like_an_undisturbed_one) {
  const std::vector<std::string> states = states_of_undisturbed_import(3);
  create(cairn::Durability::power).close();
  std::size_t kills = 0;
  // Each run commits two batches and dies in the third one's transaction.
  while (import_with_kill(3, 3, false)) {
    ++kills;
    ASSERT_LE(kills, states.size());
  }
  EXPECT_EQ(kills, (states.size() - 1) / 2);
  cairn::Store store = cairn::Store::open_existing(path(), wherever_it_lies());
  EXPECT_EQ(dump(store), states.back());
  expect_sound(store);
}

TEST_F(Import, is_shared_by_two_processes_without_a_batch_lost_or_doubled) {
  const std::vector<std::string> states = states_of_undisturbed_import(1);
  create().close();
  const auto import_all = [&] {
    cairn::Store store = cairn::Store::open(path(), wherever_it_lies());
    import_wordnet(store, source_, {.batch_entries = 1});
    store.close();
  };
  const pid_t other = ::fork();
  if (other == 0) {
    try {
      import_all();
      ::_exit(0);
    } catch (...) {
      ::_exit(1);
    }
  }
  EXPECT_EQ(status_of_forked(import_all), 0);
  int status = -1;
  EXPECT_EQ(::waitpid(other, &status, 0), other);
  EXPECT_EQ(status, 0);
  cairn::Store store = cairn::Store::open_existing(path(), wherever_it_lies());
  EXPECT_EQ(dump(store), states.back());
  expect_sound(store);
}

TEST_F(Import, keeps_the_batches_before_a_malformed_line) {
  const FixtureCopy copy;
  copy.replace("data.verb", "00000537 38 v", "00000537 38 q");
  const Source damaged(copy.path());
  cairn::Store store = create();
  EXPECT_THROW(import_wordnet(store, damaged, {.batch_entries = 2}), ParseError);
  EXPECT_EQ(import_cursor(store).file, 1U);
  EXPECT_EQ(import_cursor(store).lines, 4U);
  expect_sound(store);
}

TEST_F(Import, refuses_to_go_on_with_other_files) {
  const FixtureCopy copy;
  copy.replace("data.noun", "a group of dogs", "a crowd of dog");
  cairn::Store store = create();
  EXPECT_THROW(
      import_wordnet(store, source_,
                     {.batch_entries = 3,
                      .before_commit = [](const ImportProgress&) { throw std::bad_alloc(); }}),
      std::bad_alloc);
  EXPECT_THROW(import_wordnet(store, Source(copy.path())), ImportError);
  EXPECT_EQ(import_cursor(store), Cursor{});
  import_wordnet(store, source_);
  EXPECT_TRUE(source_.at_end(import_cursor(store)));
}

TEST_F(Import, refuses_a_cursor_that_is_no_start_of_a_line) {
  cairn::Store store = create();
  import_wordnet(store, source_);
  store.write([](cairn::WriteTransaction& tx) {
    tx.modify(tx.find<Wordnet>(root_name)->import).cursor = Cursor{0, 3, 200};
  });
  EXPECT_THROW(import_wordnet(store, source_), ImportError);
}

TEST_F(Import, names_the_index_entry_whose_synset_is_missing) {
  const FixtureCopy copy;
  copy.replace("index.adv", "00000233", "00000234");
  cairn::Store store = create();
  try {
    import_wordnet(store, Source(copy.path()));
    FAIL() << "a sense without a synset went unnoticed";
  } catch (const ImportError& error) {
    EXPECT_STREQ(error.what(),
                 "the index entry \"bigly\" names synset 400000234, which no data file has");
  }
}

}  // namespace
}  // namespace wordnet

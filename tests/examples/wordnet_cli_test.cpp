// SPDX-License-Identifier: BSL-1.0
#include <cairn/cairn.hpp>
#include <cstdlib>
#include <gtest/gtest.h>

#include "cairn/mapping/file_system.hpp"
#include "child_process.hpp"
#include "wordnet_fixture.hpp"
#include "wordnet_import.hpp"

#if !defined(WORDNET_PROGRAM) || !defined(PEOPLE_PROGRAM)
#error "WORDNET_PROGRAM and PEOPLE_PROGRAM must name the built examples"
#endif

// The struct of examples/people, as another program would declare it.
struct User {
  cairn::String name;
  std::uint32_t age = 0;
  cairn::Vec<std::uint64_t> visits;
};
BOOST_DESCRIBE_STRUCT(User, (), (name, age, visits))

namespace wordnet {
namespace {

using namespace wordnet::test;

class CommandLine : public testing::Test {
 protected:
  std::string file(const std::string& name) const { return (directory_.path() / name).string(); }

  /// Runs a program in the test's directory; its output is in output() afterwards.
  Outcome run(const std::vector<std::string>& arguments) {
    std::string command = "cd '" + directory_.path().string() + "' && exec";
    for (const std::string& argument : arguments) command += " '" + argument + "'";
    ChildProcess child({"/bin/sh", "-c", command + " > output 2>&1"});
    return child.wait();
  }
  std::string output() const { return read_text(file("output")); }

  Outcome import_fixture() {
    return run({WORDNET_PROGRAM, "import", WORDNET_FIXTURE_DIR, "wordnet.cairn", "--batch", "5"});
  }

 private:
  TemporaryDirectory directory_;
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_F(CommandLine, imports_verifies_and_answers) {
  ASSERT_TRUE(import_fixture().success()) << output();
  EXPECT_TRUE(contains(output(), "54 of 54 pointers")) << output();
  EXPECT_TRUE(contains(output(), "verified: ")) << output();

  const Outcome asked = run({WORDNET_PROGRAM, "query", "wordnet.cairn", "Dog", "domestic_animal",
                             "--hypernyms", "--most-connected", "3"});
  ASSERT_TRUE(asked.success()) << output();
  EXPECT_TRUE(contains(output(), "The noun \"dog\" has 2 senses")) << output();
  EXPECT_TRUE(contains(output(), "1. <noun.animal> dog, domestic dog, Canis familiaris"));
  EXPECT_TRUE(contains(output(), "a pet that barks | and wags its tail"));
  EXPECT_TRUE(contains(output(), "=> entity")) << output();
  EXPECT_TRUE(contains(output(), "open the store")) << output();

  ASSERT_TRUE(run({WORDNET_PROGRAM, "stats", "wordnet.cairn"}).success()) << output();
  EXPECT_TRUE(contains(output(), "derived from adjective")) << output();
}

TEST_F(CommandLine, a_finished_import_says_so) {
  ASSERT_TRUE(import_fixture().success()) << output();
  ASSERT_TRUE(import_fixture().success()) << output();
  EXPECT_TRUE(contains(output(), "everything is imported already")) << output();
}

TEST_F(CommandLine, an_unknown_word_is_a_failure_that_names_it) {
  ASSERT_TRUE(import_fixture().success()) << output();
  const Outcome outcome = run({WORDNET_PROGRAM, "query", "wordnet.cairn", "dog", "unicorn"});
  EXPECT_TRUE(outcome.exited);
  EXPECT_EQ(outcome.code, EXIT_FAILURE);
  EXPECT_TRUE(contains(output(), "\"unicorn\" is not in WordNet")) << output();
}

TEST_F(CommandLine, words_of_its_input_are_counted_one_by_one_while_it_lives) {
  ASSERT_TRUE(import_fixture().success()) << output();
  const cairn::Store store = cairn::Store::open_existing(file("wordnet.cairn"), wherever_it_lies());
  const cairn::Atomic<std::uint64_t>& asked = *store.read(
      [](const cairn::ReadTransaction& tx) { return &tx.find<Wordnet>(root_name)->words_asked; });
  ChildProcess sut({"/bin/sh", "-c",
                    "exec '" WORDNET_PROGRAM "' query '" + file("wordnet.cairn") + "' > '" +
                        file("output") + "' 2>&1"},
                   ChildProcess::Input::said);
  std::uint64_t said = 0;
  for (const char* const word : {"dog", "animal", "unicorn", "dog"}) {
    EXPECT_EQ(asked, said) << word;
    sut.say(word);
    EXPECT_TRUE(asked.wait_for(said, std::chrono::seconds(60))) << word;
    EXPECT_EQ(asked, ++said) << word;
    EXPECT_FALSE(sut.poll()) << word;
  }
  sut.hang_up();
  EXPECT_EQ(sut.wait().code, EXIT_FAILURE);
  EXPECT_TRUE(contains(output(), "The noun \"animal\" has")) << output();
  EXPECT_TRUE(contains(output(), "\"unicorn\" is not in WordNet")) << output();

  ASSERT_TRUE(run({WORDNET_PROGRAM, "complete", "wordnet.cairn", "do", "an"}).success());
  EXPECT_EQ(asked, said + 2);
  ASSERT_TRUE(run({WORDNET_PROGRAM, "stats", "wordnet.cairn"}).success());
  EXPECT_TRUE(contains(output(), "6 words have been asked for")) << output();
}

TEST_F(CommandLine, a_malformed_file_is_a_failure_that_names_the_line) {
  const FixtureCopy copy;
  copy.replace("data.adj", "00000421 00 a", "00000421 99 a");
  const Outcome outcome = run({WORDNET_PROGRAM, "import", copy.path().string(), "wordnet.cairn"});
  EXPECT_TRUE(outcome.exited);
  EXPECT_EQ(outcome.code, EXIT_FAILURE);
  EXPECT_TRUE(contains(output(), "wordnet: data.adj:6: the lexicographer file number is 99"))
      << output();
}

TEST_F(CommandLine, a_file_that_is_no_store_is_a_failure) {
  write_text(file("text.cairn"), std::string(10000, 'x'));
  EXPECT_EQ(run({WORDNET_PROGRAM, "query", "text.cairn", "dog"}).code, EXIT_FAILURE);
  EXPECT_TRUE(contains(output(), "text.cairn")) << output();
  EXPECT_NE(run({WORDNET_PROGRAM, "query", "absent.cairn", "dog"}).code, EXIT_SUCCESS);
}

TEST_F(CommandLine, a_store_without_wordnet_is_a_failure_that_says_so) {
  cairn::Store::create(file("empty.cairn"), wherever_it_lies()).close();
  EXPECT_EQ(run({WORDNET_PROGRAM, "query", "empty.cairn", "dog"}).code, EXIT_FAILURE);
  EXPECT_TRUE(contains(output(), "nothing has been imported into this store yet")) << output();
}

TEST_F(CommandLine, the_people_example_keeps_its_people_from_run_to_run) {
  if (cairn::FileSystem::around(file("people.cairn")).kind != cairn::FileSystemKind::local) {
    GTEST_SKIP() << "the example opens its store as by default, which takes a disk";
  }
  ASSERT_TRUE(run({PEOPLE_PROGRAM}).success()) << output();
  ASSERT_TRUE(run({PEOPLE_PROGRAM}).success()) << output();
  const cairn::Store store = cairn::Store::open_existing(file("people.cairn"));
  store.read([](const cairn::ReadTransaction& tx) {
    const auto* const users = tx.find<cairn::HashMap<std::uint64_t, User>>("users");
    ASSERT_NE(users, nullptr);
    ASSERT_EQ(users->size(), 1U);
    const User& ada = users->at(1);
    EXPECT_EQ(ada.name, "Ada");
    EXPECT_EQ(ada.visits.size(), 2U);
  });
}

}  // namespace
}  // namespace wordnet

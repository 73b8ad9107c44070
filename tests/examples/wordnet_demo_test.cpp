// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <regex>
#include <string>
#include <vector>

#include "child_process.hpp"
#include "wordnet_fixture.hpp"

#ifndef WORDNET_DEMO_PROGRAM
#error "WORDNET_DEMO_PROGRAM must name the built demo"
#endif

namespace wordnet {
namespace {

using namespace wordnet::test;

constexpr std::size_t synset_count = 60'000;
constexpr std::size_t children_per_synset = 10;

/// A database of nouns that form one tree, large enough to be caught halfway. It is in the format
/// of WordNet: each line begins with its byte offset, and pointers name their targets by that.
class TreeDatabase {
 public:
  TreeDatabase() {
    // Offsets are of one width, so lines with wrong ones have the right lengths.
    offsets_.assign(synset_count, 1);
    std::size_t offset = 0;
    for (std::size_t i = 0; i < synset_count; ++i) {
      const std::size_t length = line(i).size();
      offsets_[i] = offset;
      offset += length;
    }
    // The first line would stand at byte 0, which no synset does in WordNet: a licence comes first.
    for (std::size_t& each : offsets_) each += licence.size();
    std::string data(licence);
    for (std::size_t i = 0; i < synset_count; ++i) data += line(i);
    std::string index(licence);
    for (std::size_t i = 0; i < synset_count; ++i) {
      index += fmt::format("{} n 1 2 @ ~ 1 0 {:08}  \n", word(i), offsets_[i]);
    }
    for (const char* const name :
         {"data.verb", "data.adj", "data.adv", "index.verb", "index.adj", "index.adv"}) {
      write_text(path() / name, licence);
    }
    write_text(path() / "data.noun", data);
    write_text(path() / "index.noun", index);
  }

  const std::filesystem::path& path() const noexcept { return directory_.path(); }

 private:
  static constexpr std::string_view licence = "  1 Made for a test.  \n";

  static std::string word(std::size_t i) {
    if (i == 0) return "entity";
    return i == synset_count - 1 ? "dog" : fmt::format("word{}", i);
  }

  std::string line(std::size_t i) const {
    std::vector<std::string> pointers;
    if (i > 0) {
      pointers.push_back(fmt::format("@ {:08} n 0000", offsets_[(i - 1) / children_per_synset]));
    }
    const std::size_t first_child = i * children_per_synset + 1;
    for (std::size_t child = first_child;
         child < std::min(first_child + children_per_synset, synset_count); ++child) {
      pointers.push_back(fmt::format("~ {:08} n 0000", offsets_[child]));
    }
    std::string text =
        fmt::format("{:08} 03 n 01 {} 0 {:03}", offsets_[i], word(i), pointers.size());
    for (const std::string& pointer : pointers) text += " " + pointer;
    return text + fmt::format(" | node {} of a tree that is there to be imported  \n", i);
  }

  TemporaryDirectory directory_;
  std::vector<std::size_t> offsets_;
};

TEST(Demo, kills_the_import_recovers_resumes_and_answers) {
  const TreeDatabase database;
  const TemporaryDirectory place;
  const std::string store = (place.path() / "demo.cairn").string();
  const std::string output_path = (place.path() / "output").string();
  ChildProcess sut(
      {"/bin/sh", "-c",
       fmt::format("exec '{}' --database '{}' --store '{}' > '{}' 2>&1", WORDNET_DEMO_PROGRAM,
                   database.path().string(), store, output_path)});
  const Outcome outcome = sut.wait();
  const std::string output = read_text(output_path);
  ASSERT_TRUE(outcome.success()) << output;
  for (const char* const expected :
       {"(\"wordnet import\", writing) with signal 9", "recovery: took over from a dead process",
        "no problem", "119,998 of 119,998 pointers", "verified: ", "The noun \"dog\" has 1 sense",
        "=> entity", "importing all, by 2 processes", "dog...\n  dog\n",
        // Of "dog" twice before, and of four by each word; seen while all four live.
        "cat: 6 words asked for, 4 of them just now; 4 processes wait",
        "run: 10 words asked for, 8 of them just now; 4 processes wait",
        "green: 14 words asked for, 12 of them just now; 4 processes wait",
        "slowly: 18 words asked for, 16 of them just now; 4 processes wait"}) {
    EXPECT_NE(output.find(expected), std::string::npos) << expected << " is missing in:\n"
                                                        << output;
  }
  // Halfway is in the one, the end in the other; how far the process gets from there until it is
  // halted is up to the scheduler.
  const std::regex resuming("resuming behind line [0-9,]+ of (data|index)\\.noun");
  EXPECT_TRUE(std::regex_search(output, resuming)) << output;
}

TEST(Demo, refuses_to_delete_a_store_unasked) {
  const TemporaryDirectory place;
  const std::string store = (place.path() / "precious").string();
  write_text(store, "precious");
  ChildProcess sut({"/bin/sh", "-c",
                    fmt::format("exec '{}' --database '{}' --store '{}' > /dev/null 2>&1",
                                WORDNET_DEMO_PROGRAM, fixture_directory().string(), store)});
  EXPECT_EQ(sut.wait().code, EXIT_FAILURE);
  EXPECT_EQ(read_text(store), "precious");
}

}  // namespace
}  // namespace wordnet

// SPDX-License-Identifier: BSL-1.0
#include "wndb_source.hpp"

#include <gtest/gtest.h>

#include "wndb_census.hpp"
#include "wordnet_fixture.hpp"

namespace wordnet {
namespace {

using namespace wordnet::test;

/// Every entry of a source as text, read in batches of `entries_max` from `start` on.
std::string transcript(const Source& source, Cursor start, std::size_t entries_max) {
  std::string text;
  while (!source.at_end(start)) {
    const Batch batch = read_batch(source, start, entries_max);
    EXPECT_LE(batch.size(), entries_max);
    EXPECT_NE(batch.end, start);
    EXPECT_GE(source.bytes_before(batch.end), source.bytes_before(start));
    EXPECT_TRUE(source.is_valid(batch.end));
    for (const SynsetRecord& synset : batch.synsets) {
      text += std::to_string(synset.id) + " " + std::string(synset.gloss) + "\n";
    }
    for (const IndexRecord& entry : batch.entries) text += std::string(entry.lemma) + "\n";
    start = batch.end;
  }
  return text;
}

TEST(Source, holds_the_data_files_before_the_index_files) {
  const Source sut(fixture_directory());
  ASSERT_EQ(sut.files().size(), 8U);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(sut.files()[i].is_index, i >= 4) << i;
  EXPECT_EQ(sut.files()[2].name, "data.adj");
  EXPECT_EQ(sut.files()[2].part, PartOfSpeech::adjective);
}

TEST(Source, names_the_file_that_is_missing) {
  const FixtureCopy copy;
  std::filesystem::remove(copy.path() / "index.adv");
  try {
    Source sut(copy.path());
    FAIL() << "a missing file went unnoticed";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_NE(std::string(error.what()).find("index.adv"), std::string::npos) << error.what();
  }
}

TEST(Source, refuses_a_directory_in_the_place_of_a_file) {
  const FixtureCopy copy;
  std::filesystem::remove(copy.path() / "data.verb");
  std::filesystem::create_directory(copy.path() / "data.verb");
  EXPECT_THROW(Source{copy.path()}, std::system_error);
}

TEST(ReadBatch, hands_out_the_same_entries_whatever_the_batch_size) {
  const Source source(fixture_directory());
  const std::string whole = transcript(source, {}, 1000);
  EXPECT_EQ(std::count(whole.begin(), whole.end(), '\n'), fixture_synsets + fixture_entries);
  for (const std::size_t size : {1U, 2U, 3U, 7U, 16U, 31U}) {
    EXPECT_EQ(transcript(source, {}, size), whole) << size;
  }
}

TEST(ReadBatch, goes_on_from_any_cursor_that_it_returned) {
  const Source source(fixture_directory());
  const std::string whole = transcript(source, {}, 1000);
  std::string before;
  for (Cursor cursor; !source.at_end(cursor);) {
    EXPECT_EQ(before + transcript(source, cursor, 4), whole);
    const Batch batch = read_batch(source, cursor, 1);
    for (const SynsetRecord& synset : batch.synsets) {
      before += std::to_string(synset.id) + " " + std::string(synset.gloss) + "\n";
    }
    for (const IndexRecord& entry : batch.entries) before += std::string(entry.lemma) + "\n";
    cursor = batch.end;
  }
  EXPECT_EQ(before, whole);
}

TEST(ReadBatch, never_mixes_two_files) {
  const Source source(fixture_directory());
  for (Cursor cursor; !source.at_end(cursor);) {
    const Batch batch = read_batch(source, cursor, 1000);
    EXPECT_TRUE(batch.synsets.empty() || batch.entries.empty());
    EXPECT_EQ(batch.end, (Cursor{cursor.file + 1, 0, 0}));
    cursor = batch.end;
  }
}

TEST(ReadBatch, counts_lines_across_batches_for_its_messages) {
  const FixtureCopy copy;
  copy.replace("data.noun", "00000978 05 n 03 dog", "00000979 05 n 03 dog");
  const Source source(copy.path());
  try {
    transcript(source, {}, 3);
    FAIL() << "a wrong offset went unnoticed";
  } catch (const ParseError& error) {
    EXPECT_EQ(error.file(), "data.noun");
    EXPECT_EQ(error.line(), 10U);
  }
}

TEST(ReadBatch, finds_converted_line_ends) {
  const FixtureCopy copy;
  std::string text = read_text(copy.path() / "data.adv");
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) {
    text.replace(at, 1, "\r\n");
  }
  write_text(copy.path() / "data.adv", text);
  EXPECT_THROW(transcript(Source(copy.path()), {}, 100), ParseError);
}

TEST(ReadBatch, refuses_a_file_cut_off_inside_a_line) {
  const std::string whole = read_text(fixture_directory() / "data.adv");
  const FixtureCopy copy;
  std::size_t refused = 0;
  std::size_t completed = 0;
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    write_text(copy.path() / "data.adv", whole.substr(0, length));
    const Source source(copy.path());
    const bool at_line_end = length == 0 || whole[length - 1] == '\n';
    if (at_line_end) {
      EXPECT_NO_THROW(transcript(source, Cursor{3, 0, 0}, 100)) << length;
      ++completed;
    } else {
      EXPECT_THROW(transcript(source, Cursor{3, 0, 0}, 100), ParseError) << length;
      ++refused;
    }
  }
  EXPECT_GT(refused, 0U);
  EXPECT_GT(completed, 0U);
}

TEST(ReadBatch, passes_over_a_file_without_entries) {
  const FixtureCopy copy;
  write_text(copy.path() / "data.noun", "");
  const Source source(copy.path());
  const Batch batch = read_batch(source, {}, 5);
  EXPECT_EQ(batch.size(), 0U);
  EXPECT_EQ(batch.end, (Cursor{1, 0, 0}));
}

TEST(Source, knows_a_cursor_of_other_files_by_its_place) {
  const Source source(fixture_directory());
  const Cursor good = read_batch(source, {}, 1).end;
  EXPECT_TRUE(source.is_valid(good));
  EXPECT_TRUE(source.is_valid(Cursor{8, 0, 0}));
  EXPECT_FALSE(source.is_valid(Cursor{good.file, good.lines, good.offset + 1}));
  EXPECT_FALSE(source.is_valid(Cursor{good.file, good.lines, std::uint64_t{1} << 60U}));
  EXPECT_FALSE(source.is_valid(Cursor{0, 3, 0}));
  EXPECT_FALSE(source.is_valid(Cursor{9, 0, 0}));
}

TEST(Census, counts_what_stands_in_the_files) {
  const Counts sut = take_census(Source(fixture_directory()));
  EXPECT_EQ(sut, (Counts{fixture_synsets, fixture_words, fixture_pointers, fixture_entries,
                         fixture_senses}));
}

TEST(Census, refuses_a_line_without_its_counts) {
  const FixtureCopy copy;
  copy.replace("index.verb", "stir v 1 0 1 0 00000537  ", "stir v");
  EXPECT_THROW(take_census(Source(copy.path())), ParseError);
}

}  // namespace
}  // namespace wordnet

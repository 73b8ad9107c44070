// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <boost/describe/class.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "wndb_parser.hpp"

/// The eight files of a WordNet database as one sequence of batches with a position to resume from.
namespace wordnet {

/// How far reading has come. Everything before it has been handed out, nothing behind it. An import
/// stores it in the transaction that stores the batch before it, so neither is ever without the
/// other.
struct Cursor {
  std::uint32_t file = 0;    ///< index into Source::files()
  std::uint32_t lines = 0;   ///< lines of that file before the position
  std::uint64_t offset = 0;  ///< bytes of that file before the position

  bool operator==(const Cursor&) const = default;
};
BOOST_DESCRIBE_STRUCT(Cursor, (), (file, lines, offset))

/// One file of the database, read whole.
struct SourceFile {
  std::string name;
  PartOfSpeech part{};
  bool is_index = false;
  std::string bytes;

  /// The first line at or behind `cursor` that is not a line of the licence; moves `cursor` behind
  /// it. Nothing at the end of the file.
  ///
  /// Throws: ParseError: the last line lacks its newline, so the file was cut off.
  std::optional<SourceLine> next_line(Cursor& cursor) const;
};

/// A database directory: data.noun, data.verb, data.adj, data.adv, then the index files in that
/// order. The data files come first, so that every synset exists when the index files refer to it.
class Source {
 public:
  static constexpr std::size_t file_count = 8;

  /// Reads the files.
  ///
  /// Throws: std::system_error: a file is missing or unreadable; what() names it.
  explicit Source(const std::filesystem::path& directory);

  const std::array<SourceFile, file_count>& files() const noexcept { return files_; }
  std::uint64_t total_bytes() const noexcept;

  /// A number that tells databases apart: FNV-1a, 64 bits, over the names and bytes of all files.
  std::uint64_t fingerprint() const noexcept;

  /// Bytes before `cursor`, of all files together.
  std::uint64_t bytes_before(const Cursor& cursor) const noexcept;
  bool at_end(const Cursor& cursor) const noexcept { return cursor.file >= file_count; }

  /// Whether `cursor` is the start of a line, or the end: false for positions in other files than
  /// these.
  bool is_valid(const Cursor& cursor) const noexcept;

 private:
  std::array<SourceFile, file_count> files_;
};

/// Consecutive entries of one file. Either synsets or index entries, never both. Views into the
/// Source.
struct Batch {
  std::vector<SynsetRecord> synsets;
  std::vector<IndexRecord> entries;
  Cursor end;  ///< the position behind the batch

  std::size_t size() const noexcept { return synsets.size() + entries.size(); }
};

/// Parses up to `entries_max` entries that follow `start`, not beyond the end of its file. A batch
/// may be empty (a file without entries); its `end` is further on than `start` all the same.
///
/// Requires: !source.at_end(start), source.is_valid(start), entries_max > 0.
/// Throws:   ParseError.
Batch read_batch(const Source& source, const Cursor& start, std::size_t entries_max);

}  // namespace wordnet

// SPDX-License-Identifier: BSL-1.0
#include "wndb_census.hpp"

#include <sstream>

namespace wordnet {
namespace {

void count_data_line(std::istream& fields, Counts& counts) {
  std::string skipped;
  fields >> skipped >> skipped >> skipped;
  std::uint64_t words = 0;
  fields >> std::hex >> words;
  for (std::uint64_t i = 0; i < 2 * words && fields; ++i) fields >> skipped;
  std::uint64_t pointers = 0;
  fields >> std::dec >> pointers;
  counts.synsets += 1;
  counts.words += words;
  counts.pointers += pointers;
}

void count_index_line(std::istream& fields, Counts& counts) {
  std::string skipped;
  std::uint64_t senses = 0;
  fields >> skipped >> skipped >> senses;
  counts.entries += 1;
  counts.senses += senses;
}

}  // namespace

Counts take_census(const Source& source) {
  Counts counts;
  for (const SourceFile& file : source.files()) {
    std::istringstream lines(file.bytes);
    std::string line;
    for (std::size_t number = 1; std::getline(lines, line); ++number) {
      if (line.starts_with("  ")) continue;
      std::istringstream fields(line);
      file.is_index ? count_index_line(fields, counts) : count_data_line(fields, counts);
      if (!fields) throw ParseError({file.name, number, 0, line}, "a count field is missing");
    }
  }
  return counts;
}

}  // namespace wordnet

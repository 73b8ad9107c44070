// SPDX-License-Identifier: BSL-1.0
#include "wndb_source.hpp"

#include <cassert>
#include <cerrno>
#include <fstream>
#include <numeric>
#include <system_error>

namespace wordnet {
namespace {

struct FileRole {
  const char* name;
  PartOfSpeech part;
  bool is_index;
};

constexpr std::array<FileRole, Source::file_count> roles{{
    {"data.noun", PartOfSpeech::noun, false},
    {"data.verb", PartOfSpeech::verb, false},
    {"data.adj", PartOfSpeech::adjective, false},
    {"data.adv", PartOfSpeech::adverb, false},
    {"index.noun", PartOfSpeech::noun, true},
    {"index.verb", PartOfSpeech::verb, true},
    {"index.adj", PartOfSpeech::adjective, true},
    {"index.adv", PartOfSpeech::adverb, true},
}};

[[noreturn]] void fail_to_read(const std::filesystem::path& path) {
  throw std::system_error(errno != 0 ? errno : EIO, std::generic_category(),
                          "cannot read " + path.string());
}

std::string read_whole(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  if (!stream) fail_to_read(path);
  const std::streamoff size = stream.tellg();
  // A directory opens as a stream and claims a size; only reading from it fails.
  if (size < 0 || !std::filesystem::is_regular_file(path)) {
    errno = EINVAL;
    fail_to_read(path);
  }
  std::string bytes(static_cast<std::size_t>(size), '\0');
  stream.seekg(0);
  if (!stream.read(bytes.data(), size)) fail_to_read(path);
  return bytes;
}

}  // namespace

std::optional<SourceLine> SourceFile::next_line(Cursor& cursor) const {
  while (cursor.offset < bytes.size()) {
    const std::size_t start = cursor.offset;
    const std::size_t newline = bytes.find('\n', start);
    SourceLine line{name, cursor.lines + std::size_t{1}, start, {}};
    if (newline == std::string::npos) {
      throw ParseError(line, "the file ends within this line: it was cut off");
    }
    line.text = std::string_view(bytes).substr(start, newline - start);
    cursor.offset = newline + 1;
    ++cursor.lines;
    if (!line.text.starts_with("  ")) return line;  // two blanks open each line of the licence
  }
  return std::nullopt;
}

Source::Source(const std::filesystem::path& directory) {
  for (std::size_t i = 0; i < file_count; ++i) {
    files_[i].name = roles[i].name;
    files_[i].part = roles[i].part;
    files_[i].is_index = roles[i].is_index;
    files_[i].bytes = read_whole(directory / roles[i].name);
  }
}

std::uint64_t Source::total_bytes() const noexcept {
  return bytes_before(Cursor{static_cast<std::uint32_t>(file_count), 0, 0});
}

std::uint64_t Source::fingerprint() const noexcept {
  constexpr std::uint64_t offset_basis = 0xCBF29CE484222325U;
  constexpr std::uint64_t prime = 0x100000001B3U;
  std::uint64_t hash = offset_basis;
  const auto add = [&](std::string_view text) {
    for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * prime;
    hash = (hash ^ 0xFFU) * prime;  // ends the text: no byte of it may move to the next
  };
  for (const SourceFile& file : files_) {
    add(file.name);
    add(file.bytes);
  }
  return hash;
}

std::uint64_t Source::bytes_before(const Cursor& cursor) const noexcept {
  const std::size_t whole = cursor.file < file_count ? cursor.file : file_count;
  return std::accumulate(
      files_.begin(), files_.begin() + static_cast<std::ptrdiff_t>(whole), cursor.offset,
      [](std::uint64_t sum, const SourceFile& file) { return sum + file.bytes.size(); });
}

bool Source::is_valid(const Cursor& cursor) const noexcept {
  if (cursor.file >= file_count) return cursor == Cursor{file_count, 0, 0};
  const std::string& bytes = files_[cursor.file].bytes;
  if (cursor.offset == 0) return cursor.lines == 0;
  return cursor.offset <= bytes.size() && bytes[cursor.offset - 1] == '\n';
}

Batch read_batch(const Source& source, const Cursor& start, std::size_t entries_max) {
  assert(!source.at_end(start) && source.is_valid(start) && entries_max > 0);
  const SourceFile& file = source.files()[start.file];
  Batch batch;
  batch.end = start;
  while (batch.size() < entries_max) {
    const std::optional<SourceLine> line = file.next_line(batch.end);
    if (!line) break;
    if (file.is_index) {
      batch.entries.push_back(parse_index_entry(*line, file.part));
    } else {
      batch.synsets.push_back(parse_synset(*line, file.part));
    }
  }
  if (batch.end.offset >= file.bytes.size()) batch.end = Cursor{start.file + 1, 0, 0};
  return batch;
}

}  // namespace wordnet

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cairn/cairn.hpp>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <string_view>

#ifndef WORDNET_FIXTURE_DIR
#error "WORDNET_FIXTURE_DIR must name tests/examples/fixture"
#endif

namespace wordnet::test {

/// What the fixture's files hold, counted by hand.
inline constexpr std::size_t fixture_synsets = 31;
inline constexpr std::size_t fixture_words = 45;
inline constexpr std::size_t fixture_pointers = 54;
inline constexpr std::size_t fixture_entries = 43;
inline constexpr std::size_t fixture_senses = 44;

inline std::filesystem::path fixture_directory() {
  return WORDNET_FIXTURE_DIR;
}

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream) << path;
  return {std::istreambuf_iterator<char>(stream), {}};
}

inline void write_text(const std::filesystem::path& path, std::string_view text) {
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream << text;
  ASSERT_TRUE(stream.flush()) << path;
}

/// Of a store beside temporary files, which may lie in memory.
inline cairn::Options wherever_it_lies() {
  cairn::Options options;
  options.any_file_system = true;
  return options;
}

/// A directory of one test's own that goes away with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "wordnet-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create " + name);
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// A private copy of the fixture, to be damaged by the test.
class FixtureCopy {
 public:
  FixtureCopy() { std::filesystem::copy(fixture_directory(), path()); }

  const std::filesystem::path& path() const noexcept { return directory_.path(); }

  /// Replaces the one occurrence of `old_text` in `file`.
  void replace(const std::string& file, std::string_view old_text,
               std::string_view new_text) const {
    std::string text = read_text(path() / file);
    const std::size_t at = text.find(old_text);
    ASSERT_NE(at, std::string::npos) << old_text << " is not in " << file;
    ASSERT_EQ(text.find(old_text, at + 1), std::string::npos) << old_text << " occurs twice";
    text.replace(at, old_text.size(), new_text);
    write_text(path() / file, text);
  }

 private:
  TemporaryDirectory directory_;
};

}  // namespace wordnet::test

// SPDX-License-Identifier: BSL-1.0
// README.md beside the examples, which are built and run: what it shows is a program that works.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace cairn {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The C++ blocks of the page that are whole programs.
std::vector<std::string> programs_of(const std::string& page) {
  std::vector<std::string> programs;
  std::istringstream lines(page);
  std::string block;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("```")) {
      if (inside) block += line + "\n";
      continue;
    }
    if (block.find("int main(") != std::string::npos) programs.push_back(block);
    inside = !inside && line == "```cpp";
    block.clear();
  }
  return programs;
}

/// What follows the comments at the head of a source.
std::string program_of(const std::string& source) {
  std::istringstream lines(source);
  std::string program;
  for (std::string line; std::getline(lines, line);) {
    const bool is_head = line.empty() || line.starts_with("//");
    if (!program.empty() || !is_head) program += line + "\n";
  }
  return program;
}

TEST(Readme, shows_the_examples_line_by_line) {
  const std::string directory = CAIRN_EXAMPLES_DIR;
  const auto shown = programs_of(text_of(CAIRN_README));
  ASSERT_EQ(shown.size(), 2U) << "a program that no example stands for is never built";
  EXPECT_EQ(shown[0], program_of(text_of(directory + "/people/people.cpp")));
  EXPECT_EQ(shown[1], program_of(text_of(directory + "/readings/readings.cpp")));
}

}  // namespace
}  // namespace cairn

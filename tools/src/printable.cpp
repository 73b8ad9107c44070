// SPDX-License-Identifier: BSL-1.0
#include "printable.hpp"

#include <fmt/format.h>

#include <boost/locale/utf.hpp>
#include <cstdio>

namespace cairn::tool {

std::string printable(std::string_view text) {
  using Utf8 = boost::locale::utf::utf_traits<char>;
  std::string result;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at != end;) {
    const char* const first = at;
    const auto code = Utf8::decode(at, end);
    const bool is_character =
        code != boost::locale::utf::illegal && code != boost::locale::utf::incomplete;
    // What is no character is looked at byte by byte.
    if (!is_character) at = first + 1;
    const auto value = is_character ? code : static_cast<unsigned char>(*first);
    const bool is_control = value < 0x20 || (value >= 0x7F && value < 0xA0);
    if (is_control) {
      result += '?';
    } else {
      result.append(first, at);
    }
  }
  return result;
}

void print_line(const char* name, const std::string& value) {
  fmt::print("{:<12}{}\n", name, value);
}

void print_problems(const std::vector<std::string>& problems) {
  for (const std::string& problem : problems) {
    fmt::print(stderr, "cairn: {}\n", printable(problem));
  }
}

}  // namespace cairn::tool

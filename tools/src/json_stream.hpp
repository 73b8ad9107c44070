// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <vector>

namespace cairn::tool {

/// Whether `text` is well-formed UTF-8, which is all that a JSON string can hold.
bool is_utf8(std::string_view text) noexcept;

/// Writes `text` as a JSON string, piece by piece. Requires: is_utf8(text).
void write_json_string(std::FILE* out, std::string_view text);

/// Writes JSON token by token, for what is too large to be held: nlohmann-json, whose escaping is
/// used, prints only values that are in memory as a whole. Takes two bits of memory for each level
/// of nesting.
///
///     JsonStream json(stdout);
///     json.begin_object();
///     json.key("answer");
///     json.plain("42");
///     json.end();
class JsonStream {
 public:
  explicit JsonStream(std::FILE* out) noexcept : out_(out) {}

  void begin_object() { begin('{', true); }
  void begin_array() { begin('[', false); }
  /// Ends the innermost object or array.
  void end();
  void key(std::string_view name);
  /// A number, true, false or null as they stand.
  void plain(std::string_view token);
  void number(std::uint64_t value);
  /// Bytes that are no UTF-8 become {"$bytes": "<hexadecimal digits>"}.
  void string(std::string_view text);

  std::size_t depth() const noexcept { return is_object_.size(); }
  /// How many values and keys have been written.
  std::uint64_t tokens() const noexcept { return tokens_; }
  /// Ends what is open beyond `depth`; a key without a value gets null.
  void close_to(std::size_t depth);
  /// The line break behind the whole.
  void finish() { std::fputc('\n', out_); }

 private:
  void begin(char bracket, bool is_object);
  void before_value();
  void break_line();

  std::FILE* out_;
  std::vector<bool> is_object_;
  std::vector<bool> has_parts_;
  bool after_key_ = false;
  std::uint64_t tokens_ = 0;
};

}  // namespace cairn::tool

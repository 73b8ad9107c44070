// SPDX-License-Identifier: BSL-1.0
#include "json_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/locale/utf.hpp>
#include <nlohmann/json.hpp>
#include <string>

namespace cairn::tool {
namespace {

/// Deeper than this everything stands on one line: a chain of a million boxes has no room for
/// indentation.
constexpr std::size_t indented_levels = 4;
constexpr std::size_t piece_bytes = std::size_t{1} << 16;

/// Writes what the library has escaped, and escapes the control characters that JSON lets pass, DEL
/// and U+0080 to U+009F: terminals obey them.
void write_without_controls(std::FILE* out, std::string_view escaped) {
  constexpr unsigned char del = 0x7F;
  constexpr unsigned char lead_of_controls = 0xC2;  // its continuation bytes are their codes
  const auto byte_at = [&](std::size_t i) { return static_cast<unsigned char>(escaped[i]); };
  std::size_t written = 0;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    const bool is_pair = byte_at(i) == lead_of_controls && byte_at(i + 1) < 0xA0;
    if (byte_at(i) != del && !is_pair) continue;
    std::fwrite(escaped.data() + written, 1, i - written, out);
    if (is_pair) ++i;
    fmt::print(out, "\\u{:04x}", byte_at(i));
    written = i + 1;
  }
  std::fwrite(escaped.data() + written, 1, escaped.size() - written, out);
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  using Utf8 = boost::locale::utf::utf_traits<char>;
  for (const char* at = text.data(); at != text.data() + text.size();) {
    const auto code = Utf8::decode(at, text.data() + text.size());
    if (code == boost::locale::utf::illegal || code == boost::locale::utf::incomplete) return false;
  }
  return true;
}

void write_json_string(std::FILE* out, std::string_view text) {
  std::fputc('"', out);
  while (!text.empty()) {
    std::size_t bytes = std::min(text.size(), piece_bytes);
    // Not in the middle of a character: those begin with a byte that is not 10xxxxxx.
    while (bytes < text.size() && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U) {
      --bytes;
    }
    const std::string escaped = nlohmann::json(text.substr(0, bytes)).dump();
    write_without_controls(out, std::string_view(escaped).substr(1, escaped.size() - 2));
    text.remove_prefix(bytes);
  }
  std::fputc('"', out);
}

void JsonStream::break_line() {
  if (depth() > indented_levels) return;
  fmt::print(out_, "\n{:{}}", "", 2 * depth());
}

void JsonStream::before_value() {
  ++tokens_;
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (depth() == 0) return;
  if (has_parts_.back()) std::fputs(depth() > indented_levels ? ", " : ",", out_);
  has_parts_.back() = true;
  break_line();
}

void JsonStream::begin(char bracket, bool is_object) {
  before_value();
  std::fputc(bracket, out_);
  is_object_.push_back(is_object);
  has_parts_.push_back(false);
}

void JsonStream::end() {
  const char bracket = is_object_.back() ? '}' : ']';
  const bool had_parts = has_parts_.back();
  const bool breaks = had_parts && depth() <= indented_levels;
  is_object_.pop_back();
  has_parts_.pop_back();
  if (breaks) break_line();
  std::fputc(bracket, out_);
}

void JsonStream::key(std::string_view name) {
  before_value();
  write_json_string(out_, name);
  std::fputs(": ", out_);
  after_key_ = true;
}

void JsonStream::plain(std::string_view token) {
  before_value();
  std::fwrite(token.data(), 1, token.size(), out_);
}

void JsonStream::number(std::uint64_t value) {
  plain(fmt::format_int(value).c_str());
}

void JsonStream::string(std::string_view text) {
  if (is_utf8(text)) {
    before_value();
    write_json_string(out_, text);
    return;
  }
  begin_object();
  key("$bytes");
  before_value();
  std::fputc('"', out_);
  for (const char c : text) fmt::print(out_, "{:02x}", static_cast<unsigned char>(c));
  std::fputc('"', out_);
  end();
}

void JsonStream::close_to(std::size_t depth_wanted) {
  if (after_key_) plain("null");
  while (depth() > depth_wanted) end();
}

}  // namespace cairn::tool

// SPDX-License-Identifier: BSL-1.0
#include "cairn/stored_value.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "cairn/types/string_format.hpp"

namespace cairn {
namespace {

constexpr std::size_t shown_characters = 40;

std::uint64_t load_unsigned(const TypeNode& type, const HeapBytes& heap,
                            std::uint64_t at) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, heap.base + at, type.size);  // little-endian: pointer_format.hpp
  return value;
}

std::int64_t load_signed(const TypeNode& type, const HeapBytes& heap, std::uint64_t at) noexcept {
  const auto unused_bits = static_cast<unsigned>(64 - 8 * type.size);
  return static_cast<std::int64_t>(load_unsigned(type, heap, at) << unused_bits) >> unused_bits;
}

template <class T>
std::string digits(T value) {
  std::array<char, 40> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), end};
}

}  // namespace

StoredNumber stored_number(const TypeNode& type, const HeapBytes& heap, std::uint64_t at) noexcept {
  switch (type.number) {
    case TypeKind::boolean: return heap.load<std::uint8_t>(at) != 0;
    case TypeKind::character: return heap.load<char>(at);
    case TypeKind::signed_integer: return load_signed(type, heap, at);
    case TypeKind::floating:
      return type.size == 4 ? double{heap.load<float>(at)} : heap.load<double>(at);
    default: return load_unsigned(type, heap, at);
  }
}

std::string to_text(const StoredNumber& number) {
  if (const bool* const flag = std::get_if<bool>(&number)) return *flag ? "true" : "false";
  if (const char* const c = std::get_if<char>(&number)) return quoted({c, 1}, 1);
  if (const auto* const value = std::get_if<std::int64_t>(&number)) return digits(*value);
  if (const auto* const value = std::get_if<std::uint64_t>(&number)) return digits(*value);
  const double value = std::get<double>(number);
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = digits(value);
  // Readers take what has neither point nor exponent for an integer, which has no -0.
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string quoted(std::string_view text, std::size_t most) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string result = "\"";
  for (const char c : text.substr(0, most)) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (code >= 0x20 && code < 0x7F) {
      result += c;
    } else {
      result += "\\x";
      result += hex[code >> 4];
      result += hex[code & 15];
    }
  }
  result += text.size() > most ? "\"..." : "\"";
  return result;
}

std::optional<std::string_view> stored_string(const HeapBytes& heap, std::uint64_t at) noexcept {
  const auto* const base = reinterpret_cast<const char*>(heap.base);
  const auto tag = heap.load<std::uint8_t>(at + string_tag_byte);
  if (tag <= string_short_capacity) return std::string_view(base + at, string_short_capacity - tag);
  const auto text = heap.load<StringFormat::Long>(at);
  const std::uint64_t block = at + static_cast<std::uint64_t>(text.distance);
  if (tag != string_long_tag || block < heap.begin || block >= heap.end ||
      text.size > heap.end - block) {
    return std::nullopt;
  }
  return std::string_view(base + block, text.size);
}

std::string value_text(const TypeNode& type, const HeapBytes& heap, std::uint64_t at) {
  if (shape_of(type.kind) == ValueShape::number) return to_text(stored_number(type, heap, at));
  if (type.kind != TypeKind::string) return "";
  const std::optional<std::string_view> text = stored_string(heap, at);
  return text ? quoted(*text, shown_characters) : "";
}

}  // namespace cairn

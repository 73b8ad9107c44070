// SPDX-License-Identifier: BSL-1.0
#include "cairn_console/format.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace cairn::console {
namespace {

/// `value` with three significant digits, as long as it is below 1000.
std::string three_digits(double value) {
  if (value >= 99.95) return fmt::format("{:.0f}", value);
  if (value >= 9.995) return fmt::format("{:.1f}", value);
  return fmt::format("{:.2f}", value);
}

bool continues_a_code_point(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

}  // namespace

std::string format_count(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (std::size_t place = text.size(); place > 3;) {
    place -= 3;
    text.insert(place, 1, ',');
  }
  return text;
}

std::string format_rate(double per_second) {
  if (!std::isfinite(per_second) || per_second < 0) return "-";
  constexpr std::array<const char*, 4> suffixes{"", "k", "M", "G"};
  std::size_t power = 0;
  // 999.5 would round to a fourth digit.
  while (per_second >= 999.5 && power + 1 < suffixes.size()) {
    per_second /= 1000;
    ++power;
  }
  if (power == 0 && per_second >= 9.5) return fmt::format("{:.0f}", per_second);
  return three_digits(per_second) + suffixes[power];
}

std::string format_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  constexpr std::array<const char*, 6> units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t power = 0;
  while (value >= 999.5 && power + 1 < units.size()) {
    value /= 1024;
    ++power;
  }
  return fmt::format("{} {}", three_digits(value), units[power]);
}

std::string format_duration(std::chrono::nanoseconds duration) {
  const double ns = static_cast<double>(duration.count());
  if (ns < 0) return "-" + format_duration(-duration);
  if (ns < 999.5) return fmt::format("{:.0f} ns", ns);
  if (ns < 999.5e3) return three_digits(ns / 1e3) + " us";
  if (ns < 999.5e6) return three_digits(ns / 1e6) + " ms";
  if (ns < 59.95e9) return three_digits(ns / 1e9) + " s";
  const auto seconds = static_cast<std::uint64_t>(std::llround(ns / 1e9));
  if (seconds < 3600) return fmt::format("{} m {:02} s", seconds / 60, seconds % 60);
  const std::uint64_t minutes = (seconds + 30) / 60;
  return fmt::format("{} h {:02} m", minutes / 60, minutes % 60);
}

std::size_t display_width(std::string_view text) noexcept {
  std::size_t columns = 0;
  for (const char byte : text) columns += continues_a_code_point(byte) ? 0U : 1U;
  return columns;
}

std::string_view fit(std::string_view text, std::size_t columns) noexcept {
  std::size_t taken = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (continues_a_code_point(text[i])) continue;
    if (taken == columns) return text.substr(0, i);
    ++taken;
  }
  return text;
}

}  // namespace cairn::console

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cairn::console {

/// `1234567` as "1,234,567".
std::string format_count(std::uint64_t value);

/// An amount a second for people: three digits, thousands as k, M or G ("950", "81.2k", "3.40M").
std::string format_rate(double per_second);

/// A count of bytes in binary units with three digits: "512 B", "4.00 KiB", "1.50 GiB".
std::string format_bytes(std::uint64_t bytes);

/// A time taken, in the unit that gives three readable digits: "417 ns", "2.35 ms", "12.4 s",
/// "3 m 07 s", "1 h 02 m".
std::string format_duration(std::chrono::nanoseconds duration);

/// Columns that `text` takes on a terminal, one a code point. Double-width and combining characters
/// are counted as one: nothing that cairn prints has them.
std::size_t display_width(std::string_view text) noexcept;

/// The longest start of `text` that takes at most `columns` columns.
std::string_view fit(std::string_view text, std::size_t columns) noexcept;

}  // namespace cairn::console

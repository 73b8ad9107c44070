// SPDX-License-Identifier: BSL-1.0
#include "cairn_console/format.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <string>

namespace cairn::console {
namespace {

using namespace std::chrono_literals;

TEST(FormatCount, separates_thousands) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_count(std::numeric_limits<std::uint64_t>::max()), "18,446,744,073,709,551,615");
}

RC_GTEST_PROP(FormatCount, keeps_every_digit_and_groups_by_three, (std::uint64_t value)) {
  std::string digits;
  std::size_t in_group = 0;
  for (const char c : format_count(value)) {
    if (c == ',') {
      RC_ASSERT(in_group >= 1U && in_group <= 3U);
      in_group = 0;
    } else {
      digits += c;
      ++in_group;
    }
  }
  RC_ASSERT(in_group == 3U || value < 1000);
  RC_ASSERT(digits == std::to_string(value));
}

TEST(FormatRate, keeps_three_digits_and_rounds_up_into_the_next_suffix) {
  EXPECT_EQ(format_rate(0), "0.00");
  EXPECT_EQ(format_rate(4.25), "4.25");
  EXPECT_EQ(format_rate(950), "950");
  EXPECT_EQ(format_rate(999.7), "1.00k");
  EXPECT_EQ(format_rate(81'234), "81.2k");
  EXPECT_EQ(format_rate(3.4e6), "3.40M");
  EXPECT_EQ(format_rate(2.5e12), "2500G");
}

TEST(FormatRate, says_nothing_of_a_rate_that_is_none) {
  EXPECT_EQ(format_rate(std::numeric_limits<double>::infinity()), "-");
  EXPECT_EQ(format_rate(std::numeric_limits<double>::quiet_NaN()), "-");
  EXPECT_EQ(format_rate(-1), "-");
}

TEST(FormatBytes, uses_binary_units) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.00 KiB");
  EXPECT_EQ(format_bytes(1536ULL << 20U), "1.50 GiB");
  EXPECT_EQ(format_bytes(1ULL << 60U), "1.00 EiB");
  EXPECT_EQ(format_bytes((1ULL << 20U) - 1), "1.00 MiB");
}

TEST(FormatDuration, picks_the_unit_that_reads_best) {
  EXPECT_EQ(format_duration(0ns), "0 ns");
  EXPECT_EQ(format_duration(417ns), "417 ns");
  EXPECT_EQ(format_duration(2350us), "2.35 ms");
  EXPECT_EQ(format_duration(12'400ms), "12.4 s");
  EXPECT_EQ(format_duration(187s), "3 m 07 s");
  EXPECT_EQ(format_duration(3720s), "1 h 02 m");
  EXPECT_EQ(format_duration(-5ms), "-5.00 ms");
}

TEST(FormatDuration, never_shows_sixty_seconds_or_a_thousand_of_a_unit) {
  EXPECT_EQ(format_duration(999'999ns), "1.00 ms");
  EXPECT_EQ(format_duration(999'999us), "1.00 s");
  EXPECT_EQ(format_duration(59'999ms), "1 m 00 s");
  EXPECT_EQ(format_duration(3599s + 600ms), "1 h 00 m");
}

TEST(Fit, cuts_between_code_points) {
  const std::string text = "1\u00d72\u00b5s";  // five columns, seven bytes
  EXPECT_EQ(display_width(text), 5U);
  EXPECT_EQ(fit(text, 2), "1\u00d7");
  EXPECT_EQ(fit(text, 5), text);
  EXPECT_EQ(fit(text, 99), text);
  EXPECT_EQ(fit(text, 0), "");
}

}  // namespace
}  // namespace cairn::console

// SPDX-License-Identifier: BSL-1.0
#include "cairn_console/table.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace cairn::console {
namespace {

TEST(Table, aligns_text_left_and_numbers_right) {
  Table sut({"work", "time"});
  sut.add_row({"put", "279 ns"});
  sut.add_row({"look up", "18 ns"});
  EXPECT_EQ(sut.to_text(), "work       time\n"
                           "-------  ------\n"
                           "put      279 ns\n"
                           "look up   18 ns\n");
}

TEST(Table, one_cell_of_text_turns_its_column_left) {
  Table sut({"n", "m"});
  sut.add_row({"1", "1"});
  sut.add_row({"many", "1000"});
  EXPECT_EQ(sut.to_text(), "n        m\n"
                           "----  ----\n"
                           "1        1\n"
                           "many  1000\n");
}

TEST(Table, empty_cells_and_dashes_leave_a_column_of_numbers_right) {
  Table sut({"ratio"});
  sut.add_row({"-"});
  sut.add_row({""});
  sut.add_row({"3.1x"});
  EXPECT_EQ(sut.to_text(), "ratio\n"
                           "-----\n"
                           "    -\n"
                           "\n"
                           " 3.1x\n");
}

TEST(Table, an_explicit_alignment_wins) {
  Table sut({"id", "name"});
  sut.align(0, Align::left).align(1, Align::right);
  sut.add_row({"7", "dog"});
  sut.add_row({"1234", "a"});
  EXPECT_EQ(sut.to_text(), "id    name\n"
                           "----  ----\n"
                           "7      dog\n"
                           "1234     a\n");
}

TEST(Table, columns_are_counted_in_characters_not_in_bytes) {
  Table sut({"t", "u"});
  sut.add_row({"5 \u00b5s", "x"});
  sut.add_row({"50 ns", "y"});
  EXPECT_EQ(sut.to_text(), "    t  u\n"
                           "-----  -\n"
                           " 5 \u00b5s  x\n"
                           "50 ns  y\n");
}

TEST(Table, draws_rules_between_rows_and_only_one_under_the_headers) {
  Table sut({"a"});
  sut.add_rule();
  sut.add_row({"1"});
  sut.add_rule();
  sut.add_row({"2"});
  EXPECT_EQ(sut.to_text(), "a\n-\n1\n-\n2\n");
}

TEST(Table, refuses_a_row_of_another_length_and_keeps_the_others) {
  Table sut({"a", "b"});
  sut.add_row({"1", "2"});
  EXPECT_THROW(sut.add_row({"1"}), std::invalid_argument);
  EXPECT_THROW(sut.add_row({"1", "2", "3"}), std::invalid_argument);
  EXPECT_EQ(sut.rows(), 1U);
  EXPECT_THROW(sut.align(2, Align::left), std::out_of_range);
  EXPECT_THROW(Table({}), std::invalid_argument);
}

TEST(Table, markdown_escapes_what_would_break_a_row) {
  Table sut({"type", "n"});
  sut.add_row({"a|b\\c\nd", "12"});
  EXPECT_EQ(sut.to_markdown(), "| type | n |\n"
                               "|---|---:|\n"
                               "| a\\|b\\\\c<br>d | 12 |\n");
}

TEST(LooksLikeANumber, takes_figures_with_signs_and_units_and_no_prose) {
  for (const char* cell : {"0", "12", "-3.5", "1,234", "~7", "<= 5", "12.5 ns", "3.1x", "43 %",
                           "81.2k", "279 \u00b5s"}) {
    EXPECT_TRUE(looks_like_a_number(cell)) << cell;
  }
  for (const char* cell : {"", "-", "x", "n/a", "2 senses of dog", "v1", "< none"}) {
    EXPECT_FALSE(looks_like_a_number(cell)) << cell;
  }
}

}  // namespace
}  // namespace cairn::console

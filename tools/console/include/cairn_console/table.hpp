// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::console {

/// How the cells of one column stand.
enum class Align {
  automatic,  ///< right if every cell is a number (a unit may follow), else left
  left,
  right,
};

/// Rows of text in aligned columns, for a terminal or as Markdown.
///
///     Table table({"work", "cairn", "peer"});
///     table.add_row({"put", "279 ns", "786 ns"});
///     table.print(stdout);
///
/// Threads: none of its own; use one from one thread at a time.
class Table {
 public:
  /// Throws: std::invalid_argument where there is no header.
  explicit Table(std::vector<std::string> headers);

  /// Throws: std::out_of_range where there is no such column.
  Table& align(std::size_t column, Align align);

  /// Throws: std::invalid_argument where the number of cells is not that of the headers.
  void add_row(std::vector<std::string> cells);

  /// Draws a line before the next row; nothing in Markdown, which has no such thing.
  void add_rule();

  std::size_t rows() const noexcept { return rows_.size(); }

  /// Headers, a rule and the rows, columns two spaces apart, no trailing blanks.
  std::string to_text() const;

  /// A Markdown pipe table; pipes, backslashes and line breaks inside cells are escaped.
  std::string to_markdown() const;

  void print(std::FILE* out) const;

 private:
  bool right_aligned(std::size_t column) const;
  std::vector<std::size_t> column_widths() const;
  std::string text_line(const std::vector<std::string>& cells,
                        const std::vector<std::size_t>& widths,
                        const std::vector<bool>& right) const;

  std::vector<std::string> headers_;
  std::vector<Align> aligns_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> rules_;  ///< numbers of the rows that have a line above them
};

/// True for "12", "-3.5", "1,234", "~7", "12.5 ns", "3.1x" and "43 %": what a column of figures
/// holds.
bool looks_like_a_number(std::string_view cell) noexcept;

}  // namespace cairn::console

// SPDX-License-Identifier: BSL-1.0
#include "cairn_console/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "cairn_console/format.hpp"

namespace cairn::console {
namespace {

constexpr std::size_t gap_columns = 2;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// A cell that says "nothing here" fits any column.
bool is_blank(std::string_view cell) noexcept {
  return cell.empty() || cell == "-";
}

std::string padded(std::string_view cell, std::size_t width, bool right) {
  const std::string blanks(width - std::min(width, display_width(cell)), ' ');
  return right ? blanks + std::string(cell) : std::string(cell) + blanks;
}

void strip_trailing_blanks(std::string& line) {
  line.erase(line.find_last_not_of(' ') + 1);
}

std::string escaped_for_markdown(std::string_view cell) {
  std::string escaped;
  for (const char c : cell) {
    if (c == '\n') {
      escaped += "<br>";
      continue;
    }
    if (c == '|' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace

bool looks_like_a_number(std::string_view cell) noexcept {
  constexpr std::string_view signs = "+-~<>=";
  constexpr std::size_t longest_unit = 8;
  std::size_t i = 0;
  while (i < cell.size() && (signs.find(cell[i]) != std::string_view::npos || cell[i] == ' ')) ++i;
  if (i == cell.size() || !is_digit(cell[i])) return false;
  while (i < cell.size() && (is_digit(cell[i]) || cell[i] == '.' || cell[i] == ',')) ++i;
  if (i < cell.size() && cell[i] == ' ') ++i;
  const std::string_view unit = cell.substr(i);
  return unit.find(' ') == std::string_view::npos && display_width(unit) <= longest_unit;
}

Table::Table(std::vector<std::string> headers)
    : headers_(std::move(headers)), aligns_(headers_.size(), Align::automatic) {
  if (headers_.empty()) throw std::invalid_argument("a table needs at least one column");
}

Table& Table::align(std::size_t column, Align align) {
  aligns_.at(column) = align;
  return *this;
}

void Table::add_row(std::vector<std::string> cells) {
  if (cells.size() != headers_.size()) {
    throw std::invalid_argument(
        fmt::format("{} cells for a table of {} columns", cells.size(), headers_.size()));
  }
  rows_.push_back(std::move(cells));
}

void Table::add_rule() {
  rules_.push_back(rows_.size());
}

bool Table::right_aligned(std::size_t column) const {
  if (aligns_[column] != Align::automatic) return aligns_[column] == Align::right;
  bool any_number = false;
  for (const auto& row : rows_) {
    if (is_blank(row[column])) continue;
    if (!looks_like_a_number(row[column])) return false;
    any_number = true;
  }
  return any_number;
}

std::vector<std::size_t> Table::column_widths() const {
  std::vector<std::size_t> widths;
  for (const std::string& header : headers_) widths.push_back(display_width(header));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  return widths;
}

std::string Table::text_line(const std::vector<std::string>& cells,
                             const std::vector<std::size_t>& widths,
                             const std::vector<bool>& right) const {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i != 0) line.append(gap_columns, ' ');
    line += padded(cells[i], widths[i], right[i]);
  }
  strip_trailing_blanks(line);
  return line + '\n';
}

std::string Table::to_text() const {
  const std::vector<std::size_t> widths = column_widths();
  std::vector<bool> right;
  std::string rule;
  for (std::size_t i = 0; i < headers_.size(); ++i) {
    right.push_back(right_aligned(i));
    if (i != 0) rule.append(gap_columns, ' ');
    rule.append(widths[i], '-');
  }
  rule += '\n';

  std::string text = text_line(headers_, widths, right) + rule;
  auto next_rule = rules_.begin();
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    for (; next_rule != rules_.end() && *next_rule == row; ++next_rule) {
      if (row != 0) text += rule;  // the one under the headers is there already
    }
    text += text_line(rows_[row], widths, right);
  }
  return text;
}

std::string Table::to_markdown() const {
  const auto line = [](const std::vector<std::string>& cells) {
    std::string text = "|";
    for (const std::string& cell : cells) text += ' ' + escaped_for_markdown(cell) + " |";
    return text + '\n';
  };
  std::string text = line(headers_) + '|';
  for (std::size_t i = 0; i < headers_.size(); ++i) text += right_aligned(i) ? "---:|" : "---|";
  text += '\n';
  for (const auto& row : rows_) text += line(row);
  return text;
}

void Table::print(std::FILE* out) const {
  const std::string text = to_text();
  std::fwrite(text.data(), 1, text.size(), out);
  std::fflush(out);
}

}  // namespace cairn::console

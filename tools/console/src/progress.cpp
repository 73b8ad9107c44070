// SPDX-License-Identifier: BSL-1.0
#include "cairn_console/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "cairn_console/format.hpp"

namespace cairn::console {
namespace {

using namespace std::chrono_literals;

constexpr auto redraw_interval = 50ms;
constexpr auto line_interval = 10s;
constexpr std::size_t fallback_columns = 80;
constexpr std::size_t most_bar_columns = 30;
constexpr std::size_t fewest_bar_columns = 8;

std::size_t terminal_columns(std::FILE* out) {
  winsize size{};
  if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return fallback_columns;
}

/// Minutes and seconds, or hours as well: what a remaining time reads best as.
std::string clock_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

double seconds_between(ProgressBar::TimePoint from, ProgressBar::TimePoint to) {
  return std::chrono::duration<double>(to - from).count();
}

unsigned percent(std::uint64_t count, std::uint64_t total) {
  return static_cast<unsigned>(100 * (static_cast<double>(count) / static_cast<double>(total)));
}

/// "[=====>    ]" of `columns` columns in all.
std::string bar(double share, std::size_t columns) {
  const std::size_t inside = columns - 2;
  const auto filled = static_cast<std::size_t>(std::min(share, 1.0) * static_cast<double>(inside));
  std::string text = "[" + std::string(filled, '=');
  if (filled < inside) text += '>' + std::string(inside - filled - 1, ' ');
  return text + ']';
}

}  // namespace

ProgressBar::ProgressBar(std::string label, std::uint64_t total, std::string unit,
                         ProgressSettings settings)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      settings_(std::move(settings)) {
  if (!settings_.now) settings_.now = [] { return std::chrono::steady_clock::now(); };
  terminal_ = settings_.terminal.value_or(isatty(fileno(settings_.out)) == 1);
  started_ = settings_.now();
  drawn_ = started_ - redraw_interval;  // so that a terminal shows the bar at the first update
  if (!terminal_) drawn_ = started_;
}

ProgressBar::~ProgressBar() {
  if (drawn_columns_ == 0) return;
  std::fputc('\n', settings_.out);
  std::fflush(settings_.out);
}

void ProgressBar::start_at(std::uint64_t count) {
  start_count_ = count;
  count_ = count;
  started_ = settings_.now();
  printed_quarter_ = quarter();
}

void ProgressBar::update(std::uint64_t count) {
  if (done_) return;
  count_ = count;
  const TimePoint now = settings_.now();
  if (due(now)) draw(now);
}

void ProgressBar::done() {
  if (done_) return;
  done_ = true;
  const TimePoint now = settings_.now();
  const std::uint64_t worked = count_ - std::min(count_, start_count_);
  std::string line = fmt::format("{}: {} {} in {}", label_, format_count(worked), unit_,
                                 format_duration(now - started_));
  if (rate(now) > 0) line += fmt::format(" ({}/s)", format_rate(rate(now)));
  if (!note_.empty()) line += ", " + note_;
  write_line(line);
}

bool ProgressBar::due(TimePoint now) const {
  if (terminal_) return now - drawn_ >= redraw_interval;
  // The closing line says that everything is done.
  const unsigned reached = quarter();
  return now - drawn_ >= line_interval || (reached > printed_quarter_ && reached < 4);
}

void ProgressBar::draw(TimePoint now) {
  drawn_ = now;
  printed_quarter_ = quarter();
  if (terminal_) {
    draw_in_place(now);
  } else {
    print_line(now);
  }
}

void ProgressBar::draw_in_place(TimePoint now) {
  // The last column stays free: a terminal may wrap when it is written.
  const std::size_t columns =
      (settings_.columns != 0 ? settings_.columns : terminal_columns(settings_.out)) - 1;
  const std::string text = figures(now);
  const std::size_t taken = display_width(label_) + display_width(text) + 3;
  std::string line = label_ + ' ';
  if (total_ != 0 && columns >= taken + fewest_bar_columns) {
    const double share = static_cast<double>(count_) / static_cast<double>(total_);
    line += bar(share, std::min(most_bar_columns, columns - taken)) + ' ';
  }
  line = std::string(fit(line + text, columns));
  const std::size_t width = display_width(line);
  const std::size_t leftover = drawn_columns_ - std::min(drawn_columns_, width);
  fmt::print(settings_.out, "\r{}{}", line, std::string(leftover, ' '));
  std::fflush(settings_.out);
  drawn_columns_ = width;
}

void ProgressBar::print_line(TimePoint now) {
  write_line(fmt::format("{}: {}", label_, figures(now)));
}

/// Replaces the line that is being redrawn, if there is one, by `line` for good.
void ProgressBar::write_line(std::string_view line) {
  const std::size_t leftover = drawn_columns_ - std::min(drawn_columns_, display_width(line));
  fmt::print(settings_.out, "{}{}{}\n", drawn_columns_ != 0 ? "\r" : "", line,
             std::string(leftover, ' '));
  std::fflush(settings_.out);
  drawn_columns_ = 0;
}

unsigned ProgressBar::quarter() const noexcept {
  return total_ == 0 ? 0 : std::min(percent(count_, total_) / 25, 4U);
}

double ProgressBar::rate(TimePoint now) const {
  const double seconds = seconds_between(started_, now);
  if (seconds <= 0 || count_ <= start_count_) return 0;
  return static_cast<double>(count_ - start_count_) / seconds;
}

std::string ProgressBar::remaining(TimePoint now) const {
  const double per_second = rate(now);
  if (per_second <= 0 || count_ >= total_) return {};
  return clock_text(static_cast<double>(total_ - count_) / per_second);
}

std::string ProgressBar::figures(TimePoint now) const {
  std::string text;
  if (total_ == 0) {
    text = fmt::format("{} {}", format_count(count_), unit_);
  } else {
    text = fmt::format("{:>3} %  {} / {} {}", percent(count_, total_), format_count(count_),
                       format_count(total_), unit_);
  }
  if (rate(now) > 0) text += fmt::format("  {}/s", format_rate(rate(now)));
  if (const std::string left = remaining(now); !left.empty()) text += "  ETA " + left;
  if (!note_.empty()) text += "  " + note_;
  return text;
}

}  // namespace cairn::console

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace cairn::console {

/// Where a progress bar writes and what time it goes by. The defaults suit a program; tests set
/// all.
struct ProgressSettings {
  std::FILE* out = stderr;
  /// Whether `out` is a terminal; asked of the system where unset.
  std::optional<bool> terminal = std::nullopt;
  /// Columns of the terminal; asked of the system where 0.
  std::size_t columns = 0;
  /// The clock; std::chrono::steady_clock where empty.
  std::function<std::chrono::steady_clock::time_point()> now = {};
};

/// How far a long job has come, with its rate and the time it will still take.
///
/// On a terminal one line is redrawn in place, at most 20 times a second. Elsewhere (a log, a pipe)
/// a line is printed when a quarter is done and when ten seconds have passed without one. Written
/// here because Debian packages no progress library for C++.
///
///     ProgressBar bar("import", total, "synsets");
///     for (...) { ...; bar.advance(); }
///     bar.done();
///
/// Complexity: an update that draws nothing reads the clock, no more.
/// Threads:    one thread at a time.
class ProgressBar {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// `total` 0 means unknown: count and rate are shown, no bar and no remaining time.
  ProgressBar(std::string label, std::uint64_t total, std::string unit,
              ProgressSettings settings = {});
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  /// Ends the line that is being redrawn, so that what is printed next stands on its own.
  ~ProgressBar();

  /// Says that `count` in all are done. A job may overshoot its total.
  void update(std::uint64_t count);
  void advance(std::uint64_t by = 1) { update(count_ + by); }

  /// A count that stood there before this run (work resumed): left out of the rate.
  void start_at(std::uint64_t count);

  /// A short text behind the figures ("37 kills, 0 lost"), shown from the next drawing on.
  void note(std::string text) { note_ = std::move(text); }

  /// Prints the closing line: count, time taken and rate. The bar takes no more updates then.
  void done();

  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t total() const noexcept { return total_; }

 private:
  bool due(TimePoint now) const;
  void draw(TimePoint now);
  void draw_in_place(TimePoint now);
  void print_line(TimePoint now);
  unsigned quarter() const noexcept;
  double rate(TimePoint now) const;
  std::string remaining(TimePoint now) const;
  std::string figures(TimePoint now) const;
  void write_line(std::string_view line);

  std::string label_;
  std::string unit_;
  std::string note_;
  std::uint64_t total_;
  std::uint64_t count_ = 0;
  std::uint64_t start_count_ = 0;
  ProgressSettings settings_;
  TimePoint started_;
  TimePoint drawn_;
  unsigned printed_quarter_ = 0;
  std::size_t drawn_columns_ = 0;  ///< of the line that stands on the terminal, unended
  bool terminal_ = false;
  bool done_ = false;
};

}  // namespace cairn::console

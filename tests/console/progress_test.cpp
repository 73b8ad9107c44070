// SPDX-License-Identifier: BSL-1.0
#include "cairn_console/progress.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include "cairn_console/format.hpp"

namespace cairn::console {
namespace {

using namespace std::chrono_literals;

/// Catches what a bar writes and sets the time that it sees.
class ProgressBarTest : public ::testing::Test {
 protected:
  ~ProgressBarTest() override { std::fclose(out_); }

  ProgressSettings settings(bool terminal, std::size_t columns = 80) {
    return {.out = out_, .terminal = terminal, .columns = columns, .now = [this] { return now_; }};
  }

  std::string written() {
    std::fflush(out_);
    std::rewind(out_);
    std::string text;
    for (int c = std::fgetc(out_); c != EOF; c = std::fgetc(out_)) text += static_cast<char>(c);
    return text;
  }

  std::vector<std::string> written_lines() {
    std::istringstream text(written());
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }

  std::chrono::steady_clock::time_point now_ = std::chrono::steady_clock::time_point(1h);
  std::FILE* out_ = std::tmpfile();
};

TEST_F(ProgressBarTest, off_a_terminal_prints_a_line_at_each_quarter_and_one_at_the_end) {
  ProgressBar sut("import", 1000, "synsets", settings(false));
  for (int i = 0; i < 1000; ++i) {
    now_ += 1ms;
    sut.advance();
  }
  sut.done();
  EXPECT_EQ(written_lines(),
            (std::vector<std::string>{"import:  25 %  250 / 1,000 synsets  1.00k/s  ETA 0:01",
                                      "import:  50 %  500 / 1,000 synsets  1.00k/s  ETA 0:01",
                                      "import:  75 %  750 / 1,000 synsets  1.00k/s  ETA 0:00",
                                      "import: 1,000 synsets in 1.00 s (1.00k/s)"}));
}

TEST_F(ProgressBarTest, off_a_terminal_prints_a_line_after_ten_quiet_seconds) {
  ProgressBar sut("kills", 1000, "kills", settings(false));
  for (int second = 1; second <= 25; ++second) {
    now_ += 1s;
    sut.advance();
  }
  const std::vector<std::string> lines = written_lines();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0], "kills:   1 %  10 / 1,000 kills  1.00/s  ETA 16:30");
  EXPECT_EQ(lines[1], "kills:   2 %  20 / 1,000 kills  1.00/s  ETA 16:20");
}

TEST_F(ProgressBarTest, on_a_terminal_draws_at_most_twenty_times_a_second) {
  ProgressBar sut("load", 100'000, "puts", settings(true));
  for (int i = 0; i < 2000; ++i) {
    now_ += 1ms;
    sut.advance();
  }
  const std::string text = written();
  const auto drawings = std::count(text.begin(), text.end(), '\r');
  EXPECT_GE(drawings, 35);
  EXPECT_LE(drawings, 41);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 0);
}

TEST_F(ProgressBarTest, on_a_terminal_every_drawing_fits_into_one_line) {
  for (const std::size_t columns : {1U, 2U, 12U, 40U, 60U, 80U, 200U}) {
    ProgressBar sut("a rather long label", 5'000'000, "things", settings(true, columns));
    sut.note("with a note that is long as well");
    for (int i = 0; i < 10; ++i) {
      now_ += 60ms;
      sut.advance(500'000);
    }
    std::istringstream text(written());
    for (std::string drawing; std::getline(text, drawing, '\r');) {
      EXPECT_LT(display_width(drawing), columns) << drawing;
    }
    std::rewind(out_);
    ASSERT_EQ(ftruncate(fileno(out_), 0), 0);
  }
}

TEST_F(ProgressBarTest, on_a_terminal_a_shorter_line_wipes_out_the_longer_one_before_it) {
  ProgressBar sut("x", 10, "steps", settings(true));
  sut.note("a long note");
  now_ += 1s;
  sut.advance();
  sut.note("");
  now_ += 1s;
  sut.advance();
  const std::string text = written();
  const std::size_t second = text.rfind('\r');
  EXPECT_EQ(text.size() - second, second) << "the second drawing covers the first";
}

TEST_F(ProgressBarTest, resumed_work_is_left_out_of_the_rate) {
  ProgressBar sut("resume", 1000, "synsets", settings(false));
  sut.start_at(500);
  now_ += 1s;
  sut.advance(250);
  sut.done();
  EXPECT_EQ(written_lines(),
            (std::vector<std::string>{"resume:  75 %  750 / 1,000 synsets  250/s  ETA 0:01",
                                      "resume: 250 synsets in 1.00 s (250/s)"}));
}

TEST_F(ProgressBarTest, an_unknown_total_shows_count_and_rate_alone) {
  ProgressBar sut("fuzz", 0, "runs", settings(false));
  now_ += 11s;
  sut.advance(1100);
  EXPECT_EQ(written(), "fuzz: 1,100 runs  100/s\n");
}

TEST_F(ProgressBarTest, overshooting_the_total_shows_no_remaining_time) {
  ProgressBar sut("x", 10, "steps", settings(true));
  now_ += 1s;
  sut.update(15);
  const std::string text = written();
  EXPECT_NE(text.find("150 %"), std::string::npos) << text;
  EXPECT_EQ(text.find("ETA"), std::string::npos) << text;
}

TEST_F(ProgressBarTest, done_prints_once_and_ends_the_bar) {
  ProgressBar sut("x", 10, "steps", settings(false));
  now_ += 2s;
  sut.note("no failures");
  sut.done();
  sut.done();
  now_ += 20s;
  sut.update(9);
  EXPECT_EQ(written(), "x: 0 steps in 2.00 s, no failures\n");
}

TEST_F(ProgressBarTest, an_abandoned_bar_ends_its_line) {
  {
    ProgressBar sut("x", 10, "steps", settings(true));
    now_ += 1s;
    sut.advance();
  }
  const std::string text = written();
  EXPECT_EQ(text.back(), '\n');
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

}  // namespace
}  // namespace cairn::console

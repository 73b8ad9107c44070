// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace cairn::bench {

/// What a measured figure counts. In every unit but `gigabytes_per_second` less is better.
enum class Unit { nanoseconds, microseconds, milliseconds, bytes, mebibytes, gigabytes_per_second };

/// One figure that every trial of a row reports.
struct Measure {
  std::string name;
  Unit unit;
};

/// A figure that a contestant has no answer to.
inline constexpr double not_measured = std::numeric_limits<double>::quiet_NaN();

/// The figures of one trial, in the order of the row's measures.
using Samples = std::vector<double>;

/// What a contestant is given to work with.
struct Setting {
  /// Empty at the start of the row and the contestant's alone; removed after the row.
  std::filesystem::path directory;
  /// Small amounts of work: the row shows that it runs, its figures say little.
  bool quick = false;

  std::uint64_t amount(std::uint64_t full, std::uint64_t small) const {
    return quick ? small : full;
  }
};

/// Runs one repetition and returns its figures. Repetitions are numbered from 0; contestants get
/// the same work under the same number, and other values under another.
using Trial = std::function<Samples(unsigned repetition)>;

/// One side of a comparison.
struct Contestant {
  std::string name;
  /// Sets up what lasts for the whole row (a filled map, say) and returns what to repeat.
  std::function<Trial(const Setting&)> prepare;
};

/// The contestant that marks speak about.
inline const std::string cairn_name = "cairn";

/// What a row must reach.
struct Mark {
  enum class Kind {
    at_least_times_as_fast,  ///< the peer's time is at least `bound` times cairn's
    at_most_times_the_time,  ///< cairn's time is at most `bound` times the peer's
    at_most,                 ///< cairn's figure is at most `bound`
    never_above,             ///< the same, in each repetition
    at_least,                ///< cairn's figure is at least `bound`
  };

  std::string measure;
  Kind kind;
  double bound;
  std::string peer = {};  ///< empty for a bound that stands for itself
};

/// One comparison: the same work done by each contestant.
struct Row {
  std::string name;         ///< what `--filter` looks at
  std::string description;  ///< the work, for the reader of the table
  std::vector<Measure> measures;
  std::vector<Contestant> contestants;
  std::vector<Mark> marks = {};
  /// Multiplies the repetitions where single ones are short and noisy.
  unsigned rounds = 1;
};

/// The figures of one contestant: `samples[measure][repetition]`.
struct ContestantResult {
  std::string name;
  std::vector<std::vector<double>> samples;
};

struct RowResult {
  std::string name;
  std::string description;
  std::vector<Measure> measures;
  std::vector<ContestantResult> contestants;
  std::vector<Mark> marks;
};

/// A contestant returned something else than what it was given to keep: the run is worthless.
class WrongAnswer : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws WrongAnswer unless both are equal.
void require_answer(const std::string& who, const std::string& what, std::uint64_t got,
                    std::uint64_t expected);

/// What to run and how often.
struct RunOptions {
  std::filesystem::path directory;  ///< where store files go; exists
  unsigned repetitions = 5;
  bool quick = false;
  std::string filter;  ///< a regular expression over row names; empty takes all
  std::string only;    ///< a regular expression over contestant names; empty takes all
};

/// Runs the rows whose names `options.filter` matches, in order, with a progress bar a row.
///
/// Repetitions are interleaved (A B C, B C A, ...) so that whatever else the machine does falls on
/// every contestant alike. Before each trial, outside its time, earlier writes are brought to the
/// disk and free memory goes back to the system.
///
/// Throws: WrongAnswer; whatever a contestant throws.
std::vector<RowResult> run_rows(const std::vector<Row>& rows, const RunOptions& options);

/// The middle of what was measured; values that were not measured are left out. NaN if none was.
struct Spread {
  double median = not_measured;
  double min = not_measured;
  double max = not_measured;

  bool measured() const noexcept { return median == median; }
};
Spread spread_of(std::vector<double> samples);

/// `numerator[i] / denominator[i]` for each repetition: what disturbed both alike cancels out.
std::vector<double> paired_ratios(const std::vector<double>& numerator,
                                  const std::vector<double>& denominator);

/// How a mark came out; nothing where a side was not run.
struct Verdict {
  Spread reached;  ///< the paired ratio or the figure itself
  bool met = false;
};
std::optional<Verdict> judge(const RowResult& row, const Mark& mark);

/// The samples of one contestant under one measure, nullptr where it was not run.
const std::vector<double>* find_samples(const RowResult& row, const std::string& contestant,
                                        const std::string& measure);

}  // namespace cairn::bench

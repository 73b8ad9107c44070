// SPDX-License-Identifier: BSL-1.0
#include "harness.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <regex>
#include <system_error>

#include <fmt/format.h>

#include "cairn_console/progress.hpp"

namespace cairn::bench {
namespace {

/// The scratch directory's file system, to be brought to rest between trials.
class FileSystem {
 public:
  explicit FileSystem(const std::filesystem::path& directory)
      : fd_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), directory.string());
  }
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;
  ~FileSystem() { ::close(fd_); }

  /// Leaves no work of one trial to be done during the next.
  void settle() const {
    if (::syncfs(fd_) != 0) throw std::system_error(errno, std::generic_category(), "syncfs");
    ::malloc_trim(0);
  }

 private:
  int fd_;
};

std::vector<Contestant> chosen_contestants(const Row& row, const RunOptions& options) {
  std::vector<Contestant> chosen;
  const std::regex pattern(options.only);
  for (const Contestant& contestant : row.contestants) {
    if (options.only.empty() || std::regex_search(contestant.name, pattern)) {
      chosen.push_back(contestant);
    }
  }
  return chosen;
}

/// A directory name: letters and digits of the contestant's, and its number to keep them apart.
std::string directory_name(const std::string& name, std::size_t number) {
  std::string text = fmt::format("{}-", number);
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) text.push_back(c);
  }
  return text;
}

void record(ContestantResult& result, const Samples& samples, const Row& row) {
  if (samples.size() != row.measures.size()) {
    throw std::logic_error(fmt::format("{} of {} reports {} figures instead of {}", result.name,
                                       row.name, samples.size(), row.measures.size()));
  }
  for (std::size_t measure = 0; measure < samples.size(); ++measure) {
    result.samples[measure].push_back(samples[measure]);
  }
}

RowResult run_row(const Row& row, const std::vector<Contestant>& contestants,
                  const RunOptions& options) {
  const std::filesystem::path row_directory = options.directory / row.name;
  std::filesystem::create_directories(row_directory);
  const FileSystem file_system(row_directory);
  const unsigned repetitions = options.repetitions * row.rounds;

  RowResult result{row.name, row.description, row.measures, {}, row.marks};
  console::ProgressBar progress(row.name, std::uint64_t{repetitions + 1} * contestants.size(),
                                "trials");
  std::vector<Trial> trials;
  for (const Contestant& contestant : contestants) {
    progress.note(contestant.name + ", set up");
    const Setting setting{row_directory / directory_name(contestant.name, trials.size()),
                          options.quick};
    std::filesystem::create_directory(setting.directory);
    trials.push_back(contestant.prepare(setting));
    result.contestants.push_back(
        {contestant.name, std::vector<std::vector<double>>(row.measures.size())});
    progress.advance();
  }
  for (unsigned repetition = 0; repetition < repetitions; ++repetition) {
    for (std::size_t turn = 0; turn < trials.size(); ++turn) {
      const std::size_t who = (repetition + turn) % trials.size();
      progress.note(contestants[who].name);
      file_system.settle();
      record(result.contestants[who], trials[who](repetition), row);
      progress.advance();
    }
  }
  progress.note("");
  progress.done();
  trials.clear();
  std::filesystem::remove_all(row_directory);
  return result;
}

std::size_t measure_index(const RowResult& row, const std::string& measure) {
  for (std::size_t i = 0; i < row.measures.size(); ++i) {
    if (row.measures[i].name == measure) return i;
  }
  throw std::logic_error(fmt::format("row {} has no measure {}", row.name, measure));
}

}  // namespace

void require_answer(const std::string& who, const std::string& what, std::uint64_t got,
                    std::uint64_t expected) {
  if (got == expected) return;
  throw WrongAnswer(fmt::format("{}: {} is {}, expected {}", who, what, got, expected));
}

std::vector<RowResult> run_rows(const std::vector<Row>& rows, const RunOptions& options) {
  std::vector<RowResult> results;
  const std::regex pattern(options.filter);
  for (const Row& row : rows) {
    if (!options.filter.empty() && !std::regex_search(row.name, pattern)) continue;
    const std::vector<Contestant> contestants = chosen_contestants(row, options);
    if (!contestants.empty()) results.push_back(run_row(row, contestants, options));
  }
  return results;
}

Spread spread_of(std::vector<double> samples) {
  std::erase_if(samples, [](double sample) { return std::isnan(sample); });
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  const std::size_t half = samples.size() / 2;
  const double median =
      samples.size() % 2 == 1 ? samples[half] : (samples[half - 1] + samples[half]) / 2;
  return {median, samples.front(), samples.back()};
}

std::vector<double> paired_ratios(const std::vector<double>& numerator,
                                  const std::vector<double>& denominator) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < std::min(numerator.size(), denominator.size()); ++i) {
    ratios.push_back(numerator[i] / denominator[i]);
  }
  return ratios;
}

const std::vector<double>* find_samples(const RowResult& row, const std::string& contestant,
                                        const std::string& measure) {
  const std::size_t index = measure_index(row, measure);
  for (const ContestantResult& result : row.contestants) {
    if (result.name == contestant) return &result.samples[index];
  }
  return nullptr;
}

std::optional<Verdict> judge(const RowResult& row, const Mark& mark) {
  const std::vector<double>* ours = find_samples(row, cairn_name, mark.measure);
  const std::vector<double>* theirs =
      mark.peer.empty() ? ours : find_samples(row, mark.peer, mark.measure);
  if (ours == nullptr || theirs == nullptr) return std::nullopt;

  Verdict verdict;
  switch (mark.kind) {
    case Mark::Kind::at_least_times_as_fast:
      verdict.reached = spread_of(paired_ratios(*theirs, *ours));
      verdict.met = verdict.reached.median >= mark.bound;
      break;
    case Mark::Kind::at_most_times_the_time:
      verdict.reached = spread_of(paired_ratios(*ours, *theirs));
      verdict.met = verdict.reached.median <= mark.bound;
      break;
    case Mark::Kind::at_most:
      verdict.reached = spread_of(*ours);
      verdict.met = verdict.reached.median <= mark.bound;
      break;
    case Mark::Kind::never_above:
      verdict.reached = spread_of(*ours);
      verdict.met = verdict.reached.max <= mark.bound;
      break;
    case Mark::Kind::at_least:
      verdict.reached = spread_of(*ours);
      verdict.met = verdict.reached.median >= mark.bound;
      break;
  }
  if (!verdict.reached.measured()) return std::nullopt;
  return verdict;
}

}  // namespace cairn::bench

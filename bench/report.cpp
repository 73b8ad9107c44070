// SPDX-License-Identifier: BSL-1.0
#include "report.hpp"

#include <cmath>
#include <fstream>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cairn_console/table.hpp"

namespace cairn::bench {
namespace {

const char* unit_name(Unit unit) {
  switch (unit) {
    case Unit::nanoseconds: return "ns";
    case Unit::microseconds: return "us";
    case Unit::milliseconds: return "ms";
    case Unit::bytes: return "B";
    case Unit::mebibytes: return "MiB";
    case Unit::gigabytes_per_second: return "GB/s";
  }
  return "";
}

/// Three digits that count.
std::string digits(double value) {
  if (!(std::abs(value) < 100)) return fmt::format("{:.0f}", value);
  return fmt::format("{:.{}f}", value, std::abs(value) < 10 ? 2 : 1);
}

std::string figure(double value, Unit unit) {
  return fmt::format("{} {}", digits(value), unit_name(unit));
}

bool is_faster_kind(const Mark& mark) {
  return mark.kind == Mark::Kind::at_least_times_as_fast;
}

bool is_size(Unit unit) {
  return unit == Unit::bytes || unit == Unit::mebibytes;
}

/// What a ratio that is not one of speeds is one of.
const char* amount_name(Unit unit) {
  return is_size(unit) ? "bytes" : "time";
}

std::string bound_text(const Mark& mark, Unit unit) {
  switch (mark.kind) {
    case Mark::Kind::at_least_times_as_fast:
      return fmt::format("at least {:g} x as fast", mark.bound);
    case Mark::Kind::at_most_times_the_time:
      return fmt::format("at most {:g} x the {}", mark.bound, amount_name(unit));
    case Mark::Kind::at_most: return fmt::format("at most {:g} {}", mark.bound, unit_name(unit));
    case Mark::Kind::never_above:
      return fmt::format("never above {:g} {}", mark.bound, unit_name(unit));
    case Mark::Kind::at_least: return fmt::format("at least {:g} {}", mark.bound, unit_name(unit));
  }
  return {};
}

std::string ratio_text(const Spread& ratio, bool faster, Unit unit) {
  return fmt::format("{} x {} ({}..{})", digits(ratio.median),
                     faster ? "as fast" : fmt::format("the {}", amount_name(unit)),
                     digits(ratio.min), digits(ratio.max));
}

/// The marks under one measure that set cairn against `peer` ("" for those against none).
std::vector<Mark> marks_against(const RowResult& row, const std::string& measure,
                                const std::string& peer) {
  std::vector<Mark> marks;
  for (const Mark& mark : row.marks) {
    if (mark.measure == measure && mark.peer == peer) marks.push_back(mark);
  }
  return marks;
}

/// Prints the lines of all rows and counts the verdicts on the way.
class ResultTable {
 public:
  explicit ResultTable(bool quick)
      : table_({"work", "contestant", "median", "min..max", "cairn takes or is", "must be", ""}),
        quick_(quick) {
    table_.align(3, console::Align::left);
    table_.align(4, console::Align::left);
  }

  void add(const RowResult& row) {
    for (const Measure& measure : row.measures) {
      if (table_.rows() != 0) table_.add_rule();
      heading_ = fmt::format("{}: {}", row.name, measure.name);
      for (const ContestantResult& contestant : row.contestants) {
        add_contestant(row, measure, contestant.name);
      }
    }
  }

  void print(std::FILE* out) const { table_.print(out); }
  const Tally& tally() const noexcept { return tally_; }

 private:
  void add_contestant(const RowResult& row, const Measure& measure, const std::string& name) {
    const std::vector<double>& samples = *find_samples(row, name, measure.name);
    const Spread spread = spread_of(samples);
    if (!spread.measured()) return;
    const bool ours = name == cairn_name;
    std::string median = figure(spread.median, measure.unit);
    std::string range = fmt::format("{}..{}", digits(spread.min), digits(spread.max));

    const std::vector<Mark> marks = marks_against(row, measure.name, ours ? "" : name);
    if (marks.empty()) {
      add_line(name, median, range, ours ? "" : plain_ratio(row, measure, samples), "", "");
      return;
    }
    std::string contestant = name;
    for (const Mark& mark : marks) {
      const std::optional<Verdict> verdict = judge(row, mark);
      const bool ratio = verdict && !mark.peer.empty();
      add_line(contestant, median, range,
               ratio ? ratio_text(verdict->reached, is_faster_kind(mark), measure.unit) : "",
               bound_text(mark, measure.unit), word_for(verdict));
      contestant = median = range = "";
    }
  }

  static std::string plain_ratio(const RowResult& row, const Measure& measure,
                                 const std::vector<double>& samples) {
    const std::vector<double>* ours = find_samples(row, cairn_name, measure.name);
    // Sizes without a mark are there to be read, not to be compared.
    if (ours == nullptr || is_size(measure.unit)) return "";
    const bool more_is_better = measure.unit == Unit::gigabytes_per_second;
    const Spread ratio =
        spread_of(more_is_better ? paired_ratios(*ours, samples) : paired_ratios(samples, *ours));
    return ratio.measured() ? ratio_text(ratio, true, measure.unit) : "";
  }

  std::string word_for(const std::optional<Verdict>& verdict) {
    if (!verdict || quick_) return "not judged";
    verdict->met ? ++tally_.met : ++tally_.missed;
    return verdict->met ? "met" : "MISSED";
  }

  void add_line(const std::string& contestant, const std::string& median, const std::string& range,
                const std::string& ratio, const std::string& bound, const std::string& verdict) {
    table_.add_row({heading_, contestant, median, range, ratio, bound, verdict});
    heading_.clear();
  }

  console::Table table_;
  bool quick_;
  std::string heading_;
  Tally tally_;
};

const char* kind_name(Mark::Kind kind) {
  switch (kind) {
    case Mark::Kind::at_least_times_as_fast: return "at_least_times_as_fast";
    case Mark::Kind::at_most_times_the_time: return "at_most_times_the_time";
    case Mark::Kind::at_most: return "at_most";
    case Mark::Kind::never_above: return "never_above";
    case Mark::Kind::at_least: return "at_least";
  }
  return "";
}

nlohmann::json spread_json(const Spread& spread) {
  return {{"median", spread.median}, {"min", spread.min}, {"max", spread.max}};
}

nlohmann::json mark_json(const RowResult& row, const Mark& mark, bool quick) {
  nlohmann::json json = {{"kind", kind_name(mark.kind)}, {"bound", mark.bound}};
  if (!mark.peer.empty()) json["peer"] = mark.peer;
  const std::optional<Verdict> verdict = judge(row, mark);
  if (verdict) json["reached"] = spread_json(verdict->reached);
  json["verdict"] = !verdict || quick ? "not judged" : verdict->met ? "met" : "missed";
  return json;
}

nlohmann::json measure_json(const RowResult& row, std::size_t index, bool quick) {
  const Measure& measure = row.measures[index];
  nlohmann::json json = {
      {"row", row.name}, {"measure", measure.name}, {"unit", unit_name(measure.unit)}};
  json["description"] = row.description;
  json["contestants"] = nlohmann::json::array();
  for (const ContestantResult& contestant : row.contestants) {
    const std::vector<double>& samples = contestant.samples[index];
    const Spread spread = spread_of(samples);
    if (!spread.measured()) continue;
    nlohmann::json entry = spread_json(spread);
    entry["name"] = contestant.name;
    entry["samples"] = samples;
    json["contestants"].push_back(entry);
  }
  json["marks"] = nlohmann::json::array();
  for (const Mark& mark : row.marks) {
    if (mark.measure == measure.name) json["marks"].push_back(mark_json(row, mark, quick));
  }
  return json;
}

}  // namespace

void print_facts(std::FILE* out, const MachineFacts& facts, const RunOptions& options) {
  for (const auto& [name, value] : facts) fmt::print(out, "{:<14} {}\n", name, value);
  fmt::print(out, "{:<14} {}, interleaved{}\n\n", "repetitions", options.repetitions,
             options.quick ? "; quick: small amounts, marks not judged" : "");
}

Tally print_results(std::FILE* out, const std::vector<RowResult>& results, bool quick) {
  ResultTable table(quick);
  fmt::print(out, "\n");
  for (const RowResult& row : results) fmt::print(out, "{}: {}\n", row.name, row.description);
  fmt::print(out, "\n");
  for (const RowResult& row : results) table.add(row);
  table.print(out);
  return table.tally();
}

void write_json(const std::filesystem::path& path, const MachineFacts& facts,
                const RunOptions& options, const std::vector<RowResult>& results) {
  nlohmann::json json;
  for (const auto& [name, value] : facts) json["machine"][name] = value;
  json["repetitions"] = options.repetitions;
  json["quick"] = options.quick;
  json["results"] = nlohmann::json::array();
  for (const RowResult& row : results) {
    for (std::size_t index = 0; index < row.measures.size(); ++index) {
      json["results"].push_back(measure_json(row, index, options.quick));
    }
  }
  std::ofstream out(path);
  out << json.dump(2) << '\n';
  out.flush();
  if (!out) throw std::system_error(errno, std::generic_category(), path.string());
}

}  // namespace cairn::bench

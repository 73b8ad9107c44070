// SPDX-License-Identifier: BSL-1.0
#include "wordnet_print.hpp"

#include <algorithm>
#include <cairn_console/format.hpp>
#include <cairn_console/table.hpp>
#include <fmt/format.h>

namespace wordnet {
namespace {

using cairn::console::Align;
using cairn::console::format_count;
using cairn::console::format_duration;
using cairn::console::Table;

constexpr std::array parts_of_speech{PartOfSpeech::noun, PartOfSpeech::verb,
                                     PartOfSpeech::adjective, PartOfSpeech::adverb};

/// Breaks `text` into lines of at most `width` characters, each behind `indent` blanks.
void print_wrapped(std::FILE* out, std::string_view text, std::size_t indent, std::size_t width) {
  while (!text.empty()) {
    std::size_t taken = text.size();
    if (taken > width) {
      taken = text.rfind(' ', width);
      if (taken == std::string_view::npos || taken == 0)
        taken = std::min(text.find(' '), text.size());
    }
    fmt::print(out, "{:{}}{}\n", "", indent, text.substr(0, taken));
    text.remove_prefix(std::min(taken + 1, text.size()));
  }
}

std::chrono::nanoseconds as_duration(std::uint64_t ns) {
  return std::chrono::nanoseconds(static_cast<std::chrono::nanoseconds::rep>(ns));
}

}  // namespace

std::string words_of(const Synset& synset, std::size_t words_max) {
  std::string text;
  std::size_t shown = 0;
  for (const Word& word : synset.words) {
    if (shown == words_max) {
      text += fmt::format(" (and {} more)", synset.words.size() - shown);
      break;
    }
    if (shown++ > 0) text += ", ";
    text += std::string_view(word.text);
  }
  return text;
}

void print_senses(std::FILE* out, std::string_view word, const cairn::Vec<Sense>& senses) {
  for (const PartOfSpeech part : parts_of_speech) {
    const auto count = std::count_if(senses.begin(), senses.end(),
                                     [&](const Sense& sense) { return sense.part == part; });
    if (count == 0) continue;
    fmt::print(out, "The {} \"{}\" has {} sense{}\n", name_of(part), word, count,
               count == 1 ? "" : "s");
    for (const Sense& sense : senses) {
      if (sense.part != part) continue;
      const Synset& synset = *sense.synset;
      fmt::print(out, "  {:2}. <{}> {}\n", sense.number,
                 lexicographer_file_name(synset.lexicographer_file), words_of(synset));
      print_wrapped(out, synset.gloss, 6, 90);
    }
  }
}

void print_chain(std::FILE* out, const std::vector<const Synset*>& chain) {
  std::size_t depth = 0;
  for (const Synset* const synset : chain) {
    const char* const arrow = depth == 0 ? "" : "=> ";
    fmt::print(out, "  {:{}}{}{}\n", "", 2 * depth, arrow, words_of(*synset, 4));
    ++depth;
  }
}

void print_connections(std::FILE* out, const std::vector<Connections>& connections) {
  Table table({"most connected synsets", "part of speech", "leaving", "arriving", "total"});
  table.align(0, Align::left).align(1, Align::left);
  for (const Connections& each : connections) {
    table.add_row({words_of(*each.synset, 3), std::string(name_of(each.synset->part)),
                   format_count(each.outgoing), format_count(each.incoming),
                   format_count(each.total())});
  }
  table.print(out);
}

void print_statistics(std::FILE* out, const Statistics& statistics) {
  Table parts({"part of speech", "synsets", "words", "senses", "pointers", "frames"});
  const auto add = [&](std::string_view name, const Statistics::Part& part) {
    parts.add_row({std::string(name), format_count(part.synsets), format_count(part.words),
                   format_count(part.senses), format_count(part.pointers),
                   format_count(part.frames)});
  };
  for (const PartOfSpeech part : parts_of_speech) {
    add(name_of(part), statistics.parts.at(static_cast<std::size_t>(part) - 1));
  }
  parts.add_rule();
  add("all", statistics.total());
  parts.print(out);
  fmt::print(out, "\ndistinct words: {}\n", format_count(statistics.distinct_words));
  if (statistics.undefined_synsets != 0) {
    fmt::print(out, "mentioned by pointers, not yet imported: {} synsets\n",
               format_count(statistics.undefined_synsets));
  }
  fmt::print(out, "\n");

  Table relations({"relation", "symbol", "pointers"});
  for (std::size_t i = 0; i < relation_count; ++i) {
    const RelationName& name = relation_names()[i];
    relations.add_row({std::string(name.name), std::string(name.symbol),
                       format_count(statistics.pointers_by_relation[i])});
  }
  relations.print(out);
}

void print_import_state(std::FILE* out, const ImportState& state) {
  fmt::print(out, "imported in {} batches by {} process{}: {} of work, {} of it parsing\n",
             format_count(state.batches), state.runs, state.runs == 1 ? "" : "es",
             format_duration(as_duration(state.working_ns)),
             format_duration(as_duration(state.parsing_ns)));
}

void print_verification(std::FILE* out, const Verification& verification) {
  Table table({"counted", "in the source files", "in the store"});
  const Counts& source = verification.in_source;
  const Counts& store = verification.in_store;
  table.add_row({"synsets", format_count(source.synsets), format_count(store.synsets)});
  table.add_row({"words in synsets", format_count(source.words), format_count(store.words)});
  table.add_row({"pointers", format_count(source.pointers), format_count(store.pointers)});
  table.add_row({"index entries", format_count(source.entries), format_count(store.entries)});
  table.add_row({"senses", format_count(source.senses), format_count(store.senses)});
  table.print(out);
  fmt::print(out, "{} of {} pointers lead to the synset they name\n",
             format_count(verification.pointers_resolved), format_count(source.pointers));
  for (const std::string& problem : verification.problems)
    fmt::print(out, "problem: {}\n", problem);
  if (verification.ok()) {
    fmt::print(out, "verified: the store holds what the source files hold\n");
  } else {
    fmt::print(out, "NOT verified: {} problems\n", format_count(verification.problem_count));
  }
}

void print_timings(std::FILE* out, const Timings& timings, const ImportState& state) {
  Table table({"what", "took"});
  table.align(0, Align::left).align(1, Align::right);
  for (const auto& [what, duration] : timings) table.add_row({what, format_duration(duration)});
  table.add_rule();
  table.add_row(
      {"for comparison, parsing the files", format_duration(as_duration(state.parsing_ns))});
  table.add_row(
      {fmt::format("importing all, by {} process{}", state.runs, state.runs == 1 ? "" : "es"),
       format_duration(as_duration(state.working_ns))});
  table.print(out);
}

}  // namespace wordnet

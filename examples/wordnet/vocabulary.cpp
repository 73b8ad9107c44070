// SPDX-License-Identifier: BSL-1.0
#include "vocabulary.hpp"

#include <algorithm>
#include <array>

namespace wordnet {
namespace {

constexpr std::array<RelationName, relation_count> names{{
    {"!", "antonym"},
    {"@", "hypernym"},
    {"@i", "instance hypernym"},
    {"~", "hyponym"},
    {"~i", "instance hyponym"},
    {"#m", "member holonym"},
    {"#s", "substance holonym"},
    {"#p", "part holonym"},
    {"%m", "member meronym"},
    {"%s", "substance meronym"},
    {"%p", "part meronym"},
    {"=", "attribute"},
    {"+", "derivation"},
    {";c", "topic domain"},
    {"-c", "topic member"},
    {";r", "region domain"},
    {"-r", "region member"},
    {";u", "usage domain"},
    {"-u", "usage member"},
    {"*", "entailment"},
    {">", "cause"},
    {"^", "also see"},
    {"$", "verb group"},
    {"&", "similar to"},
    {"<", "participle of verb"},
    {"\\", "pertainym"},
    {"\\", "derived from adjective"},
}};

constexpr std::array<std::string_view, lexicographer_file_count> file_names{
    "adj.all",          "adj.pert",           "adv.all",
    "noun.Tops",        "noun.act",           "noun.animal",
    "noun.artifact",    "noun.attribute",     "noun.body",
    "noun.cognition",   "noun.communication", "noun.event",
    "noun.feeling",     "noun.food",          "noun.group",
    "noun.location",    "noun.motive",        "noun.object",
    "noun.person",      "noun.phenomenon",    "noun.plant",
    "noun.possession",  "noun.process",       "noun.quantity",
    "noun.relation",    "noun.shape",         "noun.state",
    "noun.substance",   "noun.time",          "verb.body",
    "verb.change",      "verb.cognition",     "verb.communication",
    "verb.competition", "verb.consumption",   "verb.contact",
    "verb.creation",    "verb.emotion",       "verb.motion",
    "verb.perception",  "verb.possession",    "verb.social",
    "verb.stative",     "verb.weather",       "adj.ppl",
};

// Not std::tolower: it asks the locale, and the stored keys must not depend on one.
constexpr char ascii_lower(char letter) noexcept {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

}  // namespace

std::span<const RelationName, relation_count> relation_names() noexcept {
  return names;
}

std::string_view name_of(Relation relation) noexcept {
  const auto index = static_cast<std::size_t>(relation);
  return index < relation_count ? names[index].name : "unknown";
}

std::string_view name_of(PartOfSpeech part) noexcept {
  switch (part) {
    case PartOfSpeech::noun: return "noun";
    case PartOfSpeech::verb: return "verb";
    case PartOfSpeech::adjective: return "adjective";
    case PartOfSpeech::adverb: return "adverb";
  }
  return "unknown";
}

std::optional<Relation> relation_from_symbol(std::string_view symbol, PartOfSpeech part) noexcept {
  if (symbol == "\\") {
    return part == PartOfSpeech::adverb ? Relation::derived_from_adjective : Relation::pertainym;
  }
  const auto* const found = std::find_if(
      names.begin(), names.end(), [&](const RelationName& each) { return each.symbol == symbol; });
  if (found == names.end()) return std::nullopt;
  return static_cast<Relation>(found - names.begin());
}

std::optional<PartOfSpeech> part_from_code(std::string_view code) noexcept {
  if (code == "n") return PartOfSpeech::noun;
  if (code == "v") return PartOfSpeech::verb;
  if (code == "a" || code == "s") return PartOfSpeech::adjective;
  if (code == "r") return PartOfSpeech::adverb;
  return std::nullopt;
}

std::string_view lexicographer_file_name(unsigned number) noexcept {
  return number < lexicographer_file_count ? file_names[number] : "unknown";
}

std::string display_form(std::string_view word) {
  std::string shown(word);
  std::replace(shown.begin(), shown.end(), '_', ' ');
  return shown;
}

std::string lookup_form(std::string_view word) {
  std::string folded;
  folded.reserve(word.size());
  for (const char letter : word) {
    const bool blank = letter == ' ' || letter == '_';
    if (blank && (folded.empty() || folded.back() == ' ')) continue;
    folded.push_back(blank ? ' ' : ascii_lower(letter));
  }
  if (!folded.empty() && folded.back() == ' ') folded.pop_back();
  return folded;
}

std::string quoted(std::string_view text) {
  return '"' + std::string(text) + '"';
}

}  // namespace wordnet

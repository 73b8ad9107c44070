// SPDX-License-Identifier: BSL-1.0
#include "wndb_parser.hpp"

#include <charconv>

namespace wordnet {
namespace {

constexpr unsigned verb_frame_count = 35;

/// Takes a line apart at its single blanks, field by field.
class FieldScanner {
 public:
  explicit FieldScanner(const SourceLine& line) : line_(line), rest_(line.text) {}

  /// The next field, which must not be empty. `name` is what an error calls it.
  std::string_view next(const char* name) {
    if (at_end_) fail(std::string("the line ends before its ") + name);
    const std::size_t blank = rest_.find(' ');
    const std::string_view field = rest_.substr(0, blank);
    at_end_ = blank == std::string_view::npos;
    rest_ = at_end_ ? std::string_view{} : rest_.substr(blank + 1);
    if (field.empty()) fail(std::string("the ") + name + " is empty");
    return field;
  }

  /// A number of exactly `digits` digits, or of any length if that is 0.
  unsigned number(const char* name, std::size_t digits, int base = 10) {
    const std::string_view field = next(name);
    unsigned value = 0;
    const auto [end, error] =
        std::from_chars(field.data(), field.data() + field.size(), value, base);
    if (error != std::errc{} || end != field.data() + field.size() ||
        (digits != 0 && field.size() != digits)) {
      std::string wanted = base == 16 ? "hexadecimal number" : "number";
      if (digits != 0)
        wanted += " of " + std::to_string(digits) + (digits == 1 ? " digit" : " digits");
      fail(std::string("the ") + name + " is " + quoted(field) + ", not a " + wanted);
    }
    return value;
  }

  /// A number as above that must not be larger than `most`.
  unsigned number_up_to(unsigned most, const char* name, std::size_t digits, int base = 10) {
    const unsigned value = number(name, digits, base);
    if (value > most) {
      fail(std::string("the ") + name + " is " + std::to_string(value) + ", over " +
           std::to_string(most));
    }
    return value;
  }

  std::string_view rest() const noexcept { return rest_; }
  bool at_end() const noexcept { return at_end_; }

  [[noreturn]] void fail(const std::string& detail) const { throw ParseError(line_, detail); }

 private:
  const SourceLine& line_;
  std::string_view rest_;
  bool at_end_ = false;
};

std::string_view without_trailing_blanks(std::string_view text) {
  const std::size_t last = text.find_last_not_of(' ');
  return last == std::string_view::npos ? std::string_view{} : text.substr(0, last + 1);
}

SynsetId parse_target(FieldScanner& scanner, PartOfSpeech part, unsigned data_offset) {
  // Eight decimal digits cannot leave the range of make_synset_id, but a zero is the licence's
  // text.
  if (data_offset == 0) scanner.fail("a synset offset is 0");
  return make_synset_id(part, data_offset);
}

void split_adjective_marker(FieldScanner& scanner, WordRecord& word) {
  if (!word.text.ends_with(')')) return;
  const std::size_t open = word.text.rfind('(');
  const std::string_view marker =
      open == std::string_view::npos ? std::string_view{} : word.text.substr(open);
  if (marker == "(a)") {
    word.position = AdjectivePosition::before_noun;
  } else if (marker == "(p)") {
    word.position = AdjectivePosition::predicate;
  } else if (marker == "(ip)") {
    word.position = AdjectivePosition::after_noun;
  } else {
    scanner.fail("the adjective " + quoted(word.text) +
                 " ends in a marker other than (a), (p), (ip)");
  }
  word.text.remove_suffix(marker.size());
  if (word.text.empty()) scanner.fail("an adjective consists of its marker alone");
}

WordRecord parse_word(FieldScanner& scanner, PartOfSpeech part) {
  WordRecord word;
  word.text = scanner.next("word");
  word.lex_id = static_cast<std::uint8_t>(scanner.number("lex_id", 1, 16));
  if (part == PartOfSpeech::adjective) split_adjective_marker(scanner, word);
  return word;
}

PointerRecord parse_pointer(FieldScanner& scanner, PartOfSpeech part, std::size_t word_count) {
  PointerRecord pointer;
  const std::string_view symbol = scanner.next("pointer symbol");
  const auto relation = relation_from_symbol(symbol, part);
  if (!relation) scanner.fail(quoted(symbol) + " is not a pointer symbol");
  pointer.relation = *relation;

  const unsigned data_offset = scanner.number("pointer's synset offset", 8);
  const std::string_view code = scanner.next("pointer's part of speech");
  const auto target_part = part_from_code(code);
  if (!target_part) scanner.fail(quoted(code) + " is not a part of speech");
  pointer.target = parse_target(scanner, *target_part, data_offset);

  const unsigned ends = scanner.number("pointer's source and target", 4, 16);
  pointer.source_word = static_cast<std::uint8_t>(ends >> 8U);
  pointer.target_word = static_cast<std::uint8_t>(ends & 0xFFU);
  if ((pointer.source_word == 0) != (pointer.target_word == 0)) {
    scanner.fail("a pointer joins a word to a whole synset");
  }
  if (pointer.source_word > word_count) {
    scanner.fail("a pointer starts at word " + std::to_string(pointer.source_word) + " of " +
                 std::to_string(word_count));
  }
  return pointer;
}

FrameRecord parse_frame(FieldScanner& scanner, std::size_t word_count) {
  const std::string_view plus = scanner.next("frame");
  if (plus != "+") scanner.fail("a frame starts with " + quoted(plus) + ", not with +");
  FrameRecord frame;
  frame.frame =
      static_cast<std::uint8_t>(scanner.number_up_to(verb_frame_count, "frame number", 2));
  frame.word = static_cast<std::uint8_t>(
      scanner.number_up_to(static_cast<unsigned>(word_count), "frame's word number", 2, 16));
  return frame;
}

void check_type(FieldScanner& scanner, std::string_view code, PartOfSpeech part) {
  const auto found = part_from_code(code);
  if (!found) scanner.fail(quoted(code) + " is not a synset type");
  if (*found != part) {
    scanner.fail("a synset of type " + quoted(code) + " in a file of " +
                 std::string(name_of(part)) + "s");
  }
}

/// The offset with which a data line begins, checked against where the line stands. A file that was
/// edited or had its line ends converted is found out here, before its pointers go astray.
unsigned parse_own_offset(FieldScanner& scanner, const SourceLine& line) {
  const unsigned data_offset = scanner.number("synset offset", 8);
  if (data_offset != line.offset) {
    scanner.fail("the synset says that it stands at byte " + std::to_string(data_offset) +
                 ", but it stands at byte " + std::to_string(line.offset));
  }
  return data_offset;
}

}  // namespace

ParseError::ParseError(const SourceLine& line, const std::string& detail)
    : std::runtime_error(std::string(line.file) + ":" + std::to_string(line.number) + ": " +
                         detail),
      file_(line.file),
      line_(line.number) {}

SynsetRecord parse_synset(const SourceLine& line, PartOfSpeech part) {
  FieldScanner scanner(line);
  SynsetRecord synset;
  synset.id = make_synset_id(part, parse_own_offset(scanner, line));
  synset.part = part;
  synset.lexicographer_file = static_cast<std::uint8_t>(
      scanner.number_up_to(lexicographer_file_count - 1, "lexicographer file number", 2));
  const std::string_view type = scanner.next("synset type");
  check_type(scanner, type, part);
  synset.satellite = type == "s";

  const unsigned word_count = scanner.number("word count", 2, 16);
  if (word_count == 0) scanner.fail("a synset without words");
  synset.words.reserve(word_count);
  while (synset.words.size() < word_count) synset.words.push_back(parse_word(scanner, part));

  const unsigned pointer_count = scanner.number("pointer count", 3);
  synset.pointers.reserve(pointer_count);
  while (synset.pointers.size() < pointer_count) {
    synset.pointers.push_back(parse_pointer(scanner, part, word_count));
  }

  if (part == PartOfSpeech::verb) {
    const unsigned frame_count = scanner.number("frame count", 2);
    synset.frames.reserve(frame_count);
    while (synset.frames.size() < frame_count) {
      synset.frames.push_back(parse_frame(scanner, word_count));
    }
  }

  const std::string_view bar = scanner.next("gloss");
  if (bar != "|") scanner.fail(quoted(bar) + " stands where the | before the gloss is expected");
  synset.gloss = without_trailing_blanks(scanner.rest());
  if (synset.gloss.empty()) scanner.fail("a synset without a gloss");
  return synset;
}

IndexRecord parse_index_entry(const SourceLine& line, PartOfSpeech part) {
  SourceLine trimmed = line;
  trimmed.text = without_trailing_blanks(line.text);
  FieldScanner scanner(trimmed);

  IndexRecord entry;
  entry.lemma = scanner.next("lemma");
  entry.part = part;
  check_type(scanner, scanner.next("part of speech"), part);

  // Most senses that a word has in WordNet 3.0: 59. The bound keeps a damaged count from reserving
  // much.
  constexpr unsigned senses_max = 4096;
  const unsigned sense_count = scanner.number_up_to(senses_max, "synset count", 0);
  if (sense_count == 0) scanner.fail("a word without senses");
  // Which kinds of pointers its synsets have, in a shorthand that the data files repeat in full.
  const unsigned symbol_count = scanner.number("pointer count", 0);
  for (unsigned i = 0; i < symbol_count; ++i) scanner.next("pointer symbol");

  const unsigned repeated_count = scanner.number("sense count", 0);
  if (repeated_count != sense_count) {
    scanner.fail("the sense count is " + std::to_string(repeated_count) + ", the synset count " +
                 std::to_string(sense_count));
  }
  entry.tagged_senses = scanner.number_up_to(sense_count, "tagged sense count", 0);
  entry.senses.reserve(sense_count);
  while (entry.senses.size() < sense_count) {
    entry.senses.push_back(parse_target(scanner, part, scanner.number("synset offset", 8)));
  }
  if (!scanner.at_end()) scanner.fail("more synset offsets than the synset count says");
  return entry;
}

}  // namespace wordnet

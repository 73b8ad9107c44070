// SPDX-License-Identifier: BSL-1.0
#include "wordnet_verify.hpp"

#include <algorithm>
#include <array>

#include "wordnet_query.hpp"

namespace wordnet {
namespace {

constexpr std::size_t problems_shown = 20;

std::string label(const Synset& synset) {
  return "synset " + std::to_string(synset.id);
}

class Verifier {
 public:
  Verifier(const Wordnet& wordnet, const Source& source) : wordnet_(wordnet), source_(source) {}

  Verification run() {
    result_.in_source = take_census(source_);
    for (const auto& [id, synset] : wordnet_.synsets) check_synset(id, synset.get());
    for (const auto& [text, senses] : wordnet_.words) check_senses(text, senses);
    compare("synsets", result_.in_store.synsets, result_.in_source.synsets);
    compare("words in synsets", result_.in_store.words, result_.in_source.words);
    compare("pointers", result_.in_store.pointers, result_.in_source.pointers);
    compare("index entries", result_.in_store.entries, result_.in_source.entries);
    compare("senses", result_.in_store.senses, result_.in_source.senses);
    if (!source_.at_end(wordnet_.import.cursor)) report("the import is not finished");
    return std::move(result_);
  }

 private:
  void report(std::string problem) {
    if (result_.problems.size() < problems_shown) result_.problems.push_back(std::move(problem));
    ++result_.problem_count;
  }

  void compare(const char* what, std::uint64_t stored, std::uint64_t expected) {
    if (stored == expected) return;
    report(std::string(what) + ": " + std::to_string(stored) + " in the store, " +
           std::to_string(expected) + " in the source files");
  }

  bool is_filed(const Synset* synset) const {
    if (synset == nullptr) return false;
    const auto found = wordnet_.synsets.find(synset->id);
    return found != wordnet_.synsets.end() && found->second.get() == synset;
  }

  void check_synset(SynsetId id, const Synset* synset) {
    if (synset == nullptr || synset->id != id) {
      report("under the id " + std::to_string(id) + " another synset is filed");
      return;
    }
    if (!synset->is_defined()) {
      report(label(*synset) + " is mentioned but defined nowhere");
      return;
    }
    result_.in_store.synsets += 1;
    result_.in_store.words += synset->words.size();
    result_.in_store.pointers += synset->pointers.size();
    for (const Pointer& pointer : synset->pointers) check_pointer(*synset, pointer);
    for (const Word& word : synset->words) check_word(*synset, word);
  }

  void check_pointer(const Synset& synset, const Pointer& pointer) {
    const Synset* const target = pointer.target.get();
    if (!is_filed(target)) {
      report(label(synset) + ": a pointer (" + std::string(name_of(pointer.relation)) +
             ") leads to no synset");
    } else if (pointer.source_word > synset.words.size() ||
               pointer.target_word > target->words.size()) {
      report(label(synset) + ": a pointer to " + label(*target) + " names word " +
             std::to_string(pointer.target_word) + " of " + std::to_string(target->words.size()));
    } else {
      ++result_.pointers_resolved;
    }
  }

  void check_word(const Synset& synset, const Word& word) {
    const cairn::Vec<Sense>* const senses = find_word(wordnet_, word.text);
    const bool leads_back =
        senses != nullptr && std::any_of(senses->begin(), senses->end(), [&](const Sense& sense) {
          return sense.synset.get() == &synset;
        });
    if (!leads_back) report(label(synset) + " is no sense of its word " + quoted(word.text));
  }

  void check_senses(std::string_view text, const cairn::Vec<Sense>& senses) {
    std::array<std::uint16_t, 5> last_number{};  // by part of speech, which counts from 1
    for (const Sense& sense : senses) {
      result_.in_store.senses += 1;
      std::uint16_t& last = last_number.at(static_cast<std::size_t>(sense.part));
      if (last == 0) result_.in_store.entries += 1;
      if (sense.number != last + 1) {
        report(quoted(text) + ": sense number " + std::to_string(sense.number) + " follows " +
               std::to_string(last));
      }
      last = sense.number;
      check_sense(text, sense);
    }
  }

  void check_sense(std::string_view text, const Sense& sense) {
    const Synset* const synset = sense.synset.get();
    if (!is_filed(synset)) {
      report(quoted(text) + ": sense " + std::to_string(sense.number) + " leads to no synset");
      return;
    }
    const bool has_word =
        std::any_of(synset->words.begin(), synset->words.end(),
                    [&](const Word& word) { return lookup_form(word.text) == text; });
    if (!has_word || synset->part != sense.part) {
      report(quoted(text) + ": sense " + std::to_string(sense.number) + " leads to " +
             label(*synset) + ", which is not a " + std::string(name_of(sense.part)) + " of it");
    }
  }

  const Wordnet& wordnet_;
  const Source& source_;
  Verification result_;
};

}  // namespace

Verification verify(const Wordnet& wordnet, const Source& source) {
  return Verifier(wordnet, source).run();
}

}  // namespace wordnet

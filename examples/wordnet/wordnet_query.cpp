// SPDX-License-Identifier: BSL-1.0
#include "wordnet_query.hpp"

#include <algorithm>
#include <tsl/robin_map.h>

namespace wordnet {
namespace {

const Synset* first_hypernym(const Synset& synset) {
  for (const Pointer& pointer : synset.pointers) {
    const bool upward =
        pointer.relation == Relation::hypernym || pointer.relation == Relation::instance_hypernym;
    if (upward) return pointer.target.get();
  }
  return nullptr;
}

// The value comes from a file: arrays are asked with at(), which refuses what is no part of speech.
std::size_t index_of(PartOfSpeech part) {
  return static_cast<std::size_t>(part) - 1;
}

}  // namespace

const cairn::Vec<Sense>* find_word(const Wordnet& wordnet, std::string_view word) {
  const auto found = wordnet.words.find(lookup_form(word));
  return found == wordnet.words.end() ? nullptr : &found->second;
}

std::vector<std::string_view> words_beginning_with(const Wordnet& wordnet, std::string_view prefix,
                                                   std::size_t count) {
  const std::string form = lookup_form(prefix);
  std::vector<std::string_view> found;
  for (auto word = wordnet.words.lower_bound(form); word != wordnet.words.end(); ++word) {
    const std::string_view text = word->first;
    if (found.size() == count || !text.starts_with(form)) break;
    found.push_back(text);
  }
  return found;
}

std::vector<const Synset*> hypernym_chain(const Synset& synset) {
  std::vector<const Synset*> chain;
  for (const Synset* next = &synset; next != nullptr; next = first_hypernym(*next)) {
    if (std::find(chain.begin(), chain.end(), next) != chain.end()) break;
    chain.push_back(next);
  }
  return chain;
}

std::vector<Connections> most_connected(const Wordnet& wordnet, std::size_t count) {
  tsl::robin_map<const Synset*, std::uint32_t> incoming;
  incoming.reserve(wordnet.synsets.size());
  for (const auto& [id, synset] : wordnet.synsets) {
    for (const Pointer& pointer : synset->pointers) ++incoming[pointer.target.get()];
  }

  std::vector<Connections> all;
  all.reserve(wordnet.synsets.size());
  for (const auto& [id, synset] : wordnet.synsets) {
    const auto found = incoming.find(synset.get());
    all.push_back({synset.get(), static_cast<std::uint32_t>(synset->pointers.size()),
                   found == incoming.end() ? 0 : found->second});
  }
  const std::size_t kept = std::min(count, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept), all.end(),
                    [](const Connections& a, const Connections& b) {
                      if (a.total() != b.total()) return a.total() > b.total();
                      return a.synset->id < b.synset->id;
                    });
  all.resize(kept);
  return all;
}

Statistics::Part Statistics::total() const noexcept {
  Part sum;
  for (const Part& part : parts) {
    sum.synsets += part.synsets;
    sum.words += part.words;
    sum.pointers += part.pointers;
    sum.frames += part.frames;
    sum.senses += part.senses;
  }
  return sum;
}

Statistics statistics(const Wordnet& wordnet) {
  Statistics result;
  for (const auto& [id, synset] : wordnet.synsets) {
    if (!synset->is_defined()) {
      ++result.undefined_synsets;
      continue;
    }
    Statistics::Part& part = result.parts.at(index_of(synset->part));
    part.synsets += 1;
    part.words += synset->words.size();
    part.pointers += synset->pointers.size();
    part.frames += synset->frames.size();
    for (const Pointer& pointer : synset->pointers) {
      ++result.pointers_by_relation.at(static_cast<std::size_t>(pointer.relation));
    }
  }
  result.distinct_words = wordnet.words.size();
  for (const auto& [text, senses] : wordnet.words) {
    for (const Sense& sense : senses) ++result.parts.at(index_of(sense.part)).senses;
  }
  return result;
}

}  // namespace wordnet

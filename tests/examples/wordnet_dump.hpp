// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "wordnet_types.hpp"

namespace wordnet::test {

inline std::string dump_synset(const Synset& synset) {
  std::string text = "synset " + std::to_string(synset.id) + " " +
                     std::string(name_of(synset.part)) + (synset.satellite ? " satellite" : "") +
                     " file " + std::to_string(synset.lexicographer_file) + "\n";
  for (const Word& word : synset.words) {
    text += "  word " + std::string(std::string_view(word.text)) + " " +
            std::to_string(static_cast<int>(word.position)) + " " + std::to_string(word.lex_id) +
            "\n";
  }
  for (const Pointer& pointer : synset.pointers) {
    text += "  " + std::string(name_of(pointer.relation)) + " " +
            std::to_string(pointer.target->id) + " " + std::to_string(pointer.source_word) + "/" +
            std::to_string(pointer.target_word) + "\n";
  }
  for (const VerbFrame& frame : synset.frames) {
    text += "  frame " + std::to_string(frame.frame) + " " + std::to_string(frame.word) + "\n";
  }
  return text + "  gloss " + std::string(std::string_view(synset.gloss)) + "\n";
}

/// Everything that an import stores, in an order that does not depend on the tables, without the
/// figures that differ from run to run (times, number of processes).
inline std::string dump(const Wordnet& wordnet) {
  std::vector<std::string> parts;
  for (const auto& [id, synset] : wordnet.synsets) {
    parts.push_back(std::to_string(id) + ": " + dump_synset(*synset));
  }
  for (const auto& [text, senses] : wordnet.words) {
    std::string part = "word " + std::string(std::string_view(text)) + "\n";
    for (const Sense& sense : senses) {
      part += "  " + std::string(name_of(sense.part)) + " " + std::to_string(sense.number) +
              (sense.tagged ? " tagged " : " ") + std::to_string(sense.synset->id) + "\n";
    }
    parts.push_back(part);
  }
  std::sort(parts.begin(), parts.end());
  std::string whole;
  for (const std::string& part : parts) whole += part;
  const Cursor& cursor = wordnet.import.cursor;
  return whole + "cursor " + std::to_string(cursor.file) + " " + std::to_string(cursor.lines) +
         " " + std::to_string(cursor.offset) + "\nbatches " +
         std::to_string(wordnet.import.batches) + "\n";
}

/// The same of the root object in a store; empty if there is none.
inline std::string dump(const cairn::Store& store) {
  return store.read([](const cairn::ReadTransaction& tx) {
    const Wordnet* const wordnet = tx.find<Wordnet>(root_name);
    return wordnet == nullptr ? std::string() : dump(*wordnet);
  });
}

}  // namespace wordnet::test

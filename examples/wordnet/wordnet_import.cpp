// SPDX-License-Identifier: BSL-1.0
#include "wordnet_import.hpp"

#include <cassert>
#include <string>

namespace wordnet {
namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t ns_between(Clock::time_point from, Clock::time_point to) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(to - from).count());
}

/// The synset of that id, nullptr where it is not in the store. Looks through a const table, which
/// declares no write: most synsets that a pointer leads to stay as they are.
const Synset* find_synset(const Wordnet& wordnet, SynsetId id) {
  const auto found = wordnet.synsets.find(id);
  return found == wordnet.synsets.end() ? nullptr : found->second.get();
}

Synset& create_synset(Wordnet& wordnet, SynsetId id) {
  Synset& synset = wordnet.synsets.try_emplace(id).first->second.emplace();
  synset.id = id;
  return synset;
}

/// What a pointer to that synset leads to: created with nothing but its id if its line has not
/// come.
const Synset* mention(Wordnet& wordnet, SynsetId id) {
  const Synset* const found = find_synset(wordnet, id);
  return found != nullptr ? found : &create_synset(wordnet, id);
}

void add_synset(Wordnet& wordnet, const SynsetRecord& record) {
  const Synset* const mentioned = find_synset(wordnet, record.id);
  if (mentioned != nullptr && mentioned->is_defined()) {
    throw ImportError("synset " + std::to_string(record.id) + " is defined twice");
  }
  Synset& synset =
      mentioned != nullptr ? *wordnet.synsets.at(record.id) : create_synset(wordnet, record.id);
  synset.part = record.part;
  synset.satellite = record.satellite;
  synset.lexicographer_file = record.lexicographer_file;
  synset.gloss = record.gloss;

  synset.words.reserve(record.words.size());
  for (const WordRecord& each : record.words) {
    Word& word = synset.words.emplace_back();
    word.text = display_form(each.text);
    word.position = each.position;
    word.lex_id = each.lex_id;
  }
  synset.pointers.reserve(record.pointers.size());
  for (const PointerRecord& each : record.pointers) {
    Pointer& pointer = synset.pointers.emplace_back();
    pointer.target = mention(wordnet, each.target);
    pointer.relation = each.relation;
    pointer.source_word = each.source_word;
    pointer.target_word = each.target_word;
  }
  synset.frames.reserve(record.frames.size());
  for (const FrameRecord& each : record.frames) {
    synset.frames.push_back(VerbFrame{each.frame, each.word});
  }
}

void add_index_entry(Wordnet& wordnet, const IndexRecord& record) {
  cairn::Vec<Sense>& senses = wordnet.words.try_emplace(lookup_form(record.lemma)).first->second;
  senses.reserve(senses.size() + record.senses.size());
  for (std::size_t i = 0; i < record.senses.size(); ++i) {
    const Synset* const synset = find_synset(wordnet, record.senses[i]);
    if (synset == nullptr) {
      throw ImportError("the index entry \"" + std::string(record.lemma) + "\" names synset " +
                        std::to_string(record.senses[i]) + ", which no data file has");
    }
    Sense& sense = senses.emplace_back();
    sense.synset = synset;
    sense.part = record.part;
    sense.tagged = i < record.tagged_senses;
    sense.number = static_cast<std::uint16_t>(i + 1);
  }
}

/// Makes the root object, or finds that of an earlier run; returns where to go on.
Cursor begin_run(cairn::Store& store, const Source& source) {
  const std::uint64_t fingerprint = source.fingerprint();
  return store.write([&](cairn::WriteTransaction& tx) {
    ImportState& state = tx.modify(tx.find_or_construct<Wordnet>(root_name).import);
    if (state.runs == 0) {
      state.source_fingerprint = fingerprint;
    } else if (state.source_fingerprint != fingerprint) {
      throw ImportError("the store was begun from other database files than these");
    }
    if (!source.is_valid(state.cursor)) {
      throw ImportError("the position in the store is not the start of a line in these files");
    }
    ++state.runs;
    return state.cursor;
  });
}

}  // namespace

ImportResult import_wordnet(cairn::Store& store, const Source& source,
                            const ImportOptions& options) {
  assert(options.batch_entries > 0);
  const Clock::time_point started = Clock::now();
  Clock::time_point accounted = started;  // up to when working_ns of the store covers this run
  Cursor cursor = begin_run(store, source);
  ImportResult result;
  result.started_at = cursor;

  while (!source.at_end(cursor)) {
    // Parsing needs no transaction, so nobody has to wait for it.
    const Clock::time_point before_parsing = Clock::now();
    const Batch batch = read_batch(source, cursor, options.batch_entries);
    const std::uint64_t parsing_ns = ns_between(before_parsing, Clock::now());
    result.parsing += std::chrono::nanoseconds(parsing_ns);

    ImportProgress progress{source.bytes_before(batch.end), source.total_bytes(), 0, 0};
    bool stored = false;
    cursor = store.write([&](cairn::WriteTransaction& tx) {
      Wordnet& wordnet = *tx.find<Wordnet>(root_name);
      // Another importer was faster: leave the batch to it and go on behind it.
      if (wordnet.import.cursor != cursor) return wordnet.import.cursor;

      for (const SynsetRecord& record : batch.synsets) add_synset(wordnet, record);
      for (const IndexRecord& record : batch.entries) add_index_entry(wordnet, record);

      // Containers declare their own writes; the plain fields of a root are declared here.
      ImportState& state = tx.modify(wordnet.import);
      const Clock::time_point now = Clock::now();
      state.cursor = batch.end;
      state.batches += 1;
      state.parsing_ns += parsing_ns;
      state.working_ns += ns_between(accounted, now);
      accounted = now;
      progress.synsets = wordnet.synsets.size();
      progress.words = wordnet.words.size();
      if (options.before_commit) options.before_commit(progress);
      stored = true;
      return state.cursor;
    });
    if (!stored) continue;
    ++result.batches;
    if (options.after_commit) options.after_commit(progress);
  }
  result.total = Clock::now() - started;
  return result;
}

Cursor import_cursor(const cairn::Store& store) {
  return store.read([](const cairn::ReadTransaction& tx) {
    const Wordnet* const wordnet = tx.find<Wordnet>(root_name);
    return wordnet == nullptr ? Cursor{} : wordnet->import.cursor;
  });
}

}  // namespace wordnet

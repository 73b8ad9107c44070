// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wordnet_query.hpp"
#include "wordnet_verify.hpp"

/// What the programs of this example show people.
namespace wordnet {

/// "dog, domestic dog, Canis familiaris", cut after `words_max` words.
std::string words_of(const Synset& synset, std::size_t words_max = 8);

/// The senses of a word by part of speech, each with its words and gloss.
void print_senses(std::FILE* out, std::string_view word, const cairn::Vec<Sense>& senses);

/// A chain of hypernyms, the most special first, each a step further in.
void print_chain(std::FILE* out, const std::vector<const Synset*>& chain);

void print_connections(std::FILE* out, const std::vector<Connections>& connections);
void print_statistics(std::FILE* out, const Statistics& statistics);
void print_import_state(std::FILE* out, const ImportState& state);
void print_verification(std::FILE* out, const Verification& verification);

/// What was done and how long it took.
using Timings = std::vector<std::pair<std::string, std::chrono::nanoseconds>>;
/// The timings beside what the import took, as it noted down itself.
void print_timings(std::FILE* out, const Timings& timings, const ImportState& state);

}  // namespace wordnet

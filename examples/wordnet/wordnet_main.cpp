// SPDX-License-Identifier: BSL-1.0

// wordnet: import the WordNet database into a cairn store, and ask it questions.

#include <CLI/CLI.hpp>
#include <cairn_console/format.hpp>
#include <cairn_console/progress.hpp>
#include <cstdlib>
#include <fmt/format.h>
#include <iostream>
#include <string>

#include "wordnet_import.hpp"
#include "wordnet_print.hpp"
#include "wordnet_query.hpp"
#include "wordnet_verify.hpp"

namespace wordnet {
namespace {

using Clock = std::chrono::steady_clock;
using cairn::console::format_bytes;
using cairn::console::format_count;
using cairn::console::format_duration;

constexpr std::uint64_t bytes_per_kib = 1024;

struct Arguments {
  std::string directory;
  std::string store;
  std::vector<std::string> words;
  std::size_t batch_entries = 500;
  std::size_t most_connected = 0;
  std::size_t most_words = 20;
  bool hypernyms = false;
  bool quiet = false;
  bool survive_power_loss = true;
};

const Wordnet& root_of(const cairn::ReadTransaction& tx) {
  const Wordnet* const wordnet = tx.find<Wordnet>(root_name);
  if (wordnet == nullptr) throw ImportError("nothing has been imported into this store yet");
  return *wordnet;
}

cairn::Options labelled(const char* label) {
  cairn::Options options;
  options.label = label;
  // What can be imported again may lie anywhere, in memory too.
  options.any_file_system = true;
  return options;
}

cairn::Store open_finished(const Arguments& arguments, const char* label) {
  return cairn::Store::open_existing(arguments.store, labelled(label));
}

cairn::Store open_for_import(const Arguments& arguments) {
  cairn::Options options = labelled("wordnet import");
  // An existing store keeps the durability that it was created with.
  if (!std::filesystem::exists(arguments.store)) {
    options.durability =
        arguments.survive_power_loss ? cairn::Durability::power : cairn::Durability::process;
  }
  return cairn::Store::open(arguments.store, options);
}

int run_import(const Arguments& arguments) {
  cairn::Store store = open_for_import(arguments);
  if (store.last_recovery().needed) {
    fmt::print("recovered: {}\n", store.last_recovery().summary());
  }
  const Source source(arguments.directory);

  const Cursor start = import_cursor(store);
  if (source.at_end(start)) {
    fmt::print("everything is imported already\n");
  } else if (start != Cursor{} && source.is_valid(start)) {
    fmt::print("resuming behind line {} of {}\n", format_count(start.lines),
               source.files()[start.file].name);
  }
  std::fflush(stdout);

  cairn::console::ProgressBar bar("import", source.total_bytes() / bytes_per_kib, "KiB");
  bar.start_at(source.bytes_before(start) / bytes_per_kib);
  ImportOptions options;
  options.batch_entries = arguments.batch_entries;
  options.after_commit = [&](const ImportProgress& progress) {
    bar.note(fmt::format("{} synsets, {} words", format_count(progress.synsets),
                         format_count(progress.words)));
    bar.update(progress.bytes_done / bytes_per_kib);
  };
  const ImportResult result = import_wordnet(store, source, options);
  bar.done();
  fmt::print("{} transactions in {}, of that parsing {}\n", format_count(result.batches),
             format_duration(result.total), format_duration(result.parsing));

  const bool ok = store.read([&](const cairn::ReadTransaction& tx) {
    const Verification verification = verify(root_of(tx), source);
    print_verification(stdout, verification);
    return verification.ok();
  });
  fmt::print("{}: {} long, {} in use\n", arguments.store, format_bytes(store.size()),
             format_bytes(store.used()));
  store.close();
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/// Runs `work`, notes how long it took, and hands its result on.
template <typename Work>
auto timed(Timings& timings, std::string what, Work&& work) {
  const Clock::time_point before = Clock::now();
  auto result = work();
  timings.emplace_back(std::move(what), Clock::now() - before);
  return result;
}

/// In a read section and in no transaction: other processes see it as soon as it is done.
void count_question(const Wordnet& wordnet) {
  wordnet.words_asked.fetch_add(1);
  wordnet.words_asked.notify_all();
}

bool answer(const Wordnet& wordnet, const std::string& word, const Arguments& arguments,
            Timings& timings) {
  count_question(wordnet);
  const cairn::Vec<Sense>* const senses =
      timed(timings, fmt::format("find \"{}\"", word), [&] { return find_word(wordnet, word); });
  if (arguments.quiet) return senses != nullptr;
  if (senses == nullptr) {
    fmt::print("\"{}\" is not in WordNet\n\n", word);
    return false;
  }
  print_senses(stdout, lookup_form(word), *senses);
  if (arguments.hypernyms && !senses->empty()) {
    const Synset& first = *senses->front().synset;
    const std::vector<const Synset*> chain = timed(
        timings, fmt::format("hypernyms of \"{}\"", word), [&] { return hypernym_chain(first); });
    fmt::print("\nfrom its first sense up:\n");
    print_chain(stdout, chain);
  }
  fmt::print("\n");
  return true;
}

/// Each word of the input in a section of its own: one that waited for the next word would hold
/// commits back.
bool answer_input(const cairn::Store& store, const Arguments& arguments, Timings& timings) {
  bool all_found = true;
  for (std::string word; std::getline(std::cin, word);) {
    store.read([&](const cairn::ReadTransaction& tx) {
      all_found = answer(root_of(tx), word, arguments, timings) && all_found;
    });
    std::fflush(stdout);
  }
  return all_found;
}

int run_query(const Arguments& arguments) {
  Timings timings;
  const cairn::Store store =
      timed(timings, "open the store", [&] { return open_finished(arguments, "wordnet query"); });
  bool all_found = !arguments.words.empty() || answer_input(store, arguments, timings);
  return store.read([&](const cairn::ReadTransaction& tx) {
    const Wordnet& wordnet = root_of(tx);
    for (const std::string& word : arguments.words) {
      all_found = answer(wordnet, word, arguments, timings) && all_found;
    }
    if (arguments.most_connected > 0) {
      const std::vector<Connections> connections =
          timed(timings,
                fmt::format("{} most connected of {} synsets", arguments.most_connected,
                            format_count(wordnet.synsets.size())),
                [&] { return most_connected(wordnet, arguments.most_connected); });
      print_connections(stdout, connections);
      fmt::print("\n");
    }
    if (!arguments.quiet) print_timings(stdout, timings, wordnet.import);
    return all_found ? EXIT_SUCCESS : EXIT_FAILURE;
  });
}

int run_complete(const Arguments& arguments) {
  Timings timings;
  const cairn::Store store = timed(timings, "open the store",
                                   [&] { return open_finished(arguments, "wordnet complete"); });
  return store.read([&](const cairn::ReadTransaction& tx) {
    const Wordnet& wordnet = root_of(tx);
    bool all_found = true;
    for (const std::string& prefix : arguments.words) {
      count_question(wordnet);
      const std::vector<std::string_view> words =
          timed(timings, fmt::format("words from \"{}\" on", prefix),
                [&] { return words_beginning_with(wordnet, prefix, arguments.most_words); });
      all_found = all_found && !words.empty();
      fmt::print("{}...\n  {}\n\n", prefix, fmt::join(words, "\n  "));
    }
    print_timings(stdout, timings, wordnet.import);
    return all_found ? EXIT_SUCCESS : EXIT_FAILURE;
  });
}

int run_stats(const Arguments& arguments) {
  const cairn::Store store = open_finished(arguments, "wordnet stats");
  store.read([&](const cairn::ReadTransaction& tx) {
    const Wordnet& wordnet = root_of(tx);
    print_statistics(stdout, statistics(wordnet));
    fmt::print("\n");
    print_connections(stdout, most_connected(wordnet, 10));
    fmt::print("\n");
    print_import_state(stdout, wordnet.import);
    fmt::print("{} words have been asked for\n", format_count(wordnet.words_asked.load()));
  });
  fmt::print("{}: {} long, {} in use\n", arguments.store, format_bytes(store.size()),
             format_bytes(store.used()));
  return EXIT_SUCCESS;
}

int run(int argc, char** argv) {
  CLI::App app{"WordNet in a cairn store"};
  app.require_subcommand(1);
  Arguments arguments;

  CLI::App* const import =
      app.add_subcommand("import", "import a database, or resume importing it");
  import->add_option("DIR", arguments.directory, "directory with data.noun, index.noun, ...")
      ->required()
      ->check(CLI::ExistingDirectory);
  import->add_option("STORE", arguments.store, "the store; created if absent")->required();
  import->add_option("--batch", arguments.batch_entries, "entries in a transaction")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
      ->capture_default_str();
  import->add_flag("!--process-only", arguments.survive_power_loss,
                   "create a store that survives kills, but not the loss of power");

  CLI::App* const query = app.add_subcommand("query", "show the senses of words");
  query->add_option("STORE", arguments.store)->required()->check(CLI::ExistingFile);
  query->add_option("WORD", arguments.words, "lines of the standard input where there are none");
  query->add_flag("--quiet", arguments.quiet, "only look them up; the exit status tells");
  query->add_flag("--hypernyms", arguments.hypernyms, "also what the first sense is a kind of");
  query->add_option("--most-connected", arguments.most_connected,
                    "also the N synsets with the most pointers");

  CLI::App* const complete = app.add_subcommand("complete", "list the words that begin so");
  complete->add_option("STORE", arguments.store)->required()->check(CLI::ExistingFile);
  complete->add_option("PREFIX", arguments.words)->required();
  complete->add_option("--most", arguments.most_words, "most words to list")->capture_default_str();

  CLI::App* const stats = app.add_subcommand("stats", "count what the store holds");
  stats->add_option("STORE", arguments.store)->required()->check(CLI::ExistingFile);

  CLI11_PARSE(app, argc, argv);
  if (import->parsed()) return run_import(arguments);
  if (query->parsed()) return run_query(arguments);
  if (complete->parsed()) return run_complete(arguments);
  return run_stats(arguments);
}

}  // namespace
}  // namespace wordnet

int main(int argc, char** argv) {
  try {
    return wordnet::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "wordnet: {}\n", error.what());
    return EXIT_FAILURE;
  }
}

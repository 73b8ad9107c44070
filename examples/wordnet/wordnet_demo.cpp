// SPDX-License-Identifier: BSL-1.0

// wordnet_demo: imports WordNet in a child process, kills it halfway, recovers, resumes in a second
// one, and lets a third one ask questions. The children are the program `wordnet` beside this one.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cairn_console/format.hpp>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <thread>

#include "child_process.hpp"
#include "wordnet_import.hpp"
#include "wordnet_query.hpp"

namespace wordnet {
namespace {

using Clock = std::chrono::steady_clock;
using cairn::console::format_count;
using cairn::console::format_duration;

class DemoError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Demo {
  std::filesystem::path program;  ///< the tool `wordnet`
  std::string directory;
  std::string store;
  bool replace = false;
};

void heading(std::string_view text) {
  fmt::print("\n== {}\n\n", text);
  std::fflush(stdout);  // before a child writes to the same terminal
}

void remove_old_store(const Demo& demo) {
  if (!demo.replace && std::filesystem::exists(demo.store)) {
    throw DemoError(demo.store + " exists; --replace deletes it first");
  }
  std::filesystem::remove(demo.store);
  std::filesystem::remove(demo.store + "-log");
}

cairn::Options demo_options() {
  cairn::Options options;
  options.label = "wordnet demo";
  // As the importer has it, whose store this is.
  options.any_file_system = true;
  return options;
}

/// Waits until the process has imported half of the bytes. It is watched through the store that
/// both have open: each of its commits is there to be read as soon as it is one.
void watch_until_halfway(ChildProcess& importer, const cairn::Store& store, const Source& source) {
  constexpr std::chrono::milliseconds patience(100);
  for (;;) {
    const std::uint64_t sequence = store.sequence();
    const Cursor cursor = import_cursor(store);
    if (2 * source.bytes_before(cursor) >= source.total_bytes()) return;
    if (importer.poll()) throw DemoError("the importer ended before it could be killed");
    store.wait_for_change(sequence, patience);
  }
}

/// Halts the process inside a write transaction, so that the kill hits work in progress.
cairn::ProcessInfo halt_inside_transaction(ChildProcess& importer, const cairn::Store& store) {
  while (importer.halt()) {
    for (const cairn::ProcessInfo& process : store.processes()) {
      const bool is_importer = process.pid == static_cast<std::uint32_t>(importer.pid());
      if (is_importer && process.phase == cairn::ProcessPhase::writing) return process;
    }
    importer.go_on();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  throw DemoError("the importer ended before it could be killed");
}

void import_half_and_kill(const Demo& demo, const Source& source) {
  heading("A process imports WordNet; halfway it is killed, inside a transaction");
  const cairn::Store store = cairn::Store::create(demo.store, demo_options());
  ChildProcess importer({demo.program.string(), "import", demo.directory, demo.store});
  watch_until_halfway(importer, store, source);
  const cairn::ProcessInfo process = halt_inside_transaction(importer, store);
  importer.kill_now();
  const Outcome outcome = importer.wait();
  fmt::print("\nkilled process {} (\"{}\", {}) with signal {}\n", process.pid, process.label,
             to_string(process.phase), outcome.code);
  // The handle goes without close(), which would tidy up after the dead process.
}

void show_what_survived(const Demo& demo, const Source& source) {
  heading("The store is opened again");
  const Clock::time_point before = Clock::now();
  cairn::Store store = cairn::Store::open_existing(demo.store, demo_options());
  fmt::print("opened in {}\n", format_duration(Clock::now() - before));
  fmt::print("recovery: {}\n", store.last_recovery().summary());

  const cairn::CheckReport report = store.check();
  for (const std::string& problem : report.problems) fmt::print("problem: {}\n", problem);
  if (!report.ok()) throw DemoError("the store is damaged");
  fmt::print("checked: {} blocks, {} bytes in use, no problem\n", format_count(report.blocks),
             format_count(report.used_bytes));

  store.read([&](const cairn::ReadTransaction& tx) {
    const Wordnet* const wordnet = tx.find<Wordnet>(root_name);
    if (wordnet == nullptr) throw DemoError("the import has left nothing behind");
    const Statistics found = statistics(*wordnet);
    const Cursor cursor = wordnet->import.cursor;
    fmt::print("found: {} synsets, {} more that pointers mention, {} words; {} batches, up to "
               "line {} of {}\n",
               format_count(found.total().synsets), format_count(found.undefined_synsets),
               format_count(found.distinct_words), format_count(wordnet->import.batches),
               format_count(cursor.lines), source.files().at(cursor.file).name);
  });
  store.close();
}

void run_to_success(const std::vector<std::string>& arguments) {
  ChildProcess child(arguments);
  const Outcome outcome = child.wait();
  if (!outcome.success()) {
    throw DemoError(fmt::format("`{}` ended with {} {}", fmt::join(arguments, " "),
                                outcome.exited ? "status" : "signal", outcome.code));
  }
}

/// What other processes count in the store, seen from here while they live: each of them is told a
/// word, counts and answers it, and waits for the next.
void watch_questions(const Demo& demo) {
  constexpr std::uint64_t askers = 4;
  constexpr std::chrono::seconds patience(20);
  const cairn::Store store = cairn::Store::open_existing(demo.store, demo_options());
  // An object's address holds beyond the section that it was found in, while the object exists.
  const cairn::Atomic<std::uint64_t>& asked = *store.read(
      [](const cairn::ReadTransaction& tx) { return &tx.find<Wordnet>(root_name)->words_asked; });
  const std::uint64_t before = asked.load();
  const std::vector<std::string> question = {demo.program.string(), "query", demo.store, "--quiet"};
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (std::uint64_t i = 0; i < askers; ++i) {
    children.push_back(std::make_unique<ChildProcess>(question, ChildProcess::Input::said));
  }
  std::uint64_t seen = before;
  for (const char* const word : {"cat", "run", "green", "slowly"}) {
    for (const auto& child : children) child->say(word);
    for (const std::uint64_t told = seen + askers; seen < told; seen = asked.load()) {
      if (!asked.wait_for(seen, patience)) throw DemoError("nobody asks");
    }
    const auto alive = std::count_if(children.begin(), children.end(),
                                     [](const auto& child) { return !child->poll(); });
    fmt::print("{}: {} words asked for, {} of them just now; {} processes wait for the next\n",
               word, format_count(seen), format_count(seen - before), alive);
  }
  for (const auto& child : children) {
    child->hang_up();
    child->wait();
  }
}

void run_demo(const Demo& demo) {
  const Clock::time_point started = Clock::now();
  remove_old_store(demo);
  {
    const Source source(demo.directory);
    import_half_and_kill(demo, source);
    show_what_survived(demo, source);
  }
  heading("A second process resumes from the last commit");
  run_to_success({demo.program.string(), "import", demo.directory, demo.store});

  heading("A third process opens the store and asks, parsing nothing");
  run_to_success(
      {demo.program.string(), "query", demo.store, "dog", "--hypernyms", "--most-connected", "10"});
  run_to_success({demo.program.string(), "complete", demo.store, "dog", "--most", "8"});

  heading("Four processes ask at once; a fifth sees them count, in no transaction");
  watch_questions(demo);

  const std::string program = std::filesystem::proximate(demo.program).string();
  const std::string store = std::filesystem::proximate(demo.store).string();
  fmt::print("\nThe demo took {}. To ask more:\n  {} query {} WORD...\n  {} stats {}\n",
             format_duration(Clock::now() - started), program, store, program, store);
}

int run(int argc, char** argv) {
  CLI::App app{"Imports WordNet, kills the import halfway, recovers, resumes, and asks"};
  Demo demo;
  const auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  demo.program = here / "wordnet";
  demo.directory = "/usr/share/wordnet";
  app.add_option("--database", demo.directory, "directory with WordNet's data and index files")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  const CLI::Option* const store =
      app.add_option("--store", demo.store, "where to put the store; beside this program if unset");
  app.add_flag("--replace", demo.replace, "delete a store that is already there");
  CLI11_PARSE(app, argc, argv);
  if (store->count() == 0) {
    demo.store = here / "demo.cairn";
    demo.replace = true;
  }
  run_demo(demo);
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace wordnet

int main(int argc, char** argv) {
  try {
    return wordnet::run(argc, argv);
  } catch (const std::exception& error) {
    std::fflush(stdout);
    fmt::print(stderr, "wordnet_demo: {}\n", error.what());
    return EXIT_FAILURE;
  }
}

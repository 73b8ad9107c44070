// SPDX-License-Identifier: BSL-1.0
#include "soak_round.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "sweep.hpp"

namespace cairn::drills {
namespace {

Digests digests_of(const ReadTransaction& tx) {
  Digests digests{};
  for (std::size_t i = 0; i < part_count; ++i) digests[i] = digest_of(tx, static_cast<Part>(i));
  return digests;
}

/// Without changing a byte, where it was closed.
void require_same_alone(const std::string& path, const Harvest& harvest, bool closed) {
  try {
    const Store store = Store::open_read_only(path);
    const Digests found = store.read([](const ReadTransaction& tx) { return digests_of(tx); });
    if (found != harvest.digests) throw DrillFailure("read alone, the store holds something else");
  } catch (const Error& error) {
    if (closed || !(error == errc::needs_recovery)) throw;
  }
}

}  // namespace

void found_soak_store(const std::string& path, const Options& options, Harvest& harvest) {
  Store store = Store::create(path, options);
  store.write([](WriteTransaction& tx) {
    tx.construct<Strokes>("strokes");
    tx.construct<History>("history");
  });
  harvest.left_sequence = store.sequence();
}

void harvest_store(const std::string& path, const Options& options, std::uint64_t choice,
                   const std::string& out, Harvest& harvest) {
  const bool closed = choice % 2 == 0;
  {
    Store store = Store::open_existing(path, options);
    require_sound(store, "after a round");
    std::ofstream file(out, std::ios::binary | std::ios::trunc);
    store.read([&](const ReadTransaction& tx) {
      harvest.number = number_in(tx);
      harvest.sequence = tx.sequence();
      harvest.digests = digests_of(tx);
      for (const auto& [number, deed] : *tx.find<History>("history")) {
        if (number != deed.number) {
          throw DrillFailure(
              fmt::format("under number {} the history has {}", number, deed.number));
        }
        file.write(reinterpret_cast<const char*>(&deed), sizeof deed);
      }
      const Strokes& strokes = *tx.find<Strokes>("strokes");
      for (std::size_t i = 0; i < most_threads; ++i) harvest.strokes[i] = strokes[i];
    });
    file.close();
    if (!file) throw DrillFailure("the history cannot be written to " + out);
    store.write([](WriteTransaction& tx) { tx.find<History>("history")->clear(); });
    if (choice / 2 % 2 == 0) store.shrink_to_usage();
    require_sound(store, "after the history was cleared");
    harvest.left_sequence = store.sequence();
    harvest.file_bytes = store.size();
    if (closed) store.close();
  }
  if (choice / 4 % 2 == 0) require_same_alone(path, harvest, closed);
}

void require_strokes(std::size_t thread, std::uint64_t found, std::uint64_t least,
                     std::uint64_t most) {
  if (found >= least && found <= most) return;
  throw DrillFailure(fmt::format("the Atomic of thread {} says {}, which counted {} to {} times",
                                 thread, found, least, most));
}

Round take_round(SoakBoard& board, const Harvest& harvest, const std::string& history) {
  Round round;
  round.number = harvest.number;
  round.sequence = harvest.sequence;
  round.digests = harvest.digests;
  round.history.resize(std::filesystem::file_size(history) / sizeof(Deed));
  std::ifstream file(history, std::ios::binary);
  file.read(reinterpret_cast<char*>(round.history.data()),
            static_cast<std::streamsize>(round.history.size() * sizeof(Deed)));
  if (!file) throw DrillFailure("the history cannot be read from " + history);
  for (std::size_t i = 0; i < most_threads; ++i) {
    SoakThread& thread = board.threads[i];
    require_strokes(i, harvest.strokes[i], thread.strokes_done, thread.strokes_begun);
    thread.strokes_done = harvest.strokes[i];
    thread.strokes_begun = harvest.strokes[i];
    round.attempts.emplace_back(thread.attempts.begin(), thread.attempts.end());
    round.observations.emplace_back(thread.observations.begin(), thread.observations.end());
    thread.attempts.clear();
    thread.observations.clear();
  }
  return round;
}

}  // namespace cairn::drills

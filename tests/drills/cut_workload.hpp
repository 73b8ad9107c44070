// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "board.hpp"
#include "ledger.hpp"
#include "sweep.hpp"

namespace cairn::drills {

/// What the processes of a drill that cuts file systems share. It lies in memory, so a cut leaves
/// it alone.
struct CutArena {
  // of the writers, between two cuts
  std::atomic<std::uint32_t> cut;      ///< 1 from a moment before the cut
  std::atomic<std::uint32_t> finish;   ///< 1: writers close the store and end
  std::atomic<std::uint32_t> created;  ///< 1 once anybody was told that there is a store
  std::atomic<std::uint32_t> founded;  ///< 1 once somebody's commit of the roots has returned
  std::atomic<std::uint32_t> closed;   ///< writers whose close() has returned
  std::array<std::atomic<std::uint64_t>, writer_count> begun;
  std::array<std::atomic<std::uint64_t>, writer_count> acknowledged;

  // of who opens it afterwards
  std::atomic<std::uint32_t> exists;
  std::atomic<std::uint32_t> power_lost;  ///< 1 where it was told errc::power_lost
  std::atomic<std::uint32_t> holds_roots;
  std::array<std::atomic<std::uint64_t>, writer_count> found;  ///< once it was open again
  std::array<std::atomic<std::uint64_t>, writer_count> left;   ///< after its own transactions
  std::atomic<std::int64_t> opened_in_ns;

  std::array<Board, writer_count + 1> boards;  ///< of the writers, and of who opens it afterwards
};

/// What a writer and who opens the store after a cut go by.
struct CutCase {
  std::string path;
  Durability durability = Durability::power;
  std::uint64_t seed = 0;
  drill::IoObserver io_observer = nullptr;  ///< breaks the protocol in writers
};

/// Writes to the store, which it creates where there is none, until the file system is cut, and
/// then returns. Small commits of the ledger, now and then one of some size, growth, shrinking and
/// checkpoints. Throws where anything fails before the cut.
void write_until_cut(const CutCase& one, std::uint32_t writer, CutArena& arena);

/// Opens the store after the cut, checks it, compares it with `model` and what the writers were
/// told, commits, closes, opens it once more and leaves it, closed at level process. `was` are the
/// transactions that the store held when the writers began. Throws DrillFailure.
void verify_after_cut(const CutCase& one, const Counters& was, Ledger& model, CutArena& arena);

Counters values_of(const std::array<std::atomic<std::uint64_t>, writer_count>& words);

}  // namespace cairn::drills

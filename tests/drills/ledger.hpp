// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cairn/cairn.hpp"

namespace cairn::drills {

inline constexpr std::uint32_t writer_count = 4;
inline constexpr std::uint64_t account_count = 64;
inline constexpr std::uint64_t opening_balance = 1'000'000;

using Told = const std::array<Atomic<std::uint64_t>, writer_count>;
using Counters = std::array<std::uint64_t, writer_count>;

/// What writers that are killed at random do to one store, and the model of it. Every transaction
/// is a function of its writer and the number that it has among that writer's, and transactions of
/// different writers commute, so the counters alone tell what the store must hold.
///
///     "accounts"   HashMap<u64, u64>          sums that are moved about; the total never changes
///     "counters"   HashMap<u64, u64>          transactions of each writer
///     "diaries"    HashMap<String, Vec<u64>>  lists of one writer each, the first element a digest
///     "index"      BTreeMap<u64, String>      runs of keys that come and go; writers share the
///     nodes "seen"       BTreeSet<u64>, and         keys that come and go, the same in both
///     "known"      HashSet<u64>
///     "queues"     Vec<Deque<u64>>            one of each writer, that turns and grows
///     "told"       array<Atomic<u64>, 4>      what each writer was told of, outside of
///     transactions
class Ledger {
 public:
  /// The roots of a new store.
  static void found(WriteTransaction& tx);
  /// Transaction `number` (from 1) of `writer` on the store. Throws std::runtime_error where the
  /// store's counter is not one less.
  static void enter(WriteTransaction& tx, std::uint32_t writer, std::uint64_t number);
  static Counters counters(const ReadTransaction& tx);
  /// Of each writer: the transaction that it was told of last.
  static Told& told(const ReadTransaction& tx);
  /// What must hold in every section: the total, counters not below `least`, Atomics not below
  /// `least_told`, one diary's digest.
  /// Throws std::runtime_error.
  static void require_invariants(const ReadTransaction& tx, const Counters& least,
                                 const Counters& least_told, std::uint64_t any);

  Ledger();
  /// Takes the model on to these counters. Requires: none is below where the model stands.
  void advance(const Counters& counters);
  /// Throws std::runtime_error where the store differs from the model.
  void require_equal(const ReadTransaction& tx) const;

 private:
  std::map<std::uint64_t, std::uint64_t> accounts_;
  std::map<std::string, std::vector<std::uint64_t>> diaries_;
  std::map<std::uint64_t, std::string> index_;
  std::set<std::uint64_t> seen_;
  std::array<std::deque<std::uint64_t>, writer_count> queues_;
  Counters done_{};
};

}  // namespace cairn::drills

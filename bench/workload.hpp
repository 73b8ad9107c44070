// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace cairn::bench {

/// One key and the value to store under it.
struct Put {
  std::uint64_t key;
  std::uint64_t value;
};

/// Spreads the bits of `x` over all 64 (the finalizer of SplitMix64, Steele, Lea and Flood 2014).
/// A bijection: different numbers stay different.
constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// Numbers that look random and are the same in every run.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(mix(seed)) {}
  std::uint64_t operator()() noexcept { return mix(state_++); }
  /// From 0 to `bound - 1`, by multiplication: no division to time. Requires: bound at most 2^32.
  std::uint64_t below(std::uint64_t bound) noexcept { return ((*this)() >> 32) * bound >> 32; }

 private:
  std::uint64_t state_;
};

/// `count` different keys in random order.
std::vector<std::uint64_t> distinct_keys(std::uint64_t count);
/// `count` keys that `distinct_keys` never returns.
std::vector<std::uint64_t> absent_keys(std::uint64_t count);
/// The same keys in another order.
std::vector<std::uint64_t> shuffled(std::vector<std::uint64_t> keys, std::uint64_t seed);

/// What `key` holds after `round`: another value every round, so that no contestant can save
/// itself a write of what stands there already.
constexpr std::uint64_t value_in_round(std::uint64_t key, std::uint64_t round) noexcept {
  return mix(key ^ mix(round + 1));
}
std::vector<Put> puts_of(const std::vector<std::uint64_t>& keys, std::uint64_t round);

/// A sum over entries that does not depend on their order but on every bit of them.
struct Digest {
  std::uint64_t count = 0;
  std::uint64_t sum = 0;

  void add(std::uint64_t key, std::uint64_t value) noexcept {
    ++count;
    sum += mix(key ^ mix(value));
  }
};
Digest digest_of(std::span<const Put> puts);
std::uint64_t sum_of_values(std::span<const Put> puts);

/// Throws WrongAnswer unless `who` holds exactly what was put in.
void require_digest(const std::string& who, const Digest& got, const Digest& expected);

/// Seconds that `work` takes.
template <class Work>
double seconds_of(Work&& work) {
  const auto begin = std::chrono::steady_clock::now();
  std::forward<Work>(work)();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Puts all, `batch` in a transaction.
template <class Map>
void put_in_batches(Map& map, std::span<const Put> puts, std::size_t batch) {
  for (std::size_t i = 0; i < puts.size(); i += batch) {
    map.put_all(puts.subspan(i, std::min(batch, puts.size() - i)));
  }
}

/// Nanoseconds that each of `count` operations took.
inline double ns_each(double seconds, std::uint64_t count) {
  return seconds * 1e9 / static_cast<double>(count);
}

/// A directory for the files of one trial, removed with them.
class TrialDirectory {
 public:
  explicit TrialDirectory(const std::filesystem::path& parent);
  TrialDirectory(const TrialDirectory&) = delete;
  TrialDirectory& operator=(const TrialDirectory&) = delete;
  ~TrialDirectory();

  std::filesystem::path file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace cairn::bench

// SPDX-License-Identifier: BSL-1.0
#include "workload.hpp"

#include <algorithm>
#include <random>
#include <system_error>

#include "harness.hpp"

namespace cairn::bench {
namespace {

// Keys are images of consecutive numbers under a bijection, so ranges that do not meet give keys
// that do not either.
constexpr std::uint64_t first_present = 0;
constexpr std::uint64_t first_absent = 1ULL << 40;

std::vector<std::uint64_t> keys_from(std::uint64_t first, std::uint64_t count) {
  std::vector<std::uint64_t> keys(count);
  for (std::uint64_t i = 0; i < count; ++i) keys[i] = mix(first + i);
  return keys;
}

}  // namespace

std::vector<std::uint64_t> distinct_keys(std::uint64_t count) {
  return keys_from(first_present, count);
}

std::vector<std::uint64_t> absent_keys(std::uint64_t count) {
  return keys_from(first_absent, count);
}

std::vector<std::uint64_t> shuffled(std::vector<std::uint64_t> keys, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::shuffle(keys.begin(), keys.end(), engine);
  return keys;
}

std::vector<Put> puts_of(const std::vector<std::uint64_t>& keys, std::uint64_t round) {
  std::vector<Put> puts;
  puts.reserve(keys.size());
  for (const std::uint64_t key : keys) puts.push_back({key, value_in_round(key, round)});
  return puts;
}

Digest digest_of(std::span<const Put> puts) {
  Digest digest;
  for (const Put& put : puts) digest.add(put.key, put.value);
  return digest;
}

std::uint64_t sum_of_values(std::span<const Put> puts) {
  std::uint64_t sum = 0;
  for (const Put& put : puts) sum += put.value;
  return sum;
}

void require_digest(const std::string& who, const Digest& got, const Digest& expected) {
  require_answer(who, "number of entries", got.count, expected.count);
  require_answer(who, "digest of entries", got.sum, expected.sum);
}

TrialDirectory::TrialDirectory(const std::filesystem::path& parent) : path_(parent / "trial") {
  std::filesystem::create_directory(path_);
}

TrialDirectory::~TrialDirectory() {
  std::error_code ignored;  // what is left goes with the scratch directory
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace cairn::bench

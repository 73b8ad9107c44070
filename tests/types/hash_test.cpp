// SPDX-License-Identifier: BSL-1.0
// The numbers here are part of the file format: a table written with other hashes finds nothing.
#include "cairn/hash.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <set>
#include <vector>

namespace cairn::test {
namespace {

struct Key {
  char kind = 0;
  std::int32_t number = 0;
};
BOOST_DESCRIBE_STRUCT(Key, (), (kind, number))

TEST(Hash, gives_the_numbers_that_files_were_written_with) {
  EXPECT_EQ(hash_number(0), 0x2D7F3F6B1A9380B4ULL);
  EXPECT_EQ(hash_number(1), 0xB3A4B1A2995E04A0ULL);
  EXPECT_EQ(Hash<std::int32_t>{}(-1), 0x297E3F721B0B88A5ULL);
  EXPECT_EQ(Hash<double>{}(1.5), 0x51B2EE67D0D6E8D1ULL);
  EXPECT_EQ(Hash<std::string_view>{}("cairn"), 0x00192F3582DF1EEEULL);
  EXPECT_EQ((Hash<std::pair<std::uint8_t, std::uint64_t>>{}({1, 2})), 0xA0810B9E90F1E041ULL);
}

TEST(Hash, equal_numbers_of_any_width_hash_alike) {
  EXPECT_EQ(Hash<std::int8_t>{}(-5), Hash<std::int64_t>{}(-5));
  EXPECT_EQ(Hash<std::uint8_t>{}(200), Hash<std::uint64_t>{}(200));
  EXPECT_EQ(Hash<char>{}('\xF0'), Hash<std::int8_t>{}(-16));
  EXPECT_EQ(Hash<double>{}(-0.0), Hash<double>{}(0.0));
  EXPECT_EQ(Hash<float>{}(-0.0F), Hash<float>{}(0.0F));
}

TEST(Hash, a_described_struct_hashes_like_a_tuple_of_its_fields) {
  EXPECT_EQ(Hash<Key>{}({'n', 5}), (Hash<std::tuple<char, std::int32_t>>{}({'n', 5})));
  EXPECT_EQ((Hash<std::array<int, 2>>{}({1, 2})), (Hash<std::pair<int, int>>{}({1, 2})));
  EXPECT_NE((Hash<std::pair<int, int>>{}({1, 2})), (Hash<std::pair<int, int>>{}({2, 1})));
}

/// How unevenly hashes fall into 1024 cells: about 1 for random ones.
template <class Cell>
double unevenness(const std::vector<std::uint64_t>& keys, Cell cell) {
  std::array<double, 1024> cells{};
  for (const std::uint64_t key : keys) cells[cell(hash_number(key))] += 1;
  const double expected = static_cast<double>(keys.size()) / 1024;
  double sum = 0;
  for (const double count : cells) sum += (count - expected) * (count - expected) / expected;
  return sum / 1023;
}

TEST(Hash, regular_keys_spread_evenly_over_chunks_and_tags) {
  for (const unsigned shift : {0U, 3U, 8U, 12U, 16U, 20U, 32U, 44U}) {
    std::vector<std::uint64_t> keys;
    for (std::uint64_t i = 0; i < 100000; ++i) keys.push_back(i << shift);
    EXPECT_LT(unevenness(keys, [](std::uint64_t hash) { return hash & 1023; }), 1.3) << shift;
    EXPECT_LT(unevenness(keys, [](std::uint64_t hash) { return hash >> 54; }), 1.3) << shift;
  }
}

TEST(Hash, different_numbers_rarely_share_a_hash) {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t i = 0; i < 100000; ++i) hashes.insert(hash_number(i * 0x10001));
  EXPECT_EQ(hashes.size(), 100000U);
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
// Tables that grow within one transaction: in pages that it gained they are doubled where they
// stand, elsewhere, and where that cannot be done, they move.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "cairn/hash_map.hpp"
#include "cairn/store.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

constexpr std::uint64_t first_colliding = 1'000'000;

/// All keys from `first_colliding` on have one hash in common.
struct CollidingHash {
  static constexpr std::string_view hash_name = "test.colliding";
  std::uint64_t operator()(std::uint64_t key) const noexcept {
    return hash_number(std::min(key, first_colliding));
  }
};

using Plain = HashMap<std::uint64_t, std::uint64_t>;
using Colliding = HashMap<std::uint64_t, std::uint64_t, CollidingHash>;

/// Where the table of a map begins, and how many chunks it has.
struct Table {
  template <class Map>
  explicit Table(const Map& map)
      : format(reinterpret_cast<const HashMapFormat*>(&map)),
        begin(target_at<const std::byte>(format, format->distance)),
        chunk_bits(format->chunk_bits) {}

  /// The count of elements that passed the chunk in which those of this hash begin.
  unsigned passed(std::uint64_t hash) const {
    const std::uint64_t index = hash & ((std::uint64_t{1} << chunk_bits) - 1);
    const auto* const chunk = begin + index * hash_chunk_stride(16, 8);
    return reinterpret_cast<const HashChunkFormat*>(chunk)->overflow;
  }

  const HashMapFormat* format;
  const std::byte* begin;
  unsigned chunk_bits;
};

/// How often a map doubled where it stands, and how often it moved.
struct Growth {
  unsigned in_place = 0;
  unsigned moved = 0;
};

template <class Map>
Growth add(Map& map, std::uint64_t first, std::uint64_t end) {
  Growth growth;
  for (std::uint64_t key = first; key < end; ++key) {
    const Table before(map);
    map.try_emplace(key, ~key);
    const Table now(map);
    if (now.chunk_bits == before.chunk_bits) continue;
    ++(now.begin == before.begin ? growth.in_place : growth.moved);
  }
  return growth;
}

template <class Map>
void expect_keys(const Map& map, std::uint64_t first, std::uint64_t end) {
  for (std::uint64_t key = first; key < end; ++key) {
    const auto found = map.find(key);
    ASSERT_NE(found, map.end()) << key;
    ASSERT_EQ(found->second, ~key);
  }
  ASSERT_FALSE(map.contains(end));
}

/// Visiting is not searching: both have to give the same elements.
template <class Map>
void expect_visited(const Map& map, std::uint64_t count) {
  ASSERT_EQ(map.size(), count);
  std::uint64_t visited = 0;
  for (const auto& [key, value] : map) visited += value == ~key ? 1 : 0;
  ASSERT_EQ(visited, count);
}

class HashGrowthTest : public StoreTest {
 protected:
  template <class Map, class Work>
  void change(Work work) {
    store_.write([&](WriteTransaction& tx) { work(tx.find_or_construct<Map>("map")); });
  }
  /// Looks at what was committed, and at every block.
  template <class Map, class Look>
  void look(Look look_at) {
    store_.read([&](const ReadTransaction& tx) { look_at(*tx.find<Map>("map")); });
    expect_sound(store_);
  }

 private:
  Store store_ = open();
};

TEST_F(HashGrowthTest, a_table_that_grew_within_a_transaction_goes_with_it_or_stays) {
  constexpr std::uint64_t kept = 50;
  constexpr std::uint64_t count = 200'000;
  change<Plain>([](Plain& map) { add(map, 0, kept); });

  Growth thrown;
  const auto grow_and_throw = [&](Plain& map) {
    thrown = add(map, kept, count);
    expect_keys(map, 0, count);
    throw std::runtime_error("enough");
  };
  EXPECT_THROW(change<Plain>(grow_and_throw), std::runtime_error);
  EXPECT_GT(thrown.in_place, 5U);
  look<Plain>([](const Plain& map) {
    expect_keys(map, 0, kept);
    expect_visited(map, kept);
  });

  Growth committed;
  change<Plain>([&](Plain& map) { committed = add(map, kept, count); });
  EXPECT_GT(committed.in_place, 5U);
  look<Plain>([](const Plain& map) {
    expect_keys(map, 0, count);
    expect_visited(map, count);
  });
  // What is committed now must be declared: it moves.
  Growth later;
  change<Plain>([&](Plain& map) { later = add(map, count, map.capacity() + 1); });
  EXPECT_EQ(later.in_place, 0U);
  EXPECT_EQ(later.moved, 1U);
  look<Plain>([](const Plain& map) { expect_keys(map, 0, map.size()); });
}

TEST_F(HashGrowthTest, elements_that_passed_full_chunks_are_found_after_doubling_in_place) {
  constexpr std::uint64_t count = 20'000;
  constexpr std::uint64_t colliding = 200;
  const std::uint64_t hash = CollidingHash{}(first_colliding);
  change<Colliding>([&](Colliding& map) {
    add(map, 0, 2000);
    add(map, first_colliding, first_colliding + colliding);
    ASSERT_GT(Table(map).passed(hash), 100U);
    ASSERT_LT(Table(map).passed(hash), hash_overflow_max);
    EXPECT_GT(add(map, 2000, count).in_place, 2U);
    EXPECT_GT(Table(map).passed(hash), 100U);
  });
  look<Colliding>([&](const Colliding& map) {
    expect_keys(map, 0, count);
    expect_keys(map, first_colliding, first_colliding + colliding);
    expect_visited(map, count + colliding);
  });
  // The counts are those of the elements: they are gone when these are.
  change<Colliding>([&](Colliding& map) {
    for (std::uint64_t i = 0; i < colliding; ++i) map.erase(first_colliding + i);
    for (std::uint64_t key = 0; key < count; ++key) map.erase(key);
    EXPECT_EQ(Table(map).passed(hash), 0U);
    expect_visited(map, 0);
  });
}

TEST_F(HashGrowthTest, a_table_with_a_chunk_that_lost_count_moves_instead) {
  constexpr std::uint64_t count = 20'000;
  constexpr std::uint64_t colliding = 600;
  const std::uint64_t hash = CollidingHash{}(first_colliding);
  const auto grow = [&](Colliding& map) {
    EXPECT_GT(add(map, 0, 2000).in_place, 0U);
    add(map, first_colliding, first_colliding + colliding);
    ASSERT_EQ(Table(map).passed(hash), hash_overflow_max);
    const Growth growth = add(map, 2000, count);
    EXPECT_EQ(growth.in_place, 0U);
    EXPECT_GT(growth.moved, 2U);
  };
  const auto grow_and_throw = [&](Colliding& map) {
    grow(map);
    throw std::runtime_error("enough");
  };
  change<Colliding>([](Colliding&) {});
  EXPECT_THROW(change<Colliding>(grow_and_throw), std::runtime_error);
  look<Colliding>([](const Colliding& map) { expect_visited(map, 0); });

  change<Colliding>(grow);
  look<Colliding>([](const Colliding& map) {
    expect_keys(map, 0, count);
    expect_keys(map, first_colliding, first_colliding + colliding);
    expect_visited(map, count + colliding);
  });
  // A count that was lost stays, and hides nothing.
  change<Colliding>([&](Colliding& map) {
    for (std::uint64_t i = 0; i < colliding; i += 2) map.erase(first_colliding + i);
  });
  look<Colliding>([&](const Colliding& map) {
    EXPECT_EQ(Table(map).passed(hash), hash_overflow_max);
    for (std::uint64_t i = 0; i < colliding; ++i) {
      ASSERT_EQ(map.contains(first_colliding + i), i % 2 == 1) << i;
    }
  });
}

}  // namespace
}  // namespace cairn::test

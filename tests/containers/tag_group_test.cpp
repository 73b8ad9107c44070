// SPDX-License-Identifier: BSL-1.0
#include "cairn/containers/tag_group.hpp"

#include <gtest/gtest.h>

#include <random>

namespace cairn::detail {
namespace {

HashChunkFormat random_chunk(std::mt19937_64& random) {
  HashChunkFormat chunk;
  for (std::uint8_t& tag : chunk.tags) {
    // Few different tags, so that several slots match; a third of the slots is free.
    tag = random() % 3 == 0 ? std::uint8_t{0} : static_cast<std::uint8_t>(0x80 | random() % 8);
  }
  chunk.overflow = static_cast<std::uint8_t>(random());
  return chunk;
}

SlotMask matching_one_by_one(const HashChunkFormat& chunk, std::uint8_t tag) {
  SlotMask mask = 0;
  for (unsigned i = 0; i < 15; ++i) {
    if (chunk.tags[i] == tag) mask |= SlotMask{1} << i;
  }
  return mask;
}

template <class Group>
class TagGroupTest : public ::testing::Test {};
using Groups = ::testing::Types<TagGroup, PortableTagGroup>;
TYPED_TEST_SUITE(TagGroupTest, Groups);

TYPED_TEST(TagGroupTest, matches_what_comparing_one_by_one_matches) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20000; ++round) {
    const HashChunkFormat chunk = random_chunk(random);
    const TypeParam sut(&chunk);
    for (unsigned tag = 0x80; tag < 0x90; ++tag) {
      ASSERT_EQ(sut.matching(static_cast<std::uint8_t>(tag)),
                matching_one_by_one(chunk, static_cast<std::uint8_t>(tag)));
    }
    const SlotMask free = matching_one_by_one(chunk, 0);
    ASSERT_EQ(sut.free(), free);
    ASSERT_EQ(sut.occupied(), free ^ all_slots);
  }
}

TYPED_TEST(TagGroupTest, the_overflow_count_is_never_taken_for_a_tag) {
  for (unsigned overflow = 0; overflow < 256; ++overflow) {
    HashChunkFormat chunk{};
    chunk.overflow = static_cast<std::uint8_t>(overflow);
    const TypeParam sut(&chunk);
    EXPECT_EQ(sut.occupied(), 0U);
    EXPECT_EQ(sut.matching(chunk.overflow == 0 ? std::uint8_t{0x80} : chunk.overflow), 0U);
  }
}

}  // namespace
}  // namespace cairn::detail

// SPDX-License-Identifier: BSL-1.0
// The bytes of each container, spelled out: whoever changes them breaks every file there is.
#include <array>
#include <cstring>
#include <string>

#include "cairn/atomic.hpp"
#include "cairn/box.hpp"
#include "cairn/btree_map.hpp"
#include "cairn/deque.hpp"
#include "cairn/hash_map.hpp"
#include "cairn/hash_set.hpp"
#include "cairn/nd_array.hpp"
#include "cairn/ptr.hpp"
#include "cairn/segmented.hpp"
#include "cairn/string.hpp"
#include "cairn/vec.hpp"
#include "container_test.hpp"

namespace cairn::test {
namespace {

class LayoutTest : public ContainerTest {
 protected:
  template <class T>
  static std::string bytes_of(const T& object, std::size_t from = 0,
                              std::size_t count = sizeof(T)) {
    return hex(reinterpret_cast<const std::uint8_t*>(&object) + from, count);
  }
  static std::string hex(const void* data, std::size_t count) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
      const auto byte = static_cast<const std::uint8_t*>(data)[i];
      if (i != 0 && i % 8 == 0) text += ' ';
      text += digits[byte >> 4];
      text += digits[byte & 15];
    }
    return text;
  }
  /// The number in a field as it is stored.
  template <class T>
  static T number_at(const void* object, std::size_t at) {
    T value;
    std::memcpy(&value, static_cast<const std::byte*>(object) + at, sizeof value);
    return value;
  }
  static std::int64_t distance(const void* from, const void* to) {
    return static_cast<const std::byte*>(to) - static_cast<const std::byte*>(from);
  }
};

TEST_F(LayoutTest, an_empty_vec_is_a_null_distance_and_zeros) {
  EXPECT_EQ(bytes_of(make<Vec<std::uint64_t>>()),
            "0100000000000000 0000000000000000 0000000000000000");
}

TEST_F(LayoutTest, a_vec_is_distance_size_capacity) {
  auto& sut = make<Vec<std::uint16_t>>(std::size_t{3}, std::uint16_t{0x0102});
  EXPECT_EQ(number_at<std::int64_t>(&sut, 0), distance(&sut, std::as_const(sut).data()));
  EXPECT_EQ(bytes_of(sut, 8, 16), "0300000000000000 0800000000000000");
  EXPECT_EQ(hex(std::as_const(sut).data(), 6), "020102010201");
}

TEST_F(LayoutTest, a_deque_is_distance_size_capacity_and_front) {
  auto& sut = make<Deque<std::uint64_t>>();
  EXPECT_EQ(bytes_of(sut), "0100000000000000 0000000000000000 0000000000000000 0000000000000000");
  sut.push_back(0x11);
  sut.push_back(0x22);
  sut.push_front(0x33);
  const auto* const block = target_at<const std::byte>(&sut, number_at<std::int64_t>(&sut, 0));
  EXPECT_EQ(bytes_of(sut, 8, 24), "0300000000000000 0400000000000000 0300000000000000");
  EXPECT_EQ(hex(block, 16), "1100000000000000 2200000000000000");
  EXPECT_EQ(hex(block + 24, 8), "3300000000000000");
}

TEST_F(LayoutTest, a_short_string_is_its_characters_a_zero_and_the_room_left) {
  EXPECT_EQ(bytes_of(make<String>(), 0, 1) + bytes_of(make<String>(), 23, 1), "0017");
  auto& sut = make<String>("Ada");
  EXPECT_EQ(bytes_of(sut, 0, 4), "41646100");
  EXPECT_EQ(bytes_of(sut, 23, 1), "14");
  EXPECT_EQ(bytes_of(make<String>("twenty-three characters")),
            "7477656e74792d74 6872656520636861 7261637465727300");
}

TEST_F(LayoutTest, a_long_string_is_distance_size_capacity_and_a_tag) {
  auto& sut = make<String>(std::string(24, 'x'));
  EXPECT_EQ(number_at<std::int64_t>(&sut, 0), distance(&sut, sut.c_str()));
  EXPECT_EQ(bytes_of(sut, 8, 16), "1800000000000000 1f00000000000080");
  EXPECT_EQ(hex(sut.c_str(), 25), "7878787878787878 7878787878787878 7878787878787878 00");
}

TEST_F(LayoutTest, box_and_ptr_are_distances) {
  auto& box = make<Box<std::uint32_t>>();
  EXPECT_EQ(bytes_of(box), "0100000000000000");
  box.emplace(7U);
  EXPECT_EQ(number_at<std::int64_t>(&box, 0), distance(&box, &*std::as_const(box)));
  auto& ptr = make<Ptr<std::uint32_t>>();
  EXPECT_EQ(bytes_of(ptr), "0100000000000000");
  ptr = &*box;
  EXPECT_EQ(number_at<std::int64_t>(&ptr, 0), distance(&ptr, &*std::as_const(box)));
}

TEST_F(LayoutTest, a_hash_map_is_distance_size_and_shape) {
  auto& sut = make<HashMap<std::uint64_t, std::uint64_t>>();
  EXPECT_EQ(bytes_of(sut), "0100000000000000 0000000000000000 0000010000000000");
  sut[1] = 0x1111;
  EXPECT_EQ(bytes_of(sut, 8, 16), "0100000000000000 0002010000000000");
  for (std::uint64_t i = 2; i <= 20; ++i) sut[i] = i;
  EXPECT_EQ(bytes_of(sut, 8, 16), "1400000000000000 010f010000000000");
}

TEST_F(LayoutTest, a_hash_set_is_a_hash_map_without_values) {
  auto& sut = make<HashSet<std::uint64_t>>();
  EXPECT_EQ(bytes_of(sut), "0100000000000000 0000000000000000 0000010000000000");
  sut.insert(1);
  EXPECT_EQ(bytes_of(sut, 8, 16), "0100000000000000 0002010000000000");
  const auto* const chunk = target_at<const std::byte>(&sut, number_at<std::int64_t>(&sut, 0));
  EXPECT_EQ(number_at<std::uint8_t>(chunk, 0), 0x80 | (hash_number(1) >> 57));
  EXPECT_EQ(hex(chunk + 16, 8), "0100000000000000");
}

TEST_F(LayoutTest, a_b_tree_is_root_first_last_size_and_levels) {
  auto& sut = make<BTreeMap<std::uint64_t, std::uint64_t>>();
  EXPECT_EQ(bytes_of(sut),
            "0100000000000000 0100000000000000 0100000000000000 0000000000000000 0000000000000000");
  for (std::uint64_t i = 1; i <= 16; ++i) sut[i] = 0x1111 * i;
  EXPECT_EQ(bytes_of(sut, 24, 16), "1000000000000000 0200000000000000");
  const auto* const root = target_at<const std::byte>(&sut, number_at<std::int64_t>(&sut, 0));
  EXPECT_EQ(hex(root, 32), "0100000000000000 01010f0000000000 0f00000000000000 ffff000000000000");
  // Children stand behind 15 slots, as distances from the node, and name it as their parent.
  const std::byte* const first = root + number_at<std::int64_t>(root, 256);
  const std::byte* const last = root + number_at<std::int64_t>(root, 264);
  EXPECT_EQ(number_at<std::int64_t>(&sut, 8), distance(&sut, first));
  EXPECT_EQ(number_at<std::int64_t>(&sut, 16), distance(&sut, last));
  EXPECT_EQ(number_at<std::int64_t>(first, 0), distance(first, root));
  EXPECT_EQ(hex(first + 8, 24), "000e0f0000000000 0100000000000000 1111000000000000");
  EXPECT_EQ(hex(last + 8, 24), "00010f0000000000 1000000000000000 1011010000000000");
}

TEST_F(LayoutTest, a_chunk_is_tags_overflow_and_slots) {
  auto& sut = make<HashMap<std::uint64_t, std::uint64_t>>();
  sut[1] = 0x1111;
  const auto* const chunk = target_at<const std::byte>(&sut, number_at<std::int64_t>(&sut, 0));
  // The tag is the hash's top seven bits and the high bit.
  EXPECT_EQ(number_at<std::uint8_t>(chunk, 0), 0x80 | (hash_number(1) >> 57));
  EXPECT_EQ(hex(chunk + 1, 15), "0000000000000000 00000000000000");
  EXPECT_EQ(hex(chunk + 16, 16), "0100000000000000 1111000000000000");
}

TEST_F(LayoutTest, an_atomic_is_its_value_a_magic_and_the_words_of_waiting) {
  auto& sut = make<Atomic<std::int16_t>>(std::int16_t{-2});
  EXPECT_EQ(bytes_of(sut, 0, 16), "feff000000000000 636e61746f6d6963");
  EXPECT_EQ(bytes_of(sut, 16, 48),
            "0000000000000000 0000000000000000 0000000000000000 0000000000000000 "
            "0000000000000000 0000000000000000");
}

TEST_F(LayoutTest, a_segmented_is_distance_size_segments) {
  auto& sut = make<Segmented<std::uint64_t>>();
  EXPECT_EQ(bytes_of(sut), "0100000000000000 0000000000000000 0000000000000000");
  for (std::uint64_t i = 0; i < 33; ++i) sut.push_back(i);
  EXPECT_EQ(bytes_of(sut, 8, 16), "2100000000000000 0200000000000000");
  const auto* const directory =
      target_at<const std::int64_t>(&sut, number_at<std::int64_t>(&sut, 0));
  EXPECT_EQ(directory[0], distance(directory, &std::as_const(sut)[0]));
  EXPECT_EQ(directory[1], distance(directory + 1, &std::as_const(sut)[32]));
  EXPECT_EQ(hex(directory + 2, 16), "0000000000000000 0000000000000000");
}

TEST_F(LayoutTest, an_nd_array_is_a_vec_and_its_extents) {
  auto& sut = make<NdArray<std::uint16_t, 2>>(std::array<std::size_t, 2>{2, 3});
  EXPECT_EQ(number_at<std::int64_t>(&sut, 0), distance(&sut, std::as_const(sut).data()));
  EXPECT_EQ(bytes_of(sut, 8, 32),
            "0600000000000000 0800000000000000 0200000000000000 0300000000000000");
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#include "cairn/allocator/size_classes.hpp"

#include <gtest/gtest.h>

namespace cairn {
namespace {

TEST(SizeClasses, each_request_gets_the_smallest_class_that_holds_it) {
  for (std::size_t bytes = 0; bytes <= max_small_bytes; ++bytes) {
    const std::uint32_t c = class_of(bytes);
    ASSERT_GE(class_bytes(c), bytes);
    ASSERT_TRUE(c == 0 || class_bytes(c - 1) < bytes) << bytes;
  }
}

TEST(SizeClasses, rounding_up_wastes_a_fifth_at_worst) {
  for (std::size_t bytes = 129; bytes <= max_small_bytes; ++bytes) {
    ASSERT_LE(class_bytes(class_of(bytes)) * 4, bytes * 5) << bytes;
  }
}

TEST(SizeClasses, the_index_of_every_unit_of_a_span_is_that_of_a_true_division) {
  for (std::uint32_t c = 0; c < class_count; ++c) {
    for (std::uint64_t unit = 0; unit < chunk_bytes / block_unit_bytes; ++unit) {
      ASSERT_EQ(block_index(class_shapes[c], unit), unit / (class_bytes(c) / 16)) << c;
    }
  }
}

TEST(SizeClasses, an_aligned_request_gets_a_class_whose_blocks_are_all_aligned) {
  for (std::size_t align = 16; align <= page_bytes; align *= 2) {
    for (std::size_t bytes = 0; bytes <= max_small_bytes; bytes += 7) {
      const std::uint32_t c = class_of(bytes, align);
      ASSERT_GE(class_bytes(c), bytes);
      ASSERT_EQ(class_bytes(c) % align, 0U);
      ASSERT_TRUE(class_serves(c, bytes)) << bytes << " at " << align;
    }
  }
}

TEST(SizeClasses, a_class_that_no_alignment_leads_to_does_not_serve_a_size) {
  EXPECT_FALSE(class_serves(class_of(160), 100)) << "128 is as well aligned and smaller";
  EXPECT_FALSE(class_serves(class_of(96), 97));
  EXPECT_FALSE(class_serves(class_count - 1, max_small_bytes + 1));
  EXPECT_TRUE(class_serves(class_of(64), 20)) << "20 bytes at 64";
}

}  // namespace
}  // namespace cairn

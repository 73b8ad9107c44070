// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/write_set.hpp"

#include <gtest/gtest.h>

#include <map>
#include <rapidcheck/gtest.h>

#include "temp_store.hpp"

namespace cairn::test {
namespace {

constexpr std::uint64_t pages = 8;

/// Which lines of which pages [offset, offset + bytes) touches, line by line.
std::map<std::uint64_t, std::uint64_t> lines_of(std::uint64_t offset, std::uint64_t bytes,
                                                std::uint64_t end_page) {
  std::map<std::uint64_t, std::uint64_t> masks;
  for (std::uint64_t at = offset / line_bytes; at <= (offset + bytes - 1) / line_bytes; ++at) {
    if (at / lines_per_page < end_page) masks[at / lines_per_page] |= 1ULL << at % lines_per_page;
  }
  return masks;
}

std::map<std::uint64_t, std::uint64_t> marked(const WriteSet& sut) {
  std::map<std::uint64_t, std::uint64_t> masks;
  for (const std::uint32_t page : sut.touched()) masks[page] = sut.mask(page);
  return masks;
}

TEST(WriteSet, masks_are_exact_for_every_range_around_line_and_page_borders) {
  WriteSet sut(pages);
  const auto check = [&](std::uint64_t offset, std::uint64_t bytes) {
    sut.mark(offset, bytes, pages);
    ASSERT_EQ(marked(sut), lines_of(offset, bytes, pages)) << offset << " + " << bytes;
    sut.clear();
  };
  const std::vector<std::uint64_t> lengths = {1,    2,    63,   64,   65,   127,  128,
                                              4032, 4095, 4096, 4097, 8191, 8192, 8193};
  for (std::uint64_t offset = page_bytes - 130; offset < page_bytes + 130; ++offset) {
    for (const std::uint64_t bytes : lengths) check(offset, bytes);
  }
  for (std::uint64_t first = 0; first < lines_per_page; ++first) {
    for (std::uint64_t count = 1; count <= lines_per_page - first; ++count) {
      check(first * line_bytes, count * line_bytes);
      check(first * line_bytes + 63, (count - 1) * line_bytes + 1);
    }
  }
}

TEST(WriteSet, a_run_is_all_that_is_marked_around_a_line_and_no_more) {
  WriteSet sut(pages);
  const auto expect_run = [&](std::uint64_t at, std::uint64_t begin, std::uint64_t end) {
    std::uint32_t enough = pages;
    const WriteSet::Run run = sut.run_around(at, enough);
    EXPECT_EQ(run.begin, begin);
    EXPECT_EQ(run.end, end);
  };
  sut.mark(5 * line_bytes, 1, pages);
  expect_run(5 * line_bytes + 7, 5 * line_bytes, 6 * line_bytes);
  sut.mark(3 * line_bytes, 2 * line_bytes, pages);
  expect_run(4 * line_bytes, 3 * line_bytes, 6 * line_bytes);
  sut.mark(0, 3 * line_bytes, pages);
  expect_run(2 * line_bytes, 0, 6 * line_bytes);
  sut.mark(2 * page_bytes + 7 * line_bytes, 3 * page_bytes, pages);
  for (const std::uint64_t at : {2 * page_bytes + 7 * line_bytes, 2 * page_bytes + 4095,
                                 3 * page_bytes + 99, 5 * page_bytes + 6 * line_bytes}) {
    expect_run(at, 2 * page_bytes + 7 * line_bytes, 5 * page_bytes + 7 * line_bytes);
  }
  sut.mark(0, pages * page_bytes, pages);
  for (std::uint64_t page = 0; page < pages; ++page) {
    expect_run(page * page_bytes + 100, 0, pages * page_bytes);
  }
}

TEST(WriteSet, a_run_follows_no_more_whole_pages_than_it_may) {
  WriteSet sut(pages);
  sut.mark(0, pages * page_bytes, pages);
  std::uint32_t allowed = 2;
  const WriteSet::Run run = sut.run_around(pages / 2 * page_bytes, allowed);
  EXPECT_EQ(allowed, 0U);
  EXPECT_LT(run.end - run.begin, pages * page_bytes);
  EXPECT_GE(run.end - run.begin, 3 * page_bytes);
}

RC_GTEST_PROP(WriteSetProperty, a_run_holds_the_line_asked_for_and_marked_lines_only, ()) {
  WriteSet sut(pages);
  const auto count = *rc::gen::inRange(1, 20);
  for (int i = 0; i < count; ++i) {
    const auto offset = *rc::gen::inRange<std::uint64_t>(0, pages * page_bytes);
    const auto bytes = *rc::gen::inRange<std::uint64_t>(1, 3 * page_bytes);
    sut.mark(offset, bytes, pages);
    auto allowed = *rc::gen::inRange<std::uint32_t>(0, pages);
    const WriteSet::Run run = sut.run_around(offset, allowed);
    RC_ASSERT(run.begin % line_bytes == 0U && run.end % line_bytes == 0U);
    RC_ASSERT(run.begin <= offset && offset < run.end && run.end <= pages * page_bytes);
    for (std::uint64_t at = run.begin; at < run.end; at += line_bytes) {
      RC_ASSERT(sut.is_marked(at));
    }
  }
}

RC_GTEST_PROP(WriteSetProperty, marks_add_up, ()) {
  WriteSet sut(pages);
  std::map<std::uint64_t, std::uint64_t> expected;
  const auto count = *rc::gen::inRange(1, 20);
  const std::uint64_t end_page = *rc::gen::inRange<std::uint64_t>(1, pages + 1);
  for (int i = 0; i < count; ++i) {
    const auto offset = *rc::gen::inRange<std::uint64_t>(0, end_page * page_bytes);
    const auto bytes = *rc::gen::inRange<std::uint64_t>(1, 3 * page_bytes);
    sut.mark(offset, bytes, end_page);
    for (const auto& [page, mask] : lines_of(offset, bytes, end_page)) expected[page] |= mask;
  }
  RC_ASSERT(marked(sut) == expected);
  RC_ASSERT(sut.touched().size() == expected.size());
}

TEST(WriteSet, a_range_whose_end_is_no_number_is_clipped_too) {
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{64}, page_bytes + 2}) {
    for (const std::uint64_t bytes : {~std::uint64_t{0}, ~std::uint64_t{0} - offset}) {
      WriteSet sut(pages);
      sut.mark(offset, bytes, pages);
      EXPECT_EQ(marked(sut), lines_of(offset, pages * page_bytes - offset, pages)) << offset;
    }
  }
}

TEST(WriteSet, a_range_is_clipped_to_the_pages_that_count) {
  WriteSet sut(pages);
  sut.mark(page_bytes, 5 * page_bytes, 3);
  EXPECT_EQ(marked(sut), (std::map<std::uint64_t, std::uint64_t>{{1, ~0ULL}, {2, ~0ULL}}));
}

TEST(WriteSet, clear_forgets_lines_and_keeps_pages_private) {
  WriteSet sut(pages);
  sut.mark(0, 1, pages);
  sut.mark(3 * page_bytes, 1, pages);
  sut.clear();
  EXPECT_TRUE(sut.touched().empty());
  EXPECT_EQ(sut.mask(0), 0U);
  EXPECT_TRUE(sut.is_private(0));
  EXPECT_FALSE(sut.is_private(1));
  EXPECT_TRUE(sut.is_private(3));
  sut.mark(0, 1, pages);
  EXPECT_EQ(sut.private_pages().size(), 2U);
  sut.clear();
  sut.forget_private();
  EXPECT_TRUE(sut.private_pages().empty());
  EXPECT_FALSE(sut.is_private(3));
}

TEST(WriteSet, one_page_too_many_is_an_error_that_clear_ends) {
  WriteSet sut(pages);
  sut.set_touch_limit(3, "the store");
  for (std::uint64_t page = 0; page < 3; ++page) sut.mark(page * page_bytes, 8, pages);
  EXPECT_FALSE(sut.is_over_limit());
  expect_error(errc::too_large, "the store", {"3 pages"},
               [&] { sut.mark(3 * page_bytes, 8, pages); });
  EXPECT_TRUE(sut.is_over_limit());
  EXPECT_EQ(sut.mask(3), 0U);
  EXPECT_EQ(sut.touched().size(), 3U);
  sut.mark(2 * page_bytes + 128, 8, pages);  // a page that counts already
  EXPECT_EQ(sut.mask(2), 0b101U);
  sut.clear();
  EXPECT_FALSE(sut.is_over_limit());
  sut.mark(3 * page_bytes, 8, pages);
}

TEST(WriteSet, covers_more_pages_than_memory_would_hold) {
  WriteSet sut((std::uint64_t{1} << 40) / page_bytes);
  sut.mark((std::uint64_t{1} << 40) - 1, 1, ~0ULL);
  EXPECT_EQ(sut.touched().size(), 1U);
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#include "cairn/recovery/record.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "recovery_fixture.hpp"

namespace cairn::test {
namespace {

const std::vector<PageEntry> some_entries = {{6, 1}, {7, 0b1110}, {99, ~0ULL}};

TEST(Record, is_parsed_with_the_numbers_that_it_was_made_with) {
  const auto bytes = make_record(4096, 7, some_entries);
  const auto sut = RecordView::parse(bytes, 4096, seed);
  ASSERT_TRUE(sut);
  EXPECT_EQ(sut->position(), 4096U);
  EXPECT_EQ(sut->sequence(), 7U);
  EXPECT_EQ(sut->heap_end(), 100 * page_bytes);
  EXPECT_EQ(sut->file_bytes(), 120 * page_bytes);
  EXPECT_EQ(sut->bytes(), bytes.size());
  EXPECT_EQ(sut->end_position(), 4096 + bytes.size());
}

TEST(Record, without_lines_is_a_header_alone) {
  const auto bytes = make_record(64, 2, {});
  EXPECT_EQ(bytes.size(), sizeof(RecordHeader));
  EXPECT_TRUE(RecordView::parse(bytes, 64, seed));
}

TEST(Record, that_ends_the_heap_within_the_header_is_none) {
  auto bytes = make_record(64, 2, {});
  RecordHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.heap_end_pages = 0;
  header.file_pages = 0;
  std::memcpy(bytes.data(), &header, sizeof header);
  header.checksum = record_checksum(bytes);
  std::memcpy(bytes.data(), &header, sizeof header);
  EXPECT_FALSE(RecordView::parse(bytes, 64, seed));
  EXPECT_FALSE(RecordView::parse_trusted(bytes, 64));
}

TEST(Record, applies_each_run_of_lines_at_its_place) {
  const auto bytes = make_record(0, 2, {{6, 0b1011}, {8, 1ULL << 63}});
  const auto sut = RecordView::parse(bytes, 0, seed);
  ASSERT_TRUE(sut);
  std::map<std::uint64_t, std::pair<std::size_t, int>> runs;
  sut->apply([](std::uint64_t) { return true; },
             [&](std::uint64_t offset, const std::byte* from, std::size_t count) {
               runs[offset] = {count, static_cast<int>(*from)};
             });
  const std::map<std::uint64_t, std::pair<std::size_t, int>> expected = {
      {6 * page_bytes, {2 * line_bytes, 1}},
      {6 * page_bytes + 3 * line_bytes, {line_bytes, 3}},
      {8 * page_bytes + 63 * line_bytes, {line_bytes, 4}}};
  EXPECT_EQ(runs, expected);
}

TEST(Record, skips_the_lines_of_pages_that_are_not_wanted) {
  const auto bytes = make_record(0, 2, {{6, 0b11}, {7, ~0ULL}, {8, 1}});
  const auto sut = RecordView::parse(bytes, 0, seed);
  ASSERT_TRUE(sut);
  std::vector<int> first_bytes;
  sut->apply([](std::uint64_t page) { return page != 7; },
             [&](std::uint64_t, const std::byte* from, std::size_t) {
               first_bytes.push_back(static_cast<int>(*from));
             });
  EXPECT_EQ(first_bytes, (std::vector<int>{1, 67}));
}

TEST(Record, is_refused_with_any_single_bit_flipped) {
  const auto good = make_record(4096, 7, {{6, 1}, {7, 0b10}});
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    auto bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    ASSERT_FALSE(RecordView::parse(bad, 4096, seed)) << "bit " << bit;
  }
}

TEST(Record, is_refused_at_another_position_store_or_lap) {
  const auto bytes = make_record(4096, 7, some_entries);
  EXPECT_FALSE(RecordView::parse(bytes, 4096 + 65536, seed));
  EXPECT_FALSE(RecordView::parse(bytes, 4096, seed + 1));
  EXPECT_FALSE(RecordView::parse_trusted(bytes, 8192));
}

TEST(Record, cut_anywhere_is_refused_without_reading_behind_the_cut) {
  const auto bytes = make_record(4096, 7, {{6, 0b111}});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const BytesBeforeTheEdge cut(std::span<const std::byte>(bytes).first(size));
    ASSERT_FALSE(RecordView::parse(cut.span(), 4096, seed)) << size;
    ASSERT_FALSE(RecordView::parse_trusted(cut.span(), 4096)) << size;
  }
  const BytesBeforeTheEdge whole(bytes);
  EXPECT_TRUE(RecordView::parse(whole.span(), 4096, seed));
}

TEST(Record, that_claims_more_than_there_is_is_refused_whatever_its_checksum) {
  const auto good = make_record(4096, 7, {{6, 0b111}});
  for (const std::uint32_t count : {4U, 1000U, 0x7FFF'FFFFU, 0xFFFF'FFFFU}) {
    const BytesBeforeTheEdge sut(good);
    RecordHeader header = header_of(good);
    header.line_count = count;
    reseal(sut.span(), header);
    EXPECT_FALSE(RecordView::parse(sut.span(), 4096, seed)) << count << " lines";
    header = header_of(good);
    header.page_count = count;
    reseal(sut.span(), header);
    EXPECT_FALSE(RecordView::parse(sut.span(), 4096, seed)) << count << " pages";
  }
}

TEST(Record, whose_pages_lie_outside_its_heap_is_refused) {
  EXPECT_TRUE(RecordView::parse(make_record(0, 2, {{99, 1}}), 0, seed));
  EXPECT_FALSE(RecordView::parse(make_record(0, 2, {{100, 1}}), 0, seed));
  EXPECT_FALSE(RecordView::parse(make_record(0, 2, {{0, 1}}), 0, seed));
  EXPECT_FALSE(RecordView::parse(make_record(0, 2, {{5, 1}}), 0, seed));
  EXPECT_FALSE(RecordView::parse(make_record(0, 2, {{~0ULL, 1}}), 0, seed));
}

TEST(Record, whose_masks_do_not_add_up_to_its_lines_is_refused) {
  auto bytes = make_record(0, 2, {{6, 0b11}, {7, 0b1}});
  const PageEntry fewer{7, 0};
  std::memcpy(bytes.data() + sizeof(RecordHeader) + sizeof(PageEntry), &fewer, sizeof fewer);
  reseal(bytes, header_of(bytes));
  EXPECT_FALSE(RecordView::parse(bytes, 0, seed));
  const PageEntry more{7, 0b111};
  std::memcpy(bytes.data() + sizeof(RecordHeader) + sizeof(PageEntry), &more, sizeof more);
  reseal(bytes, header_of(bytes));
  EXPECT_FALSE(RecordView::parse(bytes, 0, seed));
}

TEST(Record, whose_heap_is_longer_than_its_file_is_refused) {
  auto bytes = make_record(0, 2, {{6, 1}});
  RecordHeader header = header_of(bytes);
  header.file_pages = header.heap_end_pages - 1;
  reseal(bytes, header);
  EXPECT_FALSE(RecordView::parse(bytes, 0, seed));
}

RC_GTEST_PROP(Record, gives_back_every_line_of_any_masks,
              (const std::vector<std::uint64_t>& masks)) {
  std::vector<PageEntry> entries;
  for (std::size_t i = 0; i < std::min<std::size_t>(masks.size(), 90); ++i) {
    entries.push_back({6 + i, masks[i]});
  }
  const auto bytes = make_record(64, 3, entries);
  const auto sut = RecordView::parse(bytes, 64, seed);
  RC_ASSERT(sut.has_value());
  std::vector<PageEntry> seen = entries;
  for (PageEntry& entry : seen) entry.mask = 0;
  int next = 1;
  sut->apply([](std::uint64_t) { return true; },
             [&](std::uint64_t offset, const std::byte* from, std::size_t count) {
               for (std::size_t at = 0; at < count; at += line_bytes) {
                 RC_ASSERT(static_cast<int>(from[at]) == (next++ & 0xFF));
                 const std::uint64_t line = (offset + at) % page_bytes / line_bytes;
                 seen[(offset + at) / page_bytes - 6].mask |= 1ULL << line;
               }
             });
  for (std::size_t i = 0; i < entries.size(); ++i) RC_ASSERT(seen[i].mask == entries[i].mask);
}

}  // namespace
}  // namespace cairn::test

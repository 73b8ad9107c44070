// SPDX-License-Identifier: BSL-1.0
#include "cairn/recovery/log_ring.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <functional>
#include <utility>
#include <vector>

#include "cairn/error.hpp"
#include "cairn/mapping/drill_hooks.hpp"
#include "recovery_fixture.hpp"

namespace cairn::test {
namespace {

constexpr std::uint64_t ring_bytes = 16 * page_bytes;

class LogRingTest : public ::testing::Test {
 protected:
  LogRingTest() {
    for (std::size_t i = 0; i < uuid_.size(); ++i) uuid_[i] = static_cast<std::byte>(i + 1);
    const File file = File::open_or_create(path_, 0600);
    LogRing::format(file, uuid_, ring_bytes);
    sut_ = open();
  }

  LogRing open() const {
    return LogRing(File::open(path_, File::Access::read_write), uuid_, ring_bytes);
  }

  /// Appends a record of `pages` whole pages at `position`; returns where it ends.
  std::uint64_t append(std::uint64_t position, std::uint64_t sequence, std::uint64_t pages,
                       std::uint64_t durable_position = 0, LogRing::By by = LogRing::By::storing) {
    RecordHeader header{};
    header.magic = record_magic;
    header.position = position;
    header.sequence = sequence;
    header.durable_position = durable_position;
    header.heap_end_pages = 100;
    header.file_pages = 100;
    header.page_count = static_cast<std::uint32_t>(pages);
    header.line_count = static_cast<std::uint32_t>(pages * lines_per_page);
    std::vector<PageEntry> entries;
    for (std::uint64_t i = 0; i < pages; ++i) entries.push_back({6 + i, ~0ULL});
    content_.fill(static_cast<std::byte>(sequence));
    return sut_
        .append(
            header, entries, [this](std::uint64_t) { return content_.data(); }, by)
        .end_position();
  }
  std::uint64_t write(std::uint64_t position, std::uint64_t sequence, std::uint64_t pages) {
    return append(position, sequence, pages, 0, LogRing::By::writing);
  }

  std::vector<std::byte> bytes_of_ring() const {
    std::vector<std::byte> bytes(ring_bytes);
    EXPECT_EQ(File::open(path_, File::Access::read_only).read_at(log_ring_offset, bytes),
              ring_bytes);
    return bytes;
  }

  void flip(std::uint64_t position) const {
    const File file = File::open(path_, File::Access::read_write);
    std::array<std::byte, 1> one{};
    const std::uint64_t at = log_ring_offset + position % ring_bytes;
    file.read_at(at, one);
    one[0] ^= std::byte{4};
    file.write_at(at, one);
  }

  /// Which of the pages from `position` on this process has in its page tables.
  std::vector<bool> mapped(std::uint64_t position, std::size_t pages) const {
    std::vector<std::uint64_t> entries(pages);
    const auto page = reinterpret_cast<std::uintptr_t>(sut_.at(position).data()) / page_bytes;
    std::ifstream table;
    // It gives whole entries only, which a buffer does not ask for.
    table.rdbuf()->pubsetbuf(nullptr, 0);
    table.open("/proc/self/pagemap", std::ios::binary);
    table.seekg(static_cast<std::streamoff>(page * sizeof(std::uint64_t)));
    table.read(reinterpret_cast<char*>(entries.data()),
               static_cast<std::streamsize>(entries.size() * sizeof(std::uint64_t)));
    EXPECT_TRUE(table.good());
    std::vector<bool> present;
    for (const std::uint64_t entry : entries) present.push_back(entry >> 63 != 0);
    return present;
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_.file("log");
  std::array<std::byte, 16> uuid_{};
  std::array<std::byte, page_bytes> content_{};
  LogRing sut_;
};

void expect_error(errc code, const std::function<void()>& call) {
  try {
    call();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_TRUE(error == code) << error.what();
  }
}

TEST_F(LogRingTest, an_appended_record_is_read_back_by_whoever_opens_the_log) {
  const std::uint64_t end = append(page_bytes, 2, 3);
  const LogRing other = open();
  const auto record = other.parse(page_bytes);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->sequence(), 2U);
  EXPECT_EQ(record->end_position(), end);
  std::uint64_t bytes = 0;
  record->apply([](std::uint64_t) { return true; },
                [&](std::uint64_t, const std::byte* from, std::size_t count) {
                  for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(from[i], std::byte{2});
                  bytes += count;
                });
  EXPECT_EQ(bytes, 3 * page_bytes);
}

TEST_F(LogRingTest, a_record_across_the_end_of_the_ring_is_whole) {
  const std::uint64_t position = 3 * ring_bytes - 2 * page_bytes;
  append(position, 2, 5);
  const auto record = open().parse(position);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->sequence(), 2U);
  EXPECT_GT(record->end_position(), 3 * ring_bytes);
}

TEST_F(LogRingTest, a_record_is_the_same_whether_it_is_stored_or_written) {
  // Across the end of the ring as well, and with padding.
  for (const std::uint64_t position : {page_bytes, 3 * ring_bytes - 2 * page_bytes}) {
    const std::uint64_t end = append(position, 2, 5);
    const std::vector<std::byte> stored = bytes_of_ring();
    for (std::uint64_t lap = 0; lap < 2; ++lap) append(position + (lap + 1) * ring_bytes, 9, 7);
    // Of which the copy keeps what the next one does not overwrite.
    write(position + 3 * ring_bytes, 9, 7);
    EXPECT_EQ(write(position, 2, 5), end);
    append(end, 9, 2);
    const std::vector<std::byte> written = bytes_of_ring();
    for (std::uint64_t at = position; at < end; ++at) {
      ASSERT_EQ(written[at % ring_bytes], stored[at % ring_bytes]) << "byte " << at - position;
    }
    EXPECT_TRUE(sut_.parse(position));
    EXPECT_TRUE(open().parse(position));
  }
}

/// The rest of a record that was written in part may stand there already: of an attempt before, or
/// because it is zeros.
TEST_F(LogRingTest, what_could_not_be_written_wholly_is_no_record) {
  const std::uint64_t position = ring_bytes - 2 * page_bytes + 64;
  static int calls_left = 0;
  constexpr int all_calls = 3;
  write(position, 2, 5);
  for (int good = 0; good < all_calls; ++good) {
    sut_.spoil(position);
    calls_left = good;
    drill::set_io_observer([](const drill::IoOperation& operation) {
      return operation.kind == drill::IoKind::write && calls_left-- == 0 ? EIO : 0;
    });
    expect_error(errc::io, [&] { write(position, 2, 5); });
    drill::set_io_observer(nullptr);
    EXPECT_FALSE(sut_.parse(position)) << "after " << good << " calls";
  }
  write(position, 2, 5);
  EXPECT_TRUE(open().parse(position));
}

/// What one call writes may be done in part as well, page by page.
TEST_F(LogRingTest, the_header_is_written_with_no_more_than_its_page) {
  const std::uint64_t position = 2 * page_bytes - 128;
  static std::vector<std::pair<std::uint64_t, std::uint64_t>> writes;
  drill::set_io_observer([](const drill::IoOperation& operation) {
    if (operation.kind == drill::IoKind::write) {
      writes.emplace_back(operation.offset, operation.bytes);
    }
    return 0;
  });
  write(position, 2, 3);
  drill::set_io_observer(nullptr);
  ASSERT_EQ(writes.size(), 2U);
  EXPECT_EQ(writes.back(), (std::pair{log_ring_offset + position, std::uint64_t{128}}));
}

TEST_F(LogRingTest, a_file_that_somebody_has_cut_is_not_lengthened) {
  const auto write_into_cut = [this] {
    std::signal(SIGBUS, [](int) { ::_exit(0); });
    File::open(path_, File::Access::read_write).truncate(log_ring_offset + page_bytes);
    write(page_bytes, 2, 3);
  };
  EXPECT_EXIT(write_into_cut(), ::testing::ExitedWithCode(0), "");
  EXPECT_EQ(File::open(path_, File::Access::read_only).size(), log_ring_offset + page_bytes);
}

TEST_F(LogRingTest, records_follow_each_other_around_the_ring_many_times) {
  std::uint64_t position = page_bytes;
  for (std::uint64_t sequence = 2; sequence < 200; ++sequence) {
    const std::uint64_t end = append(position, sequence, sequence % 7);
    const auto record = sut_.parse(position);
    ASSERT_TRUE(record) << sequence;
    EXPECT_EQ(record->sequence(), sequence);
    EXPECT_EQ(record->end_position(), end);
    position = end;
  }
  EXPECT_GT(position, 10 * ring_bytes);
}

TEST_F(LogRingTest, a_record_of_an_earlier_lap_is_not_taken_for_one_of_this) {
  append(page_bytes, 2, 3);
  EXPECT_TRUE(sut_.parse(page_bytes));
  for (std::uint64_t lap = 1; lap < 4; ++lap) {
    EXPECT_FALSE(sut_.parse(page_bytes + lap * ring_bytes));
    EXPECT_FALSE(sut_.parse_trusted(page_bytes + lap * ring_bytes));
  }
}

TEST_F(LogRingTest, a_flipped_bit_anywhere_in_a_record_makes_it_unreadable) {
  const std::uint64_t end = append(page_bytes, 2, 1);
  for (std::uint64_t at = page_bytes; at < end; at += 13) {
    flip(at);
    EXPECT_FALSE(sut_.parse(page_bytes)) << at;
    flip(at);
  }
  EXPECT_TRUE(sut_.parse(page_bytes));
}

TEST_F(LogRingTest, a_flipped_bit_in_the_last_record_is_no_proof_of_damage) {
  const std::uint64_t second = append(page_bytes, 2, 1);
  append(second, 3, 1, second);
  flip(second + 200);
  EXPECT_FALSE(sut_.parse(second));
  EXPECT_FALSE(sut_.proves_damage_at(second, 2));
}

TEST_F(LogRingTest, a_bad_record_with_a_durable_successor_is_damage) {
  const std::uint64_t second = append(page_bytes, 2, 1);
  const std::uint64_t third = append(second, 3, 1, second);
  append(third, 4, 1, third);
  flip(second + 200);
  EXPECT_FALSE(sut_.parse(second));
  EXPECT_TRUE(sut_.proves_damage_at(second, 2));
}

TEST_F(LogRingTest, a_bad_record_before_one_that_was_appended_unsynced_is_no_damage) {
  const std::uint64_t second = append(page_bytes, 2, 1);
  const std::uint64_t third = append(second, 3, 1, page_bytes);
  append(third, 4, 1, page_bytes);
  flip(second + 200);
  EXPECT_FALSE(sut_.proves_damage_at(second, 2));
}

TEST_F(LogRingTest, records_of_an_earlier_lap_behind_the_tail_prove_nothing) {
  std::uint64_t position = page_bytes;
  std::uint64_t sequence = 2;
  for (; position < ring_bytes; ++sequence) position = append(position, sequence, 1, position);
  // The second lap has overwritten the first record only; the rest are older than it.
  append(ring_bytes + page_bytes, sequence, 0, ring_bytes);
  EXPECT_FALSE(sut_.proves_damage_at(ring_bytes + page_bytes + sizeof(RecordHeader), sequence));
}

TEST_F(LogRingTest, headers_that_claim_the_whole_ring_each_do_not_take_for_ever) {
  constexpr std::uint64_t large = 4 << 20;
  sut_.grow_file(large);
  sut_.adopt(sut_.map_ahead(large));
  std::vector<RecordHeader> headers(large / sizeof(RecordHeader));
  for (std::uint64_t i = 0; i < headers.size(); ++i) {
    RecordHeader& header = headers[i];
    header.magic = record_magic;
    header.position = large + i * sizeof header;
    header.sequence = 10;
    header.durable_position = 2 * large;
    header.heap_end_pages = 100;
    header.file_pages = 100;
    header.line_count = static_cast<std::uint32_t>(large / line_bytes - 2);
  }
  File::open(path_, File::Access::read_write)
      .write_at(log_ring_offset, std::as_bytes(std::span(headers)));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(sut_.proves_damage_at(large, 2));
  // Hashing the ring from each header on would be 256 GiB.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST_F(LogRingTest, a_spoiled_record_is_gone_and_its_neighbours_are_not) {
  const std::uint64_t second = append(page_bytes, 2, 1);
  const std::uint64_t third = append(second, 3, 1);
  append(third, 4, 1);
  sut_.spoil(second);
  EXPECT_TRUE(sut_.parse(page_bytes));
  EXPECT_FALSE(sut_.parse_trusted(second));
  EXPECT_TRUE(sut_.parse(third));
}

TEST_F(LogRingTest, a_ring_that_has_grown_keeps_its_identity_and_takes_larger_records) {
  sut_.grow_file(4 * ring_bytes);
  sut_.adopt(sut_.map_ahead(4 * ring_bytes));
  EXPECT_EQ(sut_.ring_bytes(), 4 * ring_bytes);
  append(8 * ring_bytes, 2, 30);
  EXPECT_TRUE(sut_.parse(8 * ring_bytes));
  const LogRing other(File::open(path_, File::Access::read_write), uuid_, 4 * ring_bytes);
  EXPECT_TRUE(other.parse(8 * ring_bytes));
}

TEST_F(LogRingTest, takes_what_a_sync_covers_out_of_the_page_tables_and_loses_nothing) {
  const std::uint64_t second = append(page_bytes, 2, 3);
  const std::uint64_t third = append(second, 3, 3);
  ASSERT_EQ(mapped(page_bytes, 6), std::vector<bool>(6, true));
  sut_.unmap_pages(page_bytes + 100, 4 * page_bytes - 1);
  EXPECT_EQ(mapped(page_bytes, 6), (std::vector<bool>{false, false, false, true, true, true}));
  EXPECT_TRUE(sut_.parse(page_bytes));
  append(third, 4, 1);
  EXPECT_TRUE(open().parse(third));
}

TEST_F(LogRingTest, takes_pages_out_of_the_page_tables_on_both_sides_of_its_end) {
  std::uint64_t at = append(ring_bytes - 2 * page_bytes, 2, 3);
  ASSERT_GT(at, ring_bytes + page_bytes);
  const std::uint64_t end = append(at, 3, 2);
  sut_.unmap_pages(ring_bytes - 2 * page_bytes, end);
  EXPECT_EQ(mapped(ring_bytes - 2 * page_bytes, 5), std::vector<bool>(5, false));
  EXPECT_EQ(mapped(0, 3), std::vector<bool>(3, false));
  EXPECT_TRUE(sut_.parse(ring_bytes - 2 * page_bytes));
  EXPECT_TRUE(sut_.parse(at));
}

/// The positions are words that others may write over.
TEST_F(LogRingTest, takes_no_page_of_anybody_else_out_of_the_page_tables) {
  const std::uint64_t next = append(page_bytes, 2, 3);
  // Memory that would not come back, on either side where nobody else has any.
  std::vector<std::byte*> others;
  for (std::byte* const wanted : {const_cast<std::byte*>(sut_.at(0).data()) - page_bytes,
                                  const_cast<std::byte*>(sut_.at(0).data()) + 2 * ring_bytes}) {
    void* const at = ::mmap(wanted, page_bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (at == MAP_FAILED) continue;
    others.push_back(static_cast<std::byte*>(at));
    *others.back() = std::byte{7};
  }
  ASSERT_FALSE(others.empty());
  constexpr std::uint64_t most = ~std::uint64_t{0};
  for (const std::uint64_t begin : {std::uint64_t{0}, next, 9 * ring_bytes + 5, most - 9, most}) {
    for (const std::uint64_t end : {std::uint64_t{0}, next, 5 * ring_bytes + 7, most - 9, most}) {
      sut_.unmap_pages(begin, end);
      for (const std::byte* const other : others) {
        EXPECT_EQ(*other, std::byte{7}) << begin << ' ' << end;
      }
    }
  }
  for (std::byte* const other : others) ::munmap(other, page_bytes);
}

TEST_F(LogRingTest, of_another_store_is_refused) {
  auto other = uuid_;
  other[3] ^= std::byte{1};
  expect_error(errc::corrupt,
               [&] { LogRing(File::open(path_, File::Access::read_write), other, ring_bytes); });
}

TEST_F(LogRingTest, shorter_than_its_store_says_is_noticed_before_it_is_touched) {
  File::open(path_, File::Access::read_write).truncate(log_ring_offset + ring_bytes - 1);
  expect_error(errc::truncated, [&] { open(); });
  File::open(path_, File::Access::read_write).truncate(10);
  expect_error(errc::corrupt, [&] { open(); });
}

TEST_F(LogRingTest, with_any_flipped_bit_in_its_identity_is_refused) {
  const File file = File::open(path_, File::Access::read_write);
  for (std::uint64_t bit = 0; bit < 8 * sizeof(LogIdentity); ++bit) {
    std::array<std::byte, 1> one{};
    file.read_at(bit / 8, one);
    const std::byte good = one[0];
    one[0] ^= static_cast<std::byte>(1U << bit % 8);
    file.write_at(bit / 8, one);
    EXPECT_THROW(open(), Error) << "bit " << bit;
    one[0] = good;
    file.write_at(bit / 8, one);
  }
  EXPECT_NO_THROW(open());
}

TEST_F(LogRingTest, only_a_log_without_records_or_an_empty_file_may_be_replaced) {
  const File log = File::open(path_, File::Access::read_write);
  EXPECT_TRUE(LogRing::may_be_replaced(log));
  append(ring_bytes - page_bytes, 2, 0);
  EXPECT_FALSE(LogRing::may_be_replaced(log));
  log.truncate(ring_bytes / 2);
  EXPECT_TRUE(LogRing::may_be_replaced(log)) << "as long as a creation had come";
  const File empty = File::open_or_create(directory_.file("empty"), 0600);
  EXPECT_TRUE(LogRing::may_be_replaced(empty));
  const std::array<std::byte, 200> text{std::byte{'x'}};
  empty.write_at(0, text);
  EXPECT_FALSE(LogRing::may_be_replaced(empty));
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/working_view.hpp"

#include <sys/mman.h>

#include "cairn/mapping/shared_view.hpp"
#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

constexpr std::uint64_t file_pages = 8;
constexpr std::uint64_t reach = 64 * page_bytes;

class WorkingViewTest : public ::testing::Test {
 protected:
  WorkingViewTest()
      : file_(File::open_or_create(directory_ / "file", 0600)),
        shared_(map_shared(file_, reach, ViewAccess::read_write)),
        sut_(file_, reach) {
    file_.allocate(0, file_pages * page_bytes);
  }
  std::byte& here(std::uint64_t page) { return sut_.base()[page * page_bytes]; }
  std::byte& there(std::uint64_t page) { return shared_.data()[page * page_bytes]; }

  TempDirectory directory_;
  File file_;
  Reservation shared_;
  WorkingView sut_;
};

TEST_F(WorkingViewTest, stores_below_the_border_stay_private_and_above_it_reach_the_file) {
  sut_.set_tracked_bytes(4 * page_bytes);
  EXPECT_TRUE(sut_.mark(&here(1), 1));
  here(1) = std::byte{1};
  here(5) = std::byte{5};
  EXPECT_EQ(there(1), std::byte{0});
  EXPECT_EQ(there(5), std::byte{5});
}

TEST_F(WorkingViewTest, a_page_that_becomes_tracked_keeps_what_was_stored_while_fresh) {
  here(5) = std::byte{5};
  sut_.set_tracked_bytes(6 * page_bytes);
  EXPECT_EQ(here(5), std::byte{5});
  here(5) = std::byte{6};
  EXPECT_EQ(there(5), std::byte{5});
}

TEST_F(WorkingViewTest, a_page_that_becomes_fresh_loses_its_private_copy) {
  sut_.set_tracked_bytes(8 * page_bytes);
  here(3) = std::byte{3};
  here(6) = std::byte{6};
  sut_.set_tracked_bytes(5 * page_bytes);
  EXPECT_EQ(here(6), std::byte{0});
  EXPECT_EQ(here(3), std::byte{3});
  here(6) = std::byte{7};
  EXPECT_EQ(there(6), std::byte{7});
}

TEST_F(WorkingViewTest, dropping_private_pages_shows_the_file_again) {
  sut_.set_tracked_bytes(8 * page_bytes);
  for (std::uint64_t page = 0; page < 8; ++page) {
    sut_.mark(&here(page), 1);
    here(page) = std::byte{9};
  }
  there(2) = std::byte{4};
  EXPECT_EQ(here(2), std::byte{9});
  sut_.write_set().clear();
  sut_.drop_private_pages();
  EXPECT_EQ(here(2), std::byte{4});
  EXPECT_EQ(here(3), std::byte{0});
  EXPECT_TRUE(sut_.write_set().private_pages().empty());
}

TEST_F(WorkingViewTest, marks_count_below_the_border_only_and_foreign_addresses_are_told) {
  sut_.set_tracked_bytes(4 * page_bytes);
  EXPECT_TRUE(sut_.mark(sut_.base() + 4 * page_bytes - 10, 20));
  EXPECT_TRUE(sut_.mark(&here(7), 8));
  EXPECT_TRUE(sut_.mark(sut_.base() + reach - 1, 1));
  EXPECT_FALSE(sut_.mark(sut_.base() + reach, 1));
  EXPECT_FALSE(sut_.mark(sut_.base() - 1, 1));
  int local = 0;
  EXPECT_FALSE(sut_.mark(&local, sizeof local));
  ASSERT_EQ(sut_.write_set().touched().size(), 1U);
  EXPECT_EQ(sut_.write_set().touched()[0], 3U);
  EXPECT_EQ(sut_.write_set().mask(3), 1ULL << 63);
  EXPECT_EQ(sut_.offset_of(&here(7)), 7 * page_bytes);
}

TEST_F(WorkingViewTest, a_file_that_grows_needs_no_new_mapping) {
  std::byte* const before = &here(20);
  file_.allocate(file_pages * page_bytes, 32 * page_bytes);
  here(20) = std::byte{2};
  EXPECT_EQ(there(20), std::byte{2});
  EXPECT_EQ(&here(20), before);
}

TEST_F(WorkingViewTest, huge_pages_are_as_shared_and_as_private_as_others) {
  sut_.prefer_huge_pages();
  here(2) = std::byte{1};
  EXPECT_EQ(there(2), std::byte{1});
  sut_.set_tracked_bytes(8 * page_bytes);
  sut_.mark(&here(2), 1);
  here(2) = std::byte{5};
  EXPECT_EQ(there(2), std::byte{1});
  sut_.set_tracked_bytes(2 * page_bytes);  // as a shrunk store's: fresh again
  EXPECT_EQ(here(2), std::byte{1});
  here(3) = std::byte{7};
  EXPECT_EQ(there(3), std::byte{7});
}

TEST_F(WorkingViewTest, a_store_into_a_read_view_ends_the_process) {
  const Reservation view = map_shared(file_, reach, ViewAccess::read_only);
  EXPECT_EQ(view.data()[0], std::byte{0});
  EXPECT_DEATH(view.data()[0] = std::byte{1}, "");
}

TEST(Reservation, anonymous_memory_is_zero_and_costs_nothing_untouched) {
  const Reservation sut = Reservation::anonymous(std::size_t{64} << 30);
  EXPECT_EQ(sut.bytes(), std::size_t{64} << 30);
  sut.data()[std::size_t{63} << 30] = std::byte{1};
  EXPECT_EQ(sut.data()[0], std::byte{0});
}

TEST(Reservation, moves_and_gives_back_once) {
  Reservation first = Reservation::anonymous(page_bytes);
  std::byte* const data = first.data();
  Reservation second = std::move(first);
  EXPECT_EQ(first.data(), nullptr);  // NOLINT(bugprone-use-after-move): the test
  EXPECT_EQ(second.data(), data);
  second = Reservation::anonymous(2 * page_bytes);
  EXPECT_EQ(second.bytes(), 2 * page_bytes);
  second = Reservation();
  EXPECT_EQ(second.data(), nullptr);
}

TEST(Reservation, more_than_the_address_space_is_an_error) {
  EXPECT_EQ(error_of([] { Reservation::inaccessible(std::size_t{1} << 62); }).code(),
            errc::too_large);
  EXPECT_EQ(error_of([] { Reservation::anonymous(std::size_t{1} << 62); }).code(), errc::too_large);
}

TEST(Reservation, large_ones_begin_at_a_huge_page_and_end_where_they_say) {
  for (const std::uint64_t bytes : {huge_page_bytes, huge_page_bytes + page_bytes}) {
    const Reservation sut = Reservation::inaccessible(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(sut.data()) % huge_page_bytes, 0U);
    EXPECT_EQ(sut.bytes(), bytes);
    unsigned char resident = 0;
    EXPECT_EQ(::mincore(sut.data() + bytes - page_bytes, page_bytes, &resident), 0);
    // What was mapped to find a good place is given back.
    EXPECT_EQ(::mincore(sut.data() + bytes, page_bytes, &resident), -1);
  }
}

TEST(ReservationDeathTest, inaccessible_memory_may_not_be_touched) {
  const Reservation sut = Reservation::inaccessible(page_bytes);
  EXPECT_DEATH(sut.data()[0] = std::byte{1}, "");
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/reader_lanes.hpp"

#include "cairn/mapping/drill_hooks.hpp"
#include "lanes.hpp"

namespace cairn::test {
namespace {

using std::chrono::milliseconds;

TEST_F(Lanes, the_lane_of_a_dead_process_is_freed_by_who_waits_for_it) {
  leave_dead_section(dead_token(), 5);
  Process sut(*this);
  EXPECT_TRUE(sut.lanes_of->wait_for_older(6, milliseconds(5000)));
  EXPECT_EQ(live_.claimed_lanes[0], 0U);
  EXPECT_EQ(lanes_[0].owner, 0U);
  EXPECT_EQ(lanes_[0].sequence, 0U);
}

#if defined(CAIRN_DRILLS) && CAIRN_DRILLS
ReaderLanes* second_reaper = nullptr;
bool was_refused = false;
bool was_reached = false;

TEST_F(Lanes, a_lane_that_one_is_freeing_is_not_freed_by_another) {
  leave_dead_section(dead_token(), 5);
  Process first(*this);
  Process second(*this);
  second_reaper = &*second.lanes_of;
  was_reached = was_refused = false;
  drill::set_crash_observer([](const char* name) {
    if (std::string_view(name) != "lane.taken") return;
    drill::set_crash_observer(nullptr);
    was_reached = true;
    EXPECT_EQ(second_reaper->reap(), 0U);
    // Long enough to look who owns the lane.
    was_refused = !second_reaper->wait_for_older(6, milliseconds(100));
  });
  EXPECT_EQ(first.lanes_of->reap(), 1U);
  drill::set_crash_observer(nullptr);
  EXPECT_TRUE(was_reached);
  EXPECT_TRUE(was_refused) << "freed twice: the next owner's section would have been lost";
  EXPECT_EQ(live_.claimed_lanes[0], 0U);
}

TEST_F(Lanes, a_lane_whose_reaper_dies_is_freed_by_the_next) {
  leave_dead_section(dead_token(), 5);
  static std::uint64_t sequence_then;
  static std::uint32_t owner_then;
  static ReaderLane* lane;
  lane = &lanes_[0];
  {
    Process first(*this);
    // What the lane holds at this moment is what a death right here would leave.
    drill::set_crash_observer([](const char* name) {
      if (std::string_view(name) != "lane.taken") return;
      sequence_then = lane->sequence;
      owner_then = lane->owner;
    });
    EXPECT_EQ(first.lanes_of->reap(), 1U);
    drill::set_crash_observer(nullptr);
  }
  ASSERT_EQ(sequence_then, 5U);
  leave_dead_section(owner_then, sequence_then);
  Process sut(*this);
  EXPECT_TRUE(sut.lanes_of->wait_for_older(6, milliseconds(5000)));
  EXPECT_EQ(live_.claimed_lanes[0], 0U);
  EXPECT_EQ(lanes_[0].sequence, 0U);
}

TEST_F(Lanes, a_lane_whose_claimer_or_freer_dies_at_any_point_is_claimed_by_the_next) {
  // What a lane holds at each point is what a death there would leave.
  struct Left {
    std::string point;
    std::uint64_t claimed;
    std::uint32_t owner;
  };
  static std::vector<Left> all_left;
  static const LiveWords* live;
  static const ReaderLane* first_lane;
  all_left.clear();
  live = &live_;
  first_lane = &lanes_[0];
  {
    Process first(*this);
    drill::set_crash_observer([](const char* name) {
      if (!std::string_view(name).starts_with("lane.")) return;
      all_left.push_back({name, live->claimed_lanes[0], first_lane->owner});
    });
    ReaderLanes::leave(first.lanes_of->enter());
    first.lanes_of->give_all_back();
    drill::set_crash_observer(nullptr);
  }
  ASSERT_EQ(all_left.size(), 3U);
  for (const Left& left : all_left) {
    SCOPED_TRACE(left.point);
    EXPECT_NE(left.owner, 0U) << "nobody to be asked after";
    // Lane 0 is as the dead process left it, and the others are taken.
    Process living(*this);
    for (ReaderLane& lane : lanes_) lane.owner = living.table.own_token();
    for (auto& word : live_.claimed_lanes) word = ~0ULL;
    lanes_[0].owner = left.owner;
    live_.claimed_lanes[0] = ~1ULL | left.claimed;
    Process sut(*this);
    ReaderLanes::leave(sut.lanes_of->enter());
    EXPECT_EQ(lanes_[0].owner, sut.table.own_token());
    EXPECT_EQ(live_.claimed_lanes[0] & 1, 1U);
  }
}
#endif

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
// Lanes that a thread keeps between its sections, and publishers that take them back.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <latch>
#include <optional>
#include <thread>

#include "cairn/mapping/membarrier.hpp"
#include "cairn/store/reader_lanes.hpp"
#include "forked_child.hpp"
#include "lanes.hpp"
#include "slow_reader.hpp"

namespace cairn::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::uint64_t state = 5;

/// As a program does that locks itself up once it has opened its files.
bool forbid_membarrier() {
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{sizeof rules / sizeof rules[0], rules};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

class KeptLanes : public Lanes {
 protected:
  void SetUp() override {
    if (!can_fence_all_threads()) GTEST_SKIP() << "no membarrier(2) here";
    live_.published = state;
    live_.visible = state;
    process_.emplace(*this);
  }

  ReaderLanes& sut() { return *process_->lanes_of; }
  ReaderLane& lane() { return lanes_[0]; }
  bool is_kept() { return lane().sequence == live_.visible && lane().kept == 1; }
  /// Until the lane is kept; the number of sections.
  std::uint32_t read_until_kept(std::uint32_t most = 1'000'000) {
    for (std::uint32_t sections = 1; sections <= most; ++sections) {
      ReaderLanes::leave(sut().enter());
      if (is_kept()) return sections;
    }
    ADD_FAILURE() << "not kept after " << most << " sections";
    return most;
  }
  /// As a publisher does before it waits, and when it is through.
  void raise() { live_.visible = state + 1; }
  void publish() { live_.published = state + 1; }

  std::optional<Process> process_;
};

TEST_F(KeptLanes, a_thread_that_reads_much_keeps_its_lane_between_sections) {
  ReaderLanes::leave(sut().enter());
  EXPECT_EQ(lane().sequence, 0U) << "a thread that has read once is in nobody's way";
  EXPECT_EQ(read_until_kept(), ThreadLane::least_owed);
  ThreadLane& section = sut().enter();
  EXPECT_EQ(lane().sequence, state);
  EXPECT_EQ(lane().kept, 0U);
  EXPECT_TRUE(sut().in_section());
  EXPECT_TRUE(sut().any_section_open());
  ReaderLanes::leave(section);
  EXPECT_TRUE(is_kept());
  EXPECT_FALSE(sut().in_section());
  EXPECT_FALSE(sut().any_section_open()) << "nobody reads by a lane that is only kept";
  EXPECT_TRUE(process_->table.list(lanes_).at(0).readers.empty());
}

TEST_F(KeptLanes, a_publisher_takes_a_kept_lane_back_without_patience) {
  read_until_kept();
  raise();
  EXPECT_TRUE(sut().wait_for_older(state + 1, nanoseconds(0)));
  EXPECT_EQ(lane().sequence, 0U);
  publish();
  EXPECT_EQ(sut().enter().sequence, state + 1);
  EXPECT_EQ(lane().sequence, state + 1);
}

TEST_F(KeptLanes, a_publisher_waits_for_a_section_in_a_lane_that_was_kept) {
  read_until_kept();
  ThreadLane& section = sut().enter();
  raise();
  EXPECT_FALSE(sut().wait_for_older(state + 1, milliseconds(1)));
  EXPECT_TRUE(sut().is_still_older(state + 1));
  EXPECT_EQ(lane().sequence, state);
  ReaderLanes::leave(section);
  EXPECT_EQ(lane().sequence, 0U) << "who leaves gives up what a publisher waits for";
  EXPECT_TRUE(sut().wait_for_older(state + 1, nanoseconds(0)));
}

TEST_F(KeptLanes, of_two_lanes_only_the_one_that_is_kept_is_taken_back) {
  read_until_kept();
  std::latch opened{1};
  std::latch looked{1};
  std::thread other([&] {
    ThreadLane& section = sut().enter();
    opened.count_down();
    looked.wait();
    ReaderLanes::leave(section);
  });
  opened.wait();
  raise();
  EXPECT_FALSE(sut().wait_for_older(state + 1, nanoseconds(0)));
  EXPECT_EQ(lane().sequence, 0U);
  EXPECT_EQ(lanes_[1].sequence, state);
  looked.count_down();
  other.join();
}

TEST_F(KeptLanes, a_lane_that_was_left_unseen_is_in_no_way) {
  read_until_kept();
  ThreadLane& section = sut().enter();
  raise();
  EXPECT_FALSE(sut().wait_for_older(state + 1, nanoseconds(0)));
  live_.visible = state;
  ReaderLanes::leave(section);
  ASSERT_TRUE(is_kept());
  raise();
  EXPECT_FALSE(sut().is_still_older(state + 1)) << "so that the publisher tries again";
  EXPECT_TRUE(sut().wait_for_older(state + 1, nanoseconds(0)));
}

TEST_F(KeptLanes, who_finds_visible_lowered_again_finds_that_the_lane_was_taken) {
  read_until_kept();
  raise();
  ASSERT_TRUE(sut().wait_for_older(state + 1, nanoseconds(0)));
  live_.visible = state;  // a record that makes an Atomic, with a section in its way
  ThreadLane& section = sut().enter();
  EXPECT_EQ(section.sequence, state);
  EXPECT_EQ(lane().sequence, state) << "a section that pins nothing";
  EXPECT_EQ(lane().kept, 0U);
  ReaderLanes::leave(section);
}

TEST_F(KeptLanes, a_thread_pays_with_fences_for_a_lane_that_had_to_be_taken_back) {
  read_until_kept();
  raise();
  ASSERT_TRUE(sut().wait_for_older(state + 1, nanoseconds(0)));
  publish();
  live_.fence_ns = 7'000;
  EXPECT_EQ(read_until_kept(), 4'000U + 1);
}

TEST_F(KeptLanes, a_thread_at_work_gives_its_lane_up_for_nothing) {
  read_until_kept();
  live_.fence_ns = 7'000;
  raise();
  publish();
  EXPECT_EQ(read_until_kept(), 1U);
}

TEST_F(KeptLanes, who_commits_or_waits_lets_go_of_its_lane) {
  read_until_kept();
  sut().let_go();
  EXPECT_EQ(lane().sequence, 0U);
  EXPECT_EQ(read_until_kept(), 1U);
}

TEST_F(KeptLanes, nobody_lets_go_of_a_lane_in_a_section) {
  read_until_kept();
  ThreadLane& section = sut().enter();
  sut().let_go();
  EXPECT_EQ(lane().sequence, state);
  ReaderLanes::leave(section);
  EXPECT_TRUE(is_kept());
}

TEST_F(KeptLanes, nobody_keeps_a_lane_where_a_process_cannot_take_it_back) {
  live_.fences_missing = 1;
  for (int i = 0; i < 1000; ++i) {
    ReaderLanes::leave(sut().enter());
    ASSERT_EQ(lane().sequence, 0U);
  }
}

TEST_F(KeptLanes, who_may_fence_nobody_any_more_waits_for_a_kept_lane_like_for_a_section) {
  read_until_kept();
  EXPECT_TRUE(ForkedChild([&] {
                // A publisher in another process, with its copy of the words.
                if (!forbid_membarrier()) return true;  // no filters here, so there is no such case
                raise();
                EXPECT_FALSE(sut().wait_for_older(state + 1, milliseconds(1)));
                EXPECT_EQ(lane().sequence, state) << "taken back from who may be entering by it";
                EXPECT_TRUE(sut().is_still_older(state + 1));
                EXPECT_NE(sut().describe_older().find("in no section"), std::string::npos);
                EXPECT_EQ(process_->table.list(lanes_).at(0).readers.size(), 1U)
                    << "who is told of";
                EXPECT_EQ(live_.fences_missing, 1U) << "nobody else is to keep one";
                return !HasFailure();
              }).succeeded());
}

TEST_F(KeptLanes, a_thread_lets_go_also_of_the_lane_of_a_store_that_it_used_before) {
  read_until_kept();
  LiveWords other_live{};
  std::vector<ReaderLane> other_lanes(reader_lane_count);
  ReaderLanes other(other_live, other_lanes.data(), process_->table, "other");
  ReaderLanes::leave(other.enter());
  ASSERT_TRUE(is_kept());
  sut().let_go();
  EXPECT_EQ(lane().sequence, 0U);
}

TEST_F(KeptLanes, a_thread_that_ends_gives_back_the_lane_that_it_keeps) {
  std::thread([this] { read_until_kept(); }).join();
  EXPECT_EQ(lane().owner, 0U);
  EXPECT_EQ(lane().sequence, 0U);
  ReaderLanes::leave(sut().enter());
  EXPECT_EQ(lane().kept, 0U) << "of the thread that had the lane before";
}

TEST_F(KeptLanes, a_section_that_outlives_its_thread_leaves_its_lane_idle) {
  ThreadLane* section = nullptr;
  std::thread([&] {
    read_until_kept();
    section = &sut().enter();
  }).join();
  EXPECT_EQ(lane().sequence, state);
  ReaderLanes::leave(*section);
  EXPECT_EQ(lane().sequence, 0U);
}

/// Sections beside a publisher that changes what they read as soon as no lane is in its way: who
/// enters by a kept lane and was not seen to would read what is being written.
TEST_F(KeptLanes, what_a_section_reads_stays_though_lanes_are_taken_back_all_the_time) {
  constexpr int rounds = 300;
  std::atomic<std::uint64_t> image{state};  // relaxed: the lanes are what orders it
  std::atomic<bool> stop{false};
  std::uint64_t torn = 0;
  std::uint64_t taken_back = 0;
  std::thread reader([&] {
    // A busy machine lets a publisher come too late for most lanes, but not for all.
    for (int round = 0; round < rounds || (taken_back <= 10 && round < 100 * rounds); ++round) {
      // Busy, and then idle for long enough that the lane has to be taken back.
      for (int i = 0; i < 300; ++i) {
        ThreadLane& section = sut().enter();
        // Some stay for longer than a publisher waits before it takes lanes back; not the last one,
        // which such a publisher would have give its lane up.
        const int looks = i % 50 == 25 ? 5'000 : 1 + i % 7;
        for (int k = 0; k < looks; ++k) {
          torn += image.load(std::memory_order_relaxed) != section.sequence ? 1U : 0U;
        }
        ReaderLanes::leave(section);
      }
      live_.fence_ns = 0;  // the least to pay for that
      const std::uint64_t left_at = lane().sequence;
      std::this_thread::sleep_for(std::chrono::microseconds(round % 4 == 0 ? 100 : 0));
      taken_back += left_at != 0 && lane().sequence == 0 ? 1U : 0U;
    }
    stop = true;
  });
  Process writer(*this);
  std::uint64_t next = state + 1;
  for (; !stop.load(); ++next) {
    live_.applying = Publication::raised(next);
    live_.visible.exchange(next);
    while (!writer.lanes_of->wait_for_older(next, milliseconds(1000))) {
    }
    live_.applying = Publication::begun(next);
    image.store(next, std::memory_order_relaxed);
    live_.published.store(next, std::memory_order_release);
    live_.applying.store(Publication::none, std::memory_order_release);
    // Now at once, now after more sections than have to be entered with a fence.
    for (std::uint64_t k = 0; k < 50 * (next % 64); ++k) {
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }
  }
  reader.join();
  EXPECT_EQ(torn, 0U) << "beside " << next << " publications";
  EXPECT_GT(taken_back, 10U);
}

class KeptLanesOfStores : public StoreTest {
 protected:
  void SetUp() override {
    if (!can_fence_all_threads()) GTEST_SKIP() << "no membarrier(2) here";
  }
  std::uint32_t fence_ns() {
    return read_struct<std::uint32_t>(path(), live_words_offset + offsetof(LiveWords, fence_ns));
  }
  bool is_kept() {
    return read_struct<std::uint32_t>(path(), reader_lanes_offset + offsetof(ReaderLane, kept)) ==
           1;
  }
};

TEST_F(KeptLanesOfStores, a_thread_that_reads_and_writes_never_fences_all_threads) {
  Store sut = open();
  for (std::uint64_t round = 0; round < 20; ++round) {
    for (int i = 0; i < 200; ++i) {
      const ReadTransaction section = sut.begin_read();
    }
    EXPECT_TRUE(is_kept());
    push(sut, round);
  }
  EXPECT_EQ(fence_ns(), 0U);
}

TEST_F(KeptLanesOfStores, who_waits_for_a_change_within_a_section_goes_on_reading_its_state) {
  Store sut = open();
  push(sut, 1);
  for (int i = 0; i < 200; ++i) {
    const ReadTransaction section = sut.begin_read();
  }
  const ReadTransaction section = sut.begin_read();
  const auto& seen = *section.find<Numbers>("numbers");
  sut.wait_for_change(section.sequence(), milliseconds(1));
  std::thread([&] { push(sut, 2); }).join();
  EXPECT_EQ(Values(seen.begin(), seen.end()), Values{1});
  EXPECT_GT(sut.sequence(), section.sequence());
}

/// Its publication raises `visible`, takes the kept lane back, meets the other section and lowers
/// `visible` to where the lane was left.
TEST_F(KeptLanesOfStores, who_enters_after_a_publication_that_failed_pins_what_it_reads) {
  using Counter = Atomic<std::uint64_t>;
  const auto count = [](const ReadTransaction& tx) { return tx.find<Counter>("counter")->load(); };
  Options impatient = options();
  impatient.reader_timeout = milliseconds(40);
  Store sut = open(impatient);
  sut.write([](WriteTransaction& tx) { tx.construct<Counter>("counter", 5U); });
  for (int i = 0; i < 200; ++i) EXPECT_EQ(sut.read(count), 5U);
  SlowReader reader(sut);
  ASSERT_TRUE(is_kept());
  std::thread([&] {
    expect_error(errc::timeout, path(), {"stands"}, [&] {
      sut.write([](WriteTransaction& tx) {
        tx.destroy<Counter>("counter");
        tx.construct<Counter>("counter", 7U);
      });
    });
  }).join();
  {
    const ReadTransaction section = sut.begin_read();
    reader.leave();
    std::thread([&] {
      expect_error(errc::timeout, path(), {"unseen"}, [&] { push(sut, 1); });
    }).join();
    EXPECT_EQ(count(section), 5U) << "published over a section that goes on";
  }
  push(sut, 1);
  EXPECT_EQ(sut.read(count), 7U);
  expect_sound(sut);
}

}  // namespace
}  // namespace cairn::test

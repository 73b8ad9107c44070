// SPDX-License-Identifier: BSL-1.0
#include <atomic>
#include <latch>
#include <thread>

#include "temp_store.hpp"

namespace cairn::test {
namespace {

class Readers : public StoreTest {
 protected:
  std::uint64_t published() const {
    return read_struct<std::uint64_t>(path(), live_words_offset + offsetof(LiveWords, published));
  }
};

TEST_F(Readers, a_section_sees_one_state_while_a_thread_commits) {
  Store sut = open();
  push(sut, 1);
  const ReadTransaction section = sut.begin_read();
  const auto& seen = *section.find<Numbers>("numbers");
  std::thread([&] { push(sut, 2); }).join();
  EXPECT_EQ(Values(seen.begin(), seen.end()), Values{1});
  EXPECT_EQ(section.sequence(), 2U);
  EXPECT_EQ(sut.sequence(), 3U);
  std::thread([&] { EXPECT_EQ(numbers(sut), (Values{1, 2})); }).join();
  EXPECT_EQ(Values(seen.begin(), seen.end()), Values{1});
}

TEST_F(Readers, nested_sections_see_what_the_outermost_sees) {
  Store sut = open();
  push(sut, 1);
  {
    const ReadTransaction outer = sut.begin_read();
    std::thread([&] { push(sut, 2); }).join();
    ASSERT_EQ(sut.sequence(), 3U) << "others see the commit already";
    for (int i = 0; i < 3; ++i) {
      const ReadTransaction inner = sut.begin_read();
      EXPECT_EQ(inner.sequence(), 2U);
      EXPECT_EQ(inner.sequence(), outer.sequence());
      EXPECT_EQ(inner.find<Numbers>("numbers")->size(), 1U);
      const ReadTransaction innermost = sut.begin_read();
      EXPECT_EQ(innermost.find<Numbers>("numbers")->size(), 1U);
    }
  }
  EXPECT_EQ(sut.begin_read().sequence(), 3U);
}

TEST_F(Readers, a_moved_section_stays_open_until_its_last_owner_goes) {
  Store sut = open();
  push(sut, 1);
  ReadTransaction kept = [&] {
    ReadTransaction first = sut.begin_read();
    ReadTransaction second = std::move(first);
    return second;
  }();
  std::thread([&] { push(sut, 2); }).join();
  EXPECT_LT(published(), sut.sequence());
  { const ReadTransaction gone = std::move(kept); }
  EXPECT_EQ(published(), sut.sequence());
  EXPECT_EQ(numbers(sut), (Values{1, 2}));
}

TEST_F(Readers, the_last_lane_and_the_one_after_it) {
  Store sut = open();
  push(sut, 1);
  std::latch entered(static_cast<std::ptrdiff_t>(reader_lane_count));
  std::latch done(1);
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < reader_lane_count; ++i) {
    threads.emplace_back([&] {
      const ReadTransaction section = sut.begin_read();
      entered.count_down();
      done.wait();
    });
  }
  entered.wait();
  std::thread([&] {
    expect_error(errc::too_many_processes, path(), {"256", "end such threads, or close the store"},
                 [&] { sut.begin_read(); });
  }).join();
  done.count_down();
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(numbers(sut), Values{1});
  push(sut, 2);
  EXPECT_EQ(numbers(sut), (Values{1, 2}));
}

TEST_F(Readers, threads_that_come_and_go_give_their_lanes_back) {
  Store sut = open();
  push(sut, 1);
  for (std::uint64_t i = 0; i < 2 * reader_lane_count; ++i) {
    std::thread([&] { EXPECT_EQ(numbers(sut).size(), 1U); }).join();
  }
}

TEST_F(Readers, sections_of_several_stores_do_not_mix) {
  Store left = open();
  Store right = Store::open(path("other"), options());
  push(left, 1);
  push(right, 2);
  for (int i = 0; i < 10; ++i) {
    const ReadTransaction a = left.begin_read();
    const ReadTransaction b = right.begin_read();
    EXPECT_EQ(a.find<Numbers>("numbers")->at(0), 1U);
    EXPECT_EQ(b.find<Numbers>("numbers")->at(0), 2U);
  }
  {
    const ReadTransaction a = left.begin_read();
    push(right, 3);
    EXPECT_EQ(error_of([&] { left.begin_write(); }).code(), errc::write_inside_read);
  }
  push(left, 4);
  EXPECT_EQ(numbers(left), (Values{1, 4}));
  EXPECT_EQ(numbers(right), (Values{2, 3}));
}

TEST_F(Readers, many_sections_beside_a_writer_see_whole_states_only) {
  Store sut = open();
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("numbers", 300U, 0U); });
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!stop.load()) {
        const Values seen = numbers(sut);
        ASSERT_EQ(seen, Values(300, seen.front()));
      }
    });
  }
  for (std::uint64_t round = 1; round <= 300; ++round) {
    sut.write([&](WriteTransaction& tx) {
      for (auto& each : *tx.find<Numbers>("numbers")) each = round;
    });
    // Pauses now and then, in which threads begin to keep their lanes.
    if (round % 30 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  stop = true;
  for (std::thread& each : readers) each.join();
  EXPECT_EQ(numbers(sut), Values(300, 300));
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
// Commits that are held back beside other processes, some of which sleep, stop or die.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "forked_child.hpp"
#include "held_back.hpp"
#include "in_time.hpp"

namespace cairn::test {
namespace {

/// Several processes, of which one sleeps in a section.
class HeldBackByOthers : public HeldBack {
 protected:
  /// In a child that is killed: a store whose cells 1, 2, ... hold their numbers by as many
  /// commits, none of which is in the shared image.
  void die_with_held_back(const Options& how, std::uint64_t commits) const {
    const Channel channel;
    ForkedChild both([&] {
      Store store = open(how);
      fill(store);
      const SlowReader reader(store);
      for (std::uint64_t i = 1; i <= commits; ++i) set(store, i, i);
      channel.tell_parent();
      channel.hear_parent();
      return true;
    });
    channel.hear_child();
    EXPECT_TRUE(is_held_back());
    both.kill_now();
  }
  /// A child that stays in a section until it is told to leave, or killed.
  ForkedChild sleeper(const Channel& channel) const {
    ForkedChild child([&] {
      const Store store = open();
      const ReadTransaction section = store.begin_read();
      channel.tell_parent();
      channel.hear_parent();
      return section.find<Numbers>("numbers")->at(0) == 0;
    });
    channel.hear_child();
    return child;
  }
};

/// As a writer leaves it that dies while it applies a record, beside a process that was stopped on
/// its way into a section: its lane is set, and it has not looked yet.
TEST_F(HeldBackByOthers, a_publication_that_a_dead_writer_had_begun_waits_for_nobody_on_the_way) {
  const Channel channel;
  Store sut = open();
  fill(sut);
  ForkedChild other([&] {
    const Store store = open();
    EXPECT_EQ(get(store, 0), 0U);
    channel.tell_parent();
    channel.hear_parent();
    return get(store, 0) == 2;
  });
  channel.hear_child();
  std::uint64_t lane = reader_lanes_offset;
  while (read_struct<std::uint32_t>(path(), lane + offsetof(ReaderLane, thread_id)) !=
         static_cast<std::uint32_t>(other.pid())) {
    lane += sizeof(ReaderLane);
    ASSERT_LT(lane, reader_lanes_offset + reader_lane_count * sizeof(ReaderLane));
  }
  other.stop();
  const std::uint64_t before = published();
  {
    SlowReader reader(sut, sees(0, 0));
    set(sut, 0, 1);
    write_struct(path(), lane + offsetof(ReaderLane, sequence), before);
    write_struct(path(), live_words_offset + offsetof(LiveWords, applying),
                 Publication::begun(before + 1));
  }
  const auto start = std::chrono::steady_clock::now();
  set(sut, 0, 2);
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(1000));
  EXPECT_EQ(live_word(offsetof(LiveWords, applying)), Publication::none);
  EXPECT_EQ(published(), before + 1) << "the next one is held back by the lane";
  EXPECT_EQ(get(sut, 0), 2U);
  // Where it stopped it would find another state published than its lane holds, and begin again.
  write_struct(path(), lane + offsetof(ReaderLane, sequence), std::uint64_t{0});
  other.go_on();
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
  expect_sound(sut);
}

/// Whatever somebody stores there, nobody waits for ever and nothing is lost.
TEST_F(HeldBackByOthers, garbage_in_what_is_visible_is_a_named_error_until_a_writer_mends_it) {
  Options how = options();
  how.lock_timeout = milliseconds(100);
  Store sut = open(how);
  fill(sut);
  set(sut, 0, 1);
  for (const std::uint64_t garbage : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
    write_struct(path(), live_words_offset + offsetof(LiveWords, visible), garbage);
    expect_error(errc::timeout, path(), {"publication", "write lock"}, [&] { get(sut, 0); });
    set(sut, 0, garbage);
    EXPECT_EQ(get(sut, 0), garbage);
    EXPECT_EQ(visible(), published());
  }
  expect_sound(sut);
}

/// The image went on to what an idle overlay shows, and pages that were out of the heap then have
/// become fresh ones of a later commit, whose record does not hold them.
TEST_F(HeldBackByOthers, an_overlay_that_the_image_has_reached_is_made_anew) {
  static constexpr std::uint64_t bulk = 300'000;
  Options how = options();
  how.reader_timeout = milliseconds(20);
  Store sut = open(how);
  fill(sut);
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("bulk", bulk, 1U); });
  const Channel channel;
  ForkedChild other([&] {
    Store store = open();
    {
      SlowReader reader(store, sees(0, 0));
      channel.tell_parent();
      channel.hear_parent();
    }
    SlowReader reader(store, sees(0, 0));
    store.write([](WriteTransaction& tx) { tx.construct<Numbers>("bulk", bulk, 3U); });
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  sut.write([](WriteTransaction& tx) { tx.find<Numbers>("bulk")->assign(bulk, 2U); });
  sut.write([](WriteTransaction& tx) { tx.destroy<Numbers>("bulk"); });
  expect_error(errc::timeout, path(), {"cannot be cut yet"}, [&] { sut.shrink_to_usage(); });
  EXPECT_EQ(get(sut, 0), 0U);
  channel.tell_child();
  channel.hear_child();
  EXPECT_TRUE(is_held_back());
  sut.read([](const ReadTransaction& tx) {
    const Numbers& all = *tx.find<Numbers>("bulk");
    EXPECT_EQ(std::count(all.begin(), all.end(), 3U), static_cast<std::ptrdiff_t>(bulk));
  });
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
}

TEST_F(HeldBackByOthers, writers_take_turns_and_all_readers_see_every_commit) {
  {
    Store made = open();
    fill(made);
  }
  const Channel sleeping;
  ForkedChild slow = sleeper(sleeping);
  const Channel turns;
  ForkedChild other([&] {
    Store store = open();
    for (std::uint64_t i = 0; i < 50; ++i) {
      const std::uint64_t expected = turns.hear_parent();
      if (get(store, 0) != expected) return false;
      set(store, 0, expected + 1);
      set(store, 100 + i * 50, expected + 1);
      turns.tell_parent();
    }
    return true;
  });
  Store sut = open();
  for (std::uint64_t i = 0; i < 50; ++i) {
    set(sut, 0, 2 * i + 1);
    set(sut, 101 + i * 50, i);
    turns.tell_child(2 * i + 1);
    turns.hear_child();
    ASSERT_EQ(get(sut, 0), 2 * i + 2);
    ASSERT_EQ(get(sut, 100 + i * 50), 2 * i + 2);
  }
  EXPECT_TRUE(other.succeeded());
  EXPECT_TRUE(is_held_back());
  // Who comes only now sees it all, too.
  EXPECT_TRUE(ForkedChild([&] { return get(open(), 0) == 100; }).succeeded());
  sleeping.tell_child();
  EXPECT_TRUE(slow.succeeded());
  EXPECT_FALSE(is_held_back());
  expect_sound(sut);
}

TEST_F(HeldBackByOthers, a_process_that_is_killed_in_many_sections_costs_no_more_than_one) {
  constexpr std::uint64_t sections = 60;
  Store sut = open();
  fill(sut);
  std::uint64_t value = 0;
  expect_in_time([&] {
    sut.resize_file(4 << 20);
    const Channel channel;
    ForkedChild readers([&] {
      const Store store = open();
      std::vector<std::unique_ptr<SlowReader>> all;
      for (std::uint64_t i = 0; i < sections; ++i)
        all.push_back(std::make_unique<SlowReader>(store));
      channel.tell_parent();
      channel.hear_parent();
      return true;
    });
    channel.hear_child();
    set(sut, 0, ++value);
    EXPECT_TRUE(is_held_back());
    readers.kill_now();
    const auto start = std::chrono::steady_clock::now();
    // 10 ms each, one after the other, would be 600.
    sut.shrink_to_usage();
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_FALSE(is_held_back());
    return took;
  });
}

/// A waiter that has waited long keeps the lock for itself, and may die before it gets it.
TEST_F(HeldBackByOthers, a_lock_kept_for_a_dead_waiter_is_in_nobodys_way) {
  constexpr std::uint64_t lock = live_words_offset + offsetof(LiveWords, write_lock);
  constexpr std::uint64_t kept = 0x4000;
  Options hasty = options();
  hasty.lock_timeout = milliseconds(0);
  Store sut = open(hasty);
  fill(sut);
  const auto keep = [&] {
    const std::uint64_t word = live_word(offsetof(LiveWords, write_lock));
    ASSERT_EQ(word & 0xFFU, 0U) << "the lock is free";
    write_struct(path(), lock, word | kept);
  };
  keep();
  set(sut, 0, 1);
  SlowReader reader(sut, sees(0, 1));
  set(sut, 0, 2);
  EXPECT_TRUE(is_held_back());
  keep();
  reader.leave();
  EXPECT_FALSE(is_held_back());
}

TEST_F(HeldBackByOthers, a_reader_that_is_killed_holds_nothing_back_any_more) {
  Store sut = open();
  fill(sut);
  const Channel sleeping;
  ForkedChild slow = sleeper(sleeping);
  set(sut, 0, 1);
  EXPECT_TRUE(is_held_back());
  slow.kill_now();
  std::this_thread::sleep_for(milliseconds(20));
  // Looked at by who reads as by who writes.
  EXPECT_EQ(get(sut, 0), 1U);
  EXPECT_FALSE(is_held_back());
}

TEST_F(HeldBackByOthers, what_a_dead_writer_had_committed_is_seen_beside_the_reader) {
  {
    Store made = open();
    fill(made);
  }
  const Channel sleeping;
  ForkedChild slow = sleeper(sleeping);
  const Channel writing;
  ForkedChild writer([&] {
    Store store = open();
    for (std::uint64_t i = 1; i <= 30; ++i) set(store, i, i);
    WriteTransaction tx = store.begin_write();
    tx.find<Numbers>("numbers")->at(1) = 99;
    writing.tell_parent();
    writing.hear_parent();
    return true;
  });
  writing.hear_child();
  writer.kill_now();
  Store sut = open();
  EXPECT_EQ(get(sut, 30), 30U);
  set(sut, 31, 31);
  EXPECT_EQ(get(sut, 1), 1U);
  EXPECT_TRUE(is_held_back());
  sleeping.tell_child();
  EXPECT_TRUE(slow.succeeded());
  EXPECT_FALSE(is_held_back());
  expect_sound(sut);
}

TEST_F(HeldBackByOthers, nothing_is_lost_where_all_die) {
  Options how = options();
  how.log_bytes = 64 << 10;
  die_with_held_back(how, 3000);
  const Store sut = open();
  EXPECT_GE(sut.last_recovery().replayed_records, 3000U);
  std::vector<std::uint64_t> expected(cells);
  for (std::uint64_t i = 1; i <= 3000; ++i) expected[i] = i;
  EXPECT_EQ(numbers(sut), expected);
  expect_sound(sut);
}

TEST_F(HeldBackByOthers, nothing_is_lost_where_all_die_and_garbage_says_that_a_sync_failed) {
  for (const Options& how : {options(), power_options()}) {
    die_with_held_back(how, 10);
    // All that was acknowledged is in the log, and the words no longer say so.
    write_struct(path(), live_words_offset + offsetof(LiveWords, visible), published());
    write_struct(path(), live_words_offset + offsetof(LiveWords, failed), std::uint32_t{1});
    {
      Store sut = open(how);
      std::vector<std::uint64_t> expected(cells);
      for (std::uint64_t i = 1; i <= 10; ++i) expected[i] = i;
      EXPECT_EQ(numbers(sut), expected);
      expect_sound(sut);
      sut.close();
    }
    for (const char* const suffix : {"", "-log"}) std::filesystem::remove(path() + suffix);
  }
}

/// The heap becomes shorter while a section keeps that out of the image, and longer again once it
/// has left: in between its last pages were in no heap, and are somebody's fresh ones now.
TEST_F(HeldBackByOthers, pages_that_leave_the_heap_and_come_back_are_not_what_they_were) {
  Options how = options();
  how.reader_timeout = milliseconds(20);
  Store sut = open(how);
  fill(sut);
  static constexpr std::uint64_t many = 60'000;
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("large", many, 1U); });
  const Channel channel;
  ForkedChild other([&] {
    Store store = open(how);
    channel.tell_parent();
    channel.hear_parent();
    set(store, 1, 1);
    channel.tell_parent();
    channel.hear_parent();
    return store.write([](WriteTransaction& tx) {
      const Numbers& again = *tx.find<Numbers>("again");
      return std::count(again.begin(), again.end(), 2U) == static_cast<std::ptrdiff_t>(many);
    });
  });
  channel.hear_child();
  {
    SlowReader reader(sut);
    sut.write([](WriteTransaction& tx) { tx.destroy<Numbers>("large"); });
    expect_error(errc::timeout, path(), {"shorter"}, [&] { sut.shrink_to_usage(); });
    channel.tell_child();
    channel.hear_child();
  }
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("again", many, 2U); });
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
  expect_sound(sut);
}

/// Publishes what this process knows as held back, in another one, and then keeps it from learning
/// so in the next transaction. That publishes nothing once more: an Atomic would be what it was.
TEST_F(HeldBackByOthers, a_transaction_after_one_that_was_refused_knows_what_others_published) {
  using Counter = Atomic<std::uint64_t>;
  for (const bool refused : {true, false}) {
    Options how = power_options();
    how.reader_timeout = milliseconds(20);
    Store sut = open(how);
    fill(sut);
    sut.resize_file(8 << 20);
    const Channel channel;
    ForkedChild other([&] {
      const Store store = open(how);
      {
        const ReadTransaction section = store.begin_read();
        channel.tell_parent();
        channel.hear_parent();
      }
      channel.tell_parent();
      return true;
    });
    channel.hear_child();
    set(sut, 1, 1);
    sut.write([](WriteTransaction& tx) { tx.construct<Counter>("hits"); });
    ASSERT_TRUE(is_held_back());
    const std::uint64_t word = live_word(offsetof(LiveWords, write_lock));
    channel.tell_child();
    channel.hear_child();
    ASSERT_FALSE(is_held_back());
    sut.read([](const ReadTransaction& tx) { *tx.find<Counter>("hits") += 5; });
    const std::uint64_t before = published();
    if (refused) {
      write_struct(path(), live_words_offset + offsetof(LiveWords, failed), std::uint32_t{1});
      EXPECT_THROW(set(sut, 3, 3), Error);
      write_struct(path(), live_words_offset + offsetof(LiveWords, failed), std::uint32_t{0});
    } else {
      write_struct(path(), live_words_offset + offsetof(LiveWords, write_lock), word);
    }
    sut.begin_write().rollback();
    EXPECT_EQ(published(), before);
    EXPECT_EQ(sut.read([](const ReadTransaction& tx) { return tx.find<Counter>("hits")->load(); }),
              5U);
    EXPECT_TRUE(other.succeeded());
    expect_sound(sut);
    sut.close();
    for (const char* const suffix : {"", "-log"}) std::filesystem::remove(path() + suffix);
  }
}

TEST_F(HeldBackByOthers, garbage_that_speaks_of_a_publication_keeps_no_section_out) {
  Options how = options();
  how.lock_timeout = milliseconds(200);
  Store sut = open(how);
  fill(sut);
  SlowReader reader(sut, sees(0, 0));
  set(sut, 0, 1);
  set(sut, 0, 2);
  write_struct(path(), live_words_offset + offsetof(LiveWords, applying), std::uint64_t{0x4242});
  for (std::uint64_t value = 3; value < 6; ++value) {
    set(sut, 0, value);
    EXPECT_EQ(get(sut, 0), value);
  }
}

}  // namespace
}  // namespace cairn::test

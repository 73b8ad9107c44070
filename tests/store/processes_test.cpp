// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <thread>

#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

/// Stores shared by processes. Children are forked before the parent opens the store, so that they
/// inherit nothing.
class Processes : public StoreTest, public ::testing::WithParamInterface<Durability> {
 protected:
  static Options how() { return GetParam() == Durability::power ? power_options() : options(); }
};

INSTANTIATE_TEST_SUITE_P(Levels, Processes,
                         ::testing::Values(Durability::process, Durability::power),
                         [](const auto& level) {
                           return std::string(level.param == Durability::power ? "power"
                                                                               : "process");
                         });

TEST_P(Processes, a_commit_is_visible_to_others_at_return) {
  Channel channel;
  ForkedChild other([&] {
    Store store = open(how());
    channel.tell_parent();
    for (std::uint64_t i = 0; i < 20; ++i) {
      channel.hear_parent();
      if (numbers(store).size() != i + 1 || store.sequence() != i + 2) return false;
      channel.tell_parent();
    }
    return true;
  });
  channel.hear_child();
  Store sut = open(how());
  for (std::uint64_t i = 0; i < 20; ++i) {
    push(sut, i);
    channel.tell_child();
    channel.hear_child();
  }
  EXPECT_TRUE(other.succeeded());
}

TEST_P(Processes, writers_in_turn_see_each_others_commits) {
  constexpr std::uint64_t rounds = 60;
  Channel channel;
  ForkedChild other([&] {
    Store store = open(how());
    for (std::uint64_t i = 0; i < rounds; ++i) {
      const std::uint64_t expected = channel.hear_parent();
      store.write([&](WriteTransaction& tx) {
        auto& all = tx.find_or_construct<Numbers>("numbers");
        if (all.size() != expected) throw std::runtime_error("a commit is missing");
        all.push_back(2 * i + 1);
        tx.find_or_construct<HashMap<std::uint64_t, String>>("texts").try_emplace(2 * i + 1, "odd");
      });
      channel.tell_parent();
    }
    return true;
  });
  Store sut = open(how());
  for (std::uint64_t i = 0; i < rounds; ++i) {
    sut.write([&](WriteTransaction& tx) {
      tx.find_or_construct<Numbers>("numbers").push_back(2 * i);
      tx.find_or_construct<HashMap<std::uint64_t, String>>("texts").try_emplace(2 * i, "even");
    });
    channel.tell_child(2 * i + 1);
    channel.hear_child();
  }
  EXPECT_TRUE(other.succeeded());
  Values expected;
  for (std::uint64_t i = 0; i < 2 * rounds; ++i) expected.push_back(i);
  EXPECT_EQ(numbers(sut), expected);
  EXPECT_EQ(sut.sequence(), 1 + 2 * rounds);
  expect_sound(sut);
}

TEST_P(Processes, four_writers_lose_no_update) {
  constexpr std::uint64_t each = 100;
  Options how = this->how();
  how.private_bytes = 64 << 10;
  how.log_bytes = 64 << 10;
  std::vector<ForkedChild> writers;
  for (std::uint64_t id = 0; id < 4; ++id) {
    writers.emplace_back([&, id] {
      Store store = open(how);
      for (std::uint64_t i = 0; i < each; ++i) {
        store.write([&](WriteTransaction& tx) {
          auto& map = tx.find_or_construct<HashMap<std::uint64_t, std::uint64_t>>("map");
          ++map.try_emplace(0, 0U).first->second;
          map.try_emplace(1 + id * each + i, id);
        });
      }
      return true;
    });
  }
  for (ForkedChild& writer : writers) EXPECT_TRUE(writer.succeeded());
  const Store sut = open(how);
  sut.read([&](const ReadTransaction& tx) {
    const auto& map = *tx.find<HashMap<std::uint64_t, std::uint64_t>>("map");
    EXPECT_EQ(map.at(0), 4 * each);
    EXPECT_EQ(map.size(), 1 + 4 * each);
  });
  EXPECT_EQ(sut.sequence(), 1 + 4 * each);
  expect_sound(sut);
}

TEST_P(Processes, growth_by_one_is_used_by_the_other) {
  Channel channel;
  ForkedChild other([&] {
    Store store = open(how());
    push(store, 1);
    channel.tell_parent();
    channel.hear_parent();
    if (numbers(store).size() != 400'001) return false;
    store.write([](WriteTransaction& tx) {
      auto& all = *tx.find<Numbers>("numbers");
      all[400'000] = 77;
      tx.construct<Numbers>("more", 300'000U, 5U);
    });
    return numbers(store)[400'000] == 77;
  });
  channel.hear_child();
  Store sut = open(how());
  const std::uint64_t before = sut.size();
  sut.write([](WriteTransaction& tx) {
    auto& all = *tx.find<Numbers>("numbers");
    for (std::uint64_t i = 0; i < 400'000; ++i) all.push_back(i);
  });
  EXPECT_GT(sut.size(), before);
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
  EXPECT_EQ(numbers(sut)[400'000], 77U);
  EXPECT_EQ(numbers(sut, "more"), Values(300'000, 5));
  push(sut, 8);
  EXPECT_EQ(numbers(sut).back(), 8U);
  expect_sound(sut);
}

TEST_P(Processes, one_may_shrink_and_regrow_what_another_has_mapped) {
  Channel channel;
  ForkedChild other([&] {
    Store store = open(how());
    store.write([](WriteTransaction& tx) {
      tx.construct<Numbers>("numbers", 10U, 2U);
      tx.construct<Numbers>("big", 300'000U, 1U);
    });
    // So that these pages are private copies of this process.
    store.write([](WriteTransaction& tx) {
      for (auto& each : *tx.find<Numbers>("big")) each = 3;
    });
    channel.tell_parent();
    channel.hear_parent();
    if (store.read([](const ReadTransaction& tx) { return tx.find<Numbers>("big"); }) != nullptr) {
      return false;
    }
    push(store, 4);
    channel.tell_parent();
    channel.hear_parent();
    if (numbers(store, "again") != Values(300'000, 6)) return false;
    store.write([](WriteTransaction& tx) {
      for (auto& each : *tx.find<Numbers>("again")) {
        if (each != 6) throw std::runtime_error("a stale page");
        each = 7;
      }
    });
    return true;
  });
  channel.hear_child();
  Store sut = open(how());
  sut.write([](WriteTransaction& tx) { tx.destroy<Numbers>("big"); });
  const std::uint64_t before = sut.size();
  const std::uint64_t given_back = sut.shrink_to_usage();
  EXPECT_GT(given_back, 1'000'000U);
  EXPECT_EQ(sut.size(), before - given_back);
  channel.tell_child();
  channel.hear_child();
  EXPECT_EQ(numbers(sut).size(), 11U);
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("again", 300'000U, 5U); });
  sut.write([](WriteTransaction& tx) {
    for (auto& each : *tx.find<Numbers>("again")) each = 6;
  });
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
  EXPECT_EQ(numbers(sut, "again"), Values(300'000, 7));
  expect_sound(sut);
}

/// A waiter looks for itself every 50 ms, which would hide that nobody woke it.
TEST_P(Processes, waiting_ends_with_another_process_commit) {
  constexpr int rounds = 15;
  const Channel channel;
  ForkedChild other([&] {
    Store store = open(how());
    channel.tell_parent();
    for (int i = 0; i < rounds; ++i) {
      channel.hear_parent();
      const auto awaited = live_words_offset + offsetof(LiveWords, change_awaited);
      while (read_struct<std::uint32_t>(path(), awaited) == 0) std::this_thread::yield();
      // Time for it to fall asleep; where it has not, the commit is no less seen.
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      const auto begin = std::chrono::steady_clock::now();
      push(store, 1);
      channel.tell_parent(static_cast<std::uint64_t>(begin.time_since_epoch().count()));
    }
    return true;
  });
  channel.hear_child();
  const Store sut = open(how());
  std::vector<std::chrono::nanoseconds> waits;
  for (int i = 0; i < rounds; ++i) {
    const std::uint64_t seen = sut.sequence();
    channel.tell_child();
    EXPECT_EQ(sut.wait_for_change(seen, std::chrono::seconds(30)), seen + 1);
    const auto woken = std::chrono::steady_clock::now().time_since_epoch();
    waits.push_back(woken - std::chrono::nanoseconds(channel.hear_child()));
  }
  EXPECT_TRUE(other.succeeded());
  std::nth_element(waits.begin(), waits.begin() + rounds / 2, waits.end());
  EXPECT_LT(waits[rounds / 2], std::chrono::milliseconds(25));
}

TEST_P(Processes, one_that_fell_far_behind_the_log_catches_up) {
  Options how = this->how();
  how.log_bytes = 64 << 10;
  Channel channel;
  ForkedChild other([&] {
    Store store = open(how);
    store.write([](WriteTransaction& tx) { tx.construct<Numbers>("numbers", 2000U, 0U); });
    store.write([](WriteTransaction& tx) {
      for (auto& each : *tx.find<Numbers>("numbers")) each = 1;
    });
    channel.tell_parent();
    channel.hear_parent();
    if (numbers(store) != Values(2000, 40)) return false;
    store.write([](WriteTransaction& tx) {
      for (auto& each : *tx.find<Numbers>("numbers")) {
        if (each != 40) throw std::runtime_error("a stale page");
        ++each;
      }
    });
    return true;
  });
  channel.hear_child();
  Store sut = open(how);
  for (std::uint64_t round = 2; round <= 40; ++round) {
    sut.write([&](WriteTransaction& tx) {
      for (auto& each : *tx.find<Numbers>("numbers")) each = round;
    });
  }
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
  EXPECT_EQ(numbers(sut), Values(2000, 41));
  expect_sound(sut);
}

TEST_P(Processes, one_may_let_the_log_grow_under_another) {
  Options how = this->how();
  how.log_bytes = 64 << 10;
  Channel channel;
  ForkedChild other([&] {
    Store store = open(how);
    store.write([](WriteTransaction& tx) { tx.construct<Numbers>("numbers", 50'000U, 0U); });
    channel.tell_parent();
    channel.hear_parent();
    store.write([](WriteTransaction& tx) {
      for (auto& each : *tx.find<Numbers>("numbers")) each += 2;
    });
    return true;
  });
  channel.hear_child();
  Store sut = open(how);
  sut.write([&](WriteTransaction& tx) {
    for (auto& each : *tx.find<Numbers>("numbers")) each = 1;
  });
  EXPECT_GT(std::filesystem::file_size(path() + "-log"), 400'000U);
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
  EXPECT_EQ(numbers(sut), Values(50'000, 3));
  push(sut, 9);
  EXPECT_EQ(numbers(sut).size(), 50'001U);
  expect_sound(sut);
}

TEST_P(Processes, a_later_opener_may_not_make_the_first_one_blind_by_a_larger_limit) {
  Options small = how();
  small.max_bytes = 4 << 20;
  { const Store made = open(small); }
  Options large = how();
  large.max_bytes = 32 << 20;
  Channel channel;
  ForkedChild first([&] {
    Store store = open(large);
    push(store, 1);
    channel.tell_parent();
    channel.hear_parent();
    store.write([](WriteTransaction& tx) { tx.construct<Numbers>("big", 1'000'000U, 9U); });
    channel.tell_parent();
    return true;
  });
  channel.hear_child();
  Store sut = open(small);
  push(sut, 2);
  channel.tell_child();
  channel.hear_child();
  EXPECT_TRUE(first.succeeded());
  EXPECT_EQ(numbers(sut, "big"), Values(1'000'000, 9));
  push(sut, 3);
  EXPECT_EQ(numbers(sut), (Values{1, 2, 3}));
}

TEST_P(Processes, readers_see_whole_states_while_others_write) {
  Channel channel;
  ForkedChild other([&] {
    Store store = open(how());
    store.write([](WriteTransaction& tx) { tx.construct<Numbers>("numbers", 500U, 0U); });
    channel.tell_parent();
    for (std::uint64_t round = 1; round <= 200; ++round) {
      store.write([&](WriteTransaction& tx) {
        for (auto& each : *tx.find<Numbers>("numbers")) each = round;
      });
    }
    return true;
  });
  channel.hear_child();
  const Store sut = open(how());
  std::uint64_t last = 0;
  for (int looks = 0; last < 200; ++looks) {
    ASSERT_LT(looks, 10'000'000);
    const Values seen = numbers(sut);
    ASSERT_EQ(seen, Values(500, seen.front()));
    ASSERT_GE(seen.front(), last);
    last = seen.front();
  }
  EXPECT_TRUE(other.succeeded());
}

TEST_F(StoreTest, sixty_four_processes_share_a_store_and_the_next_is_refused) {
  { const Store made = open(); }
  Channel channel;
  std::vector<ForkedChild> all;
  for (std::uint64_t i = 0; i < process_slot_count; ++i) {
    all.emplace_back([&, i] {
      Options how = options();
      how.label = "worker " + std::to_string(i);
      Store store = open(how);
      push(store, i);
      channel.tell_parent(i);
      channel.hear_parent();
      return true;
    });
    ASSERT_EQ(channel.hear_child(), i);
  }
  expect_error(errc::too_many_processes, path(), {"64"}, [&] { open(); });
  all.front().kill_now();
  {
    Store sut = open();
    EXPECT_EQ(numbers(sut).size(), process_slot_count);
    std::size_t alive = 0;
    bool named = false;
    for (const ProcessInfo& row : sut.processes()) {
      alive += row.alive ? 1 : 0;
      named = named || (row.label == "worker 63" && row.alive &&
                        row.pid == static_cast<std::uint32_t>(all.back().pid()));
    }
    EXPECT_EQ(alive, process_slot_count);
    EXPECT_TRUE(named);
  }
  for (std::uint64_t i = 1; i < process_slot_count; ++i) channel.tell_child();
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_TRUE(all[i].succeeded());
}

/// The only free slot is that of a process that died with the write lock.
TEST_F(StoreTest, the_sixty_fifth_takes_the_slot_of_the_writer_that_died_and_writes) {
  { const Store made = open(); }
  const Channel channel;
  std::vector<ForkedChild> all;
  for (std::uint64_t i = 0; i + 1 < process_slot_count; ++i) {
    all.emplace_back([&, i] {
      Store store = open();
      push(store, i);
      channel.tell_parent(i);
      channel.hear_parent();
      return true;
    });
    ASSERT_EQ(channel.hear_child(), i);
  }
  ForkedChild writer([&] {
    Store store = open();
    WriteTransaction tx = store.begin_write();
    auto& kept = *tx.find<Numbers>("numbers");
    for (std::uint64_t i = 0; i < 100'000; ++i) kept.push_back(1000);
    channel.tell_parent(store.size());
    channel.hear_parent();
    return false;
  });
  const std::uint64_t grown = channel.hear_child();
  expect_error(errc::too_many_processes, path(), {"64"}, [&] { open(); });
  writer.kill_now();
  {
    Store sut = open();
    const std::vector<ProcessInfo> rows = sut.processes();
    ASSERT_EQ(rows.size(), process_slot_count);
    EXPECT_EQ(rows.back().pid, static_cast<std::uint32_t>(::getpid()));
    EXPECT_TRUE(sut.last_recovery().took_over);
    EXPECT_LT(sut.size(), grown);
    push(sut, 63);
    EXPECT_EQ(numbers(sut).size(), process_slot_count);
    EXPECT_EQ(numbers(sut).back(), 63U);
    expect_sound(sut);
  }
  for (std::size_t i = 0; i < all.size(); ++i) channel.tell_child();
  for (ForkedChild& each : all) EXPECT_TRUE(each.succeeded());
}

}  // namespace
}  // namespace cairn::test

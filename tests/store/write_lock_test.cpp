// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/write_lock.hpp"

#include <thread>

#include "forked_child.hpp"
#include "in_time.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

/// The write lock between processes, and what becomes of it when its holder dies.
class Holders : public StoreTest, public ::testing::WithParamInterface<Durability> {
 protected:
  static Options how() { return GetParam() == Durability::power ? power_options() : options(); }
  /// A process that begins a transaction, changes much, says so, and waits.
  ForkedChild holder(const Channel& channel, const std::string& label) const {
    return ForkedChild([this, &channel, label] {
      Options named = how();
      named.label = label;
      Store store = open(named);
      WriteTransaction tx = store.begin_write();
      auto& all = tx.find_or_construct<Numbers>("numbers");
      for (std::uint64_t i = 0; i < 100'000; ++i) all.push_back(i);
      channel.tell_parent(store.size());
      channel.hear_parent();
      tx.commit();
      return true;
    });
  }
};

INSTANTIATE_TEST_SUITE_P(Levels, Holders, ::testing::Values(Durability::process, Durability::power),
                         [](const auto& level) {
                           return std::string(level.param == Durability::power ? "power"
                                                                               : "process");
                         });

TEST_P(Holders, a_time_out_names_the_holder_and_the_holder_goes_on) {
  using Clock = std::chrono::steady_clock;
  const Channel channel;
  const auto before = Clock::now();
  ForkedChild other = holder(channel, "the holder");
  channel.hear_child();
  const auto held = Clock::now();
  Options hasty = how();
  hasty.lock_timeout = std::chrono::milliseconds(60);
  Store sut = open(hasty);
  const auto start = Clock::now();
  const Error error = error_of([&] { sut.begin_write(); });
  const auto end = Clock::now();
  EXPECT_EQ(error.code(), make_error_code(errc::timeout));
  const std::string text = error.what();
  EXPECT_TRUE(contains(text, path() + ": timed out: no write lock after 60 ms")) << text;
  EXPECT_TRUE(contains(text, "process " + std::to_string(other.pid()) + " \"the holder\", writing"))
      << text;
  EXPECT_GE(end - start, std::chrono::milliseconds(60));
  // For how long it has been at that; the clock of the process table is coarse.
  const std::string part = "writing for ";
  const std::size_t at = text.find(part);
  ASSERT_NE(at, std::string::npos) << text;
  const std::chrono::milliseconds told(std::stoll(text.substr(at + part.size())));
  constexpr std::chrono::milliseconds tick{20};
  EXPECT_GE(told + tick, std::chrono::milliseconds(60));
  EXPECT_GE(told + tick, start - held);
  EXPECT_LE(told, end - before + tick);
  EXPECT_EQ(sut.sequence(), 1U);
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
  EXPECT_EQ(numbers(sut).size(), 100'000U);
  push(sut, 1);
  EXPECT_EQ(numbers(sut).size(), 100'001U);
}

TEST_P(Holders, a_dead_one_is_followed_and_leaves_nothing) {
  const Channel channel;
  { const Store made = open(how()); }
  ForkedChild bystander([&] {
    Store store = open(how());
    push(store, 5);
    channel.tell_parent();
    channel.hear_parent();
    push(store, 7);
    return numbers(store) == Values{5, 6, 7};
  });
  channel.hear_child();
  const std::uint64_t committed = std::filesystem::file_size(path());
  const Channel own;
  ForkedChild other = holder(own, "to be killed");
  EXPECT_GT(own.hear_child(), committed);
  Store sut = open(how());
  other.kill_now();
  push(sut, 6);
  EXPECT_EQ(sut.size(), committed);
  EXPECT_EQ(numbers(sut), (Values{5, 6}));
  EXPECT_TRUE(sut.last_recovery().took_over);
  EXPECT_GT(sut.last_recovery().reclaimed_bytes, 0U);
  EXPECT_EQ(sut.processes().size(), 2U);
  channel.tell_child();
  EXPECT_TRUE(bystander.succeeded());
  expect_sound(sut);
}

TEST_P(Holders, a_stopped_one_is_not_robbed_and_is_followed_once_it_is_killed) {
  const Channel channel;
  ForkedChild other = holder(channel, "the stopped one");
  channel.hear_child();
  Options hasty = how();
  hasty.lock_timeout = std::chrono::milliseconds(60);
  Store sut = open(hasty);
  other.stop();
  for (int i = 0; i < 3; ++i) {
    expect_error(errc::timeout, path(), {"the stopped one"}, [&] { push(sut, 6); });
  }
  EXPECT_EQ(sut.sequence(), 1U);
  other.kill_now();
  push(sut, 6);
  EXPECT_TRUE(sut.last_recovery().took_over);
  EXPECT_EQ(numbers(sut), Values{6});
  expect_sound(sut);
}

TEST_P(Holders, a_body_whose_lock_is_wiped_out_harms_nobody_and_cannot_commit) {
  const Channel channel;
  ForkedChild other([&] {
    Store store = open(how());
    WriteTransaction tx = store.begin_write();
    auto& all = tx.construct<Numbers>("other's", 50'000U, 1U);
    channel.tell_parent();
    channel.hear_parent();
    for (std::uint64_t& value : all) value = 2;
    try {
      tx.commit();
    } catch (const Error& error) {
      return error == errc::fenced;
    }
    return false;
  });
  Store sut = open(how());
  channel.hear_child();
  write_struct(path(), live_words_offset + offsetof(LiveWords, write_lock), std::uint64_t{0});
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("mine", 200'000U, 3U); });
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
  EXPECT_EQ(numbers(sut, "mine"), Values(200'000, 3));
  EXPECT_TRUE(numbers(sut, "other's").empty());
  expect_sound(sut);
}

TEST_P(Holders, recover_takes_over_without_writing) {
  const Channel channel;
  { const Store made = open(how()); }
  Store sut = open(how());
  const std::uint64_t committed = sut.size();
  // The fork inherits the handle but opens the store for itself.
  ForkedChild other = holder(channel, "to be killed");
  channel.hear_child();
  other.kill_now();
  const RecoveryReport report = sut.recover();
  EXPECT_TRUE(report.needed);
  EXPECT_TRUE(report.took_over);
  EXPECT_EQ(report.sequence, 1U);
  EXPECT_EQ(sut.size(), committed);
  EXPECT_FALSE(report.summary().empty());
}

TEST_P(Holders, a_dead_one_that_was_alone_is_recovered_from_at_the_next_open) {
  const Channel channel;
  {
    Store made = open(how());
    push(made, 5);
  }
  ForkedChild other = holder(channel, "to be killed");
  channel.hear_child();
  other.kill_now();
  Store sut = open(how());
  const RecoveryReport report = sut.last_recovery();
  EXPECT_TRUE(report.needed);
  EXPECT_GT(report.reclaimed_bytes, 0U);
  EXPECT_EQ(report.reaped_processes, 1U);
  EXPECT_EQ(numbers(sut), Values{5});
  push(sut, 6);
  EXPECT_EQ(numbers(sut), (Values{5, 6}));
  expect_sound(sut);
}

TEST_P(Holders, a_reader_that_dies_in_its_section_holds_nobody_up_for_long) {
  Store sut = open(how());
  Values expected;
  expect_in_time([&] {
    // Longer than is needed: cutting a file waits for sections, as a commit does not.
    sut.resize_file(4 << 20);
    const Channel channel;
    ForkedChild reader([&] {
      const Store store = open(how());
      const ReadTransaction section = store.begin_read();
      channel.tell_parent();
      channel.hear_parent();
      return true;
    });
    channel.hear_child();
    expected.push_back(expected.size());
    push(sut, expected.back());
    const std::uint64_t published =
        read_struct<std::uint64_t>(path(), live_words_offset + offsetof(LiveWords, published));
    EXPECT_LT(published, sut.sequence()) << "or the section is in nobody's way";
    reader.kill_now();
    const auto start = std::chrono::steady_clock::now();
    sut.shrink_to_usage();
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(sut.size(), 4U << 20);
    return took;
  });
  EXPECT_EQ(numbers(sut), expected);
  expect_sound(sut);
}

TEST_P(Holders, many_deaths_lose_no_acknowledged_commit) {
  constexpr std::uint64_t deaths = 40;
  const Channel channel;
  std::uint64_t acknowledged = 0;
  for (std::uint64_t round = 0; round < deaths; ++round) {
    ForkedChild writer([&] {
      Store store = open(how());
      for (std::uint64_t i = 0;; ++i) {
        push(store, numbers(store).size());
        if (i == round % 7) {
          channel.tell_parent(numbers(store).size());
        }
      }
      return true;
    });
    acknowledged = channel.hear_child();
    std::this_thread::sleep_for(std::chrono::microseconds(round * 97 % 1500));
    writer.kill_now();
    Store sut = open(how());
    const Values all = numbers(sut);
    ASSERT_GE(all.size(), acknowledged);
    for (std::uint64_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], i);
    if (round % 10 == 0) expect_sound(sut);
  }
  EXPECT_GE(acknowledged, deaths);
}

/// Locks of two processes on the same words, each with an open file of its own.
class TwoLocks : public ::testing::Test {
 protected:
  static constexpr WriteLock::Patience patience{std::chrono::seconds(1)};

  TwoLocks() {
    one_.claim("one", ~0U);
    two_.claim("two", ~0U);
  }

  TempDirectory directory_;
  File file_of_one_ = File::open_or_create(directory_ / "slots", 0600);
  File file_of_two_ = File::open_or_create(directory_ / "slots", 0600);
  std::vector<ProcessSlot> slots_{process_slot_count};
  ProcessTable one_{file_of_one_, slots_.data()};
  ProcessTable two_{file_of_two_, slots_.data()};
  LiveWords live_{};
  WriteLock sut_{live_, one_};
  WriteLock other_{live_, two_};
};

TEST_F(TwoLocks, who_takes_it_is_guarded_until_its_body_begins_and_from_its_end_on) {
  const WriteLock::Grant grant = sut_.acquire(patience, "store");
  EXPECT_TRUE(grant.changed_hands);
  EXPECT_EQ(sut_.owner_slot(), one_.own_slot());
  EXPECT_TRUE(sut_.is_guarded());
  EXPECT_EQ(live_.body, 0U);
  sut_.begin_body();
  EXPECT_FALSE(sut_.is_guarded());
  EXPECT_EQ(static_cast<std::uint32_t>(live_.body), one_.own_token());
  EXPECT_TRUE(sut_.begin_commit(grant.epoch));
  EXPECT_TRUE(sut_.is_guarded());
  sut_.release();
  EXPECT_EQ(live_.body, 0U);
  EXPECT_EQ(sut_.owner_slot(), ~0U);
  EXPECT_FALSE(sut_.acquire(patience, "store").changed_hands);
  sut_.release();
}

TEST_F(TwoLocks, each_body_has_a_name_of_its_own) {
  sut_.acquire(patience, "store");
  sut_.begin_body();
  const std::uint64_t first = live_.body;
  sut_.begin_commit(sut_.epoch());
  sut_.release();
  sut_.acquire(patience, "store");
  sut_.begin_body();
  EXPECT_NE(live_.body, first);
}

TEST_F(TwoLocks, a_fenced_owner_can_neither_commit_nor_release) {
  const std::uint64_t epoch = sut_.acquire(patience, "store").epoch;
  sut_.begin_body();
  const std::uint64_t body = live_.body;
  const WriteLock::Grant grant =
      other_.acquire({std::chrono::seconds(1), std::chrono::milliseconds(1)}, "store");
  EXPECT_TRUE(grant.fenced && grant.changed_hands && !grant.taken_over);
  EXPECT_GT(grant.epoch, epoch);
  EXPECT_TRUE(other_.is_guarded());
  EXPECT_EQ(live_.body, body) << "who may be storing must be known to whoever comes next";
  EXPECT_FALSE(sut_.is_held(epoch));
  EXPECT_FALSE(sut_.begin_commit(epoch));
  other_.release();
  EXPECT_FALSE(sut_.begin_commit(epoch));
}

TEST_F(TwoLocks, a_guarded_owner_is_not_fenced_but_named) {
  sut_.acquire(patience, "store");
  expect_error(errc::timeout, "store",
               {"30 ms", "\"one\"", "cannot be interrupted; if it is stopped, SIGCONT", "SIGKILL"},
               [&] {
                 other_.acquire({std::chrono::milliseconds(30), std::chrono::milliseconds(0), true},
                                "store");
               });
  // Of the process that waits, nobody is stopped.
  const Error own = error_of([&] { sut_.acquire({std::chrono::milliseconds(0)}, "store"); });
  EXPECT_TRUE(contains(own.what(), "which is this one; it is at what cannot be interrupted"))
      << own.what();
  EXPECT_FALSE(contains(own.what(), "SIGKILL")) << own.what();
  EXPECT_EQ(sut_.owner_slot(), one_.own_slot());
  sut_.release();
}

TEST_F(TwoLocks, an_active_owner_is_fenced_only_where_that_was_asked_for) {
  sut_.acquire(patience, "store");
  sut_.begin_body();
  expect_error(errc::timeout, "store",
               {"30 ms", "\"one\"", "Store::recover({.fence_live_owner = true}) can fence it"},
               [&] { other_.acquire({std::chrono::milliseconds(30)}, "store"); });
  const WriteLock::Patience until_timeout{std::chrono::milliseconds(30), std::nullopt, true};
  EXPECT_TRUE(other_.acquire(until_timeout, "store").fenced);
}

TEST_F(TwoLocks, only_the_body_that_was_meant_is_fenced) {
  sut_.acquire(patience, "store");
  sut_.begin_body();
  WriteLock::Patience mean_another{std::chrono::milliseconds(60), std::chrono::milliseconds(1)};
  mean_another.fence_body = live_.body - 1;
  expect_error(errc::timeout, "store", {"60 ms", "\"one\""},
               [&] { other_.acquire(mean_another, "store"); });
  mean_another.fence_body = live_.body.load();
  EXPECT_TRUE(other_.acquire(mean_another, "store").fenced);
}

TEST_F(TwoLocks, who_gave_it_back_unseen_is_told_that_it_changed_hands) {
  sut_.acquire(patience, "store");
  sut_.release();
  EXPECT_FALSE(sut_.acquire(patience, "store").changed_hands);
  sut_.release_unseen();
  EXPECT_TRUE(sut_.acquire(patience, "store").changed_hands);
  sut_.release();
}

TEST_F(TwoLocks, a_word_of_any_garbage_is_taken_over_or_ends_in_a_named_time_out) {
  const std::uint64_t own = two_.own_slot() + 1;
  for (const std::uint64_t garbage :
       {~std::uint64_t{0}, std::uint64_t{0xFFFF}, std::uint64_t{0x3F00}, std::uint64_t{77},
        std::uint64_t{0xABCD'0000'0000'4000}, std::uint64_t{0x8141}, std::uint64_t{0x7E00},
        std::uint64_t{0xFFFF'FFFF'FFFF'0000}}) {
    ASSERT_NE(garbage & 0xFF, own);
    live_.write_lock = garbage;
    other_.acquire(patience, "store");
    EXPECT_EQ(other_.owner_slot(), two_.own_slot()) << std::hex << garbage;
    other_.release();
    EXPECT_EQ(other_.owner_slot(), ~0U) << std::hex << garbage;
  }
  live_.write_lock = 0x100 + one_.own_slot() + 1U;
  expect_error(errc::timeout, "store", {"\"one\""},
               [&] { other_.acquire({std::chrono::milliseconds(20)}, "store"); });
}

TEST_F(TwoLocks, a_waiter_is_not_starved_by_one_that_takes_it_again_and_again) {
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> taken{0};
  std::thread greedy([&] {
    while (!stop) {
      sut_.acquire(patience, "store");
      ++taken;
      sut_.release();
    }
  });
  while (taken == 0) std::this_thread::yield();
  constexpr int turns = 20;
  for (int turn = 0; turn < turns; ++turn) {
    // Times out, and fails the test, where it starves.
    other_.acquire(patience, "store");
    other_.release();
  }
  stop = true;
  greedy.join();
  EXPECT_GT(taken, 0U);
}

}  // namespace
}  // namespace cairn::test

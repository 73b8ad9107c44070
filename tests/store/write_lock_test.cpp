// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/write_lock.hpp"

#include <thread>

#include "forked_child.hpp"
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
  const Channel channel;
  ForkedChild other = holder(channel, "the holder");
  channel.hear_child();
  Options hasty = how();
  hasty.lock_timeout = std::chrono::milliseconds(60);
  Store sut = open(hasty);
  const auto start = std::chrono::steady_clock::now();
  expect_error(errc::timeout, path(),
               {"60 ms", std::to_string(other.pid()), "the holder", "writing"},
               [&] { sut.begin_write(); });
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(60));
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
  { const Store made = open(how()); }
  const Channel channel;
  ForkedChild reader([&] {
    Store store = open(how());
    push(store, 1);
    const ReadTransaction section = store.begin_read();
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  Store sut = open(how());
  reader.kill_now();
  const auto start = std::chrono::steady_clock::now();
  push(sut, 2);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  EXPECT_EQ(numbers(sut), (Values{1, 2}));
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

TEST(WriteLock, refuses_to_commit_once_its_epoch_has_passed) {
  const TempDirectory directory;
  const File file = File::open_or_create(directory / "slots", 0600);
  std::vector<ProcessSlot> slots(process_slot_count);
  ProcessTable table(file, slots.data());
  table.claim("one", ~0U);
  std::atomic<std::uint64_t> word{0};
  WriteLock sut(word, table);
  EXPECT_TRUE(sut.acquire(std::chrono::seconds(1), "store").changed_hands);
  EXPECT_EQ(sut.owner_slot(), table.own_slot());
  word.fetch_add(1U << 16, std::memory_order_relaxed);  // fenced by somebody
  EXPECT_FALSE(sut.begin_commit());
  word.fetch_sub(1U << 16, std::memory_order_relaxed);
  EXPECT_TRUE(sut.begin_commit());
  sut.release();
  EXPECT_EQ(sut.owner_slot(), ~0U);
  EXPECT_FALSE(sut.acquire(std::chrono::seconds(1), "store").changed_hands);
  sut.release();
}

}  // namespace
}  // namespace cairn::test

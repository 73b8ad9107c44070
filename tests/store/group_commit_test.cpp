// SPDX-License-Identifier: BSL-1.0
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <string_view>
#include <thread>
#include <vector>

#include "cairn/mapping/drill_hooks.hpp"
#include "forked_child.hpp"
#include "slow_reader.hpp"
#include "sync_gate.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

using std::chrono::milliseconds;

/// Commits of several threads at level power, which give the write lock back before their sync.
class GroupCommit : public StoreTest {
 protected:
  GroupCommit() { push(sut_, 0); }
  ~GroupCommit() override { drill::set_io_observer(nullptr); }
  /// A commit of another thread that waits for its sync. Returns once it does.
  std::future<void> push_at(const SyncGate&, std::uint64_t value) {
    auto done = std::async(std::launch::async, [this, value] { push(sut_, value); });
    SyncGate::wait_for_arrival();
    return done;
  }
  static Options patient_options() {
    Options how = power_options();
    how.durability = Durability::deferred;
    how.deferred_delay = std::chrono::hours(1);
    how.verify_writes = false;
    return how;
  }
  /// Deferred commits of 32 KiB each.
  static void overwrite(Store& store, std::uint64_t times) {
    static std::atomic<std::uint64_t> round{0};
    for (std::uint64_t i = 0; i < times; ++i) {
      store.write([&](WriteTransaction& tx) {
        const std::uint64_t value = ++round;
        for (std::uint64_t& number : *tx.find<Numbers>("numbers")) number = value;
      });
    }
  }
  static bool is_pending(const std::future<void>& done) {
    return done.wait_for(milliseconds(20)) == std::future_status::timeout;
  }

  Store sut_ = open(power_options());
};

TEST_F(GroupCommit, threads_share_syncs) {
  constexpr std::uint64_t threads = 8;
  constexpr std::uint64_t commits = 40;
  const SyncGate gate(SyncGate::State::open);
  drill::set_io_observer([](const drill::IoOperation& operation) {
    // As slow as a disk, also where there is none.
    if (operation.kind == drill::IoKind::sync) std::this_thread::sleep_for(milliseconds(2));
    return 0;
  });
  std::vector<std::thread> all;
  for (std::uint64_t i = 0; i < threads; ++i) {
    all.emplace_back([this, i] {
      for (std::uint64_t k = 0; k < commits; ++k) push(sut_, i, "of " + std::to_string(i));
    });
  }
  for (std::thread& one : all) one.join();
  EXPECT_LE(SyncGate::count(), static_cast<int>(threads * commits / 2));
  for (std::uint64_t i = 0; i < threads; ++i) {
    EXPECT_EQ(numbers(sut_, "of " + std::to_string(i)), Values(commits, i));
  }
  expect_sound(sut_);
}

TEST_F(GroupCommit, nobody_reads_a_commit_before_it_is_durable_but_whoever_writes_next) {
  const SyncGate gate(SyncGate::State::closed);
  const std::uint64_t before = sut_.sequence();
  std::future<void> first = push_at(gate, 1);
  EXPECT_EQ(numbers(sut_), Values{0});
  EXPECT_EQ(sut_.sequence(), before);
  EXPECT_EQ(sut_.wait_for_change(before, milliseconds(20)), before);
  {
    WriteTransaction tx = sut_.begin_write();
    EXPECT_EQ(tx.find<Numbers>("numbers")->size(), 2U);
    SyncGate::open();
    // It waits for no lock: this thread has it.
    first.get();
    EXPECT_EQ(numbers(open(power_options())), (Values{0, 1}));
  }
  EXPECT_EQ(numbers(sut_), (Values{0, 1}));
  EXPECT_EQ(sut_.sequence(), before + 1);
}

TEST_F(GroupCommit, a_commit_returns_while_another_transaction_goes_on) {
  std::promise<void> begun;
  std::promise<void> end;
  std::thread other;
  {
    const SyncGate gate(SyncGate::State::closed);
    std::future<void> first = push_at(gate, 1);
    other = std::thread([&] {
      WriteTransaction tx = sut_.begin_write();
      begun.set_value();
      end.get_future().wait();
      tx.find<Numbers>("numbers")->push_back(2);
      tx.commit();
    });
    begun.get_future().wait();
    SyncGate::open();
    EXPECT_EQ(first.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  }
  EXPECT_EQ(numbers(sut_), (Values{0, 1})) << "by a view of its own";
  EXPECT_EQ(sut_.wait_for_change(sut_.sequence() - 1, milliseconds(0)), sut_.sequence());
  end.set_value();
  other.join();
  EXPECT_EQ(numbers(sut_), (Values{0, 1, 2}));
  expect_sound(sut_);
}

TEST_F(GroupCommit, who_read_what_is_not_durable_learns_that_its_transaction_ended_once_it_is) {
  for (const bool commits : {false, true}) {
    const SyncGate gate(SyncGate::State::closed);
    std::future<void> first = push_at(gate, 1);
    auto second = std::async(std::launch::async, [&] {
      WriteTransaction tx = sut_.begin_write();
      static_cast<void>(tx.find<Numbers>("numbers"));
      // Nothing is changed.
      if (commits) tx.commit();
    });
    EXPECT_TRUE(is_pending(second));
    SyncGate::open();
    second.get();
    first.get();
  }
}

TEST_F(GroupCommit, what_is_rolled_back_over_it_leaves_it_whole) {
  const SyncGate gate(SyncGate::State::closed);
  std::future<void> first = push_at(gate, 1);
  auto second = std::async(std::launch::async, [&] {
    WriteTransaction tx = sut_.begin_write();
    for (std::uint64_t i = 0; i < 1000; ++i) tx.find<Numbers>("numbers")->push_back(i);
  });
  EXPECT_TRUE(is_pending(second));
  SyncGate::open();
  first.get();
  second.get();
  push(sut_, 2);
  EXPECT_EQ(numbers(sut_), (Values{0, 1, 2}));
  expect_sound(sut_);
}

TEST_F(GroupCommit, a_failed_sync_fails_all_who_share_it) {
  std::future<void> first;
  std::future<void> second;
  {
    const SyncGate gate(SyncGate::State::closed);
    first = push_at(gate, 1);
    second = std::async(std::launch::async, [this] { push(sut_, 2); });
    EXPECT_TRUE(is_pending(second));
    drill::set_io_observer(&fail_syncs);
  }
  expect_error(errc::io, path(), {"open it again"}, [&] { first.get(); });
  expect_error(errc::io, path(), {"open it again"}, [&] { second.get(); });
  EXPECT_EQ(numbers(sut_), Values{0}) << "nobody sees what may not be on the disk";
  expect_error(errc::io, path(), {"sync failed"}, [&] { push(sut_, 3); });
  drill::set_io_observer(nullptr);
  expect_error(errc::io, path(), {"it is closed"}, [&] { sut_.close(); });
  const Store again = open(power_options());
  const Values survived = numbers(again);
  EXPECT_EQ(survived, Values(survived.size() == 1 ? Values{0} : Values{0, 1, 2}));
  expect_sound(again);
}

TEST_F(GroupCommit, closing_waits_for_commits_of_other_threads) {
  std::future<void> first;
  std::future<void> closed;
  {
    const SyncGate gate(SyncGate::State::closed);
    first = push_at(gate, 1);
    closed = std::async(std::launch::async, [this] { sut_.close(); });
    EXPECT_TRUE(is_pending(closed));
  }
  first.get();
  closed.get();
  const Store again = open(power_options());
  EXPECT_FALSE(again.last_recovery().needed);
  EXPECT_EQ(numbers(again), (Values{0, 1}));
}

TEST_F(GroupCommit, a_checkpoint_covers_what_was_appended_and_not_synced) {
  const SyncGate gate(SyncGate::State::closed);
  std::future<void> first = push_at(gate, 1);
  auto checkpoint = std::async(std::launch::async, [this] { sut_.checkpoint(); });
  EXPECT_TRUE(is_pending(checkpoint));
  SyncGate::open();
  first.get();
  checkpoint.get();
  EXPECT_EQ(numbers(sut_), (Values{0, 1}));
  std::uint64_t newest = 0;
  edit_meta_slots(
      path(), [&](const MetaSlot& slot) { newest = std::max(newest, slot.checkpoint_sequence); });
  EXPECT_EQ(newest, sut_.sequence());
}

/// It makes an Atomic, which changes in the shared image alone, so nobody may begin before it is
/// there.
TEST_F(GroupCommit, a_commit_that_makes_an_atomic_keeps_the_lock_until_it_is_published) {
  sut_.write(
      [](WriteTransaction& tx) { tx.construct<Atomic<std::uint64_t>>("first of its span"); });
  const SyncGate gate(SyncGate::State::closed);
  auto made = std::async(std::launch::async, [this] {
    sut_.write([](WriteTransaction& tx) { tx.construct<Atomic<std::uint64_t>>("second"); });
  });
  SyncGate::wait_for_arrival();
  auto next = std::async(std::launch::async, [this] {
    sut_.write([](WriteTransaction& tx) { tx.find<Atomic<std::uint64_t>>("second")->store(7); });
  });
  EXPECT_TRUE(is_pending(next));
  SyncGate::open();
  made.get();
  next.get();
  sut_.read([](const ReadTransaction& tx) {
    EXPECT_EQ(tx.find<Atomic<std::uint64_t>>("second")->load(), 7U);
  });
}

TEST_F(GroupCommit, what_sections_keep_back_is_durable_and_seen_all_the_same) {
  SlowReader reader(sut_);
  std::vector<std::thread> all;
  for (int i = 0; i < 4; ++i) {
    all.emplace_back([this] {
      for (int k = 0; k < 20; ++k) {
        push(sut_, 7);
        EXPECT_GT(numbers(sut_).size(), 1U);
      }
    });
  }
  for (std::thread& one : all) one.join();
  EXPECT_EQ(numbers(sut_).size(), 81U);
  reader.leave();
  EXPECT_EQ(numbers(sut_).size(), 81U);
  expect_sound(sut_);
}

/// Linux tells one of two callers that share an open file of an error, so a log that grows while
/// commits wait for a sync is synced after that.
TEST_F(GroupCommit, a_log_that_grows_is_synced_after_a_sync_that_is_under_way) {
  bool was_in_time = false;
  for (int attempt = 0; attempt < 5 && !was_in_time; ++attempt) {
    Store store = Store::open(path("of " + std::to_string(attempt)), patient_options());
    const LateCheckpoints late;
    store.write([](WriteTransaction& tx) { tx.construct<Numbers>("numbers").resize(4096); });
    // Full once, and once more but for two of these.
    overwrite(store, 33);
    const auto full = std::chrono::steady_clock::now();
    overwrite(store, 26);
    store.sync();
    std::future<void> grown;
    {
      const SyncGate gate(SyncGate::State::closed);
      auto first = std::async(std::launch::async, [&] {
        LateCheckpoints::commit_here();
        store.write(Durability::power,
                    [](WriteTransaction& tx) { tx.find<Numbers>("numbers")->front() = 0; });
      });
      SyncGate::wait_for_arrival();
      grown = std::async(std::launch::async, [&] {
        LateCheckpoints::commit_here();
        overwrite(store, 8);
      });
      const bool waits = grown.wait_for(milliseconds(150)) == std::future_status::timeout;
      was_in_time = std::chrono::steady_clock::now() - full < milliseconds(400);
      EXPECT_TRUE(waits || !was_in_time);
      SyncGate::open();
      first.get();
    }
    grown.get();
  }
  EXPECT_TRUE(was_in_time);
}

/// The lock is nobody's then, so nobody takes over.
TEST_F(GroupCommit, a_writer_that_dies_before_its_sync_leaves_a_commit_that_the_next_one_syncs) {
  ForkedChild writer([&] {
    Store store = open(power_options());
    drill::set_crash_observer([](const char* point) {
      if (std::string_view(point) == "commit.sync_log") ::raise(SIGKILL);
    });
    push(store, 1);
    return true;
  });
  EXPECT_TRUE(writer.was_killed());
  EXPECT_EQ(numbers(sut_), Values{0}) << "it is not durable";
  const SyncGate gate(SyncGate::State::open);
  {
    WriteTransaction tx = sut_.begin_write();
    EXPECT_EQ(tx.find<Numbers>("numbers")->size(), 2U);
  }
  EXPECT_EQ(SyncGate::count(), 1);
  EXPECT_EQ(numbers(sut_), (Values{0, 1})) << "who rolled back over it waited for it";
}

}  // namespace
}  // namespace cairn::test

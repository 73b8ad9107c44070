// SPDX-License-Identifier: BSL-1.0
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <thread>

#include "cairn/mapping/drill_hooks.hpp"
#include "forked_child.hpp"
#include "sync_gate.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// Commits that nobody waits for.
class Deferred : public StoreTest {
 protected:
  Deferred() {
    push(sut_, 0);
    sut_.sync();
    SyncGate::reset_count();
  }
  ~Deferred() override { drill::set_io_observer(nullptr); }
  static Options deferred_options() {
    Options how = options();
    how.durability = Durability::deferred;
    return how;
  }

  /// More than the ring holds, in less than half a second unless the machine is very busy.
  void fill_log() {
    sut_.write([](WriteTransaction& tx) { tx.find<Numbers>("numbers")->resize(4096); });
    for (std::uint64_t i = 1; i <= 300; ++i) {
      sut_.write([i](WriteTransaction& tx) {
        for (std::uint64_t& number : *tx.find<Numbers>("numbers")) number = i;
      });
    }
    sut_.sync();
  }

  Store sut_ = open(deferred_options());
  SyncGate gate_{SyncGate::State::open};
};

TEST_F(Deferred, a_commit_returns_before_its_sync_and_is_seen_after_it) {
  EXPECT_EQ(sut_.durability(), Durability::deferred);
  SyncGate::close();
  const std::uint64_t before = sut_.sequence();
  WriteTransaction tx = sut_.begin_write();
  tx.find<Numbers>("numbers")->push_back(1);
  const std::uint64_t ticket = tx.commit();
  EXPECT_EQ(ticket, before + 1);
  EXPECT_EQ(numbers(sut_), Values{0});
  EXPECT_EQ(sut_.sequence(), before);
  SyncGate::open();
  EXPECT_EQ(sut_.wait_for_change(before, std::chrono::seconds(30)), ticket);
  EXPECT_EQ(numbers(sut_), (Values{0, 1}));
}

/// How long the sync itself takes is the disk's affair.
TEST_F(Deferred, its_sync_begins_within_its_bound) {
  constexpr milliseconds bound{10};
  Clock::duration best = Clock::duration::max();
  // A busy machine is slow now and then, but not each time.
  for (std::uint64_t attempt = 0; attempt < 20 && best > bound; ++attempt) {
    const std::uint64_t before = sut_.sequence();
    SyncGate::reset_count();
    const auto start = Clock::now();
    push(sut_, attempt);
    SyncGate::wait_for_arrival();
    best = std::min(best, Clock::now() - start);
    sut_.wait_for_change(before, std::chrono::seconds(30));
  }
  EXPECT_LE(best, bound);
}

TEST_F(Deferred, many_share_a_sync) {
  Options patient = deferred_options();
  patient.deferred_delay = std::chrono::hours(1);
  Store store = Store::open(path("patient"), patient);
  push(store, 0);
  store.sync();
  SyncGate::reset_count();
  for (std::uint64_t i = 1; i <= 200; ++i) push(store, i);
  store.sync();
  EXPECT_EQ(numbers(store).size(), 201U);
  EXPECT_LE(SyncGate::count(), 3) << "the heap grows now and then, and that is synced at once";
  expect_sound(store);
}

/// What comes while one sync is under way waits no longer for the next than any other.
TEST_F(Deferred, one_that_comes_during_a_sync_waits_from_then_on_and_not_from_its_end) {
  constexpr milliseconds delay{500};
  Options slow = deferred_options();
  slow.deferred_delay = delay;
  Store store = Store::open(path("slow"), slow);
  push(store, 0);
  store.sync();
  Clock::duration best = Clock::duration::max();
  // The first sync itself may be slow now and then, but not each time.
  for (std::uint64_t attempt = 0; attempt < 5 && best > delay / 2; ++attempt) {
    SyncGate::close();
    SyncGate::reset_count();
    push(store, attempt);
    SyncGate::wait_for_arrival();
    push(store, attempt);
    std::this_thread::sleep_for(delay);
    const auto end = Clock::now();
    SyncGate::open();
    SyncGate::wait_for_arrival(2);
    best = std::min(best, Clock::now() - end);
    store.sync();
  }
  EXPECT_LE(best, delay / 2);
}

TEST_F(Deferred, a_log_that_is_full_of_them_is_synced_and_does_not_grow) {
  Options small = deferred_options();
  small.log_bytes = 256 << 10;
  small.verify_writes = false;
  Store store = Store::open(path("small"), small);
  push(store, 0);
  store.sync();
  const auto log_bytes = std::filesystem::file_size(path("small") + "-log");
  SyncGate::open();
  for (std::uint64_t i = 1; i <= 3000; ++i) push(store, i);
  store.sync();
  EXPECT_EQ(numbers(store).size(), 3001U);
  EXPECT_EQ(std::filesystem::file_size(path("small") + "-log"), log_bytes);
  expect_sound(store);
}

TEST_F(Deferred, syncing_waits_for_all_before_and_needs_no_sync_where_there_is_nothing) {
  push(sut_, 1);
  sut_.sync();
  EXPECT_EQ(numbers(sut_), (Values{0, 1}));
  const int before = SyncGate::count();
  sut_.sync();
  EXPECT_EQ(SyncGate::count(), before);
}

TEST_F(Deferred, one_that_is_not_deferred_waits_for_those_before_it) {
  push(sut_, 1);
  sut_.write(Durability::power,
             [](WriteTransaction& tx) { tx.find<Numbers>("numbers")->push_back(2); });
  EXPECT_EQ(numbers(sut_), (Values{0, 1, 2}));
}

TEST_F(Deferred, letting_the_last_handle_go_leaves_none_behind) {
  {
    Store last = Store::open(path("other"), deferred_options());
    push(last, 0);
    last.sync();
    SyncGate::reset_count();
    push(last, 1);
  }
  EXPECT_GE(SyncGate::count(), 1);
  EXPECT_EQ(numbers(Store::open(path("other"), deferred_options())), (Values{0, 1}));
}

TEST_F(Deferred, closing_makes_them_durable) {
  push(sut_, 1);
  sut_.close();
  const Store again = open(deferred_options());
  EXPECT_FALSE(again.last_recovery().needed);
  EXPECT_EQ(numbers(again), (Values{0, 1}));
}

TEST_F(Deferred, a_failed_sync_is_told_by_who_syncs_and_by_who_writes) {
  drill::set_io_observer(&fail_syncs);
  push(sut_, 1);
  expect_error(errc::io, path(), {"sync failed"}, [&] { sut_.sync(); });
  expect_error(errc::io, path(), {"sync failed"}, [&] { push(sut_, 2); });
  EXPECT_EQ(numbers(sut_), Values{0});
}

TEST_F(Deferred, a_process_that_is_killed_loses_none) {
  ForkedChild writer([&] {
    Store store = open(deferred_options());
    drill::set_crash_observer(nullptr);
    for (std::uint64_t i = 1; i <= 50; ++i) push(store, i);
    ::raise(SIGKILL);
    return true;
  });
  EXPECT_TRUE(writer.was_killed());
  push(sut_, 51);
  sut_.sync();
  EXPECT_EQ(numbers(sut_).size(), 52U);
  expect_sound(sut_);
}

TEST_F(Deferred, what_a_dead_process_left_unsynced_is_synced_by_whoever_asks_for_it) {
  enum class Asks { syncs, opens, waits };
  for (const Asks way : {Asks::syncs, Asks::opens, Asks::waits}) {
    ForkedChild writer([&] {
      Store store = open(deferred_options());
      drill::set_crash_observer(nullptr);
      push(store, 1);
      ::raise(SIGKILL);
      return true;
    });
    EXPECT_TRUE(writer.was_killed());
    const std::uint64_t before = sut_.sequence();
    switch (way) {
      case Asks::syncs: sut_.sync(); break;
      case Asks::opens: {
        ForkedChild opener([&] { return open(deferred_options()).sequence() == before + 1; });
        EXPECT_TRUE(opener.succeeded());
        break;
      }
      case Asks::waits: sut_.wait_for_change(before, std::chrono::seconds(30)); break;
    }
    EXPECT_EQ(sut_.sequence(), before + 1);
  }
}

TEST_F(Deferred, of_who_died_in_the_next_transaction_are_seen_after_a_sync) {
  ForkedChild writer([&] {
    Store store = open(deferred_options());
    drill::set_crash_observer(nullptr);
    push(store, 1);
    WriteTransaction tx = store.begin_write();
    ::raise(SIGKILL);
    return true;
  });
  EXPECT_TRUE(writer.was_killed());
  sut_.sync();
  EXPECT_EQ(numbers(sut_), (Values{0, 1}));
}

TEST_F(Deferred, a_log_that_is_filled_too_fast_grows_and_is_cut_by_closing) {
  const auto before = std::filesystem::file_size(path() + "-log");
  {
    const LateCheckpoints late;
    fill_log();
  }
  EXPECT_GT(std::filesystem::file_size(path() + "-log"), before);
  expect_sound(sut_);
  sut_.close();
  EXPECT_EQ(std::filesystem::file_size(path() + "-log"), before);
}

TEST_F(Deferred, where_there_is_no_room_for_a_longer_log_commits_go_on) {
  const auto before = std::filesystem::file_size(path() + "-log");
  {
    const LateCheckpoints late;
    drill::set_io_observer([](const drill::IoOperation& operation) {
      const bool is_allocation = operation.kind == drill::IoKind::allocate;
      return is_allocation ? ENOSPC : LateCheckpoints::pass(operation);
    });
    fill_log();
  }
  EXPECT_EQ(std::filesystem::file_size(path() + "-log"), before);
  expect_sound(sut_);
}

TEST_F(Deferred, a_child_that_is_forked_has_neither_thread_nor_commits) {
  push(sut_, 1);
  ForkedChild child([&] {
    try {
      sut_.sync();
      return false;
    } catch (const Error& error) {
      return error == errc::forked;
    }
  });
  EXPECT_TRUE(child.succeeded());
  sut_.sync();
  EXPECT_EQ(numbers(sut_), (Values{0, 1}));
}

TEST_F(Deferred, a_store_of_level_process_has_no_such_level) {
  Store process = Store::open(path("process"), options());
  expect_error(errc::durability_mismatch, path("process"), {}, [&] {
    process.write(Durability::deferred,
                  [](WriteTransaction& tx) { tx.construct<Numbers>("numbers"); });
  });
  expect_error(errc::durability_mismatch, path("process"), {},
               [&] { Store::open(path("process"), deferred_options()); });
}

}  // namespace
}  // namespace cairn::test

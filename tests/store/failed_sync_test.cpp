// SPDX-License-Identifier: BSL-1.0
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <future>
#include <optional>

#include "cairn/mapping/drill_hooks.hpp"
#include "forked_child.hpp"
#include "sync_gate.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

/// A sync that fails in one process, and what the others are told. The next sync would succeed
/// although what the failed one was to write is lost, so nobody may go by it.
class FailedSync : public StoreTest {
 protected:
  FailedSync() { push(sut_, 0); }
  ~FailedSync() override { drill::set_io_observer(nullptr); }

  /// The next sync of this process fails, and no other one.
  static void fail_next_sync(int with) {
    system_errno = with;
    drill::set_io_observer([](const drill::IoOperation& operation) {
      return operation.kind == drill::IoKind::sync ? system_errno.exchange(0) : 0;
    });
  }
  /// As though it were killed right after the system told it, before it could tell anybody.
  static void be_killed_in_next_sync() {
    drill::set_io_observer([](const drill::IoOperation& operation) {
      if (operation.kind == drill::IoKind::sync) ::raise(SIGKILL);
      return 0;
    });
  }
  void expect_refused(Store& store) const {
    expect_error(errc::io, path(), {"sync failed"}, [&] { push(store, 9); });
    expect_error(errc::io, path(), {"sync failed"}, [&] { store.sync(); });
    expect_error(errc::io, path(), {"sync failed"}, [&] { store.checkpoint(); });
    expect_error(errc::io, path(), {"sync failed"}, [&] { store.resize_file(8 << 20); });
    expect_error(errc::io, path(), {"sync failed"}, [&] { store.shrink_to_usage(); });
  }
  /// The last call that can tell it; the store is closed all the same.
  void expect_told_by_closing(Store& store) const {
    expect_error(errc::io, path(), {"it is closed"}, [&] { store.close(); });
    expect_error(errc::closed, path(), {}, [&] { store.sync(); });
  }
  /// Closed everywhere and opened again it holds the first of `all`, at least so many.
  void expect_recovered(const Values& all, std::size_t least) {
    expect_told_by_closing(sut_);
    Store again = open(power_options());
    const RecoveryReport report = again.last_recovery();
    EXPECT_TRUE(report.needed && report.sync_failed);
    EXPECT_TRUE(contains(report.summary(), "after a failed sync")) << report.summary();
    EXPECT_FALSE(contains(report.summary(), "killed")) << report.summary();
    const Values found = numbers(again);
    EXPECT_GE(found.size(), least);
    ASSERT_LE(found.size(), all.size());
    EXPECT_TRUE(std::equal(found.begin(), found.end(), all.begin()));
    push(again, 100);
    EXPECT_EQ(numbers(again).size(), found.size() + 1);
    expect_sound(again);
    again.close();
    EXPECT_FALSE(open(power_options()).last_recovery().sync_failed) << "it is told once";
  }

  static inline std::atomic<int> system_errno{0};
  Store sut_ = open(power_options());
};

TEST_F(FailedSync, is_told_to_every_process_by_name_whatever_the_reason) {
  for (const int reason : {EIO, ENOSPC, EDQUOT}) {
    SCOPED_TRACE(reason);
    const Values before = numbers(sut_);
    const Channel channel;
    ForkedChild other([&] {
      Store store = open(power_options());
      fail_next_sync(reason);
      const Error error = error_of([&] { push(store, 1); });
      EXPECT_EQ(error.code(), make_error_code(errc::io)) << error.what();
      EXPECT_EQ(error.system_errno(), reason);
      channel.tell_parent();
      expect_refused(store);
      EXPECT_EQ(numbers(store), before);
      channel.hear_parent();
      expect_told_by_closing(store);
      return !HasFailure();
    });
    channel.hear_child();
    expect_refused(sut_);
    EXPECT_EQ(numbers(sut_), before);
    // Who joins is told as well, and reads as well.
    EXPECT_TRUE(ForkedChild([&] {
                  Store store = open(power_options());
                  expect_refused(store);
                  return numbers(store) == before && !HasFailure();
                }).succeeded());
    channel.tell_child();
    EXPECT_TRUE(other.succeeded());
    Values with = before;
    with.push_back(1);
    expect_recovered(with, before.size());
    sut_ = open(power_options());
  }
}

TEST_F(FailedSync, of_the_data_file_commits_nothing_and_is_told_as_well) {
  const auto grow = [](Store& store) {
    store.write([](WriteTransaction& tx) { tx.construct<Numbers>("big", 300'000U, 1U); });
  };
  const Channel channel;
  ForkedChild other([&] {
    Store store = open(power_options());
    fail_next_sync(EIO);
    expect_error(errc::io, path(), {"sync failed"}, [&] { grow(store); });
    channel.tell_parent();
    channel.hear_parent();
    return !HasFailure();
  });
  channel.hear_child();
  expect_refused(sut_);
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
  expect_recovered({0}, 1);
  sut_ = open(power_options());
  EXPECT_TRUE(numbers(sut_, "big").empty());
  grow(sut_);
}

/// The system reports the failure once for each open file, so whoever had the file open before is
/// told by its own next sync.
TEST_F(FailedSync, of_a_process_that_was_killed_before_it_could_tell_is_found_by_the_next) {
  ForkedChild other([&] {
    Store store = open(power_options());
    be_killed_in_next_sync();
    push(store, 1);
    return false;
  });
  EXPECT_TRUE(other.was_killed());
  fail_next_sync(EIO);
  expect_error(errc::io, path(), {"sync failed"}, [&] { push(sut_, 2); });
  expect_refused(sut_);
  EXPECT_EQ(numbers(sut_), Values{0});
  // Neither was acknowledged.
  expect_recovered({0, 1, 2}, 1);
}

TEST_F(FailedSync, under_a_deferred_commit_is_told_to_who_writes_in_another_process) {
  const Channel channel;
  ForkedChild other([&] {
    Options deferring = power_options();
    deferring.durability = Durability::deferred;
    deferring.deferred_delay = std::chrono::milliseconds(1);
    Store store = open(deferring);
    fail_next_sync(EIO);
    push(store, 1);
    while (system_errno != 0) ::usleep(1000);
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  // The thread there has been told, and may be about to tell.
  for (int looks = 0; looks < 1000; ++looks) {
    try {
      sut_.sync();
    } catch (const Error&) {
      break;
    }
    ::usleep(1000);
  }
  expect_refused(sut_);
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
  expect_recovered({0, 1}, 1);
}

TEST_F(FailedSync, a_child_that_is_forked_while_a_thread_syncs_is_free_of_it) {
  std::optional<Store> sut = std::move(sut_);
  auto gate = std::make_optional<SyncGate>(SyncGate::State::closed);
  auto leader = std::async(std::launch::async, [&] { push(*sut, 1); });
  SyncGate::wait_for_arrival();
  auto follower = std::async(std::launch::async, [&] { push(*sut, 2); });
  EXPECT_TRUE(ForkedChild([&] {
                ::alarm(30);
                drill::set_crash_observer(nullptr);
                expect_error(errc::forked, path(), {}, [&] { push(*sut, 3); });
                expect_error(errc::forked, path(), {}, [&] { sut->sync(); });
                expect_error(errc::forked, path(), {}, [&] { sut->close(); });
                sut.reset();
                // For itself it may open it, and sync what the leader has not.
                Store own = open(power_options());
                push(own, 4);
                return numbers(own).back() == 4 && !HasFailure();
              }).succeeded());
  gate->open();
  leader.get();
  follower.get();
  gate.reset();
  EXPECT_EQ(numbers(*sut).size(), 4U);
  expect_sound(*sut);
}

}  // namespace
}  // namespace cairn::test

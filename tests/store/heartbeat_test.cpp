// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/heartbeat.hpp"

#include <optional>
#include <thread>

#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

/// Threads of this process.
std::size_t thread_count() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

class HeartbeatTest : public StoreTest {
 protected:
  static Options beating() {
    Options how = options();
    how.heartbeat_interval = std::chrono::milliseconds(1);
    return how;
  }
  /// The word itself: ages are too coarse for a test.
  std::uint64_t heartbeat() const {
    return read_struct<std::uint64_t>(path(),
                                      process_table_offset + offsetof(ProcessSlot, heartbeat_ns));
  }
  void forget_heartbeat() const {
    write_struct(path(), process_table_offset + offsetof(ProcessSlot, heartbeat_ns),
                 std::uint64_t{1});
  }
  bool comes_back() const {
    forget_heartbeat();
    for (int look = 0; look < 30'000 && heartbeat() == 1; ++look) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return heartbeat() != 1;
  }
  /// Waits for threads that were joined to be gone from the list as well.
  static bool only_this_thread_is_left() {
    for (int look = 0; look < 30'000 && thread_count() != 1; ++look) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return thread_count() == 1;
  }
};

TEST_F(HeartbeatTest, a_transaction_and_an_explicit_beat_renew_it_and_a_section_does_not) {
  Store sut = open();
  forget_heartbeat();
  EXPECT_EQ(sut.read([](const ReadTransaction& tx) { return tx.sequence(); }), 1U);
  EXPECT_EQ(heartbeat(), 1U);
  push(sut, 1);
  EXPECT_NE(heartbeat(), 1U);
  forget_heartbeat();
  sut.update_heartbeat();
  EXPECT_NE(heartbeat(), 1U);
}

TEST_F(HeartbeatTest, a_thread_renews_it_until_the_store_is_closed) {
  EXPECT_TRUE(ForkedChild([&] {
                const std::size_t before = thread_count();
                Store sut = open(beating());
                if (thread_count() != before + 1 || !comes_back()) return false;
                sut.close();
                return before == 1 && only_this_thread_is_left();
              }).succeeded());
}

TEST_F(HeartbeatTest, letting_the_handle_go_ends_the_thread_too) {
  EXPECT_TRUE(ForkedChild([&] {
                { const Store sut = open(beating()); }
                return only_this_thread_is_left();
              }).succeeded());
}

TEST_F(HeartbeatTest, without_an_interval_there_is_no_thread) {
  EXPECT_TRUE(ForkedChild([&] {
                const Store sut = open();
                return thread_count() == 1;
              }).succeeded());
}

TEST_F(HeartbeatTest, the_thread_takes_no_signal_of_the_programs) {
  EXPECT_TRUE(ForkedChild([&] {
                sigset_t mine;
                ::sigemptyset(&mine);
                ::sigaddset(&mine, SIGUSR1);
                const Store sut = open(beating());
                // Blocked here; taken by any thread that does not block it, which would be death.
                ::pthread_sigmask(SIG_BLOCK, &mine, nullptr);
                ::kill(::getpid(), SIGUSR1);
                const timespec patience{30, 0};
                return ::sigtimedwait(&mine, nullptr, &patience) == SIGUSR1 && comes_back();
              }).succeeded());
}

TEST_F(HeartbeatTest, a_forked_child_has_none_and_the_parents_goes_on) {
  std::optional<Store> sut = open(beating());
  EXPECT_TRUE(ForkedChild([&] {
                const bool refused = error_of([&] { sut->update_heartbeat(); }) == errc::forked;
                sut.reset();  // must neither wait for a thread that is not here nor end the process
                return refused && thread_count() == 1;
              }).succeeded());
  EXPECT_TRUE(comes_back());
  EXPECT_TRUE(ForkedChild([&] {
                const Store own = Store::open(path(), beating());
                return thread_count() == 2;
              }).succeeded());
  EXPECT_TRUE(comes_back());
}

TEST_F(HeartbeatTest, one_of_long_ago_is_shown_and_nobody_is_evicted_for_it) {
  const Channel channel;
  ForkedChild other([&] {
    Options named = options();
    named.label = "the silent one";
    Store store = open(named);
    WriteTransaction tx = store.begin_write();
    tx.construct<Numbers>("numbers").push_back(1);
    channel.tell_parent();
    channel.hear_parent();
    tx.commit();
    return true;
  });
  channel.hear_child();
  forget_heartbeat();
  Options hasty = options();
  hasty.lock_timeout = std::chrono::milliseconds(60);
  Store sut = open(hasty);
  const ProcessInfo row = sut.processes().at(0);
  EXPECT_EQ(row.pid, static_cast<std::uint32_t>(other.pid()));
  EXPECT_TRUE(row.alive);
  EXPECT_GT(row.heartbeat_age, std::chrono::seconds(1)) << "since this system was started";
  expect_error(errc::timeout, path(), {"the silent one"}, [&] { push(sut, 2); });
  expect_error(errc::timeout, path(), {"the silent one"}, [&] { sut.recover(); });
  EXPECT_EQ(heartbeat(), 1U) << "or it was not of long ago any more";
  channel.tell_child();
  EXPECT_TRUE(other.succeeded()) << "its transaction was ended";
  EXPECT_EQ(numbers(sut), Values{1});
  push(sut, 2);
}

TEST_F(HeartbeatTest, a_closed_store_refuses_to_beat) {
  Store sut = open(beating());
  sut.close();
  EXPECT_EQ(error_of([&] { sut.update_heartbeat(); }).code(), errc::closed);
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#include <signal.h>

#include <atomic>
#include <string_view>
#include <thread>

#include "cairn/mapping/drill_hooks.hpp"
#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

using std::chrono::milliseconds;

/// What an exception or a death breaks off is taken up again by whoever comes next.
class BrokenOff : public StoreTest {
 protected:
  /// A thread that keeps a read section open until it is told to end.
  class SlowReader {
   public:
    explicit SlowReader(const Store& store) : thread_([this, &store] { run(store); }) {
      while (!inside_.load()) std::this_thread::yield();
    }
    ~SlowReader() { leave(); }
    void leave() {
      leave_.store(true);
      if (thread_.joinable()) thread_.join();
    }

   private:
    void run(const Store& store) {
      const ReadTransaction section = store.begin_read();
      inside_.store(true);
      while (!leave_.load()) std::this_thread::sleep_for(milliseconds(1));
    }
    std::atomic<bool> inside_{false};
    std::atomic<bool> leave_{false};
    std::thread thread_;
  };
};

TEST_F(BrokenOff, a_commit_that_stands_survives_a_catch_up_that_timed_out) {
  Options how = options();
  how.reader_timeout = milliseconds(30);
  Store sut = open(how);
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("numbers").resize(10'000); });
  SlowReader reader(sut);
  const auto set = [](std::uint64_t index, std::uint64_t value) {
    return [=](WriteTransaction& tx) { (*tx.find<Numbers>("numbers"))[index] = value; };
  };
  expect_error(errc::timeout, path(), {"stands"}, [&] { sut.write(set(0, 2)); });
  expect_error(errc::timeout, path(), {"stands"}, [&] { sut.begin_write(); });
  expect_error(errc::timeout, path(), {"stands"}, [&] { sut.begin_write(); });
  reader.leave();
  sut.write(set(9'000, 3));
  const auto found = numbers(sut);
  EXPECT_EQ(found[0], 2U);
  EXPECT_EQ(found[9'000], 3U);
  expect_sound(sut);
}

TEST_F(BrokenOff, closing_is_refused_while_a_section_is_open) {
  Store sut = open();
  push(sut, 1);
  {
    const SlowReader reader(sut);
    expect_error(errc::transaction_active, path(), {"section"}, [&] { sut.close(); });
  }
  sut.close();
}

TEST_F(BrokenOff, closing_is_refused_while_a_transaction_is_open_also_beside_other_processes) {
  const Channel channel;
  ForkedChild other([&] {
    const Store store = open();
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  Store sut = open();
  {
    WriteTransaction tx = sut.begin_write();
    tx.construct<Numbers>("numbers").push_back(7);
    expect_error(errc::transaction_active, path(), {}, [&] { sut.close(); });
    tx.commit();
  }
  sut.close();
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
  EXPECT_EQ(numbers(open()), (Values{7}));
}

#if defined(CAIRN_DRILLS) && CAIRN_DRILLS
int log_syncs_before_first_store = 0;
bool stored = false;

int count_syncs(const drill::IoOperation& operation) {
  if (operation.kind == drill::IoKind::sync && !stored) ++log_syncs_before_first_store;
  // The first store that a recovery makes into the heap is of the record it shows.
  if (operation.kind == drill::IoKind::store && operation.offset >= heap_begin) stored = true;
  return 0;
}

TEST_F(BrokenOff, recovery_syncs_a_commit_before_it_shows_it) {
  { push(*std::make_unique<Store>(open(power_options())), 1); }
  ForkedChild writer([&] {
    Store store = open(power_options());
    drill::set_crash_observer([](const char* name) {
      if (std::string_view(name) == "commit.sync_log") ::raise(SIGKILL);
    });
    push(store, 2);
    return true;
  });
  EXPECT_FALSE(writer.succeeded());
  drill::set_io_observer(&count_syncs);
  const Store sut = open(power_options());
  drill::set_io_observer(nullptr);
  EXPECT_TRUE(sut.last_recovery().needed);
  EXPECT_EQ(numbers(sut), (Values{1, 2}));
  EXPECT_TRUE(stored);
  EXPECT_GE(log_syncs_before_first_store, 1);
}

const Store* watched_store = nullptr;
RecoveryReport seen_in_the_middle;

TEST_F(BrokenOff, a_report_is_not_shown_before_it_is_whole) {
  const Channel channel;
  ForkedChild writer([&] {
    Store store = open();
    push(store, 1);
    const WriteTransaction tx = store.begin_write();
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  Store sut = open();
  writer.kill_now();
  watched_store = &sut;
  drill::set_crash_observer([](const char* name) {
    if (std::string_view(name) == "takeover.cut") {
      seen_in_the_middle = watched_store->last_recovery();
    }
  });
  push(sut, 2);
  drill::set_crash_observer(nullptr);
  EXPECT_FALSE(seen_in_the_middle.took_over);
  EXPECT_EQ(seen_in_the_middle.sequence, 2U) << "what opening reported";
  EXPECT_TRUE(sut.last_recovery().took_over);
  EXPECT_EQ(sut.last_recovery().sequence, 2U);
}
#endif

}  // namespace
}  // namespace cairn::test

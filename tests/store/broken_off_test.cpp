// SPDX-License-Identifier: BSL-1.0
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <string_view>
#include <thread>

#include "cairn/mapping/drill_hooks.hpp"
#include "cairn/store/process_table.hpp"
#include "forked_child.hpp"
#include "newest_meta.hpp"
#include "slow_reader.hpp"
#include "sync_gate.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

using std::chrono::milliseconds;

/// What an exception or a death breaks off is taken up again by whoever comes next.
class BrokenOff : public StoreTest {};

TEST_F(BrokenOff, closing_is_refused_while_a_section_is_open) {
  Store sut = open();
  push(sut, 1);
  {
    const SlowReader reader(sut);
    expect_error(errc::transaction_active, path(), {"read section", "before closing"},
                 [&] { sut.close(); });
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
    expect_error(errc::transaction_active, path(), {"write transaction", "before closing"},
                 [&] { sut.close(); });
    tx.commit();
  }
  sut.close();
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
  EXPECT_EQ(numbers(open()), (Values{7}));
}

/// The message of somebody who opens the store in vain.
std::string told_to_wait(const std::string& path, Options how) {
  how.lock_timeout = milliseconds(40);
  const Error error = error_of([&] { Store::open(path, how); });
  EXPECT_EQ(error.code(), make_error_code(errc::timeout)) << error.what();
  return error.what();
}

TEST_F(BrokenOff, who_waits_for_an_opener_that_left_no_name_is_told_so) {
  { const Store made = open(); }
  const Channel channel;
  ForkedChild dead([&] {
    const Store store = open();
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  const auto nonce = read_struct<std::uint64_t>(path(), process_table_offset);
  const auto token_of_dead = static_cast<std::uint32_t>(nonce >> 40 << 8) | 1;
  dead.kill_now();
  const File own = File::open(path(), File::Access::read_write);
  const ByteLock opening = ByteLock::try_acquire(own, 0);
  ASSERT_TRUE(opening);
  for (const std::uint32_t noted : {0U, ~0U, 0xDEADBE02U, token_of_dead}) {
    write_struct(path(), live_words_offset + offsetof(LiveWords, opener), noted);
    const std::string text = told_to_wait(path(), options());
    EXPECT_TRUE(contains(text, "another process is still opening or closing the store")) << text;
  }
}

#if defined(CAIRN_DRILLS) && CAIRN_DRILLS
std::string_view point_to_stop_at;

void stop_there(const char* point) {
  if (point == point_to_stop_at) ::raise(SIGSTOP);
}

void expect_stopped(const ForkedChild& child) {
  int status = 0;
  ASSERT_EQ(::waitpid(child.pid(), &status, WUNTRACED), child.pid());
  ASSERT_TRUE(WIFSTOPPED(status));
}

TEST_F(BrokenOff, who_waits_to_open_is_told_by_whom) {
  { const Store made = open(); }
  struct Wait {
    const char* point;
    const char* phase;
  };
  for (const auto& [point, phase] : {Wait{"recover.begin", "recovering"}, {"close.looked", ""}}) {
    ForkedChild first([&, at = point] {
      point_to_stop_at = at;
      drill::set_crash_observer(&stop_there);
      Options how = options();
      how.label = "the first";
      Store store = open(how);
      store.close();
      return true;
    });
    expect_stopped(first);
    const std::string text = told_to_wait(path(), options());
    const std::string name = "process " + std::to_string(first.pid()) + " \"the first\", ";
    EXPECT_TRUE(contains(text, name + phase)) << text;
    EXPECT_TRUE(contains(text, "is still opening or closing the store")) << text;
    first.go_on();
    EXPECT_TRUE(first.succeeded());
    EXPECT_EQ(read_struct<std::uint32_t>(path(), live_words_offset + offsetof(LiveWords, opener)),
              0U)
        << "who is through with it is named no more";
  }
}

/// The first has seen the other, and has not gone yet.
TEST_F(BrokenOff, processes_that_close_at_once_leave_a_closed_store) {
  Store sut = open();
  ForkedChild first([&] {
    Store store = open();
    push(store, 1);
    point_to_stop_at = "close.looked";
    drill::set_crash_observer(&stop_there);
    store.close();
    return true;
  });
  expect_stopped(first);
  std::thread second([&] { sut.close(); });
  std::this_thread::sleep_for(milliseconds(50));
  first.go_on();
  second.join();
  EXPECT_TRUE(first.succeeded());
  EXPECT_EQ(newest_meta_of(path()).clean, 1U);
}

/// What says that it was not closed did not reach the disk then, though whoever opens it finds it.
TEST_F(BrokenOff, a_process_store_whose_mark_failed_to_be_synced_is_marked_again) {
  {
    Store made = open();
    made.close();
  }
  {
    Store store = open();
    drill::set_io_observer(&fail_syncs);
    expect_error(errc::io, path(), {}, [&] { push(store, 1); });
    drill::set_io_observer(nullptr);
  }
  static int syncs = 0;
  syncs = 0;
  drill::set_io_observer([](const drill::IoOperation& operation) {
    if (operation.kind == drill::IoKind::sync) ++syncs;
    return 0;
  });
  Store sut = open();
  push(sut, 2);
  drill::set_io_observer(nullptr);
  EXPECT_EQ(syncs, 2) << "one for each slot";
  EXPECT_EQ(numbers(sut), Values{2});
}

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

/// Where the writer of `WriterDies` dies.
std::string_view place_of_death;

class WriterDies : public BrokenOff, public ::testing::WithParamInterface<const char*> {
 protected:
  /// A process that has the store open and dies in a commit once it is told to.
  ForkedChild doomed_writer(const Channel& channel) const {
    return ForkedChild([&] {
      Store store = open();
      channel.tell_parent();
      channel.hear_parent();
      place_of_death = GetParam();
      drill::set_crash_observer([](const char* name) {
        if (name == place_of_death) ::raise(SIGKILL);
      });
      push(store, 2);
      return true;
    });
  }
};

INSTANTIATE_TEST_SUITE_P(Places, WriterDies,
                         ::testing::Values("append.after_tail", "publish.raised", "publish.applied",
                                           "publish.done", "write.ending"),
                         [](const auto& place) {
                           std::string name = place.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST_P(WriterDies, who_waits_for_a_change_sees_the_commit_all_the_same) {
  const Channel channel;
  ForkedChild writer = doomed_writer(channel);
  channel.hear_child();
  Store sut = open();
  push(sut, 1);
  const std::uint64_t seen = sut.sequence();
  channel.tell_child();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(sut.wait_for_change(seen, std::chrono::seconds(60)), seen + 1);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
  EXPECT_FALSE(writer.succeeded());
  EXPECT_EQ(numbers(sut), (Values{1, 2}));
  expect_sound(sut);
}

TEST_P(WriterDies, who_waits_within_a_read_section_waits_no_longer_than_asked) {
  const Channel channel;
  ForkedChild writer = doomed_writer(channel);
  channel.hear_child();
  Store sut = open();
  push(sut, 1);
  {
    const ReadTransaction section = sut.begin_read();
    channel.tell_child();
    // Publishing would have to wait for this very section.
    EXPECT_LE(sut.wait_for_change(section.sequence(), milliseconds(500)), section.sequence() + 1);
    EXPECT_LE(section.find<Numbers>("numbers")->size(), 2U);
  }
  push(sut, 3);
  EXPECT_EQ(numbers(sut).back(), 3U);
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

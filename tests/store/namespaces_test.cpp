// SPDX-License-Identifier: BSL-1.0
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include <fstream>

#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

/// Processes that are numbered, or count time, otherwise than their peers.
class Namespaces : public StoreTest {
 protected:
  static constexpr std::uint64_t not_permitted = 1000;
  static constexpr std::uint64_t permitted = 1001;

  /// A process that becomes part of new namespaces, tells whether it could, and runs `body` in a
  /// child that is the first process there. Nobody outlives the returned one.
  static ForkedChild within(int kinds, const Channel& channel, const std::function<bool()>& body) {
    return ForkedChild([=, &channel] {
      if (::unshare(kinds) != 0 || ((kinds & CLONE_NEWTIME) != 0 && !shift_clocks())) {
        channel.tell_parent(not_permitted);
        return true;
      }
      channel.tell_parent(permitted);
      return ForkedChild([&] {
               ::prctl(PR_SET_PDEATHSIG, SIGKILL);
               return body();
             })
          .succeeded();
    });
  }
  /// A year later for whoever is born from now on.
  static bool shift_clocks() {
    std::ofstream offsets("/proc/self/timens_offsets");
    offsets << "monotonic 31536000 0\nboottime 31536000 0\n";
    offsets.flush();
    return offsets.good();
  }
  /// A child of the number `pid`, in a namespace where nobody else is born meanwhile.
  static ForkedChild with_pid(pid_t pid, const std::function<bool()>& body) {
    std::ofstream("/proc/sys/kernel/ns_last_pid") << pid - 1;
    ForkedChild child(body);
    if (child.pid() != pid) throw std::runtime_error("the number could not be chosen");
    return child;
  }
  /// Dies in the body of a transaction.
  bool die_writing(std::uint64_t value) const {
    Store store = open();
    WriteTransaction held = store.begin_write();
    held.find<Numbers>("numbers")->push_back(value);
    return ::kill(::getpid(), SIGKILL) == 0;
  }
};

TEST_F(Namespaces, processes_that_are_all_number_one_share_a_store) {
  Store sut = open();
  push(sut, 1);
  const Channel first_channel;
  const Channel second_channel;
  ForkedChild first = within(CLONE_NEWPID, first_channel, [&] {
    Store store = open();
    push(store, 2);
    first_channel.tell_parent();
    first_channel.hear_parent();
    // The holder had this process's very number.
    push(store, 3);
    return ::getpid() == 1 && numbers(store) == Values{1, 2, 3};
  });
  if (first_channel.hear_child() == not_permitted) GTEST_SKIP() << "no permission to unshare";
  first_channel.hear_child();
  ForkedChild second = within(CLONE_NEWPID, second_channel, [&] {
    Store store = open();
    WriteTransaction held = store.begin_write();
    held.find<Numbers>("numbers")->push_back(99);
    second_channel.tell_parent(static_cast<std::uint64_t>(::getpid()));
    second_channel.hear_parent();
    return false;
  });
  ASSERT_EQ(second_channel.hear_child(), permitted);
  EXPECT_EQ(second_channel.hear_child(), 1U);
  const std::vector<ProcessInfo> rows = sut.processes();
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[1].pid, 1U);
  EXPECT_EQ(rows[2].pid, 1U);
  EXPECT_TRUE(rows[1].alive && rows[2].alive);
  second.kill_now();
  first_channel.tell_child();
  EXPECT_TRUE(first.succeeded());
  EXPECT_EQ(numbers(sut), (Values{1, 2, 3}));
  expect_sound(sut);
}

TEST_F(Namespaces, a_child_with_its_parents_number_is_not_its_parent) {
  const Channel channel;
  ForkedChild outer = within(CLONE_NEWPID, channel, [&] {
    Store store = open();
    push(store, 1);
    const Channel inner_channel;
    // Number 1 there, as its grandparent is here.
    ForkedChild inner = within(CLONE_NEWPID, inner_channel, [&] {
      return ::getpid() == 1 && error_of([&] { push(store, 2); }).code() == errc::forked;
    });
    const bool permitted_again = inner_channel.hear_child() == permitted;
    const bool refused = inner.succeeded();
    push(store, 3);
    return ::getpid() == 1 && permitted_again && refused && numbers(store) == Values{1, 3};
  });
  const bool allowed = channel.hear_child() != not_permitted;
  EXPECT_TRUE(outer.succeeded());
  if (!allowed) GTEST_SKIP() << "no permission to unshare";
}

TEST_F(Namespaces, a_number_used_again_is_not_taken_for_the_holder_that_died) {
  { const Store made = open(); }
  const Channel channel;
  ForkedChild outer = within(CLONE_NEWPID, channel, [&] {
    Store store = open();
    push(store, 0);
    for (std::uint64_t round = 1; round <= 20; ++round) {
      if (!with_pid(77, [&] { return die_writing(1000 + round); }).was_killed()) return false;
      const Channel alive;
      ForkedChild heir = with_pid(77, [&] {
        const Store own = open();
        alive.tell_parent();
        alive.hear_parent();
        return true;
      });
      alive.hear_child();
      push(store, round);
      alive.tell_child();
      if (!heir.succeeded()) return false;
    }
    return numbers(store).size() == 21 && numbers(store).back() == 20 && store.check().ok();
  });
  const bool allowed = channel.hear_child() != not_permitted;
  EXPECT_TRUE(outer.succeeded());
  if (!allowed) GTEST_SKIP() << "no permission to unshare";
}

TEST_F(Namespaces, clocks_a_year_apart_change_nothing) {
  using Clock = std::chrono::steady_clock;
  const auto before_opening = Clock::now();
  Store sut = open();
  const auto after_opening = Clock::now();
  push(sut, 1);
  const Channel channel;
  ForkedChild later = within(CLONE_NEWTIME, channel, [&] {
    Options hasty = options();
    hasty.lock_timeout = std::chrono::milliseconds(60);
    Store store = open(hasty);
    push(store, 2);
    channel.tell_parent();
    channel.hear_parent();
    const bool timed_out = error_of([&] { push(store, 99); }).code() == errc::timeout;
    channel.tell_parent();
    channel.hear_parent();
    push(store, 3);
    const WriteTransaction held = store.begin_write();
    channel.tell_parent();
    channel.hear_parent();
    return timed_out;
  });
  if (channel.hear_child() == not_permitted) GTEST_SKIP() << "no permission to unshare";
  channel.hear_child();
  // The clock of the table is coarse.
  constexpr std::chrono::milliseconds tick{20};
  const auto least = Clock::now() - after_opening - tick;
  const std::vector<ProcessInfo> rows = sut.processes();
  const auto most = Clock::now() - before_opening + tick;
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_TRUE(rows[0].alive && rows[1].alive);
  EXPECT_GE(rows[0].age, least);
  EXPECT_LE(rows[0].age, most);
  EXPECT_LE(rows[0].heartbeat_age, rows[0].age);
  EXPECT_EQ(rows[1].age.count(), 0) << "it began in what is the future here";
  EXPECT_EQ(rows[1].heartbeat_age.count(), 0);
  {
    const WriteTransaction held = sut.begin_write();
    channel.tell_child();
    channel.hear_child();
  }
  channel.tell_child();
  channel.hear_child();
  // It holds the lock since a year from now; who gives up waiting has waited its time.
  EXPECT_TRUE(ForkedChild([&] {
                Options hasty = options();
                hasty.lock_timeout = std::chrono::milliseconds(60);
                Store own = open(hasty);
                return error_of([&] { push(own, 98); }).code() == errc::timeout;
              }).succeeded());
  later.kill_now();
  push(sut, 4);
  EXPECT_EQ(numbers(sut), (Values{1, 2, 3, 4}));
  expect_sound(sut);
}

/// Words and pages of before a power cut would pass for those of this boot.
TEST_F(Namespaces, where_nobody_says_which_boot_this_is_no_store_is_opened) {
  // A process asks once, so this runs in one of its own.
  constexpr const char* own_process = "CAIRN_TEST_WITHOUT_BOOT_ID";
  if (std::getenv(own_process) != nullptr) {
    EXPECT_EQ(error_of([&] { open(); }).code(), errc::io);
    EXPECT_FALSE(std::filesystem::exists(path()));
    return;
  }
  const Channel channel;
  ForkedChild nobody_says = within(CLONE_NEWNS, channel, [&] {
    constexpr const char* boot_id = "/proc/sys/kernel/random/boot_id";
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
    if (::mount("/dev/null", boot_id, nullptr, MS_BIND, nullptr) != 0) return false;
    ::setenv(own_process, "1", 1);
    ::execl("/proc/self/exe", "namespaces_test",
            "--gtest_filter=Namespaces.where_nobody_says_which_boot_this_is_no_store_is_opened",
            nullptr);
    return false;
  });
  if (channel.hear_child() == not_permitted) GTEST_SKIP() << "no permission to unshare";
  EXPECT_TRUE(nobody_says.succeeded());
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <optional>
#include <thread>

#include "forked_child.hpp"
#include "own_mounts.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

/// Threads and processes that end, or become something else, while they hold something; and one
/// file under several names.
class Holders : public StoreTest {
 protected:
  static Options hasty() {
    Options how = options();
    how.lock_timeout = std::chrono::milliseconds(60);
    how.reader_timeout = std::chrono::milliseconds(60);
    return how;
  }
};

TEST_F(Holders, exec_frees_lock_and_slot_like_a_death) {
  { const Store made = open(); }
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ForkedChild child([&] {
    Store store = open();
    push(store, 1);
    WriteTransaction held = store.begin_write();
    held.find<Numbers>("numbers")->push_back(2);
    ::execl("/bin/sleep", "sleep", "60", nullptr);
    return false;
  });
  ::close(ends[1]);
  char byte = 0;
  // Ends with the exec, which closes the child's end.
  EXPECT_EQ(::read(ends[0], &byte, 1), 0);
  ::close(ends[0]);
  Store sut = open();
  EXPECT_EQ(numbers(sut), Values{1});
  EXPECT_EQ(sut.processes().size(), 1U);
  push(sut, 3);
  EXPECT_EQ(numbers(sut), (Values{1, 3}));
  EXPECT_EQ(::kill(child.pid(), 0), 0) << "the program that it became still runs";
  expect_sound(sut);
}

TEST_F(Holders, exec_frees_what_another_process_waits_for) {
  const Channel channel;
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ForkedChild child([&] {
    Store store = open();
    push(store, 1);
    const WriteTransaction held = store.begin_write();
    channel.tell_parent();
    channel.hear_parent();
    ::execl("/bin/sleep", "sleep", "60", nullptr);
    return false;
  });
  channel.hear_child();
  Store sut = open();
  std::thread executioner([&] { channel.tell_child(); });
  push(sut, 2);
  executioner.join();
  EXPECT_EQ(numbers(sut), (Values{1, 2}));
  for (const int end : ends) ::close(end);
}

TEST_F(Holders, a_transaction_outlives_its_thread_until_it_is_let_go) {
  Store sut = open(hasty());
  push(sut, 1);
  std::optional<WriteTransaction> left;
  std::thread([&] {
    left = sut.begin_write();
    left->find<Numbers>("numbers")->push_back(2);
  }).join();
  const Error busy = error_of([&] { sut.begin_write(); });
  EXPECT_EQ(busy.code(), errc::timeout);
  EXPECT_TRUE(contains(busy.what(), std::to_string(::getpid()))) << busy.what();
  left.reset();
  EXPECT_EQ(numbers(sut), Values{1});
  push(sut, 3);
  EXPECT_EQ(numbers(sut), (Values{1, 3}));
  expect_sound(sut);
}

TEST_F(Holders, a_section_outlives_its_thread_and_still_pins_what_it_reads) {
  Store sut = open(hasty());
  push(sut, 1);
  std::optional<ReadTransaction> left;
  const Numbers* seen = nullptr;
  std::thread([&] {
    left = sut.begin_read();
    seen = left->find<Numbers>("numbers");
  }).join();
  // Another thread's lane must not be taken for the one that is left.
  std::thread([&] { EXPECT_EQ(numbers(sut), Values{1}); }).join();
  EXPECT_EQ(sut.processes().at(0).readers.size(), 1U);
  EXPECT_TRUE(ForkedChild([&] {
                Store own = open(hasty());
                try {
                  push(own, 2);
                } catch (const Error& error) {
                  return error == errc::timeout;
                }
                return true;  // published past it, where that is possible
              }).succeeded());
  EXPECT_EQ(Values(seen->begin(), seen->end()), Values{1});
  left.reset();
  EXPECT_TRUE(sut.processes().at(0).readers.empty());
  push(sut, 3);
  EXPECT_EQ(numbers(sut), (Values{1, 2, 3}));
}

TEST_F(Holders, lanes_of_threads_that_ended_within_sections_come_back) {
  Store sut = open();
  push(sut, 1);
  for (std::uint64_t i = 0; i < 2 * reader_lane_count; ++i) {
    std::optional<ReadTransaction> left;
    std::thread([&] { left = sut.begin_read(); }).join();
  }
  EXPECT_EQ(numbers(sut), Values{1});
}

TEST_F(Holders, a_thread_that_ends_after_its_store_was_closed_harms_nobody) {
  Channel steps;
  std::optional<Store> sut = open();
  push(*sut, 1);
  std::thread reader([&] {
    EXPECT_EQ(numbers(*sut), Values{1});
    steps.tell_parent();
    steps.hear_parent();
  });
  steps.hear_child();
  sut->close();
  sut.reset();
  Store again = open();
  steps.tell_child();
  reader.join();
  push(again, 2);
  EXPECT_EQ(numbers(again), (Values{1, 2}));
}

TEST_F(Holders, opening_and_closing_the_file_elsewhere_in_the_process_loses_no_lock) {
  const Channel channel;
  ForkedChild child([&] {
    Store store = open();
    const WriteTransaction held = store.begin_write();
    read_bytes(path());
    { const File unrelated = File::open(path(), File::Access::read_write); }
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  Store sut = open(hasty());
  EXPECT_EQ(error_of([&] { sut.begin_write(); }).code(), errc::timeout);
  EXPECT_EQ(sut.processes().size(), 2U);
  channel.tell_child();
  EXPECT_TRUE(child.succeeded());
  push(sut, 1);
}

TEST_F(Holders, a_file_reached_through_a_linked_directory_and_a_hard_link_is_one_store) {
  ASSERT_EQ(::mkdir(path("real").c_str(), 0700), 0);
  ASSERT_EQ(::symlink(path("real").c_str(), path("linked").c_str()), 0);
  Store first = Store::open(path("real/store"), options());
  ASSERT_EQ(::link(path("real/store").c_str(), path("hard").c_str()), 0);
  Store second = Store::open(path("linked/store"), options());
  Store third = Store::open(path("hard"), options());
  push(first, 1);
  push(second, 2);
  push(third, 3);
  EXPECT_EQ(numbers(first), (Values{1, 2, 3}));
  EXPECT_EQ(first.processes().size(), 1U);
}

TEST_F(Holders, a_file_reached_through_a_bind_mount_is_one_store) {
  ASSERT_EQ(::mkdir(path("bound").c_str(), 0700), 0);
  ASSERT_EQ(::mkdir(path("real").c_str(), 0700), 0);
  { const Store made = Store::open(path("real/store"), options()); }
  constexpr std::uint64_t cannot_mount = 2;
  Channel channel;
  // The mount is seen by the child alone and goes with it.
  ForkedChild child([&] {
    if (!begin_own_mounts() ||
        ::mount(path("real").c_str(), path("bound").c_str(), nullptr, MS_BIND, nullptr) != 0) {
      channel.tell_parent(cannot_mount);
      return true;
    }
    channel.tell_parent(1);
    Store first = Store::open(path("real/store"), options());
    Store second = Store::open(path("bound/store"), options());
    push(first, 1);
    push(second, 2);
    return numbers(first) == Values{1, 2} && first.processes().size() == 1;
  });
  const bool mounted = channel.hear_child() != cannot_mount;
  EXPECT_TRUE(child.succeeded());
  if (!mounted) GTEST_SKIP() << "no permission to mount";
}

}  // namespace
}  // namespace cairn::test

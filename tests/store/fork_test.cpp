// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

/// Killed at the end in any case: they hold on to what the test prints to.
struct Orphans {
  ~Orphans() {
    for (const pid_t pid : pids) ::kill(pid, SIGKILL);
  }
  std::vector<pid_t> pids;
};

/// What a child of fork(2) inherits is its parent's: it must neither use it nor harm it.
class Fork : public StoreTest {
 protected:
  template <class Body>
  static bool is_refused(Body body) {
    try {
      body();
    } catch (const Error& error) {
      return error == errc::forked;
    }
    return false;
  }
  /// An observer that opens the store in a process of its own.
  bool an_outsider_sees(const std::function<bool(Store&)>& condition) const {
    return ForkedChild([&] {
             Store store = open();
             return condition(store);
           })
        .succeeded();
  }
};

TEST_F(Fork, every_call_of_an_inherited_handle_is_a_named_error) {
  std::optional<Store> sut = open();
  push(*sut, 1);
  EXPECT_TRUE(
      ForkedChild([&] {
        return is_refused([&] { sut->begin_write(); }) && is_refused([&] { sut->begin_read(); }) &&
               is_refused([&] { sut->checkpoint(); }) && is_refused([&] { sut->close(); }) &&
               is_refused([&] { sut->used(); }) && is_refused([&] { sut->recover(); }) &&
               is_refused([&] { sut->check(); }) &&
               is_refused([&] { sut->resize_file(1 << 20); }) &&
               is_refused([&] { sut->shrink_to_usage(); }) &&
               is_refused([&] { sut->sequence(); }) && is_refused([&] { sut->size(); }) &&
               is_refused([&] { sut->limit(); }) && is_refused([&] { sut->durability(); }) &&
               is_refused([&] { sut->last_recovery(); }) && is_refused([&] { sut->processes(); }) &&
               is_refused([&] { sut->check_operation_timeout(); }) &&
               is_refused([&] { sut->cleanup_failed_resize(); }) && sut->path() == path() &&
               is_refused([&] { sut->wait_for_change(0, std::chrono::seconds(0)); });
      }).succeeded());
  push(*sut, 2);
  EXPECT_EQ(numbers(*sut), (Values{1, 2}));
}

TEST_F(Fork, a_child_may_open_the_store_again_beside_the_inherited_handle) {
  std::optional<Store> sut = open();
  push(*sut, 1);
  EXPECT_TRUE(ForkedChild([&] {
                Store own = open();
                push(own, 2);
                return numbers(own) == Values{1, 2} && own.processes().size() == 2;
              }).succeeded());
  EXPECT_EQ(numbers(*sut), (Values{1, 2}));
  push(*sut, 3);
  EXPECT_EQ(numbers(*sut), (Values{1, 2, 3}));
}

TEST_F(Fork, a_child_that_drops_the_handle_leaves_the_parent_its_slot) {
  std::optional<Store> sut = open();
  push(*sut, 1);
  EXPECT_TRUE(ForkedChild([&] {
                sut.reset();
                return true;
              }).succeeded());
  const auto rows = sut->processes();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_TRUE(rows[0].alive);
  const pid_t parent = ::getpid();
  // The outsider's own fork inherits the handle too, so it looks at the table as a stranger would.
  EXPECT_TRUE(an_outsider_sees([&](Store& store) {
    for (const ProcessInfo& row : store.processes()) {
      if (row.pid == static_cast<std::uint32_t>(parent)) return row.alive;
    }
    return false;
  }));
}

TEST_F(Fork, a_child_that_leaves_a_transaction_does_not_end_the_parents) {
  std::optional<Store> sut = open();
  push(*sut, 1);
  std::optional<WriteTransaction> tx = sut->begin_write();
  auto& inside = *tx->find<Numbers>("numbers");
  inside.push_back(2);
  for (int i = 0; i < 200'000; ++i) inside.push_back(3);  // the file grows
  const std::uint64_t size = sut->size();
  EXPECT_TRUE(ForkedChild([&] {
                tx.reset();
                sut.reset();
                return true;
              }).succeeded());
  EXPECT_EQ(sut->size(), size);
  Options hasty = options();
  hasty.lock_timeout = std::chrono::milliseconds(50);
  EXPECT_TRUE(ForkedChild([&] {
                Store own = open(hasty);
                try {
                  own.begin_write();
                } catch (const Error& error) {
                  return error == errc::timeout;
                }
                return false;
              }).succeeded());
  inside.push_back(4);
  tx->commit();
  EXPECT_EQ(numbers(*sut).size(), 200'003U);
  expect_sound(*sut);
}

TEST_F(Fork, a_child_that_outlives_its_killed_parent_keeps_nothing_locked) {
  const Channel channel;
  ForkedChild parent([&] {
    Store store = open();
    const WriteTransaction tx = store.begin_write();
    const pid_t child = ::fork();
    if (child == 0) {
      ::pause();
      ::_exit(0);
    }
    channel.tell_parent(static_cast<std::uint64_t>(child));
    ::pause();
    return true;
  });
  Orphans orphans;
  orphans.pids.push_back(static_cast<pid_t>(channel.hear_child()));
  parent.kill_now();
  Store sut = open();
  push(sut, 1);
  EXPECT_EQ(numbers(sut), Values{1});
  EXPECT_EQ(sut.processes().size(), 1U);
}

TEST_F(Fork, a_child_that_commits_the_parents_transaction_is_refused) {
  std::optional<Store> sut = open();
  std::optional<WriteTransaction> tx = sut->begin_write();
  tx->construct<Numbers>("numbers").push_back(1);
  EXPECT_TRUE(ForkedChild([&] { return is_refused([&] { tx->commit(); }); }).succeeded());
  EXPECT_EQ(sut->sequence(), 1U);
  tx->commit();
  EXPECT_EQ(numbers(*sut), Values{1});
}

TEST_F(Fork, a_child_that_uses_the_parents_transaction_is_refused_and_changes_nothing) {
  std::optional<Store> sut = open();
  push(*sut, 1);
  std::optional<WriteTransaction> tx = sut->begin_write();
  auto& old = *tx->find<Numbers>("numbers");
  auto& fresh = tx->construct<std::array<std::uint64_t, 8192>>("fresh");
  fresh.fill(5);
  const auto place = tx->ref(fresh);
  FreeListAllocator& heap = tx->heap();
  EXPECT_TRUE(ForkedChild([&] {
                // What only looks like memory can be stored into, and stays here.
                fresh.fill(6);
                return is_refused([&] { old.push_back(2); }) &&
                       is_refused([&] { tx->find<Numbers>("numbers"); }) &&
                       is_refused([&] { tx->construct<Numbers>("other"); }) &&
                       is_refused([&] { tx->destroy<Numbers>("numbers"); }) &&
                       is_refused([&] { (*tx)[place].fill(7); }) &&
                       is_refused([&] { tx->ref(old); }) && is_refused([&] { tx->modify(old); }) &&
                       is_refused([&] { tx->names(); }) && is_refused([&] { tx->sequence(); }) &&
                       is_refused([&] { tx->heap(); }) && is_refused([&] {
                         for (;;) heap.allocate(1 << 16, 8);
                       });
              }).succeeded());
  EXPECT_EQ(std::ranges::count(fresh, 5U), 8192);
  tx->commit();
  EXPECT_EQ(numbers(*sut), Values{1});
  sut->read([&](const ReadTransaction& section) {
    EXPECT_EQ(std::ranges::count(section[place], 5U), 8192);
  });
  expect_sound(*sut);
}

TEST_F(Fork, a_child_that_uses_the_parents_section_is_refused) {
  const Store sut = open();
  const ReadTransaction section = sut.begin_read();
  EXPECT_TRUE(ForkedChild([&] {
                return is_refused([&] { section.find<Numbers>("numbers"); }) &&
                       is_refused([&] { section.names(); }) &&
                       is_refused([&] { section.heap(); }) &&
                       is_refused([&] { section[Ref<std::uint64_t>(heap_begin)]; });
              }).succeeded());
}

TEST_F(Fork, a_child_that_leaves_a_section_does_not_end_the_parents) {
  std::optional<Store> sut = open();
  push(*sut, 1);
  std::optional<ReadTransaction> section = sut->begin_read();
  const auto* seen = section->find<Numbers>("numbers");
  EXPECT_TRUE(ForkedChild([&] {
                section.reset();
                sut.reset();
                return true;
              }).succeeded());
  Channel channel;
  ForkedChild writer([&] {
    Store own = open();
    push(own, 2);
    return numbers(own) == Values{1, 2};
  });
  EXPECT_TRUE(writer.succeeded());
  EXPECT_EQ(Values(seen->begin(), seen->end()), Values{1});
}

TEST_F(Fork, a_child_forked_while_another_thread_opens_the_store_keeps_nothing_locked) {
  constexpr useconds_t rounds = 60;
  push(*std::make_unique<Store>(open()), 1);
  for (useconds_t round = 0; round < rounds; ++round) {
    const Channel channel;
    ForkedChild parent([&] {
      std::atomic<int> opened{0};
      const std::thread opener([&] {
        for (;; ++opened) numbers(open());
      });
      // At another moment of an opening each time.
      while (opened < 2) std::this_thread::yield();
      ::usleep(round * 23);
      if (::fork() != 0) return ::kill(::getpid(), SIGKILL) == 0;
      channel.tell_parent(static_cast<std::uint64_t>(::getpid()));
      ::pause();
      ::_exit(0);
    });
    Orphans orphan;
    orphan.pids.push_back(static_cast<pid_t>(channel.hear_child()));
    EXPECT_TRUE(parent.was_killed());
    Store sut = open();
    ASSERT_EQ(std::ranges::count(sut.processes(), true, &ProcessInfo::alive), 1) << round;
    push(sut, round);
  }
}

TEST_F(Fork, a_child_forked_while_other_threads_come_and_go_can_use_the_store) {
  Store sut = open();
  push(sut, 1);
  std::atomic<bool> enough{false};
  std::thread others([&] {
    while (!enough) std::thread([&] { EXPECT_EQ(numbers(sut).size(), 1U); }).join();
  });
  for (int i = 0; i < 40; ++i) {
    EXPECT_TRUE(ForkedChild([&] {
                  ::alarm(20);
                  return numbers(open()) == Values{1};
                }).succeeded());
  }
  enough = true;
  others.join();
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
// Closing a store beside those who go on using it.
#include <chrono>
#include <latch>
#include <thread>

#include "forked_child.hpp"
#include "newest_meta.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

class Closing : public StoreTest, public ::testing::WithParamInterface<Durability> {
 protected:
  static Options how(milliseconds lock_timeout) {
    Options all = GetParam() == Durability::power ? power_options() : options();
    all.lock_timeout = lock_timeout;
    return all;
  }
  bool is_clean() const { return newest_meta_of(path()).clean != 0; }
  /// Another process, in a transaction until it is told to commit and to close.
  ForkedChild writer_in_transaction() {
    ForkedChild writer([this] {
      Store store = Store::open(path(), how(milliseconds(60'000)));
      store.write([this](WriteTransaction& tx) {
        tx.find_or_construct<Numbers>("numbers").push_back(2);
        channel_.tell_parent();
        channel_.hear_parent();
      });
      store.close();
      return true;
    });
    channel_.hear_child();
    return writer;
  }

  const Channel channel_;
};

INSTANTIATE_TEST_SUITE_P(Levels, Closing, ::testing::Values(Durability::process, Durability::power),
                         [](const auto& level) {
                           return std::string(level.param == Durability::power ? "power"
                                                                               : "process");
                         });

TEST_P(Closing, does_not_wait_for_a_transaction_of_another_process) {
  Store sut = open(how(milliseconds(60'000)));
  push(sut, 1);
  ForkedChild writer = writer_in_transaction();
  const auto start = Clock::now();
  sut.close();
  // And so nobody else waits for who closes.
  Store again = Store::open_read_only(path(), how(milliseconds(60'000)));
  EXPECT_EQ(numbers(again), Values{1});
  again.close();
  EXPECT_LT(Clock::now() - start, milliseconds(20'000));
  EXPECT_FALSE(is_clean());
  channel_.tell_child();
  EXPECT_TRUE(writer.succeeded());
  EXPECT_TRUE(is_clean()) << "by the last process to close";
  EXPECT_EQ(numbers(Store::open(path(), how(milliseconds(1000)))), (Values{1, 2}));
}

TEST_P(Closing, fences_nobody) {
  Options fencing = how(milliseconds(50));
  fencing.fence_live_owner = true;
  Store sut = open(fencing);
  push(sut, 1);
  ForkedChild writer = writer_in_transaction();
  sut.close();
  channel_.tell_child();
  EXPECT_TRUE(writer.succeeded()) << "its transaction was ended by who had no need of the lock";
}

TEST_P(Closing, beside_a_transaction_leaves_no_commit_behind) {
  Options slow = how(milliseconds(60'000));
  if (GetParam() == Durability::power) slow.durability = Durability::deferred;
  slow.deferred_delay = milliseconds(60'000);
  Store sut = open(slow);
  push(sut, 1);
  ForkedChild writer = writer_in_transaction();
  sut.close();
  EXPECT_EQ(numbers(Store::open_read_only(path(), how(milliseconds(1000)))), Values{1});
  channel_.tell_child();
  EXPECT_TRUE(writer.succeeded());
}

TEST_P(Closing, waits_for_a_transaction_of_another_thread_and_keeps_nobody_out_meanwhile) {
  Store sut = open(how(milliseconds(200)));
  push(sut, 1);
  std::latch begun{1};
  std::latch tried{1};
  std::thread writer([&] {
    sut.write([&](WriteTransaction& tx) {
      begun.count_down();
      tried.wait();
      tx.find_or_construct<Numbers>("numbers").push_back(2);
    });
  });
  begun.wait();
  ForkedChild other([this] {
    channel_.hear_parent();
    return numbers(Store::open(path(), how(milliseconds(1000)))) == Values{1};
  });
  channel_.tell_child();
  expect_error(errc::timeout, path(), {"another thread of this process"}, [&] { sut.close(); });
  EXPECT_TRUE(other.succeeded());
  tried.count_down();
  writer.join();
  EXPECT_EQ(numbers(sut), (Values{1, 2})) << "the store is still open";
  sut.close();
  EXPECT_TRUE(is_clean());
}

}  // namespace
}  // namespace cairn::test

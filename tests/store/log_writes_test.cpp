// SPDX-License-Identifier: BSL-1.0
#include <atomic>
#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "cairn/mapping/drill_hooks.hpp"
#include "sync_gate.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

/// Which records get into the log by a system call, and which through the mapping.
class LogWrites : public StoreTest {
 protected:
  LogWrites() {
    // What it makes room for is there before anything is counted.
    push(sut_, 0);
    failure = 0;
    count = 0;
    sync_takes = std::chrono::milliseconds(0);
    drill::set_io_observer(&see);
  }
  ~LogWrites() override { drill::set_io_observer(nullptr); }

  static int writes() { return count.exchange(0); }
  static void fail_with(int system_errno) { failure = system_errno; }
  static void slow_syncs_down() { sync_takes = std::chrono::milliseconds(2); }
  static void overwrite(Store& store, std::uint64_t value) {
    store.write([value](WriteTransaction& tx) {
      for (std::uint64_t& number : *tx.find<Numbers>("numbers")) number = value;
    });
  }

  Store sut_ = open(power_options());

 private:
  static int see(const drill::IoOperation& operation) {
    if (operation.kind == drill::IoKind::sync) std::this_thread::sleep_for(sync_takes.load());
    if (operation.kind != drill::IoKind::write || !is_of_log(operation)) return 0;
    ++count;
    return failure;
  }
  static inline std::atomic<int> count;
  static inline std::atomic<int> failure;
  static inline std::atomic<std::chrono::milliseconds> sync_takes;
};

TEST_F(LogWrites, a_commit_with_a_sync_of_its_own_writes_its_record) {
  for (std::uint64_t i = 1; i <= 5; ++i) {
    overwrite(sut_, i);
    EXPECT_EQ(writes(), 1);
  }
  EXPECT_EQ(numbers(open(power_options())), Values{5});
}

TEST_F(LogWrites, a_commit_that_waits_for_no_sync_of_its_own_stores_it) {
  WriteTransaction deferred = sut_.begin_write();
  deferred.find<Numbers>("numbers")->push_back(1);
  deferred.commit(Durability::deferred);
  sut_.sync();
  EXPECT_EQ(writes(), 0);
  Store process_level = Store::create(path("other"), options());
  push(process_level, 0);
  writes();
  push(process_level, 1);
  EXPECT_EQ(writes(), 0);
}

TEST_F(LogWrites, commits_that_share_syncs_store_theirs) {
  constexpr std::uint64_t threads = 8;
  constexpr std::uint64_t commits = 40;
  slow_syncs_down();
  std::vector<std::thread> all;
  for (std::uint64_t i = 0; i < threads; ++i) {
    all.emplace_back([this, i] {
      for (std::uint64_t k = 0; k < commits; ++k) push(sut_, i, "of " + std::to_string(i));
    });
  }
  for (std::thread& one : all) one.join();
  // Until they have met, and where one comes late on a busy machine.
  EXPECT_LT(writes(), static_cast<int>(threads * commits / 4));
  // The last sync may have been shared, the one of the next commit was not.
  overwrite(sut_, 1);
  writes();
  overwrite(sut_, 2);
  EXPECT_EQ(writes(), 1);
}

TEST_F(LogWrites, a_long_record_is_stored) {
  sut_.write([](WriteTransaction& tx) { tx.find<Numbers>("numbers")->resize(65'536); });
  writes();
  overwrite(sut_, 7);
  EXPECT_EQ(writes(), 0);
}

TEST_F(LogWrites, a_commit_whose_record_cannot_be_written_did_not_happen) {
  for (const int system_errno : {ENOSPC, EDQUOT, EIO}) {
    const errc code = system_errno == EIO ? errc::io : errc::no_space;
    fail_with(system_errno);
    expect_error(code, path() + "-log", {"write"}, [&] { push(sut_, 1); });
    EXPECT_EQ(numbers(sut_), Values{0});
    fail_with(0);
    expect_sound(sut_);
  }
  // Nothing was lost that was on its way to the disk, so the store goes on.
  push(sut_, 2);
  EXPECT_EQ(numbers(sut_), (Values{0, 2}));
  EXPECT_EQ(numbers(open(power_options())), (Values{0, 2}));
}

}  // namespace
}  // namespace cairn::test

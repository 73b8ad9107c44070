// SPDX-License-Identifier: BSL-1.0
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <future>
#include <thread>

#include "cairn/mapping/drill_hooks.hpp"
#include "forked_child.hpp"
#include "newest_meta.hpp"
#include "sync_gate.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

using std::chrono::milliseconds;

/// Whether `condition` comes true within a time that only a fault exceeds.
template <class Condition>
bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

/// What the syncs of whole data files pass: it counts them, and closed it has them wait.
class DataGate {
 public:
  DataGate() {
    is_closed = fails = false;
    arrived = 0;
    drill::set_io_observer(&pass);
  }
  DataGate(const DataGate&) = delete;
  DataGate& operator=(const DataGate&) = delete;
  ~DataGate() {
    is_closed = false;
    drill::set_io_observer(nullptr);
  }
  static inline std::atomic<bool> is_closed;
  static inline std::atomic<bool> fails;
  static inline std::atomic<int> arrived;

 private:
  static int pass(const drill::IoOperation& operation) {
    if (!is_data_sync(operation)) return 0;
    ++arrived;
    while (is_closed) std::this_thread::sleep_for(milliseconds(1));
    return fails ? EIO : 0;
  }
};

/// Checkpoints that are made beside commits.
class Checkpoint : public StoreTest {
 protected:
  static constexpr std::uint64_t numbers_count = 4096;

  Checkpoint() {
    sut_.write([](WriteTransaction& tx) {
      tx.construct<Numbers>("numbers").resize(numbers_count);
      tx.construct<Numbers>("other").push_back(0);
    });
    sut_.checkpoint();
    DataGate::arrived = 0;
  }
  /// A commit of about 33 KiB of log.
  void change_all(std::uint64_t value) {
    sut_.write([value](WriteTransaction& tx) {
      for (std::uint64_t& number : *tx.find<Numbers>("numbers")) number = value;
    });
  }
  /// Seventeen commits, of which the last begin a checkpoint, which comes to its sync and stays.
  bool hold_one() {
    DataGate::is_closed = true;
    for (std::uint64_t i = 1; i <= 17; ++i) change_all(i);
    return eventually([] { return DataGate::arrived == 1; });
  }
  /// What a process would find that opened the store now.
  MetaSlot meta() const { return newest_meta_of(path()); }
  void expect_all(std::uint64_t value) {
    sut_.read([value](const ReadTransaction& tx) {
      const Numbers& numbers = *tx.find<Numbers>("numbers");
      EXPECT_EQ(std::ranges::count(numbers, value), static_cast<std::ptrdiff_t>(numbers.size()));
    });
  }

  Store sut_ = open(power_options());
  DataGate gate_;
};

TEST_F(Checkpoint, commits_go_on_while_it_syncs) {
  DataGate::is_closed = true;
  const std::uint64_t before = sut_.sequence();
  std::future<void> checkpoint = std::async(std::launch::async, [this] { sut_.checkpoint(); });
  ASSERT_TRUE(eventually([] { return DataGate::arrived == 1; }));
  change_all(1);
  change_all(2);
  expect_all(2);
  EXPECT_EQ(sut_.sequence(), before + 2);
  EXPECT_EQ(checkpoint.wait_for(milliseconds(0)), std::future_status::timeout);
  DataGate::is_closed = false;
  checkpoint.get();
  // What was committed meanwhile may not be in what was synced, and stays in the log.
  EXPECT_EQ(meta().checkpoint_sequence, before);
  sut_.checkpoint();
  EXPECT_EQ(meta().checkpoint_sequence, before + 2);
}

TEST_F(Checkpoint, it_begins_by_itself_where_half_of_the_log_is_used) {
  const std::uint64_t before = meta().checkpoint_sequence;
  for (std::uint64_t i = 1; i <= 12; ++i) change_all(i);
  EXPECT_EQ(DataGate::arrived, 0);
  std::uint64_t value = 12;
  while (value < 20) change_all(++value);
  ASSERT_TRUE(eventually([] { return DataGate::arrived == 1; }));
  // Whoever commits next, once it is over, names it.
  ASSERT_TRUE(eventually([&] {
    change_all(++value);
    return meta().checkpoint_sequence > before;
  }));
  EXPECT_LT(meta().checkpoint_sequence, sut_.sequence());
  expect_all(value);
}

TEST_F(Checkpoint, while_it_syncs_the_other_half_is_free) {
  ASSERT_TRUE(hold_one());
  std::future<void> rest = std::async(std::launch::async, [this] {
    for (std::uint64_t i = 18; i <= 29; ++i) change_all(i);
  });
  EXPECT_EQ(rest.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(DataGate::arrived, 1);
  DataGate::is_closed = false;
  rest.get();
  expect_all(29);
}

TEST_F(Checkpoint, where_it_is_late_the_log_is_emptied_by_who_needs_it) {
  ASSERT_TRUE(hold_one());
  std::future<void> rest = std::async(std::launch::async, [this] {
    for (std::uint64_t i = 18; i <= 40; ++i) change_all(i);
  });
  // Its own sync of the data file.
  ASSERT_TRUE(eventually([] { return DataGate::arrived == 2; }));
  DataGate::is_closed = false;
  rest.get();
  const std::uint64_t reached = meta().checkpoint_sequence;
  // The late one covers less than is named already.
  for (std::uint64_t i = 41; i <= 44; ++i) {
    change_all(i);
    EXPECT_GE(meta().checkpoint_sequence, reached);
  }
  expect_all(44);
}

TEST_F(Checkpoint, a_sync_beside_commits_that_fails_ends_writing) {
  ASSERT_TRUE(hold_one());
  DataGate::fails = true;
  DataGate::is_closed = false;
  ASSERT_TRUE(eventually([this] {
    try {
      change_all(99);
      return false;
    } catch (const Error& error) {
      return error == errc::io;
    }
  }));
  DataGate::fails = false;
  expect_error(errc::io, path(), {"sync failed"}, [this] { change_all(100); });
  EXPECT_LE(meta().checkpoint_sequence, 3U);
  // Nothing that was told of is lost.
  const std::uint64_t newest = sut_.sequence();
  expect_error(errc::io, path(), {"it is closed"}, [this] { sut_.close(); });
  sut_ = open(power_options());
  EXPECT_GE(sut_.sequence(), newest);
}

TEST_F(Checkpoint, closing_waits_for_a_sync_beside_commits) {
  ASSERT_TRUE(hold_one());
  std::future<void> closing = std::async(std::launch::async, [this] { sut_.close(); });
  EXPECT_EQ(closing.wait_for(milliseconds(50)), std::future_status::timeout);
  DataGate::is_closed = false;
  closing.get();
  EXPECT_EQ(meta().clean, 1);
  sut_ = open(power_options());
  expect_all(17);
}

/// What it appends goes by that slot, and a power cut may leave the one before.
TEST_F(Checkpoint, whoever_finds_a_meta_slot_that_a_dead_process_did_not_sync_does_so_first) {
  static std::atomic<bool> synced;
  static std::atomic<bool> appended_before;
  for (const bool alone : {false, true}) {
    const std::uint64_t turn = meta().turn;
    if (alone) sut_.close();
    ForkedChild dying([&] {
      Store mine = open(power_options());
      push(mine, 1, "other");
      drill::set_crash_observer([](const char* name) {
        if (std::string_view(name) == "meta.written") ::raise(SIGKILL);
      });
      mine.checkpoint();
      return false;
    });
    ASSERT_TRUE(dying.was_killed());
    EXPECT_GT(meta().turn, turn);
    synced = appended_before = false;
    drill::set_io_observer([](const drill::IoOperation& operation) {
      if (operation.kind == drill::IoKind::sync && operation.offset == 0 && operation.bytes != 0) {
        synced = true;
      }
      if (operation.kind == drill::IoKind::store && operation.offset >= heap_begin && !synced) {
        appended_before = true;
      }
      return 0;
    });
    const std::uint64_t value = alone ? 6 : 5;
    if (alone) sut_ = open(power_options());
    change_all(value);
    drill::set_io_observer(nullptr);
    EXPECT_TRUE(synced) << "alone: " << alone;
    EXPECT_FALSE(appended_before) << "alone: " << alone;
    expect_all(value);
  }
}

TEST_F(Checkpoint, names_itself_by_a_sync_of_the_header_alone) {
  static std::atomic<int> parts;
  parts = 0;
  drill::set_io_observer([](const drill::IoOperation& operation) {
    if (operation.kind == drill::IoKind::sync && operation.bytes == page_bytes &&
        operation.offset == 0) {
      ++parts;
    }
    return 0;
  });
  change_all(1);
  sut_.checkpoint();
  drill::set_io_observer(nullptr);
  EXPECT_EQ(parts, 1);
}

}  // namespace
}  // namespace cairn::test

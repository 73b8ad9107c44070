// SPDX-License-Identifier: BSL-1.0
// Store::snapshot: one committed state in files of its own, while others go on.
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <numeric>
#include <optional>
#include <thread>
#include <vector>

#include "forked_child.hpp"
#include "slow_reader.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

using namespace std::chrono_literals;
using Counter = Atomic<std::uint64_t>;

class Snapshots : public StoreTest, public ::testing::WithParamInterface<Durability> {
 protected:
  static Options how() {
    Options chosen = GetParam() == Durability::power ? power_options() : options();
    chosen.permissions = 0640;
    return chosen;
  }
  std::string copy_path() const { return path("copy"); }
  Store open_copy() const { return Store::open_existing(copy_path(), how()); }
  void remove_copy() const {
    for (const char* const suffix : {"", "-log"}) std::filesystem::remove(copy_path() + suffix);
  }
  /// Numbers over several pages, each of them `value`.
  static void fill(Store& store, std::uint64_t value, const std::string& name = "numbers") {
    store.write(
        [&](WriteTransaction& tx) { tx.find_or_construct<Numbers>(name).assign(5'000, value); });
  }
  /// The copy holds `store`'s numbers as of `sequence`, is sound, and whole without a recovery.
  void expect_copy(const Values& content, std::uint64_t sequence) const {
    const Store copy = open_copy();
    EXPECT_FALSE(copy.last_recovery().needed) << copy.last_recovery().summary();
    EXPECT_FALSE(copy.last_recovery().after_reboot);
    EXPECT_EQ(copy.sequence(), sequence);
    EXPECT_EQ(numbers(copy), content);
    expect_sound(copy);
  }
};

INSTANTIATE_TEST_SUITE_P(Levels, Snapshots,
                         ::testing::Values(Durability::process, Durability::power),
                         [](const auto& tested) {
                           return std::string(tested.param == Durability::power ? "power"
                                                                                : "process");
                         });

TEST_P(Snapshots, one_holds_what_is_committed_and_takes_writes_of_its_own) {
  Store sut = open(how());
  fill(sut, 1);
  const std::uint64_t sequence = sut.snapshot(copy_path());
  EXPECT_EQ(sequence, sut.sequence());
  fill(sut, 2);
  expect_copy(Values(5'000, 1), sequence);
  {
    Store copy = open_copy();
    EXPECT_EQ(copy.durability(), GetParam());
    EXPECT_EQ(copy.limit(), sut.limit());
    push(copy, 7);
    EXPECT_EQ(copy.sequence(), sequence + 1);
    copy.close();
  }
  EXPECT_EQ(numbers(open_copy()).back(), 7U);
  EXPECT_EQ(numbers(sut), Values(5'000, 2));
  expect_sound(sut);
}

TEST_P(Snapshots, one_of_an_empty_store_is_an_empty_store) {
  const Store sut = open(how());
  EXPECT_EQ(sut.snapshot(copy_path()), 1U);
  expect_copy({}, 1);
}

TEST_P(Snapshots, one_is_another_store_with_the_permissions_of_a_new_one) {
  Store sut = open(how());
  fill(sut, 1);
  sut.resize_file(4 << 20);
  sut.snapshot(copy_path());
  EXPECT_NE(read_struct<Identity>(path(), 0).uuid, read_struct<Identity>(copy_path(), 0).uuid);
  for (const char* const suffix : {"", "-log"}) {
    struct stat status {};
    ASSERT_EQ(::stat((copy_path() + suffix).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0640U) << suffix;
  }
  // As long as the heap, whatever the original has behind it.
  EXPECT_LT(std::filesystem::file_size(copy_path()), 1U << 20);
  // Neither log goes with the other data file.
  std::filesystem::copy_file(path() + "-log", copy_path() + "-log",
                             std::filesystem::copy_options::overwrite_existing);
  expect_error(errc::corrupt, copy_path() + "-log", {"another store"}, [&] { open_copy(); });
}

TEST_P(Snapshots, one_is_closed_so_it_outlives_a_restart_and_can_be_copied) {
  Store sut = open(how());
  fill(sut, 3);
  const std::uint64_t sequence = sut.snapshot(copy_path());
  for (const char* const suffix : {"", "-log"}) {
    std::filesystem::copy_file(copy_path() + suffix, path("again") + suffix);
  }
  EXPECT_EQ(numbers(Store::open_existing(path("again"), how())), Values(5'000, 3));
  pretend_reboot(copy_path());
  const auto before = read_bytes(copy_path());
  {
    const Store copy = Store::open_read_only(copy_path(), how());
    EXPECT_EQ(numbers(copy), Values(5'000, 3));
  }
  EXPECT_EQ(read_bytes(copy_path()), before);
  Store copy = open_copy();
  EXPECT_EQ(copy.sequence(), sequence);
  push(copy, 4);
  expect_sound(copy);
}

TEST_P(Snapshots, one_of_a_snapshot_is_the_same_again) {
  Store sut = open(how());
  fill(sut, 4);
  const std::uint64_t sequence = sut.snapshot(copy_path());
  Store copy = open_copy();
  EXPECT_EQ(copy.snapshot(path("second")), sequence);
  EXPECT_EQ(numbers(Store::open_existing(path("second"), how())), Values(5'000, 4));
}

/// Makes a Counter in a page behind `heap_end`.
void make_behind(WriteTransaction& tx, std::uint64_t heap_end, const char* name,
                 std::uint64_t value) {
  constexpr std::size_t bytes = sizeof(Counter);
  std::vector<void*> taken;
  std::uint64_t at = 0;
  while (at < heap_end) {
    taken.push_back(tx.heap().allocate(bytes, alignof(Counter)));
    at = tx.ref(*static_cast<std::uint64_t*>(taken.back())).offset();
  }
  EXPECT_GE(tx.ref(tx.construct<Counter>(name, value)).offset(), heap_end);
  for (void* const block : taken) tx.heap().deallocate(block, bytes);
}

constexpr std::uint64_t account_count = 4'000;
constexpr std::uint64_t total = account_count * 100;

/// Moves an amount between accounts on different pages, and says in the store which commit it is;
/// now and then the heap grows or shrinks.
void transfer(WriteTransaction& tx, std::uint64_t turn) {
  auto& accounts = *tx.find<Vec<std::uint64_t>>("accounts");
  const std::uint64_t from = turn * 769 % account_count;
  const std::uint64_t to = turn * 1'237 % account_count;
  const std::uint64_t amount = std::min<std::uint64_t>(accounts[from], turn % 50);
  accounts[from] -= amount;
  accounts[to] += amount;
  tx.modify(*tx.find<std::uint64_t>("stamp")) = tx.sequence() + 1;
  auto& more = *tx.find<Vec<std::uint64_t>>("more");
  if (turn % 32 == 0) more.resize(more.size() < 30'000 ? more.size() + 5'000 : 0, turn);
}

TEST_P(Snapshots, one_taken_while_two_processes_write_is_one_of_their_commits) {
  Options quick = how();
  quick.verify_writes = false;
  Store sut = open(quick);
  sut.write([](WriteTransaction& tx) {
    tx.construct<Numbers>("accounts", account_count, 100U);
    tx.construct<Numbers>("more");
    tx.construct<std::uint64_t>("stamp", tx.sequence() + 1);
  });
  std::vector<ForkedChild> writers;
  const Channel channel;
  for (std::uint64_t i = 0; i < 2; ++i) {
    writers.emplace_back([&] {
      Store store = open(quick);
      for (std::uint64_t turn = i;; ++turn) {
        store.write([&](WriteTransaction& tx) { transfer(tx, turn); });
        if (turn == i) channel.tell_parent();
      }
      return true;
    });
    channel.hear_child();
  }
  std::uint64_t last = 0;
  std::uint64_t moved = 0;
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    // Every third time a section that began before keeps commits out of the shared image.
    std::optional<SlowReader> reader;
    if (round % 3 == 0) {
      reader.emplace(sut);
      const std::uint64_t before = sut.sequence();
      sut.wait_for_change(before, 5s);
    }
    const std::uint64_t before = sut.sequence();
    const std::uint64_t sequence = sut.snapshot(copy_path());
    EXPECT_GE(sequence, before);
    EXPECT_LE(sequence, sut.sequence());
    moved += last == sequence ? 0U : 1U;
    last = sequence;
    {
      Store copy = Store::open_existing(copy_path(), quick);
      EXPECT_FALSE(copy.last_recovery().needed);
      copy.read([&](const ReadTransaction& tx) {
        EXPECT_EQ(tx.sequence(), sequence);
        EXPECT_EQ(*tx.find<std::uint64_t>("stamp"), sequence);
        const auto& accounts = *tx.find<Numbers>("accounts");
        EXPECT_EQ(std::accumulate(accounts.begin(), accounts.end(), std::uint64_t{0}), total);
      });
      expect_sound(copy);
      copy.write([](WriteTransaction& tx) { transfer(tx, 32); });
    }
    remove_copy();
  }
  EXPECT_GT(moved, 30U) << "the writers wrote hardly anything";
  for (ForkedChild& writer : writers) writer.kill_now();
  expect_sound(sut);
}

TEST_P(Snapshots, one_begun_while_a_section_holds_commits_back_has_them) {
  Store sut = open(how());
  fill(sut, 1);
  SlowReader reader(sut, [](const ReadTransaction& section) {
    EXPECT_EQ(section.find<Numbers>("numbers")->front(), 1U);
  });
  fill(sut, 2);
  // Into pages that are new, and a commit in these.
  fill(sut, 3, "more");
  sut.write([](WriteTransaction& tx) { tx.find<Numbers>("more")->back() = 9; });
  const std::uint64_t sequence = sut.snapshot(copy_path());
  EXPECT_EQ(sequence, sut.sequence());
  fill(sut, 4);
  expect_copy(Values(5'000, 2), sequence);
  Values more(5'000, 3);
  more.back() = 9;
  EXPECT_EQ(numbers(open_copy(), "more"), more);
  reader.leave();
  EXPECT_EQ(numbers(sut), Values(5'000, 4));
}

TEST_P(Snapshots, one_of_a_section_of_this_thread_holds_what_that_sees) {
  Store sut = open(how());
  fill(sut, 1);
  const auto write_elsewhere = [&](std::uint64_t value) {
    std::thread([&] { fill(sut, value); }).join();
  };
  for (const bool held_back : {false, true}) {
    SCOPED_TRACE(held_back);
    std::optional<SlowReader> reader;
    if (held_back) {
      reader.emplace(sut);
      write_elsewhere(2);
    }
    const auto section = std::make_optional(sut.begin_read());
    const Values seen = numbers(sut);
    write_elsewhere(3);
    EXPECT_EQ(sut.snapshot(copy_path()), section->sequence());
    expect_copy(seen, section->sequence());
    remove_copy();
  }
}

TEST_P(Snapshots, one_has_none_of_a_transaction_that_is_open_and_is_refused_to_its_thread) {
  Store sut = open(how());
  push(sut, 1);
  const std::uint64_t before = sut.sequence();
  WriteTransaction tx = sut.begin_write();
  tx.find<Numbers>("numbers")->push_back(2);
  tx.construct<Numbers>("large", 100'000U, 2U);
  expect_error(errc::transaction_active, path(), {"commit"}, [&] { sut.snapshot(copy_path()); });
  EXPECT_FALSE(std::filesystem::exists(copy_path()));
  std::thread([&] { EXPECT_EQ(sut.snapshot(copy_path()), before); }).join();
  expect_copy({1}, before);
  tx.commit();
  EXPECT_EQ(numbers(sut), (Values{1, 2}));
}

TEST_P(Snapshots,
       an_atomic_has_the_value_of_a_moment_of_the_copy_also_where_commits_are_held_back) {
  Store sut = open(how());
  struct Read {
    std::uint64_t counter;
    std::uint64_t late;
  };
  const auto counters = [](const Store& store) {
    return store.read([](const ReadTransaction& tx) {
      const auto* const late = tx.find<Counter>("late");
      return Read{tx.find<Counter>("counter")->load(), late == nullptr ? 0 : late->load()};
    });
  };
  const auto add = [](const Store& store, const char* name) {
    store.read([&](const ReadTransaction& tx) { ++*tx.find<Counter>(name); });
  };
  sut.write([](WriteTransaction& tx) {
    tx.construct<Counter>("counter", 10U);
    tx.construct<std::uint64_t>("beside", 1U);
  });
  fill(sut, 1);
  add(sut, "counter");
  sut.snapshot(copy_path());
  EXPECT_EQ(counters(open_copy()).counter, 11U);
  remove_copy();

  const std::uint64_t heap_end = sut.read([](const ReadTransaction& tx) { return tx.bytes().end; });
  SlowReader reader(sut);
  // In the Atomic's page, which overlays have a copy of from then on; and one in a page that is
  // new.
  sut.write([&](WriteTransaction& tx) {
    tx.modify(*tx.find<std::uint64_t>("beside")) = 2;
    make_behind(tx, heap_end, "late", 100);
  });
  sut.write([](WriteTransaction& tx) { tx.modify(*tx.find<std::uint64_t>("beside")) = 3; });
  EXPECT_EQ(counters(sut).late, 100U);
  add(sut, "counter");
  add(sut, "late");
  sut.snapshot(copy_path());
  Store copy = open_copy();
  EXPECT_EQ(counters(copy).counter, 12U);
  EXPECT_EQ(counters(copy).late, 101U);
  EXPECT_EQ(copy.read([](const ReadTransaction& tx) { return *tx.find<std::uint64_t>("beside"); }),
            3U);
  add(copy, "counter");
  EXPECT_EQ(counters(copy).counter, 13U);
  EXPECT_EQ(counters(sut).counter, 12U);
  expect_sound(copy);
}

TEST_P(Snapshots, commits_go_on_during_the_copy_and_are_not_in_it) {
  Store sut = open(how());
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("large", 1'500'000U, 1U); });
  fill(sut, 0);
  const std::uint64_t before = sut.sequence();
  std::uint64_t value = 0;
  SnapshotOptions slow;
  slow.share_blocks = false;
  slow.progress = [&](const SnapshotProgress&) {
    std::thread([&] {
      fill(sut, ++value);
      EXPECT_EQ(numbers(sut), Values(5'000, value));
    }).join();
  };
  EXPECT_EQ(sut.snapshot(copy_path(), slow), before);
  EXPECT_GE(value, 3U);
  expect_copy(Values(5'000, 0), before);
  EXPECT_EQ(numbers(sut), Values(5'000, value));
}

TEST_P(Snapshots, past_max_log_bytes_commits_wait_for_it_by_name_and_go_on_afterwards) {
  Options small = how();
  small.log_bytes = small.max_log_bytes = 256 << 10;
  small.reader_timeout = 50ms;
  Store sut = open(small);
  fill(sut, 0);
  std::optional<Error> refused;
  SnapshotOptions slow;
  slow.share_blocks = false;
  slow.progress = [&](const SnapshotProgress& progress) {
    if (progress.done_bytes == progress.total_bytes) return;
    std::thread([&] {
      try {
        for (std::uint64_t i = 1; i < 100; ++i) fill(sut, i);
      } catch (const Error& error) {
        refused = error;
      }
    }).join();
  };
  sut.snapshot(copy_path(), slow);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->code(), make_error_code(errc::no_space)) << refused->what();
  EXPECT_TRUE(contains(refused->what(), "thread " + std::to_string(::gettid()))) << refused->what();
  EXPECT_EQ(numbers(open_copy()), Values(5'000, 0));
  fill(sut, 200);
  EXPECT_EQ(numbers(sut), Values(5'000, 200));
}

TEST_P(Snapshots, progress_comes_to_the_whole_and_what_it_throws_leaves_nothing) {
  Store sut = open(how());
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("large", 1'500'000U, 1U); });
  std::vector<SnapshotProgress> seen;
  SnapshotOptions watched;
  watched.progress = [&](const SnapshotProgress& progress) { seen.push_back(progress); };
  sut.snapshot(copy_path(), watched);
  ASSERT_FALSE(seen.empty());
  for (std::size_t i = 1; i < seen.size(); ++i) {
    EXPECT_GT(seen[i].done_bytes, seen[i - 1].done_bytes);
    EXPECT_EQ(seen[i].total_bytes, seen[0].total_bytes);
  }
  EXPECT_EQ(seen.back().done_bytes, std::filesystem::file_size(copy_path()));
  EXPECT_EQ(seen.back().done_bytes, seen.back().total_bytes);
  remove_copy();
  const auto names = directory().names();
  for (std::size_t i = 0; i < seen.size(); ++i) {
    std::size_t calls = 0;
    watched.progress = [&](const SnapshotProgress&) {
      if (calls++ == i) throw std::runtime_error("enough");
    };
    EXPECT_THROW(sut.snapshot(copy_path(), watched), std::runtime_error);
    EXPECT_EQ(directory().names().size(), names.size());
  }
  push(sut, 1);
  expect_sound(sut);
}

TEST_P(Snapshots, a_handle_for_reading_only_takes_one_and_changes_no_byte_of_the_original) {
  {
    Store made = open(how());
    fill(made, 5);
    made.close();
  }
  const auto data = read_bytes(path());
  const auto log = read_bytes(path() + "-log");
  {
    const Store sut = Store::open_read_only(path(), how());
    const std::uint64_t sequence = sut.snapshot(copy_path());
    expect_copy(Values(5'000, 5), sequence);
  }
  EXPECT_EQ(read_bytes(path()), data);
  EXPECT_EQ(read_bytes(path() + "-log"), log);
  remove_copy();

  const Channel channel;
  ForkedChild writer([&] {
    Store store = open(how());
    fill(store, 6);
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  const Store beside = Store::open_read_only(path(), how());
  const std::uint64_t sequence = beside.snapshot(copy_path());
  expect_copy(Values(5'000, 6), sequence);
  channel.tell_child();
  EXPECT_TRUE(writer.succeeded());
}

TEST_P(Snapshots, one_of_a_store_whose_files_were_removed_saves_what_it_held) {
  Store sut = open(how());
  fill(sut, 8);
  for (const char* const suffix : {"", "-log"}) std::filesystem::remove(path() + suffix);
  const std::uint64_t sequence = sut.snapshot(copy_path());
  expect_copy(Values(5'000, 8), sequence);
}

TEST_P(Snapshots, a_closed_store_and_a_forked_child_are_refused_by_name) {
  Store sut = open(how());
  push(sut, 1);
  EXPECT_TRUE(ForkedChild([&] {
                const Error error = error_of([&] { sut.snapshot(copy_path()); });
                return error == errc::forked;
              }).succeeded());
  sut.close();
  expect_error(errc::closed, path(), {}, [&] { sut.snapshot(copy_path()); });
  EXPECT_FALSE(std::filesystem::exists(copy_path()));
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
// Atomics between processes that commit, roll back and die around them.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "cairn/atomic.hpp"
#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

struct Shared {
  std::uint64_t commits = 0;
  Atomic<std::uint64_t> hits;
  Atomic<std::uint32_t> stage;
  std::uint64_t commits_again = 0;
};
BOOST_DESCRIBE_STRUCT(Shared, (), (commits, hits, stage, commits_again))

/// One of each size, each in a line of its own, with plain numbers in the lines between them.
struct Sizes {
  std::uint64_t commits = 0;
  Atomic<std::uint64_t> of_8;
  std::uint64_t beside_8 = 0;
  Atomic<std::uint32_t> of_4;
  std::uint64_t beside_4 = 0;
  Atomic<std::uint16_t> of_2;
  std::uint64_t beside_2 = 0;
  Atomic<std::uint8_t> of_1;
  std::uint64_t beside_1 = 0;
  Atomic<bool> is_seen;
  Atomic<bool> at_end;
};
BOOST_DESCRIBE_STRUCT(Sizes, (),
                      (commits, of_8, beside_8, of_4, beside_4, of_2, beside_2, of_1, beside_1,
                       is_seen, at_end))

template <class Body>
void for_each_size(const Sizes& sizes, Body body) {
  body(sizes.of_8);
  body(sizes.of_4);
  body(sizes.of_2);
  body(sizes.of_1);
}

/// Counts how often an Atomic was seen to have no bit set, or all, and what else it was seen to
/// hold.
class Patterns {
 public:
  template <class T>
  void look(const Atomic<T>& atomic) {
    const T seen = atomic.load();
    if (seen == T{0}) {
      ++zeros_[sizeof(T) - 1];
    } else if (seen == static_cast<T>(~T{0})) {
      ++ones_[sizeof(T) - 1];
    } else {
      torn_ = torn_ != 0 ? torn_ : seen;
    }
  }
  bool are_whole() const {
    if (torn_ != 0) ADD_FAILURE() << "torn: " << std::hex << torn_;
    return torn_ == 0;
  }
  /// Both patterns of each size, this often.
  bool have_both(std::uint64_t times) const {
    for (const std::size_t bytes : {8U, 4U, 2U, 1U}) {
      if (zeros_[bytes - 1] < times || ones_[bytes - 1] < times) return false;
    }
    return true;
  }

 private:
  std::array<std::uint64_t, 8> zeros_{};
  std::array<std::uint64_t, 8> ones_{};
  std::uint64_t torn_ = 0;
};

class AtomicProcessesTest : public StoreTest {
 protected:
  /// What each of these tests and each of its children has open.
  Store open_shared(const Options& how = options()) const {
    Store store = open(how);
    store.write([](WriteTransaction& tx) { tx.find_or_construct<Shared>("shared"); });
    return store;
  }
  static const Shared& shared(const Store& store) {
    return *store.begin_read().find<Shared>("shared");
  }

  /// Half of the increments in read sections, half in write transactions, of which every third is
  /// rolled back; with neighbours on both sides that change in each.
  static void work(Store& store, std::uint64_t rounds) {
    for (std::uint64_t i = 0; i < rounds; ++i) {
      store.read([](const ReadTransaction& tx) { tx.find<Shared>("shared")->hits += 1; });
      WriteTransaction tx = store.begin_write();
      Shared& mine = tx.modify(*tx.find<Shared>("shared"));
      mine.commits += 1;
      mine.hits += 1;
      mine.commits_again += 1;
      if (i % 3 == 0) {
        tx.rollback();
      } else {
        tx.commit();
      }
    }
  }
};

TEST_F(AtomicProcessesTest, no_increment_of_any_process_is_lost_or_made_twice) {
  for (const Options& how : {options(), power_options()}) {
    SCOPED_TRACE(how.durability == Durability::power ? "power" : "process");
    const std::uint64_t rounds = how.durability == Durability::power ? 60 : 300;
    const std::string at = path(how.durability == Durability::power ? "power" : "process");
    {
      Store store = Store::open(at, how);
      store.write([](WriteTransaction& tx) { tx.construct<Shared>("shared"); });
    }
    std::vector<ForkedChild> children;
    for (int i = 0; i < 4; ++i) {
      children.emplace_back([&] {
        Store store = Store::open_existing(at, how);
        work(store, rounds);
        return true;
      });
    }
    for (ForkedChild& child : children) EXPECT_TRUE(child.succeeded());
    const Store store = Store::open_existing(at, how);
    EXPECT_EQ(shared(store).hits, 4 * 2 * rounds);
    EXPECT_EQ(shared(store).commits, 4 * (rounds - rounds / 3));
    EXPECT_EQ(shared(store).commits_again, shared(store).commits);
    expect_sound(store);
  }
}

/// Each child counts what it has done in a word of its own beside the common one; whenever it is
/// killed, the two can differ by one step at most.
TEST_F(AtomicProcessesTest, a_kill_takes_nothing_back_and_a_takeover_repeats_nothing) {
  Store store = open_shared();
  store.write([](WriteTransaction& tx) {
    tx.construct<Segmented<Atomic<std::uint64_t>>>("added").resize(8);
  });
  std::uint64_t killed = 0;
  for (std::size_t round = 0; round < 8; ++round) {
    Channel channel;
    ForkedChild child([&] {
      Store own = Store::open_existing(path(), options());
      const auto& added =
          (*own.begin_read().find<Segmented<Atomic<std::uint64_t>>>("added"))[round];
      for (std::uint64_t i = 0;; ++i) {
        work(own, 1);
        added += 2;
        if (i == 20) channel.tell_parent();
      }
      return false;
    });
    channel.hear_child();
    std::this_thread::sleep_for(std::chrono::milliseconds(2 * round + 1));
    child.kill_now();
    ++killed;
    work(store, 3);
    store.write([&](WriteTransaction&) {});
  }
  std::uint64_t counted = 0;
  const auto& added = *store.begin_read().find<Segmented<Atomic<std::uint64_t>>>("added");
  for (const auto& one : added) counted += one;
  counted += killed * 3 * 2;
  // Per killed child up to two increments of its last round are not counted.
  EXPECT_GE(shared(store).hits.load(), counted);
  EXPECT_LE(shared(store).hits.load(), counted + 2 * killed);
  EXPECT_EQ(shared(store).commits_again, shared(store).commits);
  EXPECT_GT(counted, killed * 6);
  expect_sound(store);
}

TEST_F(AtomicProcessesTest, when_all_are_killed_the_next_opener_finds_every_increment) {
  for (int round = 0; round < 4; ++round) {
    Channel channel;
    ForkedChild child([&] {
      Store store = open_shared();
      const Shared& mine = shared(store);
      for (int i = 0; i < 50; ++i) mine.hits += 1;
      WriteTransaction tx = store.begin_write();
      tx.modify(*tx.find<Shared>("shared")).commits += 1;
      tx.find<Shared>("shared")->hits += 1;
      channel.tell_parent();
      channel.hear_parent();
      return false;
    });
    channel.hear_child();
    child.kill_now();
    Store store = open_shared();
    EXPECT_EQ(shared(store).hits, 51U * (static_cast<unsigned>(round) + 1));
    EXPECT_EQ(shared(store).commits, 0U);
    expect_sound(store);
    store.close();
  }
}

TEST_F(AtomicProcessesTest, processes_take_turns_by_waiting_and_notifying) {
  { Store store = open_shared(); }
  constexpr std::uint32_t turns = 200;
  const auto play = [&](std::uint32_t side) {
    Store store = open_shared();
    const Atomic<std::uint32_t>& stage = shared(store).stage;
    for (std::uint32_t turn = side; turn < turns; turn += 2) {
      for (std::uint32_t seen = stage; seen != turn; seen = stage) {
        if (!stage.wait_for(seen, std::chrono::seconds(30))) return false;
      }
      stage = turn + 1;
      stage.notify_all();
    }
    return true;
  };
  ForkedChild even([&] { return play(0); });
  ForkedChild odd([&] { return play(1); });
  EXPECT_TRUE(even.succeeded());
  EXPECT_TRUE(odd.succeeded());
  EXPECT_EQ(shared(open_shared()).stage, turns);
}

TEST_F(AtomicProcessesTest, a_waiter_holds_nobody_back_and_one_that_is_killed_leaves_nothing) {
  Store store = open_shared();
  const auto wait_for_stage = [&](Channel& channel, std::uint32_t old) {
    Store own = Store::open_existing(path(), options());
    const Atomic<std::uint32_t>& stage = shared(own).stage;
    channel.tell_parent();
    return stage.wait_for(old, std::chrono::seconds(30));
  };
  Channel doomed_channel;
  ForkedChild doomed([&] { return wait_for_stage(doomed_channel, 0); });
  doomed_channel.hear_child();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  store.write([](WriteTransaction& tx) { tx.modify(*tx.find<Shared>("shared")).commits = 1; });
  doomed.kill_now();

  Channel channel;
  ForkedChild waiter([&] { return wait_for_stage(channel, 0); });
  channel.hear_child();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  // Notified from within a transaction, which is rolled back.
  WriteTransaction tx = store.begin_write();
  tx.find<Shared>("shared")->stage = 1;
  tx.find<Shared>("shared")->stage.notify_one();
  tx.rollback();
  EXPECT_TRUE(waiter.succeeded());
}

/// One process stores both patterns by turns, another loads in read sections, and this one commits
/// what lies around them.
class AtomicPatterns : public AtomicProcessesTest,
                       public ::testing::WithParamInterface<Durability> {
 protected:
  static Options how() { return GetParam() == Durability::power ? power_options() : options(); }
  /// In a section: what is found lies in a view of that section's, which may go with it.
  template <class Look>
  static auto look(const Store& store, Look look) {
    return store.read(
        [&](const ReadTransaction& tx) { return look(*tx.template find<Sizes>("sizes")); });
  }
  bool store_until_the_end() const {
    const Store own = Store::open_existing(path(), how());
    for (bool at_end = false; !at_end;) {
      at_end = look(own, [](const Sizes& here) {
        for_each_size(here, [](const auto& atomic) { atomic = 0; });
        for_each_size(here, [](const auto& atomic) {
          using T = typename std::remove_cvref_t<decltype(atomic)>::value_type;
          atomic = static_cast<T>(~T{0});
        });
        return here.at_end.load();
      });
    }
    return true;
  }
  bool load_until_the_end() const {
    const Store own = Store::open_existing(path(), how());
    Patterns seen;
    for (bool at_end = false; !at_end && seen.are_whole();) {
      own.read([&](const ReadTransaction& tx) {
        const Sizes& here = *tx.find<Sizes>("sizes");
        for (int i = 0; i < 100; ++i) {
          for_each_size(here, [&](const auto& atomic) { seen.look(atomic); });
        }
        if (seen.have_both(20)) here.is_seen = true;
        at_end = here.at_end;
      });
    }
    return seen.are_whole();
  }
};

INSTANTIATE_TEST_SUITE_P(Levels, AtomicPatterns,
                         ::testing::Values(Durability::process, Durability::power),
                         [](const auto& level) {
                           return std::string(level.param == Durability::power ? "power"
                                                                               : "process");
                         });

TEST_P(AtomicPatterns, of_any_size_are_never_seen_torn_beside_commits_of_their_neighbours) {
  Store store = open(how());
  store.write([](WriteTransaction& tx) { tx.construct<Sizes>("sizes"); });
  ForkedChild storing([&] { return store_until_the_end(); });
  ForkedChild loading([&] { return load_until_the_end(); });
  // With rollbacks, which restore pages, and checkpoints, which write them to the disk.
  Patterns seen;
  std::uint64_t commits = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const auto is_seen = [](const Sizes& here) { return here.is_seen.load(); };
  for (int round = 0; round < 300 || !seen.have_both(20) || !look(store, is_seen); ++round) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "not seen with and without bits";
    WriteTransaction tx = store.begin_write();
    Sizes& here = tx.modify(*tx.find<Sizes>("sizes"));
    for (std::uint64_t* const beside :
         {&here.commits, &here.beside_8, &here.beside_4, &here.beside_2, &here.beside_1}) {
      *beside += 1;
    }
    for_each_size(here, [&](const auto& atomic) { seen.look(atomic); });
    if (round % 5 == 4) {
      tx.rollback();
    } else {
      tx.commit();
      ++commits;
    }
    if (round % 50 == 0) store.checkpoint();
  }
  look(store, [](const Sizes& here) { here.at_end = true; });
  EXPECT_TRUE(storing.succeeded());
  EXPECT_TRUE(loading.succeeded());
  EXPECT_TRUE(seen.are_whole());
  look(store, [&](const Sizes& here) {
    EXPECT_EQ(here.commits, commits);
    EXPECT_EQ(here.beside_1, commits);
  });
  expect_sound(store);
}

TEST_F(AtomicProcessesTest, one_that_another_process_made_is_known_in_a_page_that_is_private_here) {
  Store store = open_shared();
  // The page is private to this process, with what it held before.
  store.write([](WriteTransaction& tx) { tx.construct<Vec<std::uint64_t>>("near", 4U, 1U); });
  ForkedChild child([&] {
    Store own = Store::open_existing(path(), options());
    own.write([](WriteTransaction& tx) { tx.construct<Atomic<std::uint64_t>>("new", 10U); });
    *own.begin_read().find<Atomic<std::uint64_t>>("new") += 1;
    return true;
  });
  ASSERT_TRUE(child.succeeded());
  store.write([](WriteTransaction& tx) {
    auto& sut = *tx.find<Atomic<std::uint64_t>>("new");
    EXPECT_EQ(sut, 11U);
    sut += 1;
    (*tx.find<Vec<std::uint64_t>>("near"))[0] = 2;
  });
  EXPECT_EQ(store.begin_read().find<Atomic<std::uint64_t>>("new")->load(), 12U);
}

TEST_F(AtomicProcessesTest, in_a_forked_child_those_of_the_parent_are_refused_by_name) {
  Store store = open_shared();
  const Shared& inherited = shared(store);
  inherited.hits = 1;
  ForkedChild child([&] {
    expect_error(errc::forked, path(), {}, [&] { inherited.hits += 1; });
    Store own = open_shared();
    shared(own).hits += 10;
    return !HasFailure();
  });
  EXPECT_TRUE(child.succeeded());
  EXPECT_EQ(inherited.hits, 11U);
}

}  // namespace
}  // namespace cairn::test

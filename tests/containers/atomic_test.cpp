// SPDX-License-Identifier: BSL-1.0
// Every store of these tests compares unmarked lines with the shared image at each commit, so an
// Atomic that changed meanwhile must not be taken for a change that nobody declared.
#include "cairn/atomic.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <cstring>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include "temp_store.hpp"

namespace cairn::test {
namespace {

enum class Color : std::uint8_t { red, green };

struct Counters {
  std::uint64_t before = 0;
  Atomic<std::uint64_t> hits;
  std::uint64_t between = 0;
  std::array<Atomic<std::int32_t>, 3> levels;
  String name;
};
BOOST_DESCRIBE_STRUCT(Counters, (), (before, hits, between, levels, name))

struct Boxed {
  Box<Counters> counters;
  Vec<Box<Atomic<std::uint64_t>>> many;
  Segmented<Atomic<std::uint64_t>> in_place;
};
BOOST_DESCRIBE_STRUCT(Boxed, (), (counters, many, in_place))

static_assert(Storable<Counters> && Storable<Boxed> && Storable<Atomic<Ref<int>>>);
static_assert(sizeof(Atomic<bool>) == 64 && alignof(Atomic<double>) == 64);
static_assert(!std::is_copy_constructible_v<Atomic<int>> &&
              !std::is_move_constructible_v<Counters>);
static_assert(!std::is_copy_assignable_v<Atomic<int>>);
static_assert(detail::storability<std::pair<int, Atomic<int>>>() == Storability::moved_atomic);
static_assert(detail::storability<std::optional<Counters>>() == Storability::moved_atomic);

class AtomicTest : public StoreTest {
 protected:
  template <class T>
  static const Atomic<T>& found(const Store& store, const std::string& name = "atomic") {
    return *store.begin_read().find<Atomic<T>>(name);
  }
  static Counters& counters(WriteTransaction& tx) { return *tx.find<Counters>("counters"); }
  static const Counters& counters(const Store& store) {
    return *store.begin_read().find<Counters>("counters");
  }
  Store with_counters(const Options& how = options()) const {
    Store store = open(how);
    store.write([](WriteTransaction& tx) { tx.construct<Counters>("counters"); });
    return store;
  }
  /// What a thread beside this one adds in a read section of its own.
  static void add_elsewhere(const Store& store, std::uint64_t count) {
    std::thread([&] {
      for (std::uint64_t i = 0; i < count; ++i) {
        store.read([](const ReadTransaction& tx) { tx.find<Counters>("counters")->hits += 1; });
      }
    }).join();
  }
};

/// Every operation beside the standard's, in a read section.
template <class T>
void compare_numbers(const Atomic<T>& sut, T start, T a, T b) {
  std::atomic<T> model{start};
  sut = start;
  EXPECT_EQ(sut.fetch_add(a), model.fetch_add(a));
  EXPECT_EQ(sut.fetch_sub(b), model.fetch_sub(b));
  EXPECT_EQ(sut.load(), model.load());
  EXPECT_EQ(sut += b, model.fetch_add(b) + b);
  EXPECT_EQ(sut -= a, model.fetch_sub(a) - a);
  EXPECT_EQ(sut.exchange(a), model.exchange(a));
  T expected = b;
  T expected_model = b;
  EXPECT_EQ(sut.compare_exchange_strong(expected, start),
            model.compare_exchange_strong(expected_model, start));
  EXPECT_EQ(expected, expected_model);
  while (!sut.compare_exchange_weak(expected, b, std::memory_order_acq_rel,
                                    std::memory_order_relaxed)) {
  }
  EXPECT_EQ(sut.fetch_max(a), b);
  EXPECT_EQ(sut.load(), std::max(a, b));
  EXPECT_EQ(sut.fetch_min(start), std::max(a, b));
  EXPECT_EQ(sut.load(), std::min(start, std::max(a, b)));
}

template <class T>
class AtomicNumberTest : public AtomicTest {};
using Integers = ::testing::Types<std::int8_t, std::uint8_t, std::int16_t, std::uint16_t,
                                  std::int32_t, std::uint32_t, std::int64_t, std::uint64_t, char>;
TYPED_TEST_SUITE(AtomicNumberTest, Integers);

TYPED_TEST(AtomicNumberTest, integers_do_what_those_of_the_standard_do) {
  Store store = this->open();
  store.write([](WriteTransaction& tx) { tx.construct<Atomic<TypeParam>>("atomic"); });
  const ReadTransaction section = store.begin_read();
  const auto& sut = *section.find<Atomic<TypeParam>>("atomic");
  EXPECT_TRUE(rc::check([&](TypeParam start, TypeParam a, TypeParam b) {
    sut = start;
    std::atomic<TypeParam> model{start};
    RC_ASSERT(sut.fetch_add(a) == model.fetch_add(a));
    RC_ASSERT(sut.fetch_sub(b) == model.fetch_sub(b));
    RC_ASSERT(sut.fetch_and(a) == model.fetch_and(a));
    RC_ASSERT(sut.fetch_or(b) == model.fetch_or(b));
    RC_ASSERT(sut.fetch_xor(start) == model.fetch_xor(start));
    RC_ASSERT((sut += a) == (model += a));
    RC_ASSERT((sut -= b) == (model -= b));
    RC_ASSERT((sut |= a) == (model |= a));
    RC_ASSERT((sut &= b) == (model &= b));
    RC_ASSERT((sut ^= start) == (model ^= start));
    RC_ASSERT(++sut == ++model);
    RC_ASSERT(sut++ == model++);
    RC_ASSERT(--sut == --model);
    RC_ASSERT(sut-- == model--);
    const TypeParam before = sut;
    RC_ASSERT(sut.fetch_max(a) == before);
    RC_ASSERT(sut.load() == std::max(before, a));
    RC_ASSERT(sut.fetch_min(b) == std::max(before, a));
    RC_ASSERT(sut.load() == std::min(b, std::max(before, a)));
    TypeParam expected = start;
    TypeParam model_expected = start;
    model = sut.load();
    RC_ASSERT(sut.compare_exchange_strong(expected, a) ==
              model.compare_exchange_strong(model_expected, a));
    RC_ASSERT(expected == model_expected);
    RC_ASSERT(sut.exchange(b) == model.exchange(b));
  }));
}

TEST_F(AtomicTest, floats_bools_enums_and_refs_are_exchanged_as_what_they_are) {
  Store store = open();
  const Ref<int> far(4096);
  store.write([&](WriteTransaction& tx) {
    tx.construct<Atomic<double>>("double", 1.5);
    tx.construct<Atomic<float>>("float");
    tx.construct<Atomic<bool>>("bool");
    tx.construct<Atomic<Color>>("color", Color::green);
    tx.construct<Atomic<Ref<int>>>("ref");
  });
  compare_numbers(found<double>(store, "double"), 1.5, 2.25, -4.0);
  compare_numbers(found<float>(store, "float"), 0.5F, 8.0F, 3.0F);
  EXPECT_FALSE(found<bool>(store, "bool").exchange(true));
  EXPECT_TRUE(found<bool>(store, "bool"));
  Color expected = Color::red;
  EXPECT_FALSE(found<Color>(store, "color").compare_exchange_strong(expected, Color::red));
  EXPECT_EQ(expected, Color::green);
  EXPECT_EQ((found<Ref<int>>(store, "ref").exchange(far)), Ref<int>());
  EXPECT_EQ((found<Ref<int>>(store, "ref").load()), far);
  found<Ref<int>>(store, "ref") = Ref<int>();
  expect_sound(store);
}

TEST_F(AtomicTest, outside_of_all_stores_it_acts_where_it_stands) {
  Atomic<int> sut(3);
  EXPECT_EQ(sut.fetch_add(4), 3);
  EXPECT_EQ(sut, 7);
}

TEST_F(AtomicTest,
       what_a_transaction_stores_is_seen_before_it_commits_and_stays_when_it_rolls_back) {
  Store store = with_counters();
  WriteTransaction tx = store.begin_write();
  counters(tx).hits = 5;
  counters(tx).levels[2].store(-1);
  EXPECT_EQ(counters(store).hits, 5U);
  tx.rollback();
  EXPECT_EQ(counters(store).hits, 5U);
  EXPECT_EQ(counters(store).levels[2], -1);
}

TEST_F(AtomicTest, commits_of_neighbouring_lines_leave_it_alone) {
  Store store = with_counters();
  for (std::uint64_t round = 1; round <= 20; ++round) {
    WriteTransaction tx = store.begin_write();
    Counters& sut = tx.modify(counters(tx));
    sut.before = sut.between = round;
    sut.name = "a name of more characters than fit " + std::to_string(round);
    add_elsewhere(store, 10);
    EXPECT_EQ(sut.hits, round * 11 - 1) << "the working view shows the shared value";
    sut.hits += 1;
    if (round % 3 == 0) {
      tx.rollback();
    } else {
      tx.commit();
    }
    ASSERT_EQ(counters(store).hits, round * 11);
    ASSERT_EQ(counters(store).between, round % 3 == 0 ? round - 1 : round);
  }
  expect_sound(store);
}

TEST_F(AtomicTest, handing_out_a_box_that_holds_it_does_not_publish_over_it) {
  Store store = open();
  store.write(
      [](WriteTransaction& tx) { tx.construct<Boxed>("boxed").counters.emplace().hits = 1; });
  const auto& seen = *store.begin_read().find<Boxed>("boxed")->counters;
  WriteTransaction tx = store.begin_write();
  Boxed& boxed = *tx.find<Boxed>("boxed");
  Counters& sut = *boxed.counters;
  boxed.counters->before = 7;
  Ptr<Counters>(boxed.counters.get()).edit().between = 8;
  seen.hits += 100;
  sut.hits += 1000;
  tx.commit();
  EXPECT_EQ(seen.hits, 1101U);
  EXPECT_EQ(seen.before, 7U);
  EXPECT_EQ(seen.between, 8U);
}

TEST_F(AtomicTest, in_the_transaction_that_makes_it_it_is_that_transactions_own) {
  Store store = with_counters();
  // Twice: on pages that are committed already, and on those that the file gains.
  for (const std::size_t spread : {std::size_t{1}, std::size_t{1} << 20}) {
    WriteTransaction tx = store.begin_write();
    auto& filler = tx.find_or_construct<Vec<char>>("filler");
    filler.resize(filler.size() + spread);
    auto& sut = tx.construct<Boxed>("boxed");
    for (std::uint64_t i = 0; i < 100; ++i) {
      sut.many.push_back(make_box<Atomic<std::uint64_t>>(i));
      *sut.many.back() += 1;
      sut.in_place.emplace_back(i).fetch_add(2);
    }
    tx.commit();
    store.read([](const ReadTransaction& section) {
      const auto& stored = *section.find<Boxed>("boxed");
      for (std::uint64_t i = 0; i < 100; ++i) {
        ASSERT_EQ(*stored.many[i], i + 1);
        ASSERT_EQ(stored.in_place[i], i + 2);
        stored.in_place[i] += 1;
      }
    });
    store.write([](WriteTransaction& next) {
      auto& stored = *next.find<Boxed>("boxed");
      for (std::uint64_t i = 0; i < 100; ++i) ASSERT_EQ(stored.in_place[i]--, i + 3);
    });
    expect_sound(store);
    store.write([](WriteTransaction& next) { next.destroy<Boxed>("boxed"); });
    expect_sound(store);
  }
}

TEST_F(AtomicTest, a_creation_that_is_rolled_back_leaves_what_was_there) {
  Store store = with_counters();
  store.write([](WriteTransaction& tx) {
    auto& filler = tx.construct<Vec<std::uint64_t>>("filler");
    filler.assign(8, 0x1111111111111111U);
  });
  for (int round = 0; round < 3; ++round) {
    WriteTransaction tx = store.begin_write();
    tx.destroy<Vec<std::uint64_t>>("filler");
    Vec<Box<Atomic<std::uint64_t>>> made;
    for (int i = 0; i < 50; ++i) made.push_back(make_box<Atomic<std::uint64_t>>(7U));
    for (auto& one : made) *one += 1;
    counters(tx).hits += 1;
    made.clear();
    tx.rollback();
  }
  EXPECT_EQ(numbers(store, "filler"), Values(8, 0x1111111111111111U));
  EXPECT_EQ(counters(store).hits, 3U);
  expect_sound(store);
}

TEST_F(AtomicTest, a_destruction_that_is_rolled_back_keeps_increments_made_meanwhile) {
  Store store = with_counters();
  for (std::uint64_t round = 1; round <= 5; ++round) {
    WriteTransaction tx = store.begin_write();
    ASSERT_TRUE(tx.destroy<Counters>("counters"));
    // Something else is made of its bytes.
    auto& other = tx.construct<std::array<std::uint64_t, sizeof(Counters) / 8>>("other");
    other.fill(0xABABABABABABABABU);
    add_elsewhere(store, 4);
    tx.rollback();
    ASSERT_EQ(counters(store).hits, 4 * round);
  }
  expect_sound(store);
}

TEST_F(AtomicTest, its_line_can_become_another_object_and_an_atomic_again) {
  Store store = open();
  for (std::uint64_t round = 0; round < 10; ++round) {
    store.write([&](WriteTransaction& tx) {
      tx.construct<Atomic<std::uint64_t>>("atomic", round);
      if (round % 2 == 0) return;
      // Also in one and the same transaction.
      tx.destroy<Atomic<std::uint64_t>>("atomic");
      tx.construct<Atomic<std::uint64_t>>("atomic", round);
    });
    const auto& sut = found<std::uint64_t>(store);
    ASSERT_EQ(sut, round);
    sut += 1000;
    using Line = std::array<std::uint64_t, 8>;
    store.write([&](WriteTransaction& tx) {
      ASSERT_EQ(tx.find<Atomic<std::uint64_t>>("atomic")->load(), round + 1000);
      tx.destroy<Atomic<std::uint64_t>>("atomic");
      auto& line = *static_cast<Line*>(tx.heap().allocate(sizeof(Line), 64));
      line.fill(round);
      tx.heap().deallocate(&line, sizeof(Line));
      tx.construct<Line>("line", Line{round});
    });
    const Line line = store.read([](const ReadTransaction& tx) { return *tx.find<Line>("line"); });
    ASSERT_EQ(line, Line{round});
    store.write([](WriteTransaction& tx) { tx.destroy<Line>("line"); });
    expect_sound(store);
  }
}

/// What replaces an Atomic is published even where it looks the same: until then its readers go on.
TEST_F(AtomicTest, late_increments_of_one_that_is_replaced_do_not_reach_what_replaces_it) {
  Store store = open();
  store.write([](WriteTransaction& tx) { tx.construct<Atomic<std::uint64_t>>("atomic"); });
  std::atomic<bool> entered{false};
  std::thread reader([&] {
    const ReadTransaction section = store.begin_read();
    const auto& before = *section.find<Atomic<std::uint64_t>>("atomic");
    entered = true;
    // By then the commit has seen both and waits for this section.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    before += 5;
  });
  while (!entered) std::this_thread::yield();
  Ref<Atomic<std::uint64_t>> old_place;
  Ref<Atomic<std::uint64_t>> new_place;
  store.write([&](WriteTransaction& tx) {
    old_place = tx.ref(*tx.find<Atomic<std::uint64_t>>("atomic"));
    tx.destroy<Atomic<std::uint64_t>>("atomic");
    new_place = tx.ref(tx.construct<Atomic<std::uint64_t>>("atomic"));
  });
  reader.join();
  ASSERT_EQ(new_place, old_place) << "or this shows nothing";
  EXPECT_EQ(found<std::uint64_t>(store), 0U);
}

TEST_F(AtomicTest, its_value_is_there_when_the_store_is_opened_again) {
  for (const auto& how : {options(), power_options()}) {
    const std::string name = how.durability == Durability::power ? "power" : "process";
    {
      Store store = Store::open(path(name), how);
      store.write([](WriteTransaction& tx) { tx.construct<Counters>("counters"); });
      counters(store).hits += 42;
      store.close();
    }
    Store store = Store::open(path(name), how);
    EXPECT_EQ(counters(store).hits, 42U);
    expect_sound(store);
  }
}

TEST_F(AtomicTest, after_a_power_cut_it_is_whole_and_as_of_its_creation_or_later) {
  {
    Store store = with_counters(power_options());
    counters(store).hits += 42;
  }
  pretend_reboot(path());
  Store store = open(power_options());
  EXPECT_TRUE(counters(store).hits == 0U || counters(store).hits == 42U);
  store.checkpoint();
  counters(store).hits = 43;
  store.checkpoint();
  EXPECT_EQ(counters(store).hits, 43U);
  expect_sound(store);
}

TEST_F(AtomicTest, the_views_of_a_closed_store_are_not_taken_for_those_of_the_next) {
  for (std::uint64_t round = 1; round <= 20; ++round) {
    Store a = Store::open(path("a"), options());
    Store b = Store::open(path("b"), options());
    for (Store* store : {&a, &b}) {
      store->write([](WriteTransaction& tx) { tx.find_or_construct<Counters>("counters"); });
      counters(*store).hits += store == &a ? 1U : 100U;
    }
    ASSERT_EQ(counters(a).hits, round);
    ASSERT_EQ(counters(b).hits, round * 100);
  }
}

TEST_F(AtomicTest, in_a_transaction_of_another_thread_it_is_refused_by_name) {
  Store store = with_counters();
  WriteTransaction tx = store.begin_write();
  const Counters& sut = counters(tx);
  std::thread([&] {
    expect_error(errc::no_transaction, store.path(), {}, [&] { (void)sut.hits.load(); });
  }).join();
}

TEST_F(AtomicTest, increments_of_threads_add_up_beside_commits_and_rollbacks) {
  Store store = with_counters();
  constexpr std::uint64_t each = 2000;
  std::vector<std::thread> threads;
  for (int reader = 0; reader < 3; ++reader) {
    threads.emplace_back([&] {
      for (std::uint64_t i = 0; i < each; ++i) {
        store.read([](const ReadTransaction& tx) { tx.find<Counters>("counters")->hits += 1; });
      }
    });
  }
  for (std::uint64_t i = 0; i < 200; ++i) {
    WriteTransaction tx = store.begin_write();
    Counters& sut = tx.modify(counters(tx));
    sut.before += 1;
    sut.hits += 1;
    sut.between += 1;
    if (i % 2 == 0) {
      tx.commit();
    } else {
      tx.rollback();
    }
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counters(store).hits, 3 * each + 200);
  EXPECT_EQ(counters(store).before, 100U);
}

TEST_F(AtomicTest, a_waiter_of_another_thread_is_woken_by_a_change_and_a_notification) {
  Store store = with_counters();
  const Counters& sut = counters(store);
  for (std::uint64_t round = 0; round < 50; ++round) {
    std::thread waiter([&] { sut.hits.wait(round); });
    sut.hits += 1;
    if (round % 2 == 0) {
      sut.hits.notify_all();
    } else {
      sut.hits.notify_one();
    }
    waiter.join();
  }
  EXPECT_FALSE(sut.hits.wait_for(50, std::chrono::milliseconds(5)));
  EXPECT_TRUE(sut.hits.wait_for(7, std::chrono::milliseconds(5)));
  EXPECT_FALSE(
      sut.hits.wait_until(50, std::chrono::steady_clock::now() + std::chrono::milliseconds(5)));
}

TEST_F(AtomicTest, check_names_one_whose_line_was_written_to) {
  Store store = with_counters();
  auto& line = *reinterpret_cast<AtomicFormat*>(live_line(&counters(store).levels[1]));
  for (std::byte* const byte : {reinterpret_cast<std::byte*>(&line.magic),
                                reinterpret_cast<std::byte*>(&line.reserved[39])}) {
    const std::byte before = std::exchange(*byte, std::byte{1});
    const CheckReport report = store.check();
    *byte = before;
    ASSERT_EQ(report.problems.size(), 1U);
    EXPECT_TRUE(contains(report.problems[0], "counters.levels[1]")) << report.problems[0];
  }
  expect_sound(store);
}

TEST_F(AtomicTest, a_change_beside_it_that_nobody_declared_is_still_found) {
  Store store = with_counters();
  store.write([](WriteTransaction& tx) { tx.modify(counters(tx)).before = 1; });
  counters(store).hits += 9;
  expect_error(errc::unmarked_write, store.path(), {},
               [&] { store.write([](WriteTransaction& tx) { counters(tx).before = 2; }); });
  EXPECT_EQ(counters(store).hits, 9U);
}

}  // namespace
}  // namespace cairn::test

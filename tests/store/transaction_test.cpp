// SPDX-License-Identifier: BSL-1.0
#include <stdexcept>
#include <thread>

#include "temp_store.hpp"

namespace cairn::test {
namespace {

class Transaction : public StoreTest {};

struct Account {
  std::uint64_t balance = 0;
  Vec<std::uint64_t> entries;
};
BOOST_DESCRIBE_STRUCT(Account, (), (balance, entries))

TEST_F(Transaction, commit_makes_changes_visible_and_lasting) {
  {
    Store sut = open();
    EXPECT_EQ(sut.sequence(), 1U);
    push(sut, 7);
    EXPECT_EQ(numbers(sut), Values{7});
    EXPECT_EQ(sut.sequence(), 2U);
  }
  const Store again = open();
  EXPECT_EQ(numbers(again), Values{7});
  EXPECT_EQ(again.sequence(), 2U);
  expect_sound(again);
}

TEST_F(Transaction, commit_returns_one_more_for_each_change_and_the_same_without_one) {
  Store sut = open();
  WriteTransaction first = sut.begin_write();
  first.construct<Numbers>("a");
  EXPECT_EQ(first.commit(), 2U);
  EXPECT_FALSE(first.active());
  WriteTransaction second = sut.begin_write();
  second.find<Numbers>("a");
  EXPECT_EQ(second.commit(), 2U);
  EXPECT_EQ(sut.sequence(), 2U);
}

TEST_F(Transaction, writing_the_bytes_that_are_there_is_no_change) {
  Store sut = open();
  push(sut, 1);
  const std::uint64_t before = sut.sequence();
  sut.write([](WriteTransaction& tx) { tx.find<Numbers>("numbers")->at(0) = 1; });
  EXPECT_EQ(sut.sequence(), before);
}

TEST_F(Transaction, write_and_read_return_what_their_bodies_return) {
  Store sut = open();
  EXPECT_EQ(sut.write([](WriteTransaction& tx) { return tx.sequence(); }), 1U);
  EXPECT_EQ(sut.read([](const ReadTransaction& tx) { return tx.sequence() + 10; }), 11U);
}

TEST_F(Transaction, a_body_that_throws_leaves_nothing_behind) {
  Store sut = open();
  push(sut, 1);
  const std::uint64_t used = sut.used();
  const std::uint64_t size = sut.size();
  const std::vector<std::byte> before = read_bytes(path());
  // Pages behind the end of the heap may hold anything.
  const auto heap_end =
      read_struct<std::uint64_t>(path(), live_words_offset + offsetof(LiveWords, heap_end));
  EXPECT_THROW(sut.write([](WriteTransaction& tx) {
    Numbers& old = *tx.find<Numbers>("numbers");
    for (std::uint64_t i = 0; i < 200'000; ++i) old.push_back(i);
    for (int i = 0; i < 100; ++i) tx.construct<String>("name" + std::to_string(i), "text");
    tx.destroy<Numbers>("numbers");
    throw std::runtime_error("enough");
  }),
               std::runtime_error);
  EXPECT_EQ(numbers(sut), Values{1});
  EXPECT_EQ(sut.used(), used);
  EXPECT_EQ(sut.size(), size);
  const std::vector<std::byte> after = read_bytes(path());
  ASSERT_EQ(after.size(), before.size());
  EXPECT_EQ(
      std::memcmp(after.data() + heap_begin, before.data() + heap_begin, heap_end - heap_begin), 0);
  expect_sound(sut);
}

TEST_F(Transaction, a_transaction_let_go_is_rolled_back) {
  Store sut = open();
  push(sut, 1);
  {
    WriteTransaction dropped = sut.begin_write();
    dropped.find<Numbers>("numbers")->push_back(2);
  }
  EXPECT_EQ(numbers(sut), Values{1});
  push(sut, 3);
  EXPECT_EQ(numbers(sut), (Values{1, 3}));
}

TEST_F(Transaction, rollback_by_hand_ends_the_transaction) {
  Store sut = open();
  WriteTransaction tx = sut.begin_write();
  tx.construct<Numbers>("numbers");
  tx.rollback();
  EXPECT_FALSE(tx.active());
  tx.rollback();
  EXPECT_EQ(error_of([&] { tx.find<Numbers>("numbers"); }).code(), errc::no_transaction);
  EXPECT_EQ(error_of([&] { tx.commit(); }).code(), errc::no_transaction);
  push(sut, 5);
  EXPECT_EQ(numbers(sut), Values{5});
}

TEST_F(Transaction, moves_carry_the_transaction_and_assignment_rolls_the_target_back) {
  Store sut = open();
  WriteTransaction first = sut.begin_write();
  first.construct<Numbers>("numbers").push_back(1);
  WriteTransaction second = std::move(first);
  EXPECT_FALSE(first.active());  // NOLINT(bugprone-use-after-move): the test
  EXPECT_TRUE(second.active());
  second.commit();
  WriteTransaction third = sut.begin_write();
  third.find<Numbers>("numbers")->push_back(2);
  third = WriteTransaction(std::move(second));
  EXPECT_FALSE(third.active());
  EXPECT_EQ(numbers(sut), Values{1});
}

TEST_F(Transaction, many_rollbacks_and_commits_in_turn_never_leak) {
  Store sut = open();
  push(sut, 0);
  const std::uint64_t used = sut.used();
  for (int round = 0; round < 50; ++round) {
    EXPECT_THROW(sut.write([&](WriteTransaction& tx) {
      tx.construct<Numbers>("temporary", static_cast<std::size_t>(round) * 1000, 1U);
      throw std::runtime_error("no");
    }),
                 std::runtime_error);
    sut.write([&](WriteTransaction& tx) {
      tx.construct<Numbers>("temporary", static_cast<std::size_t>(round) * 1000, 1U);
    });
    sut.write([&](WriteTransaction& tx) { EXPECT_TRUE(tx.destroy<Numbers>("temporary")); });
  }
  EXPECT_EQ(sut.used(), used);
  expect_sound(sut);
}

TEST_F(Transaction, a_second_one_on_the_same_thread_is_refused_by_name) {
  Store sut = open();
  WriteTransaction first = sut.begin_write();
  expect_error(errc::transaction_active, path(), {"let it go, first"}, [&] { sut.begin_write(); });
  EXPECT_TRUE(first.active());
  first.construct<Numbers>("numbers");
  first.commit();
  EXPECT_TRUE(numbers(sut).empty());
}

TEST_F(Transaction, threads_take_turns) {
  Store sut = open();
  push(sut, 0);
  const auto add = [&] {
    for (int i = 0; i < 200; ++i) {
      sut.write([](WriteTransaction& tx) { ++tx.find<Numbers>("numbers")->at(0); });
    }
  };
  std::thread other(add);
  add();
  other.join();
  EXPECT_EQ(numbers(sut), Values{400});
  EXPECT_EQ(sut.sequence(), 2U + 400U);
}

TEST_F(Transaction, two_stores_can_be_written_at_once_by_one_thread) {
  Store left = open();
  Store right = Store::open(path("other"), options());
  WriteTransaction a = left.begin_write();
  WriteTransaction b = right.begin_write();
  Numbers& in_a = a.construct<Numbers>("numbers");
  Numbers& in_b = b.construct<Numbers>("numbers");
  in_a.push_back(1);
  in_b.push_back(2);
  in_a.push_back(3);
  a.commit();
  in_b.push_back(4);
  b.commit();
  EXPECT_EQ(numbers(left), (Values{1, 3}));
  EXPECT_EQ(numbers(right), (Values{2, 4}));
  expect_sound(left);
  expect_sound(right);
}

TEST_F(Transaction, a_plain_field_is_changed_through_modify) {
  Store sut = open();
  sut.write([](WriteTransaction& tx) { tx.construct<Account>("account").balance = 5; });
  sut.write([](WriteTransaction& tx) { tx.modify(*tx.find<Account>("account")).balance = 6; });
  EXPECT_EQ(
      sut.read([](const ReadTransaction& tx) { return tx.find<Account>("account")->balance; }), 6U);
}

TEST_F(Transaction, verify_writes_names_a_change_that_nothing_declared_and_takes_it_back) {
  Store sut = open();
  sut.write([](WriteTransaction& tx) { tx.construct<Account>("account").balance = 5; });
  std::uint64_t offset = 0;
  const Error error = error_of([&] {
    sut.write([&](WriteTransaction& tx) {
      Account& account = *tx.find<Account>("account");
      offset = tx.ref(account).offset();
      account.balance = 6;
    });
  });
  EXPECT_EQ(error.code(), errc::unmarked_write);
  EXPECT_TRUE(contains(error.what(), "offset " + std::to_string(offset))) << error.what();
  sut.write([](WriteTransaction& tx) {
    EXPECT_EQ(tx.find<Account>("account")->balance, 5U);
    tx.modify(*tx.find<Account>("account")).balance = 7;
  });
  EXPECT_EQ(
      sut.read([](const ReadTransaction& tx) { return tx.find<Account>("account")->balance; }), 7U);
}

TEST_F(Transaction, a_mark_outside_the_store_is_refused) {
  Store sut = open();
  WriteTransaction tx = sut.begin_write();
  int local = 0;
  expect_error(errc::no_transaction, path(), {"find", "needs no mark"},
               [&] { tx.mark(&local, sizeof local); });
  expect_error(errc::no_transaction, path(), {"find", "needs no mark"}, [&] { tx.modify(local); });
}

TEST_F(Transaction, a_change_after_its_transaction_ended_is_refused) {
  Store sut = open();
  Numbers* kept = nullptr;
  sut.write([&](WriteTransaction& tx) { kept = &tx.construct<Numbers>("numbers"); });
  expect_error(errc::no_transaction, path(), {}, [&] { kept->push_back(1); });
  EXPECT_TRUE(numbers(sut).empty());
}

TEST_F(Transaction, a_change_through_a_read_section_is_refused) {
  Store sut = open();
  push(sut, 1);
  sut.read([&](const ReadTransaction& tx) {
    auto& seen = const_cast<Numbers&>(*tx.find<Numbers>("numbers"));
    expect_error(errc::write_inside_read, path(), {}, [&] { seen.push_back(2); });
    expect_error(errc::write_inside_read, path(), {}, [&] { seen[0] = 2; });
  });
  EXPECT_EQ(numbers(sut), Values{1});
}

TEST_F(Transaction, a_write_begun_or_committed_inside_a_read_section_is_refused) {
  Store sut = open();
  push(sut, 1);
  sut.read([&](const ReadTransaction&) {
    expect_error(errc::write_inside_read, path(), {}, [&] { sut.begin_write(); });
  });
  WriteTransaction tx = sut.begin_write();
  tx.find<Numbers>("numbers")->push_back(2);
  {
    const ReadTransaction section = sut.begin_read();
    expect_error(errc::write_inside_read, path(), {}, [&] { tx.commit(); });
  }
  EXPECT_FALSE(tx.active());
  EXPECT_EQ(numbers(sut), Values{1});
}

TEST_F(Transaction, a_temporary_with_content_outside_a_transaction_is_refused) {
  const Store sut = open();
  EXPECT_EQ(error_of([] { Numbers loose{1, 2, 3}; }).code(), errc::no_transaction);
}

TEST_F(Transaction, blocks_of_the_heap_itself_are_transactional_too) {
  Store sut = open();
  std::uint64_t offset = 0;
  sut.write([&](WriteTransaction& tx) {
    auto* block = static_cast<std::uint64_t*>(tx.heap().allocate(20'000, 4096));
    tx.mark(block, 20'000);
    block[0] = 11;
    block[2499] = 12;
    offset = tx.ref(*block).offset();
    EXPECT_EQ(offset % 4096, 0U);
  });
  const std::uint64_t used = sut.used();
  sut.read([&](const ReadTransaction& tx) {
    const std::uint64_t* block = &tx[Ref<std::uint64_t>(offset)];
    EXPECT_EQ(block[0], 11U);
    EXPECT_EQ(block[2499], 12U);
  });
  EXPECT_GE(sut.check().unowned_bytes, 20'000U);
  sut.write(
      [&](WriteTransaction& tx) { tx.heap().deallocate(&tx[Ref<std::uint64_t>(offset)], 20'000); });
  EXPECT_LE(sut.used() + 20'000, used);
  EXPECT_EQ(sut.check().unowned_bytes, 0U);
}

TEST_F(Transaction, zero_on_allocate_hands_out_no_old_bytes) {
  Options how = options();
  how.zero_on_allocate = true;
  Store sut = open(how);
  for (const std::size_t bytes : {64U, 1000U, 50'000U}) {
    std::uint64_t offset = 0;
    sut.write([&](WriteTransaction& tx) {
      void* block = tx.heap().allocate(bytes);
      tx.mark(block, bytes);
      std::memset(block, 0x5A, bytes);
      offset = tx.ref(*static_cast<char*>(block)).offset();
    });
    sut.write([&](WriteTransaction& tx) {
      tx.heap().deallocate(&tx[Ref<char>(offset)], bytes);
      const auto* block = static_cast<const char*>(tx.heap().allocate(bytes));
      for (std::size_t i = 0; i < bytes; ++i) ASSERT_EQ(block[i], 0) << i << " of " << bytes;
    });
  }
}

TEST_F(Transaction, a_commit_may_ask_for_less_but_not_for_more_than_the_store_promises) {
  Store cache = open();
  expect_error(errc::durability_mismatch, path(), {"commit with Durability::process"}, [&] {
    cache.write(Durability::power, [](WriteTransaction& tx) { tx.construct<Numbers>("numbers"); });
  });
  EXPECT_EQ(cache.sequence(), 1U);
  cache.write(Durability::process, [](WriteTransaction& tx) { tx.construct<Numbers>("numbers"); });
  EXPECT_EQ(cache.sequence(), 2U);
  Store safe = Store::open(path("safe"), power_options());
  safe.write(Durability::process, [](WriteTransaction& tx) { tx.construct<Numbers>("numbers"); });
  safe.write(Durability::power, [](WriteTransaction& tx) { tx.construct<Numbers>("more"); });
  EXPECT_EQ(safe.sequence(), 3U);
}

}  // namespace
}  // namespace cairn::test

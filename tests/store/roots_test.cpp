// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <set>
#include <stdexcept>

#include "temp_store.hpp"

namespace cairn::test {
namespace {

class Roots : public StoreTest {};

struct Older {
  std::uint32_t id = 0;
  std::uint32_t age = 0;
};
BOOST_DESCRIBE_STRUCT(Older, (), (id, age))

struct Newer {
  std::uint32_t id = 0;
  float age = 0;
};
BOOST_DESCRIBE_STRUCT(Newer, (), (id, age))

struct Refuses {
  explicit Refuses(bool now = true) {
    if (now) throw std::runtime_error("refused");
  }
  std::uint64_t value = 0;
};
BOOST_DESCRIBE_STRUCT(Refuses, (), (value))

TEST_F(Roots, find_is_null_where_there_is_none) {
  Store sut = open();
  sut.write([](WriteTransaction& tx) {
    EXPECT_EQ(tx.find<String>("absent"), nullptr);
    EXPECT_FALSE(tx.destroy<String>("absent"));
    EXPECT_TRUE(tx.names().empty());
  });
  sut.read([](const ReadTransaction& tx) {
    EXPECT_EQ(tx.find<String>("absent"), nullptr);
    EXPECT_TRUE(tx.names().empty());
  });
}

TEST_F(Roots, construct_passes_its_arguments_on_and_refuses_a_taken_name) {
  Store sut = open();
  sut.write([](WriteTransaction& tx) { tx.construct<String>("greeting", "hello"); });
  expect_error(errc::already_exists, path(), {"greeting"}, [&] {
    sut.write([](WriteTransaction& tx) { tx.construct<String>("greeting", "other"); });
  });
  sut.write([](WriteTransaction& tx) {
    EXPECT_EQ(tx.find_or_construct<String>("greeting", "third"), "hello");
    EXPECT_EQ(tx.find_or_construct<String>("farewell", "bye"), "bye");
  });
  sut.read([](const ReadTransaction& tx) {
    EXPECT_EQ(*tx.find<String>("greeting"), "hello");
    EXPECT_EQ(*tx.find<String>("farewell"), "bye");
    EXPECT_EQ(tx.names().size(), 2U);
  });
  expect_sound(sut);
}

TEST_F(Roots, a_constructor_that_throws_changes_nothing_and_the_transaction_goes_on) {
  Store sut = open();
  push(sut, 1);
  const std::uint64_t used = sut.used();
  sut.write([](WriteTransaction& tx) {
    EXPECT_THROW(tx.construct<Refuses>("refuses", true), std::runtime_error);
    EXPECT_EQ(tx.find<Refuses>("refuses"), nullptr);
    tx.find<Numbers>("numbers")->push_back(2);
  });
  EXPECT_EQ(numbers(sut), (Values{1, 2}));
  EXPECT_LE(sut.used(), used + 64);
  expect_sound(sut);
}

TEST_F(Roots, destroy_gives_name_and_blocks_back) {
  Store sut = open();
  sut.write([](WriteTransaction& tx) { tx.construct<String>("first", "x"); });
  const std::uint64_t used = sut.used();
  sut.write([](WriteTransaction& tx) {
    auto& many = tx.construct<Vec<String>>("many");
    for (int i = 0; i < 500; ++i) many.emplace_back(std::string(100, 'x'));
  });
  EXPECT_GT(sut.used(), used + 50'000);
  sut.write([](WriteTransaction& tx) { EXPECT_TRUE(tx.destroy<Vec<String>>("many")); });
  EXPECT_EQ(sut.used(), used);
  sut.read([](const ReadTransaction& tx) { EXPECT_EQ(tx.find<Vec<String>>("many"), nullptr); });
  sut.write([](WriteTransaction& tx) { tx.construct<std::uint64_t>("many", 3U); });
  EXPECT_EQ(sut.read([](const ReadTransaction& tx) { return *tx.find<std::uint64_t>("many"); }),
            3U);
  expect_sound(sut);
}

TEST_F(Roots, another_type_is_an_error_that_shows_both) {
  Store sut = open();
  sut.write([](WriteTransaction& tx) { tx.construct<HashMap<std::uint64_t, Older>>("people"); });
  const std::vector<std::string> parts = {"people", describe_type<HashMap<std::uint64_t, Older>>(),
                                          describe_type<HashMap<std::uint64_t, Newer>>()};
  using Wrong = HashMap<std::uint64_t, Newer>;
  expect_error(errc::type_mismatch, path(), parts,
               [&] { sut.read([](const ReadTransaction& tx) { tx.find<Wrong>("people"); }); });
  expect_error(errc::type_mismatch, path(), parts, [&] {
    sut.write([](WriteTransaction& tx) { tx.find_or_construct<Wrong>("people"); });
  });
  expect_error(errc::type_mismatch, path(), parts,
               [&] { sut.write([](WriteTransaction& tx) { tx.destroy<Wrong>("people"); }); });
  EXPECT_EQ(sut.sequence(), 2U);
}

TEST_F(Roots, ten_thousand_names_are_all_found_again) {
  constexpr std::uint64_t count = 10'000;
  const auto name = [](std::uint64_t i) { return "object/" + std::to_string(i * 7919); };
  {
    Store sut = open();
    sut.write([&](WriteTransaction& tx) {
      for (std::uint64_t i = 0; i < count; ++i) tx.construct<std::uint64_t>(name(i), i);
    });
    sut.write([&](WriteTransaction& tx) {
      for (std::uint64_t i = 0; i < count; i += 2) tx.destroy<std::uint64_t>(name(i));
    });
  }
  const Store sut = open();
  sut.read([&](const ReadTransaction& tx) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto* found = tx.find<std::uint64_t>(name(i));
      ASSERT_EQ(found != nullptr, i % 2 == 1) << i;
      ASSERT_EQ(found == nullptr ? i : *found, i);
    }
    const auto names = tx.names();
    EXPECT_EQ(names.size(), count / 2);
    EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), count / 2);
  });
  expect_sound(sut);
}

TEST_F(Roots, names_may_hold_any_bytes_but_not_none_and_not_too_many) {
  Store sut = open();
  const std::string odd("a\0b\n\xff", 5);
  const std::string longest(largest_name_bytes, 'n');
  sut.write([&](WriteTransaction& tx) {
    tx.construct<std::uint64_t>(odd, 1U);
    tx.construct<std::uint64_t>(longest, 2U);
  });
  sut.read([&](const ReadTransaction& tx) {
    EXPECT_EQ(*tx.find<std::uint64_t>(odd), 1U);
    EXPECT_EQ(*tx.find<std::uint64_t>(longest), 2U);
    EXPECT_EQ(tx.find<std::uint64_t>("a"), nullptr);
  });
  sut.write([&](WriteTransaction& tx) {
    expect_error(errc::invalid_argument, path(), {"4096", "4097"},
                 [&] { tx.construct<std::uint64_t>(longest + "n"); });
    expect_error(errc::invalid_argument, path(), {"0"}, [&] { tx.construct<std::uint64_t>(""); });
  });
  expect_sound(sut);
}

TEST_F(Roots, a_ref_names_an_object_across_transactions_and_openings) {
  Ref<String> ref;
  {
    Store sut = open();
    sut.write([&](WriteTransaction& tx) { ref = tx.ref(tx.construct<String>("text", "one")); });
    sut.write([&](WriteTransaction& tx) { tx[ref] += " and two"; });
  }
  const Store sut = open();
  sut.read([&](const ReadTransaction& tx) {
    EXPECT_EQ(tx[ref], "one and two");
    EXPECT_EQ(tx.ref(*tx.find<String>("text")), ref);
  });
}

TEST_F(Roots, a_ref_to_nowhere_is_an_error) {
  Store sut = open();
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{8}, heap_begin - 8,
                                     heap_begin + 1, std::uint64_t{1} << 40, ~std::uint64_t{7}}) {
    const Ref<std::uint64_t> ref(offset);
    expect_error(errc::invalid_argument, path(), {std::to_string(offset)},
                 [&] { sut.read([&](const ReadTransaction& tx) { return tx[ref]; }); });
    expect_error(errc::invalid_argument, path(), {std::to_string(offset)},
                 [&] { sut.write([&](WriteTransaction& tx) { return tx[ref]; }); });
  }
  std::uint64_t local = 0;
  EXPECT_EQ(error_of([&] { sut.write([&](WriteTransaction& tx) { tx.ref(local); }); }).code(),
            errc::invalid_argument);
}

TEST_F(Roots, the_catalog_tells_type_and_size_of_every_root) {
  Store sut = open();
  sut.write([](WriteTransaction& tx) {
    tx.construct<String>("text");
    tx.construct<HashMap<std::uint32_t, String>>("map");
  });
  std::set<std::string> seen;
  sut.read([&](const ReadTransaction& tx) {
    EXPECT_EQ(tx.catalog().count(), 2U);
    tx.catalog().for_each([&](const RootInfo& root) {
      seen.insert(std::string(root.name) + ": " + std::string(root.type) + ", " +
                  std::to_string(root.bytes));
    });
  });
  EXPECT_EQ(seen, (std::set<std::string>{"text: " + describe_type<String>() + ", 24",
                                         "map: " + describe_type<HashMap<std::uint32_t, String>>() +
                                             ", 24"}));
}

}  // namespace
}  // namespace cairn::test

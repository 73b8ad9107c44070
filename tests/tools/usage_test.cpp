// SPDX-License-Identifier: BSL-1.0
// `cairn ls` and `cairn du`: every byte of a store has one row.
#include "json_output.hpp"

namespace cairn::test {
namespace {

struct Person {
  String name;
  std::uint32_t age = 0;
};
BOOST_DESCRIBE_STRUCT(Person, (), (name, age))

class Usage : public JsonOutputTest {
 protected:
  Usage() {
    Store store = open();
    store.write([](WriteTransaction& tx) {
      auto& people = tx.construct<HashMap<std::uint64_t, Person>>("people");
      for (std::uint64_t i = 0; i < 100; ++i) people[i].name = std::string(i, 'n');
      tx.construct<Numbers>("numbers", 1'000U, 7U);
      tx.construct<Person>("person");
      tx.construct<std::uint64_t>("answer", 42U);
      // Freed again: free space in the middle of the heap.
      tx.construct<Numbers>("gone", 50'000U, 1U);
      tx.construct<Numbers>("last", 5U, 1U);
    });
    store.write([](WriteTransaction& tx) { tx.destroy<Numbers>("gone"); });
  }
};

TEST_F(Usage, ls_shows_names_shortened_types_elements_and_bytes) {
  const Result result = run("ls '" + path() + "'");
  EXPECT_EQ(result.status, 0) << result.err;
  expect_lines(result.out, {"root", "elements", "bytes", "type", "people", "100",
                            "HashMap<u64,{name, age},cairn1>", "numbers", "1,000", "Vec<u64>"});
  const Json roots = json("ls")["roots"];
  ASSERT_EQ(roots.size(), 5U);
  EXPECT_EQ(
      roots[0],
      Json({{"name", "answer"}, {"type", "u64"}, {"elements", 1}, {"bytes", 8}, {"blocks", 1}}));
  EXPECT_EQ(roots[2]["name"], "numbers");
  EXPECT_EQ(roots[2]["elements"], 1000);
  EXPECT_EQ(roots[2]["blocks"], 2);
  EXPECT_GE(roots[2]["bytes"], 24 + 8'000);
  EXPECT_EQ(roots[3]["elements"], 100);
  EXPECT_EQ(roots[4]["type"], "{name, age}");
  EXPECT_EQ(roots[4]["elements"], 2);
}

TEST_F(Usage, du_accounts_for_every_byte_of_the_file) {
  const Json use = json("du");
  expect_every_byte_counted_once(use);
  EXPECT_EQ(use["data_bytes"], std::filesystem::file_size(path()));
  EXPECT_EQ(use["log_bytes"], std::filesystem::file_size(path() + "-log"));
  EXPECT_GE(use["free_bytes"], 400'000);
  EXPECT_EQ(use["unowned_bytes"], 0);
  const Store store = open();
  EXPECT_EQ(store.used(), sum_of_bytes(use["roots"]) + use["catalog_bytes"].get<std::uint64_t>() +
                              use["slack_bytes"].get<std::uint64_t>());
}

TEST_F(Usage, du_tells_the_bytes_of_each_type_once) {
  std::map<std::string, Json> types;
  const Json use = json("du");
  for (const Json& row : use["types"]) types[row["type"]] = row;
  // Names of up to 23 characters stand in the string itself.
  EXPECT_EQ(types.at("String")["blocks"], 76);
  EXPECT_EQ(types.at("HashMap<u64,{name, age},cairn1>")["blocks"], 2);
  EXPECT_EQ(types.at("Vec<u64>")["blocks"], 4);
  const Result table = run("du '" + path() + "'");
  expect_lines(table.out, {"people", "free in the heap", "log file", "owned by", "String"});
}

TEST_F(Usage, du_shows_blocks_that_nobody_owns) {
  open().write([](WriteTransaction& tx) { tx.heap().allocate(5'000); });
  EXPECT_EQ(json("du")["unowned_bytes"], FreeListAllocator::usable_bytes(5'000, 16));
  const Result check = run("check '" + path() + "'");
  EXPECT_EQ(check.status, 0);
  expect_lines(check.err, {"no root owns the block of "});
}

TEST_F(Usage, damage_is_told_and_ends_in_status_one) {
  std::uint64_t at = 0;
  open().read(
      [&](const ReadTransaction& tx) { at = tx.ref(*tx.find<Numbers>("numbers")).offset(); });
  write_struct(path(), at + 8, std::uint64_t{1} << 40);
  for (const std::string command : {"ls", "du"}) {
    const Result result = run(command + " '" + path() + "'");
    EXPECT_EQ(result.status, 1);
    expect_lines(result.out, {"people", "numbers"});
    expect_lines(result.err, {"numbers: a Vec of size"});
    EXPECT_EQ(run(command + " --json '" + path() + "'").status, 1);
  }
}

TEST_F(Usage, an_empty_store_is_shown_as_such) {
  Store::create(path("empty"), options());
  EXPECT_EQ(run("ls '" + path("empty") + "'").out, "no roots\n");
  EXPECT_EQ(run("du '" + path("empty") + "'").status, 0);
  EXPECT_EQ(Json::parse(run("dump --json '" + path("empty") + "'").out)["roots"], Json::array());
}

}  // namespace
}  // namespace cairn::test

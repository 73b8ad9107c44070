// SPDX-License-Identifier: BSL-1.0
// `cairn backup`: a snapshot from the command line.
#include <sys/stat.h>

#include <filesystem>

#include "json_output.hpp"

namespace cairn::test {
namespace {

class BackupCommand : public JsonOutputTest {
 protected:
  std::string words(const std::string& destination = "backup") const {
    return "backup '" + path() + "' '" + path(destination) + "'";
  }
  Values backed_up() const {
    const Store store = Store::open_existing(path("backup"), options());
    EXPECT_FALSE(store.last_recovery().needed);
    expect_sound(store);
    return numbers(store);
  }
};

TEST_F(BackupCommand, it_says_what_it_wrote) {
  Store store = open();
  push(store, 1);
  const Result result = run(words());
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  expect_lines(result.out, {"store       " + path(), "backup      " + path("backup"),
                            "sequence    2", "data file   ", " bytes), ", "took        "});
  EXPECT_EQ(backed_up(), Values{1});
}

TEST_F(BackupCommand, as_json_it_can_be_parsed) {
  Store store = open();
  push(store, 1);
  const Result result = run(words() + " --json --copy");
  ASSERT_EQ(result.status, 0) << result.err;
  const Json json = Json::parse(result.out);
  EXPECT_EQ(json["path"], path());
  EXPECT_EQ(json["destination"], path("backup"));
  EXPECT_EQ(json["sequence"], 2);
  EXPECT_EQ(json["data_bytes"], std::filesystem::file_size(path("backup")));
  EXPECT_EQ(json["shares_blocks"], false);
  EXPECT_GE(json["seconds"], 0.0);
}

TEST_F(BackupCommand, it_works_beside_a_transaction_and_has_none_of_it) {
  Store store = open();
  push(store, 1);
  WriteTransaction tx = store.begin_write();
  tx.find<Numbers>("numbers")->push_back(2);
  const Result result = run(words());
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(backed_up(), Values{1});
  tx.commit();
  EXPECT_EQ(numbers(store), (Values{1, 2}));
}

TEST_F(BackupCommand, it_recovers_a_store_whose_last_user_died) {
  push_and_die(1);
  EXPECT_EQ(run(words()).status, 0);
  EXPECT_EQ(backed_up(), Values{1});
}

TEST_F(BackupCommand, permission_to_read_is_enough) {
  {
    Store store = open();
    push(store, 1);
    store.close();
  }
  ::chmod(directory().path().c_str(), 0777);
  ::chmod(path().c_str(), 0444);
  ::chmod((path() + "-log").c_str(), 0444);
  const auto data = read_bytes(path());
  EXPECT_TRUE(succeeds_for_anybody(words()));
  EXPECT_EQ(read_bytes(path()), data);
  EXPECT_EQ(backed_up(), Values{1});
}

TEST_F(BackupCommand, what_is_in_the_way_is_a_message_and_status_two) {
  {
    Store store = open();
    push(store, 1);
  }
  write_bytes(path("backup"), std::vector<std::byte>(10, std::byte{'x'}));
  const Result taken = run(words());
  EXPECT_EQ(taken.status, 2);
  EXPECT_EQ(taken.out, "");
  expect_lines(taken.err, {"cairn: ", path("backup"), "already exists"});
  EXPECT_EQ(std::filesystem::file_size(path("backup")), 10U);
  EXPECT_FALSE(std::filesystem::exists(path("backup-log")));
  const Result nowhere = run(words("absent/backup"));
  EXPECT_EQ(nowhere.status, 2);
  expect_lines(nowhere.err, {path("absent"), "not found"});
  const Result no_store = run("backup '" + path("absent") + "' '" + path("other") + "'");
  EXPECT_EQ(no_store.status, 2);
  EXPECT_FALSE(std::filesystem::exists(path("other")));
  EXPECT_EQ(run("backup '" + path() + "'").status, 64);
}

}  // namespace
}  // namespace cairn::test

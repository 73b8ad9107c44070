// SPDX-License-Identifier: BSL-1.0
// Runs the built program, as a shell would.
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "command_line.hpp"
#include "forked_child.hpp"

namespace cairn::test {
namespace {

struct Person {
  String name;
  std::uint32_t age = 0;
};
BOOST_DESCRIBE_STRUCT(Person, (), (name, age))

class CommandLine : public CommandLineTest {
 protected:
  void make() const {
    Store store = open();
    store.write([](WriteTransaction& tx) {
      auto& people = tx.construct<HashMap<std::uint64_t, Person>>("people");
      people.try_emplace(1).first->second.name = "a name too long to stand in the string itself";
      tx.construct<Numbers>("numbers", 5U, 1U);
    });
  }
};

TEST_F(CommandLine, help_names_the_commands_and_a_wrong_command_is_64) {
  const Result help = run("--help");
  EXPECT_EQ(help.status, 0);
  expect_lines(help.out, {"info", "check", "ls", "dump", "du", "ps", "backup", "Exit status"});
  const Result version = run("--version");
  EXPECT_EQ(version.status, 0);
  EXPECT_TRUE(version.out.starts_with("cairn ")) << version.out;
  EXPECT_EQ(run("").status, 64);
  const Result unknown = run("frobnicate");
  EXPECT_EQ(unknown.status, 64);
  expect_lines(unknown.err, {"no command \"frobnicate\"", "--help"});
  EXPECT_EQ(run("info").status, 64);
}

TEST_F(CommandLine, info_tells_header_roots_and_processes) {
  make();
  const Result result = run("info '" + path() + "'");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  expect_lines(result.out,
               {path(), "durability  process", "uuid", "created", "UTC", "checkpoint", "log",
                "sequence    2", "people", describe_type<HashMap<std::uint64_t, Person>>(),
                "numbers", describe_type<Numbers>(), "cairn info", "alive", "recovery"});
}

TEST_F(CommandLine, info_shows_other_processes_and_disturbs_none) {
  make();
  Options how = options();
  how.label = "somebody else";
  Store store = open(how);
  const WriteTransaction tx = store.begin_write();
  const Result result = run("info '" + path() + "'");
  EXPECT_EQ(result.status, 0) << result.err;
  expect_lines(result.out, {"somebody else", "writing", std::to_string(::getpid())});
  EXPECT_TRUE(tx.active());
}

TEST_F(CommandLine, info_as_json_can_be_parsed) {
  make();
  open().write([](WriteTransaction& tx) { tx.construct<std::uint64_t>("odd \xff name", 1U); });
  const Result result = run("info --json '" + path() + "'");
  ASSERT_EQ(result.status, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["path"], path());
  EXPECT_EQ(json["sequence"], 3);
  EXPECT_EQ(json["durability"], "process");
  EXPECT_EQ(json["data_bytes"], std::filesystem::file_size(path()));
  EXPECT_EQ(json["roots"].size(), 3U);
  EXPECT_EQ(json["roots"][0]["name"], "numbers");
  EXPECT_EQ(json["roots"][0]["type"], describe_type<Numbers>());
  EXPECT_EQ(json["processes"].size(), 1U);
  EXPECT_TRUE(json["problems"].empty());
}

TEST_F(CommandLine, check_finds_a_sound_store_sound) {
  make();
  const Result result = run("check '" + path() + "'");
  EXPECT_EQ(result.status, 0) << result.err;
  expect_lines(result.out, {path(), "sound", "2 roots"});
  const auto json = nlohmann::json::parse(run("check --json '" + path() + "'").out);
  EXPECT_TRUE(json["ok"]);
  EXPECT_EQ(json["roots"], 2);
}

TEST_F(CommandLine, check_fails_on_damage_inside_an_object_and_says_where) {
  make();
  std::uint64_t at = 0;
  open().read(
      [&](const ReadTransaction& tx) { at = tx.ref(*tx.find<Numbers>("numbers")).offset(); });
  // The size of the Vec: larger than its capacity now.
  write_struct(path(), at + 8, std::uint64_t{1} << 40);
  const Result result = run("check '" + path() + "'");
  EXPECT_EQ(result.status, 1) << result.out;
  EXPECT_EQ(result.out, "");
  expect_lines(result.err, {"numbers", "damaged, 1 problem found"});
  const Result json = run("check --json '" + path() + "'");
  EXPECT_EQ(json.status, 1);
  EXPECT_FALSE(nlohmann::json::parse(json.out)["ok"]);
}

/// As a process leaves it whose sync failed.
TEST_F(CommandLine, check_tells_of_a_failed_sync_which_is_no_damage) {
  make();
  const auto mark_failed = [this] {
    write_struct(path(), live_words_offset + offsetof(LiveWords, failed), std::uint32_t{1});
  };
  {
    const Store in_use = open();
    mark_failed();
    const Result marked = run("check '" + path() + "'");
    EXPECT_EQ(marked.status, 0) << marked.err;
    expect_lines(marked.out, {"sound"});
    expect_lines(marked.err, {path(), "a sync failed", "until every process has closed it"});
    const auto json = nlohmann::json::parse(run("check --json '" + path() + "'").out);
    EXPECT_TRUE(json["ok"]);
    EXPECT_TRUE(json["sync_failed"]);
  }
  const Result recovered = run("check '" + path() + "'");
  EXPECT_EQ(recovered.status, 0) << recovered.err;
  expect_lines(recovered.err, {path(), "recovered after a failed sync"});
  const Result later = run("check '" + path() + "'");
  EXPECT_EQ(later.err, "") << "it is told once";
  EXPECT_FALSE(nlohmann::json::parse(run("check --json '" + path() + "'").out)["sync_failed"]);
}

TEST_F(CommandLine, names_and_labels_cannot_steer_the_terminal) {
  std::uint64_t at = 0;
  Options how = options();
  how.label = "\x1b[1mbold";
  Store store = open(how);
  store.write([&](WriteTransaction& tx) {
    // Escape, a new line, the one-byte escapes as character and as byte; and what may stay.
    auto& numbers = tx.construct<Numbers>("\x1b[2Jgone\n\x7f\u009b K\u00f6rper", 5U, 1U);
    at = tx.ref(numbers).offset();
    tx.construct<Numbers>("byte \x9b\xff", 5U, 1U);
  });
  const auto expect_harmless = [](const std::string& text) {
    for (const char* const control : {"\x1b", "gone\n", "\x7f", "\u009b", "byte \x9b"}) {
      EXPECT_FALSE(contains(text, control)) << text;
    }
  };
  for (const std::string command : {"info", "ls", "du", "dump"}) {
    const Result result = run(command + " '" + path() + "'");
    EXPECT_EQ(result.status, 0) << result.err;
    expect_lines(result.out, {"?[2Jgone??? K\u00f6rper"});
    expect_harmless(result.out);
  }
  const Result unknown = run("dump '" + path() + "' \"$(printf '\\033[2Jgone')\"");
  expect_lines(unknown.err, {"no root \"?[2Jgone\""});
  expect_harmless(unknown.err);
  store.close();
  write_struct(path(), at + 8, std::uint64_t{1} << 40);
  for (const std::string command : {"check", "ls", "du", "dump"}) {
    const Result result = run(command + " '" + path() + "'");
    EXPECT_EQ(result.status, 1) << result.out;
    expect_lines(result.err, {"?[2Jgone??? K\u00f6rper"});
    expect_harmless(result.err);
  }
}

TEST_F(CommandLine, an_absent_or_foreign_file_is_a_message_and_nothing_is_created) {
  for (const std::string command : {"info", "check", "ls", "dump", "du", "ps"}) {
    const Result absent = run(command + " '" + path("absent") + "'");
    EXPECT_EQ(absent.status, 2);
    expect_lines(absent.err, {path("absent"), "not found"});
    EXPECT_FALSE(std::filesystem::exists(path("absent")));
    EXPECT_FALSE(std::filesystem::exists(path("absent-log")));
    write_bytes(path("text"), std::vector<std::byte>(5000, std::byte{'x'}));
    const Result foreign = run(command + " '" + path("text") + "'");
    EXPECT_EQ(foreign.status, 2);
    expect_lines(foreign.err, {path("text"), "not a cairn store"});
  }
}

TEST_F(CommandLine, info_prints_what_a_damaged_store_still_tells) {
  make();
  const std::string uuid = nlohmann::json::parse(run("info --json '" + path() + "'").out)["uuid"];
  std::filesystem::resize_file(path(), heap_begin + 2 * page_bytes);
  const Result cut = run("info '" + path() + "'");
  EXPECT_EQ(cut.status, 2);
  expect_lines(cut.out, {uuid, "durability  process", "checkpoint"});
  expect_lines(cut.err, {path(), "bytes"});
  for (const std::uint64_t slot : {0U, 1U}) {
    write_struct(path(), meta_offset(slot), std::array<std::byte, 64>{});
  }
  const Result torn = run("info --json '" + path() + "'");
  EXPECT_EQ(torn.status, 2);
  const auto json = nlohmann::json::parse(torn.out);
  EXPECT_EQ(json["uuid"], uuid);
  EXPECT_FALSE(json.contains("checkpoint"));
  EXPECT_FALSE(json["problems"].empty());
}

TEST_F(CommandLine, every_command_works_beside_a_reader_that_keeps_the_files_still) {
  make();
  open().close();
  const auto data = read_bytes(path());
  {
    const Channel channel;
    ForkedChild reader([&] {
      const Store store = Store::open_read_only(path(), options());
      channel.tell_parent();
      channel.hear_parent();
      return true;
    });
    channel.hear_child();
    const Result result = run("ls '" + path() + "'");
    EXPECT_EQ(result.status, 0) << result.err;
    expect_lines(result.out, {"numbers", "people"});
    channel.tell_child();
    EXPECT_TRUE(reader.succeeded());
  }
  EXPECT_EQ(read_bytes(path()), data);
}

TEST_F(CommandLine, permission_to_read_is_enough_for_every_command) {
  make();
  open().close();
  ::chmod(directory().path().c_str(), 0755);
  ::chmod(path().c_str(), 0444);
  ::chmod((path() + "-log").c_str(), 0444);
  const auto data = read_bytes(path());
  for (const std::string command : {"info", "check", "ls", "dump", "du", "ps"}) {
    EXPECT_TRUE(succeeds_for_anybody(command + " '" + path() + "'")) << command;
  }
  EXPECT_EQ(read_bytes(path()), data);
}

TEST_F(CommandLine, info_reports_the_recovery_that_it_ran) {
  push_and_die(1);
  const Result result = run("info '" + path() + "'");
  EXPECT_EQ(result.status, 0) << result.err;
  expect_lines(result.out, {"took over from a dead process", "numbers"});
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

#include "forked_child.hpp"
#include "json_output.hpp"
#include "slow_reader.hpp"

namespace cairn::test {
namespace {

class Ps : public JsonOutputTest {
 protected:
  Store open_as(const std::string& label) const {
    Options how = options();
    how.label = label;
    return open(how);
  }
};

TEST_F(Ps, a_closed_store_has_no_processes) {
  {
    Store store = open();
    push(store, 1);
    store.close();
  }
  const Result result = run("ps '" + path() + "'");
  EXPECT_EQ(result.status, 0) << result.err;
  expect_lines(result.out, {path(), "sequence    2", "write lock  free", "no processes"});
}

TEST_F(Ps, shows_each_process_with_what_it_is_at) {
  Store store = open_as("somebody");
  push(store, 1);
  const ReadTransaction section = store.begin_read();
  const std::string pid = std::to_string(::getpid());
  const Result result = run("ps '" + path() + "'");
  EXPECT_EQ(result.status, 0) << result.err;
  expect_lines(result.out,
               {"slot", "pid", "label", "phase", "for", "last sign", "state", "reading", pid,
                "somebody", "alive", "thread " + pid + " at 2", "write lock  free"});
  const auto seen = json("ps");
  EXPECT_EQ(seen["sequence"], 2);
  ASSERT_EQ(seen["processes"].size(), 1U) << "it shows itself";
  const auto& row = seen["processes"][0];
  EXPECT_EQ(row["pid"], ::getpid());
  EXPECT_EQ(row["phase"], "reading");
  EXPECT_TRUE(row["phase_age_ns"].is_null());
  EXPECT_TRUE(row["alive"]);
  EXPECT_EQ(row["readers"].at(0)["sequence"], 2);
}

TEST_F(Ps, times_stand_to_the_right_also_over_a_minute_and_where_there_is_none) {
  Store store = open_as("somebody");
  push(store, 1);
  const ReadTransaction section = store.begin_read();
  const std::uint64_t long_ago = uptime_ns() - 61'000'000'000;
  for (const std::size_t field :
       {offsetof(ProcessSlot, started_ns), offsetof(ProcessSlot, heartbeat_ns)}) {
    write_struct(path(), process_table_offset + field, long_ago);
  }
  // One column narrower than its header.
  expect_lines(run("ps '" + path() + "'").out, {"phase    for  last sign", "reading    -   1 m 0"});
  expect_lines(run("info '" + path() + "'").out, {"     since  last sign  state", "s  alive"});
}

TEST_F(Ps, shows_who_holds_the_write_lock) {
  Store store = open_as("the writer");
  push(store, 1);
  std::optional<WriteTransaction> tx = store.begin_write();
  const Result result = run("ps '" + path() + "'");
  expect_lines(result.out, {"write lock  held by process " + std::to_string(::getpid()) +
                                " \"the writer\" (slot 0), in its transaction",
                            "writing"});
  EXPECT_FALSE(contains(result.out, "others wait"));
  EXPECT_EQ(json("ps")["write_lock"]["slot"], 0);
  tx->commit();
  EXPECT_FALSE(json("ps")["write_lock"]["held"]);
}

TEST_F(Ps, shows_what_is_held_back_and_for_whom) {
  Store store = open_as("the slow one");
  push(store, 1);
  SlowReader reader(store);
  push(store, 2);
  push(store, 3);
  const Result result = run("ps '" + path() + "'");
  expect_lines(result.out,
               {"sequence    4", "held back   2 of the newest commits", "of log; thread ",
                "of process " + std::to_string(::getpid()) + " \"the slow one\" reads at 2"});
  const auto seen = json("ps");
  EXPECT_EQ(seen["sequence"], 4);
  EXPECT_EQ(seen["held_back"]["commits"], 2);
  EXPECT_GT(seen["held_back"]["log_bytes"], 0);
  reader.leave();
  EXPECT_FALSE(contains(run("ps '" + path() + "'").out, "held back"));
}

TEST_F(Ps, tells_since_when_a_section_is_waited_for) {
  using std::chrono::milliseconds;
  Store store = open();
  push(store, 1);
  SlowReader in_the_way(store);
  std::this_thread::sleep_for(milliseconds(60));
  const auto sections = [&] {
    std::map<std::uint64_t, Json> found;
    const Json all = json("ps");
    for (const Json& each : all["processes"][0]["readers"]) {
      found[each["sequence"]] = each["waited_for_ns"];
    }
    return found;
  };
  EXPECT_TRUE(sections().at(2).is_null()) << "it is in nobody's way";
  const auto before = std::chrono::steady_clock::now();
  push(store, 2);
  const SlowReader at_the_newest(store);
  std::this_thread::sleep_for(milliseconds(30));
  push(store, 3);
  const auto seen = sections();
  const std::chrono::nanoseconds most = std::chrono::steady_clock::now() - before;
  // The clock is coarse.
  constexpr std::chrono::nanoseconds tick = milliseconds(20);
  EXPECT_GE(seen.at(2), (milliseconds(30) - tick).count());
  EXPECT_LE(seen.at(2), (most + tick).count()) << "since it was met, not since it began";
  EXPECT_TRUE(seen.at(3).is_null()) << "the older one is in the way, and is waited for";
  expect_lines(run("ps '" + path() + "'").out, {"reads at 2, in the way for the last "});
  in_the_way.leave();
  push(store, 4);
  EXPECT_FALSE(sections().at(3).is_null()) << "now it is its turn";
  expect_lines(run("ps '" + path() + "'").out, {"reads at 3, in the way for the last "});
}

TEST_F(Ps, names_a_fenced_transaction_that_holds_back_what_is_committed) {
  Store store = open();
  push(store, 1);
  const Channel channel;
  ForkedChild writer([&] {
    Store own = open_as("fenced");
    const WriteTransaction held = own.begin_write();
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  writer.stop();
  store.recover({true, std::chrono::milliseconds(10)});
  push(store, 2);
  const std::string name = "process " + std::to_string(writer.pid()) + " \"fenced\"";
  expect_lines(run("ps '" + path() + "'").out,
               {"held back", "; a transaction of " + name + " that was fenced goes on"});
  writer.kill_now();
  EXPECT_FALSE(contains(run("ps '" + path() + "'").out, "was fenced"));
}

TEST_F(Ps, shows_the_dead_and_recovers_nothing) {
  const Channel channel;
  ForkedChild writer([&] {
    Store store = open_as("doomed");
    push(store, 1);
    const WriteTransaction held = store.begin_write();
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  const std::string pid = std::to_string(writer.pid());
  writer.kill_now();
  const std::vector<std::byte> before = read_bytes(path());
  const Result result = run("ps '" + path() + "'");
  EXPECT_EQ(result.status, 0) << result.err;
  expect_lines(result.out, {"left by process " + pid + " \"doomed\" that died", "dead", pid});
  EXPECT_EQ(read_bytes(path()), before);
}

TEST_F(Ps, works_where_every_slot_is_taken_and_takes_none) {
  { const Store made = open(); }
  Channel channel;
  std::vector<ForkedChild> all;
  for (std::uint64_t i = 0; i < process_slot_count; ++i) {
    all.emplace_back([&, i] {
      const Store store = open_as("worker " + std::to_string(i));
      channel.tell_parent();
      channel.hear_parent();
      return true;
    });
    channel.hear_child();
  }
  EXPECT_EQ(json("ps")["processes"].size(), process_slot_count);
  EXPECT_EQ(run("info '" + path() + "'").status, 2);
  for (std::uint64_t i = 0; i < process_slot_count; ++i) channel.tell_child();
  for (ForkedChild& each : all) EXPECT_TRUE(each.succeeded());
}

TEST_F(Ps, works_while_somebody_is_stuck_in_opening) {
  { const Store made = open(); }
  // As an opener that stands still holds it.
  const File own = File::open(path(), File::Access::read_write);
  const ByteLock opening = ByteLock::try_acquire(own, 0);
  ASSERT_TRUE(opening);
  EXPECT_EQ(run("ps '" + path() + "'").status, 0);
}

TEST_F(Ps, says_so_where_the_live_words_are_of_another_boot) {
  const Channel channel;
  ForkedChild writer([&] {
    const Store store = open_as("before the restart");
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  writer.kill_now();
  pretend_reboot(path());
  const Result result = run("ps '" + path() + "'");
  EXPECT_EQ(result.status, 0) << result.err;
  expect_lines(result.out, {"not opened since this system was started", "no processes"});
  EXPECT_FALSE(json("ps")["current"]);
}

TEST_F(Ps, a_label_cannot_steer_the_terminal) {
  const Store store = open_as("\x1b[2Jgone");
  const Result result = run("ps '" + path() + "'");
  expect_lines(result.out, {"?[2Jgone"});
  EXPECT_FALSE(contains(result.out, "\x1b"));
}

TEST_F(Ps, rubbish_in_the_live_words_is_printed_and_harms_nobody) {
  { const Store made = open(); }
  std::vector<std::byte> rubbish(heap_begin - live_words_offset);
  for (std::size_t i = 0; i < rubbish.size(); ++i) rubbish[i] = static_cast<std::byte>(37 * i + 11);
  File::open(path(), File::Access::read_write).write_at(live_words_offset, rubbish);
  write_struct(path(), live_words_offset + offsetof(LiveWords, boot_id), current_boot_id());
  const Result result = run("ps '" + path() + "'");
  EXPECT_EQ(result.status, 0) << result.err;
  expect_lines(result.out, {"unknown phase", "dead"});
  EXPECT_EQ(json("ps")["processes"].size(), process_slot_count);
}

TEST_F(Ps, watching_prints_again_and_ends_well_with_a_signal) {
  Store store = open_as("watched");
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ForkedChild watcher([&] {
    ::dup2(ends[1], STDOUT_FILENO);
    ::execl(CAIRN_PROGRAM, CAIRN_PROGRAM, "ps", path().c_str(), "--watch", "--json", "--interval",
            "0.05", nullptr);
    return false;
  });
  ::close(ends[1]);
  const auto next_line = [&] {
    std::string line;
    char byte = 0;
    while (::read(ends[0], &byte, 1) == 1 && byte != '\n') line += byte;
    return line;
  };
  EXPECT_EQ(Json::parse(next_line())["sequence"], 1);
  push(store, 1);
  std::uint64_t sequence = 1;
  for (int look = 0; look < 1000 && sequence == 1; ++look) {
    sequence = Json::parse(next_line())["sequence"];
  }
  EXPECT_EQ(sequence, 2U);
  ::kill(watcher.pid(), SIGINT);
  while (!next_line().empty()) {
  }
  ::close(ends[0]);
  EXPECT_TRUE(watcher.succeeded());
}

TEST_F(Ps, watching_as_text_shows_the_table_again_and_again) {
  Store store = open_as("watched");
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ForkedChild watcher([&] {
    ::dup2(ends[1], STDOUT_FILENO);
    ::execl(CAIRN_PROGRAM, CAIRN_PROGRAM, "ps", path().c_str(), "--watch", "--interval", "0.05",
            nullptr);
    return false;
  });
  ::close(ends[1]);
  std::string text;
  const auto read_until = [&](const std::string& part) {
    std::array<char, 4096> some{};
    while (!contains(text, part)) {
      const ssize_t got = ::read(ends[0], some.data(), some.size());
      if (got <= 0) return false;
      text.append(some.data(), static_cast<std::size_t>(got));
    }
    return true;
  };
  ASSERT_TRUE(read_until("write lock  free")) << text;
  EXPECT_TRUE(contains(text, "sequence    1")) << text;
  EXPECT_TRUE(contains(text, "\"watched\"") || contains(text, "watched")) << text;
  EXPECT_FALSE(contains(text, "sequence    2")) << text;
  push(store, 1);
  text.clear();
  ASSERT_TRUE(read_until("sequence    2")) << text;
  ASSERT_TRUE(read_until("alive")) << text;
  text.clear();
  ASSERT_TRUE(read_until("sequence    2")) << "it goes on where nothing changes";
  ::kill(watcher.pid(), SIGINT);
  EXPECT_FALSE(read_until("nothing that it prints"));
  ::close(ends[0]);
  EXPECT_TRUE(watcher.succeeded());
}

TEST_F(Ps, an_interval_out_of_range_is_a_wrong_command_line) {
  { const Store made = open(); }
  EXPECT_EQ(run("ps '" + path() + "' --watch --interval 0").status, 64);
}

TEST_F(Ps, an_interval_of_nothing_is_a_wrong_command_line) {
  { const Store made = open(); }
  const Result result = run("ps '" + path() + "' --interval 2");
  EXPECT_EQ(result.status, 64);
  EXPECT_EQ(result.out, "");
  expect_lines(result.err, {"--interval", "--watch"});
}

}  // namespace
}  // namespace cairn::test

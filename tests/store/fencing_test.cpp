// SPDX-License-Identifier: BSL-1.0
// A writer that lives and does not go on, whose transaction others end.
#include <array>
#include <atomic>
#include <thread>

#include "cairn/mapping/drill_hooks.hpp"
#include "forked_child.hpp"
#include "slow_reader.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

using namespace std::chrono_literals;

constexpr RecoverOptions fence_soon{true, std::chrono::milliseconds(10)};

class Fencing : public StoreTest, public ::testing::WithParamInterface<Durability> {
 protected:
  static Options how() {
    Options small = GetParam() == Durability::power ? power_options() : options();
    small.label = "the stuck one";
    return small;
  }
  static Options hasty() {
    Options small = how();
    small.label = "the hasty one";
    small.lock_timeout = 50ms;
    return small;
  }
  /// A process that fills many fresh pages in its transaction, says so, waits, fills more of them,
  /// and finds itself fenced. Then it goes on with another transaction.
  ForkedChild sleeper(const Channel& channel, std::uint64_t values = 100'000) const {
    return ForkedChild([this, &channel, values] {
      Store store = open(how());
      bool fenced = false;
      try {
        store.write([&](WriteTransaction& tx) {
          auto& all = tx.find_or_construct<Numbers>("sleeper's");
          all.assign(values, 1);
          channel.tell_parent(store.size());
          channel.hear_parent();
          for (std::uint64_t& value : all) value = 2;
        });
      } catch (const Error& error) {
        fenced = error == errc::fenced;
        if (!fenced) std::fprintf(stderr, "sleeper: %s\n", error.what());
      }
      channel.tell_parent(fenced ? 1 : 0);
      channel.hear_parent();
      push(store, 77);
      channel.tell_parent();
      channel.hear_parent();
      return fenced;
    });
  }
  static void fill(Store& store, const std::string& name, std::uint64_t count) {
    store.write([&](WriteTransaction& tx) {
      auto& all = tx.find_or_construct<Numbers>(name);
      for (std::uint64_t i = 0; i < count; ++i) all.push_back(i);
    });
  }
  static bool is_counted(const Store& store, const std::string& name, std::uint64_t count) {
    const Values all = numbers(store, name);
    if (all.size() != count) return false;
    for (std::uint64_t i = 0; i < count; ++i) {
      if (all[i] != i) return false;
    }
    return true;
  }
};

INSTANTIATE_TEST_SUITE_P(Levels, Fencing, ::testing::Values(Durability::process, Durability::power),
                         [](const auto& level) {
                           return std::string(level.param == Durability::power ? "power"
                                                                               : "process");
                         });

TEST_P(Fencing, a_stopped_writer_is_fenced_and_harms_nobody_when_it_wakes) {
  const Channel channel;
  ForkedChild other = sleeper(channel);
  const std::uint64_t grown = channel.hear_child();
  Store sut = open(how());
  other.stop();
  const RecoveryReport report = sut.recover(fence_soon);
  EXPECT_EQ(report.fenced_pid, static_cast<std::uint32_t>(other.pid()));
  EXPECT_FALSE(report.took_over);
  EXPECT_GT(report.quarantined_bytes, 100'000 * sizeof(std::uint64_t));
  EXPECT_TRUE(contains(report.summary(), std::to_string(other.pid())));
  EXPECT_GE(sut.size(), grown);
  fill(sut, "mine", 200'000);
  EXPECT_GT(sut.check().quarantined_bytes, 0U);
  expect_sound(sut);

  other.go_on();
  channel.tell_child();
  EXPECT_EQ(channel.hear_child(), 1U) << "it was not told that it was fenced";
  EXPECT_TRUE(is_counted(sut, "mine", 200'000));
  EXPECT_TRUE(numbers(sut, "sleeper's").empty());
  channel.tell_child();
  channel.hear_child();
  EXPECT_EQ(numbers(sut), Values{77});
  push(sut, 78);
  EXPECT_EQ(sut.check().quarantined_bytes, 0U);
  EXPECT_TRUE(is_counted(sut, "mine", 200'000));
  expect_sound(sut);
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
}

TEST_P(Fencing, pages_set_aside_may_take_more_room_than_the_file_has) {
  // Where they end decides whether the heap needs another leaf of its table, which stands behind
  // them.
  for (const std::uint64_t values : {100'000U, 300'000U, 500'000U, 1'000'000U, 2'000'000U}) {
    SCOPED_TRACE(values);
    const Channel channel;
    std::filesystem::remove(path());
    std::filesystem::remove(path() + "-log");
    {
      Store made = open(how());
      push(made, 1);
    }
    ForkedChild other = sleeper(channel, values);
    const std::uint64_t grown = channel.hear_child();
    other.stop();
    Store sut = open(how());
    const RecoveryReport report = sut.recover(fence_soon);
    EXPECT_EQ(report.fenced_pid, static_cast<std::uint32_t>(other.pid()));
    push(sut, 2);
    EXPECT_GE(sut.size(), grown);
    expect_sound(sut);
    other.go_on();
    channel.tell_child();
    EXPECT_EQ(channel.hear_child(), 1U);
    channel.tell_child();
    channel.hear_child();
    EXPECT_EQ(numbers(sut), (Values{1, 2, 77}));
    channel.tell_child();
    EXPECT_TRUE(other.succeeded());
    expect_sound(sut);
  }
}

TEST_P(Fencing, what_comes_back_is_not_cut_off_under_an_older_section) {
  const Channel channel;
  ForkedChild other = sleeper(channel);
  channel.hear_child();
  other.stop();
  Options how = hasty();
  how.reader_timeout = 20ms;
  Store sut = open(how);
  sut.recover(fence_soon);
  fill(sut, "mine", 100'000);
  const std::uint64_t size = sut.size();
  SlowReader reader(
      sut, [](const ReadTransaction& tx) { EXPECT_EQ(tx.find<Numbers>("mine")->back(), 99'999U); });
  sut.write([](WriteTransaction& tx) { tx.destroy<Numbers>("mine"); });
  EXPECT_EQ(sut.shrink_to_usage(), 0U);
  other.go_on();
  channel.tell_child();
  EXPECT_EQ(channel.hear_child(), 1U);
  // Its pages come back with this one.
  push(sut, 1);
  EXPECT_GE(std::filesystem::file_size(path()), size);
  reader.leave();
  sut.cleanup_failed_resize();
  EXPECT_LT(std::filesystem::file_size(path()), size);
  expect_sound(sut);
  channel.tell_child();
  channel.hear_child();
  EXPECT_EQ(numbers(sut), (Values{1, 77}));
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
}

TEST_P(Fencing, what_was_set_aside_comes_back_when_the_fenced_one_dies) {
  const Channel channel;
  ForkedChild other = sleeper(channel);
  channel.hear_child();
  Store sut = open(how());
  other.stop();
  sut.recover(fence_soon);
  push(sut, 1);
  EXPECT_GT(sut.check().quarantined_bytes, 0U);
  other.kill_now();
  sut.recover();
  EXPECT_EQ(sut.check().quarantined_bytes, 0U);
  expect_sound(sut);
  const std::uint64_t size = sut.size();
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("mine", 100'000U, 1U); });
  EXPECT_EQ(sut.size(), size) << "the pages were not used again";
}

TEST_P(Fencing, what_was_set_aside_comes_back_when_everybody_has_died) {
  const Channel channel;
  const Channel own;
  { const Store made = open(how()); }
  ForkedChild other = sleeper(channel);
  channel.hear_child();
  other.stop();
  ForkedChild fencer([&] {
    Store store = open(how());
    store.recover(fence_soon);
    push(store, 5);
    own.tell_parent();
    own.hear_parent();
    return true;
  });
  own.hear_child();
  other.kill_now();
  fencer.kill_now();
  Store sut = open(how());
  expect_sound(sut);
  push(sut, 6);
  EXPECT_EQ(sut.check().quarantined_bytes, 0U);
  EXPECT_EQ(numbers(sut), (Values{5, 6}));
  expect_sound(sut);
}

TEST_P(Fencing, the_option_fences_when_the_time_is_over) {
  const Channel channel;
  ForkedChild other = sleeper(channel);
  channel.hear_child();
  Options how = hasty();
  how.fence_live_owner = true;
  Store sut = open(how);
  other.stop();
  push(sut, 3);
  EXPECT_EQ(numbers(sut), Values{3});
  EXPECT_EQ(sut.last_recovery().fenced_pid, static_cast<std::uint32_t>(other.pid()));
  other.go_on();
  channel.tell_child();
  EXPECT_EQ(channel.hear_child(), 1U);
}

TEST_P(Fencing, nobody_is_fenced_who_was_not_to_be) {
  const Channel channel;
  ForkedChild other = sleeper(channel);
  channel.hear_child();
  Store sut = open(hasty());
  other.stop();
  expect_error(
      errc::timeout, path(),
      {"50 ms", "the stuck one", "Store::recover({.fence_live_owner = true}) can fence it"},
      [&] { push(sut, 3); });
  expect_error(errc::timeout, path(), {"the stuck one"}, [&] { sut.recover(); });
  other.go_on();
  channel.tell_child();
  EXPECT_EQ(channel.hear_child(), 0U);
  EXPECT_EQ(numbers(sut, "sleeper's").size(), 100'000U);
}

TEST_P(Fencing, a_body_that_is_younger_than_asked_for_is_left_alone) {
  const Channel channel;
  ForkedChild other = sleeper(channel);
  channel.hear_child();
  Store sut = open(hasty());
  expect_error(errc::timeout, path(), {"the stuck one"}, [&] {
    sut.recover({true, std::chrono::hours(1)});
  });
  channel.tell_child();
  EXPECT_EQ(channel.hear_child(), 0U);
}

TEST_P(Fencing, a_second_one_has_to_wait_until_the_first_is_over) {
  const Channel first_channel;
  const Channel second_channel;
  ForkedChild first = sleeper(first_channel);
  first_channel.hear_child();
  first.stop();
  Store sut = open(hasty());
  sut.recover(fence_soon);
  ForkedChild second = sleeper(second_channel);
  second_channel.hear_child();
  second.stop();
  expect_error(
      errc::timeout, path(),
      {std::to_string(second.pid()), "cannot fence", std::to_string(first.pid()), "SIGCONT"},
      [&] { sut.recover(fence_soon); });
  first.go_on();
  first_channel.tell_child();
  EXPECT_EQ(first_channel.hear_child(), 1U);
  // The first is over; its pages are in the heap still, and the second takes its turn.
  const RecoveryReport report = sut.recover(fence_soon);
  EXPECT_EQ(report.fenced_pid, static_cast<std::uint32_t>(second.pid()));
  fill(sut, "mine", 100'000);
  expect_sound(sut);
  second.go_on();
  second_channel.tell_child();
  EXPECT_EQ(second_channel.hear_child(), 1U);
  push(sut, 1);
  EXPECT_EQ(sut.check().quarantined_bytes, 0U);
  EXPECT_TRUE(is_counted(sut, "mine", 100'000));
  expect_sound(sut);
}

TEST_P(Fencing, another_thread_of_the_fenced_process_waits_for_the_body_to_end) {
  const Channel channel;
  { const Store made = open(how()); }
  ForkedChild other([&] {
    Store store = open(how());
    bool fenced = false;
    std::atomic<bool> in_body{false};
    std::atomic<bool> end_body{false};
    std::thread first([&] {
      try {
        store.write([&](WriteTransaction& tx) {
          tx.find_or_construct<Numbers>("sleeper's").assign(100'000, 1);
          in_body = true;
          while (!end_body) std::this_thread::sleep_for(1ms);
          tx.find<Numbers>("sleeper's")->push_back(5);
        });
      } catch (const Error& error) {
        fenced = error == errc::fenced;
      }
    });
    while (!in_body) std::this_thread::yield();
    channel.tell_parent();
    channel.hear_parent();  // fenced
    std::atomic<bool> written{false};
    std::thread second([&] {
      push(store, 8);
      written = true;
    });
    std::this_thread::sleep_for(100ms);
    const bool waited = !written;
    channel.tell_parent();
    channel.hear_parent();  // others can write meanwhile
    end_body = true;
    first.join();
    second.join();
    return fenced && waited && written;
  });
  channel.hear_child();
  Store sut = open(how());
  sut.recover(fence_soon);
  push(sut, 6);
  channel.tell_child();
  channel.hear_child();
  push(sut, 7);
  EXPECT_EQ(numbers(sut), (Values{6, 7}));
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
  EXPECT_EQ(numbers(sut), (Values{6, 7, 8}));
  push(sut, 9);
  expect_sound(sut);
}

TEST_P(Fencing, a_thread_that_waits_in_vain_for_a_fenced_body_is_told_so) {
  const Channel channel;
  { const Store made = open(how()); }
  ForkedChild other([&] {
    Store store = open(hasty());
    WriteTransaction tx = store.begin_write();
    channel.tell_parent();
    channel.hear_parent();
    errc code{};
    std::thread([&] {
      try {
        push(store, 1);
      } catch (const Error& error) {
        code = error == errc::timeout && contains(error.what(), "was fenced") ? errc::timeout
                                                                              : errc::io;
      }
    }).join();
    tx.rollback();
    push(store, 2);
    return code == errc::timeout && numbers(store) == Values{2};
  });
  channel.hear_child();
  Store sut = open(how());
  sut.recover(fence_soon);
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
}

TEST_P(Fencing, a_fenced_one_gains_no_pages_any_more) {
  const Channel channel;
  { const Store made = open(how()); }
  ForkedChild other([&] {
    Store store = open(how());
    WriteTransaction tx = store.begin_write();
    tx.find_or_construct<Numbers>("sleeper's").assign(1000, 1);
    channel.tell_parent();
    channel.hear_parent();
    bool refused = false;
    try {
      tx.find<Numbers>("sleeper's")->resize(1'000'000);
    } catch (const Error& error) {
      refused = error == errc::fenced;
    }
    tx.rollback();
    push(store, 9);
    return refused;
  });
  channel.hear_child();
  Store sut = open(how());
  sut.recover(fence_soon);
  fill(sut, "mine", 300'000);
  const std::uint64_t size = sut.size();
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
  EXPECT_TRUE(is_counted(sut, "mine", 300'000));
  EXPECT_EQ(numbers(sut), Values{9});
  EXPECT_GE(sut.size(), size);
  expect_sound(sut);
}

TEST_P(Fencing, an_atomic_is_not_ended_while_a_fenced_one_may_change_it) {
  const Channel channel;
  {
    Store made = open(how());
    made.write([](WriteTransaction& tx) { tx.construct<Atomic<std::uint64_t>>("count", 5U); });
  }
  ForkedChild other([&] {
    Store store = open(how());
    WriteTransaction tx = store.begin_write();
    auto& count = *tx.find<Atomic<std::uint64_t>>("count");
    channel.tell_parent();
    channel.hear_parent();
    count.fetch_add(1);
    tx.rollback();
    return true;
  });
  channel.hear_child();
  Store sut = open(how());
  sut.recover(fence_soon);
  expect_error(errc::timeout, path(), {"Atomic", std::to_string(other.pid())}, [&] {
    sut.write([](WriteTransaction& tx) {
      const void* const before = tx.find<Atomic<std::uint64_t>>("count");
      tx.destroy<Atomic<std::uint64_t>>("count");
      EXPECT_EQ(tx.heap().allocate(sizeof(Atomic<std::uint64_t>), 64), before);
    });
  });
  push(sut, 1);
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
  sut.write([](WriteTransaction& tx) {
    EXPECT_EQ(tx.find<Atomic<std::uint64_t>>("count")->load(), 6U);
    tx.destroy<Atomic<std::uint64_t>>("count");
  });
  expect_sound(sut);
}

// --- who fences may die at it ------------------------------------------------------------------

const char* stop_at = nullptr;
int stop_with = 0;

void on_point(const char* name) {
  if (stop_at != nullptr && std::string_view(name) == stop_at) ::raise(stop_with);
}
void raise_at(const char* point, int signal) {
  stop_at = point;
  stop_with = signal;
  drill::set_crash_observer(&on_point);
}

TEST_P(Fencing, the_fencer_may_die_at_any_step) {
  for (const char* const point :
       {"takeover.begin", "fence.taken", "fence.measured", "fence.recorded", "takeover.cut",
        "append.before_tail", "append.after_tail", "publish.held_back", "quarantine.reserved",
        "write.locked", "write.active"}) {
    SCOPED_TRACE(point);
    const Channel channel;
    std::filesystem::remove(path());
    std::filesystem::remove(path() + "-log");
    {
      Store made = open(how());
      fill(made, "base", 100);
    }
    ForkedChild other = sleeper(channel);
    channel.hear_child();
    other.stop();
    ForkedChild fencer([&] {
      Options fencing = hasty();
      fencing.fence_live_owner = true;
      Store store = open(fencing);
      raise_at(point, SIGKILL);
      push(store, 5);
      return true;
    });
    EXPECT_FALSE(fencer.succeeded()) << "it did not die there";
    Store sut = open(how());
    fill(sut, "mine", 150'000);
    expect_sound(sut);
    other.go_on();
    channel.tell_child();
    EXPECT_EQ(channel.hear_child(), 1U);
    EXPECT_TRUE(is_counted(sut, "mine", 150'000));
    EXPECT_TRUE(is_counted(sut, "base", 100));
    channel.tell_child();
    channel.hear_child();
    EXPECT_EQ(numbers(sut), Values{77});
    push(sut, 78);
    EXPECT_EQ(sut.check().quarantined_bytes, 0U);
    expect_sound(sut);
    channel.tell_child();
    EXPECT_TRUE(other.succeeded());
  }
}

TEST_P(Fencing, a_guarded_writer_is_named_and_not_fenced) {
  for (const char* const point : {"write.locked", "commit.guarded", "append.before_tail",
                                  "publish.raised", "publish.done", "write.ending"}) {
    SCOPED_TRACE(point);
    std::filesystem::remove(path());
    std::filesystem::remove(path() + "-log");
    { const Store made = open(how()); }
    ForkedChild other([&] {
      Store store = open(how());
      raise_at(point, SIGSTOP);
      push(store, 5);
      return true;
    });
    int status = 0;
    ::waitpid(other.pid(), &status, WUNTRACED);
    ASSERT_TRUE(WIFSTOPPED(status));
    Store sut = open(hasty());
    expect_error(errc::timeout, path(), {"the stuck one", "cannot be interrupted"},
                 [&] { sut.recover(fence_soon); });
    other.go_on();
    EXPECT_TRUE(other.succeeded());
    EXPECT_EQ(numbers(sut), Values{5});
    push(sut, 6);
    EXPECT_EQ(numbers(sut), (Values{5, 6}));
    expect_sound(sut);
  }
}

TEST_P(Fencing, garbage_in_its_words_is_reset_or_named) {
  Store sut = open(how());
  push(sut, 1);
  const auto edit = [&](std::uint64_t owner, std::uint64_t begin, std::uint64_t end) {
    write_struct(path(), live_words_offset + offsetof(LiveWords, quarantine),
                 std::array<std::uint64_t, 4>{owner, 0, begin, end});
  };
  for (const std::uint64_t owner :
       {std::uint64_t{1}, ~std::uint64_t{0}, std::uint64_t{0xFFFF'FF02}, std::uint64_t{77} << 32}) {
    edit(owner, ~std::uint64_t{0}, 5);
    push(sut, 2);
    edit(owner, 0, ~std::uint64_t{0});
    push(sut, 3);
  }
  expect_sound(sut);
  // One that names a living process is believed only as far as it fits.
  const auto nonce = read_struct<std::uint64_t>(path(), process_table_offset);
  const std::uint64_t token = static_cast<std::uint32_t>(nonce >> 40 << 8) | 1U;
  edit(std::uint64_t{1} << 32 | token, 12345, 1 << 20);
  expect_error(errc::corrupt, path(), {"quarantine", "12345"}, [&] { push(sut, 4); });
  edit(0, 0, 0);
  push(sut, 5);
  expect_sound(sut);
}

}  // namespace
}  // namespace cairn::test

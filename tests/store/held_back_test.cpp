// SPDX-License-Identifier: BSL-1.0
// A section that stays keeps commits out of the shared image, and nobody waits for it.
#include "forked_child.hpp"
#include "held_back.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "cairn/recovery/log_format.hpp"

namespace cairn::test {
namespace {

TEST_F(HeldBack, commits_go_on_and_new_sections_see_each_of_them) {
  for (const Options& how : {options(), power_options()}) {
    const std::string name = how.durability == Durability::power ? "power" : "process";
    Store sut = Store::open(path(name), how);
    fill(sut);
    SlowReader reader(sut, sees(0, 0));
    const std::uint64_t before = sut.sequence();
    for (std::uint64_t i = 1; i <= 100; ++i) {
      set(sut, i * 37, i);
      set(sut, 0, i);
      ASSERT_EQ(get(sut, 0), i);
      ASSERT_EQ(get(sut, i * 37), i);
      ASSERT_EQ(sut.sequence(), before + 2 * i);
    }
    expect_sound(sut);
    reader.leave();
    EXPECT_EQ(get(sut, 0), 100U);
    expect_sound(sut);
  }
}

TEST_F(HeldBack, the_data_file_does_not_grow_and_the_log_is_free_again_when_the_reader_leaves) {
  Store sut = open();
  fill(sut);
  const std::uint64_t size = sut.size();
  SlowReader reader(sut, sees(5, 0));
  const std::uint64_t held_at = published();
  for (std::uint64_t i = 1; i <= 200; ++i) set(sut, 5, i);
  EXPECT_EQ(published(), held_at);
  EXPECT_EQ(sut.size(), size);
  reader.leave();
  EXPECT_FALSE(is_held_back());
  sut.checkpoint();
  const auto meta = [&](std::uint64_t index) {
    return read_struct<MetaSlot>(path(), meta_offset(index));
  };
  const std::uint64_t newest = std::max(meta(0).checkpoint_position, meta(1).checkpoint_position);
  EXPECT_EQ(newest, live_word(offsetof(LiveWords, log_tail)));
}

TEST_F(HeldBack, sections_of_one_process_may_each_read_another_state) {
  Store sut = open();
  fill(sut);
  std::vector<std::unique_ptr<SlowReader>> readers;
  for (std::uint64_t i = 1; i <= 6; ++i) {
    readers.push_back(std::make_unique<SlowReader>(sut, sees(7, i - 1)));
    set(sut, 7, i);
  }
  // The oldest last, so that what it holds back is published all at once.
  while (readers.size() > 1) readers.pop_back();
  EXPECT_TRUE(is_held_back());
  set(sut, 7, 7);
  readers.clear();
  EXPECT_FALSE(is_held_back());
  EXPECT_EQ(get(sut, 7), 7U);
}

TEST_F(HeldBack, what_a_section_waits_for_is_published_as_far_as_the_others_let_it) {
  Store sut = open();
  fill(sut);
  SlowReader first(sut, sees(1, 0));
  set(sut, 1, 1);
  SlowReader second(sut, sees(1, 1));
  const std::uint64_t seen_by_second = sut.sequence();
  set(sut, 1, 2);
  first.leave();
  EXPECT_EQ(published(), seen_by_second);
  EXPECT_EQ(get(sut, 1), 2U);
  second.leave();
  EXPECT_EQ(published(), sut.sequence());
}

TEST_F(HeldBack, a_log_that_is_full_grows_with_what_it_has_to_keep) {
  Options how = options();
  how.log_bytes = 64 << 10;
  Store sut = open(how);
  fill(sut);
  SlowReader reader(sut, sees(0, 0));
  std::vector<std::uint64_t> model(cells);
  for (std::uint64_t round = 1; round <= 40; ++round) {
    sut.write([&](WriteTransaction& tx) {
      auto& numbers = *tx.find<Numbers>("numbers");
      for (std::uint64_t i = round % 8; i < cells; i += 8)
        numbers[i] = model[i] = round * cells + i;
    });
    ASSERT_EQ(numbers(sut), model) << round;
  }
  EXPECT_TRUE(is_held_back());
  expect_sound(sut);
  reader.leave();
  EXPECT_EQ(numbers(sut), model);
  EXPECT_GT(std::filesystem::file_size(path() + "-log"), log_ring_offset + how.log_bytes);
  sut.close();
  EXPECT_EQ(std::filesystem::file_size(path() + "-log"), log_ring_offset + how.log_bytes);
  EXPECT_EQ(numbers(open(how)), model);
}

TEST_F(HeldBack, a_log_that_grew_is_cut_by_the_last_to_close_and_by_nobody_else) {
  Options how = options();
  how.log_bytes = 64 << 10;
  const auto log_bytes = [this] { return std::filesystem::file_size(path() + "-log"); };
  for (std::uint64_t round = 1; round <= 3; ++round) {
    Store sut = open(how);
    sut.write([&](WriteTransaction& tx) {
      tx.find_or_construct<Numbers>("numbers").assign(100'000, round);
    });
    sut.write([&](WriteTransaction& tx) {
      for (auto& each : *tx.find<Numbers>("numbers")) ++each;
    });
    EXPECT_GT(log_bytes(), 800'000U);
    EXPECT_TRUE(ForkedChild([&] {
                  open(how).close();
                  return true;
                }).succeeded());
    EXPECT_GT(log_bytes(), 800'000U);
    sut.close();
    EXPECT_EQ(log_bytes(), log_ring_offset + how.log_bytes);
    pretend_reboot(path());
    const Store again = open(how);
    EXPECT_EQ(numbers(again), Values(100'000, round + 1));
    expect_sound(again);
  }
}

TEST_F(HeldBack, past_max_log_bytes_the_reader_is_named_and_nothing_is_committed) {
  Options how = options();
  how.log_bytes = 64 << 10;
  how.max_log_bytes = 300 << 10;
  how.reader_timeout = milliseconds(40);
  how.label = "slow";
  Store sut = open(how);
  fill(sut);
  SlowReader reader(sut, sees(0, 0));
  std::uint64_t done = 0;
  const auto commit_all = [&] {
    for (std::uint64_t i = 1; i <= 100; ++i) {
      sut.write([&](WriteTransaction& tx) {
        auto& numbers = *tx.find<Numbers>("numbers");
        for (std::uint64_t k = 0; k < 1000; ++k) numbers[k] = i;
      });
      done = i;
    }
  };
  const std::string pid = std::to_string(::getpid());
  expect_error(errc::no_space, path(),
               {"thread ", " of process " + pid + " \"slow\", in a read section at commit ",
                "awaited for",
                "is in the way; end that section or its process, or raise Options::max_log_bytes"},
               commit_all);
  ASSERT_GT(done, 10U);
  EXPECT_EQ(get(sut, 999), done);
  EXPECT_EQ(std::filesystem::file_size(path() + "-log"), log_ring_offset + (256U << 10));
  reader.leave();
  set(sut, 0, 77);
  EXPECT_EQ(get(sut, 0), 77U);
  EXPECT_EQ(get(sut, 999), done);
  expect_sound(sut);
}

TEST_F(HeldBack,
       a_writer_that_waits_for_room_in_the_log_is_explained_and_goes_on_when_there_is_some) {
  constexpr std::uint64_t commits = 100;
  Options how = options();
  how.log_bytes = 64 << 10;
  how.max_log_bytes = 300 << 10;
  how.reader_timeout = std::chrono::minutes(1);
  Store sut = open(how);
  fill(sut);
  std::atomic<std::uint64_t> done{0};
  std::jthread writer;
  SlowReader reader(sut, sees(0, 0));
  writer = std::jthread([&] {
    for (std::uint64_t i = 1; i <= commits; ++i) {
      sut.write([&](WriteTransaction& tx) {
        auto& numbers = *tx.find<Numbers>("numbers");
        for (std::uint64_t k = 0; k < 1000; ++k) numbers[k] = i;
      });
      done = i;
    }
  });
  const auto stands_still = [&] {
    const std::uint64_t before = done;
    std::this_thread::sleep_for(milliseconds(200));
    return before != 0 && before == done;
  };
  for (int look = 0; look < 100 && !stands_still(); ++look) {
  }
  EXPECT_LT(done, commits) << "the log is not full";
  const ProcessInfo row = sut.processes().at(0);
  EXPECT_EQ(row.phase, ProcessPhase::publishing);
  const auto older = std::find_if(row.readers.begin(), row.readers.end(),
                                  [](const ReaderInfo& each) { return each.waited_for; });
  EXPECT_TRUE(older != row.readers.end() && *older->waited_for >= milliseconds(100));
  EXPECT_EQ(get(sut, 999), done) << "who reads does not wait";
  reader.leave();
  writer.join();
  EXPECT_EQ(get(sut, 999), commits);
  expect_sound(sut);
}

TEST_F(HeldBack, rolling_back_restores_what_is_committed_and_not_published) {
  Store sut = open();
  fill(sut);
  SlowReader reader(sut, sees(3, 0));
  set(sut, 3, 1);
  set(sut, 4'000, 2);
  for (int i = 0; i < 3; ++i) {
    WriteTransaction tx = sut.begin_write();
    auto& numbers = *tx.find<Numbers>("numbers");
    numbers[3] = 99;
    numbers[4'000] = 99;
    numbers[9'000] = 99;
    numbers.resize(3 * cells);
    tx.construct<Numbers>("more").resize(1000);
  }
  sut.write([](WriteTransaction& tx) {
    const auto& numbers = std::as_const(*tx.find<Numbers>("numbers"));
    EXPECT_EQ(numbers.size(), cells);
    EXPECT_EQ(numbers[3], 1U);
    EXPECT_EQ(numbers[4'000], 2U);
    EXPECT_EQ(numbers[9'000], 0U);
    tx.find<Numbers>("numbers")->at(5) = 5;
  });
  EXPECT_EQ(get(sut, 3), 1U);
  EXPECT_EQ(get(sut, 5), 5U);
  expect_sound(sut);
}

TEST_F(HeldBack, a_change_that_nothing_declared_is_found) {
  Store sut = open();
  fill(sut);
  const SlowReader reader(sut);
  set(sut, 10, 1);
  WriteTransaction tx = sut.begin_write();
  const auto& numbers = std::as_const(*tx.find<Numbers>("numbers"));
  const_cast<std::uint64_t&>(numbers[500]) = 3;
  expect_error(errc::unmarked_write, path(), {"numbers[500]"}, [&] { tx.commit(); });
  EXPECT_EQ(get(sut, 10), 1U);
  EXPECT_EQ(get(sut, 500), 0U);
}

TEST_F(HeldBack, the_heap_grows_and_shrinks_beside_the_reader) {
  Options how = options();
  how.reader_timeout = milliseconds(40);
  Store sut = open(how);
  fill(sut);
  SlowReader reader(sut, [](const ReadTransaction& section) {
    std::uint64_t sum = 0;
    for (const std::uint64_t each : *section.find<Numbers>("numbers")) sum += each;
    EXPECT_EQ(sum, 0U);
  });
  for (std::uint64_t round = 1; round <= 4; ++round) {
    sut.write(
        [&](WriteTransaction& tx) { tx.construct<Numbers>("more").resize(20 * cells, round); });
    ASSERT_EQ(numbers(sut, "more").back(), round);
    sut.write([](WriteTransaction& tx) { tx.destroy<Numbers>("more"); });
    expect_error(errc::timeout, path(), {"cannot be cut"}, [&] { sut.shrink_to_usage(); });
    ASSERT_EQ(get(sut, cells - 1), 0U);
  }
  expect_sound(sut);
  reader.leave();
  sut.shrink_to_usage();
  EXPECT_LT(sut.size(), 10 * cells * sizeof(std::uint64_t));
  expect_sound(sut);
}

TEST_F(HeldBack, an_overlay_hands_out_what_a_section_must_not_write) {
  Store sut = open();
  fill(sut);
  const SlowReader reader(sut);
  set(sut, 1, 1);
  const ReadTransaction section = sut.begin_read();
  const auto& numbers = *section.find<Numbers>("numbers");
  const Ref<Numbers> ref = section.ref(numbers);
  EXPECT_EQ(&section[ref], &numbers);
  EXPECT_EQ(error_of([&] { const_cast<Numbers&>(numbers)[1] = 2; }).code(),
            errc::write_inside_read);
  EXPECT_EQ(section.names(), std::vector<std::string>{"numbers"});
}

TEST_F(HeldBack, atomics_found_in_an_overlay_are_those_that_all_see) {
  using Counter = Atomic<std::uint64_t>;
  Store sut = open();
  fill(sut);
  sut.write([](WriteTransaction& tx) { tx.construct<Counter>("counter"); });
  SlowReader reader(sut, [](const ReadTransaction& section) {
    EXPECT_EQ(section.find<Counter>("counter")->load(), 3U);
  });
  set(sut, 0, 1);
  sut.read([](const ReadTransaction& tx) { *tx.find<Counter>("counter") += 2; });
  sut.write([](WriteTransaction& tx) { *tx.find<Counter>("counter") += 1; });
  reader.leave();
  sut.read([](const ReadTransaction& tx) { EXPECT_EQ(tx.find<Counter>("counter")->load(), 3U); });
}

TEST_F(HeldBack, an_atomic_in_memory_that_the_reader_may_use_is_not_seen_before_it_leaves) {
  using Counter = Atomic<std::uint64_t>;
  Options how = options();
  how.reader_timeout = milliseconds(40);
  Store sut = open(how);
  // A block of the size of an Atomic that is free again, so that one is made in its place.
  std::uint64_t reused = 0;
  sut.write([&](WriteTransaction& tx) {
    tx.construct<Numbers>("numbers").resize(cells);
    tx.construct<std::array<std::uint64_t, 8>>("line").fill(1);
    reused = tx.ref(*tx.find<std::array<std::uint64_t, 8>>("line")).offset();
  });
  SlowReader reader(sut, [](const ReadTransaction& section) {
    EXPECT_EQ((*section.find<std::array<std::uint64_t, 8>>("line"))[7], 1U);
  });
  expect_error(errc::timeout, path(), {"stands", "thread"}, [&] {
    sut.write([&](WriteTransaction& tx) {
      tx.destroy<std::array<std::uint64_t, 8>>("line");
      ASSERT_EQ(tx.ref(tx.construct<Counter>("counter")).offset(), reused)
          << "or this shows nothing";
    });
  });
  // New sections see the state before, and writers wait as well.
  sut.read([](const ReadTransaction& tx) { EXPECT_EQ(tx.find<Counter>("counter"), nullptr); });
  expect_error(errc::timeout, path(), {"stands", "thread"}, [&] { set(sut, 0, 1); });
  reader.leave();
  set(sut, 0, 2);
  sut.read([](const ReadTransaction& tx) { *tx.find<Counter>("counter") += 1; });
  EXPECT_EQ(get(sut, 0), 2U);
  expect_sound(sut);
}

TEST_F(HeldBack, an_atomic_in_new_memory_is_seen_at_once) {
  using Counter = Atomic<std::uint64_t>;
  Store sut = open();
  fill(sut);
  SlowReader reader(sut);
  set(sut, 0, 1);
  sut.write(
      [](WriteTransaction& tx) { tx.construct<Segmented<Counter>>("counters").resize(1 << 16); });
  const auto add = [](const ReadTransaction& tx) {
    const auto& counters = *tx.find<Segmented<Counter>>("counters");
    counters[counters.size() - 1] += 1;
    return counters[counters.size() - 1].load();
  };
  EXPECT_TRUE(is_held_back());
  EXPECT_EQ(sut.read(add), 1U);
  set(sut, 0, 2);
  EXPECT_EQ(sut.read(add), 2U);
  reader.leave();
  EXPECT_FALSE(is_held_back());
  EXPECT_EQ(sut.read(add), 3U);
}

TEST_F(HeldBack, a_change_is_waited_for_and_seen_while_it_is_held_back) {
  Store sut = open();
  fill(sut);
  const SlowReader reader(sut);
  const std::uint64_t before = sut.sequence();
  std::thread writer([&] {
    std::this_thread::sleep_for(milliseconds(10));
    set(sut, 0, 9);
  });
  EXPECT_EQ(sut.wait_for_change(before, std::chrono::seconds(5)), before + 1);
  writer.join();
  EXPECT_EQ(get(sut, 0), 9U);
}

TEST_F(HeldBack, a_small_budget_of_private_pages_is_enough) {
  Options how = options();
  how.private_bytes = 256 << 10;
  Store sut = open(how);
  fill(sut);
  SlowReader reader(sut, sees(0, 0));
  std::vector<std::uint64_t> model(cells);
  for (std::uint64_t i = 0; i < 400; ++i) {
    const std::uint64_t at = i * 997 % cells;
    set(sut, at, model[at] = i + 1);
  }
  EXPECT_EQ(numbers(sut), model);
  reader.leave();
  set(sut, 1, model[1] = 1);
  EXPECT_EQ(numbers(sut), model);
}

}  // namespace
}  // namespace cairn::test

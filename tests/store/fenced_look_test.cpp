// SPDX-License-Identifier: BSL-1.0
// What the body of a fenced transaction goes on reading: the state that it began with, whatever
// others commit, and they are not in each other's way.
#include "forked_child.hpp"
#include "held_back.hpp"

namespace cairn::test {
namespace {

using namespace std::chrono_literals;

constexpr RecoverOptions fence_soon{true, std::chrono::milliseconds(10)};

/// A fenced body that goes on looking, in pages that it has not changed.
class FencedLook : public HeldBack, public ::testing::WithParamInterface<Durability> {
 protected:
  static Options how() { return GetParam() == Durability::power ? power_options() : options(); }

  static void set_all(Store& store, std::uint64_t value) {
    store.write([&](WriteTransaction& tx) {
      auto& all = tx.find_or_construct<Numbers>("numbers");
      all.assign(cells, value);
    });
  }
  static std::uint64_t sum(const Numbers& all) {
    std::uint64_t sum = 0;
    for (const std::uint64_t value : all) sum += value;
    return sum;
  }
  static std::uint64_t seen(const Store& store) {
    return store.read([](const ReadTransaction& tx) { return sum(*tx.find<Numbers>("numbers")); });
  }
  /// Begins a transaction, says so, waits, tells the sum that it sees, and finds itself fenced.
  ForkedChild looker(const Channel& channel) const {
    return ForkedChild([this, &channel] {
      Store store = open(how());
      try {
        store.write([&](WriteTransaction& tx) {
          const Numbers& all = std::as_const(*tx.find<Numbers>("numbers"));
          channel.tell_parent();
          channel.hear_parent();
          channel.tell_parent(sum(all));
        });
      } catch (const Error& error) {
        channel.tell_parent(error == errc::fenced ? 1 : 0);
      }
      channel.hear_parent();
      return seen(store) != 0;
    });
  }
  /// A looker that has begun where all numbers are 1, and was stopped and fenced.
  ForkedChild fenced_looker(Store& sut, const Channel& channel) const {
    set_all(sut, 1);
    ForkedChild other = looker(channel);
    channel.hear_child();
    other.stop();
    EXPECT_EQ(sut.recover(fence_soon).fenced_pid, static_cast<std::uint32_t>(other.pid()));
    return other;
  }
};

INSTANTIATE_TEST_SUITE_P(Levels, FencedLook,
                         ::testing::Values(Durability::process, Durability::power),
                         [](const auto& level) {
                           return std::string(level.param == Durability::power ? "power"
                                                                               : "process");
                         });

TEST_P(FencedLook, sees_the_state_that_it_began_with_however_much_is_committed) {
  const Channel channel;
  Store sut = open(how());
  ForkedChild other = fenced_looker(sut, channel);
  for (std::uint64_t value = 2; value <= 50; ++value) {
    set_all(sut, value);
    ASSERT_EQ(seen(sut), cells * value);
  }
  EXPECT_TRUE(is_held_back());
  expect_sound(sut);
  other.go_on();
  channel.tell_child();
  EXPECT_EQ(channel.hear_child(), cells) << "it saw what others committed after it was fenced";
  EXPECT_EQ(channel.hear_child(), 1U) << "it was not told that it was fenced";
  EXPECT_FALSE(is_held_back());
  EXPECT_EQ(seen(sut), cells * 50);
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
  set_all(sut, 51);
  EXPECT_FALSE(is_held_back());
  expect_sound(sut);
}

TEST_P(FencedLook, fills_no_log_for_ever) {
  const Channel channel;
  Options small = how();
  small.max_log_bytes = 4 << 20;
  small.reader_timeout = 20ms;
  Store sut = open(small);
  ForkedChild other = fenced_looker(sut, channel);
  // Four times what the log can hold.
  for (std::uint64_t value = 2; value <= 100; ++value) set_all(sut, value);
  EXPECT_FALSE(is_held_back());
  EXPECT_EQ(seen(sut), cells * 100);
  other.go_on();
  channel.tell_child();
  EXPECT_GT(channel.hear_child(), cells);
  EXPECT_EQ(channel.hear_child(), 1U);
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
  expect_sound(sut);
}

TEST_P(FencedLook, holds_nothing_back_once_its_process_is_dead) {
  const Channel channel;
  Store sut = open(how());
  ForkedChild other = fenced_looker(sut, channel);
  set_all(sut, 2);
  EXPECT_TRUE(is_held_back());
  other.kill_now();
  for (int i = 0; i < 100 && is_held_back(); ++i) EXPECT_EQ(seen(sut), cells * 2);
  for (int i = 0; i < 100 && is_held_back(); ++i) push(sut, 3, "more");
  EXPECT_FALSE(is_held_back());
  expect_sound(sut);
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#include <atomic>
#include <thread>

#include "cairn/recovery/log_format.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

/// check() examines the records that a recovery would need.
class LogCheck : public StoreTest, public ::testing::WithParamInterface<Durability> {
 protected:
  Options how() const {
    Options small = GetParam() == Durability::power ? power_options() : options();
    small.log_bytes = least_ring_bytes;
    return small;
  }
  MetaSlot newest() const {
    const auto first = read_struct<MetaSlot>(path(), meta_offset(0));
    const auto second = read_struct<MetaSlot>(path(), meta_offset(1));
    return first.turn > second.turn ? first : second;
  }
  /// Where the byte at `position` of the log stands in its file.
  std::uint64_t place_of(std::uint64_t position) const {
    return log_ring_offset + position % newest().log_bytes;
  }
  void flip(std::uint64_t place) const {
    auto byte = read_struct<std::byte>(path() + "-log", place);
    byte ^= std::byte{1};
    write_struct(path() + "-log", place, byte);
  }
  void expect_log_problem(const Store& store) const {
    const CheckReport report = store.check();
    ASSERT_EQ(report.problems.size(), 1U) << ::testing::PrintToString(report.problems);
    EXPECT_TRUE(contains(report.problems[0], path() + "-log")) << report.problems[0];
  }
};

INSTANTIATE_TEST_SUITE_P(Levels, LogCheck,
                         ::testing::Values(Durability::process, Durability::power),
                         [](const auto& level) {
                           return std::string(level.param == Durability::power ? "power"
                                                                               : "process");
                         });

TEST_P(LogCheck, a_damaged_byte_anywhere_in_a_needed_record_is_told) {
  Store sut = open(how());
  for (std::uint64_t i = 0; i < 5; ++i) push(sut, i);
  expect_sound(sut);
  const std::uint64_t first = newest().checkpoint_position;
  const auto tail =
      read_struct<std::uint64_t>(path(), live_words_offset + offsetof(LiveWords, log_tail));
  ASSERT_GT(tail, first + 5 * sizeof(RecordHeader));
  for (std::uint64_t position = first; position < tail; position += 40) {
    flip(place_of(position));
    expect_log_problem(sut);
    flip(place_of(position));
  }
  expect_sound(sut);
  // Behind the tail stands nothing that anybody needs.
  flip(place_of(tail));
  expect_sound(sut);
}

TEST_P(LogCheck, what_a_checkpoint_made_superfluous_is_not_examined) {
  Store sut = open(how());
  push(sut, 1);
  const std::uint64_t first = place_of(newest().checkpoint_position);
  sut.checkpoint();
  flip(first);
  expect_sound(sut);
}

TEST_P(LogCheck, a_log_that_grew_is_examined_at_its_new_length) {
  Store sut = open(how());
  push(sut, 1);
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("wide", 50'000U, 0U); });
  sut.write([](WriteTransaction& tx) {
    for (auto& each : *tx.find<Numbers>("wide")) each = 1;
  });
  ASSERT_GT(newest().log_bytes, least_ring_bytes);
  expect_sound(sut);
  flip(place_of(newest().checkpoint_position + 1000));
  expect_log_problem(sut);
  flip(place_of(newest().checkpoint_position + 1000));
}

TEST_P(LogCheck, a_log_that_writers_go_around_meanwhile_is_sound) {
  Store sut = open(how());
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("numbers", 2000U, 0U); });
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (std::uint64_t round = 1; !stop; ++round) {
      sut.write([&](WriteTransaction& tx) {
        for (auto& each : *tx.find<Numbers>("numbers")) each = round;
      });
    }
  });
  // The ring holds about four of these commits.
  const std::uint64_t enough = sut.sequence() + 100;
  while (sut.sequence() < enough) expect_sound(sut);
  stop = true;
  writer.join();
}

}  // namespace
}  // namespace cairn::test

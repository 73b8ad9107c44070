// SPDX-License-Identifier: BSL-1.0
// Atomics that come in memory of which the shared image shows something else, while a section keeps
// their commits out of it.
#include <signal.h>

#include <cstdint>

#include "cairn/mapping/drill_hooks.hpp"
#include "forked_child.hpp"
#include "slow_reader.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

using namespace std::chrono_literals;
using Counter = Atomic<std::uint64_t>;

void die_when_raised(const char* point) {
  if (std::string_view(point) == "publish.raised") ::raise(SIGKILL);
}

class HeldBackAtomics : public StoreTest, public ::testing::WithParamInterface<Durability> {
 protected:
  static Options how() {
    Options all = GetParam() == Durability::power ? power_options() : options();
    all.reader_timeout = 40ms;
    return all;
  }
  static std::uint64_t count(const ReadTransaction& tx) {
    return tx.find<Counter>("counter")->load();
  }
  static void replace(WriteTransaction& tx, std::uint64_t value) {
    const std::uint64_t before = tx.ref(*tx.find<Counter>("counter")).offset();
    tx.destroy<Counter>("counter");
    ASSERT_EQ(tx.ref(tx.construct<Counter>("counter", value)).offset(), before)
        << "or this shows nothing";
  }
};

INSTANTIATE_TEST_SUITE_P(Levels, HeldBackAtomics,
                         ::testing::Values(Durability::process, Durability::power),
                         [](const auto& level) {
                           return std::string(level.param == Durability::power ? "power"
                                                                               : "process");
                         });

TEST_P(HeldBackAtomics, one_in_the_place_of_one_that_was_new_itself_is_not_seen_in_an_overlay) {
  Store sut = open(how());
  push(sut, 1);
  SlowReader reader(sut);
  // Behind the heap that the section reads, so that it is seen at once.
  sut.write([](WriteTransaction& tx) {
    tx.construct<Numbers>("large", 40'000U, 1U);
    tx.construct<Counter>("counter", 5U);
  });
  EXPECT_EQ(sut.read(&count), 5U);
  expect_error(errc::timeout, path(),
               {"stands", "thread", "is in the way; end that section or its process"},
               [&] { sut.write([](WriteTransaction& tx) { replace(tx, 7); }); });
  EXPECT_EQ(sut.read(&count), 5U);
  reader.leave();
  push(sut, 2);
  EXPECT_EQ(sut.read(&count), 7U);
  expect_sound(sut);
}

/// In so few fresh pages that level power would log them.
TEST_P(HeldBackAtomics, one_in_fresh_pages_goes_on_counting_when_its_commit_is_published) {
  Store sut = open(how());
  push(sut, 1);
  const std::uint64_t end = sut.read([](const ReadTransaction& tx) { return tx.bytes().end; });
  SlowReader reader(sut);
  sut.write([&](WriteTransaction& tx) {
    std::vector<void*> taken;
    while (taken.empty() || tx.ref(*static_cast<char*>(taken.back())).offset() < end) {
      taken.push_back(tx.heap().allocate(line_bytes, line_bytes));
    }
    tx.construct<Counter>("counter", 5U);
    ASSERT_GE(tx.ref(*tx.find<Counter>("counter")).offset(), end) << "or this shows nothing";
    for (void* const block : taken) tx.heap().deallocate(block, line_bytes);
  });
  sut.read([](const ReadTransaction& tx) { ++*tx.find<Counter>("counter"); });
  EXPECT_EQ(sut.read(&count), 6U);
  reader.leave();
  push(sut, 2);
  EXPECT_EQ(sut.read(&count), 6U);
  expect_sound(sut);
}

TEST_P(HeldBackAtomics, one_whose_publisher_dies_before_it_looks_at_the_sections_is_not_seen) {
  {
    Store made = open(how());
    made.write([](WriteTransaction& tx) { tx.construct<Counter>("counter", 5U); });
  }
  const Channel channel;
  ForkedChild other([&] {
    Store store = open(how());
    channel.tell_parent();
    channel.hear_parent();
    drill::set_crash_observer(&die_when_raised);
    store.write([](WriteTransaction& tx) { replace(tx, 7); });
    return false;
  });
  channel.hear_child();
  Store sut = open(how());
  SlowReader reader(sut, [](const ReadTransaction& section) { EXPECT_EQ(count(section), 5U); });
  channel.tell_child();
  EXPECT_FALSE(other.succeeded());
  const std::uint64_t before = sut.read([](const ReadTransaction& tx) { return tx.sequence(); });
  EXPECT_EQ(sut.read(&count), 5U);
  reader.leave();
  push(sut, 1);
  EXPECT_EQ(sut.read(&count), 7U);
  EXPECT_EQ(sut.sequence(), before + 2);
  expect_sound(sut);
}

}  // namespace
}  // namespace cairn::test

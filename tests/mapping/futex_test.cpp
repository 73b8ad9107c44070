// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/futex.hpp"

#include <sys/mman.h>

#include <thread>

#include "cairn/mapping/boot.hpp"
#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

using Clock = std::chrono::steady_clock;

TEST(Futex, returns_at_once_where_the_word_differs) {
  const std::atomic<std::uint32_t> word{1};
  const auto start = Clock::now();
  futex_wait(word, 2, std::chrono::seconds(30));
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(10));
}

TEST(Futex, gives_up_when_the_time_is_over) {
  const std::atomic<std::uint32_t> word{1};
  const auto start = Clock::now();
  futex_wait(word, 1, std::chrono::milliseconds(30));
  EXPECT_GE(Clock::now() - start, std::chrono::milliseconds(25));
}

TEST(Futex, wakes_sleepers_of_other_processes) {
  void* const memory =
      ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto& word = *new (memory) std::atomic<std::uint32_t>(0);
  const Channel channel;
  ForkedChild sleeper([&] {
    channel.tell_parent();
    const auto start = Clock::now();
    while (word.load() == 0) futex_wait(word, 0, std::chrono::seconds(30));
    return Clock::now() - start < std::chrono::seconds(10);
  });
  channel.hear_child();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  word.store(1);
  futex_wake(word, 1);
  EXPECT_TRUE(sleeper.succeeded());
  ::munmap(memory, page_bytes);
}

TEST(Futex, the_low_half_of_a_word_is_the_one_that_changes) {
  std::atomic<std::uint64_t> word{0x0000'0001'0000'0002};
  EXPECT_EQ(low_half(word).load(), 2U);
  ++word;
  EXPECT_EQ(low_half(word).load(), 3U);
}

TEST(Boot, is_named_alike_for_every_process_and_time_moves_on) {
  EXPECT_NE(current_boot_id(), BootId{});
  const BootId ours = current_boot_id();
  EXPECT_TRUE(ForkedChild([&] { return current_boot_id() == ours; }).succeeded());
  const std::uint64_t before = uptime_ns();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_GT(uptime_ns(), before);
  EXPECT_NE(random_id(), random_id());
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

constexpr std::size_t writer_count = 8;

/// What the writers tell, in memory that they share.
struct Tally {
  std::atomic<std::uint64_t> granted;  ///< how often anybody got the lock
  std::atomic<std::uint64_t> satisfied;
  std::array<std::atomic<std::uint64_t>, writer_count> longest_wait;  ///< in grants to others
};

/// Several processes that want the write lock again and again.
class Fairness : public StoreTest {
 protected:
  Fairness()
      : tally_(*static_cast<Tally*>(::mmap(nullptr, sizeof(Tally), PROT_READ | PROT_WRITE,
                                           MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~Fairness() override { ::munmap(&tally_, sizeof tally_); }

  static constexpr std::uint64_t wanted = 10;
  /// By then all have had it, or some never will.
  static constexpr std::uint64_t most_grants = 1000;
  /// Each has its turn once in as many grants as there are writers; chance makes that a few more.
  static constexpr std::uint64_t bound = 20 * writer_count;
  /// Longer than others wait before the lock is kept for them.
  static constexpr std::chrono::milliseconds held_for{3};

  /// Takes the lock until everybody has had it `wanted` times, and at once after giving it back.
  void take_again_and_again(Store& store, std::size_t id) const {
    for (std::uint64_t turns = 0; tally_.satisfied < writer_count;) {
      const std::uint64_t before = tally_.granted;
      if (before >= most_grants) return;
      const WriteTransaction held = store.begin_write();
      const std::uint64_t waited = tally_.granted.fetch_add(1) - before;
      if (waited > tally_.longest_wait[id]) tally_.longest_wait[id] = waited;
      if (++turns == wanted) ++tally_.satisfied;
      std::this_thread::sleep_for(held_for);
    }
  }

  /// The most that anybody waited while the lock went to others, in grants.
  std::uint64_t compete() {
    Options patient = options();
    patient.verify_writes = false;
    patient.lock_timeout = std::chrono::seconds(30);
    tally_.granted = tally_.satisfied = 0;
    for (auto& each : tally_.longest_wait) each = 0;
    const Channel channel;
    std::vector<ForkedChild> writers;
    for (std::size_t id = 0; id < writer_count; ++id) {
      writers.emplace_back([&, id] {
        Store store = open(patient);
        channel.tell_parent();
        channel.hear_parent();
        take_again_and_again(store, id);
        return true;
      });
    }
    for (std::size_t id = 0; id < writer_count; ++id) channel.hear_child();
    for (std::size_t id = 0; id < writer_count; ++id) channel.tell_child();
    for (ForkedChild& writer : writers) EXPECT_TRUE(writer.succeeded());
    if (tally_.satisfied < writer_count) return most_grants;
    return *std::max_element(tally_.longest_wait.begin(), tally_.longest_wait.end());
  }

  Tally& tally_;
};

TEST_F(Fairness, each_of_eight_waiting_processes_gets_the_lock_in_bounded_turns) {
  // The scheduler has its favourites, too, where the machine is busy: the best of some rounds
  // tells.
  std::uint64_t longest = ~std::uint64_t{0};
  for (int round = 0; round < 3 && longest >= bound; ++round)
    longest = std::min(longest, compete());
  EXPECT_LT(longest, bound) << "grants to others while one waited";
}

}  // namespace
}  // namespace cairn::test

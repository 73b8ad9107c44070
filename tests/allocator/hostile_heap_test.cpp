// SPDX-License-Identifier: BSL-1.0
// The heap over bytes that no allocator wrote: an error or a right answer, and never a fault.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <functional>
#include <map>
#include <random>

#include "test_heap.hpp"

namespace cairn {
namespace {

using test::TestHeap;

/// A copy of a heap that ends right before a page that may not be touched.
class GuardedCopy {
 public:
  GuardedCopy(const std::byte* from, std::uint64_t bytes)
      : memory_(Reservation::inaccessible(bytes + page_bytes)), bytes_(bytes) {
    if (::mprotect(memory_.data(), bytes, PROT_READ | PROT_WRITE) != 0) std::abort();
    std::memcpy(memory_.data(), from, bytes);
  }
  std::byte* data() const noexcept { return memory_.data(); }
  std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  Reservation memory_;
  std::uint64_t bytes_;
};

struct Damage {
  std::uint64_t offset;
  std::uint32_t bytes;  ///< 1, 2 or 4
  std::uint32_t value;
};

class HostileHeap : public ::testing::Test {
 protected:
  /// Spans, full and not, live and free runs, all within one MiB or so.
  HostileHeap() : sut_(std::uint64_t{16} << 20) {
    std::vector<std::pair<void*, std::size_t>> blocks;
    for (int round = 0; round < 60; ++round) {
      for (const std::size_t bytes : {24U, 600U, 2000U, 8192U}) {
        if (bytes == 8192 && round > 10) continue;
        blocks.emplace_back(sut_.heap().allocate(bytes), bytes);
      }
      if (round % 6 == 0) {
        const std::size_t bytes = 12000U + static_cast<unsigned>(round) * 900U;
        blocks.emplace_back(sut_.heap().allocate(bytes), bytes);
      }
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (i % 3 == 0) {
        sut_.heap().deallocate(blocks[i].first, blocks[i].second);
      } else {
        live_.push_back(blocks[i]);
      }
    }
    sut_.heap().set_catalog_offset(sut_.context().offset_of(live_.front().first));
    sut_.commit();
  }

  std::map<std::uint64_t, std::uint64_t> live_blocks(const HeapReader& reader) {
    std::map<std::uint64_t, std::uint64_t> live;
    reader.for_each_block([&](const HeapBlock& block) {
      if (block.use == BlockUse::live) live[block.offset] = block.bytes;
    });
    return live;
  }

  /// Everything that steers the allocator: header, chunk table, free runs.
  std::vector<std::uint64_t> steering_bytes() {
    std::vector<std::uint64_t> found;
    const auto add = [&](std::uint64_t from, std::uint64_t bytes) {
      for (std::uint64_t i = 0; i < bytes; ++i) found.push_back(from + i);
    };
    add(heap_begin_bytes, sizeof(HeapHeader));
    const std::uint64_t chunks = chunks_reached(sut_.heap_end() / page_bytes);
    add(first_leaf_offset, (chunks + 2) * sizeof(ChunkLine));
    for (std::uint64_t i = 0; i <= chunks; ++i) {
      const std::uint64_t bitmap = first_leaf_offset + wide_place(first_leaf_chunks, i);
      add(bitmap, 16);
      add(bitmap + sizeof(WideBitmap) - 16, 16);
    }
    sut_.heap().reader().for_each_block([&](const HeapBlock& block) {
      const std::uint64_t chunk = block.offset / chunk_bytes;
      const auto* const lines =
          reinterpret_cast<const ChunkLine*>(sut_.shared_base() + first_leaf_offset);
      const bool is_run = lines[chunk].descriptor.kind() == ChunkKind::pages;
      if (block.use == BlockUse::free && is_run) add(block.offset, sizeof(FreeRun));
    });
    return found;
  }

  static void apply(std::byte* base, const Damage& damage) {
    std::memcpy(base + damage.offset, &damage.value, damage.bytes);
  }

  TestHeap sut_;
  std::vector<std::pair<void*, std::size_t>> live_;
};

TEST_F(HostileHeap, verify_reports_every_flipped_byte_or_nothing_was_lost) {
  const GuardedCopy copy(sut_.shared_base(), sut_.committed_end());
  const HeapReader reader(copy.data(), copy.bytes(), "");
  const auto live = live_blocks(reader);
  std::size_t reported = 0;
  std::size_t tried = 0;
  for (const std::uint64_t offset : steering_bytes()) {
    const std::byte before = copy.data()[offset];
    for (const unsigned flip : {0x01U, 0x80U, 0xFFU}) {
      copy.data()[offset] = before ^ static_cast<std::byte>(flip);
      std::vector<std::string> problems;
      reader.verify(problems);
      ++tried;
      if (problems.empty()) {
        // Which of a span's blocks are the live ones, and where one live run ends and the next
        // begins, only the owners can tell: the walk over all that is reachable compares. How
        // much is live never changes unnoticed.
        const std::uint64_t in_leaf = offset - first_leaf_offset;
        const bool in_lines = in_leaf < first_leaf_chunks * sizeof(ChunkLine);
        const bool in_bitmap =
            in_leaf < first_leaf_bytes && (!in_lines || in_leaf % sizeof(ChunkLine) >= 16);
        const bool starts_run = in_lines && (offset % 64 == 2 || offset % 64 == 3);
        if (!in_bitmap && !starts_run) {
          EXPECT_EQ(live_blocks(reader), live) << "byte " << offset << " flipped by " << flip;
        }
        EXPECT_EQ(reader.used(), sut_.heap().used()) << offset;
      } else {
        ++reported;
      }
      copy.data()[offset] = before;
    }
  }
  EXPECT_GT(reported * 10, tried * 8);
  EXPECT_GT(tried, 10000U);
  std::vector<std::string> problems;
  reader.verify(problems);
  EXPECT_EQ(problems, std::vector<std::string>{});
}

TEST_F(HostileHeap, verify_stays_within_any_heap_end) {
  // A shorter last run is still a run, so the end is missed only where it cuts into nothing else.
  std::uint64_t last_begin = 0;
  sut_.heap().reader().for_each_block([&](const HeapBlock& block) { last_begin = block.offset; });
  ASSERT_LT(last_begin, sut_.committed_end());
  for (std::uint64_t bytes = 0; bytes <= sut_.committed_end(); bytes += 4096) {
    const GuardedCopy copy(sut_.shared_base(), bytes);
    const HeapReader reader(copy.data(), bytes, "");
    std::vector<std::string> problems;
    reader.verify(problems);
    if (bytes <= last_begin || bytes == sut_.committed_end()) {
      EXPECT_EQ(problems.empty(), bytes == sut_.committed_end()) << bytes;
    }
    std::uint64_t at = heap_begin_bytes;
    try {
      reader.for_each_block([&](const HeapBlock& block) {
        ASSERT_EQ(block.offset, at);
        at += block.bytes;
      });
      EXPECT_EQ(at, bytes);
    } catch (const Error& error) {
      EXPECT_EQ(error, errc::corrupt);
      EXPECT_LE(at, std::max(bytes, heap_begin_bytes));
    }
  }
  for (const std::uint64_t bytes : {24577U, 32767U, 100001U}) {
    std::vector<std::string> problems;
    HeapReader(sut_.shared_base(), bytes, "").verify(problems);
    EXPECT_FALSE(problems.empty()) << bytes;
  }
}

TEST_F(HostileHeap, random_bytes_are_reported) {
  std::mt19937 random(1);
  const GuardedCopy copy(sut_.shared_base(), sut_.committed_end());
  for (int round = 0; round < 300; ++round) {
    std::memcpy(copy.data(), sut_.shared_base(), copy.bytes());
    // Keep the magic in most rounds, so that the walk gets further than that.
    const std::uint64_t from = heap_begin_bytes + (round % 10 == 0 ? 0 : 64);
    for (std::uint64_t i = from; i < heap_begin_bytes + heap_minimum_bytes; ++i) {
      if (round % 3 != 0 && random() % 50 != 0) continue;
      copy.data()[i] = static_cast<std::byte>(random());
    }
    std::vector<std::string> problems;
    HeapReader(copy.data(), copy.bytes(), "").verify(problems);
    EXPECT_FALSE(problems.empty()) << round;
    EXPECT_LE(problems.size(), 100U);
  }
}

TEST_F(HostileHeap, the_allocator_throws_corrupt_and_never_faults) {
  const std::uint64_t end = sut_.committed_end();
  // The file ends with the heap, so a step behind it is a bus error.
  sut_.set_disk_bytes(end);
  std::size_t corrupt = 0;
  std::size_t runs = 0;
  const auto attempt = [&](const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      corrupt += error == errc::corrupt ? 1U : 0U;
      EXPECT_TRUE(error == errc::corrupt || error == errc::no_space) << error.what();
    }
  };
  const auto workload = [&](std::size_t seed) {
    for (const std::size_t bytes : {24U, 600U, 2000U, 8192U, 9000U, 30000U, 70000U, 40U}) {
      attempt([&] { sut_.heap().allocate(bytes); });
      attempt([&] { sut_.heap().allocate(bytes, 256); });
    }
    for (std::size_t i = seed % 7; i < live_.size(); i += 7) {
      attempt([&] { sut_.heap().deallocate(live_[i].first, live_[i].second); });
    }
    for (std::size_t i = (seed + 1) % 7; i < live_.size(); i += 7) {
      attempt([&] { sut_.heap().try_expand(live_[i].first, live_[i].second, 40000); });
    }
    attempt([&] { sut_.heap().trim(); });
    attempt([&] { sut_.heap().allocate(60000); });
  };
  const std::vector<std::uint64_t> places = steering_bytes();
  const auto pages = static_cast<std::uint32_t>(end / page_bytes);
  std::vector<Damage> damages;
  for (std::size_t i = 0; i < places.size(); i += 1) {
    const std::uint64_t offset = places[i];
    if (offset >= heap_begin_bytes + 1376 && offset < first_leaf_offset && i % 16 != 0) continue;
    damages.push_back({offset, 1, 0xFF});
    if (offset % 2 == 0) damages.push_back({offset, 2, i % 4 == 0 ? 0xFFFEU : 4095U});
    if (offset % 4 == 0) {
      const std::uint32_t values[] = {pages, pages - 1, 8, 1, 0xFFFFFFFF, 0x10000000};
      damages.push_back({offset, 4, values[i / 4 % 6]});
    }
  }
  for (const Damage& damage : damages) {
    apply(sut_.base(), damage);
    workload(runs++);
    // Hostile lists may have led to stores that were not marked: put everything back.
    sut_.rollback();
    std::memcpy(sut_.base() + heap_begin_bytes, sut_.shared_base() + heap_begin_bytes,
                end - heap_begin_bytes);
  }
  EXPECT_GT(corrupt, 1000U);
  EXPECT_EQ(sut_.problems(), std::vector<std::string>{}) << "the test itself left damage";
}

TEST_F(HostileHeap, leaves_that_should_give_way_may_say_anything) {
  constexpr std::size_t mib = std::size_t{1} << 20;
  void* const last = sut_.heap().allocate(mib);
  ASSERT_TRUE(sut_.heap().try_expand(last, mib, 7 * mib)) << "leaf 1 or 2 now stand behind it";
  sut_.commit();
  const std::uint64_t end = sut_.committed_end();
  const HeapHeader header = *reinterpret_cast<const HeapHeader*>(sut_.base() + heap_begin_bytes);
  ASSERT_GT(header.leaf[1], sut_.context().offset_of(last));
  std::size_t corrupt = 0;
  const auto attempt = [&](const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      corrupt += error == errc::corrupt ? 1U : 0U;
      EXPECT_TRUE(error == errc::corrupt || error == errc::too_large) << error.what();
    }
  };
  std::vector<std::uint64_t> offsets = {0,
                                        1,
                                        page_bytes,
                                        heap_begin_bytes,
                                        first_leaf_offset,
                                        end,
                                        end - page_bytes,
                                        ~std::uint64_t{0},
                                        end + page_bytes};
  for (std::uint64_t at = first_run_page * page_bytes; at < end; at += 61 * page_bytes) {
    offsets.push_back(at);
  }
  for (std::size_t k = 1; k < 5; ++k) {
    for (const std::uint64_t offset : offsets) {
      auto& damaged = *reinterpret_cast<HeapHeader*>(sut_.base() + heap_begin_bytes);
      damaged.leaf[k] = offset;
      attempt([&] { sut_.heap().try_expand(last, 7 * mib, 9 * mib); });
      attempt([&] { sut_.heap().deallocate(last, 7 * mib); });
      attempt([&] { sut_.heap().trim(); });
      attempt([&] { sut_.heap().allocate(2 * mib); });
      sut_.rollback();
      std::memcpy(sut_.base() + heap_begin_bytes, sut_.shared_base() + heap_begin_bytes,
                  end - heap_begin_bytes);
    }
  }
  EXPECT_GT(corrupt, 100U);
}

TEST_F(HostileHeap, several_damages_at_once_never_fault_while_the_heap_grows) {
  std::mt19937 random(7);
  const std::vector<std::uint64_t> places = steering_bytes();
  const std::uint64_t end = sut_.committed_end();
  std::size_t corrupt = 0;
  for (int round = 0; round < 400; ++round) {
    for (int k = 0; k < 12; ++k) {
      const std::uint64_t offset = places[random() % places.size()] & ~std::uint64_t{3};
      const std::uint32_t small = static_cast<std::uint32_t>(random() % 300);
      apply(sut_.base(),
            {offset, 4, random() % 2 == 0 ? small : static_cast<std::uint32_t>(random())});
    }
    for (int k = 0; k < 60; ++k) {
      try {
        const auto& [p, bytes] = live_[random() % live_.size()];
        const unsigned op = static_cast<unsigned>(random() % 5);
        if (op == 0) sut_.heap().deallocate(p, bytes);
        // Some of them over the end of what the first leaf of the chunk table covers.
        const std::size_t more = random() % (k % 4 == 0 ? 6'000'000 : 50'000);
        if (op == 1) sut_.heap().try_expand(p, bytes, bytes + more);
        if (op == 2) sut_.heap().allocate(random() % 9000);
        if (op == 3) sut_.heap().allocate(random() % (k % 4 == 0 ? 3'000'000 : 300'000));
        if (op == 4 && k % 10 == 0) sut_.heap().trim();
      } catch (const Error& error) {
        corrupt += error == errc::corrupt ? 1U : 0U;
        EXPECT_TRUE(error == errc::corrupt || error == errc::too_large) << error.what();
      }
    }
    sut_.rollback();
    std::memcpy(sut_.base() + heap_begin_bytes, sut_.shared_base() + heap_begin_bytes,
                end - heap_begin_bytes);
  }
  EXPECT_GT(corrupt, 1000U);
}

}  // namespace
}  // namespace cairn

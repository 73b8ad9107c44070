// SPDX-License-Identifier: BSL-1.0
// Views of what the shared image does not show yet, made while others are at work on the log.
#include "cairn/store/overlays.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <vector>

#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

constexpr std::uint64_t ring_bytes = 16 * page_bytes;
constexpr std::uint64_t heap_pages = 100;
constexpr std::uint64_t first_page = 10;
constexpr std::uint64_t pages = 4;
constexpr LogPlace shown{0, 1, heap_pages* page_bytes};
constexpr std::uint64_t newest = 2;

/// A data file of zeros, and a log with one record, of pages full of ones.
class OverlaysTest : public ::testing::Test {
 protected:
  OverlaysTest() {
    data_.allocate_zeroed(0, heap_pages * page_bytes);
    LogRing::format(File::open_or_create(log_path_, 0600), uuid_, ring_bytes);
    log_ = LogRing(File::open(log_path_, File::Access::read_write), uuid_, ring_bytes);
    RecordHeader header{};
    header.magic = record_magic;
    header.position = shown.position;
    header.sequence = newest;
    header.heap_end_pages = heap_pages;
    header.file_pages = heap_pages;
    header.page_count = pages;
    header.line_count = pages * lines_per_page;
    std::vector<PageEntry> entries;
    for (std::uint64_t i = 0; i < pages; ++i) entries.push_back({first_page + i, ~0ULL});
    std::array<std::byte, page_bytes> ones;
    ones.fill(std::byte{1});
    log_.append(header, entries, [&](std::uint64_t) { return ones.data(); });
  }

  static MetaSlot meta() {
    MetaSlot meta{};
    meta.log_bytes = ring_bytes;
    meta.checkpoint_position = shown.position;
    meta.checkpoint_sequence = shown.sequence;
    return meta;
  }
  static void expect_the_record(const Overlay& overlay) {
    EXPECT_EQ(overlay.sequence(), newest);
    const std::byte* const base = overlay.base();
    for (std::uint64_t page = 0; page < heap_pages; ++page) {
      const auto in_record = page >= first_page && page < first_page + pages;
      const std::byte* const at = base + page * page_bytes;
      ASSERT_TRUE(std::all_of(at, at + page_bytes,
                              [&](std::byte byte) { return byte == std::byte{in_record}; }))
          << "page " << page;
    }
  }

  TempDirectory directory_;
  std::string log_path_ = directory_ / "log";
  std::array<std::byte, 16> uuid_{};
  File data_ = File::open_or_create(directory_ / "data", 0600);
  LogRing log_;
  Overlays sut_{data_, log_, checksum_seed(uuid_), std::uint64_t{1} << 30, meta};
};

TEST_F(OverlaysTest, one_shows_the_image_with_the_records_applied) {
  Overlay* const overlay = sut_.open(shown, newest);
  ASSERT_NE(overlay, nullptr);
  expect_the_record(*overlay);
  EXPECT_EQ(sut_.open(shown, newest), overlay);
  sut_.close(*overlay);
  sut_.close(*overlay);
  sut_.drop_idle();
  EXPECT_FALSE(sut_.any());
}

/// As when the log gets another length and its bytes another meaning, or a hostile process writes.
TEST_F(OverlaysTest, a_record_that_changes_while_it_is_read_is_none_or_whole) {
  auto* const ring = static_cast<std::byte*>(::mmap(nullptr, ring_bytes, PROT_READ | PROT_WRITE,
                                                    MAP_SHARED, log_.file().descriptor(),
                                                    static_cast<off_t>(log_ring_offset)));
  ASSERT_NE(ring, MAP_FAILED);
  std::atomic_ref<std::uint64_t> page(
      *reinterpret_cast<std::uint64_t*>(ring + sizeof(RecordHeader) + offsetof(PageEntry, page)));
  const ForkedChild changer([&] {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // where the test crashes
    for (;;) {
      page.store(std::uint64_t{1} << 30);
      page.store(first_page);
    }
    return true;
  });
  int whole = 0;
  int none = 0;
  for (int i = 0; i < 100'000 && (i < 2000 || whole == 0 || none == 0); ++i) {
    if (Overlay* const overlay = sut_.open(shown, newest)) {
      expect_the_record(*overlay);
      sut_.close(*overlay);
      ++whole;
    } else {
      ++none;
    }
    sut_.drop_idle();
  }
  EXPECT_GT(whole, 0);
  EXPECT_GT(none, 0);
  ::munmap(ring, ring_bytes);
}

}  // namespace
}  // namespace cairn::test

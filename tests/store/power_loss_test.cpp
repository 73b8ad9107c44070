// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <filesystem>
#include <functional>
#include <initializer_list>

#include "cairn/mapping/drill_hooks.hpp"
#include "cairn/recovery/log_format.hpp"
#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

std::uint64_t operations_left = 0;

int die_at_last(const drill::IoOperation& /*operation*/) {
  if (--operations_left == 0) ::kill(::getpid(), SIGKILL);
  return 0;
}

/// Stores of level process that were in use when the power went.
class PowerLoss : public StoreTest {
 protected:
  static constexpr std::uint64_t cells = 1000;

  ~PowerLoss() override { drill::set_io_observer(nullptr); }

  static Options small_log() {
    Options how = options();
    how.log_bytes = least_ring_bytes;
    return how;
  }
  static Options accepting() {
    Options how = small_log();
    how.accept_power_loss = true;
    return how;
  }
  /// A closed store of `cells` zeros and some other objects.
  void make_store() const {
    Store store = open(small_log());
    store.write([](WriteTransaction& tx) {
      tx.construct<Numbers>("cells", cells, 0U);
      auto& names = tx.construct<HashMap<std::uint64_t, String>>("names");
      for (std::uint64_t i = 0; i < 300; ++i) names.try_emplace(i, std::to_string(i));
      tx.construct<Atomic<std::uint64_t>>("count");
    });
    store.close();
  }
  static void set_all(Store& store, std::uint64_t value) {
    store.write([&](WriteTransaction& tx) {
      for (auto& cell : *tx.find<Numbers>("cells")) cell = value;
    });
  }
  /// Commits 1, 2, ... `count` and leaves without closing.
  void write_and_vanish(std::uint64_t count, const Options& how = small_log()) const {
    EXPECT_TRUE(ForkedChild([&] {
                  Store store = open(how);
                  for (std::uint64_t value = 1; value <= count; ++value) set_all(store, value);
                  return true;
                }).succeeded());
  }
  void expect_all(std::uint64_t value, const Store& store) const {
    EXPECT_EQ(numbers(store, "cells"), Values(cells, value));
    expect_sound(store);
  }
  void expect_lost(const Options& how = small_log()) const {
    expect_error(errc::power_lost, path(), {}, [&] { open(how); });
  }
  /// What is on the disk, but for words that processes share while they run.
  std::vector<std::byte> image(const std::string& file) const {
    std::vector<std::byte> bytes = read_bytes(file);
    if (file == path()) {
      std::fill(bytes.begin() + live_words_offset, bytes.begin() + heap_begin, std::byte{0});
    }
    return bytes;
  }
  /// Refused with the option, twice, and not touched; without it as before.
  void expect_refused(errc code, const std::string& named,
                      const std::vector<std::string>& parts = {}) const {
    const auto data = image(path());
    for (int i = 0; i < 2; ++i) {
      expect_error(code, named, parts, [&] { open(accepting()); });
      EXPECT_EQ(image(path()), data);
      expect_lost();
    }
  }
  /// The heap as it was in `earlier`, under the header of now.
  void put_heap_back(const std::vector<std::byte>& earlier) const {
    std::vector<std::byte> now = read_bytes(path());
    ASSERT_GE(now.size(), earlier.size());
    std::copy(earlier.begin() + heap_begin, earlier.end(), now.begin() + heap_begin);
    write_bytes(path(), now);
  }
  MetaSlot newest() const {
    const auto first = read_struct<MetaSlot>(path(), meta_offset(0));
    const auto second = read_struct<MetaSlot>(path(), meta_offset(1));
    return first.turn > second.turn ? first : second;
  }
  /// Where record `number`, from 0, behind the checkpoint stands in the log's file.
  std::uint64_t offset_of_record(std::uint64_t number) const {
    const MetaSlot meta = newest();
    std::uint64_t position = meta.checkpoint_position;
    for (;; --number) {
      const std::uint64_t offset = log_ring_offset + position % meta.log_bytes;
      if (number == 0) return offset;
      const auto header = read_struct<RecordHeader>(path() + "-log", offset);
      position += record_bytes(header.page_count, header.line_count);
    }
  }
};

TEST_F(PowerLoss, is_refused_unless_the_program_accepts_it_and_says_how) {
  make_store();
  write_and_vanish(3);
  pretend_reboot(path());
  expect_error(errc::power_lost, path(), {"Options::accept_power_loss"},
               [&] { open(small_log()); });
  // Who only reads cannot make it a store.
  expect_error(errc::power_lost, path(), {}, [&] { Store::open_read_only(path(), accepting()); });
  Store sut = open(accepting());
  const RecoveryReport report = sut.last_recovery();
  EXPECT_TRUE(report.power_was_lost);
  EXPECT_TRUE(report.needed);
  EXPECT_TRUE(report.after_reboot);
  EXPECT_TRUE(contains(report.summary(), "loss of power")) << report.summary();
  expect_all(3, sut);
}

TEST_F(PowerLoss, what_was_accepted_is_an_ordinary_store_that_was_closed) {
  make_store();
  write_and_vanish(3);
  pretend_reboot(path());
  EXPECT_TRUE(
      ForkedChild([&] { return open(accepting()).last_recovery().power_was_lost; }).succeeded());
  EXPECT_EQ(newest().clean, 1U);
  EXPECT_EQ(newest().boot_id, current_boot_id());
  // Nothing was written since, so the next power cut loses nothing.
  pretend_reboot(path());
  {
    Store sut = open(small_log());
    EXPECT_FALSE(sut.last_recovery().power_was_lost);
    expect_all(3, sut);
    set_all(sut, 4);
    sut.close();
  }
  {
    const Store sut = open(small_log());
    EXPECT_FALSE(sut.last_recovery().needed) << sut.last_recovery().summary();
    expect_all(4, sut);
  }
  // And once somebody wrote, it is as ever.
  write_and_vanish(1);
  expect_all(1, open(small_log()));
  write_and_vanish(2);
  pretend_reboot(path());
  expect_lost();
  expect_all(2, open(accepting()));
}

TEST_F(PowerLoss, the_option_changes_nothing_where_none_was_lost) {
  make_store();
  pretend_reboot(path());
  EXPECT_FALSE(open(accepting()).last_recovery().power_was_lost);
  write_and_vanish(2);
  {
    const Store sut = open(accepting());
    EXPECT_FALSE(sut.last_recovery().power_was_lost);
    expect_all(2, sut);
  }
  Options power = accepting();
  power.durability = Durability::power;
  const std::string safe = path("safe");
  EXPECT_TRUE(ForkedChild([&] {
                Store store = Store::open(safe, power);
                push(store, 1);
                return true;
              }).succeeded());
  pretend_reboot(safe);
  const Store sut = Store::open(safe, power);
  EXPECT_FALSE(sut.last_recovery().power_was_lost);
  EXPECT_EQ(sut.last_recovery().replayed_records, 1U);
  EXPECT_EQ(numbers(sut), Values{1});
}

TEST_F(PowerLoss, what_the_heap_lacks_comes_from_the_log) {
  make_store();
  const auto before = read_bytes(path());
  write_and_vanish(4);
  put_heap_back(before);
  pretend_reboot(path());
  const Store sut = open(accepting());
  EXPECT_EQ(sut.last_recovery().replayed_records, 4U);
  expect_all(4, sut);
}

TEST_F(PowerLoss, a_log_that_lost_a_record_ends_there) {
  make_store();
  const auto before = read_bytes(path());
  write_and_vanish(4);
  put_heap_back(before);
  write_struct(path() + "-log", offset_of_record(2) + 100, ~std::uint64_t{0});
  pretend_reboot(path());
  {
    Store sut = open(accepting());
    EXPECT_EQ(sut.last_recovery().replayed_records, 2U);
    expect_all(2, sut);
    set_all(sut, 9);
  }
  expect_all(9, open(small_log()));
}

/// Checkpoints of that level are not synced: the log may be laps ahead of the newest that is there,
/// and what it holds must never be taken for what is written next.
TEST_F(PowerLoss, records_that_are_left_over_are_gone_from_the_log) {
  make_store();
  write_and_vanish(1);
  const auto early = read_bytes(path());
  write_and_vanish(40);
  auto now = read_bytes(path());
  std::copy(early.begin() + meta_slot_offset, early.begin() + live_words_offset,
            now.begin() + meta_slot_offset);
  write_bytes(path(), now);
  pretend_reboot(path());
  {
    const Store sut = open(accepting());
    EXPECT_EQ(sut.last_recovery().replayed_records, 0U);
    expect_all(40, sut);
  }
  const auto log = read_bytes(path() + "-log");
  EXPECT_EQ(log.size(), log_ring_offset + least_ring_bytes);
  EXPECT_TRUE(std::all_of(log.begin() + log_ring_offset, log.end(),
                          [](std::byte byte) { return byte == std::byte{0}; }));
}

/// Each page of the heap in turn never reached the disk.
TEST_F(PowerLoss, pages_that_the_structure_needs_are_missed_by_name_and_again) {
  make_store();
  write_and_vanish(3);
  pretend_reboot(path());
  const auto data = read_bytes(path());
  const auto log = read_bytes(path() + "-log");
  std::uint64_t refused = 0;
  std::uint64_t opened = 0;
  // Without what the log makes good.
  write_struct(path() + "-log", offset_of_record(0), std::uint64_t{0});
  const auto empty_log = read_bytes(path() + "-log");
  for (std::uint64_t page = heap_begin; page < newest().heap_end; page += page_bytes) {
    auto torn = data;
    std::fill_n(torn.begin() + static_cast<std::ptrdiff_t>(page), page_bytes, std::byte{0});
    write_bytes(path(), torn);
    write_bytes(path() + "-log", empty_log);
    bool is_sound = true;
    try {
      expect_sound(open(accepting()));
    } catch (const Error& error) {
      EXPECT_EQ(error, errc::corrupt) << error.what();
      is_sound = false;
    }
    ++(is_sound ? opened : refused);
    if (is_sound) continue;
    SCOPED_TRACE(page);
    expect_refused(errc::corrupt, path(), {"problem"});
    EXPECT_EQ(read_bytes(path() + "-log"), empty_log);
  }
  // The chunk table, the catalog, spans and objects; and pages that nothing stands in.
  EXPECT_GT(refused, 5U);
  EXPECT_GT(opened, 0U);
  // What is refused may still be mended.
  write_bytes(path(), data);
  write_bytes(path() + "-log", log);
  expect_all(3, open(accepting()));
}

TEST_F(PowerLoss, files_that_lack_what_they_need_are_refused_as_that) {
  make_store();
  write_and_vanish(3);
  pretend_reboot(path());
  const auto data = read_bytes(path());
  const auto log = read_bytes(path() + "-log");
  write_bytes(path(), {data.begin(), data.begin() + heap_begin + 2 * page_bytes});
  expect_refused(errc::truncated, path());
  write_bytes(path(), data);
  std::filesystem::resize_file(path() + "-log", log.size() / 2);
  expect_refused(errc::truncated, path() + "-log");
  std::filesystem::remove(path() + "-log");
  expect_refused(errc::not_found, path() + "-log");
  write_bytes(path() + "-log", log);
  for (const std::uint64_t torn : {0U, 1U}) {
    auto slot = read_struct<MetaSlot>(path(), meta_offset(torn));
    slot.checksum ^= 1;
    write_struct(path(), meta_offset(torn), slot);
  }
  expect_refused(errc::corrupt, path(), {"neither meta slot"});
  write_bytes(path(), data);
  expect_all(3, open(accepting()));
}

TEST_F(PowerLoss, of_a_copy_takes_both_to_be_accepted) {
  make_store();
  write_and_vanish(3);
  pretend_reboot(path());
  const std::string copy = path("copy");
  for (const char* const suffix : {"", "-log"}) {
    std::filesystem::copy_file(path() + suffix, copy + suffix);
  }
  expect_error(errc::copied_while_open, copy, {}, [&] { Store::open(copy, accepting()); });
  Options how = small_log();
  how.accept_copy = true;
  expect_error(errc::power_lost, copy, {}, [&] { Store::open(copy, how); });
  how.accept_power_loss = true;
  expect_all(3, Store::open(copy, how));
  expect_all(3, Store::open(copy, small_log()));
  expect_lost();
}

/// Until all of it is on the disk nobody may take it for a store of this boot, or for a closed one.
TEST_F(PowerLoss, a_kill_at_any_step_of_the_way_leaves_it_lost_or_accepted) {
  if (!drills_enabled) GTEST_SKIP() << "the library has no crash points";
  make_store();
  const auto before = read_bytes(path());
  write_and_vanish(4);
  put_heap_back(before);
  pretend_reboot(path());
  const auto data = read_bytes(path());
  const auto log = read_bytes(path() + "-log");
  std::uint64_t lost = 0;
  std::uint64_t accepted = 0;
  for (std::uint64_t step = 1;; ++step) {
    write_bytes(path(), data);
    write_bytes(path() + "-log", log);
    ForkedChild dying([&] {
      operations_left = step;
      drill::set_io_observer(&die_at_last);
      open(accepting());
      drill::set_io_observer(nullptr);
      return true;
    });
    if (!dying.was_killed()) break;
    bool is_lost = false;
    try {
      expect_all(4, open(small_log()));
      ++accepted;
    } catch (const Error& error) {
      EXPECT_EQ(error, errc::power_lost) << error.what();
      is_lost = true;
      ++lost;
    }
    // What is accepted is on the disk, so nothing that is lost follows it.
    EXPECT_TRUE(!is_lost || accepted == 0) << step;
    const Store sut = open(accepting());
    EXPECT_EQ(sut.last_recovery().power_was_lost, is_lost);
    expect_all(4, sut);
  }
  // The pages of four records, syncs, and the pages of a ring.
  EXPECT_GT(lost, 20U);
  EXPECT_GT(accepted, 0U);
}

}  // namespace
}  // namespace cairn::test

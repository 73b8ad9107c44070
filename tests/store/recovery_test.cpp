// SPDX-License-Identifier: BSL-1.0
#include <filesystem>
#include <functional>
#include <initializer_list>

#include "cairn/recovery/log_format.hpp"
#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

/// What opening does with the files that a kill, a restart or a torn sector left.
class Recovery : public StoreTest {
 protected:
  /// Writes 0, 1, ... `count` - 1 in as many commits and leaves without closing.
  void write_and_vanish(const Options& how, std::uint64_t count) const {
    EXPECT_TRUE(ForkedChild([&] {
                  Store store = open(how);
                  for (std::uint64_t i = 0; i < count; ++i) push(store, i);
                  return true;
                }).succeeded());
  }
  static Values up_to(std::uint64_t count) {
    Values all;
    for (std::uint64_t i = 0; i < count; ++i) all.push_back(i);
    return all;
  }
  MetaSlot newest() const {
    const auto first = read_struct<MetaSlot>(path(), meta_offset(0));
    const auto second = read_struct<MetaSlot>(path(), meta_offset(1));
    return first.turn > second.turn ? first : second;
  }
};

TEST_F(Recovery, a_clean_close_leaves_nothing_to_do) {
  {
    Store store = open();
    push(store, 1);
    store.close();
  }
  EXPECT_EQ(newest().clean, 1U);
  const Store sut = open();
  EXPECT_FALSE(sut.last_recovery().needed);
  EXPECT_EQ(sut.last_recovery().sequence, 2U);
  EXPECT_EQ(numbers(sut), Values{1});
}

TEST_F(Recovery, a_clean_store_of_either_level_survives_a_restart) {
  for (const Options& how : {options(), power_options()}) {
    const std::string name = path(how.durability == Durability::power ? "power" : "process");
    {
      Store store = Store::open(name, how);
      push(store, 1);
      store.close();
    }
    pretend_reboot(name);
    Store sut = Store::open(name, how);
    EXPECT_TRUE(sut.last_recovery().after_reboot);
    EXPECT_EQ(numbers(sut), Values{1});
    push(sut, 2);
    EXPECT_EQ(numbers(sut), (Values{1, 2}));
    expect_sound(sut);
  }
}

TEST_F(Recovery, a_process_store_that_was_not_closed_says_power_lost_after_a_restart) {
  write_and_vanish(options(), 3);
  pretend_reboot(path());
  for (int i = 0; i < 2; ++i) {
    expect_error(errc::power_lost, path(), {}, [&] { open(); });
  }
}

/// At that level nothing makes the log durable, so it may be anything.
TEST_F(Recovery, a_process_store_says_so_whatever_became_of_its_log) {
  write_and_vanish(options(), 3);
  pretend_reboot(path());
  const std::string log = path() + "-log";
  const auto bytes = std::filesystem::file_size(log);
  for (const std::function<void()>& change : std::initializer_list<std::function<void()>>{
           [&] { std::filesystem::resize_file(log, bytes / 2); },
           [&] { std::filesystem::resize_file(log, 0); },
           [&] { std::filesystem::resize_file(log, bytes); },
           [&] { std::filesystem::remove(log); }}) {
    change();
    expect_error(errc::power_lost, path(), {}, [&] { open(); });
    expect_error(errc::power_lost, path(), {}, [&] { Store::open_read_only(path(), options()); });
  }
}

TEST_F(Recovery, a_process_store_says_so_also_when_it_was_clean_once) {
  {
    Store store = open();
    push(store, 1);
    store.close();
  }
  EXPECT_TRUE(ForkedChild([&] {
                Store store = open();
                push(store, 2);
                return true;
              }).succeeded());
  pretend_reboot(path());
  expect_error(errc::power_lost, path(), {}, [&] { open(); });
}

TEST_F(Recovery, a_process_store_that_was_only_read_since_its_close_is_clean) {
  {
    Store store = open();
    push(store, 1);
    store.close();
  }
  EXPECT_TRUE(ForkedChild([&] { return numbers(open()) == Values{1}; }).succeeded());
  pretend_reboot(path());
  EXPECT_EQ(numbers(open()), Values{1});
}

TEST_F(Recovery, a_power_store_replays_its_log_after_a_restart) {
  write_and_vanish(power_options(), 20);
  pretend_reboot(path());
  {
    Store sut = open(power_options());
    const RecoveryReport report = sut.last_recovery();
    EXPECT_TRUE(report.needed);
    EXPECT_TRUE(report.after_reboot);
    EXPECT_EQ(report.replayed_records, 20U);
    EXPECT_GT(report.replayed_bytes, 20U * 64);
    EXPECT_EQ(report.sequence, 21U);
    EXPECT_TRUE(contains(report.summary(), "20 records")) << report.summary();
    EXPECT_EQ(numbers(sut), up_to(20));
    push(sut, 20);
    expect_sound(sut);
  }
  pretend_reboot(path());
  EXPECT_EQ(numbers(open(power_options())), up_to(21));
}

TEST_F(Recovery, a_power_store_is_restored_from_an_image_that_never_reached_the_disk) {
  {
    // Room enough that no later commit has to sync the data file for growing it.
    Store store = open(power_options());
    store.resize_file(4 << 20);
    push(store, 100);
    store.close();
  }
  const std::vector<std::byte> before = read_bytes(path());
  write_and_vanish(power_options(), 30);
  // A power cut that kept the log, which is synced, and lost what was only published.
  std::vector<std::byte> after = read_bytes(path());
  ASSERT_GE(after.size(), before.size());
  std::copy(before.begin() + heap_begin, before.end(), after.begin() + heap_begin);
  write_bytes(path(), after);
  pretend_reboot(path(), false);
  const Store sut = open(power_options());
  EXPECT_EQ(sut.last_recovery().replayed_records, 30U);
  Values expected = up_to(30);
  expected.insert(expected.begin(), 100);
  EXPECT_EQ(numbers(sut), expected);
  expect_sound(sut);
}

TEST_F(Recovery, a_record_cut_short_by_a_power_cut_is_dropped) {
  write_and_vanish(power_options(), 5);
  const auto live_tail =
      read_struct<std::uint64_t>(path(), live_words_offset + offsetof(LiveWords, log_tail));
  // Breaks the last line of the last record.
  std::array<std::byte, 64> line;
  line.fill(std::byte{0xEE});
  write_struct(path() + "-log", log_ring_offset + (live_tail - line.size()) % newest().log_bytes,
               line);
  pretend_reboot(path());
  const Store sut = open(power_options());
  EXPECT_EQ(sut.last_recovery().replayed_records, 4U);
  EXPECT_GT(sut.last_recovery().discarded_bytes, 0U);
  EXPECT_EQ(sut.sequence(), 5U);
}

TEST_F(Recovery, a_damaged_record_in_front_of_valid_ones_is_reported_and_not_skipped) {
  write_and_vanish(power_options(), 8);
  const MetaSlot meta = newest();
  const std::uint64_t first = log_ring_offset + meta.checkpoint_position % meta.log_bytes;
  const auto header = read_struct<RecordHeader>(path() + "-log", first);
  const std::uint64_t second = first + record_bytes(header.page_count, header.line_count);
  auto byte = read_struct<std::uint8_t>(path() + "-log", second + 90);
  byte = static_cast<std::uint8_t>(byte ^ 0x10);
  write_struct(path() + "-log", second + 90, byte);
  pretend_reboot(path());
  expect_error(errc::corrupt, path() + "-log", {"position"}, [&] { open(power_options()); });
  expect_error(errc::corrupt, path() + "-log", {"position"}, [&] { open(power_options()); });
}

TEST_F(Recovery, a_torn_meta_slot_leaves_the_other) {
  for (const std::uint64_t torn : {0U, 1U}) {
    const std::string name = path("store" + std::to_string(torn));
    {
      Store store = Store::open(name, power_options());
      push(store, 0);
      store.checkpoint();
      push(store, 1);
      store.checkpoint();
      push(store, 2);
    }
    const auto first = read_struct<MetaSlot>(name, meta_offset(0));
    const auto second = read_struct<MetaSlot>(name, meta_offset(1));
    ASSERT_EQ(first.turn > second.turn ? first.turn - second.turn : second.turn - first.turn, 1U);
    auto slot = read_struct<MetaSlot>(name, meta_offset(torn));
    slot.heap_end += page_bytes;
    write_struct(name, meta_offset(torn), slot);
    Store sut = Store::open(name, power_options());
    EXPECT_EQ(numbers(sut), up_to(3)) << torn;
    push(sut, 3);
    expect_sound(sut);
  }
}

TEST_F(Recovery, two_torn_meta_slots_are_damage) {
  { Store::open(path(), power_options()).checkpoint(); }
  for (const std::uint64_t torn : {0U, 1U}) {
    auto slot = read_struct<MetaSlot>(path(), meta_offset(torn));
    slot.checksum ^= 1;
    write_struct(path(), meta_offset(torn), slot);
  }
  expect_error(errc::corrupt, path(), {"512", "1024"}, [&] { open(power_options()); });
}

TEST_F(Recovery, a_failed_sync_refuses_writes_until_everybody_reopened) {
  std::uint32_t failed = 1;
  {
    Store store = open(power_options());
    push(store, 0);
    write_struct(path(), live_words_offset + offsetof(LiveWords, failed), failed);
    expect_error(errc::io, path(), {}, [&] { push(store, 1); });
    EXPECT_EQ(numbers(store), up_to(1));
    expect_error(errc::io, path(), {"it is closed"}, [&] { store.close(); });
  }
  Store sut = open(power_options());
  EXPECT_EQ(numbers(sut), up_to(1));
  push(sut, 1);
  EXPECT_EQ(numbers(sut), up_to(2));
}

TEST_F(Recovery, live_words_of_another_boot_are_not_believed) {
  write_and_vanish(power_options(), 4);
  for (std::uint64_t at = 0; at < sizeof(LiveWords); at += 8) {
    write_struct(path(), live_words_offset + at, ~std::uint64_t{0});
  }
  pretend_reboot(path());
  Store sut = open(power_options());
  EXPECT_EQ(numbers(sut), up_to(4));
  push(sut, 4);
  EXPECT_EQ(numbers(sut), up_to(5));
}

TEST_F(Recovery, checkpoint_empties_the_log) {
  write_and_vanish(power_options(), 6);
  {
    Store store = open(power_options());
    store.checkpoint();
    EXPECT_EQ(newest().checkpoint_sequence, 7U);
  }
  pretend_reboot(path());
  const Store sut = open(power_options());
  EXPECT_EQ(sut.last_recovery().replayed_records, 0U);
  EXPECT_EQ(numbers(sut), up_to(6));
}

TEST_F(Recovery, the_log_goes_round_many_times) {
  Options how = power_options();
  how.log_bytes = 64 << 10;
  {
    Store store = open(how);
    store.write([](WriteTransaction& tx) { tx.construct<Numbers>("wide", 3000U, 0U); });
    for (std::uint64_t round = 1; round <= 30; ++round) {
      store.write([&](WriteTransaction& tx) {
        for (auto& each : *tx.find<Numbers>("wide")) each = round;
      });
    }
    EXPECT_EQ(std::filesystem::file_size(path() + "-log"), log_ring_offset + (64U << 10));
  }
  pretend_reboot(path());
  const Store sut = open(how);
  EXPECT_EQ(numbers(sut, "wide"), Values(3000, 30));
  expect_sound(sut);
}

}  // namespace
}  // namespace cairn::test

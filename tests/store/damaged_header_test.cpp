// SPDX-License-Identifier: BSL-1.0
#include <initializer_list>
#include <random>

#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

/// Files that were cut or changed by others: an error, or the same content, never a crash.
class DamagedHeader : public StoreTest {
 protected:
  /// A store of a few commits that was left without closing, and its bytes.
  void make(const Options& how) {
    how_ = how;
    how_.log_bytes = 64 << 10;
    {
      Store store = open(how_);
      for (std::uint64_t i = 0; i < 5; ++i) push(store, i);
      store.checkpoint();
      for (std::uint64_t i = 5; i < 10; ++i) push(store, i);
      content_ = numbers(store);
      sequence_ = store.sequence();
    }
    data_ = read_bytes(path());
    log_ = read_bytes(path() + "-log");
  }
  void restore() const {
    write_bytes(path(), data_);
    write_bytes(path() + "-log", log_);
  }
  /// True where the store opened; then it must hold what it held.
  bool opens_with_its_content(const std::string& what) const {
    try {
      Store store = open(how_);
      EXPECT_EQ(numbers(store), content_) << what;
      EXPECT_EQ(store.sequence(), sequence_) << what;
      EXPECT_TRUE(store.check().ok()) << what;
      return true;
    } catch (const Error& error) {
      EXPECT_TRUE(contains(error.what(), path())) << what << ": " << error.what();
    }
    return false;
  }

  struct Counts {
    std::uint64_t tried = 0;
    std::uint64_t opened = 0;
  };
  /// Flips bits of every byte, or of each `step`th, one at a time.
  Counts flip_each(std::uint64_t begin, std::uint64_t bytes,
                   std::initializer_list<std::uint8_t> masks, std::uint64_t step = 1) const {
    const File file = File::open(path(), File::Access::read_write);
    Counts counts;
    for (std::uint64_t at = begin; at < begin + bytes; at += step) {
      for (const std::uint8_t bits : masks) {
        // Only what opening may have changed is put back.
        file.write_at(0, std::span(data_).first(heap_begin));
        const std::byte flipped = data_[at] ^ std::byte{bits};
        file.write_at(at, std::span(&flipped, 1));
        ++counts.tried;
        counts.opened += opens_with_its_content("byte " + std::to_string(at)) ? 1U : 0U;
      }
    }
    return counts;
  }

  Options how_;
  Values content_;
  std::uint64_t sequence_ = 0;
  std::vector<std::byte> data_;
  std::vector<std::byte> log_;
};

class DamagedHeaderAtLevel : public DamagedHeader,
                             public ::testing::WithParamInterface<Durability> {
 protected:
  void SetUp() override { make(GetParam() == Durability::power ? power_options() : options()); }
};

INSTANTIATE_TEST_SUITE_P(Levels, DamagedHeaderAtLevel,
                         ::testing::Values(Durability::process, Durability::power),
                         [](const auto& level) {
                           return std::string(level.param == Durability::power ? "power"
                                                                               : "process");
                         });

TEST_P(DamagedHeaderAtLevel, any_flipped_byte_of_what_a_checksum_covers_is_an_error_or_harmless) {
  const Counts identity = flip_each(0, sizeof(Identity), {0xFF, 0x01});
  EXPECT_EQ(identity.opened, 0U) << "the identity is covered by its checksum";
  EXPECT_EQ(identity.tried, 2 * sizeof(Identity));
  Counts slots;
  for (const std::uint64_t slot : {0U, 1U}) {
    const Counts one = flip_each(meta_offset(slot), sizeof(MetaSlot), {0x80});
    slots.opened += one.opened;
    slots.tried += one.tried;
  }
  EXPECT_EQ(slots.tried, 2 * sizeof(MetaSlot));
  EXPECT_EQ(slots.opened, slots.tried) << "the other slot still stands";
  restore();
  EXPECT_TRUE(opens_with_its_content("restored"));
}

/// Nothing covers them with a checksum, so whoever is alone sets them anew and loses nothing.
TEST_P(DamagedHeaderAtLevel, any_flipped_byte_of_the_live_words_is_reset) {
  const Counts live = flip_each(live_words_offset, sizeof(LiveWords), {0xFF, 0x01, 0x80});
  EXPECT_EQ(live.tried, 3 * sizeof(LiveWords));
  EXPECT_EQ(live.opened, live.tried);
}

TEST_P(DamagedHeaderAtLevel, any_flipped_byte_of_the_process_table_is_reset) {
  Counts table = flip_each(process_table_offset, sizeof(ProcessSlot), {0xFF, 0x01});
  EXPECT_EQ(table.tried, 2 * sizeof(ProcessSlot));
  EXPECT_EQ(table.opened, table.tried);
  table = flip_each(process_table_offset + sizeof(ProcessSlot),
                    (process_slot_count - 1) * sizeof(ProcessSlot), {0xFF}, 61);
  EXPECT_EQ(table.opened, table.tried);
}

TEST_P(DamagedHeaderAtLevel, any_flipped_byte_of_the_reader_lanes_is_reset) {
  Counts lanes = flip_each(reader_lanes_offset, sizeof(ReaderLane), {0xFF, 0x01});
  EXPECT_EQ(lanes.tried, 2 * sizeof(ReaderLane));
  EXPECT_EQ(lanes.opened, lanes.tried);
  lanes = flip_each(reader_lanes_offset + sizeof(ReaderLane),
                    (reader_lane_count - 1) * sizeof(ReaderLane), {0xFF}, 97);
  EXPECT_EQ(lanes.opened, lanes.tried);
}

/// Zeros, one byte all over, and numbers of no order.
TEST_P(DamagedHeaderAtLevel, live_words_table_and_lanes_full_of_garbage_are_reset) {
  const File file = File::open(path(), File::Access::read_write);
  std::vector<std::byte> garbage(heap_begin - process_table_offset);
  const auto scribble = [&](const std::string& what) {
    const std::span<const std::byte> all(garbage);
    file.write_at(0, std::span(data_).first(heap_begin));
    file.write_at(live_words_offset, all.first(sizeof(LiveWords)));
    EXPECT_TRUE(opens_with_its_content("live words of " + what));
    file.write_at(0, std::span(data_).first(heap_begin));
    file.write_at(process_table_offset, all);
    EXPECT_TRUE(opens_with_its_content("table and lanes of " + what));
    file.write_at(live_words_offset, all.first(sizeof(LiveWords)));
    file.write_at(process_table_offset, all);
    EXPECT_TRUE(opens_with_its_content("all of " + what));
  };
  for (const unsigned filled : {0x00U, 0x01U, 0x5AU, 0x80U, 0xFFU}) {
    garbage.assign(garbage.size(), static_cast<std::byte>(filled));
    scribble("bytes " + std::to_string(filled));
  }
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    for (std::byte& each : garbage) each = static_cast<std::byte>(random());
    scribble("seed " + std::to_string(seed));
  }
}

/// Zeros are what a hole reads as, and whoever has checked nothing yet must not take them for that.
TEST_P(DamagedHeaderAtLevel, zeros_in_place_of_both_meta_slots_are_told_to_each_who_writes) {
  const Channel channel;
  ForkedChild other([&] {
    Store store = open(how_);
    channel.tell_parent();
    channel.hear_parent();
    for (int attempt = 0; attempt < 2; ++attempt) {
      expect_error(errc::corrupt, path(), {"meta slot"}, [&] { push(store, 2); });
    }
    return !HasFailure();
  });
  channel.hear_child();
  Store store = open(how_);
  push(store, 1);
  const std::vector<std::byte> zeros(meta_slots * meta_slot_stride);
  File::open(path(), File::Access::read_write).write_at(meta_slot_offset, zeros);
  channel.tell_child();
  EXPECT_TRUE(other.succeeded());
  for (int attempt = 0; attempt < 2; ++attempt) {
    expect_error(errc::corrupt, path(), {"meta slot"}, [&] { push(store, 3); });
  }
}

TEST_P(DamagedHeaderAtLevel, any_length_is_an_error_or_the_whole) {
  std::uint64_t refused = 0;
  const auto cut = [&](std::uint64_t length, bool reboot) {
    restore();
    if (reboot) {
      write_struct(path(), live_words_offset + offsetof(LiveWords, boot_id), other_boot());
    }
    File::open(path(), File::Access::read_write).truncate(length);
    if (!opens_with_its_content(std::to_string(length) + " bytes")) ++refused;
  };
  std::uint64_t tried = 0;
  for (std::uint64_t length = 0; length < data_.size(); length += 1117) {
    cut(length, false);
    ++tried;
  }
  for (std::uint64_t length = heap_begin; length < data_.size(); length += page_bytes) {
    cut(length, true);
    cut(length + 1, true);
    tried += 2;
  }
  EXPECT_EQ(refused, tried) << "every byte of the file is announced by the header";
  restore();
  EXPECT_TRUE(opens_with_its_content("restored"));
}

TEST_P(DamagedHeaderAtLevel, any_flipped_byte_of_the_heap_is_survived) {
  std::uint64_t found = 0;
  const File file = File::open(path(), File::Access::read_write);
  // What the heap's first pages and the objects' blocks hold; most other bytes are zeros that
  // nothing looks at.
  for (std::uint64_t at = heap_begin; at < data_.size(); ++at) {
    if (data_[at] == std::byte{0} && at % 4001 != 0) continue;
    file.write_at(0, data_);
    const std::byte flipped = data_[at] ^ std::byte{0x41};
    file.write_at(at, std::span(&flipped, 1));
    try {
      const Store store = open(how_);
      if (store.check().ok()) {
        numbers(store);
      } else {
        ++found;
      }
    } catch (const std::exception&) {
      ++found;
    }
  }
  // Most bytes that are not zero are those of the heap's own tables.
  EXPECT_GT(found, 50U);
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#include "cairn/recovery/meta_slots.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "cairn/error.hpp"
#include "cairn/mapping/shared_view.hpp"
#include "recovery_fixture.hpp"

namespace cairn::test {
namespace {

using Header = std::array<std::byte, page_bytes>;

MetaSlot sound_meta(std::uint64_t turn) {
  MetaSlot meta{};
  meta.turn = turn;
  meta.checkpoint_position = 4096;
  meta.checkpoint_sequence = turn;
  meta.heap_end = 10 * page_bytes;
  meta.file_bytes = 20 * page_bytes;
  meta.log_bytes = 16 * page_bytes;
  meta.max_bytes = 1000 * page_bytes;
  meta.clean = 1;
  meta.checksum = struct_checksum(meta, seed);
  return meta;
}

void put(Header& header, std::uint64_t slot, const MetaSlot& meta) {
  std::memcpy(header.data() + meta_slot_offset + slot * meta_slot_stride, &meta, sizeof meta);
}

std::uint64_t turn_in(const Header& header) {
  return newest_meta(header, seed, "store").turn;
}

void expect_corrupt(const Header& header) {
  try {
    newest_meta(header, seed, "some store");
    ADD_FAILURE() << "a header without a valid slot was accepted";
  } catch (const Error& error) {
    EXPECT_TRUE(error == errc::corrupt) << error.what();
    EXPECT_NE(std::string(error.what()).find("some store"), std::string::npos);
  }
}

TEST(MetaSlots, the_one_with_the_higher_turn_counts) {
  Header header{};
  put(header, 0, sound_meta(8));
  put(header, 1, sound_meta(9));
  EXPECT_EQ(turn_in(header), 9U);
  put(header, 0, sound_meta(10));
  EXPECT_EQ(turn_in(header), 10U);
}

TEST(MetaSlots, one_torn_at_any_byte_leaves_the_other) {
  for (std::size_t cut = 0; cut < sizeof(MetaSlot); ++cut) {
    Header header{};
    put(header, 0, sound_meta(6));
    put(header, 1, sound_meta(7));
    const MetaSlot next = sound_meta(8);
    std::memcpy(header.data() + meta_slot_offset, &next, cut);
    // A cut behind the last byte that differs is a whole slot.
    const std::uint64_t found = turn_in(header);
    EXPECT_TRUE(found == 7 || (found == 8 && cut > offsetof(MetaSlot, checksum))) << cut;
  }
}

TEST(MetaSlots, any_flipped_bit_takes_a_slot_out) {
  for (std::size_t bit = 0; bit < 8 * sizeof(MetaSlot); ++bit) {
    Header header{};
    put(header, 0, sound_meta(6));
    put(header, 1, sound_meta(7));
    header[meta_slot_offset + meta_slot_stride + bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    ASSERT_EQ(turn_in(header), 6U) << "bit " << bit;
  }
}

TEST(MetaSlots, two_bad_ones_are_damage_and_name_the_file) {
  Header header{};
  expect_corrupt(header);
  put(header, 0, sound_meta(3));
  header[meta_slot_offset] ^= std::byte{1};
  expect_corrupt(header);
}

TEST(MetaSlots, of_another_store_do_not_count) {
  Header header{};
  put(header, 0, sound_meta(3));
  EXPECT_THROW(newest_meta(header, seed + 1, "store"), Error);
}

TEST(MetaSlots, numbers_that_do_not_fit_each_other_do_not_count_whatever_the_checksum) {
  const std::function<void(MetaSlot&)> lies[] = {
      [](MetaSlot& m) { m.heap_end += 1; },
      [](MetaSlot& m) { m.heap_end = 0; },
      [](MetaSlot& m) { m.heap_end = heap_begin; },
      [](MetaSlot& m) { m.heap_end = m.file_bytes + page_bytes; },
      [](MetaSlot& m) { m.file_bytes = m.max_bytes + page_bytes; },
      [](MetaSlot& m) { m.file_bytes += 512; },
      [](MetaSlot& m) { m.max_bytes = ~0ULL - page_bytes + 1; },
      [](MetaSlot& m) { m.log_bytes = 0; },
      [](MetaSlot& m) { m.log_bytes = 100; },
      [](MetaSlot& m) { m.log_bytes = 17 * page_bytes; },
      [](MetaSlot& m) { m.log_bytes = std::uint64_t{1} << 50; },
      [](MetaSlot& m) { m.checkpoint_position += 1; },
      [](MetaSlot& m) { m.checkpoint_sequence = 0; },
  };
  for (std::size_t i = 0; i < std::size(lies); ++i) {
    Header header{};
    MetaSlot meta = sound_meta(3);
    lies[i](meta);
    meta.checksum = struct_checksum(meta, seed);
    put(header, 0, meta);
    EXPECT_THROW(newest_meta(header, seed, "store"), Error) << "lie " << i;
  }
}

TEST(MetaSlots, are_written_in_turn_and_leave_the_other_as_it_was) {
  const TemporaryDirectory directory;
  const File file = File::open_or_create(directory.file("data"), 0600);
  file.allocate(0, page_bytes);
  const Reservation window = map_shared(file, page_bytes, ViewAccess::read_write);
  Header before{};
  MetaSlot meta = sound_meta(1);
  for (int round = 0; round < 6; ++round) {
    std::memcpy(before.data(), window.data(), before.size());
    meta = write_meta(file, window.data(), meta, seed);
    Header after{};
    std::memcpy(after.data(), window.data(), after.size());
    EXPECT_EQ(turn_in(after), meta.turn);
    const std::uint64_t other = meta_slot_offset + (meta.turn + 1) % 2 * meta_slot_stride;
    EXPECT_EQ(std::memcmp(before.data() + other, after.data() + other, meta_slot_stride), 0);
  }
  EXPECT_EQ(meta.turn, 7U);
}

TEST(Identity, of_a_file_with_any_flipped_bit_is_refused_by_name) {
  const TemporaryDirectory directory;
  const File file = File::open_or_create(directory.file("data"), 0600);
  file.allocate(0, heap_begin + page_bytes);
  Identity identity{};
  identity.magic = data_magic;
  identity.version = format_version;
  identity.byte_order = byte_order_mark;
  identity.page_size = page_bytes;
  identity.durability = StoredDurability::power;
  identity.checksum = struct_checksum(identity, 0);
  file.write_at(0, std::as_bytes(std::span(&identity, 1)));
  EXPECT_EQ(read_identity(file).checksum, identity.checksum);
  for (std::size_t bit = 0; bit < 8 * sizeof identity; ++bit) {
    Identity bad = identity;
    reinterpret_cast<std::byte*>(&bad)[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    file.write_at(0, std::as_bytes(std::span(&bad, 1)));
    try {
      read_identity(file);
      ADD_FAILURE() << "bit " << bit << " went unnoticed";
    } catch (const Error& error) {
      EXPECT_TRUE(error == errc::not_a_store || error == errc::version_mismatch ||
                  error == errc::corrupt)
          << "bit " << bit << ": " << error.what();
    }
  }
}

}  // namespace
}  // namespace cairn::test

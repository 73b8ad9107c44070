// SPDX-License-Identifier: BSL-1.0
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
      return true;
    } catch (const Error& error) {
      EXPECT_TRUE(contains(error.what(), path())) << what << ": " << error.what();
    }
    return false;
  }

  Options how_;
  Values content_;
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

TEST_P(DamagedHeaderAtLevel, any_flipped_byte_is_an_error_or_harmless) {
  std::uint64_t opened = 0;
  std::uint64_t refused = 0;
  const File file = File::open(path(), File::Access::read_write);
  const auto flip = [&](std::uint64_t at, std::uint8_t bits) {
    // Only what opening may have changed is put back.
    file.write_at(0, std::span(data_).first(heap_begin));
    const std::byte flipped = data_[at] ^ std::byte{bits};
    file.write_at(at, std::span(&flipped, 1));
    const bool fine = opens_with_its_content("byte " + std::to_string(at));
    ++(fine ? opened : refused);
  };
  for (std::uint64_t at = 0; at < sizeof(Identity); ++at) {
    flip(at, 0xFF);
    flip(at, 0x01);
  }
  EXPECT_EQ(opened, 0U) << "the identity is covered by its checksum";
  for (const std::uint64_t slot : {0U, 1U}) {
    for (std::uint64_t at = 0; at < sizeof(MetaSlot); ++at) flip(meta_offset(slot) + at, 0x80);
  }
  for (std::uint64_t at = 0; at < sizeof(LiveWords); ++at) {
    flip(live_words_offset + at, 0xFF);
    flip(live_words_offset + at, 0x01);
  }
  for (std::uint64_t at = process_table_offset; at < heap_begin; at += 97) flip(at, 0xFF);
  EXPECT_GT(opened, 500U);
  EXPECT_GT(refused, 200U);
  restore();
  EXPECT_TRUE(opens_with_its_content("restored"));
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

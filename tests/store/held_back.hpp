// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>

#include "cairn/recovery/header_format.hpp"
#include "slow_reader.hpp"
#include "temp_store.hpp"

namespace cairn::test {

using std::chrono::milliseconds;

inline constexpr std::uint64_t cells = 20'000;

/// Stores in which a section that stays keeps commits out of the shared image.
class HeldBack : public StoreTest {
 protected:
  std::uint64_t live_word(std::uint64_t offset) const {
    return read_struct<std::uint64_t>(path(), live_words_offset + offset);
  }
  std::uint64_t published() const { return live_word(offsetof(LiveWords, published)); }
  std::uint64_t visible() const { return live_word(offsetof(LiveWords, visible)); }
  bool is_held_back() const { return published() != visible(); }

  /// Numbers enough to fill many pages, all of them 0.
  static void fill(Store& store) {
    store.write([](WriteTransaction& tx) { tx.construct<Numbers>("numbers").resize(cells); });
  }
  static void set(Store& store, std::uint64_t index, std::uint64_t value) {
    store.write([&](WriteTransaction& tx) { tx.find<Numbers>("numbers")->at(index) = value; });
  }
  static std::uint64_t get(const Store& store, std::uint64_t index) {
    return store.read(
        [&](const ReadTransaction& tx) { return tx.find<Numbers>("numbers")->at(index); });
  }
  static SlowReader::Look sees(std::uint64_t index, std::uint64_t value) {
    return [=](const ReadTransaction& section) {
      EXPECT_EQ(section.find<Numbers>("numbers")->at(index), value);
    };
  }
};

}  // namespace cairn::test

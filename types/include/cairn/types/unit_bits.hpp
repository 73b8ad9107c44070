// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "cairn/mapping/zeroed_memory.hpp"

namespace cairn {

/// One bit for each 16 bytes of a file up to some end, taking up memory only where bits are set:
/// what is known of all blocks of a store at a 128th of its size.
class UnitBits {
 public:
  static constexpr std::uint64_t unit_bytes = 16;

  /// All bits of [0, end_bytes) are clear. Throws errc::too_large.
  explicit UnitBits(std::uint64_t end_bytes)
      : memory_(end_bytes / unit_bytes / 8 + sizeof(std::uint64_t)), words_(memory_.words()) {}

  bool test(std::uint64_t offset) const noexcept {
    const std::uint64_t unit = offset / unit_bytes;
    return (words_[unit / 64] >> unit % 64 & 1) != 0;
  }
  void set(std::uint64_t offset) noexcept {
    const std::uint64_t unit = offset / unit_bytes;
    words_[unit / 64] |= std::uint64_t{1} << unit % 64;
  }
  /// The first set unit of those that [offset, offset + bytes) touches. Requires: `bytes` > 0.
  std::optional<std::uint64_t> first(std::uint64_t offset, std::uint64_t bytes) const noexcept {
    const Range range(offset, bytes);
    for (std::uint64_t word = range.first / 64; word <= range.last / 64; ++word) {
      const std::uint64_t set = words_[word] & range.mask(word);
      if (set == 0) continue;
      return (word * 64 + static_cast<std::uint64_t>(std::countr_zero(set))) * unit_bytes;
    }
    return std::nullopt;
  }
  bool any(std::uint64_t offset, std::uint64_t bytes) const noexcept {
    return first(offset, bytes).has_value();
  }
  /// Sets every unit that [offset, offset + bytes) touches. Requires: `bytes` > 0.
  void set(std::uint64_t offset, std::uint64_t bytes) noexcept {
    const Range range(offset, bytes);
    for (std::uint64_t word = range.first / 64; word <= range.last / 64; ++word) {
      words_[word] |= range.mask(word);
    }
  }

 private:
  struct Range {
    Range(std::uint64_t offset, std::uint64_t bytes) noexcept
        : first(offset / unit_bytes), last((offset + bytes - 1) / unit_bytes) {}

    std::uint64_t mask(std::uint64_t word) const noexcept {
      std::uint64_t bits = ~std::uint64_t{0};
      if (word == first / 64) bits &= ~std::uint64_t{0} << first % 64;
      if (word == last / 64) bits &= ~std::uint64_t{0} >> (63 - last % 64);
      return bits;
    }

    std::uint64_t first;
    std::uint64_t last;
  };

  ZeroedMemory memory_;
  std::uint64_t* words_;
};

}  // namespace cairn

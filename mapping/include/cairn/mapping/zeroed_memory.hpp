// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "cairn/mapping/reservation.hpp"

namespace cairn {

/// Zeroed words of this process. Many take up room only where they are touched; few come from the
/// heap, since a mapping of its own costs two system calls and the faults in between.
class ZeroedMemory {
 public:
  ZeroedMemory() noexcept = default;
  /// Throws errc::too_large or std::bad_alloc.
  explicit ZeroedMemory(std::size_t bytes) {
    if (bytes <= largest_few_bytes) {
      few_ = std::make_unique<std::uint64_t[]>((bytes + sizeof(std::uint64_t) - 1) /
                                               sizeof(std::uint64_t));
    } else {
      many_ = Reservation::anonymous(bytes);
    }
  }

  std::uint64_t* words() const noexcept {
    return few_ != nullptr ? few_.get() : reinterpret_cast<std::uint64_t*>(many_.data());
  }

 private:
  static constexpr std::size_t largest_few_bytes = 64 << 10;

  std::unique_ptr<std::uint64_t[]> few_;
  Reservation many_;
};

}  // namespace cairn

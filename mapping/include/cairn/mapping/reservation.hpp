// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace cairn {

/// A range of address space that is given back on destruction.
class Reservation {
 public:
  Reservation() noexcept = default;
  Reservation(Reservation&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Reservation& operator=(Reservation&& other) noexcept;
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  ~Reservation();

  /// Zeroed private memory that takes up room only where it is touched. Throws errc::too_large.
  static Reservation anonymous(std::size_t bytes);
  /// Address space that nothing may touch until something is mapped over it, a whole number of
  /// pages; from `huge_page_bytes` on it begins at a multiple of that. Throws errc::too_large,
  /// naming `path` as the store that it is for.
  static Reservation inaccessible(std::size_t bytes, const std::string& path = {});

  /// Takes over what is mapped there.
  static Reservation of(std::span<std::byte> mapped) noexcept {
    return {mapped.data(), mapped.size()};
  }

  std::byte* data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  Reservation(std::byte* data, std::size_t bytes) noexcept : data_(data), bytes_(bytes) {}

  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace cairn

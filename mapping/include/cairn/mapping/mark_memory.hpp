// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace cairn {

/// What a thread has declared already in its running transactions, as far as it remembers: to
/// declare any of that again takes two comparisons.
///
/// Invariant: nothing is remembered that does not hold. Whatever ends the life of marks or of fresh
/// pages (WriteSet::clear, WorkingView::set_tracked_bytes, the begin and the end of a transaction)
/// makes the thread forget, so the memory never outlives a transaction.
///
/// Addresses are those of working views, which never overlap: one memory does for all of a thread's
/// stores.
struct MarkMemory {
  /// A type of its own, as pointers are: no store to an element can change what is remembered, and
  /// compilers know that.
  enum class Bytes : std::uint64_t {};

  static constexpr std::size_t largest_object = 64;
  static constexpr std::size_t word = sizeof(std::uint64_t);
  static constexpr std::size_t place_of_tables = 0;

  /// Lines that may be written, all from `begin` on: marked ones, or fresh pages.
  const std::byte* begin = nullptr;
  const std::byte* end = nullptr;
  Bytes bytes{};
  /// The object of each size in words that was last marked as a whole; none has no words, so the
  /// first is that of hash tables, whose elements have the sizes of their heads.
  std::array<const void*, largest_object / word + 1> objects{};

  void remember(const std::byte* first, const std::byte* last) noexcept {
    begin = first;
    end = last;
    bytes = static_cast<Bytes>(last - first);
  }
  void forget() noexcept { *this = {}; }
};

inline constinit thread_local MarkMemory mark_memory{};

}  // namespace cairn

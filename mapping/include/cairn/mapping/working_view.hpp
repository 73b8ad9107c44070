// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstdint>

#include "cairn/mapping/file.hpp"
#include "cairn/mapping/reservation.hpp"
#include "cairn/mapping/write_set.hpp"

namespace cairn {

/// The view of the data file in which the one writer works.
///
///     0            tracked_bytes                                    reach_bytes
///     | MAP_PRIVATE: a store needs a mark | MAP_SHARED: fresh pages |
///
/// Invariants:
///  1. Below `tracked_bytes` a page is either as the shared file has it or a private copy; private
///     copies are a subset of `write_set().private_pages()`.
///  2. From `tracked_bytes` on, nothing committed reaches a page, so stores go straight to the
///     file.
///
/// Threads: used by the one thread that holds the write lock; `shows` by any.
class WorkingView {
 public:
  /// When the address space is taken up. At the first use is the first `set_tracked_bytes`: who
  /// only reads needs none of it.
  enum class Mapped { at_once, at_first_use };

  /// A view of `reach_bytes` of `file`; everything is fresh at first. Throws errc::too_large.
  /// With 0 bytes it is a view of nothing, which needs no permission to write.
  WorkingView(const File& file, std::uint64_t reach_bytes, Mapped when = Mapped::at_once);

  /// Null before it is mapped.
  std::byte* base() const noexcept { return base_; }
  std::uint64_t tracked_bytes() const noexcept { return tracked_bytes_; }
  std::uint64_t reach_bytes() const noexcept { return reach_bytes_; }

  /// Declares that [p, p + bytes) is about to be written. Returns false, and does nothing, where
  /// `p` is not in this view. Throws errc::too_large past the touch limit.
  bool mark(const void* p, std::uint64_t bytes) {
    const std::uint64_t offset = reinterpret_cast<std::uintptr_t>(p) - base_address_;
    if (offset < tracked_bytes_) [[likely]] {
      write_set_.mark(offset, bytes, tracked_bytes_ / page_bytes);
      return true;
    }
    return offset < reach_bytes_;
  }

  /// The same, and lets this thread remember what it may write around `p` by now.
  bool mark_and_remember(const void* p, std::uint64_t bytes);

  /// Declares the lines of the bytes at `first` and `others`, with one test for all of them.
  /// Returns false, and does nothing, where they are not in one page of this view: `mark` each of
  /// them then.
  template <class... Others>
  bool mark_near(const void* first, const Others*... others) {
    const std::uint64_t offset = offset_of(first);
    if ((((offset ^ offset_of(others)) >= page_bytes) || ...)) [[unlikely]]
      return false;
    if (offset < tracked_bytes_) {
      write_set_.mark_page(offset / page_bytes,
                           (line_bit(offset) | ... | line_bit(offset_of(others))));
      return true;
    }
    return offset < reach_bytes_;
  }

  /// The same for the `bytes` from `run` on, which may be none, and the line of `beside`.
  bool mark_run_near(const void* beside, const void* run, std::uint64_t bytes) {
    const std::uint64_t offset = offset_of(beside);
    const std::uint64_t first = offset_of(run);
    const std::uint64_t last = first + bytes - 1;
    if ((offset ^ first) >= page_bytes || (bytes != 0 && (offset ^ last) >= page_bytes))
        [[unlikely]]
      return false;
    if (offset < tracked_bytes_) {
      const std::uint64_t lines = bytes == 0 ? 0 : 2 * line_bit(last) - line_bit(first);
      write_set_.mark_page(offset / page_bytes, line_bit(offset) | lines);
      return true;
    }
    return offset < reach_bytes_;
  }

  /// Whether `p` is in a page that the running transaction gained: it and all behind it need no
  /// mark.
  bool is_fresh(const void* p) const noexcept {
    const std::uint64_t offset = offset_of(p);
    return offset >= tracked_bytes_ && offset < reach_bytes_;
  }
  bool contains(const void* p) const noexcept {
    return reinterpret_cast<std::uintptr_t>(p) - base_address_ < reach_bytes_;
  }
  /// The same for a thread that may not use this view, while another one may be mapping it.
  bool shows(const void* p) const noexcept {
    const void* const base = shown_base();
    return base != nullptr &&
           reinterpret_cast<std::uintptr_t>(p) - reinterpret_cast<std::uintptr_t>(base) <
               reach_bytes_;
  }
  /// Where it begins, for such a thread; null before it is mapped.
  const void* shown_base() const noexcept {
    // Relaxed: who has an address in it has it from somebody who had seen it mapped.
    return shown_base_.load(std::memory_order_relaxed);
  }
  std::uint64_t offset_of(const void* p) const noexcept {
    return reinterpret_cast<std::uintptr_t>(p) - base_address_;
  }

  /// Where a line lives that never changes by commits: in the shared image, unless the running
  /// transaction made it, which then has it to itself until it commits. Requires: contains(p).
  std::byte* live_line(void* p) const noexcept {
    const std::uint64_t offset = offset_of(p);
    std::byte* const image = write_set_.shared_image();
    // A fresh page of this view is a page of the shared image.
    if (offset >= tracked_bytes_ || write_set_.is_marked(offset) || image == nullptr) {
      return static_cast<std::byte*>(p);
    }
    return image + offset;
  }

  /// Moves the border between tracked and fresh pages to `bytes`, a multiple of the page size.
  /// Pages that become tracked show the file as it is; pages that become fresh lose private copies.
  void set_tracked_bytes(std::uint64_t bytes);
  /// Makes every private copy show the shared file again and gives its memory back.
  void drop_private_pages();

  /// In a forked child: what it stores into the parent's fresh pages stays in the child.
  void keep_from_parent() noexcept;

  /// Asks the kernel to keep fresh pages in huge ones: a fifth of the faults' cost while the file
  /// grows. In return the kernel takes a huge page as changed wherever one byte of it is, so this
  /// is for stores that nobody syncs.
  void prefer_huge_pages() noexcept;

  WriteSet& write_set() noexcept { return write_set_; }
  const WriteSet& write_set() const noexcept { return write_set_; }

 private:
  static std::uint64_t line_bit(std::uint64_t offset) noexcept {
    return std::uint64_t{1} << (offset / line_bytes % lines_per_page);
  }

  /// So far from all that a program may point to that it is in no view that would begin there.
  static constexpr std::uintptr_t unmapped_address = std::uintptr_t{1} << 63;

  void map();

  const File& file_;
  Reservation memory_;
  WriteSet write_set_;
  std::byte* base_ = nullptr;
  std::uintptr_t base_address_ = unmapped_address;
  std::uint64_t tracked_bytes_ = 0;
  std::uint64_t reach_bytes_;
  std::atomic<const std::byte*> shown_base_{nullptr};  ///< base_, for any thread
  std::uint32_t repeated_marks_ = 0;
  std::uint32_t paid_pages_ = 0;
  bool prefers_huge_pages_ = false;
};

}  // namespace cairn

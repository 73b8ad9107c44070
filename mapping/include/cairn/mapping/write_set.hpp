// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cairn/mapping/page.hpp"
#include "cairn/mapping/zeroed_memory.hpp"

namespace cairn {

/// Which lines of which pages the running transaction has declared, and which pages of the working
/// view are private copies by now.
///
/// Both tables are arrays over every page that the store may ever have, of zeros that take up
/// memory only as they are touched where there are many, so a mark is one indexed OR.
///
/// Threads: used by the one thread that holds the write lock.
class WriteSet {
 public:
  /// Covers no page.
  WriteSet() noexcept = default;
  explicit WriteSet(std::uint64_t max_pages) { cover(max_pages); }
  /// Covers `max_pages` pages from now on, with nothing declared. Throws errc::too_large where the
  /// address space does not suffice.
  void cover(std::uint64_t max_pages);

  /// Declares [offset, offset + bytes), clipped to the pages below `end_page`, whatever `bytes` is.
  void mark(std::uint64_t offset, std::uint64_t bytes, std::uint64_t end_page) {
    const std::uint64_t in_page = offset % page_bytes;
    if (bytes - 1 < page_bytes - in_page) [[likely]] {
      mark_lines(offset / page_bytes,
                 (~0ULL << (in_page / line_bytes)) &
                     (~0ULL >> (lines_per_page - 1 - (in_page + bytes - 1) / line_bytes)));
    } else {
      mark_across_pages(offset, bytes, end_page);
    }
  }

  /// Declares lines of one page, bit i for line i. Requires: at least one.
  void mark_page(std::uint64_t page, std::uint64_t lines) { mark_lines(page, lines); }

  /// Pages with at least one declared line, in the order of their first mark.
  std::span<const std::uint32_t> touched() const noexcept { return touched_; }
  /// Declared lines of a page, bit i for line i.
  std::uint64_t mask(std::uint64_t page) const noexcept { return masks_[page]; }
  /// Whether the line of the byte at `offset` is declared.
  bool is_marked(std::uint64_t offset) const noexcept {
    return (masks_[offset / page_bytes] >> (offset % page_bytes / line_bytes) & 1) != 0;
  }
  /// The declared lines around the declared one at `offset` as [first byte, end). Those of other
  /// pages belong to it where all between are declared; at most `pages` whole ones are followed,
  /// which is counted down by as many as were.
  struct Run {
    std::uint64_t begin;
    std::uint64_t end;
  };
  Run run_around(std::uint64_t offset, std::uint32_t& pages) const noexcept;

  /// Forgets the declared lines, and so does this thread's memory; private pages stay private.
  void clear() noexcept;
  /// True where a mark was refused since the last `clear`. What it was for may have been left half
  /// done (a destructor that could not free its block), so the transaction must not commit.
  bool is_over_limit() const noexcept { return over_limit_; }
  /// Throws errc::too_large, saying which limit was passed.
  [[noreturn]] void throw_over_limit() const;

  /// True where the page may be a private copy: it was declared at some time since the last
  /// `forget_private`.
  bool is_private(std::uint64_t page) const noexcept { return private_[page] != 0; }
  /// Says that the page is about to become a private copy without being declared.
  void note_private(std::uint64_t page);
  std::span<const std::uint32_t> private_pages() const noexcept { return private_list_; }
  void forget_private() noexcept;
  /// The same for pages from `first_page` on.
  void forget_private_from(std::uint64_t first_page) noexcept;

  /// Tells where the shared image of the pages is mapped, so that its lines can be on their way
  /// into the cache while the transaction still works on its own: commit compares and publishes
  /// them.
  void set_shared_image(std::byte* base) noexcept { shared_image_ = base; }
  /// The shared image, nullptr where nobody told.
  std::byte* shared_image() const noexcept { return shared_image_; }
  /// Most pages that one transaction may touch; the next one throws errc::too_large, naming `path`.
  void set_touch_limit(std::uint64_t pages, const std::string& path = {}) {
    touch_limit_pages_ = pages;
    path_ = path;
  }

 private:
  void mark_lines(std::uint64_t page, std::uint64_t lines) {
    const std::uint64_t before = masks_[page];
    // Reading alone is faster than writing the same again: the next mark would wait for it.
    if ((lines & ~before) == 0) return;
    if (before == 0) [[unlikely]]
      note_first_touch(page, lines);
    masks_[page] = before | lines;
  }
  void mark_across_pages(std::uint64_t offset, std::uint64_t bytes, std::uint64_t end_page);
  void note_first_touch(std::uint64_t page, std::uint64_t lines);

  std::uint64_t max_pages_ = 0;
  ZeroedMemory memory_;  ///< masks, and behind them a byte a page
  std::uint64_t* masks_ = nullptr;
  std::uint8_t* private_ = nullptr;
  std::vector<std::uint32_t> touched_;
  std::vector<std::uint32_t> private_list_;
  std::byte* shared_image_ = nullptr;
  std::uint64_t touch_limit_pages_ = ~0ULL;
  std::string path_;  ///< for messages
  bool over_limit_ = false;
};

}  // namespace cairn

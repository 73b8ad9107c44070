// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/write_set.hpp"

#include <algorithm>
#include <bit>
#include <string>

#include "cairn/error.hpp"

namespace cairn {
namespace {
/// In a transaction of more pages the lines would leave the cache again before they are needed.
constexpr std::size_t prefetched_pages = 64;
}  // namespace

WriteSet::WriteSet(std::uint64_t max_pages)
    : mask_memory_(Reservation::anonymous(max_pages * sizeof(std::uint64_t))),
      private_memory_(Reservation::anonymous(max_pages)),
      masks_(reinterpret_cast<std::uint64_t*>(mask_memory_.data())),
      private_(reinterpret_cast<std::uint8_t*>(private_memory_.data())) {}

void WriteSet::mark_across_pages(std::uint64_t offset, std::uint64_t bytes,
                                 std::uint64_t end_page) {
  const std::uint64_t limit = end_page * page_bytes;
  const std::uint64_t end = offset < limit && bytes < limit - offset ? offset + bytes : limit;
  for (std::uint64_t at = offset; at < end;) {
    const std::uint64_t page_end = (at / page_bytes + 1) * page_bytes;
    const std::uint64_t first_line = at % page_bytes / line_bytes;
    const std::uint64_t last_line = (std::min(end, page_end) - 1) % page_bytes / line_bytes;
    mark_lines(at / page_bytes,
               (~0ULL << first_line) & (~0ULL >> (lines_per_page - 1 - last_line)));
    at = page_end;
  }
}

void WriteSet::throw_over_limit() const {
  throw Error(errc::too_large, path_,
              "the transaction changes more than " + std::to_string(touch_limit_pages_) +
                  " pages of committed data; commit in smaller steps or raise private_bytes");
}

void WriteSet::note_first_touch(std::uint64_t page, std::uint64_t lines) {
  if (lines == 0) return;
  if (touched_.size() >= touch_limit_pages_) {
    over_limit_ = true;
    throw_over_limit();
  }
  // Private first: if the second push throws, a page too many counts as private, which is harmless.
  note_private(page);
  touched_.push_back(static_cast<std::uint32_t>(page));
  if (shared_image_ != nullptr && touched_.size() <= prefetched_pages) {
    const auto line = static_cast<std::uint64_t>(std::countr_zero(lines));
    __builtin_prefetch(shared_image_ + page * page_bytes + line * line_bytes, 1);
  }
}

void WriteSet::note_private(std::uint64_t page) {
  if (private_[page] != 0) return;
  private_list_.push_back(static_cast<std::uint32_t>(page));
  private_[page] = 1;
}

void WriteSet::clear() noexcept {
  for (const std::uint32_t page : touched_) masks_[page] = 0;
  touched_.clear();
  over_limit_ = false;
}

void WriteSet::forget_private_from(std::uint64_t first_page) noexcept {
  std::erase_if(private_list_, [&](std::uint32_t page) {
    if (page < first_page) return false;
    private_[page] = 0;
    return true;
  });
}

void WriteSet::forget_private() noexcept {
  for (const std::uint32_t page : private_list_) private_[page] = 0;
  private_list_.clear();
}

}  // namespace cairn

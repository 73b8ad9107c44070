// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/write_set.hpp"

#include <algorithm>
#include <bit>
#include <string>

#include "cairn/error.hpp"
#include "cairn/mapping/mark_memory.hpp"

namespace cairn {
namespace {
/// In a transaction of more pages the lines would leave the cache again before they are needed.
constexpr std::size_t prefetched_pages = 64;
constexpr std::uint64_t whole_page = ~0ULL;
}  // namespace

void WriteSet::cover(std::uint64_t max_pages) {
  memory_ = ZeroedMemory(max_pages * (sizeof(std::uint64_t) + 1));
  max_pages_ = max_pages;
  masks_ = memory_.words();
  private_ = reinterpret_cast<std::uint8_t*>(masks_ + max_pages);
}

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

WriteSet::Run WriteSet::run_around(std::uint64_t offset, std::uint32_t& pages) const noexcept {
  const std::uint64_t page = offset / page_bytes;
  const auto line = static_cast<int>(offset % page_bytes / line_bytes);
  const auto lines_at = [](int lines) { return static_cast<std::uint64_t>(lines) * line_bytes; };
  constexpr auto last_line = static_cast<int>(lines_per_page - 1);
  const int before = std::countl_one(masks_[page] << (last_line - line)) - 1;
  const int behind = std::countr_one(masks_[page] >> line);
  Run run{page * page_bytes + lines_at(line - before), page * page_bytes + lines_at(line + behind)};
  if (line == before) {
    std::uint64_t first = page;
    while (first != 0 && masks_[first - 1] == whole_page && pages != 0) {
      --first;
      --pages;
    }
    const int more = first == 0 ? 0 : std::countl_one(masks_[first - 1]);
    run.begin = first * page_bytes - lines_at(more);
  }
  if (line + behind == last_line + 1) {
    std::uint64_t next = page + 1;
    while (next < max_pages_ && masks_[next] == whole_page && pages != 0) {
      ++next;
      --pages;
    }
    const int more = next < max_pages_ ? std::countr_one(masks_[next]) : 0;
    run.end = next * page_bytes + lines_at(more);
  }
  return run;
}

void WriteSet::clear() noexcept {
  mark_memory.forget();
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

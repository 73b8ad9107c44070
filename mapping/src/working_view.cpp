// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/working_view.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "cairn/error.hpp"
#include "cairn/mapping/mark_memory.hpp"
#include "cairn/mapping/shared_view.hpp"

namespace cairn {
namespace {
/// Where marks go to and fro between places, each of them declared before, what is remembered
/// changes only once in so many.
constexpr std::uint32_t repeats_a_change = 16;
/// What is remembered then may reach over as many pages as marks have paid for since, so that
/// looking for its ends never costs more than they did.
constexpr std::uint32_t pages_paid_by_a_change = 32;
constexpr std::uint32_t most_paid_pages = 1 << 20;
}  // namespace

WorkingView::WorkingView(const File& file, std::uint64_t reach_bytes, Mapped when)
    : file_(file), reach_bytes_(reach_bytes) {
  if (when == Mapped::at_once && reach_bytes != 0) map();
}

void WorkingView::map() {
  memory_ = map_shared(file_, reach_bytes_, ViewAccess::read_write);
  if constexpr (drills_enabled) {
    // Private pages come into it.
    if (drill::MappingKeeper* const keeper = drill::mapping_keeper()) {
      keeper->forget(memory_.data());
    }
  }
  write_set_.cover(reach_bytes_ / page_bytes);
  base_ = memory_.data();
  base_address_ = reinterpret_cast<std::uintptr_t>(base_);
  // Relaxed: see `shown_base`.
  shown_base_.store(base_, std::memory_order_relaxed);
  if (prefers_huge_pages_) prefer_huge_pages();
}

bool WorkingView::mark_and_remember(const void* p, std::uint64_t bytes) {
  const std::uint64_t offset = offset_of(p);
  if (offset >= reach_bytes_) return false;
  if (offset >= tracked_bytes_) {
    mark_memory.remember(base_ + tracked_bytes_, base_ + reach_bytes_);
    return true;
  }
  const bool repeated = write_set_.is_marked(offset);
  write_set_.mark(offset, bytes, tracked_bytes_ / page_bytes);
  std::uint32_t no_pages = 0;
  std::uint32_t* pages = &no_pages;
  if (!repeated) {
    paid_pages_ = std::min(paid_pages_ + 1, most_paid_pages);
  } else {
    // A range of pages is about to be filled, whatever was before.
    if (bytes <= page_bytes && ++repeated_marks_ % repeats_a_change != 0) return true;
    paid_pages_ = std::min(paid_pages_ + pages_paid_by_a_change, most_paid_pages);
    pages = &paid_pages_;
  }
  const WriteSet::Run run = write_set_.run_around(offset, *pages);
  // What has just been declared belongs to it, over however many pages.
  const std::uint64_t end = offset + std::min(bytes, reach_bytes_ - offset);
  mark_memory.remember(base_ + run.begin, base_ + std::max(run.end, end));
  return true;
}

void WorkingView::set_tracked_bytes(std::uint64_t bytes) {
  if (bytes == tracked_bytes_) return;
  if (base_ == nullptr) map();
  mark_memory.forget();
  const bool more = bytes > tracked_bytes_;
  const std::uint64_t begin = more ? tracked_bytes_ : bytes;
  const std::uint64_t end = more ? bytes : tracked_bytes_;
  // Private pages are mapped only as far as committed data reaches: under strict overcommit each of
  // them counts against the machine's memory from the moment it is mapped.
  const int sharing = more ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED;
  void* at = ::mmap(base_ + begin, end - begin, PROT_READ | PROT_WRITE, sharing | MAP_FIXED,
                    file_.descriptor(), static_cast<off_t>(begin));
  if (at == MAP_FAILED) {
    throw Error(errc::too_large, file_.path(),
                "cannot map " + std::to_string(end - begin) + " more bytes", errno);
  }
  tracked_bytes_ = bytes;
  if (prefers_huge_pages_ && !more) prefer_huge_pages();
  if (!more) write_set_.forget_private_from(bytes / page_bytes);
}

void WorkingView::keep_from_parent() noexcept {
  if (base_ == nullptr || tracked_bytes_ == reach_bytes_) return;
  void* const fresh = base_ + tracked_bytes_;
  const std::uint64_t bytes = reach_bytes_ - tracked_bytes_;
  void* const at =
      ::mmap(fresh, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED,
             file_.descriptor(), static_cast<off_t>(tracked_bytes_));
  // A child that is killed for storing there does no harm; one that stores there does.
  if (at == MAP_FAILED) ::mprotect(fresh, bytes, PROT_NONE);
}

void WorkingView::prefer_huge_pages() noexcept {
  prefers_huge_pages_ = true;
  if (base_ == nullptr) return;
  // Only advice: a kernel or file system without huge pages refuses it.
  ::madvise(base_ + tracked_bytes_, reach_bytes_ - tracked_bytes_, MADV_HUGEPAGE);
}

void WorkingView::drop_private_pages() {
  if (tracked_bytes_ == 0) return;
  // Locked pages (mlockall) refuse the advice; mapping them anew does not.
  if (::madvise(base_, tracked_bytes_, MADV_DONTNEED) != 0) {
    const std::uint64_t bytes = tracked_bytes_;
    set_tracked_bytes(0);
    set_tracked_bytes(bytes);
  }
  write_set_.forget_private();
}

}  // namespace cairn

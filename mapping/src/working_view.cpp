// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/working_view.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "cairn/error.hpp"
#include "cairn/mapping/shared_view.hpp"

namespace cairn {

WorkingView::WorkingView(const File& file, std::uint64_t reach_bytes)
    : file_(file),
      memory_(reach_bytes == 0 ? Reservation()
                               : map_shared(file, reach_bytes, ViewAccess::read_write)),
      write_set_(std::max<std::uint64_t>(reach_bytes / page_bytes, 1)),
      base_(memory_.data()),
      base_address_(reinterpret_cast<std::uintptr_t>(base_)),
      reach_bytes_(reach_bytes) {}

void WorkingView::set_tracked_bytes(std::uint64_t bytes) {
  if (bytes == tracked_bytes_) return;
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

void WorkingView::prefer_huge_pages() noexcept {
  prefers_huge_pages_ = true;
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

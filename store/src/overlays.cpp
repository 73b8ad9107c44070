// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/overlays.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "cairn/allocator/write_context.hpp"
#include "cairn/error.hpp"

namespace cairn {
namespace {

/// Address space beyond the heap's end, so that an overlay does not have to be made anew whenever
/// the heap grows.
constexpr std::uint64_t least_spare_bytes = 1 << 20;

void protect(const Reservation& memory, int protection, const std::string& path) {
  if (::mprotect(memory.data(), memory.bytes(), protection) == 0) return;
  throw Error(errc::too_large, path,
              "no memory for a view of " + std::to_string(memory.bytes()) + " bytes", errno);
}

}  // namespace

Overlays::Overlays(const File& data, const LogRing& log, std::uint64_t seed,
                   std::uint64_t reach_bytes, std::function<MetaSlot()> meta)
    : data_(data),
      log_(log),
      seed_(seed),
      reach_bytes_(reach_bytes),
      newest_meta_(std::move(meta)) {}

Overlay* Overlays::open(const LogPlace& shown, std::uint64_t newest) {
  const std::lock_guard guard(mutex_);
  if (Overlay* const found = find_at(newest)) {
    ++found->sections_;
    return found;
  }
  map_log();
  LogPlace from = shown;
  if (newest < shown.sequence || !find_place(from)) return nullptr;
  Overlay& overlay = take_idle(from);
  try {
    if (!advance(overlay, from, newest)) {
      drop(overlay);
      return nullptr;
    }
  } catch (...) {
    drop(overlay);
    throw;
  }
  ++overlay.sections_;
  return &overlay;
}

void Overlays::close(Overlay& overlay) noexcept {
  const std::lock_guard guard(mutex_);
  --overlay.sections_;
}

void Overlays::drop_idle() noexcept {
  const std::lock_guard guard(mutex_);
  const std::size_t gone =
      std::erase_if(overlays_, [](const auto& overlay) { return overlay->sections_ == 0; });
  // Relaxed, wherever it is stored: see `any`.
  count_.store(overlays_.size(), std::memory_order_relaxed);
  if (overlays_.empty()) {
    ring_ = {};
    copy_ = {};
  }
  // Threads remember where the lines of Atomics in a view are; another may come to lie there.
  // Release pairs with the acquire in `live_line`.
  if (gone != 0) shared_image_generation.fetch_add(1, std::memory_order_release);
}

const Reservation* Overlays::around(const void* p) const noexcept {
  if (!any()) return nullptr;
  const std::lock_guard guard(mutex_);
  const auto* const at = static_cast<const std::byte*>(p);
  for (const auto& overlay : overlays_) {
    const std::byte* const base = overlay->base();
    if (base <= at && at < base + overlay->memory_.bytes()) return &overlay->memory_;
  }
  return nullptr;
}

Overlay* Overlays::find_at(std::uint64_t sequence) noexcept {
  for (const auto& overlay : overlays_) {
    if (overlay->sequence() == sequence) return overlay.get();
  }
  return nullptr;
}

/// One that nobody reads, or a new one, which shows nothing yet.
Overlay& Overlays::take_idle(const LogPlace& shown) {
  Overlay* best = nullptr;
  for (const auto& overlay : overlays_) {
    if (overlay->sections_ != 0) continue;
    if (best == nullptr || overlay->sequence() > best->sequence()) best = overlay.get();
  }
  if (best != nullptr) {
    // Where the image shows what it shows, records of before may be gone from the log, and pages
    // that it has copies of may be fresh ones of later commits, which no record holds.
    if (best->sequence() <= shown.sequence) make(*best, shown, shown.heap_end);
    return *best;
  }
  overlays_.reserve(overlays_.size() + 1);
  auto fresh = std::make_unique<Overlay>();
  make(*fresh, shown, shown.heap_end);
  overlays_.push_back(std::move(fresh));
  count_.store(overlays_.size(), std::memory_order_relaxed);
  return *overlays_.back();
}

/// Makes `overlay` a view of the shared image, with room for a heap of `bytes` and some more.
void Overlays::make(Overlay& overlay, const LogPlace& shown, std::uint64_t bytes) {
  const std::uint64_t spare = std::max(least_spare_bytes, round_up(bytes / 4, page_bytes));
  const std::uint64_t reach = std::min(round_up(bytes, page_bytes) + spare, reach_bytes_);
  if (overlay.memory_.bytes() < std::min(bytes, reach_bytes_)) {
    overlay.memory_ = Reservation::inaccessible(reach, data_.path());
    // Release, as in `drop_idle`; and so in `drop`.
    shared_image_generation.fetch_add(1, std::memory_order_release);
  }
  void* const at = ::mmap(overlay.memory_.data(), overlay.memory_.bytes(), PROT_READ,
                          MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, data_.descriptor(), 0);
  if (at == MAP_FAILED) {
    throw Error(errc::too_large, data_.path(),
                "cannot map " + std::to_string(overlay.memory_.bytes()) +
                    " bytes for a view of commit " + std::to_string(shown.sequence),
                errno);
  }
  overlay.place_ = shown;
}

bool Overlays::advance(Overlay& overlay, const LogPlace& shown, std::uint64_t newest) {
  for (;;) {
    protect(overlay.memory_, PROT_READ | PROT_WRITE, data_.path());
    if (!apply(overlay, newest)) return false;
    if (overlay.sequence() == newest) break;
    // The heap outgrew it.
    make(overlay, shown, 2 * overlay.memory_.bytes());
  }
  protect(overlay.memory_, PROT_READ, data_.path());
  // What was read may have been overwritten once the log had another length: the meta slot that
  // tells so is written first.
  std::atomic_thread_fence(std::memory_order_acquire);
  return newest_meta_().log_bytes == ring_.ring_bytes;
}

/// Applies records up to `newest`, or up to one that needs a larger view. False where one is not
/// there.
bool Overlays::apply(Overlay& overlay, std::uint64_t newest) {
  while (overlay.sequence() < newest) {
    const auto record = copy_record(overlay.place_.position);
    if (!record || record->sequence() != overlay.sequence() + 1) return false;
    if (record->heap_end() > reach_bytes_) return false;
    if (record->heap_end() > overlay.memory_.bytes()) return true;
    std::byte* const base = overlay.memory_.data();
    record->apply([](std::uint64_t) { return true; },
                  [&](std::uint64_t offset, const std::byte* from, std::size_t bytes) {
                    std::memcpy(base + offset, from, bytes);
                  });
    overlay.place_ = {record->end_position(), record->sequence(), record->heap_end()};
  }
  return true;
}

/// The record there, good until the next one is copied. It is checked and applied where nobody else
/// can reach it: once the log has another length, others may overwrite it at any moment.
std::optional<RecordView> Overlays::copy_record(std::uint64_t position) {
  const std::span<const std::byte> at = ring_.at(position);
  const auto found = RecordView::parse_trusted(at, position);
  if (!found) return std::nullopt;
  const auto whole = at.first(found->bytes());
  copy_.assign(whole.begin(), whole.end());
  return RecordView::parse(copy_, position, seed_);
}

/// The words that tell the position are not checked by anything but the record that stands there.
bool Overlays::find_place(LogPlace& shown) const {
  const auto next = RecordView::parse(ring_.at(shown.position), shown.position, seed_);
  if (next && next->sequence() == shown.sequence + 1) return true;
  const MetaSlot meta = newest_meta_();
  LogPlace place{meta.checkpoint_position, meta.checkpoint_sequence, shown.heap_end};
  while (place.sequence < shown.sequence) {
    const auto record = RecordView::parse(ring_.at(place.position), place.position, seed_);
    if (!record || record->sequence() != place.sequence + 1) return false;
    place.position = record->end_position();
    place.sequence = record->sequence();
  }
  shown.position = place.position;
  return place.sequence == shown.sequence;
}

void Overlays::map_log() {
  const MetaSlot meta = newest_meta_();
  if (meta.log_bytes != ring_.ring_bytes) ring_ = log_.map_ahead(meta.log_bytes);
}

void Overlays::drop(Overlay& overlay) noexcept {
  std::erase_if(overlays_, [&](const auto& one) { return one.get() == &overlay; });
  count_.store(overlays_.size(), std::memory_order_relaxed);
  shared_image_generation.fetch_add(1, std::memory_order_release);
}

}  // namespace cairn

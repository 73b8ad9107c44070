// SPDX-License-Identifier: BSL-1.0
// Changing the data file's length, and bringing to its end what others left half done.
//
// What decides is never the resize record: a growth counts once a record of the log has the longer
// length, and a file that is longer than the last of them says is cut. The record tells who is at
// it and until when that is to be believed.
#include <algorithm>
#include <atomic>
#include <chrono>

#include "cairn/error.hpp"
#include "cairn/store/engine.hpp"

namespace cairn {
namespace {

constexpr std::uint64_t largest_growth_step = 64 << 20;
constexpr std::uint64_t smallest_growth_step = 256 << 10;

}  // namespace

void Engine::record_resize(ResizeState state, std::uint64_t old_bytes, std::uint64_t new_bytes) {
  // A fenced transaction would write over the record of another. One that is fenced from here on
  // still does, and what it writes is not believed, because its epoch has passed.
  require_not_fenced();
  ResizeRecord& resize = live_.resize;
  const std::uint64_t now = uptime_ns();
  const std::chrono::nanoseconds allowed = options_.operation_timeout;
  // Relaxed: `state`, stored behind them, releases all.
  resize.owner_slot.store(table_.own_slot(), std::memory_order_relaxed);
  resize.epoch.store(epoch_, std::memory_order_relaxed);
  resize.started_ns.store(now, std::memory_order_relaxed);
  resize.deadline_ns.store(now + static_cast<std::uint64_t>(allowed.count()),
                           std::memory_order_relaxed);
  resize.old_bytes.store(old_bytes, std::memory_order_relaxed);
  resize.new_bytes.store(new_bytes, std::memory_order_relaxed);
  // Release: whoever finds the resize finds its numbers.
  resize.state.store(state, std::memory_order_release);
  resizing_ = true;
}

void Engine::resize_file(std::uint64_t bytes) {
  begin_write();
  try {
    require_own_paths();
    // Compared before it is rounded up to whole pages, as the limit is: near 2^64 that gives 0.
    if (bytes > limit_bytes()) {
      throw Error(errc::too_large, path(),
                  std::to_string(bytes) + " bytes, max_bytes is " + std::to_string(limit_bytes()));
    }
    const std::uint64_t wanted = round_up(bytes, page_bytes);
    if (wanted > file_bytes_) {
      grow_file_to(wanted);
    } else {
      context_.heap().trim();
      file_bytes_ = std::max(wanted, heap_end_);
      if (file_bytes_ < state_.file_bytes) {
        record_resize(ResizeState::shrinking, state_.file_bytes, file_bytes_);
        crash_point("shrink.recorded");
      }
    }
  } catch (...) {
    rollback();
    throw;
  }
  commit_and_cut();
}

std::uint64_t Engine::shrink_to_usage() {
  const std::uint64_t before = file_bytes();
  resize_file(0);
  const std::uint64_t after = file_bytes();
  return before - std::min(before, after);
}

/// Commits a transaction that changed the file's length, and cuts the file where that made it
/// shorter; a kill in between leaves the cut to recovery.
void Engine::commit_and_cut() {
  commit(durability());
  do_guarded([this] {
    crash_point("shrink.committed");
    // A fenced body keeps its pages in any case; whoever finds it over cuts the file.
    if (!is_pinned_by_fenced(true)) {
      require_published("the store is shorter, but its file cannot be cut yet");
    }
    cut_published_file();
  });
}

/// As long as a commit is not published, readers read what it took out of the heap.
void Engine::cut_published_file() {
  const std::uint64_t size = data_.size();
  if (size <= state_.file_bytes || is_held_back()) return;
  record_resize(ResizeState::shrinking, size, state_.file_bytes);
  cut_file(size);
}

std::optional<ResizeInfo> Engine::resize_under_way() const {
  require_open();
  const ResizeRecord& resize = live_.resize;
  // Acquire pairs with the release in `record_resize`. The numbers are of one resize where its
  // epoch is that of the lock; they are for people and for a deadline.
  const ResizeState state = resize.state.load(std::memory_order_acquire);
  const std::uint32_t slot = resize.owner_slot.load(std::memory_order_relaxed);
  if ((state != ResizeState::growing && state != ResizeState::shrinking) ||
      slot != lock_.owner_slot() ||
      resize.epoch.load(std::memory_order_relaxed) != lock_.current_epoch()) {
    return std::nullopt;
  }
  ResizeInfo info;
  info.shrinking = state == ResizeState::shrinking;
  info.owner_alive = table_.is_alive(slot);
  for (const ProcessInfo& process : table_.list()) {
    if (process.slot != slot) continue;
    info.pid = process.pid;
    info.label = process.label;
  }
  const std::uint64_t now = uptime_ns();
  const std::uint64_t started = resize.started_ns.load(std::memory_order_relaxed);
  info.age = std::chrono::nanoseconds(now - std::min(now, started));
  info.overdue = now >= resize.deadline_ns.load(std::memory_order_relaxed);
  info.old_bytes = resize.old_bytes.load(std::memory_order_relaxed);
  info.new_bytes = resize.new_bytes.load(std::memory_order_relaxed);
  return info;
}

RecoveryReport Engine::cleanup_failed_resize() {
  // So long must the body be seen to go on, so that one that just ended is not taken for it.
  constexpr std::chrono::milliseconds look{10};
  // First: where the resize ends meanwhile, whoever comes next has nothing to do with it. Relaxed:
  // it is compared, and nothing is read by it.
  const std::uint64_t body = live_.body.load(std::memory_order_relaxed);
  const std::optional<ResizeInfo> resize = resize_under_way();
  WriteLock::Patience patience = usual_patience();
  if (resize && resize->owner_alive) {
    if (!resize->overdue) {
      RecoveryReport nothing;
      nothing.sequence = sequence();
      return nothing;
    }
    patience.fence_after = look;
    patience.fence_body = body;
  }
  RecoveryReport report;
  do_guarded(patience, [&](const WriteLock::Grant& grant) {
    if (grant.taken_over || grant.fenced) report = last_recovery_;
    settle_quarantine(true);
    const std::uint64_t size = data_.size();
    cut_published_file();
    const std::uint64_t cut = size - std::min(size, data_.size());
    report.reclaimed_bytes += cut;
    report.needed = report.needed || cut != 0;
    report.sequence = state_.sequence;
  });
  return report;
}

// --- growth within a transaction
// ------------------------------------------------------------------

std::uint64_t Engine::limit_bytes() const noexcept {
  return options_.max_bytes == 0 ? reach_bytes_ : std::min(options_.max_bytes, reach_bytes_);
}

void Engine::extend_heap(std::uint64_t bytes) {
  require_open();  // a forked child may have kept the heap
  if (bytes <= heap_end_) return;
  if (bytes > limit_bytes()) {
    throw Error(errc::too_large, path(),
                "the heap would end at byte " + std::to_string(bytes) + ", max_bytes is " +
                    std::to_string(limit_bytes()));
  }
  if (bytes > file_bytes_) grow_file(bytes);
  heap_end_ = bytes;
}

/// Grows the file by more than was asked for, so that small growth stays rare.
void Engine::grow_file(std::uint64_t bytes) {
  const std::uint64_t step =
      std::clamp(round_up(file_bytes_ / 4, page_bytes), smallest_growth_step, largest_growth_step);
  // A file that ends within a huge page has small ones there.
  const std::uint64_t unit =
      file_bytes_ + step < huge_page_bytes ? smallest_growth_step : huge_page_bytes;
  const std::uint64_t wanted =
      std::min(round_up(std::max(bytes, file_bytes_ + step), unit), limit_bytes());
  try {
    grow_file_to(wanted);
  } catch (const Error& error) {
    if (!(error == errc::no_space) || wanted == bytes) throw;
    // No room for the step ahead; there may be for what is needed.
    grow_file_to(bytes);
  }
}

void Engine::grow_file_to(std::uint64_t bytes) {
  const PhaseScope phase(table_, ProcessPhase::resizing);
  record_resize(ResizeState::growing, state_.file_bytes, bytes);
  crash_point("grow.recorded");
  const int failure = data_.try_allocate(file_bytes_, bytes);
  crash_point("grow.tried");
  if (failure == 0) {
    // Who fenced this transaction before the file was longer did not see that it is, and will use
    // what it has gained; who does so now sets it aside.
    require_not_fenced();
  } else {
    settle_failed_growth(failure, bytes);
  }
  file_bytes_ = bytes;
  crash_point("grow.allocated");
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
// How appended records reach readers: through the shared image, or past sections that keep them out
// of it.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <cstring>
#include <string>

#include "cairn/error.hpp"
#include "cairn/mapping/futex.hpp"
#include "cairn/mapping/processor.hpp"
#include "cairn/store/engine.hpp"
#include "cairn/types/atomic_format.hpp"

namespace cairn {
namespace {

/// How much of what was held back one transaction publishes, so that none has to do it all.
constexpr int records_at_once = 16384;

/// Orders what this thread did before its last read-modify-write against what it does next.
void fence_after_read_modify_write() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  // There every read-modify-write is a full fence for the processor; the compiler needs to be told.
  std::atomic_signal_fence(std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

}  // namespace

RecordView Engine::appended_after(const LogState& place) const {
  const auto record = log_.parse_trusted(place.position);
  if (record && record->sequence() == place.sequence + 1) return *record;
  throw Error(errc::corrupt, log_.file().path(),
              "no record of commit " + std::to_string(place.sequence + 1) + " at position " +
                  std::to_string(place.position));
}

/// Learns from the log what others published meanwhile.
void Engine::sync_shown() {
  const std::uint64_t published = this->published();
  if (shown_.position < meta_.checkpoint_position) shown_ = checkpoint_state(meta_);
  while (shown_.sequence < published) advance(shown_, appended_after(shown_));
  if (visible_.sequence < shown_.sequence) visible_ = shown_;
  // What a dead publisher left, unless it may have stored a part of the next record.
  // Relaxed: the lock is held. The release pairs with the look of `enter_overlay`, which finds
  // `visible` as it was left.
  const std::uint64_t applying = live_.applying.load(std::memory_order_relaxed);
  if (applying != Publication::none && applying != Publication::begun(published + 1)) {
    lower_visible();
    live_.applying.store(Publication::none, std::memory_order_release);
  }
}

/// A publisher raises `visible` before it looks at the lanes, and lowers it again where it cannot
/// go on and the record is none for overlays: unless it died in between. No section has entered
/// since, because `applying` is raised.
void Engine::lower_visible() {
  const std::uint64_t next = shown_.sequence + 1;
  // Relaxed: others only raise it (invariant 9), and never so far.
  if (live_.visible.load(std::memory_order_relaxed) == next &&
      makes_atomic(appended_after(shown_))) {
    keep_out_of_overlays(next, shown_.sequence);
  }
}

/// Takes back that record `sequence` is visible. A section may have seen it so, and see it so again
/// when the next attempt to publish it raises the word once more: hence the end of overlays.
/// Requires: `applying` is cleared afterwards, which releases both.
void Engine::keep_out_of_overlays(std::uint64_t sequence, std::uint64_t visible) {
  live_.overlay_end.store(sequence, std::memory_order_relaxed);
  // Release pairs with the acquire in `ReaderLanes::enter_kept` (invariant 6 there).
  live_.visible.store(visible, std::memory_order_release);
}

/// Lets readers see the record that was just appended.
void Engine::show(const RecordView& record) {
  const bool is_next = !is_held_back();
  advance(state_, record);
  if (!is_next || !try_publish(record, section_patience)) show_appended();
}

/// Fetches what publishing the record behind this one will take: it was appended long ago.
void Engine::fetch_behind(const RecordView& record) const noexcept {
  if (record.sequence() >= state_.sequence) return;
  const auto next = log_.parse_trusted(record.end_position());
  if (!next) return;
  for (std::uint64_t at = 0; at < most_fetched_bytes; at += line_bytes) {
    __builtin_prefetch(log_.at(next->end_position()).data() + at);
  }
  next->apply([](std::uint64_t) { return true; },
              [&](std::uint64_t offset, const std::byte*, std::size_t bytes) {
                for (std::uint64_t at = 0; at < bytes; at += line_bytes) {
                  prefetch_for_writing(window_.data() + offset + at);
                }
              });
}

/// Brings the shared image up to everything durable or, where sections are in the way, lets new
/// ones see it by overlays.
void Engine::show_appended() {
  for (int i = 0; i < records_at_once && is_held_back() && may_show(shown_); ++i) {
    // Only the first that meets a section waits for it.
    // Relaxed: others only raise it, for commits that a section may not be what holds back.
    const bool first = shown_.sequence == live_.visible.load(std::memory_order_relaxed);
    if (!first && is_still_in_the_way()) break;
    const RecordView record = appended_after(shown_);
    fetch_behind(record);
    if (!try_publish(record, first ? section_patience : section_patience.zero())) break;
  }
  if (is_held_back()) show_held_back();
}

/// True where the section that kept the next record out of the image is seen to stay: one look at
/// its lane, none at the record, which many transactions ask in vain.
bool Engine::is_still_in_the_way() {
  const std::uint64_t next = shown_.sequence + 1;
  // Relaxed: only who has the lock stores it.
  if (live_.applying.load(std::memory_order_relaxed) == Publication::begun(next)) return false;
  return is_pinned_by_fenced() || lanes_.is_still_older(next);
}

/// False where a section at an older state does not leave within `patience`, or a fenced body is at
/// one that `over` spares: nothing has changed then.
/// Requires: the record follows what the shared image shows.
bool Engine::try_publish(const RecordView& record, std::chrono::nanoseconds patience,
                         PublishOver over) {
  const std::uint64_t sequence = record.sequence();
  crash_point("publish.begin");
  // Where a writer had begun before it died, the image may show a part of the record already. It
  // had looked at the lanes, so who is there now is on the way out, or has been stopped on it, and
  // will not look at the image before it has found out.
  // Relaxed: only who has the lock stores it.
  const bool begun = live_.applying.load(std::memory_order_relaxed) == Publication::begun(sequence);
  if (begun) {
    patience = way_out_patience;
  } else {
    if (over == PublishOver::nobody && is_pinned_by_fenced()) return false;
    // Relaxed: the exchange that follows releases it to whoever sees that.
    live_.applying.store(Publication::raised(sequence), std::memory_order_relaxed);
  }
  std::uint64_t before = live_.visible.load(std::memory_order_relaxed);
  // Sequentially consistent, with `ReaderLanes::enter`: raised before the lanes are looked at, and
  // written over also where somebody raised it before, so that who reads it sees `applying`.
  while (!live_.visible.compare_exchange_weak(
      before, std::max(before, sequence), std::memory_order_seq_cst, std::memory_order_relaxed)) {
  }
  crash_point("publish.raised");
  if (!lanes_.wait_for_older(sequence, patience) && !begun) {
    if (before < sequence && makes_atomic(record)) {
      keep_out_of_overlays(sequence, before);
    }
    // Release: whoever sees it clear sees what `visible` is now.
    live_.applying.store(Publication::none, std::memory_order_release);
    return false;
  }
  // Relaxed: only a kill separates it from what follows, and a kill reorders nothing.
  live_.applying.store(Publication::begun(sequence), std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  crash_point("publish.begun");
  apply_to_image(record);
  return true;
}

void Engine::apply_to_image(const RecordView& record) {
  std::byte* const window = window_.data();
  record.apply([](std::uint64_t) { return true; },
               [&](std::uint64_t offset, const std::byte* from, std::size_t bytes) {
                 data_.store_mapped(offset, window + offset, from, bytes);
                 crash_point("publish.line");
               });
  crash_point("publish.applied");
  // Release pairs with the acquire in `require_whole_heap`: the file was that long before.
  live_.heap_end.store(record.heap_end(), std::memory_order_release);
  // Relaxed: `published`, stored behind it, releases it.
  live_.published_position.store(record.end_position(), std::memory_order_relaxed);
  // Release pairs with the acquire in `ReaderLanes::enter`.
  live_.published.store(record.sequence(), std::memory_order_release);
  crash_point("publish.done");
  // Release pairs with the look of `enter_overlay`: who sees it clear sees `published` as well.
  live_.applying.store(Publication::none, std::memory_order_release);
  advance(shown_, record);
  if (visible_.sequence < shown_.sequence) visible_ = shown_;
}

/// Raises `visible` over what is held back, as far as overlays can show it.
void Engine::show_held_back() {
  // Relaxed: others only raise it, over what this process knows as well.
  const std::uint64_t seen = live_.visible.load(std::memory_order_relaxed);
  while (visible_.sequence < seen) advance(visible_, appended_after(visible_));
  while (visible_.sequence < state_.sequence && may_show(visible_)) {
    const RecordView record = appended_after(visible_);
    if (makes_atomic(record)) return;
    advance(visible_, record);
    raise_visible(visible_.sequence);
    crash_point("publish.held_back");
  }
}

/// Whether the record makes an Atomic where the shared image shows something else to older
/// sections: it changes in the shared image alone, so nobody may find it before it is there. Those
/// in fresh pages are there at once, and in no record.
bool Engine::makes_atomic(const RecordView& record) {
  bool found = false;
  record.apply([](std::uint64_t) { return true; },
               [&](std::uint64_t, const std::byte* from, std::size_t bytes) {
                 for (std::size_t at = 0; at < bytes; at += line_bytes) {
                   found = found || is_atomic_line(from + at);
                 }
               });
  return found;
}

/// Waits until all is published, but for no fenced body. Throws `code` after
/// Options::reader_timeout, naming the section that is in the way and, as `consequence`, what comes
/// of it.
void Engine::require_published(const char* consequence, errc code) {
  constexpr std::chrono::nanoseconds forever = std::chrono::hours(24 * 365);
  const std::chrono::nanoseconds patience =
      options_.reader_timeout.count() == 0 ? forever : options_.reader_timeout;
  const auto start = std::chrono::steady_clock::now();
  if (is_held_back()) {
    sync_appended();
    unpin_fenced();
  }
  while (is_held_back()) {
    const auto waited = std::chrono::steady_clock::now() - start;
    const RecordView next = appended_after(shown_);
    // An attempt keeps new sections out. Between two of them they read overlays that show the
    // record; where none may show it they would be in its way.
    const auto left = std::max<std::chrono::nanoseconds>(patience - waited, section_patience);
    if (try_publish(next, makes_atomic(next) ? left : section_patience,
                    PublishOver::fenced_bodies)) {
      continue;
    }
    if (lanes_.wait_while_older(shown_.sequence + 1, patience - waited)) continue;
    // Of the log being full, as the only reason, there is an errc.
    const char* const or_room = code == errc::no_space ? ", or raise Options::max_log_bytes" : "";
    throw Error(code, path(),
                std::string(consequence) + " after " +
                    std::to_string(options_.reader_timeout.count()) +
                    " ms: " + lanes_.describe_older() +
                    " is in the way; end that section or its process" + or_room);
  }
}

/// Where a commit is not published, it is applied wholly; of what the shared image shows, only the
/// private pages need to be told.
void Engine::apply_to_working_view(const RecordView& record, bool wholly) {
  const std::uint64_t tracked = context_.tracked_bytes();
  WriteSet& pages = context_.write_set();
  record.apply(
      [&](std::uint64_t page) {
        if (page * page_bytes >= tracked) return false;
        if (wholly) pages.note_private(page);
        return pages.is_private(page);
      },
      [&](std::uint64_t offset, const std::byte* from, std::size_t bytes) {
        std::memcpy(context_.base() + offset, from, bytes);
      });
}

/// Applies what is held back to the working view, which shows the shared image in its place.
void Engine::restore_held_back() {
  for (LogState place = shown_; place.sequence < state_.sequence;) {
    const RecordView record = appended_after(place);
    apply_to_working_view(record, true);
    advance(place, record);
  }
}

/// Requires: a read-modify-write of this thread since the publication, which releasing the lock is.
void Engine::wake_change_waiters() noexcept {
  // With `wait_for_change`, which asks to be woken before it looks at the sequence: one of the two
  // sees the other.
  fence_after_read_modify_write();
  if (live_.change_awaited.load(std::memory_order_seq_cst) == 0) [[likely]]
    return;
  // Cleared before waking: who asks again after this does not sleep through the next commit.
  live_.change_awaited.store(0, std::memory_order_seq_cst);
  futex_wake(live_.change_awaited, INT_MAX);
}

/// In a section that leaves or enters, or after a sync, so it never waits for the write lock;
/// whoever has that, or comes next, does what this leaves. False where it was not to be had.
bool Engine::try_help_publication() noexcept {
  bool tried = false;
  try {
    WriteLock::Grant grant;
    // Also where the lock is kept for those who have waited long: they may be dead, and it is given
    // back at once.
    while (lock_.try_acquire(grant, WriteLock::Kept::pass_by)) {
      // Acquire pairs with the release in `end_fenced`: that thread is not through with the view.
      if (working_view_use_.load(std::memory_order_acquire) != 0) {
        lock_.release_unseen();
        return false;
      }
      tried = true;
      try {
        const PhaseScope phase(table_, ProcessPhase::publishing);
        require_not_failed();
        catch_up();
      } catch (...) {
        release_after_failure(grant);
        return true;
      }
      const bool more = is_held_back() && may_show(shown_) && !is_pinned_by_fenced() &&
                        !lanes_.is_still_older(shown_.sequence + 1);
      lock_.release();
      wake_change_waiters();
      if (!more) break;
    }
    if (overlays_.any() && published() == sequence()) overlays_.drop_idle();
  } catch (...) {  // NOLINT(bugprone-empty-catch): the next section or commit tries again
  }
  return tried;
}

bool Engine::open_overlay(ThreadLane& mine, std::uint64_t published, std::uint64_t visible) {
  // Relaxed: released by `published`, which was acquired; the lane keeps it and them as they are.
  const LogPlace shown{live_.published_position.load(std::memory_order_relaxed), published,
                       live_.heap_end.load(std::memory_order_relaxed)};
  mine.overlay = overlays_.open(shown, visible);
  return mine.overlay != nullptr;
}

void Engine::close_overlay(Overlay& overlay) noexcept {
  overlays_.close(overlay);
  if (published() == sequence()) overlays_.drop_idle();
}

}  // namespace cairn

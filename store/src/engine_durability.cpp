// SPDX-License-Identifier: BSL-1.0
// When a commit is durable, and how those who see it learn that: syncs that transactions share, and
// what becomes of all of them where one fails.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <string>

#include "cairn/error.hpp"
#include "cairn/mapping/processor.hpp"
#include "cairn/store/engine.hpp"

namespace cairn {
namespace {

/// How long who has synced tries for the write lock, to publish. Bodies are mostly shorter, and
/// waiting for one costs less than the overlays by which readers see commits beside it.
constexpr std::chrono::microseconds lock_patience{20};

/// How much of the data file is given to the disk at a time beside commits.
constexpr std::uint64_t written_at_once = 4 << 20;

[[noreturn]] void throw_sync_failed(const std::string& path, int cause) {
  throw Error(errc::io, path,
              "a sync failed, so the store refuses further writes; close it everywhere and open it "
              "again to see which of the last commits survive",
              cause);
}

}  // namespace

/// At once: making an error takes memory, which may be lacking, and then nobody would be told.
void Engine::fail_for_all(int system_errno) {
  // Release pairs with the acquire in `require_not_failed`.
  live_.failed.store(1, std::memory_order_release);
  throw_sync_failed(path(), system_errno);
}

void Engine::sync_or_fail(const File& file) {
  if (const int failure = file.try_sync(); failure != 0) fail_for_all(failure);
}

/// Syncs the page of the meta slots, and no other.
void Engine::sync_header_or_fail() {
  const int failure = data_.try_sync_mapped(0, window_.data(), page_bytes);
  if (failure != 0) fail_for_all(failure);
}

/// Piece by piece, so that a sync of the log that comes between waits for one of them and not for
/// all that the disk has been given.
void Engine::sync_data() {
  const std::uint64_t bytes = locks_.size();
  try {
    for (std::uint64_t at = 0; bytes > written_at_once && at < bytes; at += written_at_once) {
      locks_.finish_writing(at, std::min(written_at_once, bytes - at));
    }
  } catch (const Error& cause) {
    // The sync would not be told again.
    fail_for_all(cause.system_errno());
  } catch (...) {
    fail_for_all(ENOMEM);
  }
  sync_or_fail(locks_);
}

void Engine::require_not_failed() const {
  // Acquire pairs with the release in `fail_for_all`.
  if (live_.failed.load(std::memory_order_acquire) != 0) [[unlikely]]
    throw_sync_failed(path(), 0);
}

void Engine::sync_log() {
  crash_point("commit.sync_log");
  {
    // Who has the write lock may be about to map the log anew.
    const std::lock_guard guard(log_mapping_);
    log_.unmap_pages(group_sync_.durable(), log_position());
  }
  sync_or_fail(log_.file());
  // Another process's may have failed meanwhile, for what this one is about to call durable.
  require_not_failed();
  crash_point("commit.synced");
}

void Engine::log_synced() noexcept {
  const auto end = std::chrono::steady_clock::now() + lock_patience;
  while (!try_help_publication() && std::chrono::steady_clock::now() < end) relax_processor();
}

/// Makes everything appended durable. Requires: the write lock.
void Engine::sync_appended() {
  if (!survives_power()) return;
  const std::uint64_t tail = log_position();
  if (group_sync_.durable() >= tail) return;
  using Member = GroupSync::Member;
  Member(group_sync_).wait(tail, Member::Begin::with_lock);
}

/// Makes durable what was written into the log elsewhere than behind its tail. Requires: the write
/// lock.
void Engine::sync_log_now() {
  if (survives_power()) GroupSync::Member(group_sync_).sync(state_.position);
}

/// Makes what was appended durable, and shows it. Requires: the write lock, caught up.
void Engine::settle_appended() {
  if (!is_held_back()) return;
  sync_appended();
  show_appended();
}

/// Where a durable commit is not visible, as the next may not begin beside an Atomic that is not in
/// the shared image yet; or where the word is somebody's garbage.
void Engine::settle_visible() {
  if (visible_.sequence < state_.sequence && may_show(visible_) &&
      makes_atomic(appended_after(visible_))) {
    require_published("an earlier commit stands unseen");
  }
  if (sequence() > state_.sequence) {
    // Release pairs with the acquire in `sequence`. Nobody raises a word that is so high.
    live_.visible.store(visible_.sequence, std::memory_order_release);
  } else {
    raise_visible(visible_.sequence);
  }
}

/// Returns once the commit is durable and new sections see it.
void Engine::await_visible(const CommitPlace& commit, GroupSync::Member::Begin begin) {
  if (!survives_power()) return;
  if (group_sync_.durable() >= commit.position && sequence() >= commit.sequence) return;
  GroupSync::Member member(group_sync_);
  member.wait(commit.position, begin);
  // Somebody else has the lock, and nobody knows for how long.
  raise_visible(commit.sequence);
}

void Engine::sync() {
  require_open();
  if (!survives_power()) return;
  CommitPlace newest = deferred_.newest();
  // A process that died may have left what it did not sync, and the lock.
  publish_for_the_dead();
  newest.position = std::max(newest.position, log_position());
  await_visible(newest, GroupSync::Member::Begin::at_once);
  // Where nothing was to be done, since another process's sync failed.
  require_not_failed();
}

/// Of commits that nobody waits for.
void Engine::settle(const CommitPlace& commit) noexcept {
  try {
    await_visible(commit, GroupSync::Member::Begin::at_once);
  } catch (...) {  // NOLINT(bugprone-empty-catch): a sync failed, which the next transaction says
  }
}

/// Lets new sections see all up to record `sequence`, by overlays where it is not published.
/// Requires: it is durable, and none that is not visible makes an Atomic: who appended such a one
/// kept the lock until it was published, and nobody begins before.
void Engine::raise_visible(std::uint64_t sequence) noexcept {
  std::uint64_t seen = live_.visible.load(std::memory_order_relaxed);
  while (seen < sequence) {
    // Sequentially consistent, with `wait_for_change`; the release in it pairs with the acquire of
    // whoever reads by the word: the record is there.
    if (!live_.visible.compare_exchange_weak(seen, sequence, std::memory_order_seq_cst,
                                             std::memory_order_relaxed)) {
      continue;
    }
    wake_change_waiters();
    return;
  }
}

}  // namespace cairn

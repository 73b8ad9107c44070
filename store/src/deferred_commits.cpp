// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/deferred_commits.hpp"

#include <algorithm>
#include <utility>

namespace cairn {
namespace {

/// A thread may be late when it wakes up.
constexpr std::chrono::milliseconds lateness{2};

}  // namespace

void DeferredCommits::start(std::chrono::milliseconds delay, const std::string& path) {
  if (thread_.is_running()) return;
  pause_ = std::max<std::chrono::nanoseconds>(delay - lateness, std::chrono::nanoseconds(0));
  thread_.start(&DeferredCommits::run, this, "deferred commits", path);
}

void DeferredCommits::add(const CommitPlace& commit) noexcept {
  {
    const std::lock_guard guard(mutex_);
    newest_ = commit;
    if (!waiting_) since_ = std::chrono::steady_clock::now();
    waiting_ = true;
  }
  thread_.wake();
}

CommitPlace DeferredCommits::newest() const {
  const std::lock_guard guard(mutex_);
  return newest_;
}

void DeferredCommits::run(void* self) noexcept {
  auto& commits = *static_cast<DeferredCommits*>(self);
  while (commits.thread_.wait()) {
    commits.thread_.pause(commits.left());
    commits.thread_.take_wake();
    commits.settle_newest();
  }
  commits.settle_newest();
}

/// Until the sync of the first that waits is to begin. It may have come while the last one was
/// under way.
std::chrono::nanoseconds DeferredCommits::left() const {
  const std::lock_guard guard(mutex_);
  return since_ + pause_ - std::chrono::steady_clock::now();
}

void DeferredCommits::settle_newest() noexcept {
  CommitPlace newest;
  {
    const std::lock_guard guard(mutex_);
    if (!std::exchange(waiting_, false)) return;
    newest = newest_;
  }
  host_.settle(newest);
}

}  // namespace cairn

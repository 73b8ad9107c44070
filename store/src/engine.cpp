// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/engine.hpp"

#include <algorithm>
#include <optional>

#include "cairn/error.hpp"
#include "cairn/mapping/futex.hpp"
#include "cairn/store/engine_registry.hpp"
#include "cairn/store/store_files.hpp"
#include "opening.hpp"

namespace cairn {
namespace {

/// How long who waits for a change sleeps before it looks whether the writer is still alive.
constexpr std::chrono::milliseconds writer_check_interval{50};
/// How long deferred commits may be unsynced before it does that itself: longer than they mostly
/// are where their process lives.
constexpr std::uint64_t unsynced_patience_ns = 100'000'000;

}  // namespace

Engine::~Engine() {
  heartbeat_.stop();
  deferred_.stop();
  data_sync_.stop();
  // While it is in the registry: a child that another thread forks keeps no lock of it.
  if (condition_.load(std::memory_order_relaxed) == Condition::open) table_.release();
  EngineRegistry::instance().remove(this);
}

void Engine::abandon_in_child() noexcept {
  condition_.store(Condition::forked, std::memory_order_relaxed);
  lanes_.shut(errc::forked);
  heartbeat_.abandon();
  deferred_.abandon();
  data_sync_.abandon();
  frozen_lock_.abandon();
  // Slot, lock, lanes and transaction are still the parent's: nothing here may give them back.
  table_.abandon();
  lanes_.abandon();
  ActiveWrite::pop(context_);
  context_.keep_from_parent();
  // Nor may the child keep the parent's locks alive once the parent is dead.
  data_.close();
  locks_.close();
  log_.close_file();
}

void Engine::throw_not_open() const {
  if (condition_.load(std::memory_order_relaxed) == Condition::closed) {
    throw Error(errc::closed, path(), "open it again");
  }
  throw Error(errc::forked, path(), "open the store again in the child process");
}

void Engine::check_paths() {
  if (const std::uint64_t now = table_.last_beat_ns(); now != paths_checked_ns_) {
    paths_checked_ns_ = now;
    path_checks_left_ = path_checks_each_tick;
  }
  --path_checks_left_;
  for (const auto* entry : {&data_entry_, &log_entry_}) {
    if (entry->names(entry == &data_entry_ ? data_id_ : log_id_)) continue;
    // The next transaction looks again: the name may come back.
    ++path_checks_left_;
    throw Error(errc::replaced, entry->path(),
                "the file that this process has open was removed, moved or replaced; nothing is "
                "written to it any more, close the store and open the new one");
  }
}

Durability Engine::durability() const noexcept {
  if (!survives_power()) return Durability::process;
  return options_.durability.value_or(Durability::power);
}

void Engine::close() {
  if (condition_.load(std::memory_order_relaxed) == Condition::closed) return;
  require_open();
  const std::lock_guard one_at_a_time(closing_mutex_);
  if (condition_.load(std::memory_order_relaxed) == Condition::closed) return;
  if (lanes_.any_section_open()) {
    throw Error(errc::transaction_active, path(),
                "a read section of this process is still open; end it before closing the store");
  }
  if (ActiveWrite::find(context_.shown_base()) != nullptr) {
    throw Error(errc::transaction_active, path(),
                "this thread's write transaction is open; commit it or let it go before closing "
                "the store");
  }
  // Held until the slot is given back: of two that close at once the later one must find itself
  // alone.
  ByteLock closing;
  std::optional<OpenerNote> note;
  // Relaxed: a reason not to try; `begin_guarded` looks with the lock.
  const bool failed = !only_reads_ && live_.failed.load(std::memory_order_relaxed) != 0;
  const auto start = std::chrono::steady_clock::now();
  while (!failed && !only_reads_) {
    // On the file that is open: its name may be gone, or another file's.
    closing = take_opening_lock(locks_, options_);
    note.emplace(live_, table_);
    if (settle_before_leaving()) break;
    // Others may open and close meanwhile.
    note.reset();
    closing = ByteLock();
    if (std::chrono::steady_clock::now() - start >= options_.lock_timeout) {
      throw Error(errc::timeout, path(),
                  "a write transaction of another thread of this process has not ended for " +
                      std::to_string(options_.lock_timeout.count()) +
                      " ms; end it, and close then");
    }
  }
  // Commits whose sync is over need no lock to go on, only the slot.
  group_sync_.wait_for_members();
  crash_point("close.looked");
  condition_.store(Condition::closed, std::memory_order_relaxed);
  lanes_.shut(errc::closed);
  EngineRegistry::instance().remove(this);
  heartbeat_.stop();
  deferred_.stop();
  data_sync_.stop();
  lanes_.give_all_back();
  table_.release();
  frozen_lock_ = ByteLock();
  if (failed) {
    throw Error(errc::io, path(),
                "it is closed, and a sync failed while it was open: open it again, once every "
                "process has closed it, to see which of the last commits survive");
  }
}

/// Publishes what it can and, where no other process is attached, empties the log. False where a
/// transaction of this process goes on. One of another process is not waited for, nor is it fenced:
/// that process has to close later, or dies and is taken over, and what is left is done then.
bool Engine::settle_before_leaving() {
  // Longer than it takes to be handed the lock, or to take it over from the dead.
  constexpr std::chrono::milliseconds most_patience{30};
  bool has_lock = false;
  try {
    do_guarded({std::min(options_.lock_timeout, most_patience)}, [&](const WriteLock::Grant&) {
      has_lock = true;
      settle_appended();
      if (table_.is_alone()) empty_log();
    });
    return true;
  } catch (const Error& error) {
    if (has_lock || !(error == errc::timeout)) throw;
  }
  // Acquire pairs with the release in `end_fenced`.
  if (lock_.owner_slot() == table_.own_slot() || table_.is_alone() ||
      working_view_use_.load(std::memory_order_acquire) != 0) {
    return false;
  }
  if (survives_power()) await_visible(deferred_.newest(), GroupSync::Member::Begin::at_once);
  return true;
}

std::uint64_t Engine::wait_for_change(std::uint64_t sequence, std::chrono::nanoseconds timeout) {
  require_open();
  lanes_.let_go();
  // Longer than anybody waits, and short enough to be added to a time.
  constexpr std::chrono::nanoseconds longest = std::chrono::hours(24 * 365 * 100);
  const auto deadline = std::chrono::steady_clock::now() + std::min(timeout, longest);
  for (;;) {
    // Sequentially consistent, with `wake_change_waiters`: asked for before the sequence is looked
    // at. A flag and not a count, so that a waiter that is killed leaves nothing behind.
    live_.change_awaited.store(1, std::memory_order_seq_cst);
    const std::uint64_t visible = live_.visible.load(std::memory_order_seq_cst);
    const auto left = deadline - std::chrono::steady_clock::now();
    if (visible > sequence || left <= left.zero()) return visible;
    futex_wait(live_.change_awaited, 1,
               std::min<std::chrono::nanoseconds>(left, writer_check_interval));
    require_open();
    publish_for_the_dead();
    settle_for_the_dead();
  }
}

/// Deferred commits become durable and visible whose process would have seen to that, and has not
/// for a while. Nobody asks whether it is dead: a sync that comes early does no harm.
void Engine::settle_for_the_dead() {
  if (!survives_power() || is_frozen() || lanes_.in_section()) return;
  // Relaxed, all: of threads that look at the same moment two may sync.
  const std::uint64_t now = uptime_ns();
  if (group_sync_.durable() >= unsynced_position_.load(std::memory_order_relaxed)) {
    unsynced_position_.store(log_position(), std::memory_order_relaxed);
    unsynced_since_ns_.store(now, std::memory_order_relaxed);
  } else if (now - unsynced_since_ns_.load(std::memory_order_relaxed) >= unsynced_patience_ns) {
    settle({log_position(), 0});
  }
}

/// What a writer left appended when it died becomes visible, as far as readers let it.
void Engine::publish_for_the_dead() {
  // Publishing would wait for this thread's own section.
  if (lanes_.in_section() || is_frozen()) return;
  try {
    repair_publication();
  } catch (const Error& error) {
    // Readers are in the way; the next look tries again.
    if (!(error == errc::timeout)) throw;
  }
}

SharedImage Engine::shared_image(const void* p) const noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(p);
  auto begin = reinterpret_cast<std::uintptr_t>(read_view_.data());
  std::uint64_t bytes = reach_bytes_;
  if (address - begin >= bytes) {
    const Reservation* const overlay = overlays_.around(p);
    if (overlay == nullptr) return {};
    begin = reinterpret_cast<std::uintptr_t>(overlay->data());
    bytes = overlay->bytes();
  }
  if (is_frozen()) return {begin, bytes, 0, 0, true};
  const auto window = reinterpret_cast<std::uintptr_t>(window_.data());
  return {begin, bytes, static_cast<std::ptrdiff_t>(window - begin), 0, only_reads_};
}

std::vector<ProcessInfo> Engine::processes() const {
  if (is_frozen()) {
    // What the file says: of this process it knows nothing.
    return ProcessTable::list(
        {at_offset<const ProcessSlot>(read_view_, process_table_offset), process_slot_count}, {},
        [this](std::uint32_t slot) {
          return ByteLock::is_held_elsewhere(locks_, ProcessTable::lock_offset(slot));
        });
  }
  return table_.list(
      {at_offset<const ReaderLane>(window_, reader_lanes_offset), reader_lane_count});
}

RecoveryReport Engine::recover(const RecoverOptions& how) {
  WriteLock::Patience patience = usual_patience();
  if (how.fence_live_owner) patience.fence_after = how.fence_after;
  RecoveryReport report;
  do_guarded(patience, [&](const WriteLock::Grant& grant) {
    settle_quarantine(true);
    report.sequence = state_.sequence;
    if (grant.taken_over || grant.fenced) report = last_recovery_;
  });
  return report;
}

}  // namespace cairn

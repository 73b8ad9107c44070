// SPDX-License-Identifier: BSL-1.0
// Checkpoints: what the shared image shows comes to the disk, and a meta slot says so, whereupon
// the log before it is free.
#include <algorithm>
#include <chrono>
#include <utility>

#include "cairn/error.hpp"
#include "cairn/store/engine.hpp"
#include "cairn/store/store_files.hpp"

namespace cairn {
namespace {

/// From this share of the ring on a checkpoint is made beside commits, which leaves them the rest
/// until it is done.
constexpr std::uint64_t begun_by_then = 2;

}  // namespace

void Engine::checkpoint() {
  require_open();
  LogState covered;
  do_guarded([&] {
    settle_appended();
    covered = shown_;
    if (!survives_power()) write_checkpoint(false);
  });
  if (!survives_power()) return;
  data_sync_.sync();
  crash_point("checkpoint.beside");
  do_guarded([&] { name_covered(covered); });
}

/// Makes a checkpoint beside commits where `bytes` more than are in the log fill it halfway, and
/// names it once it is made.
void Engine::begin_checkpoint_beside(std::uint64_t bytes, std::uint64_t most) {
  const std::uint64_t ring_bytes = log_.ring_bytes();
  if (!survives_power() || ring_bytes < least_paced_ring_bytes) return;
  if (const auto covered = data_sync_.take()) name_covered(*covered);
  const std::uint64_t used = state_.position - meta_.checkpoint_position + bytes;
  if (used <= ring_bytes / begun_by_then) return;
  // Where sections hold back most of it, the log is not what is short of room.
  const std::uint64_t freed = shown_.position - meta_.checkpoint_position;
  if (freed <= ring_bytes / (2 * begun_by_then) || beside_judged_ == meta_.checkpoint_position) {
    return;
  }
  beside_judged_ = meta_.checkpoint_position;
  const auto now = std::chrono::steady_clock::now();
  // So soon after the last one the log is too short. Once it is full it becomes longer.
  if (now - beside_began_ < checkpoint_pace && may_lengthen_log(now, most)) return;
  beside_began_ = now;
  data_sync_.begin(shown_, path());
}

/// Of a state that the data file holds. Another checkpoint may have gone further meanwhile.
void Engine::name_covered(const LogState& covered) {
  if (covered.position <= meta_.checkpoint_position) return;
  const PhaseScope phase(table_, ProcessPhase::checkpointing);
  name_checkpoint(covered, false, meta_.log_bytes);
}

void Engine::write_checkpoint(bool clean, std::uint64_t log_bytes) {
  const PhaseScope phase(table_, ProcessPhase::checkpointing);
  crash_point("checkpoint.begin");
  if (survives_power() || clean) sync_or_fail(data_);
  // At level process nothing else has made its length durable.
  if (!survives_power() && clean) sync_or_fail(log_.file());
  crash_point("checkpoint.data_synced");
  name_checkpoint(shown_, clean, log_bytes);
}

/// The newest meta slot, moved to `covered`.
MetaSlot Engine::checkpoint_at(const LogState& covered, std::uint64_t log_bytes) const noexcept {
  MetaSlot next = meta_;
  next.checkpoint_position = covered.position;
  next.checkpoint_sequence = covered.sequence;
  next.heap_end = covered.heap_end;
  next.file_bytes = covered.file_bytes;
  next.log_bytes = log_bytes;
  return next;
}

/// Has the newer meta slot say that the data file holds `covered`, which it does, and what follows
/// is in a log of `log_bytes`.
void Engine::name_checkpoint(const LogState& covered, bool clean, std::uint64_t log_bytes) {
  MetaSlot next = checkpoint_at(covered, log_bytes);
  next.boot_id = current_boot_id();
  next.inode = data_id_.inode;
  next.clean = clean ? 1 : 0;
  next = write_meta(data_, window_.data(), next, seed_);
  // Where nobody writes any more the whole file is no more to sync, and asks no file system for
  // less than it is asked for most.
  if (clean) {
    sync_or_fail(data_);
  } else if (survives_power()) {
    sync_header_or_fail();
  }
  crash_point("checkpoint.meta_synced");
  meta_ = next;
  // What is behind it may still be replayed.
  if (covered.position == shown_.position) shown_.reach = shown_.heap_end;
  if (covered.position == state_.position) state_.reach = state_.heap_end;
}

/// Requires: alone. Everything goes into the data file; what the log grew by is given back.
void Engine::empty_log() {
  const std::uint64_t ring_bytes = std::min(log_.ring_bytes(), new_ring_bytes(options_));
  const bool empty = meta_.clean != 0 && meta_.checkpoint_position == state_.position;
  if (!empty || ring_bytes != log_.ring_bytes()) {
    require_published("the log cannot be emptied");
    RingMapping ring = log_.map_ahead(ring_bytes);
    write_checkpoint(true, ring_bytes);
    adopt_log(std::move(ring));
  }
  // The meta slot that names the shorter ring is on the disk.
  log_.cut_file();
}

/// Before the first write after a clean close: a store that is not safe against power loss must not
/// look clean after one, and no copy that is taken meanwhile.
void Engine::mark_unclean() {
  MetaSlot next = meta_;
  next.clean = 0;
  next.boot_id = current_boot_id();
  next.inode = data_id_.inode;
  next = write_meta(data_, window_.data(), next, seed_);
  if (!survives_power()) {
    // In both slots: checkpoints are not synced at that level, so one that is torn would otherwise
    // give way to one that says the store was closed.
    sync_or_fail(data_);
    next = write_meta(data_, window_.data(), next, seed_);
    sync_or_fail(data_);
  }
  meta_ = next;
}

}  // namespace cairn

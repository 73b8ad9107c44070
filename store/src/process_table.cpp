// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/process_table.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "cairn/error.hpp"

namespace cairn {
namespace {

struct flock byte_range(std::uint64_t offset, short type) noexcept {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(offset);
  range.l_len = 1;
  return range;
}

/// How some other open file holds one of the bytes: F_WRLCK, F_RDLCK, or F_UNLCK where none does.
short holder_type(const File& file, std::uint64_t offset, std::uint64_t bytes = 1) {
  struct flock range = byte_range(offset, F_WRLCK);
  range.l_len = static_cast<off_t>(bytes);
  if (::fcntl(file.descriptor(), F_OFD_GETLK, &range) != 0) {
    throw_system_error(errno, file.path(), "test the lock on byte " + std::to_string(offset));
  }
  return range.l_type;
}

std::chrono::nanoseconds since(std::uint64_t then_ns, std::uint64_t now_ns) noexcept {
  return std::chrono::nanoseconds(now_ns > then_ns ? now_ns - then_ns : 0);
}

std::uint32_t token_for(std::uint64_t nonce, std::uint32_t slot) noexcept {
  return static_cast<std::uint32_t>(nonce >> 40 << 8) | (slot + 1);
}

std::vector<ReaderInfo> readers_of(std::uint32_t token, std::span<const ReaderLane> lanes,
                                   std::uint64_t now_ns) {
  std::vector<ReaderInfo> readers;
  for (std::uint32_t index = 0; index < lanes.size(); ++index) {
    const ReaderLane& lane = lanes[index];
    // Relaxed: for people.
    if (lane.owner.load(std::memory_order_relaxed) != token) continue;
    const auto awaited = awaited_for(lane, now_ns);
    // One that is only kept is awaited where nobody may take it back.
    if (!is_section(lane) && !awaited) continue;
    readers.push_back({index, lane.thread_id.load(std::memory_order_relaxed),
                       lane.sequence.load(std::memory_order_relaxed), awaited});
  }
  return readers;
}

std::string label_of(const ProcessSlot& slot) {
  const auto end = std::find(slot.label.begin(), slot.label.end(), '\0');
  return {slot.label.begin(), end};
}

}  // namespace

bool is_section(const ReaderLane& lane) noexcept {
  // Relaxed: for people, and for who knows that it does not change.
  return lane.sequence.load(std::memory_order_relaxed) != 0 &&
         lane.kept.load(std::memory_order_relaxed) == 0;
}

std::optional<std::chrono::nanoseconds> awaited_for(const ReaderLane& lane,
                                                    std::uint64_t now_ns) noexcept {
  // Relaxed: for people. What stands there of a section before this one is of another sequence.
  const std::uint64_t awaited = lane.awaited_sequence.load(std::memory_order_relaxed);
  if (awaited == 0 || awaited != lane.sequence.load(std::memory_order_relaxed)) return {};
  return since(lane.awaited_since_ns.load(std::memory_order_relaxed), now_ns);
}

ByteLock::ByteLock(ByteLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), offset_(other.offset_) {}

ByteLock& ByteLock::operator=(ByteLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(offset_, other.offset_);
  return *this;
}

ByteLock::~ByteLock() {
  if (descriptor_ < 0) return;
  struct flock range = byte_range(offset_, F_UNLCK);
  ::fcntl(descriptor_, F_OFD_SETLK, &range);
}

ByteLock ByteLock::try_acquire(const File& file, std::uint64_t offset, Kind kind) {
  struct flock range = byte_range(offset, kind == Kind::shared ? F_RDLCK : F_WRLCK);
  if (::fcntl(file.descriptor(), F_OFD_SETLK, &range) == 0) return {file.descriptor(), offset};
  if (errno == EAGAIN || errno == EACCES) return {};
  throw_system_error(errno, file.path(), "lock byte " + std::to_string(offset));
}

ByteLock ByteLock::acquire(const File& file, std::uint64_t offset,
                           std::chrono::milliseconds timeout, const std::string& purpose, Kind kind,
                           const Holder& holder) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  constexpr std::chrono::microseconds longest_pause{5000};
  for (std::chrono::microseconds pause{50};; pause = std::min(2 * pause, longest_pause)) {
    if (ByteLock lock = try_acquire(file, offset, kind)) return lock;
    if (std::chrono::steady_clock::now() >= deadline) {
      const bool is_shared = holder_type(file, offset) == F_RDLCK;
      std::string text = "a read-only reader still has the store open";
      // Its lock is the open file's, of which `lslocks` and /proc/locks tell no process.
      const char* advice =
          "`fuser FILE` or `lsof FILE` names its process, `cairn ps` does not: it marks no file";
      if (!is_shared) {
        const std::string name = holder ? holder() : "";
        text = name.empty() ? "another process" : name + ",";
        text.append(" is still ").append(purpose);
        advice = "`cairn ps` shows who is at work on it";
      }
      text.append(" after ").append(std::to_string(timeout.count()));
      throw Error(errc::timeout, file.path(), text + " ms; " + advice);
    }
    std::this_thread::sleep_for(pause);
  }
}

bool ByteLock::is_held_elsewhere(const File& file, std::uint64_t offset, std::uint64_t bytes) {
  return holder_type(file, offset, bytes) != F_UNLCK;
}

void ProcessTable::claim(const std::string& label, std::uint32_t avoid) {
  for (std::uint32_t slot = 0; slot < process_slot_count; ++slot) {
    if (slot != avoid && try_claim(slot, label)) return;
  }
  if (avoid < process_slot_count && try_claim(avoid, label)) return;
  throw Error(errc::too_many_processes, file_.path(),
              "all " + std::to_string(process_slot_count) +
                  " process slots are in use (`cairn ps` shows by whom); close the store in "
                  "one of them");
}

bool ProcessTable::try_claim(std::uint32_t slot, const std::string& label) {
  ByteLock lock = ByteLock::try_acquire(file_, lock_offset(slot));
  if (!lock) return false;
  fill(slot, label);
  own_lock_ = std::move(lock);
  return true;
}

void ProcessTable::claim_in_copy(const std::string& label) {
  fill(0, label);
}

void ProcessTable::fill(std::uint32_t slot, const std::string& label) {
  ProcessSlot& mine = slots_[slot];
  const std::uint64_t now = uptime_ns();
  std::uint64_t nonce = 0;
  const auto random = random_id();
  std::memcpy(&nonce, random.data(), sizeof nonce);
  mine.label.fill('\0');
  std::copy_n(label.data(), std::min(label.size(), mine.label.size() - 1), mine.label.begin());
  // Relaxed: the table informs; what is decided by it is decided by the byte lock.
  mine.pid.store(static_cast<std::uint32_t>(::getpid()), std::memory_order_relaxed);
  mine.phase.store(ProcessPhase::idle, std::memory_order_relaxed);
  mine.started_ns.store(now, std::memory_order_relaxed);
  mine.heartbeat_ns.store(now, std::memory_order_relaxed);
  mine.phase_since_ns.store(now, std::memory_order_relaxed);
  mine.nonce.store(nonce | 1, std::memory_order_relaxed);
  own_slot_ = slot;
  own_token_ = token_of(slot);
}

void ProcessTable::release() noexcept {
  if (own_slot_ >= process_slot_count) return;
  // Relaxed, as in `fill`: the byte lock that is given up behind them orders them.
  slots_[own_slot_].nonce.store(0, std::memory_order_relaxed);
  slots_[own_slot_].pid.store(0, std::memory_order_relaxed);
  own_lock_ = ByteLock();
  own_slot_ = ~0U;
  own_token_ = 0;
}

void ProcessTable::abandon() noexcept {
  own_lock_.abandon();
  own_slot_ = ~0U;
  own_token_ = 0;
}

std::uint32_t ProcessTable::token_of(std::uint32_t slot) const noexcept {
  // Relaxed: a process that lives keeps its nonce, and whether it lives the byte lock tells.
  return token_for(slots_[slot].nonce.load(std::memory_order_relaxed), slot);
}

bool ProcessTable::is_token_alive(std::uint32_t token) const {
  if (token == own_token_) return true;
  const std::uint32_t slot = slot_of(token);
  return slot < process_slot_count && slot != own_slot_ && token_of(slot) == token &&
         is_alive(slot);
}

bool ProcessTable::is_alive(std::uint32_t slot) const {
  if (slot == own_slot_) return true;
  return slot < process_slot_count && ByteLock::is_held_elsewhere(file_, lock_offset(slot));
}

bool ProcessTable::is_alone() const {
  return !any_attached(file_);
}

bool ProcessTable::any_attached(const File& file) {
  return ByteLock::is_held_elsewhere(file, lock_offset(0),
                                     process_slot_count * sizeof(ProcessSlot));
}

std::uint32_t ProcessTable::reap() {
  std::uint32_t reaped = 0;
  for (std::uint32_t slot = 0; slot < process_slot_count; ++slot) {
    ProcessSlot& other = slots_[slot];
    // Relaxed: a reason to try; what is stored is ordered by the byte lock.
    if (slot == own_slot_ || other.nonce.load(std::memory_order_relaxed) == 0) continue;
    // Held while clearing: a newcomer may be about to take the slot.
    const ByteLock lock = ByteLock::try_acquire(file_, lock_offset(slot));
    if (!lock) continue;
    other.nonce.store(0, std::memory_order_relaxed);
    other.pid.store(0, std::memory_order_relaxed);
    ++reaped;
  }
  return reaped;
}

void ProcessTable::enter_phase(ProcessPhase phase) noexcept {
  // Relaxed, as in all that follow: phase, times and label are for people.
  ProcessSlot& mine = slots_[own_slot_];
  const std::uint64_t now = uptime_ns();
  mine.phase.store(phase, std::memory_order_relaxed);
  mine.phase_since_ns.store(now, std::memory_order_relaxed);
  mine.heartbeat_ns.store(now, std::memory_order_relaxed);
}

void ProcessTable::restart_phase() const noexcept {
  const std::uint64_t now = uptime_ns();
  slots_[own_slot_].phase_since_ns.store(now, std::memory_order_relaxed);
  slots_[own_slot_].heartbeat_ns.store(now, std::memory_order_relaxed);
}

void ProcessTable::beat() const noexcept {
  slots_[own_slot_].heartbeat_ns.store(uptime_ns(), std::memory_order_relaxed);
}

std::vector<ProcessInfo> ProcessTable::list(std::span<const ReaderLane> lanes) const {
  return list({slots_, process_slot_count}, lanes,
              [this](std::uint32_t slot) { return is_alive(slot); });
}

std::vector<ProcessInfo>
ProcessTable::list(std::span<const ProcessSlot> slots, std::span<const ReaderLane> lanes,
                   const std::function<bool(std::uint32_t slot)>& is_alive) {
  std::vector<ProcessInfo> all;
  const std::uint64_t now = uptime_ns();
  for (std::uint32_t index = 0; index < slots.size(); ++index) {
    const ProcessSlot& slot = slots[index];
    const std::uint64_t nonce = slot.nonce.load(std::memory_order_relaxed);
    if (nonce == 0) continue;
    ProcessInfo info;
    info.slot = index;
    info.pid = slot.pid.load(std::memory_order_relaxed);
    info.label = label_of(slot);
    info.phase = slot.phase.load(std::memory_order_relaxed);
    info.age = since(slot.started_ns.load(std::memory_order_relaxed), now);
    info.phase_age = since(slot.phase_since_ns.load(std::memory_order_relaxed), now);
    info.heartbeat_age = since(slot.heartbeat_ns.load(std::memory_order_relaxed), now);
    info.alive = is_alive(index);
    info.readers = readers_of(token_for(nonce, index), lanes, now);
    if (info.phase == ProcessPhase::idle && !info.readers.empty()) {
      info.phase = ProcessPhase::reading;
      info.phase_age.reset();
    }
    all.push_back(std::move(info));
  }
  return all;
}

std::string ProcessTable::name(std::uint32_t slot) const {
  if (slot >= process_slot_count) return "an unknown process";
  const ProcessSlot& other = slots_[slot];
  const std::string label = label_of(other);
  return "process " + std::to_string(other.pid.load(std::memory_order_relaxed)) +
         (label.empty() ? "" : " \"" + label + "\"");
}

std::string ProcessTable::describe(std::uint32_t slot) const {
  if (slot >= process_slot_count) return name(slot);
  const ProcessSlot& other = slots_[slot];
  const std::uint64_t since_ns = other.phase_since_ns.load(std::memory_order_relaxed);
  const auto age =
      std::chrono::duration_cast<std::chrono::milliseconds>(since(since_ns, uptime_ns()));
  return name(slot) + ", " + to_string(other.phase.load(std::memory_order_relaxed)) + " for " +
         std::to_string(age.count()) + " ms";
}

PhaseScope::PhaseScope(ProcessTable& table, ProcessPhase phase) noexcept
    : slot_(table.slots_[table.own_slot_]),
      outer_(slot_.phase.load(std::memory_order_relaxed)),
      outer_since_ns_(slot_.phase_since_ns.load(std::memory_order_relaxed)) {
  table.enter_phase(phase);
}

PhaseScope::~PhaseScope() {
  slot_.phase.store(outer_, std::memory_order_relaxed);
  slot_.phase_since_ns.store(outer_since_ns_, std::memory_order_relaxed);
}

}  // namespace cairn

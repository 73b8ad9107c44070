// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/activity.hpp"

#include <algorithm>
#include <array>

#include "cairn/error.hpp"
#include "cairn/recovery/meta_slots.hpp"
#include "cairn/store/process_table.hpp"

namespace cairn {
namespace {

/// The pages in front of the heap, in a copy.
struct alignas(page_bytes) HeaderCopy {
  std::array<std::byte, heap_begin> bytes{};

  template <class T>
  T* at(std::uint64_t offset) noexcept {
    return reinterpret_cast<T*>(bytes.data() + offset);
  }
};

/// As `Engine::pins`, of the one that was set aside.
std::optional<std::uint32_t> pinned_by_fenced(const Quarantine& words, const ProcessTable& table) {
  // Relaxed: a copy of this process's own.
  const std::uint64_t body = words.owner.load(std::memory_order_relaxed);
  if (body == 0 || words.ended.load(std::memory_order_relaxed) == body ||
      words.unpinned.load(std::memory_order_relaxed) == body) {
    return {};
  }
  const auto token = static_cast<std::uint32_t>(body);
  if (token == 0 || !table.is_token_alive(token)) return {};
  return ProcessTable::slot_of(token);
}

}  // namespace

Activity look_at_activity(const std::string& path) {
  const File data = File::open(path, File::Access::read_only);
  read_identity(data);
  HeaderCopy header;
  if (data.read_at(0, header.bytes) < header.bytes.size()) {
    throw Error(errc::truncated, path, "the header is cut short");
  }
  const LiveWords& live = *header.at<LiveWords>(live_words_offset);
  Activity seen;
  seen.current = live.boot_id == current_boot_id();
  // Relaxed: the words are a copy of this process's own.
  seen.failed = live.failed.load(std::memory_order_relaxed) != 0;
  seen.published = live.published.load(std::memory_order_relaxed);
  // They are raised and lowered while this reads one after the other.
  seen.visible = std::max(seen.published, live.visible.load(std::memory_order_relaxed));
  if (seen.visible != seen.published) {
    const std::uint64_t tail = live.log_tail.load(std::memory_order_relaxed);
    seen.held_back_bytes =
        tail - std::min(tail, live.published_position.load(std::memory_order_relaxed));
  }
  seen.fenced_slot = pinned_by_fenced(
      live.quarantine, ProcessTable(data, header.at<ProcessSlot>(process_table_offset)));
  seen.write_lock = LockWord(live.write_lock.load(std::memory_order_relaxed));
  seen.processes = ProcessTable::list(
      {header.at<ProcessSlot>(process_table_offset), process_slot_count},
      {header.at<ReaderLane>(reader_lanes_offset), reader_lane_count}, [&](std::uint32_t slot) {
        return ByteLock::is_held_elsewhere(data, ProcessTable::lock_offset(slot));
      });
  // What the dead left in another boot, with times that mean nothing in this one.
  if (!seen.current) std::erase_if(seen.processes, [](const auto& row) { return !row.alive; });
  return seen;
}

}  // namespace cairn

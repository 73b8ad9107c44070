// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/reader_lanes.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <unordered_map>
#include <utility>

#include "cairn/error.hpp"
#include "cairn/mapping/membarrier.hpp"
#include "cairn/mapping/processor.hpp"
#include "lane_waiting.hpp"

namespace cairn {
namespace {

std::uint64_t next_id() noexcept {
  static std::atomic<std::uint64_t> last{0};
  // Relaxed: only uniqueness matters.
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

/// The lanes of stores that still exist, for threads that end after their store was closed.
struct LiveStores {
  std::mutex mutex;
  std::unordered_map<std::uint64_t, ReaderLanes*> stores;

  static LiveStores& instance() {
    // Never destroyed: threads may end after static objects are gone.
    static auto* const stores = new LiveStores;
    return *stores;
  }
};

}  // namespace

/// All lanes of one thread; gives them back when the thread ends.
struct ThreadLanes {
  std::vector<std::unique_ptr<ThreadLane>> lanes;

  ~ThreadLanes() {
    LiveStores& live = LiveStores::instance();
    const std::lock_guard guard(live.mutex);
    for (auto& mine : lanes) {
      const auto store = live.stores.find(mine->store_id);
      if (store == live.stores.end()) continue;
      if (mine->depth != 0) {
        store->second->adopt(std::move(mine));
      } else {
        store->second->give_back(mine->lane);
      }
    }
    detail::hot_lane = {detail::no_store_id, nullptr, 0};
  }

  ThreadLane* find(std::uint64_t id) noexcept {
    for (const auto& mine : lanes) {
      if (mine->store_id == id) return mine.get();
    }
    return nullptr;
  }
};

namespace {
thread_local ThreadLanes thread_lanes;
}  // namespace

ReaderLanes::ReaderLanes(LiveWords& live, ReaderLane* lanes, const ProcessTable& table,
                         std::string path)
    : live_(live),
      lanes_(lanes),
      can_keep_(register_for_fences()),
      table_(table),
      path_(std::move(path)),
      id_(next_id()),
      open_id_(id_) {
  LiveStores& stores = LiveStores::instance();
  const std::lock_guard guard(stores.mutex);
  stores.stores.emplace(id_, this);
}

ReaderLanes::~ReaderLanes() {
  LiveStores& stores = LiveStores::instance();
  const std::lock_guard guard(stores.mutex);
  stores.stores.erase(id_);
  give_all_back();
}

void ReaderLanes::give_all_back() noexcept {
  if (table_.own_token() == 0) return;
  for_each_claimed([this](ReaderLane& lane) {
    free_if_owned_by(lane, table_.own_token());
    return true;
  });
}

void ReaderLanes::set_host(Host& host, std::chrono::milliseconds timeout) noexcept {
  host_ = &host;
  enter_timeout_ = timeout;
}

ThreadLane* ReaderLanes::find() const noexcept {
  return thread_lanes.find(id_);
}

void ReaderLanes::shut(errc code) noexcept {
  shut_reason_ = code;
  // Relaxed: closing while another thread enters is that program's race.
  open_id_.store(0, std::memory_order_relaxed);
}

void ReaderLanes::abandon() noexcept {
  // The sections of the one thread that a forked child has end here instead of in the parent's
  // lane.
  static ReaderLane nobodys{};
  if (ThreadLane* const mine = find()) mine->lane = &nobodys;
}

void ReaderLanes::lock_for_fork() {
  LiveStores::instance().mutex.lock();
}

void ReaderLanes::unlock_after_fork() noexcept {
  LiveStores::instance().mutex.unlock();
}

ThreadLane& ReaderLanes::find_or_claim() {
  if (id() == 0) {
    throw Error(shut_reason_, path_,
                shut_reason_ == errc::closed ? "open it again"
                                             : "open the store again in the child process");
  }
  ThreadLane* mine = find();
  if (mine == nullptr) {
    // Stores closed since leave their entries behind; drop them before adding another.
    {
      LiveStores& live = LiveStores::instance();
      const std::lock_guard guard(live.mutex);
      std::erase_if(thread_lanes.lanes, [&](const auto& old) {
        return live.stores.find(old->store_id) == live.stores.end();
      });
      give_back_adopted();
    }
    auto fresh = std::make_unique<ThreadLane>();
    fresh->store_id = id_;
    fresh->lanes = this;
    thread_lanes.lanes.reserve(thread_lanes.lanes.size() + 1);
    fresh->lane = claim();
    mine = thread_lanes.lanes.emplace_back(std::move(fresh)).get();
  }
  detail::hot_lane = {id_, mine, static_cast<std::uint32_t>(thread_lanes.lanes.size())};
  return *mine;
}

ReaderLane* ReaderLanes::claim() {
  for (int attempt = 0; attempt < 2; ++attempt) {
    for (std::uint64_t i = 0; i < reader_lane_count; ++i) {
      ReaderLane& lane = lanes_[i];
      // Relaxed: only a reason to try.
      std::uint32_t owner = lane.owner.load(std::memory_order_relaxed);
      // Acquire pairs with the release in `free_if_owned_by`: what was nobody's is reset. Release
      // pairs with the acquire in `free_if_dead`: who asks after this process finds its slot
      // filled.
      if (owner != 0 || !lane.owner.compare_exchange_strong(owner, table_.own_token(),
                                                            std::memory_order_acq_rel)) {
        continue;
      }
      crash_point("lane.claimed");
      // Relaxed: the bit that is set behind them releases both to the publisher.
      lane.sequence.store(0, std::memory_order_relaxed);
      lane.kept.store(0, std::memory_order_relaxed);
      lane.awaited_sequence.store(0, std::memory_order_relaxed);
      lane.thread_id.store(static_cast<std::uint32_t>(::syscall(SYS_gettid)),
                           std::memory_order_relaxed);
      // Sequentially consistent: see for_each_claimed.
      live_.claimed_lanes[i / 64].fetch_or(1ULL << i % 64, std::memory_order_seq_cst);
      return &lane;
    }
    reap();
  }
  throw Error(errc::too_many_processes, path_,
              "all " + std::to_string(reader_lane_count) +
                  " reader lanes are in use, one by each thread of any process that has read; end "
                  "such threads, or close the store in one of the processes");
}

void ReaderLanes::give_back(ReaderLane* lane) noexcept {
  if (table_.own_token() == 0) return;
  free_if_owned_by(*lane, table_.own_token());
}

/// The section is still open: its lane goes on pinning what it reads, and whoever leaves it finds
/// what it leaves.
void ReaderLanes::adopt(std::unique_ptr<ThreadLane> lane) noexcept {
  lane->keeps = false;
  try {
    adopted_.push_back(std::move(lane));
  } catch (...) {
    // Whoever leaves it still finds it; its lane is given back when the store is closed.
    static_cast<void>(lane.release());
  }
}

void ReaderLanes::give_back_adopted() noexcept {
  std::erase_if(adopted_, [this](const std::unique_ptr<ThreadLane>& old) {
    // Acquire pairs with the release in `leave_idle`, which touches nothing after that store.
    if (old->lane->sequence.load(std::memory_order_acquire) != 0) return false;
    give_back(old->lane);
    return true;
  });
}

bool ReaderLanes::free_if_owned_by(ReaderLane& lane, std::uint32_t owner) noexcept {
  // Of several processes that find the owner dead only one may free the lane: by the time that the
  // others get here a new owner may have it. Until it is free it is this process's, so that nobody
  // else frees it and, should this process die right here, the next to look does.
  std::uint32_t expected = owner;
  if (!lane.owner.compare_exchange_strong(expected, table_.own_token(),
                                          std::memory_order_relaxed)) {
    return false;
  }
  crash_point("lane.taken");
  // Release: the lane is this process's before it is idle.
  lane.sequence.store(0, std::memory_order_release);
  const auto index = static_cast<std::uint64_t>(&lane - lanes_);
  // Release pairs with the look in `for_each_claimed`: who misses the lane sees that it is idle.
  live_.claimed_lanes[index / 64].fetch_and(~(1ULL << index % 64), std::memory_order_release);
  crash_point("lane.cleared");
  // Last, and release: it is out of sight and idle before it is nobody's. So a lane always has an
  // owner to be asked after, wherever that dies.
  lane.owner.store(0, std::memory_order_release);
  return true;
}

bool ReaderLanes::free_if_dead(ReaderLane& lane) {
  // Acquire pairs with the release in `free_if_owned_by`, and the exchange there expects this
  // owner.
  const std::uint32_t owner = lane.owner.load(std::memory_order_acquire);
  return owner != 0 && !table_.is_token_alive(owner) && free_if_owned_by(lane, owner);
}

std::uint32_t ReaderLanes::reap() {
  // All of them: who died while claiming or freeing a lane may have left it out of the bits.
  return static_cast<std::uint32_t>(std::count_if(
      lanes_, lanes_ + reader_lane_count, [&](ReaderLane& lane) { return free_if_dead(lane); }));
}

void ReaderLanes::enter_slowly(ThreadLane& mine) {
  const auto start = std::chrono::steady_clock::now();
  auto next_repair = start + lane_liveness_interval;
  for (int round = 0;; ++round) {
    // The publisher looks at the lane as well: until it is through, which takes longer where its
    // fence interrupts this processor, looking at one word disturbs it least.
    // Relaxed: only a reason to look closer.
    if (round != 0 && round < lane_spin_rounds &&
        live_.applying.load(std::memory_order_relaxed) != Publication::none) {
      relax_processor();
      continue;
    }
    // As in `enter_fenced`: acquire pairs with the release in `apply_to_image`; a full fence
    // between the lane and the look at `visible` (invariants 2 and 3).
    const std::uint64_t published = live_.published.load(std::memory_order_acquire);
    mine.lane->sequence.exchange(published, std::memory_order_seq_cst);
    if (live_.visible.load(std::memory_order_seq_cst) == published &&
        still_holds(mine, published)) {
      enter_image(mine, published);
      return;
    }
    if (enter_overlay(mine, published)) return;
    // Release, as in `leave_idle`.
    mine.lane->sequence.store(0, std::memory_order_release);
    if (round < lane_spin_rounds) continue;
    std::this_thread::sleep_for(lane_pause);
    const auto now = std::chrono::steady_clock::now();
    if (now < next_repair) continue;
    next_repair = now + lane_liveness_interval;
    // The section is not open yet: whoever repairs or gives up must find this thread outside one.
    --mine.depth;
    if (host_ != nullptr) host_->repair_publication();
    if (enter_timeout_.count() != 0 && now - start >= enter_timeout_) {
      throw Error(errc::timeout, path_,
                  "a publication has not ended for " + std::to_string(enter_timeout_.count()) +
                      " ms; the write lock is held by " +
                      (host_ == nullptr ? "somebody" : host_->describe_writer()));
    }
    ++mine.depth;
  }
}

/// To be called with the lane at `published`, after a look at `visible`.
bool ReaderLanes::enter_overlay(ThreadLane& mine, std::uint64_t published) {
  // Sequentially consistent, after `visible` was: whoever raised that before had raised this, too.
  // Clear, it leaves the shared image frozen at `published` while the lane is there (invariant 3a).
  if (live_.applying.load(std::memory_order_seq_cst) != Publication::none) return false;
  if (!still_holds(mine, published)) return false;
  // Again, since a publication that was given up may have lowered the one and raised the other.
  const std::uint64_t visible = live_.visible.load(std::memory_order_seq_cst);
  // Acquire pairs with the release in `apply_to_image`: another state means that the image moved
  // on.
  if (host_ == nullptr || live_.published.load(std::memory_order_acquire) != published)
    return false;
  // Relaxed: stored before `applying` was cleared, which was seen. Where it was seen raised by an
  // attempt to publish the record that came later, that one will take it back.
  const std::uint64_t end = live_.overlay_end.load(std::memory_order_relaxed);
  if (end > published && visible >= end) return false;
  // Whoever held it back may be gone, and nobody else come to see it.
  // Relaxed: it is a clock. Release of the lane, as in `leave_idle`.
  const std::uint64_t now = uptime_ns();
  std::uint64_t helped = helped_ns_.load(std::memory_order_relaxed);
  if (now - helped > lane_liveness_interval_ns &&
      helped_ns_.compare_exchange_strong(helped, now, std::memory_order_relaxed)) {
    mine.lane->sequence.store(0, std::memory_order_release);
    host_->help_publication();
    return false;
  }
  try {
    if (!host_->open_overlay(mine, published, visible)) return false;
  } catch (...) {
    mine.lane->sequence.store(0, std::memory_order_release);
    --mine.depth;
    throw;
  }
  mine.sequence = visible;
  // Release: all that was read to build the overlay comes before the publisher may go on to
  // `visible`.
  mine.lane->sequence.store(visible, std::memory_order_release);
  return true;
}

void ReaderLanes::leave_slowly(Overlay* overlay) noexcept {
  // In a forked child the overlay is a copy of the parent's, to be used by nobody.
  if (id() == 0 || host_ == nullptr) return;
  if (overlay != nullptr) host_->close_overlay(*overlay);
  if (is_held_back()) host_->help_publication();
}

/// The section has ended, and a publisher waits for the lane, or took it back already.
void ReaderLanes::leave_revoked(ThreadLane& mine) noexcept {
  give_up_kept(mine);
  leave_slowly(nullptr);
}

void ReaderLanes::give_up_kept(ThreadLane& mine) noexcept {
  mine.keeps = false;
  // Release, as in `leave_idle`. The other is seen before the lane is entered again, by a
  // read-modify-write.
  mine.lane->sequence.store(0, std::memory_order_release);
  mine.lane->kept.store(0, std::memory_order_relaxed);
}

void ReaderLanes::note_revoked(ThreadLane& mine) noexcept {
  // Relaxed: the thread's own, but for who takes it back.
  if (mine.lane->sequence.load(std::memory_order_relaxed) == 0) {
    const std::uint32_t price_ns = live_.fence_ns.load(std::memory_order_relaxed);
    mine.fences_owed =
        std::max(ThreadLane::least_owed, least_gain * std::min(price_ns, most_fence_ns) / saved_ns);
  }
  give_up_kept(mine);
}

bool ReaderLanes::is_held_back() const noexcept {
  // Relaxed: only a reason to look closer.
  return live_.applying.load(std::memory_order_relaxed) == Publication::none &&
         live_.visible.load(std::memory_order_relaxed) !=
             live_.published.load(std::memory_order_relaxed);
}

bool ReaderLanes::any_section_open() {
  bool any = false;
  for_each_claimed([&](const ReaderLane& lane) {
    // Relaxed: sections of threads that do not wait for this one are that program's race.
    any = lane.owner.load(std::memory_order_relaxed) == table_.own_token() && is_section(lane);
    return !any;
  });
  return any;
}

void ReaderLanes::require_fences(bool alone) {
  if (can_fence_all_threads()) return;
  // Relaxed, both: who is alone stores it before anybody else is attached.
  if (alone) {
    live_.fences_missing.store(1, std::memory_order_relaxed);
  } else if (live_.fences_missing.load(std::memory_order_relaxed) == 0) {
    throw Error(errc::io, path_,
                "this process may not use membarrier(2), on which readers in other processes rely; "
                "open the store here first, or allow the call");
  }
}

void ReaderLanes::reset() noexcept {
  for (std::uint64_t i = 0; i < reader_lane_count; ++i) {
    // Relaxed: nobody else is attached, nor is there a section here; so are the words below.
    lanes_[i].sequence.store(0, std::memory_order_relaxed);
    lanes_[i].kept.store(0, std::memory_order_relaxed);
    lanes_[i].owner.store(0, std::memory_order_relaxed);
  }
  for (auto& word : live_.claimed_lanes) word.store(0, std::memory_order_release);
  live_.fence_ns.store(0, std::memory_order_relaxed);
  live_.fences_missing.store(0, std::memory_order_relaxed);
}

}  // namespace cairn

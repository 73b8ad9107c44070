// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/engine.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <thread>

#include "cairn/error.hpp"
#include "cairn/mapping/futex.hpp"
#include "cairn/mapping/shared_view.hpp"
#include "cairn/recovery/checksum.hpp"
#include "cairn/store/engine_registry.hpp"
#include "cairn/store/store_files.hpp"
#include "cairn/store/suitable_file_system.hpp"

namespace cairn {
namespace {

/// Byte of the data file that whoever opens or closes the store holds.
constexpr std::uint64_t opening_lock_offset = 0;
/// How often an opener begins again because the file under the path changed meanwhile.
constexpr int open_attempts = 100;
/// How long who waits for a change sleeps before it looks whether the writer is still alive.
constexpr std::chrono::milliseconds writer_check_interval{50};
/// With less not even a small transaction would do: one container changes pages of the catalog, the
/// chunk table, its span and its own.
constexpr std::uint64_t least_private_bytes = 8 * page_bytes;

std::uint64_t memory_bytes() noexcept {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  return pages > 0 ? static_cast<std::uint64_t>(pages) * page_bytes : std::uint64_t{1} << 30;
}

Options with_defaults(Options options, const std::string& path) {
  if (options.max_bytes > largest_max_bytes) {
    throw Error(errc::invalid_argument, path,
                "max_bytes is " + std::to_string(options.max_bytes) + ", at most " +
                    std::to_string(largest_max_bytes) + " can be addressed");
  }
  options.max_bytes = round_up(options.max_bytes, page_bytes);
  if (options.private_bytes == 0) options.private_bytes = memory_bytes() / 4;
  options.private_bytes = std::clamp(options.private_bytes, least_private_bytes, largest_max_bytes);
  // Longer than anybody waits, and short enough to be added to a time of any unit.
  constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 365 * 100);
  options.lock_timeout = std::min(options.lock_timeout, longest);
  options.operation_timeout = std::min(options.operation_timeout, longest);
  options.reader_timeout = std::min(options.reader_timeout, longest);
  options.heartbeat_interval = std::min(options.heartbeat_interval, longest);
  options.deferred_delay =
      std::clamp<std::chrono::milliseconds>(options.deferred_delay, {}, std::chrono::hours(1));
  return options;
}

void require_durability(const Identity& identity, const Options& options, const std::string& path) {
  if (!options.durability) return;
  const bool wants_power = *options.durability != Durability::process;
  const bool has_power = identity.durability == StoredDurability::power;
  if (wants_power == has_power) return;
  throw Error(errc::durability_mismatch, path,
              std::string("created with Durability::") + (has_power ? "power" : "process") +
                  ", opened with Durability::" + (wants_power ? "power" : "process"));
}

/// The pages in front of the heap, in memory of this process.
Reservation copy_of_header(const File& data) {
  Reservation copy = Reservation::anonymous(heap_begin);
  if (data.read_at(0, {copy.data(), heap_begin}) < heap_begin) {
    throw Error(errc::truncated, data.path(), "the header is cut short");
  }
  return copy;
}

template <class T>
T* at_offset(const Reservation& memory, std::uint64_t offset) noexcept {
  return reinterpret_cast<T*>(memory.data() + offset);
}

/// For messages: who holds the byte of openers, where it has got as far as to note that.
std::string describe_opener(const File& data) {
  const Reservation header = copy_of_header(data);
  // Relaxed: a copy of this process's own.
  const std::uint32_t token =
      at_offset<LiveWords>(header, live_words_offset)->opener.load(std::memory_order_relaxed);
  const ProcessTable table(data, at_offset<ProcessSlot>(header, process_table_offset));
  // Of one that died, or of garbage, there is nothing to be said.
  if (token == 0 || !table.is_token_alive(token)) return {};
  return table.describe(ProcessTable::slot_of(token));
}

/// Waits until no other process opens or closes the store.
ByteLock take_opening_lock(const File& file, const Options& options,
                           ByteLock::Kind kind = ByteLock::Kind::exclusive) {
  return ByteLock::acquire(file, opening_lock_offset, options.lock_timeout,
                           "opening or closing the store", kind,
                           [&file] { return describe_opener(file); });
}

/// Names this process to those who wait while it opens or closes the store: the kernel does not
/// tell whose the byte is. Before it has a slot, which is the first thing that it takes, and on the
/// way into a store that may only be read it has no name.
class OpenerNote {
 public:
  OpenerNote(LiveWords& live, const ProcessTable& table) noexcept : live_(live) {
    // Relaxed, both: for people.
    live_.opener.store(table.own_token(), std::memory_order_relaxed);
  }
  OpenerNote(const OpenerNote&) = delete;
  OpenerNote& operator=(const OpenerNote&) = delete;
  ~OpenerNote() { live_.opener.store(0, std::memory_order_relaxed); }

 private:
  LiveWords& live_;
};

}  // namespace

std::shared_ptr<Engine> Engine::open(const std::string& path, const Options& asked, OpenMode mode) {
  const Options options = with_defaults(asked, path);
  // Its log would be a file of its own, named "-log".
  if (path.empty()) throw Error(errc::invalid_argument, path, "a store needs a path");
  const auto guard = EngineRegistry::instance().lock_opening();
  if (mode == OpenMode::create && !create_store_files(path, options)) {
    throw Error(errc::already_exists, path, "open it instead, or remove it and its log");
  }
  for (int attempt = 0; attempt < open_attempts; ++attempt) {
    try {
      if (auto engine = attach(path, options, Company::any)) return engine;
    } catch (const Error& error) {
      const bool absent = error == errc::not_found && error.path() == path;
      if (!absent || mode == OpenMode::open_existing) throw;
      create_store_files(path, options);
    }
  }
  throw Error(errc::replaced, path, "the file keeps being replaced while it is opened");
}

std::shared_ptr<Engine> Engine::open_read_only(const std::string& path, const Options& asked) {
  const Options options = with_defaults(asked, path);
  if (path.empty()) throw Error(errc::invalid_argument, path, "a store needs a path");
  const auto guard = EngineRegistry::instance().lock_opening();
  for (int attempt = 0; attempt < open_attempts; ++attempt) {
    if (auto engine = attach_frozen(path, options)) return engine;
    if (auto engine = attach_reader(path, options)) return engine;
  }
  throw Error(errc::timeout, path, "other processes keep opening and closing it");
}

/// Nothing where somebody has the store open.
std::shared_ptr<Engine> Engine::attach_frozen(const std::string& path, const Options& options) {
  KeptFromChildren kept;
  File data = File::open(path, File::Access::read_only);
  const FileId id = data.id();
  if (auto engine = EngineRegistry::instance().find(id)) {
    require_durability(engine->identity_, options, path);
    return engine;
  }
  const Identity identity = read_identity(data);
  require_durability(identity, options, path);
  require_suitable(FileSystem::of(data), identity.durability, StoreUse::reading, options, path);
  File locks = kept.open(path, File::Access::read_only);
  // The byte that openers hold, for as long as the store is open here: so not even a version that
  // knows nothing of such readers changes the files under them.
  ByteLock still = take_opening_lock(locks, options, ByteLock::Kind::shared);
  if (!(locks.id() == id) || !data.is_still_at_path() || ProcessTable::any_attached(data))
    return nullptr;
  const MetaSlot meta = read_meta(data, identity, false);
  // Before the log is looked at, which may be gone then. A copy is one by another name first.
  if (meta.inode == id.inode) require_power_kept(identity, meta, false, path);
  std::shared_ptr<Engine> engine;
  try {
    engine.reset(new Engine(std::move(data), std::move(locks), identity, meta, options,
                            meta.max_bytes, Access::frozen));
  } catch (...) {
    // Gone with the file that it was on, whose descriptor may be another's by now.
    still.abandon();
    throw;
  }
  engine->frozen_lock_ = std::move(still);
  engine->only_reads_ = true;
  engine->freeze();
  EngineRegistry::instance().add(id, engine);
  return engine;
}

/// Nothing where nobody else has the store open.
std::shared_ptr<Engine> Engine::attach_reader(const std::string& path, const Options& options) {
  try {
    auto engine = attach(path, options, Company::others);
    if (engine) engine->only_reads_ = true;
    return engine;
  } catch (const Error& error) {
    if (!(error == errc::permission_denied) && !(error == errc::read_only)) throw;
    throw Error(static_cast<errc>(error.code().value()), error.path(),
                "another process has the store open and may write to it, and a reader beside it "
                "marks in the file what it reads; let that process close it, or give this one "
                "permission to write",
                error.system_errno());
  }
}

std::shared_ptr<Engine> Engine::attach(const std::string& path, const Options& options,
                                       Company wanted) {
  KeptFromChildren kept;
  File data = kept.open(path, File::Access::read_write);
  const FileId id = data.id();
  if (auto engine = EngineRegistry::instance().find(id)) {
    require_durability(engine->identity_, options, path);
    if (engine->is_frozen()) {
      throw Error(errc::read_only, path,
                  "this process has it open by open_read_only; close that handle first");
    }
    engine->only_reads_ = false;
    return engine;
  }
  const Identity identity = read_identity(data);
  require_durability(identity, options, path);
  require_suitable(FileSystem::of(data), identity.durability,
                   wanted == Company::others ? StoreUse::reading : StoreUse::writing, options,
                   path);
  // The lock stands on a descriptor of its own, so that it is dropped here whatever happens.
  File own = File::open(path, File::Access::read_write);
  File locks = kept.open(path, File::Access::read_write);
  if (!(own.id() == id) || !(locks.id() == id)) return nullptr;
  const ByteLock opening = take_opening_lock(data, options);
  if (!data.is_still_at_path()) return nullptr;
  const MetaSlot meta = read_meta(data, identity, options.accept_power_loss);
  const bool alone = !ProcessTable::any_attached(data);
  if (alone && wanted == Company::others) return nullptr;
  if (alone && meta.inode == id.inode) {
    require_power_kept(identity, meta, options.accept_power_loss, path);
  }
  std::uint64_t reach = meta.max_bytes;
  if (alone) reach = std::max(reach, round_up(options.max_bytes, page_bytes));
  std::shared_ptr<Engine> engine(new Engine(std::move(own), std::move(locks), identity, meta,
                                            options, reach, Access::attached));
  const OpenerNote note(engine->live_, engine->table_);
  if (alone) {
    engine->recover_alone();
    // Every process maps the file as far as the header says, so it must say so before another
    // comes.
    if (reach != meta.max_bytes) engine->write_checkpoint(engine->meta_.clean != 0);
  } else {
    engine->join_others();
  }
  engine->lanes_.require_fences(alone);
  // Whoever created it may have died before its name was durable; it was never checkpointed then.
  if (engine->survives_power() && meta.turn == 1) engine->data_.sync_directory();
  engine->heartbeat_.start(engine->options_.heartbeat_interval, path);
  EngineRegistry::instance().add(id, engine);
  return engine;
}

Engine::Engine(File data, File locks, const Identity& identity, const MetaSlot& meta,
               const Options& options, std::uint64_t reach_bytes, Access access)
    : data_(std::move(data)),
      locks_(std::move(locks)),
      access_(access),
      data_entry_(data_.path()),
      log_entry_(log_path(data_.path())),
      data_id_(data_.id()),
      identity_(identity),
      options_(options),
      seed_(checksum_seed(identity.uuid)),
      reach_bytes_(reach_bytes),
      read_view_(map_shared(data_, reach_bytes, ViewAccess::read_only)),
      window_(is_frozen() ? copy_of_header(data_)
                          : map_shared(data_, reach_bytes, ViewAccess::read_write)),
      live_(*at_offset<LiveWords>(window_, live_words_offset)),
      table_(locks_, at_offset<ProcessSlot>(window_, process_table_offset)),
      lanes_(live_, at_offset<ReaderLane>(window_, reader_lanes_offset), table_, data_.path()),
      lock_(live_, table_),
      heartbeat_(table_),
      group_sync_(live_, *this),
      deferred_(*this),
      data_sync_(*this),
      log_(File::open(log_path(data_.path()),
                      is_frozen() ? File::Access::read_only : File::Access::read_write),
           identity.uuid, meta.log_bytes,
           is_frozen() ? ViewAccess::read_only : ViewAccess::read_write),
      log_id_(log_.file().id()),
      meta_(meta),
      context_(data_, is_frozen() ? 0 : reach_bytes, *this),
      overlays_(data_, log_, seed_, reach_bytes, [this] { return newest_meta(); }) {
  meta_.max_bytes = reach_bytes;
  if (is_frozen()) {
    table_.claim_in_copy(options_.label);
    return;
  }
  if (!survives_power()) context_.prefer_huge_pages();
  context_.heap().zero_on_allocate(options_.zero_on_allocate);
  context_.write_set().set_shared_image(window_.data());
  context_.write_set().set_touch_limit(2 * options_.private_bytes / page_bytes, path());
  table_.claim(options_.label, lock_.owner_slot());
  lanes_.set_host(*this, options_.lock_timeout);
}

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
    throw Error(errc::transaction_active, path(), "a read section of this process is still open");
  }
  // Held until the slot is given back: of two that close at once the later one must find itself
  // alone.
  ByteLock closing;
  std::optional<OpenerNote> note;
  // Relaxed: a reason not to try; `begin_guarded` looks with the lock.
  if (live_.failed.load(std::memory_order_relaxed) == 0 && !only_reads_) {
    // On the file that is open: its name may be gone, or another file's.
    closing = take_opening_lock(locks_, options_);
    note.emplace(live_, table_);
    // Taken in any case, so that no transaction of this process is left behind.
    begin_guarded();
    try {
      settle_appended();
      if (table_.is_alone()) empty_log();
    } catch (...) {
      rollback();
      throw;
    }
    rollback();
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
}

std::uint64_t Engine::wait_for_change(std::uint64_t sequence, std::chrono::nanoseconds timeout) {
  require_open();
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
  }
}

/// What a writer left appended when it died becomes visible, as far as readers let it.
void Engine::publish_for_the_dead() {
  // Publishing would wait for this thread's own section.
  if (lanes_.in_section()) return;
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
  begin_guarded(patience);
  try {
    settle_quarantine(true);
  } catch (...) {
    rollback();
    throw;
  }
  const RecoveryReport report = last_recovery_;
  rollback();
  return report;
}

}  // namespace cairn

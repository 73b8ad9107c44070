// SPDX-License-Identifier: BSL-1.0
// How a process comes to a store: finding its files, attaching, what its handle is made of.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "cairn/error.hpp"
#include "cairn/mapping/shared_view.hpp"
#include "cairn/recovery/checksum.hpp"
#include "cairn/store/engine.hpp"
#include "cairn/store/engine_registry.hpp"
#include "cairn/store/store_files.hpp"
#include "cairn/store/suitable_file_system.hpp"
#include "opening.hpp"

namespace cairn {
namespace {

/// How often an opener begins again because the file under the path changed meanwhile.
constexpr int open_attempts = 100;
/// With less not even a small transaction would do: one container changes pages of the catalog, the
/// chunk table, its span and its own.
constexpr std::uint64_t least_private_bytes = 8 * page_bytes;

std::uint64_t memory_bytes() noexcept {
  // Asked for once: what a machine has changes by little, if at all.
  static const long pages = ::sysconf(_SC_PHYS_PAGES);
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
  const std::string has = has_power ? "power" : "process";
  const char* const wanted = *options.durability == Durability::deferred ? "deferred"
                             : wants_power                               ? "power"
                                                                         : "process";
  throw Error(errc::durability_mismatch, path,
              "created with Durability::" + has + ", opened with Durability::" + wanted +
                  "; open it with Durability::" + has + ", or with Options::durability unset");
}

File open_log_of(const std::string& path, File::Access access) {
  try {
    return File::open(log_path(path), access);
  } catch (const Error& error) {
    if (!(error == errc::not_found)) throw;
    throw Error(errc::not_found, error.path(),
                "the log that belongs to " + path +
                    "; put it back beside it, or restore both from a backup",
                error.system_errno());
  }
}

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
      if (error == errc::read_only && error.system_errno() == EROFS && error.path() == path) {
        throw Error(errc::read_only, path,
                    "its file system is mounted for reading only; use Store::open_read_only",
                    EROFS);
      }
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
  File locks = kept.open(path, File::Access::read_write);
  const FileId id = locks.id();
  if (auto engine = EngineRegistry::instance().find(id)) {
    require_durability(engine->identity_, options, path);
    if (engine->is_frozen()) {
      throw Error(errc::read_only, path,
                  "this process has it open by open_read_only; close that handle first");
    }
    if (engine->only_reads_) {
      require_suitable(FileSystem::of(locks), engine->identity_.durability, StoreUse::writing,
                       options, path);
      engine->only_reads_ = false;
    }
    return engine;
  }
  const Identity identity = read_identity(locks);
  require_durability(identity, options, path);
  require_suitable(FileSystem::of(locks), identity.durability,
                   wanted == Company::others ? StoreUse::reading : StoreUse::writing, options,
                   path);
  File data = File::open(path, File::Access::read_write);
  if (!(data.id() == id)) return nullptr;
  ByteLock opening = take_opening_lock(locks, options);
  if (!data.is_still_at_path()) return nullptr;
  const MetaSlot meta = read_meta(data, identity, options.accept_power_loss);
  const bool alone = !ProcessTable::any_attached(data);
  if (alone && wanted == Company::others) return nullptr;
  if (alone && meta.inode == id.inode) {
    require_power_kept(identity, meta, options.accept_power_loss, path);
  }
  std::uint64_t reach = meta.max_bytes;
  if (alone) reach = std::max(reach, round_up(options.max_bytes, page_bytes));
  std::shared_ptr<Engine> engine;
  try {
    engine.reset(new Engine(std::move(data), std::move(locks), identity, meta, options, reach,
                            Access::attached));
    engine->settle_in(meta, alone);
  } catch (...) {
    // Given back by closing the file that it is on, behind the slot, and that is the engine's:
    // whose descriptor it was may be another's by then.
    opening.abandon();
    throw;
  }
  EngineRegistry::instance().add(id, engine);
  return engine;
}

/// Requires: just constructed over a file with that meta slot, with the lock of openers. `alone`:
/// nobody else is attached.
void Engine::settle_in(const MetaSlot& found, bool alone) {
  const OpenerNote note(live_, table_);
  if (alone) {
    recover_alone();
    // Every process maps the file as far as the header says, so it must say so before another
    // comes.
    if (reach_bytes_ != found.max_bytes) write_checkpoint(meta_.clean != 0);
  } else {
    join_others();
  }
  lanes_.require_fences(alone);
  // Whoever created it may have died before its name was durable; it was never checkpointed then.
  // Level process promises that of creation as well.
  if (found.turn == 1) data_.sync_directory();
  heartbeat_.start(options_.heartbeat_interval, path());
}

Engine::Engine(File data, File locks, const Identity& identity, const MetaSlot& meta,
               const Options& options, std::uint64_t reach_bytes, Access access)
    : data_(std::move(data)),
      locks_(std::move(locks)),
      access_(access),
      data_entry_(data_.path()),
      log_entry_(data_entry_, log_suffix),
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
      log_(open_log_of(data_.path(),
                       is_frozen() ? File::Access::read_only : File::Access::read_write),
           identity.uuid, meta.log_bytes,
           is_frozen() ? ViewAccess::read_only : ViewAccess::read_write),
      log_id_(log_.file().id()),
      meta_(meta),
      context_(data_, is_frozen() ? 0 : reach_bytes, *this, WriteContext::Mapped::at_first_use),
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

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/store_files.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <new>
#include <span>

#include "cairn/allocator/write_context.hpp"
#include "cairn/error.hpp"
#include "cairn/mapping/reservation.hpp"
#include "cairn/recovery/checksum.hpp"
#include "cairn/recovery/log_ring.hpp"
#include "cairn/recovery/meta_slots.hpp"
#include "cairn/store/process_table.hpp"
#include "cairn/store/suitable_file_system.hpp"

namespace cairn {
namespace {

/// Each takes as much address space as the store may ever need.
constexpr std::uint64_t views_of_a_store = 3;
constexpr std::uint64_t default_max_bytes = std::uint64_t{256} << 30;
/// Where the log of a new store begins to count. Not 0, so that zeros are never a position.
constexpr std::uint64_t first_position = page_bytes;

/// The space that a new heap is formatted in: all of the new file.
class NewFileSpace final : public HeapSpace {
 public:
  NewFileSpace(std::uint64_t bytes, const std::string& path) : bytes_(bytes), path_(path) {}
  std::uint64_t heap_end() const noexcept override { return heap_end_; }
  void extend_heap(std::uint64_t bytes) override {
    if (bytes > bytes_) {
      throw Error(errc::invalid_argument, path_,
                  "initial_bytes must be at least " + std::to_string(bytes));
    }
    heap_end_ = std::max(heap_end_, bytes);
  }
  void shrink_heap(std::uint64_t bytes) override { heap_end_ = bytes; }
  const std::string& path() const noexcept override { return path_; }

 private:
  std::uint64_t bytes_;
  std::uint64_t heap_end_ = heap_begin;
  const std::string& path_;
};

std::uint64_t checked(std::uint64_t value, std::uint64_t least, std::uint64_t most,
                      const std::string& path, const char* name) {
  if (value >= least && value <= most) return round_up(value, page_bytes);
  throw Error(errc::invalid_argument, path,
              std::string(name) + " is " + std::to_string(value) + ", allowed are " +
                  std::to_string(least) + " to " + std::to_string(most));
}

}  // namespace

std::uint64_t new_ring_bytes(const Options& options) noexcept {
  const std::uint64_t most = std::max(std::bit_floor(options.max_log_bytes), least_ring_bytes);
  return std::max(std::bit_ceil(std::min(options.log_bytes, most)), least_ring_bytes);
}

std::size_t log_piece_bytes(StoredDurability durability, const Options& options) noexcept {
  if (durability == StoredDurability::process) return 64 << 10;
  return options.durability == Durability::deferred ? 16 << 10 : page_bytes;
}

StoreHeader new_header(StoredDurability durability, std::uint64_t sequence) {
  StoreHeader made;
  made.identity.magic = data_magic;
  made.identity.version = format_version;
  made.identity.byte_order = byte_order_mark;
  made.identity.page_size = page_bytes;
  made.identity.uuid = random_id();
  made.identity.created_unix_ns = static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
  made.identity.durability = durability;
  made.identity.checksum = struct_checksum(made.identity, 0);
  made.meta.checkpoint_position = first_position;
  made.meta.checkpoint_sequence = sequence;
  made.meta.boot_id = current_boot_id();
  made.meta.clean = 1;
  return made;
}

namespace {

StoreHeader describe_new_store(const std::string& path, const Options& options) {
  StoreHeader made =
      new_header(options.durability == Durability::process ? StoredDurability::process
                                                           : StoredDurability::power,
                 1);
  const std::uint64_t max_bytes = options.max_bytes == 0 ? default_max_bytes : options.max_bytes;
  const std::uint64_t least = heap_begin + heap_minimum_bytes;
  made.meta.max_bytes = checked(max_bytes, least, largest_max_bytes, path, "max_bytes");
  made.meta.file_bytes = checked(std::max(options.initial_bytes, least), least, made.meta.max_bytes,
                                 path, "initial_bytes");
  constexpr std::uint64_t any = ~std::uint64_t{0};
  checked(options.max_log_bytes, least_ring_bytes, any, path, "max_log_bytes");
  // Over max_log_bytes, as its default may be, it is taken as that.
  checked(options.log_bytes, least_ring_bytes, any, path, "log_bytes");
  made.meta.log_bytes = new_ring_bytes(options);
  return made;
}

/// As they are where nobody has the store open and its log is empty.
void set_live_words(LiveWords& live, const MetaSlot& meta) {
  live.log_tail.store(meta.checkpoint_position, std::memory_order_relaxed);
  live.published.store(meta.checkpoint_sequence, std::memory_order_relaxed);
  live.visible.store(meta.checkpoint_sequence, std::memory_order_relaxed);
  live.published_position.store(meta.checkpoint_position, std::memory_order_relaxed);
  live.heap_end.store(meta.heap_end, std::memory_order_relaxed);
  live.boot_id = current_boot_id();
}

void write_data_file(const File& file, StoreHeader& made) {
  file.allocate(0, made.meta.file_bytes);
  crash_point("create.allocated");
  NewFileSpace space(made.meta.file_bytes, file.path());
  WriteContext context(file, made.meta.file_bytes, space);
  space.extend_heap(heap_begin + heap_minimum_bytes);
  context.heap().format();
  made.meta.heap_end = space.heap_end();
  made.meta.inode = file.id().inode;
  const std::uint64_t seed = checksum_seed(made.identity.uuid);
  write_meta(file, context.base(), made.meta, seed);
  file.store_mapped(0, context.base(), &made.identity, sizeof made.identity);
  set_live_words(*reinterpret_cast<LiveWords*>(context.base() + live_words_offset), made.meta);
  crash_point("create.written");
}

bool exists(const std::string& path) {
  try {
    return File::open(path, File::Access::read_only).is_open();
  } catch (const Error& error) {
    if (error == errc::not_found) return false;
    throw;
  }
}

void require_replaceable(const File& log) {
  if (LogRing::may_be_replaced(log)) return;
  if (!LogRing::is_log(log)) {
    throw Error(errc::already_exists, log.path(),
                "a file that is no log stands where the log of a new store belongs; move it away");
  }
  throw Error(errc::already_exists, log.path(),
              "the log of a store whose data file is not here any more, and which may need what is "
              "in it; move it to where that is, or remove it if that was removed");
}

/// Takes the name of a log away that an interrupted creation left.
/// Requires: locked, without a data file, and still at its path.
void unlink_orphan(const File& log) {
  require_replaceable(log);
  log.unlink();
  crash_point("create.log_unlinked");
}

constexpr const char* naming_purpose = "creating the store";

/// A locked, empty log file at the path's side, or an empty ByteLock where the store exists by now.
struct NewLog {
  File file;
  ByteLock lock;
};

/// The log comes first, but it is the store's name that somebody gave.
File open_or_create_log(const std::string& path, const Options& options) {
  try {
    return File::open_or_create(log_path(path), options.permissions);
  } catch (const Error& error) {
    if (!(error == errc::not_found)) throw;
  }
  throw Error(errc::not_found, path,
              "the directory that it is to stand in does not exist; make that first");
}

NewLog claim_log(const std::string& path, const Options& options) {
  for (;;) {
    // Looked at before as well, so that no log appears beside what turns out to be no store.
    if (exists(path)) return {};
    NewLog log;
    log.file = open_or_create_log(path, options);
    log.lock = ByteLock::acquire(log.file, 0, options.lock_timeout, naming_purpose);
    if (exists(path)) return {};
    if (!log.file.is_still_at_path()) continue;
    if (log.file.size() == 0) return log;
    unlink_orphan(log.file);
  }
}

/// What stands where the log of the store belongs, closed where nothing does.
File open_log_in_the_way(const std::string& path, File::Access access) {
  try {
    return File::open(log_path(path), access);
  } catch (const Error& error) {
    if (error == errc::not_found) return {};
    throw;
  }
}

void make_way_for_log(const std::string& path, std::chrono::milliseconds patience) {
  const File log = open_log_in_the_way(path, File::Access::read_write);
  if (!log.is_open()) return;
  const ByteLock lock = ByteLock::acquire(log, 0, patience, naming_purpose);
  require_free_path(path);
  if (log.is_still_at_path()) unlink_orphan(log);
}

void take_name_away(const File& file) noexcept {
  try {
    file.unlink();
  } catch (...) {  // NOLINT(bugprone-empty-catch): what went wrong before is reported
  }
}

/// After a creation that failed. Whoever waits for the log's lock finds that the name is gone.
/// Requires: locked.
void give_up_log(const std::string& path, const File& log) noexcept {
  try {
    // What failed may have been to tell that the store has its name.
    if (!exists(path)) log.unlink();
  } catch (...) {  // NOLINT(bugprone-empty-catch): what went wrong before is reported
  }
}

}  // namespace

std::string log_path(const std::string& path) {
  return path + log_suffix;
}

void write_header(const File& file, const StoreHeader& header) {
  alignas(LiveWords) std::array<std::byte, heap_begin> pages{};
  MetaSlot meta = header.meta;
  meta.turn = 1;
  meta.checksum = struct_checksum(meta, checksum_seed(header.identity.uuid));
  std::memcpy(pages.data(), &header.identity, sizeof header.identity);
  std::memcpy(pages.data() + meta_slot_offset + meta.turn % 2 * meta_slot_stride, &meta,
              sizeof meta);
  set_live_words(*::new (pages.data() + live_words_offset) LiveWords{}, meta);
  file.write_at(0, pages);
}

void require_free_path(const std::string& path) {
  if (path.empty()) throw Error(errc::invalid_argument, path, "a store needs a path");
  if (exists(path)) {
    throw Error(errc::already_exists, path, "a new store needs a name that is free");
  }
  const File log = open_log_in_the_way(path, File::Access::read_only);
  if (log.is_open()) require_replaceable(log);
}

void name_store_files(File& data, File& log, std::chrono::milliseconds patience) {
  // Held until both have their names: whoever creates a store there waits, and finds this one.
  const ByteLock naming = ByteLock::acquire(log, 0, patience, naming_purpose);
  require_free_path(data.path());
  while (!log.link()) make_way_for_log(data.path(), patience);
  crash_point("naming.log_linked");
  try {
    // A data file without its log could not be opened, so the log's name has to last first.
    log.sync_directory();
    while (!data.link()) require_free_path(data.path());
    crash_point("naming.linked");
    data.sync_directory();
  } catch (...) {
    take_name_away(data);
    take_name_away(log);
    throw;
  }
}

bool create_store_files(const std::string& path, const Options& options) {
  StoreHeader made = describe_new_store(path, options);
  // Before there is any file, so that none is left behind.
  require_suitable(FileSystem::around(path), made.identity.durability, StoreUse::writing, options,
                   path);
  // What there is no address space for could never be opened here, and would be in the way.
  Reservation::inaccessible(views_of_a_store * made.meta.max_bytes, path);
  const NewLog log = claim_log(path, options);
  if (!log.lock) return false;
  crash_point("create.begin");
  File data;
  bool linked = false;
  try {
    LogRing::format(log.file, made.identity.uuid, made.meta.log_bytes,
                    log_piece_bytes(made.identity.durability, options));
    data = File::create_unnamed(path, options.permissions);
    write_data_file(data, made);
    // At either level: a store that vanishes with the power could not say that it was lost.
    data.sync();
    crash_point("create.synced");
    linked = data.link();
  } catch (...) {
    give_up_log(path, log.file);
    throw;
  }
  crash_point("create.linked");
  if (linked) data.sync_directory();
  return linked;
}

}  // namespace cairn

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

/// Drills build the library with CAIRN_DRILLS=1; everything on this page vanishes otherwise.
#if defined(CAIRN_DRILLS) && CAIRN_DRILLS
inline constexpr bool drills_enabled = true;
#else
inline constexpr bool drills_enabled = false;
#endif

namespace drill {

enum class IoKind : std::uint8_t {
  write,
  allocate,
  truncate,
  sync,  ///< of the whole file, or of `bytes` of it
  sync_directory,
  link,
  unlink,
  store,
  clone,      ///< of a range of another file, whose blocks both share from then on
  copy,       ///< of a range of another file, done by the kernel
  write_back  ///< waiting until a range is written to the disk, which makes nothing durable
};

/// One operation about to happen on a file.
struct IoOperation {
  IoKind kind;
  int descriptor;
  std::uint64_t offset;
  const std::byte* data;  ///< what will be written or stored, nullptr for the other kinds
  std::uint64_t bytes;
};

/// What an observer returns for a sync that shall be left out and taken for done, as by a disk that
/// lies. Of syncs, of files and directories, alone.
inline constexpr int pretend_done = -1;

/// Sees each operation before it happens. Returns 0 to let it happen, or the errno that the
/// operation shall fail with instead (ignored for stores, which cannot fail).
using IoObserver = int (*)(const IoOperation& operation);
void set_io_observer(IoObserver observer) noexcept;
int observe(const IoOperation& operation) noexcept;

/// A shared mapping of a file that is about to be made.
struct SharedMapping {
  int descriptor;
  std::uint64_t inode;
  std::uint64_t offset;
  std::uint64_t bytes;
  bool writable;
  bool twice;  ///< in a row
};

/// Keeps mappings for the next store of the same file. Whoever opens one crash image after the
/// other in the same two files spends most of its time on making and unmaking them, and shared ones
/// of a file show the same whenever they were made.
class MappingKeeper {
 public:
  /// One that was kept, or nullptr: it is made then, and told of.
  virtual std::byte* lend(const SharedMapping& wanted) noexcept = 0;
  virtual void note(const SharedMapping& made, std::byte* at) noexcept = 0;
  /// It is about to become something else than such a mapping.
  virtual void forget(const std::byte* at) noexcept = 0;
  /// True where it is kept, so that it must stay.
  virtual bool keep(const std::byte* at) noexcept = 0;

 protected:
  ~MappingKeeper() = default;
};
/// Null for none. Asked by one thread at a time.
void set_mapping_keeper(MappingKeeper* keeper) noexcept;
MappingKeeper* mapping_keeper() noexcept;

/// Sees each named crash point as it is reached; a drill kills the process in here. Returns the one
/// before.
using CrashObserver = void (*)(const char* name);
CrashObserver set_crash_observer(CrashObserver observer) noexcept;
void reach_crash_point(const char* name) noexcept;

/// Asked before each block of a heap is handed out: true makes that fail for want of room.
using AllocationObserver = bool (*)(std::size_t bytes);
void set_allocation_observer(AllocationObserver observer) noexcept;
bool refuses_allocation(std::size_t bytes) noexcept;

}  // namespace drill

/// Marks a step at which a drill may kill the process. Free of cost outside drills.
inline void crash_point([[maybe_unused]] const char* name) noexcept {
  if constexpr (drills_enabled) drill::reach_crash_point(name);
}

}  // namespace cairn

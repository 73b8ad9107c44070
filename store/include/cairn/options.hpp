// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace cairn {

/// What a committed transaction survives.
enum class Durability {
  power,     ///< kill -9 and power loss: a commit returns once it is on the disk
  process,   ///< kill -9 of any process; after a power cut, opening says errc::power_lost
  deferred,  ///< kill -9 at once, and power loss once its sync is over, which begins within
             ///< Options::deferred_delay, or from `Store::sync` on: a commit returns before, and
             ///< read sections see it once it survives both
};

/// How a store is opened. Sizes are in bytes and rounded up to whole pages.
struct Options {
  /// Chosen when the store is created (power where unset) and fixed then; where it is set and the
  /// store was created for another, opening throws errc::durability_mismatch. `deferred` is a store
  /// of level power in which this process's commits are deferred unless they say otherwise.
  std::optional<Durability> durability = std::nullopt;

  /// How long a deferred commit waits at most for its sync to begin. Less than nothing is taken as
  /// nothing, more than an hour as that.
  std::chrono::milliseconds deferred_delay{8};

  /// Size of a new data file.
  std::uint64_t initial_bytes = 256 << 10;
  /// Most bytes that the data file may grow to, and the address space that each of three views
  /// takes. 0: 256 GiB for a new store. Kept in the store: who opens one that nobody else has open
  /// raises it by asking for more, and nobody lowers it, so where address space is short it is to
  /// be chosen when the store is created. Over 8 TiB: errc::invalid_argument.
  std::uint64_t max_bytes = 0;
  /// Size of a new log ring, rounded up to a power of two within max_log_bytes. It grows for
  /// transactions that need more and, at level power from 1 MiB on, up to 64 MiB where commits fill
  /// it more than twice a second; the last process to close the store gives that back.
  std::uint64_t log_bytes = 1 << 20;
  /// Most that the log may hold: of one transaction, and of commits that read sections at older
  /// states keep out of the data file. The ring is at most the largest power of two within it.
  std::uint64_t max_log_bytes = std::uint64_t{4} << 30;

  /// How long to wait for the write lock, and for another process that is opening the store; zero:
  /// the lock is had at once or not at all. So long, too, a read section waits for a publication
  /// that does not end; zero: as long as it takes.
  std::chrono::milliseconds lock_timeout = std::chrono::seconds(10);
  /// Fence a living process that is in the body of its transaction when the time for the write lock
  /// is over, instead of giving up: see RecoverOptions.
  bool fence_live_owner = false;
  /// How long a resize may take before others may call it stuck.
  std::chrono::milliseconds operation_timeout = std::chrono::seconds(30);
  /// How long a writer waits for read sections at older states, which it only does where it cannot
  /// go on beside them: where the log holds max_log_bytes that they still need, where the file is
  /// to be cut, and where an Atomic is made in reused memory. Zero: as long as it takes.
  std::chrono::milliseconds reader_timeout = std::chrono::seconds(10);

  /// Most bytes of private page copies to keep between transactions. 0: a quarter of memory. One
  /// transaction may change twice as much committed data. Less than 32 KiB is taken as that.
  std::uint64_t private_bytes = 0;
  /// How often a thread of its own renews this process's heartbeat, for programs whose transactions
  /// are rare. Zero: no thread; each transaction and `Store::update_heartbeat` renew it.
  std::chrono::milliseconds heartbeat_interval{0};
  /// Shown to whoever has to wait for this process; the first 23 bytes are kept.
  std::string label = {};
  /// Open a copy of files that were not closed, which otherwise is errc::copied_while_open. Such a
  /// copy is as good as its original where nobody wrote while it was taken, after a crash or in a
  /// snapshot of a whole file system; otherwise it may mix several states: `Store::check` proves
  /// that its structure is sound, not that its content is of one time.
  bool accept_copy = false;
  /// Open what is there of a store of level process that was in use when the power went or the
  /// system crashed, which otherwise is errc::power_lost. The records of its log that are whole are
  /// applied, all of it is examined as `Store::check` does, and errc::corrupt names what is wrong:
  /// nothing has changed then. A store that opens is sound in its structure and an ordinary one
  /// from then on. Its content may be of several times, miss any commits, acknowledged or not, and
  /// be zeros where bytes never reached the disk. It takes as long as `Store::check`, and memory
  /// for the pages that the log changes. Of no effect on a store that lost nothing, and on
  /// `open_read_only`.
  bool accept_power_loss = false;
  /// Create or open the store on whatever file system, which otherwise is
  /// errc::unsupported_file_system where it cannot keep what is promised. At level power that is
  /// one that lives in memory (tmpfs, ramfs) or is some program's (FUSE): the first keeps nothing
  /// over a power cut or restart, the other what its program keeps; a kill takes nothing back on
  /// either, and what is lost may be lost in part. At both levels it is one that other machines
  /// share (NFS, SMB, 9p and the like), where nothing is promised, and where no two machines, nor
  /// the host and its guest, may use the store at once: they do not see each other's locks.
  bool any_file_system = false;
  /// Mode of new files, whatever the umask.
  std::uint32_t permissions = 0600;
  /// Zero blocks as they are handed out, so that nothing freed is ever readable in them.
  bool zero_on_allocate = false;
  /// Compare the whole working view with the marks at each commit and throw errc::unmarked_write
  /// for a change that nothing declared, naming the object, its type, offset and bytes. Slow: for
  /// tests.
  bool verify_writes = false;
};

/// What `Store::recover` may do.
struct RecoverOptions {
  /// End the transaction of a living process that stays in its body: one that is stopped or hangs.
  /// It does not lose its store, only that transaction: whatever it tries next says errc::fenced,
  /// and then it can begin another. Until it notices, the state that it sees may change under it.
  bool fence_live_owner = false;
  /// How long that body must have been seen to go on.
  std::chrono::milliseconds fence_after{100};
};

/// How far `Store::snapshot` has come.
struct SnapshotProgress {
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;  ///< of the new data file
  /// The file system lets the new file share the blocks of the old one, so nothing was copied.
  bool shares_blocks = false;
};

/// How `Store::snapshot` goes about it.
struct SnapshotOptions {
  /// Let the new data file share the blocks of the old one where the file system can: then it is
  /// there at once and takes up no room until one of the two changes. Both promise less on a full
  /// disk from then on: the first change of a shared block takes a new one, and where there is none
  /// the process that makes it is killed by SIGBUS. No commit is lost by that.
  bool share_blocks = true;
  /// Called as the copy goes on, and once more when all of it is on the disk and only the names are
  /// left to be given. What it throws ends the snapshot, of which nothing is left behind.
  std::function<void(const SnapshotProgress&)> progress = {};
};

}  // namespace cairn

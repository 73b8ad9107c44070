// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "cairn/error.hpp"
#include "cairn/options.hpp"
#include "cairn/reports.hpp"
#include "cairn/transaction.hpp"

namespace cairn {

/// A persistent heap in a file, shared by processes: objects that outlive them, changed in
/// transactions that happen wholly or not at all.
///
/// Copies of a handle, and handles from opening one file several times, share one store: what the
/// later ones ask for in their Options is checked, but the first one's are in force.
///
/// Once the store is closed, and in a child of fork(2), every call on a handle but `path` throws
/// errc::closed or errc::forked.
///
/// Threads: any number at once. One write transaction at a time runs in all processes together;
/// read sections run beside it.
class Store {
 public:
  /// Opens the store at `path`, creating it where there is none and recovering it where its last
  /// user died. Beside the data file `path` stands its log, `path` + "-log".
  ///
  /// Throws: errc::not_a_store, empty_file, is_directory, not_a_regular_file, version_mismatch,
  ///         truncated, corrupt, permission_denied, not_found (its log, or the directory that it is
  ///         to stand in), no_space, power_lost, durability_mismatch, too_many_processes, timeout
  ///         (another process is opening it), unsupported_file_system, invalid_argument (an
  ///         option), io.
  static Store open(const std::string& path, const Options& options = {});
  /// The same where no store may be there yet; throws errc::already_exists otherwise.
  static Store create(const std::string& path, const Options& options = {});
  /// The same where a store must be there; throws errc::not_found otherwise.
  static Store open_existing(const std::string& path, const Options& options = {});

  /// Opens a store that is there for reading only, also from a read-only mount, from media that
  /// take no writes, and without permission to write.
  ///
  /// Where no other process has it open, both files stay as they are to the byte, and whoever wants
  /// to write waits, up to its lock_timeout, until the last such handle is closed. Where another
  /// process has it open, this one joins it as a reader, which takes permission to write: readers
  /// mark in the file what they read. Any call that would change the store throws errc::read_only.
  ///
  /// Throws: errc::needs_recovery where the last writer died in a transaction or before its commits
  ///         were in the heap; permission_denied or read_only where another process has the store
  ///         open and this one may not write; timeout; not_found, and the errors of `open`.
  static Store open_read_only(const std::string& path, const Options& options = {});

  /// Runs `body(WriteTransaction&)` and commits; returns what it returns. Rolls back where it
  /// throws.
  template <class Body>
  auto write(Body&& body) {
    return run_write(std::forward<Body>(body), [](WriteTransaction& tx) { tx.commit(); });
  }
  template <class Body>
  auto write(Durability durability, Body&& body) {
    return run_write(std::forward<Body>(body),
                     [durability](WriteTransaction& tx) { tx.commit(durability); });
  }
  /// Runs `body(const ReadTransaction&)` on the newest state; returns what it returns.
  template <class Body>
  auto read(Body&& body) const {
    const ReadTransaction section = begin_read();
    return std::forward<Body>(body)(section);
  }

  /// Makes the root `name`, an Old, a New in one transaction: `make` is called as `New make(Old&)`
  /// or, with a New made by default, as `make(Old&, New&)`, and may leave the Old empty, by moving
  /// what it holds into the New. Then the Old is destroyed and the New has its name.
  ///
  /// False, and nothing is done, where there is no such root or it is a New already: a program can
  /// ask for this at every start. The New stands elsewhere than the Old did, so Ptrs and Refs to
  /// the root itself are `make`'s to mend; those to objects in boxes that it moves hold. Of an
  /// Atomic in the Old, changes made after `make` read it go with it.
  ///
  /// Throws: errc::type_mismatch where the root is neither; what `make` throws, and the errors of a
  ///         commit: nothing changed then.
  template <class Old, class New, class Migrate>
  bool migrate(std::string_view name, Migrate&& make) {
    return write([&](WriteTransaction& tx) { return tx.migrate<Old, New>(name, make); });
  }

  /// Waits for the write lock, up to Options::lock_timeout.
  ///
  /// Throws: errc::timeout, naming the holder and what it is at. errc::write_inside_read within a
  /// read section of
  ///         this thread, errc::transaction_active within a write transaction of it. errc::closed,
  ///         forked.
  WriteTransaction begin_write();
  /// Two uncontended atomic operations; waits only while a commit is being applied. Where sections
  /// at older states hold commits back, a private view of the newest is made ready first, at the
  /// price of the records that are held back, or of those that came since the last such view.
  ///
  /// Throws: errc::closed, errc::forked; errc::too_many_processes where all reader lanes are taken;
  ///         errc::timeout where a publication has not ended after Options::lock_timeout (zero:
  ///         never); the errors of taking over where the publisher died.
  ReadTransaction begin_read() const { return {*engine_, *lanes_}; }

  /// Returns once every commit of this process that was deferred before is on the disk and visible
  /// to new read sections; and with them what a process that died has left unsynced. Does nothing
  /// in a store of level process, where closing alone makes anything safe against a power cut.
  ///
  /// Throws: errc::io where a sync failed, of whichever process: the store refuses writes then, and
  ///         opening it again tells which of the last commits survive. closed, forked.
  /// Complexity: one sync, shared with whoever waits for one.
  void sync();
  /// Brings what is committed by now into the data file, so that the log before it is free. At
  /// Durability::power others commit meanwhile, and where half of a log of 1 MiB or more is used it
  /// comes by itself, in a thread of the library's own. Waits for the write lock twice, for a
  /// moment.
  ///
  /// Throws: what begin_write throws; errc::io where a sync failed.
  /// Complexity: at Durability::power what changed since the last checkpoint is written and synced.
  void checkpoint();
  /// Closes the store for every handle of this process and reports what goes wrong. The last
  /// process to close writes everything into the data file, empties the log and gives back what
  /// that grew by. Then the files can be copied, and a store of Durability::process outlives the
  /// next power cut.
  ///
  /// Waits for a transaction of another thread of this process, but not for one of another process:
  /// that one closes later, and does then what this one leaves to it.
  ///
  /// Letting the last handle go only releases the store, as a kill does: no commit is lost and the
  /// next one to open it goes on, but the files are those of a store in use. Programs that end in
  /// order call `close`.
  ///
  /// Throws: errc::transaction_active where a transaction or section of this thread, or a section
  ///         of another, is open; timeout. errc::io where a sync fails, and, with the store closed,
  ///         where one failed before, of whichever process.
  /// Complexity: as `checkpoint`, for the last process.
  void close();

  /// Writes a new store at `path`, data file and log, that holds what a read section sees which
  /// begins now: every commit that such a one sees, by whichever process, and nothing in part.
  /// Those that are deferred and not yet durable are not among them (`sync`). Readers and writers,
  /// of this process and others, go on meanwhile. Within a read section of this thread it holds
  /// what that one sees. Returns the sequence number of the state.
  ///
  /// The new store is a store of its own, closed, of the same durability and limit and as long as
  /// its heap; this handle's Options say its permissions and the length of its log. It goes on
  /// counting from the same sequence. An Atomic has the value of some moment of the copy, each on
  /// its own.
  ///
  /// Nothing is overwritten, and both files are on the disk before either has a name, whatever the
  /// durability: a kill or a power cut leaves no store at `path` or a whole one.
  ///
  /// Until all is copied it is a read section that stays: what is committed meanwhile waits in the
  /// log, and past Options::max_log_bytes commits wait for it, up to Options::reader_timeout.
  /// Sharing blocks (SnapshotOptions) takes no longer than writing out what is not on the disk yet.
  ///
  /// Throws: errc::already_exists, is_directory, not_a_regular_file, not_found (the directory),
  ///         permission_denied, read_only, no_space, too_large, io, timeout (another process is
  ///         creating a store there, or as `begin_read`): nothing is left at `path`.
  ///         errc::transaction_active within a write transaction of this thread. errc::closed,
  ///         forked.
  /// Complexity: O(heap), or O(its extents) where blocks are shared, and four syncs.
  std::uint64_t snapshot(const std::string& path, const SnapshotOptions& how = {}) const;

  /// Sequence number of the newest commit that a new read section sees: 1 for a new store, one more
  /// for each commit.
  std::uint64_t sequence() const;
  /// Waits until there is a commit after `sequence`, by whichever process, or the time is over.
  /// Returns the newest sequence number. Takes over from a writer that dies meanwhile, and syncs
  /// deferred commits that nobody has synced for 100 ms, unless this thread is in a read section.
  ///
  /// Throws: errc::closed, forked; errc::io, corrupt where taking over fails.
  std::uint64_t wait_for_change(std::uint64_t sequence, std::chrono::nanoseconds timeout) const;

  std::uint64_t size() const;   ///< bytes of the data file
  std::uint64_t used() const;   ///< bytes in live blocks; O(file size / 64 KiB)
  std::uint64_t limit() const;  ///< most bytes that the data file may grow to

  /// Makes the data file `bytes` long ahead of need, or shorter as far as its end is free.
  /// Throws errc::no_space, too_large: nothing changed.
  void resize_file(std::uint64_t bytes);
  /// Gives the free end of the data file back; returns how many bytes that were.
  std::uint64_t shrink_to_usage();

  /// The change of the file's length that is under way, and whether it is past its deadline; none
  /// where nobody is at one. A transaction that made the file grow is at it until it ends.
  std::optional<ResizeInfo> check_operation_timeout() const;
  /// Brings a change of the file's length to its end that nobody else will: of a process that died,
  /// whose growth is cut off again or whose shrinking is finished; and of one that lives but is
  /// past its deadline, which is fenced as `recover` can do. Leaves any other alone.
  ///
  /// Throws: errc::timeout where the one past its deadline cannot be fenced, naming it.
  RecoveryReport cleanup_failed_resize();

  /// Takes over from a writer that died, if there is one, and from one that lives as `how` says.
  ///
  /// Throws: errc::timeout, naming the process that has the write lock and what it is at: it is not
  ///         to be fenced, is committing, or an earlier fenced transaction is not over.
  ///         errc::no_space where sections fill the log, in which what is set aside is noted.
  RecoveryReport recover(const RecoverOptions& how = {});
  /// What opening the store had to do.
  RecoveryReport last_recovery() const;
  /// The processes that have the store open, and those that died and were not cleared away yet.
  std::vector<ProcessInfo> processes() const;
  /// A sign of progress for the process table, as each write transaction is one. Nobody is evicted
  /// for the lack of it.
  void update_heartbeat();
  /// Examines header, log, allocator, catalog and every object that a root reaches.
  /// Complexity: one pass over the store, in a read section.
  CheckReport check() const;

  const std::string& path() const;
  Durability durability() const;
  /// True where this handle came from `open_read_only`.
  bool read_only() const noexcept { return read_only_; }

 private:
  explicit Store(std::shared_ptr<Engine> engine, bool read_only = false);
  void require_writable() const;

  template <class Body, class Commit>
  auto run_write(Body&& body, Commit commit) {
    WriteTransaction tx = begin_write();
    using Result = std::invoke_result_t<Body, WriteTransaction&>;
    if constexpr (std::is_void_v<Result>) {
      std::forward<Body>(body)(tx);
      commit(tx);
    } else {
      auto result = std::forward<Body>(body)(tx);
      commit(tx);
      return result;
    }
  }

  std::shared_ptr<Engine> engine_;
  ReaderLanes* lanes_;  ///< the engine's, so that entering a section needs no call
  bool read_only_;
};

}  // namespace cairn

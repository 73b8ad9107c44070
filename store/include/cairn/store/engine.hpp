// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cairn/allocator/write_context.hpp"
#include "cairn/mapping/directory_entry.hpp"
#include "cairn/mapping/file.hpp"
#include "cairn/options.hpp"
#include "cairn/recovery/header_format.hpp"
#include "cairn/recovery/log_ring.hpp"
#include "cairn/recovery/meta_slots.hpp"
#include "cairn/reports.hpp"
#include "cairn/store/heartbeat.hpp"
#include "cairn/store/process_table.hpp"
#include "cairn/store/reader_lanes.hpp"
#include "cairn/store/write_lock.hpp"

namespace cairn {

/// What the records up to some position of the log amount to.
struct LogState {
  std::uint64_t position = 0;    ///< behind the last record
  std::uint64_t sequence = 0;    ///< of the last record
  std::uint64_t heap_end = 0;    ///< bytes
  std::uint64_t file_bytes = 0;  ///< committed length of the data file
  /// Largest heap end of any record since the checkpoint: pages below it may be written by replay.
  std::uint64_t reach = 0;
};

/// Where replay begins.
inline LogState checkpoint_state(const MetaSlot& meta) noexcept {
  return {meta.checkpoint_position, meta.checkpoint_sequence, meta.heap_end, meta.file_bytes,
          meta.heap_end};
}

enum class OpenMode { open_or_create, create, open_existing };

/// One process's share in one store: both files, the three views, and the protocol between
/// transactions, log and shared image. `Store` and the transaction classes are its public face.
///
/// Invariants:
///  1. The shared image changes only by applying records, on fresh pages, which no record that was
///     published makes reachable, and in the lines of Atomics.
///  2. A record is applied only once it is appended (and, at Durability::power, synced).
///  3. The log tail is stored after all bytes that it covers; it alone decides that a commit
///     happened.
///  4. At the begin of a transaction everything appended is published, and the working view shows
///     it.
///  5. The ring's bytes before the checkpoint are overwritten only after a meta slot names it.
///  6. The line of an Atomic is marked by the transaction that makes it and, at most, by the one
///     that ends it or makes something else of its bytes, so no record in between holds it.
///     Meanwhile it changes in the shared image alone, at any time, and private copies of it mean
///     nothing.
///
/// Threads: lanes by any; the rest by the one that holds the write lock, which begin_write takes.
class Engine final : private HeapSpace {
 public:
  /// The engine for the file at `path`, the same one for every handle of this process.
  static std::shared_ptr<Engine> open(const std::string& path, const Options& options,
                                      OpenMode mode);
  /// The same for handles that only read: one that holds the files still where nobody else is
  /// attached, and one that is attached as the others are where somebody is.
  static std::shared_ptr<Engine> open_read_only(const std::string& path, const Options& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void begin_write();
  /// Throws errc::replaced where data file or log are no longer what stands under their names: what
  /// is written from then on, nobody who opens the store would find. Looked at in up to
  /// `path_checks_each_tick` transactions a tick of the coarse clock, so that it costs what a
  /// hundredth of them costs at most. Requires: between begin_write and the transaction's end.
  void require_own_paths() {
    if (table_.last_beat_ns() == paths_checked_ns_ && path_checks_left_ == 0) [[likely]]
      return;
    check_paths();
  }
  /// Ends the transaction, whether it returns or throws: by rolling back unless the record was
  /// appended.
  std::uint64_t commit(Durability durability);
  void rollback() noexcept;
  /// Where read sections begin and end.
  ReaderLanes& lanes() noexcept { return lanes_; }

  /// Empties the log. `close` does so too where no other process is attached.
  void checkpoint();
  void close();
  /// Makes the data file `bytes` long, or as short as its content allows.
  void resize_file(std::uint64_t bytes);
  std::uint64_t shrink_to_usage();
  /// Waits until the published sequence is above `sequence`; returns it, newer or not.
  std::uint64_t wait_for_change(std::uint64_t sequence, std::chrono::nanoseconds timeout);
  RecoveryReport recover();

  const std::string& path() const noexcept override { return data_.path(); }
  Durability durability() const noexcept;
  WriteContext& context() noexcept { return context_; }
  /// The committed bytes, for sections.
  const std::byte* read_base() const noexcept { return read_view_.data(); }
  std::uint64_t published_heap_end() const noexcept {
    return live_.heap_end.load(std::memory_order_relaxed);
  }
  std::uint64_t sequence() const noexcept {
    return live_.published.load(std::memory_order_acquire);
  }
  std::uint64_t file_bytes() const {
    require_open();
    return data_.size();
  }
  std::uint64_t limit_bytes() const noexcept;
  std::uint64_t transaction_heap_end() const noexcept { return heap_end_; }
  const Identity& identity() const noexcept { return identity_; }
  MetaSlot newest_meta() const;
  /// Parses every record from the checkpoint to the tail. Throws errc::corrupt for one that is
  /// damaged. Beside writers that go around the ring faster than it is read, it leaves those out
  /// that have become superfluous meanwhile.
  void examine_log() const;
  std::uint64_t log_position() const noexcept {
    return live_.log_tail.load(std::memory_order_acquire);
  }
  std::vector<ProcessInfo> processes() const;
  ProcessTable& process_table() noexcept { return table_; }
  /// Of the last recovery or takeover that came to its end.
  RecoveryReport last_recovery() const {
    const std::lock_guard guard(report_mutex_);
    return reported_recovery_;
  }
  /// True where `p` lies in a view of this store.
  bool is_in_read_view(const void* p) const noexcept;
  SharedImage shared_image() const noexcept;
  bool is_in_working_view(const void* p) const noexcept { return context_.contains(p); }
  /// Throws errc::closed or forked where this handle cannot be used.
  void require_open() const {
    // Relaxed: closing or forking while another thread works with the store is that program's race.
    if (condition_.load(std::memory_order_relaxed) != Condition::open) [[unlikely]]
      throw_not_open();
  }
  /// In a forked child: the handle is the parent's.
  void abandon_in_child() noexcept;

 private:
  /// Frozen: nobody changes the files, this process neither, so it has its live words, table and
  /// lanes in a copy of the header and needs no permission to write.
  enum class Access : std::uint8_t { attached, frozen };
  enum class Company : std::uint8_t { any, others };

  Engine(File data, File locks, const Identity& identity, const MetaSlot& meta,
         const Options& options, std::uint64_t reach_bytes, Access access);
  /// Nothing where the file under the path changed meanwhile, or where `wanted` says that others
  /// have to be attached and none is.
  static std::shared_ptr<Engine> attach(const std::string& path, const Options& options,
                                        Company wanted);
  static std::shared_ptr<Engine> attach_frozen(const std::string& path, const Options& options);
  static std::shared_ptr<Engine> attach_reader(const std::string& path, const Options& options);
  bool is_frozen() const noexcept { return access_ == Access::frozen; }

  // reading what nobody changes: engine_read_only.cpp
  void freeze();
  void require_nothing_to_replay();

  // attaching and recovering: engine_recovery.cpp
  void recover_alone();
  void join_others();
  bool live_words_are_trustworthy() const;
  void replay(bool trusted);
  void sync_log_before_showing(const RecordView& record, bool& synced);
  void replay_record(const RecordView& record, bool apply);
  void require_pages_of(const RecordView& record) const;
  void discard_torn_append();
  void restart_log();
  void reset_live_words();
  void catch_up();
  void take_over();
  void repair_publication();
  void publish_for_the_dead();
  void report_recovery();
  void reload_meta();
  void cut_file();
  std::optional<std::uint64_t> find_damaged_record(const MetaSlot& meta, std::uint64_t tail) const;

  // committing: engine_commit.cpp
  void prepare_transaction(const WriteLock::Grant& grant);
  void release_after_failure(const WriteLock::Grant& grant) noexcept;
  void collect_lines();
  void add_fresh_pages();
  void verify_marks() const;
  void make_room_in_log(std::uint64_t bytes);
  RecordView append();
  void publish(const RecordView& record);
  void wake_change_waiters() noexcept;
  void end_transaction() noexcept;
  void restore_lines() noexcept;
  RecordView append_durably();
  void sync_or_fail(const File& file);
  void write_checkpoint(bool clean) { write_checkpoint(clean, meta_.log_bytes); }
  void write_checkpoint(bool clean, std::uint64_t log_bytes);
  void mark_unclean();

  // HeapSpace
  std::uint64_t heap_end() const noexcept override { return heap_end_; }
  void extend_heap(std::uint64_t bytes) override;
  void shrink_heap(std::uint64_t bytes) override { heap_end_ = bytes; }
  void grow_file(std::uint64_t bytes);
  void grow_file_to(std::uint64_t bytes);
  void commit_and_cut();

  void check_paths();
  [[noreturn]] void throw_not_open() const;
  void require_not_failed() const;
  bool survives_power() const noexcept { return identity_.durability == StoredDurability::power; }
  void advance(const RecordView& record) noexcept;

  // fixed once constructed
  File data_;
  /// Opened once more, for locks alone: they last as long as their open file, and a mapping keeps
  /// that open in every child of fork(2), also when this process has died.
  File locks_;
  const Access access_;
  ByteLock frozen_lock_;  ///< keeps away whoever would attach to write
  /// Every handle is for reading only.
  std::atomic<bool> only_reads_{false};
  DirectoryEntry data_entry_;
  DirectoryEntry log_entry_;
  FileId data_id_;
  Identity identity_;
  Options options_;
  std::uint64_t seed_;
  std::uint64_t reach_bytes_;
  Reservation read_view_;
  Reservation window_;
  LiveWords& live_;
  ProcessTable table_;
  ReaderLanes lanes_;
  WriteLock lock_;
  Heartbeat heartbeat_;
  enum class Condition : std::uint8_t { open, closed, forked };
  std::atomic<Condition> condition_{Condition::open};
  std::mutex closing_mutex_;

  // guarded by the write lock
  LogRing log_;
  FileId log_id_;
  MetaSlot meta_;
  WriteContext context_;
  LogState state_;  ///< what the working view shows outside transactions
  RecoveryReport last_recovery_;
  static constexpr std::uint32_t path_checks_each_tick = 16;
  std::uint64_t paths_checked_ns_ = 0;
  std::uint32_t path_checks_left_ = 0;

  mutable std::mutex report_mutex_;
  RecoveryReport reported_recovery_;  ///< guarded by report_mutex_

  // of the running transaction
  std::uint64_t heap_end_ = 0;
  std::uint64_t file_bytes_ = 0;
  std::vector<PageEntry> entries_;
  std::uint64_t line_count_ = 0;
  bool resizing_ = false;
};

}  // namespace cairn

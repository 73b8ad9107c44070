// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cairn/allocator/write_context.hpp"
#include "cairn/heap_bytes.hpp"
#include "cairn/mapping/directory_entry.hpp"
#include "cairn/mapping/file.hpp"
#include "cairn/options.hpp"
#include "cairn/recovery/header_format.hpp"
#include "cairn/recovery/log_ring.hpp"
#include "cairn/recovery/meta_slots.hpp"
#include "cairn/reports.hpp"
#include "cairn/store/data_sync.hpp"
#include "cairn/store/deferred_commits.hpp"
#include "cairn/store/group_sync.hpp"
#include "cairn/store/heartbeat.hpp"
#include "cairn/store/log_state.hpp"
#include "cairn/store/overlays.hpp"
#include "cairn/store/process_table.hpp"
#include "cairn/store/reader_lanes.hpp"
#include "cairn/store/write_lock.hpp"

namespace cairn {

enum class OpenMode { open_or_create, create, open_existing };

/// One process's share in one store: both files, the three views, and the protocol between
/// transactions, log and shared image. `Store` and the transaction classes are its public face.
///
/// Invariants:
///  1. The shared image changes only by applying records, on fresh pages, which no record that was
///     published makes reachable, and in the lines of Atomics.
///  2. A record is applied to the shared image, and read by sections, only once it is appended and,
///     at Durability::power, synced.
///  3. The log tail is stored after all bytes that it covers; it alone decides that a commit
///     happened.
///  4. At the begin of a transaction the working view shows everything appended: what is not in the
///     shared image, because sections keep it out or no sync has covered it yet (`shown_` to
///     `state_`), stands in private pages. All that is durable is visible. Where nothing is kept
///     back, lines that equal the shared image need not be logged.
///  5. The ring's bytes before the checkpoint are overwritten only after a meta slot names it.
///  6. The line of an Atomic is marked by the transaction that makes it and, at most, by the one
///     that ends it or makes something else of its bytes, so no record in between holds it.
///     Meanwhile it changes in the shared image alone, at any time, and private copies of it mean
///     nothing. A record that makes one where the shared image has something else is visible only
///     once it is published.
///  7. The log is freed up to what the shared image shows, never further; at Durability::power, up
///     to what it showed before a sync of the data file began that is over.
///  8. A commit gives the write lock back before its sync, so that others share that, unless its
///     record makes an Atomic or has more than the log to be synced. So whoever has the lock may
///     work over a state that a power cut takes back; it learns that its own transaction has ended
///     only once that state is durable.
///  9. Who waits for a sync needs no lock to learn that its commit is visible: `visible` is raised
///     by the one who has the write lock or, over durable records that make no Atomic, by anybody,
///     and lowered only by who has the lock, from a record that makes one.
///
/// Threads: lanes and waiting for syncs by any; the rest by the one that holds the write lock,
/// which begin_write takes.
class Engine final : private HeapSpace,
                     private ReaderLanes::Host,
                     private GroupSync::Host,
                     private DeferredCommits::Host,
                     private DataSync::Host {
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
  /// The same without becoming active: for work that nobody may interrupt.
  void begin_guarded() { begin_guarded(usual_patience()); }
  WriteLock::Grant begin_guarded(const WriteLock::Patience& patience);
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
  /// Returns once all that this process committed is durable, and sections see it.
  void sync();
  /// Where read sections begin and end.
  ReaderLanes& lanes() noexcept { return lanes_; }

  /// Frees the log up to now, beside commits. `close` empties it where no other process is
  /// attached.
  void checkpoint();
  void close();
  /// Writes a new store at `path` that holds one committed state; returns its sequence.
  std::uint64_t snapshot(const std::string& path, const SnapshotOptions& how);
  /// Makes the data file `bytes` long, or as short as its content allows.
  void resize_file(std::uint64_t bytes);
  std::uint64_t shrink_to_usage();
  std::optional<ResizeInfo> resize_under_way() const;
  RecoveryReport cleanup_failed_resize();
  /// Waits until the published sequence is above `sequence`; returns it, newer or not.
  std::uint64_t wait_for_change(std::uint64_t sequence, std::chrono::nanoseconds timeout);
  RecoveryReport recover(const RecoverOptions& how);

  const std::string& path() const noexcept override { return data_.path(); }
  Durability durability() const noexcept;
  WriteContext& context() noexcept { return context_; }
  /// The committed bytes that a section of this thread sees.
  HeapBytes section_bytes(const ThreadLane& section) const noexcept {
    if (section.overlay != nullptr) [[unlikely]] {
      return {section.overlay->base(), section.overlay->heap_end(), heap_begin};
    }
    // Relaxed: released by `published`, which the section acquired.
    return {read_view_.data(), live_.heap_end.load(std::memory_order_relaxed), heap_begin};
  }
  /// Of the newest commit that a new section sees.
  // Acquire pairs with the releases of who raises it: the records up to there can be read.
  std::uint64_t sequence() const noexcept { return live_.visible.load(std::memory_order_acquire); }
  /// Of the last commit before the running transaction.
  std::uint64_t transaction_sequence() const noexcept { return state_.sequence; }
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
    // Acquire pairs with the release in `append`.
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
  bool is_in_read_view(const void* p) const noexcept { return shared_image(p).bytes != 0; }
  /// The read view or overlay that holds `p`, and the way from there to the window.
  SharedImage shared_image(const void* p) const noexcept;
  bool is_in_working_view(const void* p) const noexcept { return context_.shows(p); }
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
  void settle_in(const MetaSlot& found, bool alone);
  static std::shared_ptr<Engine> attach_frozen(const std::string& path, const Options& options);
  static std::shared_ptr<Engine> attach_reader(const std::string& path, const Options& options);
  bool is_frozen() const noexcept { return access_ == Access::frozen; }

  // reading what nobody changes: engine_read_only.cpp
  void freeze();
  void require_nothing_to_replay();

  bool settle_before_leaving();

  /// Has `work`, which is given the grant, done with the write lock, where nobody may interrupt it.
  /// Nothing is committed.
  template <class Work>
  void do_guarded(const WriteLock::Patience& patience, Work work) {
    const WriteLock::Grant grant = begin_guarded(patience);
    try {
      work(grant);
    } catch (...) {
      rollback();
      throw;
    }
    rollback();
  }
  template <class Work>
  void do_guarded(Work work) {
    do_guarded(usual_patience(), [&](const WriteLock::Grant&) { work(); });
  }

  // attaching and recovering: engine_recovery.cpp
  void recover_alone();
  void require_one_state() const;
  void require_file_reaches(std::uint64_t committed_bytes, std::uint64_t file_bytes) const;
  /// False in a copy of the file that was last written.
  bool is_original() const noexcept { return meta_.inode == 0 || meta_.inode == data_id_.inode; }
  void require_whole_heap() const;
  void join_others();
  bool live_words_are_trustworthy() const;
  void replay(bool trusted);
  void sync_log_before_showing(const RecordView& record, bool& synced);
  void replay_record(const RecordView& record, bool apply);
  std::uint64_t published() const noexcept {
    // Acquire pairs with the release in `apply_to_image`.
    return live_.published.load(std::memory_order_acquire);
  }
  void require_pages_of(const RecordView& record) const;
  void discard_torn_append(std::uint64_t tail);
  void restart_log();
  void reset_live_words();
  LogState catch_up();
  void take_over(const WriteLock::Grant& grant);
  void publish_for_the_dead();
  void settle_for_the_dead();
  void report_recovery();
  /// Of a record that another process has appended, or that this one is about to.
  static constexpr std::uint64_t most_fetched_bytes = 512;
  void fetch_appended() const noexcept;
  void reload_meta();
  void cut_file(std::uint64_t file_bytes);
  std::optional<std::uint64_t> find_damaged_record(const MetaSlot& meta, std::uint64_t tail) const;

  // what the loss of power left: engine_power_loss.cpp
  static MetaSlot read_meta(const File& data, const Identity& identity, bool accepts);
  static bool is_power_lost(const Identity& identity, const MetaSlot& meta) noexcept;
  static void require_power_kept(const Identity& identity, const MetaSlot& meta, bool accepts,
                                 const std::string& path);
  void require_sound_remains() const;
  void keep_remains();

  // the working view between threads, and fencing: engine_fencing.cpp
  WriteLock::Grant acquire_working_view(const WriteLock::Patience& patience);
  // Relaxed: the release of the lock, which comes after it, is what the next thread acquires.
  void give_up_working_view() noexcept { working_view_use_.store(0, std::memory_order_relaxed); }
  void wait_for_fenced_thread(std::chrono::steady_clock::time_point deadline);
  void end_fenced() noexcept;
  [[noreturn]] void throw_fenced() const;
  void require_not_fenced() const;
  WriteLock::Patience usual_patience() const noexcept {
    return {options_.lock_timeout, std::nullopt, options_.fence_live_owner};
  }
  void set_body_aside();
  void settle_quarantine(bool look_for_dead);
  void reserve_quarantine();
  std::uint64_t quarantine_end() const;
  bool is_pinned_by_fenced(bool ask = false);
  bool pins(std::uint64_t body, bool ask);
  void unpin_fenced() noexcept;
  void require_no_ended_atomics() const;
  template <class Change>
  void commit_by_itself(Change change);

  // committing: engine_commit.cpp
  void prepare_transaction(const WriteLock::Grant& grant);
  void release_after_failure(const WriteLock::Grant& grant) noexcept;
  void collect_lines();
  void add_fresh_pages();
  bool has_fresh_atomic() const;
  void verify_marks();
  void verify_marks_against(const HeapBytes& committed) const;
  void end_transaction() noexcept;
  void restore_lines() noexcept;
  void require_committable(Durability durability);
  RecordView append_changes(Durability durability);
  RecordView append_durably();
  bool may_share_sync(const RecordView& record) const;
  void show_at_once(const RecordView& record);

  // checkpoints: engine_checkpoint.cpp
  MetaSlot checkpoint_at(const LogState& covered, std::uint64_t log_bytes) const noexcept;
  void write_checkpoint(bool clean) { write_checkpoint(clean, meta_.log_bytes); }
  void write_checkpoint(bool clean, std::uint64_t log_bytes);
  void name_checkpoint(const LogState& covered, bool clean, std::uint64_t log_bytes);
  void name_covered(const LogState& covered);
  void begin_checkpoint_beside(std::uint64_t bytes, std::uint64_t most);
  void empty_log();
  void mark_unclean();

  // the log: engine_log.cpp
  void make_room_in_log(std::uint64_t bytes);
  /// So far apart checkpoints should be: each has the pages written anew that commits change often.
  static constexpr std::chrono::milliseconds checkpoint_pace{500};
  /// Smaller rings were asked for, and are emptied at once: a sync costs more than it has to write.
  static constexpr std::uint64_t least_paced_ring_bytes = 1 << 20;
  void take_lines_ahead() const noexcept;
  bool may_lengthen_log(std::chrono::steady_clock::time_point now, std::uint64_t most) const;
  bool grow_log_for_pace(std::uint64_t most);
  void grow_log(std::uint64_t ring_bytes);
  void adopt_log(RingMapping mapping) noexcept;
  LogRing::By way_into_log(Durability durability) const noexcept;
  RecordView append(LogRing::By by);

  // publishing, and what sections hold back: engine_publish.cpp
  bool is_held_back() const noexcept { return shown_.sequence != state_.sequence; }
  RecordView appended_after(const LogState& place) const;
  void fetch_behind(const RecordView& record) const noexcept;
  void sync_shown();
  /// How long the first commit that meets an older section waits for it. Most sections are shorter,
  /// and waiting for those costs less than an overlay.
  static constexpr std::chrono::microseconds section_patience{100};
  /// How long a publication that a dead writer had begun waits for sections on their way out.
  static constexpr std::chrono::milliseconds way_out_patience{20};
  enum class PublishOver : std::uint8_t { nobody, fenced_bodies };
  bool is_still_in_the_way();
  bool try_publish(const RecordView& record, std::chrono::nanoseconds patience,
                   PublishOver over = PublishOver::nobody);
  void apply_to_image(const RecordView& record);
  void show(const RecordView& record);
  void show_appended();
  void show_held_back();
  /// True where the record behind `place` is one that others may see.
  bool may_show(const LogState& place) const noexcept {
    return !survives_power() || place.position < group_sync_.durable();
  }
  bool try_help_publication() noexcept;
  void lower_visible();
  void keep_out_of_overlays(std::uint64_t sequence, std::uint64_t visible);
  static bool makes_atomic(const RecordView& record);
  void require_published(const char* consequence, errc code = errc::timeout);
  void apply_to_working_view(const RecordView& record, bool wholly);
  void restore_held_back();
  /// From where on nothing that sections or the log may still show is in a page.
  std::uint64_t fresh_begin() const noexcept {
    return is_held_back() ? state_.reach : state_.heap_end;
  }
  void wake_change_waiters() noexcept;

  // when commits are durable, and who may see them: engine_durability.cpp
  [[noreturn]] void fail_for_all(int system_errno);
  void sync_or_fail(const File& file);
  void sync_header_or_fail();
  void sync_appended();
  void sync_log_now();
  void settle_appended();
  void settle_visible();
  void await_visible(const CommitPlace& commit, GroupSync::Member::Begin begin);
  void raise_visible(std::uint64_t sequence) noexcept;

  // ReaderLanes::Host
  void repair_publication() override;
  void help_publication() noexcept override { try_help_publication(); }
  std::string describe_writer() const override { return lock_.describe_owner(); }
  bool open_overlay(ThreadLane& mine, std::uint64_t published, std::uint64_t visible) override;
  void close_overlay(Overlay& overlay) noexcept override;

  // GroupSync::Host
  void sync_log() override;
  void require_not_failed() const override;
  void log_synced() noexcept override;

  // DeferredCommits::Host
  void settle(const CommitPlace& commit) noexcept override;

  // DataSync::Host
  void sync_data() override;

  // HeapSpace
  std::uint64_t heap_end() const noexcept override { return heap_end_; }
  void extend_heap(std::uint64_t bytes) override;
  void shrink_heap(std::uint64_t bytes) override { heap_end_ = bytes; }
  void grow_file(std::uint64_t bytes);
  void grow_file_to(std::uint64_t bytes);
  void settle_failed_growth(int failure, std::uint64_t bytes);
  void record_resize(ResizeState state, std::uint64_t old_bytes, std::uint64_t new_bytes);
  void commit_and_cut();
  void cut_published_file();

  void check_paths();
  [[noreturn]] void throw_not_open() const;
  bool survives_power() const noexcept { return identity_.durability == StoredDurability::power; }
  static void advance(LogState& state, const RecordView& record) noexcept;

  // fixed once constructed
  File data_;
  /// Opened once more, for locks: they last as long as their open file, and a mapping keeps that
  /// open in every child of fork(2), also when this process has died. And for syncs beside those of
  /// who has the write lock, which are told of errors by themselves.
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
  GroupSync group_sync_;
  DeferredCommits deferred_;
  DataSync data_sync_;
  enum class Condition : std::uint8_t { open, closed, forked };
  std::atomic<Condition> condition_{Condition::open};
  std::mutex closing_mutex_;

  // guarded by the write lock
  LogRing log_;
  /// For who syncs the log without the write lock: until it is let go the log's mapping stays.
  /// Whoever takes it takes no other lock.
  std::mutex log_mapping_;
  FileId log_id_;
  MetaSlot meta_;
  std::optional<std::array<MetaSlot, meta_slots>> checked_slots_;  ///< that `meta_` was taken from
  WriteContext context_;
  LogState state_;    ///< what the working view shows outside transactions
  LogState shown_;    ///< what the shared image shows, as far as this process knows
  LogState visible_;  ///< what new sections see, as far as this process knows
  std::chrono::steady_clock::time_point ring_was_full_;
  std::chrono::steady_clock::time_point beside_began_;
  std::uint64_t beside_judged_ = 0;  ///< checkpoint behind which one beside was begun, or was not
  std::chrono::steady_clock::time_point no_room_until_;  ///< for a longer ring
  bool stale_pages_ = false;  ///< private pages are a fenced transaction's
  std::uint32_t quarantine_looks_ = 0;
  std::uint32_t pin_looks_ = 0;
  RecoveryReport last_recovery_;
  static constexpr std::uint32_t path_checks_each_tick = 16;
  std::uint64_t paths_checked_ns_ = 0;
  std::uint32_t path_checks_left_ = 0;

  Overlays overlays_;

  mutable std::mutex report_mutex_;
  RecoveryReport reported_recovery_;  ///< guarded by report_mutex_

  std::atomic<std::uint64_t> unsynced_position_{0};  ///< of the log, seen at
  std::atomic<std::uint64_t> unsynced_since_ns_{0};  ///< uptime_ns()

  /// 0: no transaction of this process uses the working view, 1: one does, 2: and others wait for
  /// it. Stored by the holder of the write lock, unless that was fenced: then it has the view still
  /// and not the lock, and no other thread may have it until its body ends.
  std::atomic<std::uint32_t> working_view_use_{0};

  // of the running transaction
  std::uint64_t epoch_ = 0;  ///< of the write lock
  std::uint64_t heap_end_ = 0;
  std::uint64_t file_bytes_ = 0;
  std::vector<PageEntry> entries_;
  std::uint64_t line_count_ = 0;
  std::uint64_t set_aside_end_ = 0;  ///< fresh pages before it are another process's
  bool data_synced_ = false;         ///< its fresh pages are on the disk, and not in its record
  bool resizing_ = false;
};

}  // namespace cairn

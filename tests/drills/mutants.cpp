// SPDX-License-Identifier: BSL-1.0
#include "mutants.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <system_error>

#include "cairn/mapping/file.hpp"
#include "cairn/recovery/checksum.hpp"
#include "cairn/recovery/log_format.hpp"
#include "cairn/recovery/meta_slots.hpp"
#include "cairn/recovery/record.hpp"
#include "cairn/types/atomic_format.hpp"
#include "cut.hpp"
#include "soak.hpp"
#include "soak_state.hpp"
#include "takeover.hpp"

namespace cairn::drills {
namespace {

constexpr std::uint64_t tail_offset = live_words_offset + offsetof(LiveWords, log_tail);
constexpr std::uint64_t published_offset = live_words_offset + offsetof(LiveWords, published);
constexpr std::uint64_t visible_offset = live_words_offset + offsetof(LiveWords, visible);

/// The files of a store changed behind the library's back. What is written here shows at once in
/// every mapping.
class Tamperer {
 public:
  explicit Tamperer(const std::string& path)
      : data_(::open(path.c_str(), O_RDWR | O_CLOEXEC)),
        log_(::open((path + "-log").c_str(), O_RDWR | O_CLOEXEC)) {
    if (data_ < 0 || log_ < 0) throw std::system_error(errno, std::generic_category(), path);
  }
  Tamperer(const Tamperer&) = delete;
  Tamperer& operator=(const Tamperer&) = delete;
  ~Tamperer() {
    ::close(data_);
    ::close(log_);
  }

  std::uint64_t word(std::uint64_t offset) const {
    std::uint64_t value = 0;
    read(data_, offset, &value, sizeof value);
    return value;
  }
  void set_word(std::uint64_t offset, std::uint64_t value) const {
    write(data_, offset, &value, sizeof value);
  }
  std::array<std::byte, page_bytes> header() const {
    std::array<std::byte, page_bytes> bytes{};
    read(data_, 0, bytes.data(), bytes.size());
    return bytes;
  }
  /// What was made first stands in there.
  std::vector<std::byte> first_mebibyte() const {
    std::vector<std::byte> bytes(1 << 20);
    // The file may be shorter, and may be cut meanwhile.
    const ssize_t found = ::pread(data_, bytes.data(), bytes.size(), 0);
    if (found < 0) throw std::system_error(errno, std::generic_category(), "pread");
    bytes.resize(static_cast<std::size_t>(found));
    return bytes;
  }
  void write_data(std::uint64_t offset, const void* from, std::size_t bytes) const {
    write(data_, offset, from, bytes);
  }
  void write_log(std::uint64_t offset, const void* from, std::size_t bytes) const {
    write(log_, offset, from, bytes);
  }
  MetaSlot meta() const {
    Identity identity{};
    read(data_, 0, &identity, sizeof identity);
    return newest_meta(header(), checksum_seed(identity.uuid), "the mutant's store");
  }
  std::uint64_t seed() const {
    Identity identity{};
    read(data_, 0, &identity, sizeof identity);
    return checksum_seed(identity.uuid);
  }
  /// The ring from the record at `position` on, unrolled.
  std::vector<std::byte> ring_from(std::uint64_t position) const {
    const std::uint64_t ring = meta().log_bytes;
    std::vector<std::byte> bytes(ring);
    const std::uint64_t place = position % ring;
    read(log_, log_ring_offset + place, bytes.data(), ring - place);
    read(log_, log_ring_offset, bytes.data() + (ring - place), place);
    return bytes;
  }

 private:
  static void read(int file, std::uint64_t offset, void* to, std::size_t bytes) {
    if (::pread(file, to, bytes, static_cast<off_t>(offset)) != static_cast<ssize_t>(bytes)) {
      throw std::system_error(errno, std::generic_category(), "pread");
    }
  }
  static void write(int file, std::uint64_t offset, const void* from, std::size_t bytes) {
    if (::pwrite(file, from, bytes, static_cast<off_t>(offset)) != static_cast<ssize_t>(bytes)) {
      throw std::system_error(errno, std::generic_category(), "pwrite");
    }
  }

  int data_;
  int log_;
};

void publish_before_the_tail(std::string_view point, const std::string& path) {
  if (point != "append.before_tail") return;
  const Tamperer store(path);
  const std::uint64_t position = store.word(tail_offset);
  const std::vector<std::byte> ring = store.ring_from(position);
  const auto record = RecordView::parse_trusted(ring, position);
  if (!record) return;
  // Half of it, as far as it had come.
  bool turn = false;
  record->apply([](std::uint64_t) { return true; },
                [&](std::uint64_t offset, const std::byte* from, std::size_t bytes) {
                  turn = !turn;
                  if (turn) store.write_data(offset, from, bytes);
                });
}

void withhold_the_tail(std::string_view point, const std::string& path) {
  static std::uint64_t before = 0;
  if (point == "append.before_tail") before = Tamperer(path).word(tail_offset);
  if (point == "append.after_tail") Tamperer(path).set_word(tail_offset, before);
}

void call_it_published_too_early(std::string_view point, const std::string& path) {
  if (point != "publish.raised") return;
  const Tamperer store(path);
  store.set_word(published_offset, store.word(visible_offset));
}

void lose_the_last_line(std::string_view point, const std::string& path) {
  if (point != "append.before_tail") return;
  const Tamperer store(path);
  const std::uint64_t position = store.word(tail_offset);
  const auto record = RecordView::parse_trusted(store.ring_from(position), position);
  if (!record) return;
  const std::array<std::byte, line_bytes> zeros{};
  const std::uint64_t last = (record->end_position() - line_bytes) % store.meta().log_bytes;
  store.write_log(log_ring_offset + last, zeros.data(), zeros.size());
}

void write_slot(const Tamperer& store, MetaSlot meta) {
  ++meta.turn;
  meta.checksum = struct_checksum(meta, store.seed());
  store.write_data(meta_slot_offset + meta.turn % 2 * meta_slot_stride, &meta, sizeof meta);
}

void checkpoint_what_is_not_published(std::string_view point, const std::string& path) {
  if (point != "append.after_tail") return;
  const Tamperer store(path);
  MetaSlot meta = store.meta();
  meta.checkpoint_position = store.word(tail_offset);
  meta.checkpoint_sequence = store.word(published_offset) + 1;
  write_slot(store, meta);
}

void forget_checkpoints(std::string_view point, const std::string& path) {
  static std::array<std::byte, page_bytes> before{};
  if (point == "meta.begin") before = Tamperer(path).header();
  if (point == "meta.written") {
    Tamperer(path).write_data(meta_slot_offset, before.data() + meta_slot_offset,
                              2 * meta_slot_stride);
  }
}

/// What the dead process had begun to show is taken for shown.
void skip_the_redo(const std::string& path) {
  const Tamperer store(path);
  const std::uint64_t published = store.word(published_offset);
  if (store.word(visible_offset) == published + 1) store.set_word(published_offset, published + 1);
}

void recover_without_redo(std::string_view point, const std::string& path) {
  if (point == "recover.begin") skip_the_redo(path);
}

void take_over_without_redo(std::string_view point, const std::string& path) {
  if (point == "takeover.begin") skip_the_redo(path);
}

/// The Atomics of the soak's threads, which stand in a row, as they are in the shared image.
struct AtomicLines {
  std::uint64_t offset = 0;
  std::vector<std::byte> bytes;
};

AtomicLines lines_of_strokes(const Tamperer& store) {
  constexpr std::uint64_t wanted = sizeof(Strokes);
  const std::vector<std::byte> data = store.first_mebibyte();
  std::uint64_t found = 0;
  for (std::uint64_t at = heap_begin; at + line_bytes <= data.size(); at += line_bytes) {
    found = is_atomic_line(data.data() + at) ? found + line_bytes : 0;
    if (found < wanted) continue;
    const std::uint64_t begin = at + line_bytes - wanted;
    return {begin, {data.data() + begin, data.data() + begin + wanted}};
  }
  return {};
}

/// The lines that a private page had since the transaction began.
void publish_atomics_lines(std::string_view point, const std::string& path) {
  // Of the threads of a process, which take the write lock by turns and may help one another.
  static std::mutex guard;
  static AtomicLines lines;
  if (point != "write.active" && point != "publish.applied") return;
  const std::lock_guard held(guard);
  const Tamperer store(path);
  if (point == "write.active") {
    lines = lines_of_strokes(store);
  } else if (!lines.bytes.empty()) {
    store.write_data(lines.offset, lines.bytes.data(), lines.bytes.size());
  }
}

bool has_name(int descriptor, std::string_view end) {
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
  return length > 0 &&
         std::string_view(path.data(), static_cast<std::size_t>(length)).ends_with(end);
}

int leave_out_log_syncs(const drill::IoOperation& operation) {
  const bool left_out =
      operation.kind == drill::IoKind::sync && has_name(operation.descriptor, "-log");
  return left_out ? drill::pretend_done : 0;
}

int leave_out_data_syncs(const drill::IoOperation& operation) {
  // Not in creation, where the file has no name yet and nothing would be left to be seen.
  const bool left_out =
      operation.kind == drill::IoKind::sync && has_name(operation.descriptor, "/store");
  return left_out ? drill::pretend_done : 0;
}

int leave_out_directory_syncs(const drill::IoOperation& operation) {
  return operation.kind == drill::IoKind::sync_directory ? drill::pretend_done : 0;
}

}  // namespace

const std::vector<Mutant>& all_mutants() {
  static const std::vector<Mutant> mutants = {
      {"publish_before_the_tail", "a record is applied only once it is appended", "numbers",
       &publish_before_the_tail},
      {"withhold_the_tail", "the tail covers a record before it is published", "numbers",
       &withhold_the_tail},
      {"call_it_published_too_early", "a record counts as published once it is applied", "numbers",
       &call_it_published_too_early},
      {"lose_the_last_line", "a record holds every line that changed", "numbers",
       &lose_the_last_line},
      {"checkpoint_what_is_not_published", "a checkpoint names what the shared image shows",
       "numbers", &checkpoint_what_is_not_published},
      {"forget_checkpoints", "the ring is overwritten only once a checkpoint is written",
       "checkpoint", &forget_checkpoints},
      {"recover_without_redo", "recovery applies what was not published", "numbers", nullptr,
       &recover_without_redo},
      {"take_over_without_redo", "an heir applies what was not published", "takeover", nullptr,
       &take_over_without_redo},
      {"acknowledge_early", "a commit returns once it is safe", "numbers", nullptr, nullptr, true},
      {"soak_without_redo", "an heir applies what was not published", "soak", nullptr,
       &take_over_without_redo},
      {"soak_acknowledges_early", "a commit returns once it is safe", "soak", nullptr, nullptr,
       true},
      {"soak_publishes_atomics", "an Atomic's line is not published from a private page", "soak",
       nullptr, &publish_atomics_lines},
      {"cut_without_log_syncs", "a commit is on the disk before it is told of", "cut", nullptr,
       nullptr, false, &leave_out_log_syncs},
      {"cut_without_data_syncs", "a checkpoint's pages are on the disk before the log goes on",
       "cut", nullptr, nullptr, false, &leave_out_data_syncs},
      {"cut_without_directory_syncs", "a new store's name is on the disk before it is told of",
       "cut", nullptr, nullptr, false, &leave_out_directory_syncs},
  };
  return mutants;
}

void Catch::add(const std::string& name, const std::string& broken_rule, const std::string& found) {
  ++hunted_;
  if (!found.empty()) ++caught_;
  table_.add_row(
      {name, broken_rule, found.empty() ? "NOTHING" : found.substr(0, found.find('\n'))});
}

void Catch::add_skipped(const std::string& name, const std::string& broken_rule,
                        const std::string& reason) {
  table_.add_row({name, broken_rule, "skipped: " + reason});
}

void Catch::finish() const {
  table_.print(stdout);
  fmt::print("{} of {} mutants caught\n", caught_, hunted_);
  if (caught_ != hunted_) throw DrillFailure("a mutant lives");
}

constexpr std::uint64_t longest_hunt_s = 60;
constexpr std::uint64_t most_cuts_a_hunt = 60;

std::string hunt(const Mutant& mutant, Settings settings) {
  settings.quick = true;
  settings.hook = mutant.hook;
  settings.recovery_hook = mutant.recovery_hook;
  settings.acknowledge_early = mutant.acknowledge_early;
  settings.io_observer = mutant.io_observer;
  Tally tally;
  try {
    if (mutant.workload == "takeover") {
      sweep_takeover(settings, tally, Durability::process);
    } else if (mutant.workload == "cut") {
      cut_file_systems(settings, most_cuts_a_hunt);
    } else if (mutant.workload == "soak") {
      soak(settings, {longest_hunt_s});
    } else {
      Sweep sweep(settings, tally);
      const Workload workload = workload_named(mutant.workload);
      if (mutant.recovery_hook != nullptr) {
        sweep.run_recovery(workload, Durability::process, false);
      } else {
        sweep.run(workload, Durability::process);
      }
    }
  } catch (const DrillFailure& failure) {
    return failure.what();
  }
  return {};
}

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#include "power_history.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "cairn/recovery/header_format.hpp"
#include "cairn/recovery/log_format.hpp"

namespace cairn::drills {
namespace {

PowerRecorder* running = nullptr;

[[noreturn]] void throw_failed(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

/// Whether it is seen by the length or the name that it leaves.
bool changes_shape(drill::IoKind kind) noexcept {
  switch (kind) {
    case drill::IoKind::write:
    case drill::IoKind::store:
    case drill::IoKind::sync:
    case drill::IoKind::sync_directory:
    case drill::IoKind::write_back: return false;
    default: return true;
  }
}

struct stat status_of(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) throw_failed("fstat of a recorded file");
  return status;
}

}  // namespace

const char* to_string(PowerStep::Kind kind) noexcept {
  switch (kind) {
    case PowerStep::Kind::bytes: return "bytes";
    case PowerStep::Kind::length: return "length";
    case PowerStep::Kind::sync: return "sync";
    case PowerStep::Kind::sync_directory: return "sync of the directory";
    case PowerStep::Kind::name: return "name";
    case PowerStep::Kind::begin: return "begin of a commit";
    case PowerStep::Kind::acknowledge: return "acknowledgement";
    case PowerStep::Kind::death: return "death";
    case PowerStep::Kind::settle: return "settlement";
  }
  return "?";
}

bool is_live(std::uint64_t offset) noexcept {
  return offset >= live_words_offset && offset < heap_begin;
}

bool is_log(const FileBytes& file) noexcept {
  return file.size() >= log_magic.size() &&
         std::memcmp(file.data(), log_magic.data(), log_magic.size()) == 0;
}

PowerRecorder::PowerRecorder(std::string path, const Board& board, Watch watch)
    : path_(std::move(path)), board_(board), watch_(watch) {
  look_at_names();
  for (std::uint32_t file = 0; file < files_.size(); ++file) take_for_durable(file);
  history_.files.reserve(files_.size());
  for (const Known& known : files_) history_.files.push_back(known.bytes);
  history_.names = names_;
  history_.steps.clear();
  acknowledged_ = begun_ = board_.acknowledged;
  start();
}

PowerRecorder::PowerRecorder(std::string path, const Board& board, PowerHistory dead)
    : path_(std::move(path)), board_(board), watch_(Watch::everybody), history_(std::move(dead)) {
  names_ = history_.names;
  for (const FileBytes& bytes : history_.files) files_.push_back({0, -1, bytes});
  for (const PowerStep& step : history_.steps) {
    switch (step.kind) {
      case PowerStep::Kind::bytes:
        std::ranges::copy(step.bytes, files_[step.file].bytes.begin() +
                                          static_cast<std::ptrdiff_t>(step.offset));
        break;
      case PowerStep::Kind::length: files_[step.file].bytes.resize(step.offset); break;
      case PowerStep::Kind::name: names_[step.offset] = step.file; break;
      case PowerStep::Kind::begin: ++begun_; break;
      case PowerStep::Kind::acknowledge: ++acknowledged_; break;
      default: break;
    }
  }
  for (const StoreName name : {StoreName::data, StoreName::log}) {
    const std::uint32_t file = names_[static_cast<std::size_t>(name)];
    if (file == no_file) continue;
    const std::string named = path_of(name);
    const int descriptor = ::open(named.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) throw_failed("open " + named);
    files_[file].inode = status_of(descriptor).st_ino;
    files_[file].descriptor = descriptor;
  }
  add({PowerStep::Kind::death});
  start();
}

PowerRecorder::~PowerRecorder() {
  stop();
  for (const Known& known : files_) {
    if (known.descriptor >= 0) ::close(known.descriptor);
  }
}

void PowerRecorder::start() noexcept {
  running = this;
  drill::set_io_observer(&on_operation);
  drill::set_crash_observer(&on_crash_point);
}

void PowerRecorder::stop() noexcept {
  drill::set_io_observer(nullptr);
  drill::set_crash_observer(nullptr);
  running = nullptr;
}

PowerHistory PowerRecorder::take() {
  stop();
  const auto count_bytes = [this] {
    return std::ranges::count(history_.steps, PowerStep::Kind::bytes, &PowerStep::kind);
  };
  const auto told = count_bytes();
  if (failure_.empty()) look();
  if (watch_ == Watch::recovery && count_bytes() != told) failure_ = "a store was not told of";
  if (!failure_.empty()) throw std::runtime_error("the recording failed: " + failure_);
  history_.files.resize(files_.size());
  return std::move(history_);
}

PowerHistory PowerRecorder::take_dying() {
  cut_last_store();
  return take();
}

/// Of the last step only that is kept which was stored: stores are told of before they happen, and
/// go from one sector to the next.
void PowerRecorder::cut_last_store() {
  if (history_.steps.empty() || history_.steps.back().kind != PowerStep::Kind::bytes) return;
  PowerStep& step = history_.steps.back();
  read(step.file);
  const auto begin = found_.begin() + static_cast<std::ptrdiff_t>(step.offset);
  const auto end = begin + static_cast<std::ptrdiff_t>(step.bytes.size());
  const auto differs = std::mismatch(begin, end, step.bytes.begin()).first;
  if (differs == end) return;
  std::copy(begin, end, files_[step.file].bytes.begin() + (begin - found_.begin()));
  const auto at = static_cast<std::uint64_t>(differs - found_.begin());
  step.bytes.resize(at / sector_bytes * sector_bytes - step.offset);
}

void PowerRecorder::settle(std::uint64_t commits) {
  look();
  add({PowerStep::Kind::settle, no_file, commits});
  history_.inherited = begun_ = acknowledged_ = commits;
}

int PowerRecorder::on_operation(const drill::IoOperation& operation) {
  try {
    running->observe(operation);
  } catch (const std::exception& error) {
    running->failure_ = error.what();
  }
  return 0;
}

void PowerRecorder::on_crash_point(const char* name) {
  // That one is inside of a store, which says more about where it is.
  if (std::strcmp(name, "store.inside") != 0) running->site_ = name;
}

void PowerRecorder::add(PowerStep step) {
  step.site = site_;
  history_.steps.push_back(std::move(step));
}

void PowerRecorder::observe(const drill::IoOperation& operation) {
  const bool shape_changed = shape_changes_;
  shape_changes_ = changes_shape(operation.kind);
  if (watch_ == Watch::everybody || shape_changed || shape_changes_) look();
  switch (operation.kind) {
    case drill::IoKind::sync:
      add({PowerStep::Kind::sync,
           number_of(operation.descriptor),
           operation.offset,
           {},
           operation.bytes});
      return;
    case drill::IoKind::sync_directory: add({PowerStep::Kind::sync_directory}); return;
    case drill::IoKind::write:
    case drill::IoKind::store: break;
    // Seen by the length and the names that they leave.
    default: return;
  }
  if (operation.bytes == 0) return;
  const std::uint32_t file = number_of(operation.descriptor);
  FileBytes& known = files_[file].bytes;
  const std::uint64_t end = operation.offset + operation.bytes;
  if (end > known.size()) {
    known.resize(end);
    add({PowerStep::Kind::length, file, end});
  }
  std::memcpy(known.data() + operation.offset, operation.data, operation.bytes);
  add({PowerStep::Kind::bytes, file, operation.offset,
       FileBytes(operation.data, operation.data + operation.bytes)});
}

void PowerRecorder::look() {
  look_at_names();
  for (std::uint32_t file = 0; file < files_.size(); ++file) look_at_bytes(file);
  look_at_board();
}

std::string PowerRecorder::path_of(StoreName name) const {
  return name == StoreName::data ? path_ : path_ + "-log";
}

void PowerRecorder::look_at_names() {
  for (const StoreName name : {StoreName::data, StoreName::log}) {
    const std::string path = path_of(name);
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 && errno != ENOENT) throw_failed("open " + path);
    const std::uint32_t file = descriptor < 0 ? no_file : number_of(descriptor);
    if (descriptor >= 0) ::close(descriptor);
    std::uint32_t& known = names_[static_cast<std::size_t>(name)];
    if (file == known) continue;
    known = file;
    add({PowerStep::Kind::name, file, static_cast<std::uint64_t>(name)});
  }
}

/// Into `found_`.
void PowerRecorder::read(std::uint32_t file) {
  const int descriptor = files_[file].descriptor;
  found_.resize(static_cast<std::size_t>(status_of(descriptor).st_size));
  if (::pread(descriptor, found_.data(), found_.size(), 0) != static_cast<ssize_t>(found_.size())) {
    throw_failed("read a recorded file");
  }
}

/// All but what means nothing after a restart, which is zeros in all histories.
void PowerRecorder::take_for_durable(std::uint32_t file) {
  read(file);
  FileBytes& known = files_[file].bytes;
  known = found_;
  if (is_log(known) || known.size() < heap_begin) return;
  std::fill(known.begin() + live_words_offset, known.begin() + heap_begin, std::byte{0});
}

void PowerRecorder::look_at_bytes(std::uint32_t file) {
  if (files_[file].descriptor < 0) return;
  read(file);
  FileBytes& known = files_[file].bytes;
  if (found_.size() != known.size()) {
    known.resize(found_.size());
    add({PowerStep::Kind::length, file, known.size()});
  }
  const bool log = is_log(found_);
  const auto differs = [&](std::uint64_t at) {
    if (at >= known.size() || (!log && is_live(at))) return false;
    return std::memcmp(known.data() + at, found_.data() + at,
                       std::min<std::uint64_t>(line_bytes, known.size() - at)) != 0;
  };
  if (known.empty() || std::memcmp(known.data(), found_.data(), known.size()) == 0) return;
  for (std::uint64_t at = 0; at < known.size(); at += line_bytes) {
    if (!differs(at)) continue;
    const std::uint64_t begin = at;
    while (differs(at + line_bytes)) at += line_bytes;
    const std::uint64_t end = std::min<std::uint64_t>(at + line_bytes, known.size());
    std::memcpy(known.data() + begin, found_.data() + begin, end - begin);
    add({PowerStep::Kind::bytes, file, begin,
         FileBytes(found_.data() + begin, found_.data() + end)});
  }
}

void PowerRecorder::look_at_board() {
  // What is deferred is promised to survive a kill, not yet a power cut.
  const std::uint64_t begun = board_.acknowledged + board_.in_transaction;
  const std::uint64_t acknowledged = board_.acknowledged - board_.deferred;
  for (; begun_ < begun; ++begun_) add({PowerStep::Kind::begin});
  for (; acknowledged_ < acknowledged; ++acknowledged_) add({PowerStep::Kind::acknowledge});
}

std::uint32_t PowerRecorder::number_of(int descriptor) {
  const std::uint64_t inode = status_of(descriptor).st_ino;
  for (std::uint32_t file = 0; file < files_.size(); ++file) {
    if (files_[file].inode == inode) return file;
  }
  // One of our own: the inode is not given to another file as long as it is open.
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const int own = ::open(link.c_str(), O_RDONLY | O_CLOEXEC);
  if (own < 0) throw_failed("open a recorded file");
  files_.push_back({inode, own, {}});
  return static_cast<std::uint32_t>(files_.size() - 1);
}

}  // namespace cairn::drills

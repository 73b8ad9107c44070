// SPDX-License-Identifier: BSL-1.0
#include "system_calls.hpp"

#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <new>

namespace cairn::drills {
namespace {

constexpr std::array<std::string_view, call_count> names = {
    "operator new", "mmap",   "mprotect",        "madvise",         "open",
    "pread",        "pwrite", "fallocate",       "ftruncate",       "fdatasync",
    "fsync",        "linkat", "unlink",          "statx",           "msync",
    "fchmod",       "fcntl",  "copy_file_range", "sync_file_range", "pthread_create"};

/// Of the calls of one undisturbed run.
constexpr std::size_t most_seen = 1 << 17;
/// Functions that make up a way.
constexpr int frames_of_a_way = 8;

/// What becomes of the calls of one thread. Of others nothing does: which of theirs is the n-th
/// would be chance.
struct Rule {
  enum class Kind { pass, watch, fail } kind = Kind::pass;
  CallFault fault{};
  std::uint64_t at = 0;
  bool for_good = false;
  Disturbance disturbance;
  std::uint64_t matching = 0;  ///< calls of the kind that fails
  int interrupted = 0;         ///< times that the present call was
  std::uint64_t failed = 0;
};
thread_local Rule rule;

std::array<SeenCall, most_seen> seen_calls;
std::size_t seen_count = 0;
std::atomic<std::int64_t> blocks{0};

std::uint64_t way_here() noexcept {
  std::array<void*, frames_of_a_way> frames;
  const int depth = ::backtrace(frames.data(), frames_of_a_way);
  std::uint64_t hash = 0;
  for (int i = 0; i < depth; ++i) {
    const auto at = reinterpret_cast<std::uintptr_t>(frames[static_cast<std::size_t>(i)]);
    hash = (hash ^ at) * 0x9E3779B97F4A7C15ULL;
    hash ^= hash >> 29;
  }
  return hash;
}

bool fails(Call call) noexcept {
  Rule& mine = rule;
  if (mine.kind == Rule::Kind::watch && seen_count < most_seen) {
    seen_calls[seen_count++] = {call, way_here()};
  }
  if (mine.kind != Rule::Kind::fail) return false;
  if (call == Call::allocate_memory && mine.fault.starves && mine.failed != 0) return true;
  if (mine.fault.call != call) return false;
  const std::uint64_t number = ++mine.matching;
  const bool fails_now = mine.for_good ? number >= mine.at : number == mine.at;
  if (fails_now) ++mine.failed;
  return fails_now;
}

/// True where the call is to be answered with EINTR.
bool is_interrupted() noexcept {
  Rule& mine = rule;
  if (mine.interrupted >= mine.disturbance.interruptions) {
    mine.interrupted = 0;
    return false;
  }
  ++mine.interrupted;
  ++mine.failed;
  errno = EINTR;
  return true;
}

std::size_t shortened(std::size_t bytes) noexcept {
  Rule& mine = rule;
  const std::size_t most = mine.disturbance.most_bytes;
  if (most == 0 || bytes <= most) return bytes;
  ++mine.failed;
  return most;
}

struct Nothing {
  void operator()() const noexcept {}
};

/// One that no signal interrupts. `half` does half of it.
template <class Real, class Half = Nothing>
auto through_whole(Call call, Real real, Half half = {}) -> decltype(real()) {
  if (!fails(call)) return real();
  if (rule.fault.half_done) static_cast<void>(half());
  errno = rule.fault.system_errno;
  return -1;
}

/// A call that a signal may interrupt.
template <class Real, class Half = Nothing>
auto through(Call call, Real real, Half half = {}) -> decltype(real()) {
  return is_interrupted() ? -1 : through_whole(call, real, half);
}

}  // namespace

std::string_view name_of(Call call) noexcept {
  return names[static_cast<std::size_t>(call)];
}

void watch_calls() noexcept {
  // The first call loads a library.
  way_here();
  seen_count = 0;
  rule = {};
  rule.kind = Rule::Kind::watch;
}

std::span<const SeenCall> watched_calls() noexcept {
  return std::span(seen_calls).first(seen_count);
}

void fail_calls(const CallFault& fault, std::uint64_t at, bool for_good) noexcept {
  rule = {};
  rule.kind = Rule::Kind::fail;
  rule.fault = fault;
  rule.at = at;
  rule.for_good = for_good;
}

void disturb_calls(const Disturbance& how) noexcept {
  rule = {};
  rule.disturbance = how;
}

std::uint64_t let_calls_pass() noexcept {
  const std::uint64_t failed = rule.failed;
  rule = {};
  return failed;
}

std::int64_t live_blocks() noexcept {
  return blocks.load(std::memory_order_relaxed);
}

}  // namespace cairn::drills

using cairn::drills::Call;

// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl*,readability-identifier-naming): the linker
// makes these names of those of the calls.
extern "C" {

int __real_open(const char* path, int flags, ...);
int __wrap_open(const char* path, int flags, ...) {
  std::va_list more;
  va_start(more, flags);
  const mode_t mode = va_arg(more, mode_t);
  va_end(more);
  return cairn::drills::through(Call::open, [&] { return __real_open(path, flags, mode); });
}

ssize_t __real_pread(int file, void* to, std::size_t bytes, off_t offset);
ssize_t __wrap_pread(int file, void* to, std::size_t bytes, off_t offset) {
  return cairn::drills::through(
      Call::read, [&] { return __real_pread(file, to, cairn::drills::shortened(bytes), offset); });
}

ssize_t __real_pwrite(int file, const void* from, std::size_t bytes, off_t offset);
ssize_t __wrap_pwrite(int file, const void* from, std::size_t bytes, off_t offset) {
  return cairn::drills::through(
      Call::write,
      [&] { return __real_pwrite(file, from, cairn::drills::shortened(bytes), offset); },
      [&] { return __real_pwrite(file, from, bytes / 2, offset); });
}

int __real_fallocate(int file, int mode, off_t offset, off_t bytes);
int __wrap_fallocate(int file, int mode, off_t offset, off_t bytes) {
  return cairn::drills::through(
      Call::preallocate, [&] { return __real_fallocate(file, mode, offset, bytes); },
      [&] { return __real_fallocate(file, mode, offset, (bytes + 1) / 2); });
}

int __real_ftruncate(int file, off_t bytes);
int __wrap_ftruncate(int file, off_t bytes) {
  return cairn::drills::through(Call::truncate, [&] { return __real_ftruncate(file, bytes); });
}

int __real_fdatasync(int file);
int __wrap_fdatasync(int file) {
  return cairn::drills::through(Call::sync, [&] { return __real_fdatasync(file); });
}

int __real_fsync(int file);
int __wrap_fsync(int file) {
  return cairn::drills::through(Call::sync_directory, [&] { return __real_fsync(file); });
}

int __real_linkat(int from, const char* old_path, int to, const char* path, int flags);
int __wrap_linkat(int from, const char* old_path, int to, const char* path, int flags) {
  return cairn::drills::through_whole(
      Call::link, [&] { return __real_linkat(from, old_path, to, path, flags); });
}

int __real_unlink(const char* path);
int __wrap_unlink(const char* path) {
  return cairn::drills::through_whole(Call::unlink, [&] { return __real_unlink(path); });
}

int __real_statx(int directory, const char* path, int flags, unsigned fields, struct statx* to);
int __wrap_statx(int directory, const char* path, int flags, unsigned fields, struct statx* to) {
  return cairn::drills::through_whole(
      Call::look, [&] { return __real_statx(directory, path, flags, fields, to); });
}

int __real_msync(void* begin, std::size_t bytes, int flags);
int __wrap_msync(void* begin, std::size_t bytes, int flags) {
  return cairn::drills::through(Call::sync_page, [&] { return __real_msync(begin, bytes, flags); });
}

int __real_fchmod(int file, mode_t mode);
int __wrap_fchmod(int file, mode_t mode) {
  return cairn::drills::through_whole(Call::set_mode, [&] { return __real_fchmod(file, mode); });
}

int __real_fcntl(int file, int command, ...);
int __wrap_fcntl(int file, int command, ...) {
  std::va_list more;
  va_start(more, command);
  void* const argument = va_arg(more, void*);
  va_end(more);
  const auto real = [&] { return __real_fcntl(file, command, argument); };
  // Giving a lock back needs nothing that could be missing.
  if (command != F_OFD_SETLK || static_cast<const struct flock*>(argument)->l_type == F_UNLCK) {
    return real();
  }
  return cairn::drills::through_whole(Call::lock, real);
}

ssize_t __real_copy_file_range(int from, off_t* read_at, int to, off_t* write_at, std::size_t bytes,
                               unsigned flags);
ssize_t __wrap_copy_file_range(int from, off_t* read_at, int to, off_t* write_at, std::size_t bytes,
                               unsigned flags) {
  return cairn::drills::through(Call::copy, [&] {
    return __real_copy_file_range(from, read_at, to, write_at, cairn::drills::shortened(bytes),
                                  flags);
  });
}

int __real_sync_file_range(int file, off64_t offset, off64_t bytes, unsigned flags);
int __wrap_sync_file_range(int file, off64_t offset, off64_t bytes, unsigned flags) {
  return cairn::drills::through(Call::write_back,
                                [&] { return __real_sync_file_range(file, offset, bytes, flags); });
}

void* __real_mmap(void* at, std::size_t bytes, int protection, int flags, int file, off_t offset);
void* __wrap_mmap(void* at, std::size_t bytes, int protection, int flags, int file, off_t offset) {
  if (!cairn::drills::fails(Call::map)) {
    return __real_mmap(at, bytes, protection, flags, file, offset);
  }
  errno = cairn::drills::rule.fault.system_errno;
  return MAP_FAILED;
}

int __real_mprotect(void* at, std::size_t bytes, int protection);
int __wrap_mprotect(void* at, std::size_t bytes, int protection) {
  return cairn::drills::through_whole(Call::protect,
                                      [&] { return __real_mprotect(at, bytes, protection); });
}

int __real_madvise(void* at, std::size_t bytes, int advice);
int __wrap_madvise(void* at, std::size_t bytes, int advice) {
  return cairn::drills::through_whole(Call::advise,
                                      [&] { return __real_madvise(at, bytes, advice); });
}

int __real_pthread_create(pthread_t* thread, const pthread_attr_t* how, void* (*run)(void*),
                          void* argument);
int __wrap_pthread_create(pthread_t* thread, const pthread_attr_t* how, void* (*run)(void*),
                          void* argument) {
  if (cairn::drills::fails(Call::start_thread)) return cairn::drills::rule.fault.system_errno;
  return __real_pthread_create(thread, how, run, argument);
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier,cert-dcl*,readability-identifier-naming)

// The array and nothrow forms of the standard library come here, too; the aligned ones, which the
// library does not use, do not.
void* operator new(std::size_t bytes) {
  if (cairn::drills::fails(Call::allocate_memory)) throw std::bad_alloc();
  void* const block = std::malloc(std::max<std::size_t>(bytes, 1));
  if (block == nullptr) throw std::bad_alloc();
  cairn::drills::blocks.fetch_add(1, std::memory_order_relaxed);
  return block;
}

void operator delete(void* block) noexcept {
  if (block == nullptr) return;
  cairn::drills::blocks.fetch_sub(1, std::memory_order_relaxed);
  std::free(block);
}

void operator delete(void* block, std::size_t) noexcept {
  operator delete(block);
}

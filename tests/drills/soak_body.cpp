// SPDX-License-Identifier: BSL-1.0
#include "soak_body.hpp"

#include <execinfo.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <exception>

#include "cairn/recovery/header_format.hpp"
#include "cairn/store/write_lock.hpp"
#include "sweep.hpp"

namespace cairn::drills {
namespace {

// For the handler of crashes.
int watched_file = -1;
Board* crash_board = nullptr;
std::span<SoakThread> own_threads;
thread_local SoakThread* current_thread = nullptr;

bool has_lost_lock(const SoakThread& thread) noexcept {
  const std::uint64_t epoch = thread.body_epoch.load(std::memory_order_relaxed);
  return epoch != 0 && lock_epoch(watched_file) + 1 != epoch;
}

/// Whether commits are published over the fenced body. While they are not, it reads one state.
bool is_published_over() noexcept {
  std::array<std::uint64_t, sizeof(Quarantine) / sizeof(std::uint64_t)> words{};
  const ssize_t got = ::pread(watched_file, words.data(), sizeof words,
                              live_words_offset + offsetof(LiveWords, quarantine));
  if (got != sizeof words) return false;
  const std::uint64_t owner = words[offsetof(Quarantine, owner) / sizeof owner];
  return owner != 0 && words[offsetof(Quarantine, unpinned) / sizeof owner] == owner;
}

bool may_be_mixed(const SoakThread& thread) noexcept {
  return has_lost_lock(thread) && is_published_over();
}

void on_crash(int signal, siginfo_t* info, void*) {
  // Its memory is that of all threads.
  for (SoakThread& thread : own_threads) {
    if (thread.was_mixed == 0 && !may_be_mixed(thread)) continue;
    thread.lost_body = 1;
    ::_exit(0);
  }
  try {
    crash_board->fail(fmt::format("signal {} at {}, in {}", signal, info->si_addr,
                                  current_thread != nullptr ? to_string(current_thread->stage)
                                                            : "no thread of the drill"));
  } catch (...) {  // NOLINT(bugprone-empty-catch): the signal alone tells less, and is told
  }
  std::array<void*, 48> frames{};
  const int count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  ::backtrace_symbols_fd(frames.data(), count, STDERR_FILENO);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

std::uint64_t lock_epoch(int descriptor) noexcept {
  std::uint64_t word = 0;
  const ssize_t got =
      ::pread(descriptor, &word, sizeof word, live_words_offset + offsetof(LiveWords, write_lock));
  return got == sizeof word ? LockWord(word).epoch : 0;
}

void watch_bodies(const std::string& path, Board& board, std::span<SoakThread> threads) {
  own_threads = threads;
  watched_file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (watched_file < 0) throw DrillFailure("the store's file cannot be opened");
  crash_board = &board;
  struct sigaction action {};
  action.sa_sigaction = &on_crash;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}) {
    ::sigaction(signal, &action, nullptr);
  }
}

void watch_body_of(SoakThread& thread) noexcept {
  current_thread = &thread;
}

WatchedBody::WatchedBody(SoakThread& thread)
    : thread_(thread), exceptions_(std::uncaught_exceptions()) {
  thread_.body_epoch.store(lock_epoch(watched_file) + 1, std::memory_order_relaxed);
  thread_.stage = Stage::body;
}

WatchedBody::~WatchedBody() {
  if (std::uncaught_exceptions() > exceptions_) {
    escape() = {has_lost_lock(thread_), may_be_mixed(thread_)};
  }
  end();
}

void WatchedBody::end() noexcept {
  if (may_be_mixed(thread_)) thread_.was_mixed = 1;
  thread_.body_epoch.store(0, std::memory_order_relaxed);
}

WatchedBody::Escape& WatchedBody::escape() noexcept {
  static thread_local Escape last;
  return last;
}

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

namespace cairn::test {

/// Signals between a test and its child, a number at a time in either direction. Every wait ends
/// after a while, so that a test that hangs fails.
class Channel {
 public:
  Channel() {
    if (::pipe2(down_, O_CLOEXEC) != 0 || ::pipe2(up_, O_CLOEXEC) != 0) {
      throw std::runtime_error("pipe2 failed");
    }
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() {
    for (const int end : {down_[0], down_[1], up_[0], up_[1]}) ::close(end);
  }

  /// Of the test.
  void tell_child(std::uint64_t value = 1) const { put(down_[1], value); }
  std::uint64_t hear_child() const { return get(up_[0]); }
  /// Of the child.
  void tell_parent(std::uint64_t value = 1) const { put(up_[1], value); }
  std::uint64_t hear_parent() const { return get(down_[0]); }

 private:
  static constexpr int patience_ms = 60'000;

  static void put(int end, std::uint64_t value) {
    if (::write(end, &value, sizeof value) != sizeof value) {
      throw std::runtime_error("the other process is gone");
    }
  }
  static std::uint64_t get(int end) {
    pollfd ready{end, POLLIN, 0};
    if (::poll(&ready, 1, patience_ms) != 1) throw std::runtime_error("nothing heard for a minute");
    std::uint64_t value = 0;
    if (::read(end, &value, sizeof value) != sizeof value) {
      throw std::runtime_error("the other process is gone");
    }
    return value;
  }

  int down_[2] = {-1, -1};
  int up_[2] = {-1, -1};
};

/// A process that runs `body` and ends with status 0 where that returns true. What it throws goes
/// to stderr. Leaves without running what the parent registered to be run at its exit.
class ForkedChild {
 public:
  explicit ForkedChild(const std::function<bool()>& body) {
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ != 0) return;
    ::_exit(run(body));
  }
  ForkedChild(ForkedChild&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  ForkedChild& operator=(ForkedChild&&) = delete;
  ~ForkedChild() {
    if (pid_ > 0) kill_now();
  }

  pid_t pid() const noexcept { return pid_; }
  /// True where the child ended by itself with status 0.
  bool succeeded() {
    const int status = wait();
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  /// True where it was a SIGKILL that ended the child.
  bool was_killed() {
    const int status = wait();
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }
  /// SIGSTOP, and waits until the process has really stopped.
  void stop() const {
    ::kill(pid_, SIGSTOP);
    int status = 0;
    ::waitpid(pid_, &status, WUNTRACED);
  }
  void go_on() const { ::kill(pid_, SIGCONT); }
  /// False where it has ended by itself, or was killed.
  bool is_running() const {
    siginfo_t ended{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           ended.si_pid == 0;
  }
  /// SIGKILL, and waits until the process is gone.
  void kill_now() {
    ::kill(pid_, SIGKILL);
    wait();
  }

 private:
  static int run(const std::function<bool()>& body) {
    try {
      return body() ? 0 : 1;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
    } catch (...) {
      std::fprintf(stderr, "child: an unknown exception\n");
    }
    std::fflush(nullptr);
    return 2;
  }
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

  pid_t pid_ = -1;
};

}  // namespace cairn::test

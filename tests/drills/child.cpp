// SPDX-License-Identifier: BSL-1.0
#include "child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace cairn::drills {
namespace {

constexpr int failure_status = 1;

[[noreturn]] void run_in_child(Board& board, pid_t parent, const std::function<void()>& body) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(failure_status);
  try {
    body();
    ::_exit(0);
  } catch (const std::exception& error) {
    board.fail(error.what());
  }
  ::_exit(failure_status);
}

}  // namespace

const char* to_string(Ending ending) noexcept {
  switch (ending) {
    case Ending::finished: return "finished";
    case Ending::failed: return "failed";
    case Ending::killed: return "was killed";
    case Ending::crashed: return "crashed";
    case Ending::hung: return "hung";
  }
  return "ended";
}

Child::Child(Board& board, const std::function<void()>& body) {
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ == 0) run_in_child(board, parent, body);
  descriptor_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  if (descriptor_ < 0) {
    const int failure = errno;
    kill();
    throw std::system_error(failure, std::generic_category(), "pidfd_open");
  }
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      signal_(other.signal_),
      ended_(other.ended_) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(signal_, other.signal_);
  std::swap(ended_, other.ended_);
  return *this;
}

bool Child::wait_until_stopped() {
  if (ended_) return false;
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WEXITED | WNOWAIT) != 0) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "waitid");
  }
  return info.si_code == CLD_STOPPED;
}

void Child::go_on() const {
  if (!ended_) ::kill(pid_, SIGCONT);
}

Child::~Child() {
  if (pid_ > 0) kill();
}

Ending Child::reap() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  if (descriptor_ >= 0) ::close(descriptor_);
  pid_ = -1;
  descriptor_ = -1;
  if (WIFSIGNALED(status)) {
    signal_ = WTERMSIG(status);
    ended_ = signal_ == SIGKILL ? Ending::killed : Ending::crashed;
  } else {
    ended_ = WEXITSTATUS(status) == 0 ? Ending::finished : Ending::failed;
  }
  return *ended_;
}

Ending Child::wait(std::chrono::milliseconds limit) {
  if (ended_) return *ended_;
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    struct pollfd ended {
      descriptor_, POLLIN, 0
    };
    const int ready = ::poll(&ended, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
    if (ready > 0) return reap();
    if (ready < 0 && errno == EINTR) continue;
    kill();
    return Ending::hung;
  }
}

std::optional<Ending> Child::poll() {
  if (ended_) return ended_;
  struct pollfd ended {
    descriptor_, POLLIN, 0
  };
  if (::poll(&ended, 1, 0) <= 0) return std::nullopt;
  return reap();
}

Ending Child::kill() {
  if (ended_) return *ended_;
  // Of -1 all processes would die.
  if (pid_ <= 0) throw std::logic_error("no process to kill");
  ::kill(pid_, SIGKILL);
  return reap();
}

Ending run_child(Board& board, std::chrono::milliseconds limit, const std::function<void()>& body) {
  return Child(board, body).wait(limit);
}

}  // namespace cairn::drills

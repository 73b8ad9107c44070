// SPDX-License-Identifier: BSL-1.0
#include "child_process.hpp"

#include <cerrno>
#include <csignal>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace wordnet {
namespace {

Outcome outcome_of(int status) {
  return WIFEXITED(status) ? Outcome{true, WEXITSTATUS(status)} : Outcome{false, WTERMSIG(status)};
}

void check(int error, const std::string& program) {
  if (error != 0) {
    throw std::system_error(error, std::generic_category(), "cannot start " + program);
  }
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, Input input) {
  std::vector<std::string> copies = arguments;
  std::vector<char*> pointers;
  pointers.reserve(copies.size() + 1);
  for (std::string& copy : copies) pointers.push_back(copy.data());
  pointers.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  check(::posix_spawn_file_actions_init(&actions), copies[0]);
  int ends[2] = {-1, -1};
  // A socket, since a write to one that nobody reads any more can fail without a signal.
  int error = 0;
  if (input == Input::said) {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) error = errno;
    if (error == 0) {
      error = ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
    }
  }
  if (error == 0) {
    error = ::posix_spawn(&pid_, copies.at(0).c_str(), &actions, nullptr, pointers.data(), environ);
  }
  ::posix_spawn_file_actions_destroy(&actions);
  if (ends[1] >= 0) ::close(ends[1]);
  input_ = ends[0];
  if (error != 0) hang_up();
  check(error, copies[0]);
}

ChildProcess::~ChildProcess() {
  hang_up();
  if (outcome_) return;
  kill_now();
  int ignored = 0;
  while (::waitpid(pid_, &ignored, 0) < 0 && errno == EINTR) {
  }
}

void ChildProcess::say(const std::string& line) {
  const std::string text = line + "\n";
  for (std::size_t said = 0; said < text.size();) {
    const ssize_t taken = ::send(input_, text.data() + said, text.size() - said, MSG_NOSIGNAL);
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0) throw std::system_error(errno, std::generic_category(), "nobody listens");
    said += static_cast<std::size_t>(taken);
  }
}

void ChildProcess::hang_up() noexcept {
  if (input_ >= 0) ::close(input_);
  input_ = -1;
}

std::optional<Outcome> ChildProcess::poll() {
  return wait_with(WNOHANG);
}

Outcome ChildProcess::wait() {
  return wait_with(0).value();
}

bool ChildProcess::halt() {
  if (outcome_) return false;
  ::kill(pid_, SIGSTOP);
  const int status = status_after_wait(WUNTRACED).value();
  if (!WIFSTOPPED(status)) outcome_ = outcome_of(status);
  return !outcome_;
}

void ChildProcess::go_on() noexcept {
  if (!outcome_) ::kill(pid_, SIGCONT);
}

void ChildProcess::kill_now() noexcept {
  // Once waited for, the number may belong to another process.
  if (!outcome_) ::kill(pid_, SIGKILL);
}

std::optional<int> ChildProcess::status_after_wait(int options) const {
  int status = 0;
  pid_t changed = -1;
  do {
    changed = ::waitpid(pid_, &status, options);
  } while (changed < 0 && errno == EINTR);
  if (changed < 0) throw std::system_error(errno, std::generic_category(), "waitpid");
  if (changed == 0) return std::nullopt;
  return status;
}

std::optional<Outcome> ChildProcess::wait_with(int options) {
  if (!outcome_) {
    if (const std::optional<int> status = status_after_wait(options)) {
      outcome_ = outcome_of(*status);
    }
  }
  return outcome_;
}

}  // namespace wordnet

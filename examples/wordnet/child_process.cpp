// SPDX-License-Identifier: BSL-1.0
#include "child_process.hpp"

#include <cerrno>
#include <csignal>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace wordnet {
namespace {

Outcome outcome_of(int status) {
  return WIFEXITED(status) ? Outcome{true, WEXITSTATUS(status)} : Outcome{false, WTERMSIG(status)};
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments) {
  std::vector<std::string> copies = arguments;
  std::vector<char*> pointers;
  pointers.reserve(copies.size() + 1);
  for (std::string& copy : copies) pointers.push_back(copy.data());
  pointers.push_back(nullptr);
  const int error =
      ::posix_spawn(&pid_, copies.at(0).c_str(), nullptr, nullptr, pointers.data(), environ);
  if (error != 0) {
    throw std::system_error(error, std::generic_category(), "cannot start " + copies[0]);
  }
}

ChildProcess::~ChildProcess() {
  if (outcome_) return;
  kill_now();
  int ignored = 0;
  while (::waitpid(pid_, &ignored, 0) < 0 && errno == EINTR) {
  }
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

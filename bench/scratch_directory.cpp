// SPDX-License-Identifier: BSL-1.0
#include "scratch_directory.hpp"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string>
#include <system_error>

#include <fmt/format.h>

namespace cairn::bench {
namespace {

class ScratchDirectory {
 public:
  explicit ScratchDirectory(const std::filesystem::path& parent) {
    std::string name = (parent / "cairn_bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw std::system_error(errno, std::generic_category(), name);
    }
    path_ = name;
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
    if (error) fmt::print(stderr, "{} was not removed: {}\n", path_.string(), error.message());
  }

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

sigset_t watched_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::sigaddset(&set, signal);
  return set;
}

[[noreturn]] void run_child(const std::function<int(const std::filesystem::path&)>& work,
                            const std::filesystem::path& directory, pid_t parent,
                            const sigset_t& old_mask) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // the parent died before the line above
  ::sigprocmask(SIG_SETMASK, &old_mask, nullptr);
  int status = 1;
  try {
    status = work(directory);
  } catch (const std::exception& error) {
    std::fflush(stdout);
    fmt::print(stderr, "cairn_bench: {}\n", error.what());
  }
  std::fflush(nullptr);
  ::_exit(status);
}

/// Waits for the child, ending it where a signal asks for that.
int wait_for_child(pid_t child, const sigset_t& watched) {
  int ended_by = 0;
  for (;;) {
    int status = 0;
    const pid_t reaped = ::waitpid(child, &status, WNOHANG);
    if (reaped == child) {
      if (ended_by != 0) return 128 + ended_by;
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    const int signal = ::sigwaitinfo(&watched, nullptr);
    if (signal > 0 && signal != SIGCHLD) {
      ended_by = signal;
      ::kill(child, SIGKILL);
    }
  }
}

}  // namespace

int run_in_scratch_directory(const std::filesystem::path& parent,
                             const std::function<int(const std::filesystem::path&)>& work) {
  const sigset_t watched = watched_signals();
  sigset_t old_mask;
  ::sigprocmask(SIG_BLOCK, &watched, &old_mask);
  int status = 0;
  {
    const ScratchDirectory scratch(parent);
    const pid_t self = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (child == 0) run_child(work, scratch.path(), self, old_mask);
    status = wait_for_child(child, watched);
  }
  ::sigprocmask(SIG_SETMASK, &old_mask, nullptr);
  return status;
}

std::filesystem::path program_path() {
  return std::filesystem::read_symlink("/proc/self/exe");
}

}  // namespace cairn::bench

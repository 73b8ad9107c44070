// SPDX-License-Identifier: BSL-1.0
#include "drill_guard.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <utility>

namespace cairn::drills {
namespace {

/// Above the patience with any child.
constexpr unsigned still_after_s = 180;

volatile std::sig_atomic_t interrupted = 0;
std::atomic<const char*> current_step = "begins";
std::vector<std::string> files_to_remove;

void say(const char* text) noexcept {
  if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
}

void on_interrupt(int) {
  interrupted = 1;
}

void on_standstill(int) {
  say("FAILED: the drill has stood still for minutes; it ");
  say(current_step);
  say("\n");
  for (const std::string& file : files_to_remove) ::unlink(file.c_str());
  ::_exit(1);
}

}  // namespace

DrillGuard::DrillGuard(std::vector<std::string> files) {
  files_to_remove = std::move(files);
  interrupted = 0;
  std::signal(SIGINT, &on_interrupt);
  std::signal(SIGTERM, &on_interrupt);
  std::signal(SIGALRM, &on_standstill);
}

DrillGuard::~DrillGuard() {
  ::alarm(0);
  for (const int signal : {SIGINT, SIGTERM, SIGALRM}) std::signal(signal, SIG_DFL);
}

void DrillGuard::at(const char* step) noexcept {
  current_step = step;
  ::alarm(still_after_s);
}

bool DrillGuard::is_interrupted() const noexcept {
  return interrupted != 0;
}

}  // namespace cairn::drills

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "forked_child.hpp"
#include "temp_store.hpp"

#ifndef CAIRN_PROGRAM
#error "CAIRN_PROGRAM must name the built program"
#endif

namespace cairn::test {

/// Runs the built program, as a shell would, beside a store of its own.
class CommandLineTest : public StoreTest {
 protected:
  struct Result {
    int status = -1;
    std::string out;
    std::string err;
  };
  Result run(const std::string& arguments) const {
    return run_command("exec '" CAIRN_PROGRAM "' " + arguments);
  }
  Result run_command(const std::string& shell_words) const {
    const std::string command =
        "{ " + shell_words + "; } >'" + path("out") + "' 2>'" + path("err") + "' </dev/null";
    const int raw = std::system(command.c_str());  // NOLINT(cert-env33-c): the test's own words
    return {WIFEXITED(raw) ? WEXITSTATUS(raw) : -1, text("out"), text("err")};
  }
  /// Whether it does what it is asked to for a user who may do only what everybody may. That need
  /// not be to reach the directory that it was built in: it is opened before.
  static bool succeeds_for_anybody(const std::string& arguments) {
    const int program = ::open(CAIRN_PROGRAM, O_RDONLY);
    const bool succeeded =
        ForkedChild([&] {
          constexpr unsigned nobody = 65534;
          if (::geteuid() == 0 &&
              (::setgroups(0, nullptr) != 0 || ::setgid(nobody) != 0 || ::setuid(nobody) != 0)) {
            return false;
          }
          const std::string line =
              "/proc/self/fd/" + std::to_string(program) + " " + arguments + " >/dev/null";
          return std::system(line.c_str()) == 0;  // NOLINT(cert-env33-c): the test's own words
        }).succeeded();
    ::close(program);
    return succeeded;
  }
  std::string text(const std::string& name) const {
    std::ifstream file(path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// In another process, which is killed in its next transaction.
  void push_and_die(std::uint64_t value) const {
    const Channel channel;
    ForkedChild writer([&] {
      Store store = open();
      push(store, value);
      WriteTransaction tx = store.begin_write();
      channel.tell_parent();
      channel.hear_parent();
      return true;
    });
    channel.hear_child();
    writer.kill_now();
  }
  void expect_lines(const std::string& text, const std::vector<std::string>& parts) const {
    for (const std::string& part : parts) {
      EXPECT_TRUE(contains(text, part)) << text << "\nlacks: " << part;
    }
  }
};

}  // namespace cairn::test

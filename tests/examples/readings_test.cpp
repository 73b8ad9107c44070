// SPDX-License-Identifier: BSL-1.0
#include <cairn/cairn.hpp>
#include <gtest/gtest.h>

#include "cairn/mapping/file_system.hpp"
#include "child_process.hpp"
#include "wordnet_fixture.hpp"

#ifndef READINGS_PROGRAM
#error "READINGS_PROGRAM must name the built example"
#endif

namespace wordnet {
namespace {

/// The command that runs the example in `directory` and leaves what it prints in `output`.
std::vector<std::string> command_in(const std::filesystem::path& directory,
                                    const std::string& argument, const std::string& output) {
  return {"/bin/sh", "-c",
          "cd '" + directory.string() + "' && exec '" READINGS_PROGRAM "' " + argument + " > " +
              output};
}

TEST(Readings, of_a_writer_are_followed_by_those_who_watch) {
  const test::TemporaryDirectory directory;
  const auto store_path = (directory.path() / "readings.cairn").string();
  if (cairn::FileSystem::around(store_path).kind != cairn::FileSystemKind::local) {
    GTEST_SKIP() << "the example opens its store as by default, which takes a disk";
  }
  ChildProcess before(command_in(directory.path(), "", "before"));
  ChildProcess beside(command_in(directory.path(), "", "beside"));
  ChildProcess writer(command_in(directory.path(), "measure", "nothing"));
  EXPECT_TRUE(writer.wait().success());
  EXPECT_TRUE(before.wait().success());
  EXPECT_TRUE(beside.wait().success());
  ChildProcess after(command_in(directory.path(), "", "after"));
  EXPECT_TRUE(after.wait().success());
  for (const char* const watcher : {"before", "beside", "after"}) {
    const std::string seen = test::read_text(directory.path() / watcher);
    EXPECT_TRUE(seen.ends_with("10 readings, the last is 5\n")) << watcher << ": " << seen;
  }
  EXPECT_EQ(test::read_text(directory.path() / "after"), "10 readings, the last is 5\n");
  EXPECT_FALSE(cairn::Store::open_existing(store_path).last_recovery().needed) << "all closed it";
}

}  // namespace
}  // namespace wordnet

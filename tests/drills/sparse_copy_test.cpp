// SPDX-License-Identifier: BSL-1.0
#include "sparse_copy.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace cairn::drills {
namespace {

constexpr off_t hole = 1 << 20;

/// An anonymous file, as the drills keep their disks in.
class Disk {
 public:
  Disk() : descriptor_(::memfd_create("sparse_copy_test", MFD_CLOEXEC)) {
    if (descriptor_ < 0) throw std::runtime_error("memfd_create");
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  ~Disk() { ::close(descriptor_); }

  int descriptor() const noexcept { return descriptor_; }
  void put(off_t at, const std::string& text) const {
    EXPECT_EQ(::pwrite(descriptor_, text.data(), text.size(), at),
              static_cast<ssize_t>(text.size()));
  }
  std::string text(off_t at, std::size_t bytes) const {
    std::string found(bytes, '?');
    found.resize(static_cast<std::size_t>(::pread(descriptor_, found.data(), bytes, at)));
    return found;
  }
  long blocks() const {
    struct stat status {};
    EXPECT_EQ(::fstat(descriptor_, &status), 0);
    return status.st_blocks;
  }

 private:
  int descriptor_;
};

int failure_of_copy(int from, int to) {
  try {
    copy_data(from, to);
  } catch (const std::system_error& error) {
    return error.code().value();
  }
  return 0;
}

TEST(SparseCopy, has_the_data_in_its_place_and_the_holes) {
  const Disk from;
  const Disk to;
  from.put(0, "first");
  from.put(hole, "second");
  ASSERT_EQ(::ftruncate(from.descriptor(), 3 * hole), 0);
  copy_data(from.descriptor(), to.descriptor());
  EXPECT_EQ(to.text(0, 5), "first");
  EXPECT_EQ(to.text(hole, 6), "second");
  EXPECT_EQ(to.blocks(), from.blocks());
}

TEST(SparseCopy, begins_where_it_is_told_to) {
  const Disk from;
  const Disk to;
  from.put(0, "first");
  from.put(hole, "second");
  copy_data(from.descriptor(), to.descriptor(), hole);
  EXPECT_EQ(to.text(0, 5), std::string(5, '\0'));
  EXPECT_EQ(to.text(hole, 6), "second");
}

TEST(SparseCopy, of_nothing_is_nothing) {
  const Disk from;
  const Disk to;
  copy_data(from.descriptor(), to.descriptor());
  EXPECT_EQ(to.blocks(), 0);
}

TEST(SparseCopy, of_what_cannot_be_looked_through_is_no_empty_file) {
  const Disk to;
  EXPECT_EQ(failure_of_copy(-1, to.descriptor()), EBADF);
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  EXPECT_EQ(failure_of_copy(pipe[0], to.descriptor()), ESPIPE);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST(SparseCopy, that_cannot_be_written_fails) {
  const Disk from;
  from.put(0, "first");
  EXPECT_EQ(failure_of_copy(from.descriptor(), -1), EBADF);
}

}  // namespace
}  // namespace cairn::drills

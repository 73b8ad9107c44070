// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/file_system.hpp"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <initializer_list>

#include "temp_store.hpp"

namespace cairn::test {
namespace {

void expect_type(std::uint32_t type, FileSystemKind kind, const std::string& name) {
  const FileSystem sut = FileSystem::of_type(type);
  EXPECT_EQ(sut.kind, kind) << name;
  EXPECT_EQ(sut.name, name);
}

TEST(FileSystemTest, those_in_memory_are_told_from_disks) {
  expect_type(TMPFS_MAGIC, FileSystemKind::in_memory, "tmpfs");
  expect_type(RAMFS_MAGIC, FileSystemKind::in_memory, "ramfs");
  expect_type(HUGETLBFS_MAGIC, FileSystemKind::in_memory, "hugetlbfs");
  for (const std::uint32_t disk : std::initializer_list<std::uint32_t>{
           EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC}) {
    EXPECT_EQ(FileSystem::of_type(disk).kind, FileSystemKind::local) << disk;
  }
}

TEST(FileSystemTest, those_that_other_machines_share_are_told_by_name) {
  expect_type(NFS_SUPER_MAGIC, FileSystemKind::remote, "NFS");
  expect_type(SMB_SUPER_MAGIC, FileSystemKind::remote, "SMB");
  expect_type(CIFS_SUPER_MAGIC, FileSystemKind::remote, "CIFS");
  expect_type(SMB2_SUPER_MAGIC, FileSystemKind::remote, "SMB2");
  expect_type(V9FS_MAGIC, FileSystemKind::remote, "9p");
  expect_type(CEPH_SUPER_MAGIC, FileSystemKind::remote, "Ceph");
  expect_type(AFS_SUPER_MAGIC, FileSystemKind::remote, "AFS");
  expect_type(AFS_FS_MAGIC, FileSystemKind::remote, "AFS");
  expect_type(CODA_SUPER_MAGIC, FileSystemKind::remote, "Coda");
  expect_type(OCFS2_SUPER_MAGIC, FileSystemKind::remote, "OCFS2");
}

TEST(FileSystemTest, one_that_a_program_serves_is_neither) {
  expect_type(FUSE_SUPER_MAGIC, FileSystemKind::served, "FUSE");
}

/// What is written through it goes to a file of another file system, which it does not tell.
TEST(FileSystemTest, an_overlay_and_a_type_that_nobody_knows_are_local) {
  EXPECT_EQ(FileSystem::of_type(OVERLAYFS_SUPER_MAGIC).kind, FileSystemKind::local);
  EXPECT_EQ(FileSystem::of_type(0).kind, FileSystemKind::local);
  EXPECT_EQ(FileSystem::of_type(0x12345678).kind, FileSystemKind::local);
}

TEST(FileSystemTest, an_open_file_and_a_place_for_one_are_told_alike) {
  struct statfs memory {};
  if (::statfs("/dev/shm", &memory) != 0 || memory.f_type != TMPFS_MAGIC) {
    GTEST_SKIP() << "/dev/shm is no tmpfs";
  }
  const std::string path = "/dev/shm/cairn-file_system_test-" + std::to_string(::getpid());
  const File sut = File::open_or_create(path, 0600);
  sut.unlink();
  EXPECT_EQ(FileSystem::of(sut).kind, FileSystemKind::in_memory);
  EXPECT_STREQ(FileSystem::of(sut).name, "tmpfs");
  EXPECT_EQ(FileSystem::around(path).kind, FileSystemKind::in_memory);
}

TEST(FileSystemTest, what_statfs_tells_of_a_directory_is_what_its_files_are_on) {
  const TempDirectory directory;
  struct statfs found {};
  ASSERT_EQ(::statfs(directory.path().c_str(), &found), 0);
  const FileSystem expected = FileSystem::of_type(static_cast<std::uint32_t>(found.f_type));
  const File sut = File::open_or_create(directory / "file", 0600);
  EXPECT_EQ(FileSystem::of(sut).kind, expected.kind);
  EXPECT_EQ(FileSystem::around(directory / "file").kind, expected.kind);
}

TEST(FileSystemTest, a_place_that_cannot_be_asked_is_left_to_whoever_creates_the_file) {
  const TempDirectory directory;
  EXPECT_EQ(FileSystem::around(directory / "absent/file").kind, FileSystemKind::local);
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "cairn/store/suitable_file_system.hpp"
#include "forked_child.hpp"
#include "temp_store.hpp"

namespace {

/// What the two calls below say that files lie on; 0: what they do lie on. A network file system
/// takes a server, which no test can count on.
std::uint32_t pretended_type = 0;

int told(long result, struct statfs* found) {
  if (result == 0 && pretended_type != 0) {
    found->f_type = static_cast<decltype(found->f_type)>(pretended_type);
  }
  return static_cast<int>(result);
}

}  // namespace

// In the place of the C library's, for the whole program.
extern "C" int fstatfs(int descriptor, struct statfs* found) noexcept {
  return told(::syscall(SYS_fstatfs, descriptor, found), found);
}
extern "C" int statfs(const char* path, struct statfs* found) noexcept {
  return told(::syscall(SYS_statfs, path, found), found);
}

namespace cairn::test {
namespace {

class OnFileSystem : public StoreTest {
 protected:
  OnFileSystem() = default;
  ~OnFileSystem() override { pretended_type = 0; }

  /// Nothing is accepted that is not promised.
  static Options strict(Durability durability) {
    Options how = options();
    how.durability = durability;
    how.any_file_system = false;
    return how;
  }
  static Options accepting(Durability durability) {
    Options how = strict(durability);
    how.any_file_system = true;
    return how;
  }
  void expect_refused(Durability durability, const std::string& name) const {
    const Options how = strict(durability);
    expect_error(errc::unsupported_file_system, path(), {name, "any_file_system"},
                 [&] { open(how); });
    expect_error(errc::unsupported_file_system, path("new"), {name, "any_file_system"},
                 [&] { Store::create(path("new"), how); });
    EXPECT_FALSE(std::filesystem::exists(path("new")));
    EXPECT_FALSE(std::filesystem::exists(path("new") + "-log"));
  }
  /// A store that was closed, as on a disk.
  void make_store(Durability durability) const {
    pretended_type = EXT4_SUPER_MAGIC;
    Store store = Store::create(path(), strict(durability));
    push(store, 1);
    store.close();
  }
  void expect_usable(const Options& how) const {
    Store sut = open(how);
    push(sut, 2);
    expect_sound(sut);
    sut.close();
  }
};

TEST_F(OnFileSystem, in_memory_level_power_is_refused_unless_that_is_accepted) {
  make_store(Durability::power);
  for (const auto& [type, name] : {std::pair<std::uint32_t, const char*>{TMPFS_MAGIC, "tmpfs"},
                                   {std::uint32_t{RAMFS_MAGIC}, "ramfs"}}) {
    pretended_type = type;
    expect_refused(Durability::power, name);
    expect_refused(Durability::deferred, name);
    expect_error(errc::unsupported_file_system, path(), {name, "Durability::process"},
                 [&] { Store::open_existing(path(), strict(Durability::power)); });
    expect_usable(accepting(Durability::power));
  }
}

TEST_F(OnFileSystem, in_memory_level_process_keeps_what_it_promises) {
  pretended_type = TMPFS_MAGIC;
  expect_usable(strict(Durability::process));
}

TEST_F(OnFileSystem, in_memory_any_store_can_be_read) {
  make_store(Durability::power);
  pretended_type = TMPFS_MAGIC;
  const Options how = strict(Durability::power);
  EXPECT_EQ(numbers(Store::open_read_only(path(), how)), Values{1});
  // Beside a writer, too, which attaches.
  const Channel channel;
  ForkedChild writer([&] {
    Store store = open(accepting(Durability::power));
    push(store, 2);
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  EXPECT_EQ(numbers(Store::open_read_only(path(), how)), (Values{1, 2}));
  channel.tell_child();
  EXPECT_TRUE(writer.succeeded());
}

TEST_F(OnFileSystem, one_that_a_program_serves_promises_a_kill_and_no_power_cut) {
  make_store(Durability::power);
  pretended_type = FUSE_SUPER_MAGIC;
  expect_refused(Durability::power, "FUSE");
  expect_usable(accepting(Durability::power));
  remove_store();
  expect_usable(strict(Durability::process));
}

TEST_F(OnFileSystem, what_other_machines_share_is_refused_at_both_levels) {
  for (const Durability durability : {Durability::power, Durability::process}) {
    make_store(durability);
    for (const auto& [type, name] : {std::pair<std::uint32_t, const char*>{NFS_SUPER_MAGIC, "NFS"},
                                     {std::uint32_t{V9FS_MAGIC}, "9p"},
                                     {std::uint32_t{SMB2_SUPER_MAGIC}, "SMB2"}}) {
      pretended_type = type;
      expect_refused(durability, name);
      expect_error(errc::unsupported_file_system, path(), {name},
                   [&] { Store::open_read_only(path(), strict(durability)); });
      EXPECT_EQ(numbers(Store::open_read_only(path(), accepting(durability))).front(), 1U);
      expect_usable(accepting(durability));
    }
    remove_store();
  }
}

/// A process that has the store open already has answered for it.
TEST_F(OnFileSystem, a_snapshot_may_be_written_anywhere_and_says_where_it_is_when_it_is_opened) {
  make_store(Durability::power);
  const Store store = open(strict(Durability::power));
  pretended_type = NFS_SUPER_MAGIC;
  store.snapshot(path("copy"));
  expect_error(errc::unsupported_file_system, path("copy"), {"NFS"},
               [&] { Store::open_existing(path("copy"), strict(Durability::power)); });
  pretended_type = 0;
  EXPECT_EQ(numbers(Store::open_existing(path("copy"), accepting(Durability::power))), Values{1});
}

TEST_F(OnFileSystem, a_real_one_in_memory_is_found) {
  struct statfs memory {};
  if (::statfs("/dev/shm", &memory) != 0 || memory.f_type != TMPFS_MAGIC) {
    GTEST_SKIP() << "/dev/shm is no tmpfs";
  }
  std::string directory = "/dev/shm/cairn-XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  const std::string at = directory + "/store";
  expect_error(errc::unsupported_file_system, at, {"tmpfs", "Durability::process"},
               [&] { Store::open(at); });
  EXPECT_FALSE(std::filesystem::exists(at));
  EXPECT_FALSE(std::filesystem::exists(at + "-log"));
  Store::open(at, strict(Durability::process)).close();
  std::filesystem::remove(at);
  Store::open(at, accepting(Durability::power)).close();
  std::filesystem::remove_all(directory);
}

TEST(SuitableFileSystem, is_one_that_keeps_what_the_store_promises) {
  const auto is_refused = [](FileSystemKind kind, StoredDurability durability, StoreUse use,
                             bool any) {
    Options options;
    options.any_file_system = any;
    try {
      require_suitable({kind, "a name"}, durability, use, options, "store");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), make_error_code(errc::unsupported_file_system));
      EXPECT_TRUE(contains(error.what(), "a name")) << error.what();
      return true;
    }
    return false;
  };
  for (const StoredDurability level : {StoredDurability::power, StoredDurability::process}) {
    for (const StoreUse use : {StoreUse::reading, StoreUse::writing}) {
      const bool promises = level == StoredDurability::power && use == StoreUse::writing;
      EXPECT_FALSE(is_refused(FileSystemKind::local, level, use, false));
      EXPECT_EQ(is_refused(FileSystemKind::in_memory, level, use, false), promises);
      EXPECT_EQ(is_refused(FileSystemKind::served, level, use, false), promises);
      EXPECT_TRUE(is_refused(FileSystemKind::remote, level, use, false));
      for (const auto kind : {FileSystemKind::local, FileSystemKind::in_memory,
                              FileSystemKind::served, FileSystemKind::remote}) {
        EXPECT_FALSE(is_refused(kind, level, use, true));
      }
    }
  }
}

}  // namespace
}  // namespace cairn::test

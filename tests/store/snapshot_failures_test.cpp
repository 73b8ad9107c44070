// SPDX-License-Identifier: BSL-1.0
// Store::snapshot where something is in the way: at the destination, in the file system, or a kill.
#include <errno.h>
#include <grp.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cairn/mapping/drill_hooks.hpp"
#include "cairn/recovery/log_format.hpp"
#include "forked_child.hpp"
#include "own_mounts.hpp"
#include "slow_reader.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

using drill::IoKind;

/// Which operation fails, with what; those of `refused` fail always.
struct Failing {
  std::uint64_t at = 0;
  int system_errno = 0;
  std::set<IoKind> refused;
  int refused_with = EOPNOTSUPP;
  std::uint64_t seen = 0;
  std::set<IoKind> kinds;
  IoKind failed{};
} failing;

int fail_operation(const drill::IoOperation& operation) {
  failing.kinds.insert(operation.kind);
  if (failing.refused.contains(operation.kind)) return failing.refused_with;
  if (++failing.seen != failing.at) return 0;
  failing.failed = operation.kind;
  return failing.system_errno;
}

std::uint64_t points_left = 0;

void die_at_point(const char*) {
  if (--points_left == 0) ::raise(SIGKILL);
}

class SnapshotFailures : public StoreTest, public ::testing::WithParamInterface<Durability> {
 protected:
  SnapshotFailures() : sut_(open(how())) {
    // Several pieces.
    sut_.write([](WriteTransaction& tx) { tx.construct<Numbers>("large", 1'200'000U, 1U); });
    push(sut_, 1);
  }
  ~SnapshotFailures() override { drill::set_io_observer(nullptr); }

  static Options how() {
    Options chosen = GetParam() == Durability::power ? power_options() : options();
    chosen.verify_writes = false;
    chosen.lock_timeout = std::chrono::milliseconds(200);
    return chosen;
  }
  std::string copy_path(const std::string& name = "copy") const { return path(name); }
  void remove_copy() const {
    for (const char* const suffix : {"", "-log"}) std::filesystem::remove(copy_path() + suffix);
  }
  void expect_whole_copy() const {
    const Store copy = Store::open_existing(copy_path(), how());
    EXPECT_FALSE(copy.last_recovery().needed) << copy.last_recovery().summary();
    EXPECT_EQ(numbers(copy), Values{1});
    EXPECT_EQ(numbers(copy, "large"), Values(1'200'000, 1));
    expect_sound(copy);
  }
  /// The store that was copied, and nothing beside it.
  void expect_nothing_left() {
    EXPECT_EQ(directory().names().size(), 2U);
    EXPECT_EQ(numbers(sut_), Values{1});
  }
  void expect_refused(errc code, const std::string& at, const std::string& named) {
    const auto before = directory().names().size();
    expect_error(code, named, {}, [&] { sut_.snapshot(at); });
    EXPECT_EQ(directory().names().size(), before);
  }

  /// Operation `at` fails, 0 none, and whatever is `refused`.
  static void watch(std::uint64_t at, int system_errno, const std::set<IoKind>& refused = {},
                    int refused_with = EOPNOTSUPP) {
    failing = {};
    failing.at = at;
    failing.system_errno = system_errno;
    failing.refused = refused;
    failing.refused_with = refused_with;
    drill::set_io_observer(&fail_operation);
  }
  std::set<IoKind> fail_each_operation(const SnapshotOptions& options, int system_errno,
                                       const std::set<IoKind>& refused);
  std::uint64_t kill_at_each_step(const SnapshotOptions& options) const;

  Store sut_;
};

INSTANTIATE_TEST_SUITE_P(Levels, SnapshotFailures,
                         ::testing::Values(Durability::process, Durability::power),
                         [](const auto& tested) {
                           return std::string(tested.param == Durability::power ? "power"
                                                                                : "process");
                         });

TEST_P(SnapshotFailures, what_stands_at_the_destination_stays_as_it_is) {
  write_bytes(copy_path(), std::vector<std::byte>(100, std::byte{'x'}));
  expect_refused(errc::already_exists, copy_path(), copy_path());
  EXPECT_EQ(read_bytes(copy_path()), std::vector<std::byte>(100, std::byte{'x'}));
  expect_refused(errc::already_exists, path(), path());
  expect_refused(errc::already_exists, path() + "-log", path() + "-log");
  // Its log would take the place of a file that is none.
  write_bytes(copy_path("text-log"), std::vector<std::byte>(100, std::byte{'x'}));
  expect_refused(errc::already_exists, copy_path("text"), copy_path("text-log"));
  EXPECT_EQ(read_bytes(copy_path("text-log")), std::vector<std::byte>(100, std::byte{'x'}));
  expect_refused(errc::is_directory, directory().path(), directory().path());
  ASSERT_EQ(::symlink("nowhere", path("symbolic").c_str()), 0);
  expect_refused(errc::not_a_regular_file, path("symbolic"), path("symbolic"));
  EXPECT_EQ(numbers(sut_), Values{1});
}

TEST_P(SnapshotFailures, a_name_in_no_directory_and_one_too_long_are_refused_at_once) {
  expect_refused(errc::not_found, path("absent/copy"), path("absent"));
  expect_refused(errc::invalid_argument, "", "a path");
  // Which the log's would be.
  expect_refused(errc::io, path(std::string(253, 'n')), "nnn");
  expect_nothing_left();
}

TEST_P(SnapshotFailures, a_directory_without_permission_to_write_is_permission_denied) {
  std::filesystem::create_directory(path("closed"));
  ::chmod(directory().path().c_str(), 0755);
  ::chmod(path("closed").c_str(), 0555);
  ::chmod(path().c_str(), 0644);
  ::chmod((path() + "-log").c_str(), 0644);
  sut_.close();
  EXPECT_TRUE(ForkedChild([&] {
                constexpr unsigned nobody = 65534;
                if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setgid(nobody) != 0 ||
                                         ::setuid(nobody) != 0)) {
                  return false;
                }
                const Store store = Store::open_read_only(path(), how());
                const Error error = error_of([&] { store.snapshot(path("closed/copy")); });
                return error == errc::permission_denied;
              }).succeeded());
  EXPECT_TRUE(std::filesystem::is_empty(path("closed")));
}

TEST_P(SnapshotFailures, a_log_without_a_data_file_gives_way) {
  {
    Store other = Store::create(copy_path(), how());
    other.close();
  }
  std::filesystem::remove(copy_path());
  sut_.snapshot(copy_path());
  expect_whole_copy();
}

TEST_P(SnapshotFailures, a_store_that_comes_into_being_there_meanwhile_is_left_alone) {
  SnapshotOptions raced;
  raced.progress = [&](const SnapshotProgress& progress) {
    if (progress.done_bytes == progress.total_bytes) Store::create(copy_path(), how());
  };
  expect_error(errc::already_exists, copy_path(), {}, [&] { sut_.snapshot(copy_path(), raced); });
  Store other = Store::open_existing(copy_path(), how());
  EXPECT_EQ(numbers(other), Values{});
  push(other, 5);
}

TEST_P(SnapshotFailures, whoever_is_creating_a_store_there_is_waited_for_and_named) {
  const File log = File::open_or_create(copy_path() + "-log", 0600);
  const ByteLock creating = ByteLock::acquire(log, 0, std::chrono::milliseconds(0), "a test");
  expect_error(errc::timeout, copy_path() + "-log", {"creating"},
               [&] { sut_.snapshot(copy_path()); });
  EXPECT_FALSE(std::filesystem::exists(copy_path()));
}

/// Lets the operations of a snapshot fail, one after the other, each in a snapshot of its own;
/// returns which kinds did.
std::set<IoKind> SnapshotFailures::fail_each_operation(const SnapshotOptions& options,
                                                       int system_errno,
                                                       const std::set<IoKind>& refused) {
  std::set<IoKind> failed;
  for (std::uint64_t at = 1;; ++at) {
    SCOPED_TRACE(std::to_string(at) + (system_errno == EIO ? ": EIO" : ": ENOSPC"));
    watch(at, system_errno, refused);
    std::optional<Error> error;
    try {
      sut_.snapshot(copy_path(), options);
    } catch (const Error& caught) {
      error = caught;
    }
    drill::set_io_observer(nullptr);
    if (!error) {
      EXPECT_LT(failing.seen, at) << "a failure went unseen";
      break;
    }
    failed.insert(failing.failed);
    const bool is_io = system_errno == EIO || failing.failed == IoKind::sync;
    EXPECT_EQ(error->code(), make_error_code(is_io ? errc::io : errc::no_space)) << error->what();
    EXPECT_EQ(error->system_errno(), system_errno) << error->what();
    expect_nothing_left();
  }
  expect_whole_copy();
  remove_copy();
  return failed;
}

TEST_P(SnapshotFailures, each_operation_that_fails_is_named_and_leaves_nothing) {
  std::set<IoKind> failed;
  const auto sweep = [&](bool share_blocks, const std::set<IoKind>& refused = {}) {
    SnapshotOptions options;
    options.share_blocks = share_blocks;
    for (const int system_errno : {EIO, ENOSPC}) {
      failed.merge(fail_each_operation(options, system_errno, refused));
    }
  };
  sweep(true);
  sweep(true, {IoKind::clone});
  sweep(false);
  // From an overlay.
  SlowReader reader(sut_);
  sut_.write([](WriteTransaction& tx) { tx.construct<std::uint64_t>("other", 1U); });
  sweep(true);
  reader.leave();
  EXPECT_EQ(failed, (std::set{IoKind::write, IoKind::allocate, IoKind::truncate, IoKind::sync,
                              IoKind::sync_directory, IoKind::link, IoKind::clone, IoKind::copy,
                              IoKind::write_back}));
  push(sut_, 2);
  expect_sound(sut_);
}

TEST_P(SnapshotFailures, what_the_system_cannot_do_is_done_another_way) {
  for (const int system_errno : {EOPNOTSUPP, EXDEV, EINVAL, ENOSYS, ENOTTY, EPERM}) {
    for (const std::set<IoKind>& refused :
         {std::set{IoKind::clone}, std::set{IoKind::clone, IoKind::copy},
          std::set{IoKind::clone, IoKind::copy, IoKind::write_back}}) {
      watch(0, 0, refused, system_errno);
      sut_.snapshot(copy_path());
      drill::set_io_observer(nullptr);
      EXPECT_TRUE(std::includes(failing.kinds.begin(), failing.kinds.end(), refused.begin(),
                                refused.end()));
      expect_whole_copy();
      remove_copy();
    }
  }
}

TEST_P(SnapshotFailures, where_sharing_is_not_wanted_nothing_is_shared) {
  SnapshotOptions copying;
  copying.share_blocks = false;
  copying.progress = [](const SnapshotProgress& progress) { EXPECT_FALSE(progress.shares_blocks); };
  watch(0, 0);
  sut_.snapshot(copy_path(), copying);
  EXPECT_FALSE(failing.kinds.contains(IoKind::clone));
  EXPECT_FALSE(failing.kinds.contains(IoKind::copy)) << "which shares blocks where it can";
  expect_whole_copy();
}

/// Returns how many kills there were.
std::uint64_t SnapshotFailures::kill_at_each_step(const SnapshotOptions& options) const {
  std::uint64_t whole = 0;
  for (std::uint64_t at = 1;; ++at) {
    SCOPED_TRACE(at);
    ForkedChild child([&] {
      const Store store = open(how());
      points_left = at;
      drill::set_crash_observer(&die_at_point);
      store.snapshot(copy_path(), options);
      drill::set_crash_observer(nullptr);
      return true;
    });
    const bool ended = !child.was_killed();
    if (std::filesystem::exists(copy_path())) {
      ++whole;
    } else {
      // What is left of the log, if anything, is in nobody's way.
      open(how()).snapshot(copy_path(), options);
    }
    expect_whole_copy();
    remove_copy();
    if (!ended) continue;
    EXPECT_GT(whole, 1U) << "no kill came behind the last name";
    return at - 1;
  }
}

TEST_P(SnapshotFailures, a_kill_at_any_step_leaves_no_store_or_a_whole_one) {
  sut_.close();
  SnapshotOptions copying;
  copying.share_blocks = false;
  EXPECT_GT(kill_at_each_step(copying), 12U);
  EXPECT_GT(kill_at_each_step({}), 8U);
  EXPECT_EQ(directory().names().size(), 2U);
}

TEST_P(SnapshotFailures, a_disk_that_is_full_is_no_space_and_nothing_is_left) {
  constexpr std::uint64_t cannot_mount = 2;
  const Channel channel;
  std::filesystem::create_directory(path("small"));
  sut_.close();
  ForkedChild child([&] {
    if (!begin_own_mounts() ||
        ::mount("small", path("small").c_str(), "tmpfs", 0, "size=6m") != 0) {
      channel.tell_parent(cannot_mount);
      return true;
    }
    channel.tell_parent(1);
    const Store store = open(how());
    const Error error = error_of([&] { store.snapshot(path("small/copy")); });
    return error == errc::no_space && std::filesystem::is_empty(path("small")) &&
           numbers(store) == Values{1};
  });
  const bool mounted = channel.hear_child() != cannot_mount;
  EXPECT_TRUE(child.succeeded());
  if (!mounted) GTEST_SKIP() << "no permission to mount";
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cairn/recovery/log_format.hpp"
#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

/// Whatever stands under the path: an error of its own, with the path and the numbers, and nothing
/// in the directory has changed.
class BadInput : public StoreTest {
 protected:
  void expect_refused(errc code, const std::vector<std::string>& parts) const {
    const std::vector<std::string> names = directory().names();
    expect_error(code, path(), parts, [&] { open(); });
    expect_error(code, path(), parts, [&] { Store::open_existing(path(), options()); });
    EXPECT_EQ(directory().names().size(), names.size());
  }
  /// Changes one field of the identity and makes the checksum right again.
  template <class Change>
  void edit_identity(Change change) const {
    auto identity = read_struct<Identity>(path(), 0);
    change(identity);
    identity.checksum = struct_checksum(identity, 0);
    write_struct(path(), 0, identity);
  }
};

TEST_F(BadInput, a_file_that_is_no_store) {
  const std::string text(100'000, 'x');
  std::vector<std::byte> bytes(text.size(), std::byte{'x'});
  write_bytes(path(), bytes);
  expect_refused(errc::not_a_store, {"100000"});
  EXPECT_EQ(read_bytes(path()), bytes);
}

TEST_F(BadInput, the_log_of_a_store_in_its_place) {
  open();
  const std::string log = path() + "-log";
  const std::vector<std::byte> bytes = read_bytes(log);
  expect_error(errc::not_a_store, log, {"it is the log", "data file"},
               [&] { Store::open_existing(log, options()); });
  EXPECT_EQ(read_bytes(log), bytes);
}

TEST_F(BadInput, a_directory) {
  ASSERT_EQ(::mkdir(path().c_str(), 0700), 0);
  expect_refused(errc::is_directory, {});
}

TEST_F(BadInput, a_fifo_without_waiting_for_its_other_end) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  expect_refused(errc::not_a_regular_file, {});
}

TEST_F(BadInput, a_device_and_a_socket) {
  expect_error(errc::not_a_regular_file, "/dev/null", {},
               [&] { Store::open_existing("/dev/null", options()); });
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string place = path();
  ASSERT_LT(place.size(), sizeof address.sun_path);
  std::copy(place.begin(), place.end(), address.sun_path);
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  expect_refused(errc::not_a_regular_file, {});
  ::close(socket);
}

TEST_F(BadInput, an_empty_file) {
  write_bytes(path(), {});
  expect_refused(errc::empty_file, {"0 bytes"});
}

TEST_F(BadInput, a_file_of_one_byte) {
  for (const char byte : {'c', 'x'}) {
    write_bytes(path(), {static_cast<std::byte>(byte)});
    expect_refused(errc::not_a_store, {"1 byte"});
  }
}

TEST_F(BadInput, a_path_through_nothing_or_through_a_file) {
  expect_error(errc::not_found, path("absent/store"), {},
               [&] { Store::open(path("absent/store"), options()); });
  write_bytes(path("file"), {});
  const Error error = error_of([&] { Store::open(path("file/store"), options()); });
  EXPECT_TRUE(contains(error.what(), path("file/store"))) << error.what();
  expect_error(errc::invalid_argument, "", {"path"}, [] { Store::open("", options()); });
  EXPECT_FALSE(std::filesystem::exists("-log"));
  EXPECT_THROW(Store::open(std::string(5000, 'n'), options()), Error);
}

TEST_F(BadInput, another_format_version) {
  { const Store made = open(); }
  edit_identity([](Identity& identity) { identity.version = 7; });
  expect_refused(errc::version_mismatch, {"7", std::to_string(format_version)});
}

TEST_F(BadInput, features_byte_order_and_page_size_of_another_kind) {
  { const Store made = open(); }
  const auto good = read_struct<Identity>(path(), 0);
  edit_identity([](Identity& identity) { identity.features = 4; });
  expect_refused(errc::version_mismatch, {"4"});
  write_struct(path(), 0, good);
  edit_identity([](Identity& identity) { identity.page_size = 16384; });
  expect_refused(errc::version_mismatch, {"16384", "4096"});
  write_struct(path(), 0, good);
  edit_identity([](Identity& identity) { identity.byte_order = 0x04030201; });
  expect_refused(errc::version_mismatch, {"byte order"});
  write_struct(path(), 0, good);
  edit_identity([](Identity& identity) { identity.durability = static_cast<StoredDurability>(9); });
  const Error error = error_of([&] { Store::open(path(), Options{}); });
  EXPECT_EQ(error.code(), make_error_code(errc::version_mismatch)) << error.what();
  write_struct(path(), 0, good);
  EXPECT_EQ(open().sequence(), 1U);
}

TEST_F(BadInput, a_log_of_another_version) {
  { const Store made = open(); }
  auto identity = read_struct<LogIdentity>(path() + "-log", 0);
  identity.version = 8;
  identity.checksum = struct_checksum(identity, 0);
  write_struct(path() + "-log", 0, identity);
  expect_refused(errc::version_mismatch, {"-log", "8"});
}

TEST_F(BadInput, a_log_cut_short) {
  {
    Store store = open();
    push(store, 1);
  }
  const std::vector<std::byte> whole = read_bytes(path() + "-log");
  for (std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{63}, std::size_t{64},
                             std::size_t{4096}, std::size_t{5000}, whole.size() - 1}) {
    write_bytes(path() + "-log", {whole.begin(), whole.begin() + static_cast<long>(length)});
    const Error error = error_of([&] { open(); });
    EXPECT_TRUE(error == errc::truncated || error == errc::corrupt) << error.what();
    EXPECT_TRUE(contains(error.what(), path() + "-log")) << error.what();
  }
  write_bytes(path() + "-log", whole);
  EXPECT_EQ(numbers(open()), Values{1});
}

TEST_F(BadInput, no_permission) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can give its permissions up and take them back";
  }
  { const Store made = open(); }
  ASSERT_EQ(::chmod(directory().path().c_str(), 0755), 0);
  const auto as_nobody = [](const std::function<void()>& body) {
    return ForkedChild([&] {
             if (::setegid(65534) != 0 || ::seteuid(65534) != 0) return false;
             body();
             return !::testing::Test::HasFailure();
           })
        .succeeded();
  };
  EXPECT_TRUE(as_nobody([&] { expect_refused(errc::permission_denied, {"Permission denied"}); }));
  EXPECT_TRUE(as_nobody([&] {
    expect_error(errc::permission_denied, path("new"), {},
                 [&] { Store::open(path("new"), options()); });
  }));
  ASSERT_EQ(::chmod(path().c_str(), 0644), 0);
  EXPECT_TRUE(as_nobody([&] { expect_refused(errc::permission_denied, {"Permission denied"}); }));
  EXPECT_EQ(open().sequence(), 1U);
}

/// A file system of a few hundred KiB.
class FullDisk : public StoreTest, public ::testing::WithParamInterface<Durability> {
 protected:
  static constexpr const char* size = "size=1m";

  void SetUp() override {
    mount_point_ = path("small");
    ASSERT_EQ(::mkdir(mount_point_.c_str(), 0700), 0);
    if (::mount("tmpfs", mount_point_.c_str(), "tmpfs", 0, size) != 0) {
      GTEST_SKIP() << "cannot mount a small file system: " << std::strerror(errno);
    }
    mounted_ = true;
  }
  void TearDown() override {
    if (!mounted_) return;
    EXPECT_EQ(::umount2(mount_point_.c_str(), MNT_DETACH), 0);
  }
  static Options how() {
    Options small = GetParam() == Durability::power ? power_options() : options();
    small.log_bytes = 64 << 10;
    return small;
  }
  std::string place() const { return mount_point_ + "/store"; }
  std::uint64_t free_bytes() const { return std::filesystem::space(mount_point_).available; }

 private:
  std::string mount_point_;
  bool mounted_ = false;
};

INSTANTIATE_TEST_SUITE_P(Levels, FullDisk,
                         ::testing::Values(Durability::process, Durability::power),
                         [](const auto& level) {
                           return std::string(level.param == Durability::power ? "power"
                                                                               : "process");
                         });

TEST_P(FullDisk, growth_that_does_not_fit_is_taken_back) {
  Store sut = Store::open(place(), how());
  push(sut, 1);
  const std::uint64_t file = sut.size();
  const std::uint64_t used = sut.used();
  for (int i = 0; i < 3; ++i) {
    expect_error(errc::no_space, place(), {"grow", "No space left"}, [&] {
      sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("big", 200'000U, 1U); });
    });
    EXPECT_EQ(sut.size(), file);
    EXPECT_EQ(sut.used(), used);
    EXPECT_EQ(numbers(sut), Values{1});
    expect_sound(sut);
  }
  push(sut, 2);
  EXPECT_EQ(numbers(sut), (Values{1, 2}));
}

TEST_P(FullDisk, the_last_room_is_used_to_the_end_and_nothing_is_lost) {
  std::uint64_t kept = 0;
  {
    Store sut = Store::open(place(), how());
    bool full = false;
    while (!full) {
      try {
        sut.write([&](WriteTransaction& tx) {
          auto& texts = tx.find_or_construct<Vec<String>>("texts");
          for (int i = 0; i < 50; ++i) texts.emplace_back(std::string(200, 'x'));
        });
        kept += 50;
      } catch (const Error& error) {
        ASSERT_EQ(error.code(), make_error_code(errc::no_space)) << error.what();
        full = true;
      }
    }
    EXPECT_GT(kept, 100U);
    EXPECT_LT(free_bytes(), 512U << 10);
    expect_sound(sut);
  }
  Store sut = Store::open(place(), how());
  EXPECT_EQ(
      sut.read([](const ReadTransaction& tx) { return tx.find<Vec<String>>("texts")->size(); }),
      kept);
  sut.write([](WriteTransaction& tx) { tx.destroy<Vec<String>>("texts"); });
  sut.shrink_to_usage();
  push(sut, 1);
  expect_sound(sut);
}

TEST_P(FullDisk, a_log_that_cannot_grow_leaves_the_store_usable) {
  Store sut = Store::open(place(), how());
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("wide", 40'000U, 1U); });
  const std::uint64_t log = std::filesystem::file_size(place() + "-log");
  expect_error(errc::no_space, place(), {}, [&] {
    sut.write([](WriteTransaction& tx) {
      for (auto& each : *tx.find<Numbers>("wide")) each = 2;
    });
  });
  EXPECT_EQ(std::filesystem::file_size(place() + "-log"), log);
  EXPECT_EQ(numbers(sut, "wide"), Values(40'000, 1));
  push(sut, 1);
  expect_sound(sut);
}

TEST_P(FullDisk, a_store_that_does_not_fit_is_not_created) {
  Options large = how();
  large.initial_bytes = 4 << 20;
  expect_error(errc::no_space, place(), {"No space left"}, [&] { Store::open(place(), large); });
  EXPECT_FALSE(std::filesystem::exists(place()));
  Options deep = how();
  deep.log_bytes = 4 << 20;
  expect_error(errc::no_space, place(), {"No space left"}, [&] { Store::open(place(), deep); });
  EXPECT_FALSE(std::filesystem::exists(place()));
  Store sut = Store::open(place(), how());
  push(sut, 1);
  EXPECT_EQ(numbers(sut), Values{1});
}

TEST_P(FullDisk, resizing_ahead_that_does_not_fit_changes_nothing) {
  Store sut = Store::open(place(), how());
  const std::uint64_t before = sut.size();
  expect_error(errc::no_space, place(), {}, [&] { sut.resize_file(64 << 20); });
  EXPECT_EQ(sut.size(), before);
  push(sut, 1);
  EXPECT_EQ(numbers(sut), Values{1});
}

}  // namespace
}  // namespace cairn::test

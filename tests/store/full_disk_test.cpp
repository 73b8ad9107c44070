// SPDX-License-Identifier: BSL-1.0
#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "forked_child.hpp"
#include "own_mounts.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

/// A store on a disk that is really full: a small file system, and a file that takes the rest of
/// it.
class FullDisk : public StoreTest, public ::testing::WithParamInterface<Durability> {
 protected:
  static Options how() {
    Options small = GetParam() == Durability::power ? power_options() : options();
    small.log_bytes = 64 << 10;
    return small;
  }
  std::string small_path(const std::string& name = "store") const { return path("small/" + name); }

  /// In a process with a mount of its own, which nobody else sees.
  void on_small_disk(const std::function<bool()>& body) const {
    constexpr std::uint64_t cannot_mount = 2;
    const Channel channel;
    std::filesystem::create_directory(path("small"));
    ForkedChild child([&] {
      if (!begin_own_mounts() ||
          ::mount("small", path("small").c_str(), "tmpfs", 0, "size=8m") != 0) {
        channel.tell_parent(cannot_mount);
        return true;
      }
      channel.tell_parent(1);
      return body() && !HasFailure();
    });
    const bool mounted = channel.hear_child() != cannot_mount;
    EXPECT_TRUE(child.succeeded());
    if (!mounted) GTEST_SKIP() << "no permission to mount";
  }
  void take_all_room() const {
    std::ofstream filler(small_path("filler"), std::ios::binary);
    const std::string page(page_bytes, 'x');
    while (filler.write(page.data(), static_cast<std::streamsize>(page.size())).flush()) {
    }
  }
  void free_room() const { std::filesystem::remove(small_path("filler")); }
  static void append(Store& store, std::size_t count) {
    store.write([&](WriteTransaction& tx) {
      auto& many = tx.find_or_construct<Numbers>("many");
      for (std::size_t i = 0; i < count; ++i) many.push_back(i);
    });
  }
};

INSTANTIATE_TEST_SUITE_P(Levels, FullDisk,
                         ::testing::Values(Durability::process, Durability::power),
                         [](const auto& level) {
                           return std::string(level.param == Durability::power ? "power"
                                                                               : "process");
                         });

TEST_P(FullDisk, growth_is_refused_and_works_once_there_is_room) {
  on_small_disk([&] {
    Store sut = Store::open(small_path(), how());
    push(sut, 1);
    sut.resize_file(1 << 20);
    take_all_room();
    const std::uint64_t size = sut.size();
    for (int i = 0; i < 3; ++i) {
      expect_error(errc::no_space, small_path(), {"free some room"}, [&] { append(sut, 300'000); });
      EXPECT_EQ(sut.size(), size);
      EXPECT_EQ(std::filesystem::file_size(small_path()), size);
    }
    EXPECT_EQ(numbers(sut), Values{1});
    // What the file is long has room on the disk: no store into it may fault.
    std::size_t filled = 0;
    const std::size_t step = 1000;
    try {
      for (;; filled += step) append(sut, step);
    } catch (const Error& error) {
      EXPECT_TRUE(error == errc::no_space) << error.what();
    }
    EXPECT_GT(filled, 0U);
    EXPECT_EQ(numbers(sut, "many").size(), filled);
    expect_sound(sut);
    free_room();
    append(sut, 300'000);
    EXPECT_EQ(numbers(sut, "many").size(), filled + 300'000);
    sut.close();
    expect_sound(Store::open_existing(small_path(), how()));
    return true;
  });
}

TEST_P(FullDisk, a_log_that_cannot_grow_refuses_the_commit) {
  on_small_disk([&] {
    Store sut = Store::open(small_path(), how());
    append(sut, 50'000);
    take_all_room();
    const auto overwrite = [&] {
      sut.write([](WriteTransaction& tx) {
        for (auto& each : *tx.find<Numbers>("many")) each = 7;
      });
    };
    const std::uint64_t log_bytes = std::filesystem::file_size(small_path("store-log"));
    expect_error(errc::no_space, small_path("store-log"), {}, overwrite);
    EXPECT_EQ(std::filesystem::file_size(small_path("store-log")), log_bytes);
    push(sut, 1);
    EXPECT_EQ(numbers(sut, "many").back(), 49'999U);
    free_room();
    overwrite();
    EXPECT_EQ(numbers(sut, "many"), Values(50'000, 7));
    expect_sound(sut);
    return true;
  });
}

TEST_P(FullDisk, a_store_that_cannot_be_created_leaves_nothing_in_the_way) {
  on_small_disk([&] {
    take_all_room();
    expect_error(errc::no_space, small_path(), {}, [&] { Store::open(small_path(), how()); });
    EXPECT_FALSE(std::filesystem::exists(small_path()));
    EXPECT_FALSE(std::filesystem::exists(small_path("store-log")));
    free_room();
    Store sut = Store::open(small_path(), how());
    push(sut, 1);
    return numbers(sut) == Values{1};
  });
}

}  // namespace
}  // namespace cairn::test

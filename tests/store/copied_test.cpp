// SPDX-License-Identifier: BSL-1.0
#include <filesystem>

#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

/// The two files copied by whatever copies files, at both levels.
class Copied : public StoreTest, public ::testing::WithParamInterface<Durability> {
 protected:
  static Options how() {
    Options chosen = options();
    chosen.durability = GetParam();
    return chosen;
  }
  static Options accepting() {
    Options chosen = how();
    chosen.accept_copy = true;
    return chosen;
  }
  std::string copy_path() const { return path("copy"); }
  void copy() const {
    for (const char* const suffix : {"", "-log"}) {
      std::filesystem::copy_file(path() + suffix, copy_path() + suffix,
                                 std::filesystem::copy_options::overwrite_existing);
    }
  }
  void remove_copy() const {
    for (const char* const suffix : {"", "-log"}) std::filesystem::remove(copy_path() + suffix);
  }
};

TEST_P(Copied, a_copy_of_a_closed_store_is_a_store) {
  {
    Store store = open(how());
    push(store, 1);
    store.close();
  }
  copy();
  Store sut = Store::open(copy_path(), how());
  EXPECT_EQ(numbers(sut), Values{1});
  push(sut, 2);
  sut.close();
  EXPECT_EQ(numbers(Store::open(copy_path(), how())), (Values{1, 2}));
  EXPECT_EQ(numbers(open(how())), Values{1});
}

TEST_P(Copied, one_that_is_taken_while_another_writes_is_refused_by_name) {
  {
    Store made = open(how());
    push(made, 0);
  }
  const Channel channel;
  ForkedChild writer([&] {
    Store store = open(how());
    for (std::uint64_t value = 1;; ++value) {
      store.write([&](WriteTransaction& tx) {
        // Pages far apart, which no copy takes at once.
        for (const char* const name : {"first", "second"}) {
          auto& values = tx.find_or_construct<Numbers>(name);
          values.resize(20'000);
          values.front() = value;
          values.back() = value;
        }
      });
      if (value == 1) channel.tell_parent();
    }
    return true;
  });
  channel.hear_child();
  for (int i = 0; i < 20; ++i) {
    copy();
    expect_error(errc::copied_while_open, copy_path(), {"inode", "accept_copy"},
                 [&] { Store::open(copy_path(), how()); });
    const Error error = error_of([&] { Store::open_read_only(copy_path(), how()); });
    EXPECT_EQ(error.code(), make_error_code(errc::copied_while_open)) << error.what();
    remove_copy();
  }
  writer.kill_now();
  Store sut = open(how());
  sut.read([](const ReadTransaction& tx) {
    EXPECT_EQ(tx.find<Numbers>("first")->back(), tx.find<Numbers>("second")->front());
  });
}

TEST_P(Copied, one_of_an_open_store_that_has_written_is_refused_and_one_of_an_idle_store_is_not) {
  Store store = open(how());
  copy();
  {
    const Store idle = Store::open(copy_path(), how());
    EXPECT_EQ(numbers(idle), Values{});
  }
  remove_copy();
  push(store, 1);
  copy();
  expect_error(errc::copied_while_open, copy_path(), {}, [&] { Store::open(copy_path(), how()); });
}

TEST_P(Copied, one_that_is_known_to_be_whole_may_be_accepted) {
  ForkedChild dying([&] {
    Store store = open(how());
    push(store, 1);
    push(store, 2);
    ::kill(::getpid(), SIGKILL);
    return true;
  });
  EXPECT_TRUE(dying.was_killed());
  copy();
  expect_error(errc::copied_while_open, copy_path(), {}, [&] { Store::open(copy_path(), how()); });
  {
    Store sut = Store::open(copy_path(), accepting());
    EXPECT_EQ(numbers(sut), (Values{1, 2}));
    expect_sound(sut);
    push(sut, 3);
    sut.close();
  }
  // Accepted once, it is an original.
  EXPECT_EQ(numbers(Store::open(copy_path(), how())), (Values{1, 2, 3}));
  EXPECT_EQ(numbers(open(how())), (Values{1, 2}));
}

TEST_P(Copied, a_store_that_was_moved_is_what_it_was) {
  ForkedChild dying([&] {
    Store store = open(how());
    push(store, 1);
    ::kill(::getpid(), SIGKILL);
    return true;
  });
  EXPECT_TRUE(dying.was_killed());
  for (const char* const suffix : {"", "-log"}) {
    std::filesystem::rename(path() + suffix, copy_path() + suffix);
  }
  EXPECT_EQ(numbers(Store::open(copy_path(), how())), Values{1});
}

INSTANTIATE_TEST_SUITE_P(Levels, Copied, ::testing::Values(Durability::process, Durability::power),
                         [](const auto& tested) {
                           return tested.param == Durability::process ? "process" : "power";
                         });

}  // namespace
}  // namespace cairn::test

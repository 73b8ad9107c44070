// SPDX-License-Identifier: BSL-1.0
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

/// Files that lose their names to others while the store is open. Writing on would be for nobody:
/// who opens the path finds another file.
class Replaced : public StoreTest {
 protected:
  void expect_refused(Store& store, const std::string& name) const {
    expect_error(errc::replaced, name, {}, [&] { store.begin_write(); });
    expect_error(errc::replaced, name, {}, [&] { push(store, 99); });
    expect_error(errc::replaced, name, {}, [&] { store.resize_file(1 << 20); });
  }
};

TEST_F(Replaced, a_writer_whose_file_was_unlinked_is_refused_and_goes_on_reading_and_closes) {
  Store sut = open();
  push(sut, 1);
  std::filesystem::remove(path());
  expect_refused(sut, path());
  EXPECT_EQ(numbers(sut), Values{1});
  EXPECT_EQ(sut.processes().at(0).phase, ProcessPhase::idle);
  sut.close();
}

TEST_F(Replaced, a_writer_whose_file_gave_way_to_another_store_leaves_that_alone) {
  {
    Store other = Store::open(path("other"), options());
    push(other, 7);
    other.close();
  }
  Store sut = open();
  push(sut, 1);
  std::filesystem::rename(path("other"), path());
  std::filesystem::rename(path("other") + "-log", path() + "-log");
  expect_refused(sut, path());
  sut.close();
  Store found = open();
  EXPECT_EQ(numbers(found), Values{7});
  push(found, 8);
  expect_sound(found);
}

TEST_F(Replaced, a_file_that_was_moved_away_is_refused_until_it_is_back) {
  Store sut = open();
  push(sut, 1);
  std::filesystem::rename(path(), path("aside"));
  expect_refused(sut, path());
  std::filesystem::rename(path("aside"), path());
  push(sut, 2);
  EXPECT_EQ(numbers(sut), (Values{1, 2}));
}

TEST_F(Replaced, a_lost_log_is_as_bad) {
  Store sut = open();
  push(sut, 1);
  std::filesystem::rename(path() + "-log", path("aside"));
  expect_refused(sut, path() + "-log");
  std::filesystem::rename(path("aside"), path() + "-log");
  push(sut, 2);
}

TEST_F(Replaced, a_loop_of_writes_that_never_pauses_notices) {
  Store sut = open();
  push(sut, 1);
  std::thread remover([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::filesystem::remove(path());
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  bool noticed = false;
  while (!noticed && std::chrono::steady_clock::now() < deadline) {
    try {
      sut.write([](WriteTransaction& tx) { ++tx.find<Numbers>("numbers")->front(); });
    } catch (const Error& error) {
      noticed = error == errc::replaced;
    }
  }
  remover.join();
  EXPECT_TRUE(noticed);
}

TEST_F(Replaced, another_process_that_opens_the_new_store_and_the_old_writer_do_not_mix) {
  Store sut = open();
  push(sut, 1);
  remove_store();
  EXPECT_TRUE(ForkedChild([&] {
                Store fresh = open();
                push(fresh, 5);
                return numbers(fresh) == Values{5} && fresh.processes().size() == 1;
              }).succeeded());
  expect_refused(sut, path());
  sut.close();
  EXPECT_EQ(numbers(open()), Values{5});
}

TEST_F(Replaced, where_the_process_works_or_what_its_directory_is_called_does_not_matter) {
  ASSERT_EQ(::mkdir(path("here").c_str(), 0700), 0);
  ASSERT_EQ(::mkdir(path("there").c_str(), 0700), 0);
  EXPECT_TRUE(ForkedChild([&] {
                std::filesystem::current_path(path("here"));
                Store sut = Store::open("relative", options());
                push(sut, 1);
                std::filesystem::current_path(path("there"));
                push(sut, 2);
                std::filesystem::rename(path("here"), path("elsewhere"));
                push(sut, 3);
                std::filesystem::remove(path("elsewhere") + "/relative");
                return error_of([&] { push(sut, 4); }) == errc::replaced;
              }).succeeded());
}

TEST_F(Replaced, two_threads_that_close_at_once_both_come_to_an_end) {
  for (int round = 0; round < 20; ++round) {
    Store sut = open();
    push(sut, 1);
    std::thread other([&] {
      Store twin = sut;
      try {
        twin.close();
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), errc::closed);
      }
    });
    try {
      sut.close();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), errc::closed);
    }
    other.join();
  }
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#include <sys/stat.h>
#include <unistd.h>

#include <latch>
#include <optional>
#include <thread>

#include "cairn/recovery/log_format.hpp"
#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

class Opening : public StoreTest {
 protected:
  static mode_t mode(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  }
};

TEST_F(Opening, creates_what_is_absent_and_only_that) {
  expect_error(errc::not_found, path(), {}, [&] { Store::open_existing(path(), options()); });
  EXPECT_TRUE(directory().names().empty());
  { const Store made = Store::create(path(), options()); }
  EXPECT_EQ(directory().names().size(), 2U);
  expect_error(errc::already_exists, path(), {}, [&] { Store::create(path(), options()); });
  EXPECT_EQ(Store::open_existing(path(), options()).sequence(), 1U);
  EXPECT_EQ(open().sequence(), 1U);
}

TEST_F(Opening, a_directory_that_is_not_there_is_named_with_the_store) {
  const std::string lost = path("nowhere") + "/store";
  for (const bool creating : {false, true}) {
    const Error error =
        error_of([&] { creating ? Store::create(lost, options()) : Store::open(lost, options()); });
    EXPECT_EQ(error.code(), make_error_code(errc::not_found));
    EXPECT_EQ(error.path(), lost);
    EXPECT_TRUE(contains(error.what(), "directory that it is to stand in does not exist"))
        << error.what();
    EXPECT_FALSE(contains(error.what(), "-log")) << error.what();
  }
  EXPECT_TRUE(directory().names().empty());
}

TEST_F(Opening, create_leaves_nothing_beside_what_it_refuses) {
  write_bytes(path("notes"), {std::byte{'x'}});
  ASSERT_EQ(::mkdir(path("folder").c_str(), 0700), 0);
  expect_error(errc::already_exists, path("notes"), {},
               [&] { Store::create(path("notes"), options()); });
  expect_error(errc::is_directory, path("folder"), {},
               [&] { Store::create(path("folder"), options()); });
  EXPECT_EQ(directory().names().size(), 2U);
  EXPECT_EQ(read_bytes(path("notes")).size(), 1U);
}

TEST_F(Opening, a_new_store_is_small_and_empty) {
  Options how;
  how.durability = Durability::process;
  const Store sut = Store::open(path(), how);
  EXPECT_LE(std::filesystem::file_size(path()) + std::filesystem::file_size(path() + "-log"),
            3U << 19);
  EXPECT_EQ(sut.limit(), std::uint64_t{256} << 30);
  EXPECT_EQ(sut.used(), 0U);
  EXPECT_EQ(sut.path(), path());
  EXPECT_EQ(sut.durability(), Durability::process);
  EXPECT_FALSE(sut.last_recovery().needed);
  expect_sound(sut);
}

TEST_F(Opening, permissions_are_exact_whatever_the_umask) {
  for (const mode_t mask : {0000U, 0777U}) {
    for (const std::uint32_t wanted : {0600U, 0664U}) {
      Options how = options();
      how.permissions = wanted;
      const std::string name = "store" + std::to_string(mask) + std::to_string(wanted);
      const mode_t before = ::umask(mask);
      { const Store made = Store::open(path(name), how); }
      ::umask(before);
      EXPECT_EQ(mode(path(name)), wanted);
      EXPECT_EQ(mode(path(name) + "-log"), wanted);
    }
  }
}

TEST_F(Opening, one_file_is_one_store_in_a_process_whatever_it_is_called) {
  Store first = open();
  Store second = open();
  ASSERT_EQ(::link(path().c_str(), path("link").c_str()), 0);
  Store third = Store::open(path("link"), options());
  push(first, 1);
  push(second, 2);
  push(third, 3);
  EXPECT_EQ(numbers(first), (Values{1, 2, 3}));
  EXPECT_EQ(first.processes().size(), 1U);
  WriteTransaction tx = first.begin_write();
  EXPECT_EQ(error_of([&] { third.begin_write(); }).code(), errc::transaction_active);
}

TEST_F(Opening, a_symbolic_link_is_refused_whether_it_leads_to_a_store_or_nowhere) {
  const Store made = open();
  ASSERT_EQ(::symlink(path().c_str(), path("symbolic").c_str()), 0);
  expect_error(errc::not_a_regular_file, path("symbolic"), {"symbolic link"},
               [&] { Store::open(path("symbolic"), options()); });
  ASSERT_EQ(::symlink(path("nothing").c_str(), path("dangling").c_str()), 0);
  expect_error(errc::not_a_regular_file, path("dangling"), {"symbolic link"},
               [&] { Store::open(path("dangling"), options()); });
  EXPECT_EQ(directory().names().size(), 4U);
}

TEST_F(Opening, threads_that_open_at_once_share_one_store) {
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      Store store = open();
      push(store, i);
    });
  }
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(numbers(open()).size(), 4U);
}

TEST_F(Opening, processes_that_create_at_once_make_one_store) {
  std::vector<ForkedChild> children;
  for (std::uint64_t i = 0; i < 6; ++i) {
    children.emplace_back([&, i] {
      Store store = open();
      push(store, i);
      return true;
    });
  }
  for (ForkedChild& each : children) EXPECT_TRUE(each.succeeded());
  const Store sut = open();
  EXPECT_EQ(numbers(sut).size(), 6U);
  expect_sound(sut);
}

TEST_F(Opening, another_durability_than_the_stores_is_refused_and_none_fits_all) {
  { const Store made = open(power_options()); }
  const auto expect_refused = [&] {
    expect_error(errc::durability_mismatch, path(),
                 {"with Durability::process", "open it with Durability::power", "unset"},
                 [&] { open(options()); });
  };
  expect_refused();
  Options any = options();
  any.durability.reset();
  const Store sut = open(any);
  EXPECT_EQ(sut.durability(), Durability::power);
  expect_refused();
}

TEST_F(Opening, a_store_of_level_process_tells_the_level_that_it_was_opened_with) {
  const Store made = open();
  Options how = options();
  for (const auto& [level, name] :
       {std::pair(Durability::power, "power"), std::pair(Durability::deferred, "deferred")}) {
    how.durability = level;
    expect_error(
        errc::durability_mismatch, path(),
        {"opened with Durability::" + std::string(name) + ";", "open it with Durability::process"},
        [&] { open(how); });
  }
}

TEST_F(Opening, sizes_out_of_range_are_refused_with_the_range) {
  Options how = options();
  how.initial_bytes = std::uint64_t{2} << 30;
  expect_error(errc::invalid_argument, path(), {"initial_bytes", "2147483648", "1073741824"},
               [&] { open(how); });
  how = options();
  how.max_bytes = 4096;
  expect_error(errc::invalid_argument, path(), {"max_bytes", "4096"}, [&] { open(how); });
  how = options();
  how.log_bytes = 1;
  expect_error(errc::invalid_argument, path(), {" log_bytes is 1,"}, [&] { open(how); });
  how = options();
  how.max_log_bytes = 4096;
  expect_error(errc::invalid_argument, path(), {"max_log_bytes is 4096", " 65536 "},
               [&] { open(how); });
  EXPECT_TRUE(directory().names().empty());
}

TEST_F(Opening, a_new_log_keeps_within_max_log_bytes_whatever_size_was_asked_for) {
  Options how = options();
  how.max_log_bytes = 100'000;
  for (const std::uint64_t asked : {Options().log_bytes, std::uint64_t{1} << 63}) {
    how.log_bytes = asked;
    const std::string name = "store" + std::to_string(asked);
    Store sut = Store::create(path(name), how);
    push(sut, 1);
    EXPECT_EQ(numbers(sut), Values{1});
    EXPECT_LE(std::filesystem::file_size(path(name) + "-log"), log_ring_offset + (64U << 10));
  }
}

TEST_F(Opening, a_foreign_file_in_the_logs_place_is_kept) {
  write_bytes(path() + "-log", std::vector<std::byte>(100, std::byte{'x'}));
  expect_error(errc::already_exists, path() + "-log", {}, [&] { open(); });
  EXPECT_EQ(read_bytes(path() + "-log"), std::vector<std::byte>(100, std::byte{'x'}));
  EXPECT_EQ(directory().names().size(), 1U);
}

TEST_F(Opening, the_log_of_a_store_that_was_moved_is_not_replaced) {
  {
    Store old = open();
    push(old, 1);
  }
  std::filesystem::rename(path(), path("moved"));
  const std::vector<std::byte> log = read_bytes(path() + "-log");
  const std::vector<std::string> advice = {"move it to where that is", "remove it"};
  expect_error(errc::already_exists, path() + "-log", advice, [&] { open(); });
  expect_error(errc::already_exists, path() + "-log", advice,
               [&] { Store::create(path(), options()); });
  EXPECT_FALSE(std::filesystem::exists(path()));
  EXPECT_EQ(read_bytes(path() + "-log"), log);
  std::filesystem::rename(path() + "-log", path("moved") + "-log");
  EXPECT_EQ(numbers(Store::open(path("moved"), options())), Values{1});
}

TEST_F(Opening, the_log_of_a_creation_that_was_cut_short_is_replaced) {
  { const Store old = open(); }
  std::filesystem::remove(path());
  std::filesystem::resize_file(path() + "-log", log_ring_offset);
  Store sut = open();
  push(sut, 2);
  EXPECT_EQ(numbers(sut), Values{2});
}

TEST_F(Opening, a_store_without_its_log_or_with_another_log_is_an_error) {
  { const Store made = open(); }
  { const Store made = Store::open(path("other"), options()); }
  std::filesystem::remove(path() + "-log");
  const std::vector<std::string> advice = {"the log that belongs to " + path() + ";",
                                           "put it back beside it"};
  expect_error(errc::not_found, path() + "-log", advice, [&] { open(); });
  expect_error(errc::not_found, path() + "-log", advice,
               [&] { Store::open_read_only(path(), options()); });
  std::filesystem::copy_file(path("other") + "-log", path() + "-log");
  expect_error(errc::corrupt, path() + "-log", {"another store"}, [&] { open(); });
  write_bytes(path() + "-log", std::vector<std::byte>(1 << 20));
  expect_error(errc::corrupt, path() + "-log", {}, [&] { open(); });
}

TEST_F(Opening, a_closed_handle_refuses_by_name_on_every_thread) {
  Store sut = open();
  Store twin = open();
  push(sut, 1);
  sut.close();
  sut.close();
  const auto refused = [&] {
    EXPECT_EQ(error_of([&] { twin.begin_read(); }).code(), errc::closed);
    EXPECT_EQ(error_of([&] { sut.begin_write(); }).code(), errc::closed);
    EXPECT_EQ(error_of([&] { sut.checkpoint(); }).code(), errc::closed);
    EXPECT_EQ(error_of([&] { sut.sequence(); }).code(), errc::closed);
    EXPECT_EQ(error_of([&] { sut.size(); }).code(), errc::closed);
    EXPECT_EQ(error_of([&] { sut.limit(); }).code(), errc::closed);
    EXPECT_EQ(error_of([&] { sut.durability(); }).code(), errc::closed);
    EXPECT_EQ(error_of([&] { sut.last_recovery(); }).code(), errc::closed);
    EXPECT_EQ(error_of([&] { sut.processes(); }).code(), errc::closed);
    EXPECT_EQ(sut.path(), path());
    EXPECT_EQ(error_of([&] { sut.wait_for_change(0, std::chrono::seconds(0)); }).code(),
              errc::closed);
  };
  refused();
  std::thread(refused).join();
  Store again = open();
  EXPECT_EQ(numbers(again), Values{1});
  refused();
  push(again, 2);
  EXPECT_EQ(numbers(again), (Values{1, 2}));
}

TEST_F(Opening, a_failing_open_leaves_no_lock_and_no_slot_behind) {
  { const Store made = open(); }
  auto identity = read_struct<Identity>(path(), 0);
  const Identity good = identity;
  identity.version = 99;
  write_struct(path(), 0, identity);
  for (int i = 0; i < 100; ++i) {
    expect_error(errc::version_mismatch, path(), {"99"}, [&] { open(); });
  }
  write_struct(path(), 0, good);
  std::filesystem::rename(path() + "-log", path("aside"));
  for (int i = 0; i < 100; ++i) {
    expect_error(errc::not_found, path(), {}, [&] { open(); });
  }
  std::filesystem::rename(path("aside"), path() + "-log");
  const Store sut = open();
  EXPECT_EQ(sut.processes().size(), 1U);
}

TEST_F(Opening, waiting_without_end_is_possible) {
  Store sut = open();
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    push(sut, 1);
  });
  EXPECT_EQ(sut.wait_for_change(1, std::chrono::nanoseconds::max()), 2U);
  writer.join();
  EXPECT_EQ(sut.wait_for_change(2, std::chrono::milliseconds(5)), 2U);
}

TEST_F(Opening, time_outs_without_end_are_possible) {
  Options how = options();
  how.lock_timeout = std::chrono::milliseconds::max();
  how.reader_timeout = std::chrono::milliseconds::max();
  how.operation_timeout = std::chrono::milliseconds::max();
  Store sut = open(how);
  std::optional<WriteTransaction> held = sut.begin_write();
  std::latch begun(1);
  std::thread writer([&] {
    begun.count_down();
    push(sut, 1);
  });
  begun.wait();
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  held.reset();
  writer.join();
  std::optional<ReadTransaction> section = sut.begin_read();
  writer = std::thread([&] { push(sut, 2); });
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  section.reset();
  writer.join();
  EXPECT_EQ(numbers(sut), (Values{1, 2}));
}

TEST_F(Opening, a_label_is_shown_as_far_as_it_fits) {
  Options how = options();
  how.label = "a label of more than twenty-three bytes";
  const Store sut = open(how);
  const auto rows = sut.processes();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].label, how.label.substr(0, 23));
  EXPECT_EQ(rows[0].pid, static_cast<std::uint32_t>(::getpid()));
  EXPECT_TRUE(rows[0].alive);
  EXPECT_EQ(rows[0].phase, ProcessPhase::idle);
}

}  // namespace
}  // namespace cairn::test

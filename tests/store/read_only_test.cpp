// SPDX-License-Identifier: BSL-1.0
#include <grp.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <optional>
#include <thread>

#include "forked_child.hpp"
#include "own_mounts.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

struct Gauge {
  Atomic<std::uint64_t> level;
};
BOOST_DESCRIBE_STRUCT(Gauge, (), (level))

/// Stores that are opened for reading only. Frozen: nobody else has them open.
class ReadOnly : public StoreTest, public ::testing::WithParamInterface<Durability> {
 protected:
  static Options how() { return GetParam() == Durability::power ? power_options() : options(); }
  static Options hasty() {
    Options soon = how();
    soon.lock_timeout = std::chrono::milliseconds(60);
    return soon;
  }
  void make() const {
    Store store = open(how());
    push(store, 1);
    store.write([](WriteTransaction& tx) { tx.construct<Gauge>("gauge"); });
    store.close();
  }
  Store open_read_only(const Options& options = how()) const {
    return Store::open_read_only(path(), options);
  }
  /// Runs `body` in a child that may read the files and write none.
  bool succeeds_unprivileged(const std::function<bool()>& body) const {
    ::chmod(directory().path().c_str(), 0755);
    ::chmod(path().c_str(), 0444);
    ::chmod((path() + "-log").c_str(), 0444);
    return ForkedChild([&] {
             if (::geteuid() == 0) {
               constexpr unsigned nobody = 65534;
               if (::setgroups(0, nullptr) != 0 || ::setgid(nobody) != 0 || ::setuid(nobody) != 0) {
                 return false;
               }
             }
             return body();
           })
        .succeeded();
  }
  static bool throws(errc code, const std::function<void()>& body, const std::string& part = "") {
    try {
      body();
    } catch (const Error& error) {
      return error == code && contains(error.what(), part);
    }
    return false;
  }
};

INSTANTIATE_TEST_SUITE_P(Levels, ReadOnly,
                         ::testing::Values(Durability::process, Durability::power),
                         [](const auto& level) {
                           return std::string(level.param == Durability::power ? "power"
                                                                               : "process");
                         });

TEST_P(ReadOnly, a_closed_store_is_read_and_not_a_byte_changes) {
  make();
  const auto data = read_bytes(path());
  const auto log = read_bytes(path() + "-log");
  {
    Store sut = open_read_only();
    EXPECT_TRUE(sut.read_only());
    EXPECT_EQ(numbers(sut), Values{1});
    EXPECT_EQ(sut.sequence(), 3U);
    EXPECT_EQ(sut.size(), data.size());
    EXPECT_GT(sut.used(), 0U);
    EXPECT_EQ(sut.limit(), how().max_bytes);
    EXPECT_FALSE(sut.last_recovery().needed);
    EXPECT_TRUE(sut.processes().empty());
    EXPECT_EQ(sut.wait_for_change(3, std::chrono::milliseconds(5)), 3U);
    expect_sound(sut);
    std::thread([&] { EXPECT_EQ(numbers(sut), Values{1}); }).join();
    sut.update_heartbeat();
    sut.close();
    EXPECT_EQ(error_of([&] { sut.begin_read(); }).code(), errc::closed);
  }
  EXPECT_EQ(read_bytes(path()), data);
  EXPECT_EQ(read_bytes(path() + "-log"), log);
}

TEST_P(ReadOnly, every_way_to_change_it_is_a_named_error) {
  make();
  Store sut = open_read_only();
  expect_error(errc::read_only, path(), {}, [&] { push(sut, 2); });
  expect_error(errc::read_only, path(), {}, [&] { sut.begin_write(); });
  expect_error(errc::read_only, path(), {}, [&] { sut.checkpoint(); });
  expect_error(errc::read_only, path(), {}, [&] { sut.resize_file(1 << 20); });
  expect_error(errc::read_only, path(), {}, [&] { sut.shrink_to_usage(); });
  expect_error(errc::read_only, path(), {}, [&] { sut.recover(); });
  const ReadTransaction section = sut.begin_read();
  const Gauge& gauge = *section.find<Gauge>("gauge");
  EXPECT_EQ(gauge.level.load(), 0U);
  EXPECT_EQ(error_of([&] { gauge.level.store(1); }).code(), errc::read_only);
  EXPECT_EQ(error_of([&] { gauge.level.fetch_add(1); }).code(), errc::read_only);
  EXPECT_EQ(error_of([&] { gauge.level.notify_all(); }).code(), errc::read_only);
  EXPECT_EQ(gauge.level.load(), 0U);
}

TEST_P(ReadOnly, permission_to_read_is_enough) {
  make();
  EXPECT_TRUE(succeeds_unprivileged([&] {
    if (!throws(errc::permission_denied, [&] { open(how()); })) return false;
    const Store sut = open_read_only();
    return numbers(sut) == Values{1} && sut.check().ok();
  }));
}

TEST_P(ReadOnly, a_read_only_mount_is_enough) {
  make();
  constexpr std::uint64_t cannot_mount = 2;
  Channel channel;
  ForkedChild child([&] {
    const std::string& place = directory().path();
    if (!begin_own_mounts() ||
        ::mount(place.c_str(), place.c_str(), nullptr, MS_BIND, nullptr) != 0 ||
        ::mount(nullptr, place.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0) {
      channel.tell_parent(cannot_mount);
      return true;
    }
    channel.tell_parent(1);
    if (!throws(
            errc::read_only, [&] { open(how()); }, "use Store::open_read_only"))
      return false;
    const Store sut = open_read_only();
    return numbers(sut) == Values{1} && sut.check().ok();
  });
  const bool mounted = channel.hear_child() != cannot_mount;
  EXPECT_TRUE(child.succeeded());
  if (!mounted) GTEST_SKIP() << "no permission to mount";
}

TEST_P(ReadOnly, a_store_whose_writer_was_killed_between_transactions_is_read_as_it_is) {
  const Channel channel;
  ForkedChild writer([&] {
    Store store = open(how());
    push(store, 1);
    push(store, 2);
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  writer.kill_now();
  const auto data = read_bytes(path());
  {
    const Store sut = open_read_only();
    EXPECT_EQ(numbers(sut), (Values{1, 2}));
    expect_sound(sut);
  }
  EXPECT_EQ(read_bytes(path()), data);
}

TEST_P(ReadOnly, a_store_whose_writer_died_in_a_transaction_needs_recovery_and_stays_as_it_is) {
  const Channel channel;
  ForkedChild writer([&] {
    Store store = open(how());
    push(store, 1);
    WriteTransaction held = store.begin_write();
    held.find<Numbers>("numbers")->push_back(2);
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  writer.kill_now();
  const auto data = read_bytes(path());
  expect_error(errc::needs_recovery, path(), {"permission to write"}, [&] { open_read_only(); });
  EXPECT_EQ(read_bytes(path()), data);
  EXPECT_TRUE(succeeds_unprivileged(
      [&] { return throws(errc::needs_recovery, [&] { open_read_only(); }); }));
  { const Store recovered = open(how()); }
  EXPECT_EQ(numbers(open_read_only()), Values{1});
}

TEST_P(ReadOnly, commits_in_the_log_alone_need_recovery) {
  make();
  {
    Store store = open(how());
    push(store, 2);
  }
  // As a writer leaves it that dies between appending and publishing.
  const auto published = live_words_offset + offsetof(LiveWords, published);
  const auto sequence = read_struct<std::uint64_t>(path(), published);
  write_struct(path(), published, sequence - 1);
  write_struct(path(), live_words_offset + offsetof(LiveWords, visible), sequence - 1);
  expect_error(errc::needs_recovery, path(), {std::to_string(sequence)}, [&] { open_read_only(); });
  EXPECT_EQ(numbers(open(how())), (Values{1, 2}));
}

TEST_P(ReadOnly, live_words_that_do_not_fit_need_recovery) {
  make();
  write_struct(path(), live_words_offset + offsetof(LiveWords, log_tail), std::uint64_t{1} << 60);
  expect_error(errc::needs_recovery, path(), {}, [&] { open_read_only(); });
}

TEST_P(ReadOnly, after_a_restart_of_the_system_a_closed_store_is_read_and_another_is_not) {
  make();
  pretend_reboot(path());
  EXPECT_EQ(numbers(open_read_only()), Values{1});
  {
    Store store = open(how());
    push(store, 2);
  }
  pretend_reboot(path());
  expect_error(GetParam() == Durability::power ? errc::needs_recovery : errc::power_lost, path(),
               {}, [&] { open_read_only(); });
}

TEST_P(ReadOnly, a_writer_that_comes_later_waits_for_the_readers_and_names_them) {
  make();
  const Channel channel;
  ForkedChild reader([&] {
    const Store store = open_read_only();
    channel.tell_parent();
    channel.hear_parent();
    return numbers(store) == Values{1};
  });
  channel.hear_child();
  expect_error(errc::timeout, path(),
               {"a read-only reader", "60 ms", "`fuser FILE` or `lsof FILE` names its process"},
               [&] { open(hasty()); });
  {
    const Store another = open_read_only(hasty());
    EXPECT_EQ(numbers(another), Values{1});
  }
  channel.tell_child();
  EXPECT_TRUE(reader.succeeded());
  Store sut = open(hasty());
  push(sut, 2);
  EXPECT_EQ(numbers(sut), (Values{1, 2}));
}

TEST_P(ReadOnly, a_killed_reader_holds_nobody_up) {
  make();
  const Channel channel;
  ForkedChild reader([&] {
    const Store store = open_read_only();
    const ReadTransaction section = store.begin_read();
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  reader.kill_now();
  Store sut = open(hasty());
  push(sut, 2);
}

TEST_P(ReadOnly, beside_a_writer_it_reads_with_it_and_writes_nothing) {
  make();
  const Channel channel;
  ForkedChild writer([&] {
    Store store = open(how());
    channel.tell_parent();
    channel.hear_parent();
    push(store, 2);
    channel.tell_parent();
    channel.hear_parent();
    return store.processes().size() == 1;
  });
  channel.hear_child();
  Store sut = open_read_only();
  EXPECT_EQ(numbers(sut), Values{1});
  EXPECT_EQ(sut.processes().size(), 2U);
  channel.tell_child();
  channel.hear_child();
  EXPECT_EQ(numbers(sut), (Values{1, 2}));
  expect_error(errc::read_only, path(), {}, [&] { push(sut, 3); });
  {
    const ReadTransaction section = sut.begin_read();
    EXPECT_EQ(error_of([&] { section.find<Gauge>("gauge")->level.store(1); }).code(),
              errc::read_only);
  }
  sut.close();
  channel.tell_child();
  EXPECT_TRUE(writer.succeeded());
}

TEST_P(ReadOnly, beside_a_writer_and_without_permission_to_write_it_is_refused_by_name) {
  make();
  const Channel channel;
  ForkedChild writer([&] {
    const Store store = open(how());
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  EXPECT_TRUE(succeeds_unprivileged([&] {
    const Error error = error_of([&] { open_read_only(); });
    return error == errc::permission_denied && contains(error.what(), "another process");
  }));
  channel.tell_child();
  EXPECT_TRUE(writer.succeeded());
}

TEST_P(ReadOnly, in_one_process_a_writer_shares_its_store_and_a_frozen_one_is_in_its_way) {
  make();
  {
    const Store frozen = open_read_only();
    expect_error(errc::read_only, path(), {"open_read_only"}, [&] { open(how()); });
  }
  Store writer = open(how());
  Store reader = open_read_only();
  push(writer, 2);
  EXPECT_EQ(numbers(reader), (Values{1, 2}));
  expect_error(errc::read_only, path(), {}, [&] { push(reader, 3); });
  writer.read([](const ReadTransaction& tx) { tx.find<Gauge>("gauge")->level.store(4); });
}

TEST_P(ReadOnly, a_forked_child_has_a_dead_handle_and_the_parent_keeps_its_files_still) {
  make();
  std::optional<Store> sut = open_read_only();
  EXPECT_TRUE(ForkedChild([&] {
                const bool refused = throws(errc::forked, [&] { sut->begin_read(); });
                sut.reset();
                return refused && throws(errc::timeout, [&] { open(hasty()); });
              }).succeeded());
  EXPECT_EQ(numbers(*sut), Values{1});
}

TEST_P(ReadOnly, what_is_absent_or_no_store_is_refused_as_ever) {
  expect_error(errc::not_found, path(), {}, [&] { open_read_only(); });
  EXPECT_TRUE(directory().names().empty());
  write_bytes(path(), std::vector<std::byte>(5000, std::byte{'x'}));
  expect_error(errc::not_a_store, path(), {}, [&] { open_read_only(); });
  std::filesystem::remove(path());
  make();
  std::filesystem::remove(path() + "-log");
  expect_error(errc::not_found, path() + "-log", {}, [&] { open_read_only(); });
}

}  // namespace
}  // namespace cairn::test

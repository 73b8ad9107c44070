// SPDX-License-Identifier: BSL-1.0
#include <unistd.h>

#include <csignal>

#include "cairn/recovery/log_format.hpp"
#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

/// Somebody else cuts a file of a store that is in use.
class CutFile : public StoreTest {
 protected:
  static void put_many(Store& store) {
    store.write([](WriteTransaction& tx) { tx.construct<Numbers>("numbers", 100'000U, 1U); });
  }
  void cut(const std::string& file, std::uint64_t bytes) const {
    File::open(file, File::Access::read_write).truncate(bytes);
  }
};

TEST_F(CutFile, is_told_to_who_joins) {
  const Channel channel;
  ForkedChild holder([&] {
    Store store = open();
    put_many(store);
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  const std::uint64_t log_bytes = File::open(path() + "-log", File::Access::read_only).size();
  cut(path() + "-log", log_bytes - 1);
  expect_error(errc::truncated, path() + "-log", {std::to_string(log_bytes)}, [&] { open(); });
  cut(path() + "-log", log_bytes);
  cut(path(), heap_begin + page_bytes);
  expect_error(errc::truncated, path(), {std::to_string(heap_begin + page_bytes)}, [&] { open(); });
  holder.kill_now();
  expect_error(errc::truncated, path(), {std::to_string(heap_begin + page_bytes)}, [&] { open(); });
}

/// As documented: there is no other way to tell who reads through a mapping, and signal handlers
/// are the program's.
TEST_F(CutFile, ends_a_process_that_reads_what_is_gone_by_a_signal_that_it_can_handle) {
  const Channel channel;
  ForkedChild reader([&] {
    Store store = open();
    put_many(store);
    std::signal(SIGBUS, [](int) { ::_exit(0); });
    channel.tell_parent();
    channel.hear_parent();
    numbers(store);
    return false;
  });
  channel.hear_child();
  cut(path(), heap_begin + page_bytes);
  channel.tell_child();
  EXPECT_TRUE(reader.succeeded());
}

}  // namespace
}  // namespace cairn::test

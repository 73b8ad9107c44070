// SPDX-License-Identifier: BSL-1.0
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "cairn/cairn.hpp"
#include "cairn/mapping/drill_hooks.hpp"
#include "recovery_fixture.hpp"

namespace cairn::test {
namespace {

using Bulk = Vec<std::uint64_t>;

struct Seen {
  drill::IoKind kind;
  std::uint64_t inode;
  std::uint64_t offset;
};

std::vector<Seen> seen;

int note(const drill::IoOperation& operation) {
  struct stat status {};
  ::fstat(operation.descriptor, &status);
  seen.push_back({operation.kind, status.st_ino, operation.offset});
  return 0;
}

std::uint64_t inode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_ino;
}

bool is_meta_slot(const Seen& one, std::uint64_t data) {
  return one.kind == drill::IoKind::store && one.inode == data && one.offset >= meta_slot_offset &&
         one.offset < live_words_offset;
}

/// A transaction that needs a longer log than there is, with a log file of `log_file_bytes`.
void grow_log(std::uint64_t log_file_bytes) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("store");
  Options options;
  options.durability = Durability::power;
  options.log_bytes = least_ring_bytes;
  // Temporary files may lie in memory.
  options.any_file_system = true;
  Store store = Store::create(path, options);
  store.write([](WriteTransaction& tx) { tx.construct<Bulk>("bulk").resize(20000); });
  const File log = File::open(path + "-log", File::Access::read_write);
  if (log_file_bytes > log.size()) log.truncate(log_file_bytes);
  seen.clear();
  drill::set_io_observer(&note);
  store.write([](WriteTransaction& tx) {
    auto& bulk = *tx.find<Bulk>("bulk");
    for (std::size_t i = 0; i < bulk.size(); ++i) bulk[i] = i + 1;
  });
  drill::set_io_observer(nullptr);
  const std::uint64_t data_inode = inode_of(path);
  const std::uint64_t log_inode = inode_of(path + "-log");
  bool log_synced = false;
  bool named = false;
  for (const Seen& one : seen) {
    if (one.inode == log_inode && one.kind == drill::IoKind::sync) log_synced = true;
    // Whatever changes the log's length has to be synced again.
    if (one.inode == log_inode && one.kind == drill::IoKind::allocate) log_synced = false;
    if (!is_meta_slot(one, data_inode)) continue;
    named = true;
    EXPECT_TRUE(log_synced) << "a meta slot names a length that a power cut can take back";
  }
  EXPECT_TRUE(named) << "the log did not grow";
}

TEST(LogGrowth, is_durable_before_a_meta_slot_names_it) {
  grow_log(0);
}

TEST(LogGrowth, left_over_by_a_dead_process_is_durable_before_a_meta_slot_names_it) {
  grow_log(log_ring_offset + (4 << 20));
}

}  // namespace
}  // namespace cairn::test

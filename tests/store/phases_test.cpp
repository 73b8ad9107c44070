// SPDX-License-Identifier: BSL-1.0
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "cairn/mapping/drill_hooks.hpp"
#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

std::string looked_at;

ProcessPhase phase_in_file(std::uint64_t slot = 0) {
  return read_struct<ProcessPhase>(looked_at, process_table_offset + slot * sizeof(ProcessSlot) +
                                                  offsetof(ProcessSlot, phase));
}

/// The phases that the process table shows at each crash point.
std::map<std::string, std::set<ProcessPhase>> seen;
void note(const char* point) {
  if (!std::filesystem::exists(looked_at)) return;
  seen[point].insert(phase_in_file());
}
int note_cut(const drill::IoOperation& operation) {
  if (operation.kind == drill::IoKind::truncate) seen["cut"].insert(phase_in_file());
  return 0;
}

/// What the process table says while the library is at work: crash points and file operations are
/// the moments at which one can look.
class Phases : public StoreTest, public ::testing::WithParamInterface<Durability> {
 protected:
  Phases() {
    looked_at = path();
    seen.clear();
  }
  ~Phases() override { stop_watching(); }
  static void watch() {
    drill::set_crash_observer(&note);
    drill::set_io_observer(&note_cut);
  }
  static void stop_watching() {
    drill::set_crash_observer(nullptr);
    drill::set_io_observer(nullptr);
  }
  static Options how() { return GetParam() == Durability::power ? power_options() : options(); }
  static void expect_only(const std::string& point, ProcessPhase phase) {
    EXPECT_EQ(seen[point], std::set{phase}) << point;
  }
};

INSTANTIATE_TEST_SUITE_P(Levels, Phases, ::testing::Values(Durability::process, Durability::power),
                         [](const auto& level) {
                           return std::string(level.param == Durability::power ? "power"
                                                                               : "process");
                         });

TEST_P(Phases, a_transaction_is_writing_then_publishing_then_idle) {
  Store sut = open(how());
  push(sut, 0);
  watch();
  sut.write([](WriteTransaction& tx) {
    EXPECT_EQ(phase_in_file(), ProcessPhase::writing);
    tx.find<Numbers>("numbers")->push_back(1);
  });
  expect_only("append.begin", ProcessPhase::publishing);
  expect_only("append.after_tail", ProcessPhase::publishing);
  expect_only("publish.line", ProcessPhase::publishing);
  expect_only("publish.done", ProcessPhase::publishing);
  expect_only("write.ending", ProcessPhase::idle);
  seen.clear();
  { const WriteTransaction unwanted = sut.begin_write(); }
  expect_only("write.ending", ProcessPhase::idle);
  EXPECT_EQ(sut.processes().at(0).phase, ProcessPhase::idle);
}

TEST_P(Phases, growing_and_cutting_the_file_are_resizing) {
  Store sut = open(how());
  watch();
  sut.write([](WriteTransaction& tx) {
    tx.construct<Numbers>("numbers", 400'000U, 1U);
    EXPECT_EQ(phase_in_file(), ProcessPhase::writing) << "grown by now";
  });
  expect_only("grow.recorded", ProcessPhase::resizing);
  expect_only("grow.allocated", ProcessPhase::resizing);
  sut.write([](WriteTransaction& tx) { tx.destroy<Numbers>("numbers"); });
  seen.clear();
  EXPECT_GT(sut.shrink_to_usage(), 0U);
  expect_only("cut", ProcessPhase::resizing);
  expect_only("shrink.committed", ProcessPhase::writing);
  EXPECT_EQ(phase_in_file(), ProcessPhase::idle);
}

TEST_P(Phases, a_checkpoint_is_checkpointing_on_its_own_and_within_others) {
  Store sut = open(how());
  push(sut, 0);
  watch();
  sut.checkpoint();
  // At level power the long part is done beside others, in no phase.
  if (GetParam() == Durability::process) {
    expect_only("checkpoint.begin", ProcessPhase::checkpointing);
  }
  expect_only("meta.written", ProcessPhase::checkpointing);
  expect_only("checkpoint.meta_synced", ProcessPhase::checkpointing);
  seen.clear();
  // Larger than the log: a commit that has to make a checkpoint.
  sut.write([](WriteTransaction& tx) { tx.construct<Numbers>("bulk", 400'000U, 1U); });
  sut.write([](WriteTransaction& tx) {
    for (auto& each : *tx.find<Numbers>("bulk")) each = 2;
  });
  expect_only("checkpoint.begin", ProcessPhase::checkpointing);
  expect_only("append.before_tail", ProcessPhase::publishing);
}

TEST_P(Phases, opening_alone_and_taking_over_are_recovering) {
  Channel channel;
  ForkedChild doomed([&] {
    Store store = open(how());
    push(store, 1);
    const WriteTransaction held = store.begin_write();
    channel.tell_parent();
    ::pause();
    return true;
  });
  channel.hear_child();
  // In a slot behind the doomed one's, so that it is this process's phase that is looked at.
  Channel heirs;
  ForkedChild heir([&] {
    Store store = open(how());
    heirs.tell_parent();
    heirs.hear_parent();
    static std::set<ProcessPhase> found;
    drill::set_crash_observer([](const char* point) {
      if (std::string(point) == "takeover.cut") found.insert(phase_in_file(1));
    });
    push(store, 2);
    return found == std::set{ProcessPhase::recovering} && phase_in_file(1) == ProcessPhase::idle;
  });
  heirs.hear_child();
  doomed.kill_now();
  heirs.tell_child();
  EXPECT_TRUE(heir.succeeded());
  watch();
  const Store sut = open(how());
  expect_only("recover.begin", ProcessPhase::recovering);
  expect_only("recover.words", ProcessPhase::recovering);
  EXPECT_EQ(phase_in_file(), ProcessPhase::idle);
}

TEST_P(Phases, a_reading_thread_is_shown_with_its_lane_while_its_section_is_open) {
  Store sut = open(how());
  push(sut, 1);
  const std::uint64_t sequence = sut.sequence();
  {
    const ReadTransaction section = sut.begin_read();
    const ProcessInfo row = sut.processes().at(0);
    EXPECT_EQ(row.phase, ProcessPhase::reading);
    EXPECT_FALSE(row.phase_age.has_value());
    ASSERT_EQ(row.readers.size(), 1U);
    EXPECT_EQ(row.readers[0].sequence, sequence);
    EXPECT_EQ(row.readers[0].thread_id, static_cast<std::uint32_t>(::gettid()));
  }
  const ProcessInfo row = sut.processes().at(0);
  EXPECT_EQ(row.phase, ProcessPhase::idle);
  EXPECT_TRUE(row.readers.empty());
}

}  // namespace
}  // namespace cairn::test

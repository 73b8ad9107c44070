// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/process_table.hpp"

#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

class Slots : public ::testing::Test {
 protected:
  Slots() : file_(File::open_or_create(directory_ / "slots", 0600)), slots_(process_slot_count) {}
  /// Another open file, as another process has it.
  File again() const { return File::open(directory_ / "slots", File::Access::read_write); }

  TempDirectory directory_;
  File file_;
  std::vector<ProcessSlot> slots_;
};

TEST_F(Slots, a_byte_is_held_by_one_open_file_at_a_time) {
  const File other = again();
  {
    const ByteLock held = ByteLock::try_acquire(file_, 7);
    EXPECT_TRUE(held);
    EXPECT_FALSE(ByteLock::try_acquire(other, 7));
    EXPECT_TRUE(ByteLock::try_acquire(other, 8));
    EXPECT_TRUE(ByteLock::is_held_elsewhere(other, 7));
    EXPECT_FALSE(ByteLock::is_held_elsewhere(file_, 7)) << "one's own lock is not elsewhere";
  }
  EXPECT_FALSE(ByteLock::is_held_elsewhere(other, 7));
  EXPECT_TRUE(ByteLock::try_acquire(other, 7));
}

TEST_F(Slots, moving_a_lock_keeps_it_held) {
  const File other = again();
  ByteLock first = ByteLock::try_acquire(file_, 7);
  ByteLock second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): the test
  EXPECT_TRUE(ByteLock::is_held_elsewhere(other, 7));
  second = ByteLock();
  EXPECT_FALSE(ByteLock::is_held_elsewhere(other, 7));
}

TEST_F(Slots, waiting_for_a_byte_ends_in_a_named_time_out) {
  const File other = again();
  const ByteLock held = ByteLock::try_acquire(file_, 7);
  expect_error(errc::timeout, directory_ / "slots", {"40 ms", "knitting"},
               [&] { ByteLock::acquire(other, 7, std::chrono::milliseconds(40), "knitting"); });
  expect_error(errc::timeout, directory_ / "slots", {"my aunt, is still knitting"}, [&] {
    ByteLock::acquire(other, 7, std::chrono::milliseconds(0), "knitting", ByteLock::Kind::exclusive,
                      [] { return std::string("my aunt"); });
  });
}

TEST_F(Slots, death_frees_the_byte_at_once) {
  const Channel channel;
  ForkedChild holder([&] {
    const File own = again();
    const ByteLock held = ByteLock::try_acquire(own, 7);
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  EXPECT_TRUE(ByteLock::is_held_elsewhere(file_, 7));
  holder.kill_now();
  EXPECT_FALSE(ByteLock::is_held_elsewhere(file_, 7));
}

TEST_F(Slots, each_process_has_its_own_and_the_dead_are_reaped) {
  const File other = again();
  ProcessTable mine(file_, slots_.data());
  ProcessTable theirs(other, slots_.data());
  mine.claim("mine", ~0U);
  theirs.claim("theirs", ~0U);
  EXPECT_NE(mine.own_slot(), theirs.own_slot());
  EXPECT_FALSE(mine.is_alone());
  EXPECT_TRUE(mine.is_alive(theirs.own_slot()));
  EXPECT_TRUE(mine.is_token_alive(theirs.own_token()));
  const std::uint32_t token = theirs.own_token();
  const std::uint32_t slot = theirs.own_slot();
  theirs.abandon();  // the slot stays as a dead process leaves it ...
  { const ByteLock released = ByteLock::try_acquire(other, process_table_offset + slot * 64); }
  EXPECT_FALSE(mine.is_alive(slot));
  EXPECT_FALSE(mine.is_token_alive(token));
  EXPECT_TRUE(mine.is_alone());
  ASSERT_EQ(mine.list().size(), 2U);
  EXPECT_FALSE(mine.list()[slot].alive);
  EXPECT_EQ(mine.reap(), 1U);
  EXPECT_EQ(mine.list().size(), 1U);
}

TEST_F(Slots, a_slot_taken_again_is_not_its_former_owner) {
  const File other = again();
  ProcessTable mine(file_, slots_.data());
  mine.claim("mine", ~0U);
  ProcessTable theirs(other, slots_.data());
  theirs.claim("first", ~0U);
  const std::uint32_t slot = theirs.own_slot();
  const std::uint32_t token = theirs.own_token();
  theirs.release();
  theirs.claim("second", ~0U);
  ASSERT_EQ(theirs.own_slot(), slot);
  EXPECT_NE(theirs.own_token(), token);
  EXPECT_FALSE(mine.is_token_alive(token));
  EXPECT_TRUE(mine.is_token_alive(theirs.own_token()));
  EXPECT_EQ(ProcessTable::slot_of(token), slot);
}

TEST_F(Slots, a_slot_that_is_still_referred_to_is_taken_last) {
  ProcessTable sut(file_, slots_.data());
  sut.claim("sut", 0);
  EXPECT_EQ(sut.own_slot(), 1U);
}

TEST_F(Slots, a_phase_within_another_leaves_it_as_it_was) {
  ProcessTable sut(file_, slots_.data());
  sut.claim("sut", ~0U);
  sut.enter_phase(ProcessPhase::writing);
  slots_[0].phase_since_ns.store(17);
  {
    const PhaseScope outer(sut, ProcessPhase::resizing);
    EXPECT_EQ(slots_[0].phase.load(), ProcessPhase::resizing);
    EXPECT_GT(slots_[0].phase_since_ns.load(), 17U);
    slots_[0].phase_since_ns.store(18);
    {
      const PhaseScope inner(sut, ProcessPhase::checkpointing);
      EXPECT_EQ(slots_[0].phase.load(), ProcessPhase::checkpointing);
    }
    EXPECT_EQ(slots_[0].phase.load(), ProcessPhase::resizing);
    EXPECT_EQ(slots_[0].phase_since_ns.load(), 18U);
  }
  EXPECT_EQ(slots_[0].phase.load(), ProcessPhase::writing);
  EXPECT_EQ(slots_[0].phase_since_ns.load(), 17U);
}

TEST_F(Slots, an_idle_process_with_an_open_section_is_reading_and_since_when_is_not_known) {
  ProcessTable sut(file_, slots_.data());
  sut.claim("sut", ~0U);
  std::vector<ReaderLane> lanes(4);
  lanes[1].owner.store(sut.own_token());
  lanes[1].thread_id.store(4711);
  lanes[3].owner.store(sut.own_token() ^ 0x100);  // of the slot's former owner
  lanes[3].sequence.store(9);
  ProcessInfo row = sut.list(lanes).at(0);
  EXPECT_EQ(row.phase, ProcessPhase::idle);
  EXPECT_TRUE(row.phase_age.has_value());
  EXPECT_TRUE(row.readers.empty());
  lanes[1].sequence.store(7);
  row = sut.list(lanes).at(0);
  EXPECT_EQ(row.phase, ProcessPhase::reading);
  EXPECT_FALSE(row.phase_age.has_value());
  ASSERT_EQ(row.readers.size(), 1U);
  EXPECT_EQ(row.readers[0].lane, 1U);
  EXPECT_EQ(row.readers[0].thread_id, 4711U);
  EXPECT_EQ(row.readers[0].sequence, 7U);
  lanes[1].kept.store(1);
  EXPECT_TRUE(sut.list(lanes).at(0).readers.empty()) << "nobody reads by a lane that is only kept";
  lanes[1].kept.store(0);
  sut.enter_phase(ProcessPhase::writing);
  row = sut.list(lanes).at(0);
  EXPECT_EQ(row.phase, ProcessPhase::writing) << "another thread of the process writes";
  EXPECT_EQ(row.readers.size(), 1U);
}

TEST_F(Slots, a_section_that_is_waited_for_has_an_age_whatever_stands_there) {
  ProcessTable sut(file_, slots_.data());
  sut.claim("sut", ~0U);
  std::vector<ReaderLane> lanes(1);
  lanes[0].owner.store(sut.own_token());
  lanes[0].sequence.store(7);
  const auto waited = [&] { return sut.list(lanes).at(0).readers.at(0).waited_for; };
  EXPECT_FALSE(waited().has_value());
  lanes[0].awaited_sequence.store(6);
  lanes[0].awaited_since_ns.store(1);
  EXPECT_FALSE(waited().has_value()) << "that was a section before this one";
  lanes[0].awaited_sequence.store(7);
  EXPECT_GT(waited()->count(), 0);
  lanes[0].awaited_since_ns.store(~std::uint64_t{0});
  EXPECT_EQ(waited()->count(), 0) << "of garbage that lies ahead";
}

TEST_F(Slots, a_beat_renews_the_heartbeat_and_leaves_the_phase_its_age) {
  ProcessTable sut(file_, slots_.data());
  sut.claim("sut", ~0U);
  const std::uint64_t began = slots_[0].heartbeat_ns.load();
  slots_[0].heartbeat_ns.store(1);
  slots_[0].phase_since_ns.store(2);
  sut.beat();
  EXPECT_GE(slots_[0].heartbeat_ns.load(), began);
  EXPECT_EQ(slots_[0].phase_since_ns.load(), 2U);
  sut.restart_phase();
  EXPECT_GE(slots_[0].phase_since_ns.load(), began);
}

TEST_F(Slots, a_description_names_pid_label_phase_and_age) {
  ProcessTable sut(file_, slots_.data());
  sut.claim("the label", ~0U);
  sut.enter_phase(ProcessPhase::checkpointing);
  const std::string text = sut.describe(sut.own_slot());
  for (const std::string& part : {std::to_string(::getpid()), std::string("the label"),
                                  std::string("checkpointing"), std::string(" ms")}) {
    EXPECT_TRUE(contains(text, part)) << text;
  }
  sut.leave_phase();
  EXPECT_TRUE(contains(sut.describe(sut.own_slot()), "idle"));
  EXPECT_FALSE(sut.describe(process_slot_count).empty());
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
// A history that was tampered with, in every way that the soak has to see.
#include "soak_history.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace cairn::drills {
namespace {

constexpr std::uint64_t history_seed = 7;
constexpr std::uint64_t first_sequence = 5;

/// What two threads of each of two processes might have done, and read after each transaction.
class Tampered : public ::testing::Test {
 protected:
  Tampered() {
    sut_.begin(first_sequence);
    round_.attempts.resize(4);
    round_.observations.resize(4);
    for (std::uint64_t i = 0; i < 200; ++i) act(static_cast<std::uint32_t>(i * 7 % 4), i);
    // One died after its commit and before it was told.
    act(1, 200);
    round_.attempts[1].pop_back();
    for (std::uint32_t i = 0; i < 4; ++i) {
      round_.lives.push_back({i / 2, 1, i % 2, counters_[i]});
    }
    round_.number = model_.content.steps;
    round_.sequence = sequence_;
    round_.digests = digests();
  }

  /// The next transaction of that thread, one in ten of which changes its mind.
  void act(std::uint32_t thread, std::uint64_t turn) {
    const DeedId id{thread / 2, 1, thread % 2, ++counters_[thread]};
    // Now and then the engine commits something of its own.
    if (turn % 13 == 0) ++sequence_;
    if (turn % 10 == 9) {
      round_.attempts[thread].push_back({id, Outcome::rolled_back, 0, 0});
      return;
    }
    Plan plan(history_seed, id);
    plan.look(model_);
    const Deed deed = plan.deed(++sequence_);
    plan.apply(model_);
    round_.history.push_back(deed);
    round_.attempts[thread].push_back({id, Outcome::acknowledged, deed.number, deed.sequence});
    round_.observations[(thread + 1) % 4].push_back(
        {deed.number, deed.number, sequence_, 1, (1U << part_count) - 1, digests()});
  }
  Digests digests() const {
    Digests all{};
    for (std::size_t i = 0; i < part_count; ++i) {
      all[i] = digest_of(model_, static_cast<Part>(i));
    }
    return all;
  }
  void expect_found(const std::string& what) {
    try {
      sut_.verify(round_);
      ADD_FAILURE() << "it does not see: " << what;
    } catch (const HistoryError& error) {
      EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
    }
  }
  Observation& some_observation() { return round_.observations[2][20]; }
  Attempt& some_attempt(Outcome outcome) {
    for (Attempt& attempt : round_.attempts[1]) {
      if (attempt.outcome == outcome && attempt.id.counter > 10) return attempt;
    }
    throw std::logic_error("no such attempt");
  }
  /// Takes a deed out of the history without leaving a hole.
  void forget(std::size_t at) {
    round_.history.erase(round_.history.begin() + static_cast<std::ptrdiff_t>(at));
    for (std::size_t i = at; i < round_.history.size(); ++i) --round_.history[i].number;
    --round_.number;
  }

  Historian sut_{history_seed};
  Round round_;
  SoakModel model_;
  std::array<std::uint64_t, 4> counters_{};
  std::uint64_t sequence_ = first_sequence;
};

TEST_F(Tampered, what_nobody_tampered_with_is_accepted) {
  EXPECT_NO_THROW(sut_.verify(round_));
  EXPECT_EQ(sut_.number(), round_.number);
  EXPECT_EQ(digests(), round_.digests);
}

TEST_F(Tampered, rounds_follow_one_another) {
  sut_.verify(round_);
  sut_.go_on_from(++sequence_);
  round_ = Round();
  round_.attempts.resize(4);
  round_.observations.resize(4);
  counters_.fill(0);
  const DeedId id{0, 2, 0, 1};
  Plan plan(history_seed, id);
  plan.look(model_);
  round_.history.push_back(plan.deed(++sequence_));
  plan.apply(model_);
  round_.attempts[0].push_back({id, Outcome::acknowledged, model_.content.steps, sequence_});
  round_.number = model_.content.steps;
  round_.sequence = sequence_;
  round_.digests = digests();
  EXPECT_NO_THROW(sut_.verify(round_));
}

TEST_F(Tampered, a_number_that_is_missing) {
  round_.history.erase(round_.history.begin() + 50);
  expect_found("a hole in the numbers");
}

TEST_F(Tampered, a_number_that_comes_twice) {
  round_.history[50].number = round_.history[49].number;
  expect_found("comes twice");
}

TEST_F(Tampered, a_sequence_that_does_not_rise) {
  round_.history[50].sequence = round_.history[49].sequence;
  expect_found("has sequence");
}

TEST_F(Tampered, a_last_deed_that_the_history_lacks) {
  round_.history.pop_back();
  expect_found("the store ends at");
}

TEST_F(Tampered, an_acknowledged_commit_that_is_lost) {
  forget(50);
  expect_found("lost: transaction");
}

TEST_F(Tampered, the_last_acknowledged_commits_lost) {
  round_.history.resize(150);
  round_.number = 150;
  expect_found("lost: transaction");
}

TEST_F(Tampered, one_that_was_told_another_number) {
  some_attempt(Outcome::acknowledged).number += 1;
  expect_found("was acknowledged as");
}

TEST_F(Tampered, one_that_was_told_another_sequence) {
  some_attempt(Outcome::acknowledged).sequence += 1;
  expect_found("was acknowledged as");
}

TEST_F(Tampered, one_that_was_rolled_back_and_is_there) {
  some_attempt(Outcome::acknowledged).outcome = Outcome::rolled_back;
  expect_found("was rolled back");
}

TEST_F(Tampered, one_that_was_fenced_and_is_there) {
  some_attempt(Outcome::acknowledged).outcome = Outcome::fenced;
  expect_found("was fenced");
}

TEST_F(Tampered, one_that_nobody_began) {
  round_.lives[1].begun -= 1;
  expect_found("phantom: nobody began");
}

TEST_F(Tampered, one_of_a_process_that_never_was) {
  round_.history[50].incarnation = 9;
  round_.attempts[round_.history[50].member * 2 + round_.history[50].thread].clear();
  expect_found("phantom: nobody began");
}

TEST_F(Tampered, one_that_is_there_twice) {
  const Deed again = round_.history.back();
  round_.history.push_back(again);
  round_.history.back().number = ++round_.number;
  round_.history.back().sequence = ++round_.sequence;
  expect_found("is in the history twice");
}

TEST_F(Tampered, notes_with_a_hole) {
  round_.attempts[0].erase(round_.attempts[0].begin() + 10);
  expect_found("the notes have a hole");
}

TEST_F(Tampered, one_that_read_what_was_not_there) {
  round_.history[50].seen ^= 1;
  expect_found("did not see the state");
}

TEST_F(Tampered, one_that_changed_something_else) {
  round_.history[50].changed ^= 1;
  expect_found("changed something else");
}

TEST_F(Tampered, two_that_changed_places) {
  Deed& first = round_.history[50];
  Deed& second = round_.history[51];
  std::swap(first, second);
  std::swap(first.number, second.number);
  std::swap(first.sequence, second.sequence);
  for (auto& thread : round_.attempts) {
    for (Attempt& attempt : thread) {
      for (const Deed* const deed : {&first, &second}) {
        if (attempt.id != deed->id()) continue;
        attempt.number = deed->number;
        attempt.sequence = deed->sequence;
      }
    }
  }
  expect_found("did not see the state");
}

TEST_F(Tampered, each_part_of_an_observation_that_is_not_of_its_number) {
  for (std::size_t i = 0; i < part_count; ++i) {
    const Observation before = some_observation();
    some_observation().digests[i] ^= 1;
    sut_.begin(first_sequence);
    expect_found(std::string("and ") + to_string(static_cast<Part>(i)) + " as they were not");
    some_observation() = before;
  }
}

TEST_F(Tampered, an_observation_of_two_states) {
  // All of a later state but the number.
  Observation& seen = some_observation();
  seen.digests = round_.observations[2][30].digests;
  expect_found("mixed state");
}

TEST_F(Tampered, an_observation_at_the_sequence_of_another_state) {
  some_observation().sequence = round_.history[some_observation().number].sequence;
  round_.observations[2].resize(21);
  expect_found("mixed state");
}

TEST_F(Tampered, an_observation_older_than_what_was_acknowledged) {
  some_observation().least = some_observation().number + 1;
  expect_found("stale");
}

TEST_F(Tampered, an_observation_of_what_never_was) {
  round_.observations[3].push_back(round_.observations[3].back());
  round_.observations[3].back().number = round_.number + 1;
  expect_found("which the store never held");
}

TEST_F(Tampered, observations_back_in_time) {
  std::swap(round_.observations[2][20], round_.observations[2][21]);
  expect_found("back in time");
}

TEST_F(Tampered, a_store_that_ends_as_something_else) {
  round_.digests[3] ^= 1;
  expect_found("in the end bulk");
}

}  // namespace
}  // namespace cairn::drills

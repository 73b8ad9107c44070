// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "soak_state.hpp"

namespace cairn::drills {

/// How a transaction ended for the thread that made it.
enum class Outcome : std::uint32_t {
  acknowledged,  ///< commit returned
  rolled_back,   ///< by the thread itself
  fenced,
  refused,  ///< by a named error that promises that nothing was committed
};

const char* to_string(Outcome outcome) noexcept;

/// What a thread notes down of a transaction, in memory outside of the store.
struct Attempt {
  DeedId id;
  Outcome outcome = Outcome::acknowledged;
  std::uint64_t number = 0;  ///< of acknowledged ones
  std::uint64_t sequence = 0;
};

/// What a thread notes down of a read section.
struct Observation {
  std::uint64_t least = 0;     ///< the newest number acknowledged to anybody before it began
  std::uint64_t number = 0;    ///< that it found
  std::uint64_t sequence = 0;  ///< of the section
  std::uint32_t incarnation = 0;
  std::uint32_t parts = 0;  ///< bit i: digest i is of Part i
  Digests digests{};

  bool has(Part part) const noexcept {
    return (parts >> static_cast<std::uint32_t>(part) & 1) != 0;
  }
};

/// A thread in one life of its process, which ended.
struct Life {
  std::uint32_t member = 0;
  std::uint32_t incarnation = 0;
  std::uint32_t thread = 0;
  std::uint64_t begun = 0;  ///< counter of the last transaction that it began
};

/// Everything that is known of one round: what the store holds at its end, and what was noted down
/// outside of it.
struct Round {
  std::vector<Deed> history;  ///< in the store's order
  std::uint64_t number = 0;   ///< of the last deed, as the store says apart from its history
  std::uint64_t sequence = 0;
  Digests digests{};  ///< of the store as it is left

  std::vector<std::vector<Attempt>> attempts;          ///< of each thread, in its order
  std::vector<std::vector<Observation>> observations;  ///< the same
  std::vector<Life> lives;
};

/// A history that cannot have been.
class HistoryError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Replays what a store says was done to it, round after round, and holds everything that anybody
/// was told or saw against that:
///
///  1. The numbers have no hole, none comes twice, and the engine's sequence rises with them.
///  2. What was acknowledged is there, with the number and sequence that its thread was told.
///  3. What is there was begun, and neither rolled back nor refused; of those whose thread died
///     before it was told there is at most one a life.
///  4. Each saw, in its body, the state that the one before it left, and changed what its plan
///  says.
///  5. Each observation shows, in every part that it looked at, the state after the number that it
///     found, and that number belongs to its section's sequence.
///  6. An observation finds everything that was acknowledged before it began, and nothing older
///     than its thread saw before.
///  7. In the end the store is as the model.
class Historian {
 public:
  explicit Historian(std::uint64_t seed) : seed_(seed) {}

  /// A new store.
  void begin(std::uint64_t sequence);
  /// The store as verified, after commits of the engine's that changed nothing of this.
  void go_on_from(std::uint64_t sequence) noexcept { sequence_ = sequence; }
  /// Throws HistoryError, which names the first thing that is wrong.
  void verify(const Round& round);

  const SoakModel& model() const noexcept { return model_; }
  std::uint64_t number() const noexcept { return model_.content.steps; }
  std::uint64_t sequence() const noexcept { return sequence_; }

 private:
  void require_order(const Round& round) const;
  void require_attempts(const Round& round) const;
  void require_timely(const Round& round) const;
  void replay(const Round& round);

  std::uint64_t seed_;
  SoakModel model_;
  std::uint64_t sequence_ = 0;  ///< where the last round ended
};

}  // namespace cairn::drills

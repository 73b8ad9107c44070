// SPDX-License-Identifier: BSL-1.0
#include "soak_history.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace cairn::drills {
namespace {

std::string numbered(std::uint64_t number) {
  return "number " + std::to_string(number);
}

std::string described(const Deed& deed) {
  return numbered(deed.number) + " (" + to_string(deed.id()) + ")";
}

/// The digests of a model, each worked out once it is asked for.
class ModelDigests {
 public:
  explicit ModelDigests(const SoakModel& model) : model_(model) {}
  std::uint64_t operator[](Part part) {
    auto& digest = digests_[static_cast<std::size_t>(part)];
    if (!digest) digest = digest_of(model_, part);
    return *digest;
  }

 private:
  const SoakModel& model_;
  std::array<std::optional<std::uint64_t>, part_count> digests_{};
};

void require_seen(const Observation& seen, ModelDigests& digests) {
  for (std::size_t i = 0; i < part_count; ++i) {
    const auto part = static_cast<Part>(i);
    if (!seen.has(part) || seen.digests[i] == digests[part]) continue;
    throw HistoryError("mixed state: a section at sequence " + std::to_string(seen.sequence) +
                       " found " + numbered(seen.number) + " and " + to_string(part) +
                       " as they were not then");
  }
}

}  // namespace

const char* to_string(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::acknowledged: return "acknowledged";
    case Outcome::rolled_back: return "rolled back";
    case Outcome::fenced: return "fenced";
    case Outcome::refused: return "refused";
  }
  return "ended";
}

void Historian::begin(std::uint64_t sequence) {
  model_ = SoakModel();
  sequence_ = sequence;
}

void Historian::verify(const Round& round) {
  require_order(round);
  require_attempts(round);
  require_timely(round);
  replay(round);
  sequence_ = round.sequence;
}

void Historian::require_order(const Round& round) const {
  std::uint64_t number = this->number();
  std::uint64_t sequence = sequence_;
  for (const Deed& deed : round.history) {
    if (deed.number <= number) {
      throw HistoryError(numbered(deed.number) + " comes twice: again as " + to_string(deed.id()));
    }
    if (deed.number != number + 1) {
      throw HistoryError("a hole in the numbers: " + described(deed) + " follows " +
                         numbered(number));
    }
    if (deed.sequence <= sequence) {
      throw HistoryError(described(deed) + " has sequence " + std::to_string(deed.sequence) +
                         ", after " + std::to_string(sequence));
    }
    number = deed.number;
    sequence = deed.sequence;
  }
  if (round.number != number || round.sequence < sequence) {
    throw HistoryError("the store ends at " + numbered(round.number) + " and sequence " +
                       std::to_string(round.sequence) + ", its history at " + numbered(number) +
                       " and " + std::to_string(sequence));
  }
}

void Historian::require_attempts(const Round& round) const {
  std::map<DeedId, const Deed*> deeds;
  for (const Deed& deed : round.history) {
    if (const auto [at, is_new] = deeds.emplace(deed.id(), &deed); !is_new) {
      throw HistoryError(described(deed) + " is in the history twice, as " +
                         numbered(at->second->number) + " too");
    }
  }
  // By thread and life: the last that its thread was told of.
  std::map<DeedId, std::uint64_t> told;
  // Told only where nothing is lost, since that is what numbers go wrong by.
  std::string misnumbered;
  for (const std::vector<Attempt>& thread : round.attempts) {
    for (const Attempt& attempt : thread) {
      DeedId life = attempt.id;
      life.counter = 0;
      if (attempt.id.counter != ++told[life]) {
        throw HistoryError("the notes have a hole before " + to_string(attempt.id));
      }
      const auto at = deeds.find(attempt.id);
      const bool is_there = at != deeds.end();
      if (is_there != (attempt.outcome == Outcome::acknowledged)) {
        throw HistoryError(is_there ? "phantom: " + described(*at->second) + " was " +
                                          to_string(attempt.outcome)
                                    : "lost: " + to_string(attempt.id) + " was acknowledged as " +
                                          numbered(attempt.number));
      }
      if (!is_there) continue;
      const Deed& deed = *at->second;
      if (deed.number != attempt.number || deed.sequence != attempt.sequence) {
        misnumbered = described(deed) + " was acknowledged as " + numbered(attempt.number) +
                      ", sequence " + std::to_string(attempt.sequence) + ", and has sequence " +
                      std::to_string(deed.sequence);
      }
      deeds.erase(at);
    }
  }
  if (!misnumbered.empty()) throw HistoryError(misnumbered);
  // What remains is of threads that died before they were told.
  for (const Life& life : round.lives) {
    const std::uint64_t last = told[{life.member, life.incarnation, life.thread, 0}];
    if (life.begun == last + 1) {
      deeds.erase({life.member, life.incarnation, life.thread, life.begun});
    }
  }
  if (deeds.empty()) return;
  throw HistoryError("phantom: nobody began " + described(*deeds.begin()->second));
}

void Historian::require_timely(const Round& round) const {
  for (const std::vector<Observation>& thread : round.observations) {
    const Observation* before = nullptr;
    for (const Observation& seen : thread) {
      if (seen.number < seen.least) {
        throw HistoryError("stale: a section found " + numbered(seen.number) + " after " +
                           numbered(seen.least) + " had been acknowledged");
      }
      if (seen.number < number() || seen.number > round.number) {
        throw HistoryError("phantom: a section found " + numbered(seen.number) +
                           ", which the store never held; it has " + std::to_string(number()) +
                           " to " + std::to_string(round.number));
      }
      if (before != nullptr && (seen.number < before->number || seen.sequence < before->sequence)) {
        throw HistoryError("back in time: a thread found " + numbered(seen.number) +
                           " after it had seen " + numbered(before->number));
      }
      before = &seen;
    }
  }
}

void Historian::replay(const Round& round) {
  std::vector<const Observation*> seen;
  for (const std::vector<Observation>& thread : round.observations) {
    for (const Observation& one : thread) seen.push_back(&one);
  }
  std::ranges::sort(seen, {}, &Observation::number);
  auto next_seen = seen.begin();
  std::uint64_t sequence = sequence_;
  // All who found the number that the model stands at. `end`: sequence of the next deed.
  const auto require_observations = [&](std::uint64_t end) {
    ModelDigests digests(model_);
    for (; next_seen != seen.end() && (*next_seen)->number == number(); ++next_seen) {
      const Observation& one = **next_seen;
      if (one.sequence < sequence || one.sequence >= end) {
        throw HistoryError("mixed state: a section at sequence " + std::to_string(one.sequence) +
                           " found " + numbered(one.number) + ", which is of " +
                           std::to_string(sequence) + " to " + std::to_string(end - 1));
      }
      require_seen(one, digests);
    }
  };
  for (const Deed& deed : round.history) {
    require_observations(deed.sequence);
    Plan plan(seed_, deed.id());
    plan.look(model_);
    const Deed expected = plan.deed(deed.sequence);
    if (deed.seen != expected.seen) {
      throw HistoryError(described(deed) + " did not see the state that the one before it left");
    }
    if (!(deed == expected)) {
      throw HistoryError(described(deed) + " says that it changed something else than it did");
    }
    plan.apply(model_);
    sequence = deed.sequence;
  }
  require_observations(round.sequence + 1);
  for (std::size_t i = 0; i < part_count; ++i) {
    const auto part = static_cast<Part>(i);
    if (round.digests[i] == digest_of(model_, part)) continue;
    throw HistoryError(std::string("in the end ") + to_string(part) + " are not the model's");
  }
}

}  // namespace cairn::drills

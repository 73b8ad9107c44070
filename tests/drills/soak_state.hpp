// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "cairn/cairn.hpp"
#include "content.hpp"

namespace cairn::drills {

/// Who does a transaction: thread of one life of a process, and which of that thread's it is.
struct DeedId {
  std::uint32_t member = 0;
  std::uint32_t incarnation = 0;
  std::uint32_t thread = 0;
  std::uint64_t counter = 0;

  friend bool operator==(const DeedId&, const DeedId&) = default;
  friend bool operator<(const DeedId& a, const DeedId& b) {
    return std::tie(a.member, a.incarnation, a.thread, a.counter) <
           std::tie(b.member, b.incarnation, b.thread, b.counter);
  }
};

std::string to_string(const DeedId& id);

/// What each transaction of the soak writes about itself into the store.
struct Deed {
  std::uint64_t number = 0;    ///< among all that the store ever held, without a hole
  std::uint64_t sequence = 0;  ///< the engine's, which counts its own commits too
  std::uint64_t counter = 0;
  std::uint64_t seen = 0;     ///< digest of what it read before it changed anything
  std::uint64_t changed = 0;  ///< digest of its edits
  std::uint32_t member = 0;
  std::uint32_t incarnation = 0;
  std::uint32_t thread = 0;
  std::uint32_t edits = 0;

  DeedId id() const noexcept { return {member, incarnation, thread, counter}; }
  friend bool operator==(const Deed&, const Deed&) = default;
};
BOOST_DESCRIBE_STRUCT(Deed, (),
                      (number, sequence, counter, seen, changed, member, incarnation, thread,
                       edits))

using History = BTreeMap<std::uint64_t, Deed>;
using Motto = String;
/// Atomics that come and go. What a transaction gives one stands in its upper half; threads that
/// find it burning count in the lower half, outside of transactions.
using Lamps = HashMap<std::uint64_t, Box<Atomic<std::uint64_t>>>;
inline constexpr std::uint64_t lamp_count = 12;
/// What each thread counts outside of transactions.
inline constexpr std::uint32_t most_threads = 64;
using Strokes = std::array<Atomic<std::uint64_t>, most_threads>;

/// The parts of a store that a reader may look at, each with a digest of its own.
enum class Part : std::uint32_t {
  numbers,
  lists,
  chain,
  bulk,
  ordered,
  tags,
  words,
  queue,
  motto,
  lamps
};
inline constexpr std::size_t part_count = 10;
using Digests = std::array<std::uint64_t, part_count>;

const char* to_string(Part part) noexcept;

/// The soak's store on the ordinary heap. `content.steps` is the number of the last deed.
struct SoakModel {
  Content content;
  std::string motto;
  std::map<std::uint64_t, std::uint64_t> lamps;
};

std::uint64_t digest_of(const ReadTransaction& tx, Part part);
std::uint64_t digest_of(const SoakModel& model, Part part);

/// Counts in that lamp, if it burns.
void count_in_lamp(const ReadTransaction& tx, std::uint64_t lamp);

/// Number of the last deed.
std::uint64_t number_in(const ReadTransaction& tx);
std::uint64_t number_in(WriteTransaction& tx);

/// All that one transaction does, as a function of the soak's seed, of who does it, and of what it
/// reads: so the order of any two matters.
class Plan {
 public:
  Plan(std::uint64_t seed, const DeedId& id);

  /// Reads what the edits depend on.
  void look(WriteTransaction& tx);
  void look(const SoakModel& model);

  /// Makes the first `edits` of its edits and leaves the transaction as nobody may ever see it.
  void begin(WriteTransaction& tx, std::size_t edits) const;
  /// Makes all others and writes motto, number and deed. Requires: looked, and begun so far.
  Deed finish(WriteTransaction& tx, std::size_t begun) const;
  /// Makes all of it. Requires: looked.
  void apply(SoakModel& model) const;
  /// What the history has to say of it. Requires: looked.
  Deed deed(std::uint64_t sequence) const;
  std::size_t edit_count() const noexcept { return edits_.size(); }

 private:
  enum class LampEdit : std::uint32_t { none, light, snuff };

  void decide(std::uint64_t from, std::uint64_t to, std::string_view motto, std::uint64_t queued);
  std::string motto() const;
  std::uint64_t changed() const;
  void touch_lamp(WriteTransaction& tx) const;

  DeedId id_;
  std::vector<Edit> edits_;
  std::uint64_t from_ = 0;  ///< keys of the number that is read, and of the one that it changes
  std::uint64_t to_ = 0;
  std::uint64_t motto_bytes_ = 0;
  LampEdit lamp_edit_ = LampEdit::none;
  std::uint64_t lamp_ = 0;
  std::uint64_t number_ = 0;
  std::uint64_t seen_ = 0;
};

}  // namespace cairn::drills

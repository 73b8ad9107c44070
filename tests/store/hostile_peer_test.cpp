// SPDX-License-Identifier: BSL-1.0
#include <sched.h>

#include <algorithm>
#include <random>
#include <vector>

#include "scribbled.hpp"
#include "shared_words.hpp"

namespace cairn::test {
namespace {

/// Two processes read and write while a third one writes garbage, again and again, into words that
/// all three share.
class HostilePeer : public StoreTest {
 protected:
  static Options hasty() {
    Options how = options();
    how.max_bytes = 64 << 20;
    how.log_bytes = 64 << 10;
    how.verify_writes = false;
    how.lock_timeout = Peer::time_out;
    how.reader_timeout = Peer::time_out;
    return how;
  }
  /// Scribbles until it is killed.
  bool scribble(const std::vector<SharedWord>& words, std::uint64_t seed) const {
    const File file = File::open(path(), File::Access::read_write);
    std::mt19937_64 random(seed);
    for (;;) {
      const SharedWord& word = words[random() % words.size()];
      std::uint64_t value = 0;
      const auto bytes = std::as_writable_bytes(std::span(&value, 1)).first(word.bytes);
      file.read_at(word.offset, bytes);
      const std::array<std::uint64_t, 6> garbage{
          0, ~std::uint64_t{0}, value + 1, value - 1, random(), random() % 4096 * line_bytes};
      value = garbage[random() % garbage.size()];
      file.write_at(word.offset, bytes);
      ::sched_yield();
    }
  }
  /// Whatever is scribbled on, nobody crashes, nobody waits longer than its time-outs, and who is
  /// alone afterwards finds every acknowledged commit, or an error where none can be promised.
  void run(const std::vector<SharedWord>& words, std::uint64_t seed) const {
    const auto guards = std::max_element(words.begin(), words.end(), [](auto& one, auto& other) {
                          return one.guards < other.guards;
                        })->guards;
    {
      Store made = open(hasty());
      Content::make(made);
    }
    const Ledger ledger;
    Peer one(path(), hasty(), ledger);
    Peer two(path(), hasty(), ledger);
    for (const Peer* const peer : {&one, &two}) {
      peer->must(Command::open);
      peer->must(Command::read);
      peer->must(Command::write);
    }
    {
      const ForkedChild hostile([&] { return scribble(words, seed); });
      for (const Peer* const peer : {&one, &two}) {
        peer->tell(guards < Guards::sections ? Command::strive : Command::strive_and_peek);
      }
      for (const Peer* const peer : {&one, &two}) peer->expect_borne(peer->hear());
    }
    for (Peer* const peer : {&one, &two}) {
      peer->expect_borne(Command::close);
      peer->kill();
    }
    if (guards == Guards::commits) return expect_bounded();
    const Store alone = open();
    expect_sound(alone);
    EXPECT_EQ(alone.read(Content::of).fault(ledger.acknowledged()), "");
  }
  void expect_bounded() const {
    const Ledger ledger;
    const Peer alone(path(), hasty(), ledger);
    if (alone.ask(Command::open) == Outcome::done) alone.expect_borne(Command::peek);
  }
};

class HostileToOne : public HostilePeer, public ::testing::WithParamInterface<SharedWord> {};

INSTANTIATE_TEST_SUITE_P(Each, HostileToOne, ::testing::ValuesIn(words_but({"write_lock"})),
                         [](const auto& word) { return std::string(word.param.name); });

TEST_P(HostileToOne, scribbling_on_a_word_is_borne_by_all) {
  run({GetParam()}, 1);
}

/// What goes wrong takes several words that are garbage at once, so there are several tries.
class HostileToAll : public HostilePeer, public ::testing::WithParamInterface<std::uint64_t> {};

INSTANTIATE_TEST_SUITE_P(Seeds, HostileToAll, ::testing::Range<std::uint64_t>(1, 9));

TEST_P(HostileToAll, scribbling_on_all_words_that_guard_no_commits_loses_none) {
  std::vector<SharedWord> words(shared_words.begin(), shared_words.end());
  std::erase_if(words, [](const SharedWord& word) { return word.guards == Guards::commits; });
  run(words, GetParam());
}

}  // namespace
}  // namespace cairn::test

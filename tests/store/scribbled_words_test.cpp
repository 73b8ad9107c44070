// SPDX-License-Identifier: BSL-1.0
#include <array>
#include <ostream>
#include <random>

#include "scribbled.hpp"
#include "shared_words.hpp"

namespace cairn::test {
namespace {

/// What the word is made, from what it is and what it was a while and one commit ago.
struct Garbage {
  const char* name;
  std::uint64_t (*make)(std::uint64_t now, std::uint64_t old, std::uint64_t previous);
};

std::uint64_t random_word() {
  static std::mt19937_64 random(7);
  return random();
}

constexpr std::array all_garbage = {
    Garbage{"zero", [](auto, auto, auto) { return std::uint64_t{0}; }},
    Garbage{"ones", [](auto, auto, auto) { return ~std::uint64_t{0}; }},
    Garbage{"one more", [](auto now, auto, auto) { return now + 1; }},
    Garbage{"one less", [](auto now, auto, auto) { return now - 1; }},
    Garbage{"an old one", [](auto, auto old, auto) { return old; }},
    Garbage{"the previous one", [](auto, auto, auto previous) { return previous; }},
    Garbage{"random", [](auto, auto, auto) { return random_word(); }},
    Garbage{"random again", [](auto, auto, auto) { return random_word(); }},
};

/// A section that is open as the word becomes garbage: at an older state, so that it keeps commits
/// out of the shared image, and when it ends; or at the newest.
enum class Section : std::uint8_t { none, stays, leaves, is_newest };

const char* to_string(Section section) noexcept {
  static constexpr const char* names[] = {"no section", "a section stays", "a section leaves",
                                          "a section at the newest state"};
  return names[static_cast<std::size_t>(section)];
}

/// Two processes have the store open, and a third one where there is a section, while garbage comes
/// into one of the words that they share.
class ScribbledWords : public StoreTest, public ::testing::WithParamInterface<SharedWord> {
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
  std::uint64_t word() const {
    std::uint64_t value = 0;
    const auto bytes = std::as_writable_bytes(std::span(&value, 1)).first(GetParam().bytes);
    File::open(path(), File::Access::read_only).read_at(GetParam().offset, bytes);
    return value;
  }
  void scribble(std::uint64_t value) const {
    const auto bytes = std::as_bytes(std::span(&value, 1)).first(GetParam().bytes);
    File::open(path(), File::Access::read_write).write_at(GetParam().offset, bytes);
  }
  void make_anew() const {
    std::filesystem::remove(path());
    std::filesystem::remove(path() + "-log");
    Store made = open(hasty());
    Content::make(made);
  }
  /// Writes and reads, whatever comes of it.
  static void use(const Peer& peer) {
    const Command read =
        GetParam().guards == Guards::what_is_new ? Command::read_any : Command::read;
    for (const Command command : {read, Command::write, Command::look, Command::count, read}) {
      peer.expect_borne(command);
    }
  }
  /// Lets `one` and then `two` commit, beside a section of `reader` or without it, and scribbles.
  void use_and_scribble(const Garbage& garbage, Section section, const Peer& one, const Peer& two,
                        const Peer& reader) const {
    for (const Peer* const peer : {&one, &two}) peer->must(Command::open);
    one.must(Command::read);
    two.must(Command::read);
    for (int i = 0; i < 3; ++i) one.must(Command::write);
    const std::uint64_t old = word();
    for (int i = 0; i < 3; ++i) two.must(Command::write);
    two.must(Command::make);
    two.must(Command::count);
    if (section != Section::none) reader.must(Command::open);
    const bool holds_back = section == Section::stays || section == Section::leaves;
    if (holds_back) reader.must(Command::enter);
    for (int i = 0; i < 2; ++i) two.must(Command::write);
    const std::uint64_t previous = word();
    // Beside a section a commit that makes an Atomic in reused memory waits.
    two.must(holds_back ? Command::write : Command::make);
    if (section == Section::is_newest) reader.must(Command::enter);
    for (const Peer* const peer : {&one, &two}) peer->must(Command::count);
    scribble(garbage.make(word(), old, previous));
  }
  /// Commits, that is: what was counted since an Atomic was made is lost where the log is replayed.
  void expect_nothing_lost(const Ledger& ledger) const {
    const Store alone = open();
    expect_sound(alone);
    EXPECT_EQ(alone.read(Content::of).fault(ledger.acknowledged()), "");
  }
  /// `behind_first`: the first to go on has not seen the newest commits.
  void go_on_with(const Garbage& garbage, Section section, bool behind_first) const {
    make_anew();
    const Ledger ledger;
    Peer one(path(), hasty(), ledger);
    Peer two(path(), hasty(), ledger);
    Peer reader(path(), hasty(), ledger);
    Peer newcomer(path(), hasty(), ledger);
    use_and_scribble(garbage, section, one, two, reader);
    if (section == Section::leaves) reader.expect_borne(Command::leave);
    const Peer& first = behind_first ? one : two;
    const Peer& second = behind_first ? two : one;
    use(first);
    use(second);
    if (newcomer.ask(Command::open) == Outcome::done) {
      use(newcomer);
      newcomer.expect_borne(Command::close);
    }
    if (section == Section::is_newest && GetParam().guards != Guards::sections) {
      reader.expect_borne(Command::look_again);
    }
    if (section == Section::stays || section == Section::is_newest) {
      reader.expect_borne(Command::leave);
    }
    use(first);
    use(second);
    if (section != Section::none) reader.expect_borne(Command::close);
    first.expect_borne(Command::close);
    second.expect_borne(Command::close);
    for (Peer* const peer : {&one, &two, &reader, &newcomer}) peer->kill();
    expect_nothing_lost(ledger);
  }
  void kill_all_with(const Garbage& garbage, Section section) const {
    make_anew();
    const Ledger ledger;
    Peer one(path(), hasty(), ledger);
    Peer two(path(), hasty(), ledger);
    Peer reader(path(), hasty(), ledger);
    use_and_scribble(garbage, section, one, two, reader);
    for (Peer* const peer : {&one, &two, &reader}) peer->kill();
    expect_nothing_lost(ledger);
  }
};

INSTANTIATE_TEST_SUITE_P(Each, ScribbledWords,
                         ::testing::ValuesIn(words_but({"log_tail", "published"})),
                         [](const auto& word) { return std::string(word.param.name); });

TEST_P(ScribbledWords, are_borne_by_all_and_nothing_acknowledged_is_lost) {
  for (const Garbage& garbage : all_garbage) {
    for (const Section section :
         {Section::none, Section::stays, Section::leaves, Section::is_newest}) {
      for (const bool behind_first : {true, false}) {
        SCOPED_TRACE(std::string(garbage.name) + (behind_first ? ", first who is behind" : ""));
        SCOPED_TRACE(to_string(section));
        go_on_with(garbage, section, behind_first);
      }
    }
  }
}

TEST_P(ScribbledWords, are_reset_once_all_are_dead) {
  for (const Garbage& garbage : all_garbage) {
    for (const Section section : {Section::none, Section::stays}) {
      SCOPED_TRACE(garbage.name);
      SCOPED_TRACE(to_string(section));
      kill_all_with(garbage, section);
    }
  }
}

}  // namespace
}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
#include <array>
#include <ostream>
#include <random>

#include "scribbled.hpp"

namespace cairn::test {
namespace {

/// A word that processes share.
struct Word {
  const char* name;
  std::uint64_t offset;
  std::uint64_t bytes;
  /// What a section reads is decided by it, so garbage may show an older state.
  bool decides_what_is_new = false;
};

std::ostream& operator<<(std::ostream& out, const Word& word) {
  return out << word.name;
}

constexpr std::uint64_t live_offset(std::uint64_t offset) noexcept {
  return live_words_offset + offset;
}
constexpr std::uint64_t slot_offset(std::uint64_t slot, std::uint64_t offset) noexcept {
  return process_table_offset + slot * sizeof(ProcessSlot) + offset;
}
constexpr std::uint64_t lane_offset(std::uint64_t lane, std::uint64_t offset) noexcept {
  return reader_lanes_offset + lane * sizeof(ReaderLane) + offset;
}

constexpr std::array words = {
    Word{"write_lock", live_offset(offsetof(LiveWords, write_lock)), 8},
    Word{"body", live_offset(offsetof(LiveWords, body)), 8},
    Word{"visible", live_offset(offsetof(LiveWords, visible)), 8, true},
    Word{"heap_end", live_offset(offsetof(LiveWords, heap_end)), 8},
    Word{"change_awaited", live_offset(offsetof(LiveWords, change_awaited)), 4},
    Word{"unfenced_sections", live_offset(offsetof(LiveWords, unfenced_sections)), 4},
    Word{"applying", live_offset(offsetof(LiveWords, applying)), 8},
    Word{"published_position", live_offset(offsetof(LiveWords, published_position)), 8},
    Word{"overlay_end", live_offset(offsetof(LiveWords, overlay_end)), 8},
    Word{"first_claimed_lanes", live_offset(offsetof(LiveWords, claimed_lanes)), 8},
    Word{"last_claimed_lanes", live_offset(offsetof(LiveWords, claimed_lanes) + 24), 8},
    Word{"failed", live_offset(offsetof(LiveWords, failed)), 4},
    Word{"boot_id", live_offset(offsetof(LiveWords, boot_id)), 8},
    Word{"resize_state", live_offset(offsetof(LiveWords, resize)), 4},
    Word{"quarantine_owner", live_offset(offsetof(LiveWords, quarantine)), 8},
    Word{"quarantine_end", live_offset(offsetof(LiveWords, quarantine) + 24), 8},
    Word{"slot_nonce", slot_offset(0, offsetof(ProcessSlot, nonce)), 8},
    Word{"slot_pid", slot_offset(0, offsetof(ProcessSlot, pid)), 4},
    Word{"slot_phase", slot_offset(0, offsetof(ProcessSlot, phase)), 4},
    Word{"slot_started", slot_offset(0, offsetof(ProcessSlot, started_ns)), 8},
    Word{"slot_heartbeat", slot_offset(0, offsetof(ProcessSlot, heartbeat_ns)), 8},
    Word{"slot_phase_since", slot_offset(0, offsetof(ProcessSlot, phase_since_ns)), 8},
    Word{"slot_label", slot_offset(0, offsetof(ProcessSlot, label)), 8},
    Word{"reader_slot_nonce", slot_offset(2, offsetof(ProcessSlot, nonce)), 8},
    Word{"free_slot_nonce", slot_offset(3, offsetof(ProcessSlot, nonce)), 8},
    Word{"lane_sequence", lane_offset(0, offsetof(ReaderLane, sequence)), 8},
    Word{"lane_owner", lane_offset(0, offsetof(ReaderLane, owner)), 4},
    Word{"lane_thread", lane_offset(0, offsetof(ReaderLane, thread_id)), 4},
    Word{"reader_lane_sequence", lane_offset(2, offsetof(ReaderLane, sequence)), 8},
    Word{"reader_lane_owner", lane_offset(2, offsetof(ReaderLane, owner)), 4},
    Word{"free_lane_sequence", lane_offset(5, offsetof(ReaderLane, sequence)), 8},
    Word{"free_lane_owner", lane_offset(5, offsetof(ReaderLane, owner)), 4},
};

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

/// A section that keeps commits out of the shared image, and when it ends.
enum class Section : std::uint8_t { none, stays, leaves };

const char* to_string(Section section) noexcept {
  static constexpr const char* names[] = {"no section", "a section stays", "a section leaves"};
  return names[static_cast<std::size_t>(section)];
}

/// Two processes have the store open, and a third one where there is a section, while garbage comes
/// into one of the words that they share.
class ScribbledWords : public StoreTest, public ::testing::WithParamInterface<Word> {
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
    const Command read = GetParam().decides_what_is_new ? Command::read_any : Command::read;
    for (const Command command : {read, Command::write, Command::look, read}) {
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
    if (section != Section::none) {
      reader.must(Command::open);
      reader.must(Command::enter);
    }
    for (int i = 0; i < 2; ++i) two.must(Command::write);
    const std::uint64_t previous = word();
    two.must(Command::write);
    scribble(garbage.make(word(), old, previous));
  }
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
    if (section == Section::stays) reader.expect_borne(Command::leave);
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

INSTANTIATE_TEST_SUITE_P(Each, ScribbledWords, ::testing::ValuesIn(words),
                         [](const auto& word) { return std::string(word.param.name); });

TEST_P(ScribbledWords, are_borne_by_all_and_nothing_acknowledged_is_lost) {
  for (const Garbage& garbage : all_garbage) {
    for (const Section section : {Section::none, Section::stays, Section::leaves}) {
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

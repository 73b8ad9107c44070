// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>

#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {

/// Which values processes began to store and which of them were acknowledged, in memory that they
/// share and that outlives them.
class Ledger {
 public:
  static constexpr std::uint64_t capacity = 1 << 20;
  static constexpr std::uint64_t counter_count = 8;

  Ledger() {
    void* const at = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) throw std::runtime_error("mmap failed");
    shared_ = static_cast<Shared*>(at);
  }
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;
  ~Ledger() { ::munmap(shared_, sizeof(Shared)); }

  std::uint64_t begin() const {
    const std::uint64_t value = shared_->next.fetch_add(1);
    if (value >= capacity) throw std::runtime_error("the ledger is full");
    return value;
  }
  void acknowledge(std::uint64_t value) const { shared_->acknowledged[value] = true; }
  /// The number of an Atomic that is about to be made.
  std::uint64_t begin_counter() const {
    const std::uint64_t number = shared_->counters.fetch_add(1);
    if (number >= counter_count) throw std::runtime_error("too many counters");
    return number;
  }
  void acknowledge_counter(std::uint64_t number) const { shared_->made[number] = true; }
  bool is_made(std::uint64_t number) const { return shared_->made[number]; }
  void begin_to_count(std::uint64_t number) const { ++shared_->begun[number]; }
  void acknowledge_count(std::uint64_t number) const { ++shared_->counted[number]; }
  std::uint64_t begun(std::uint64_t number) const { return shared_->begun[number]; }
  std::uint64_t counted(std::uint64_t number) const { return shared_->counted[number]; }
  std::vector<bool> acknowledged() const {
    std::vector<bool> all(shared_->next);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = shared_->acknowledged[i];
    return all;
  }

 private:
  struct Shared {
    std::atomic<std::uint64_t> next;
    std::atomic<bool> acknowledged[capacity];
    std::atomic<std::uint64_t> counters;
    std::atomic<bool> made[counter_count];
    std::atomic<std::uint64_t> begun[counter_count];
    std::atomic<std::uint64_t> counted[counter_count];
  };
  Shared* shared_;
};

/// What a store of these tests holds: each value once in each of two roots, and the first ones in
/// lines of their own, so that a record that is not applied is missed. Beside these Atomics that
/// are counted in, so that a record that is applied once more is noticed.
struct Content {
  using Counter = Atomic<std::uint64_t>;

  static constexpr std::uint64_t cell_count = 1024;
  static constexpr std::uint64_t cells_a_line = line_bytes / sizeof(std::uint64_t);

  Values numbers;
  Values twins;
  Values cells;

  static void make(Store& store) {
    store.write([](WriteTransaction& tx) {
      tx.construct<Vec<std::uint64_t>>("numbers");
      tx.construct<Vec<std::uint64_t>>("twins");
      tx.construct<Vec<std::uint64_t>>("cells").resize(cell_count * cells_a_line);
      // So that later ones are in no fresh page, which is in no record.
      tx.construct<Counter>("the first of its span");
    });
  }
  static void add(WriteTransaction& tx, std::uint64_t value) {
    tx.find<Vec<std::uint64_t>>("numbers")->push_back(value);
    tx.find<Vec<std::uint64_t>>("twins")->push_back(value);
    if (value < cell_count) {
      tx.find<Vec<std::uint64_t>>("cells")->at(value * cells_a_line) = value + 1;
    }
  }
  static std::string counter(std::uint64_t number) { return "counter " + std::to_string(number); }
  /// Counts in all that `section` shows.
  static void count(const ReadTransaction& section, const Ledger& ledger) {
    for (std::uint64_t number = 0; number < Ledger::counter_count; ++number) {
      const Counter* const found = section.find<Counter>(counter(number));
      if (found == nullptr) continue;
      ledger.begin_to_count(number);
      *found += 1;
      ledger.acknowledge_count(number);
    }
  }
  /// An empty text where no count is lost that was acknowledged, nor, where the state is the newest
  /// one, an Atomic.
  static std::string fault_of_counters(const ReadTransaction& section, const Ledger& ledger,
                                       bool is_newest) {
    for (std::uint64_t number = 0; number < Ledger::counter_count; ++number) {
      const bool made = ledger.is_made(number);
      const std::uint64_t least = ledger.counted(number);
      const Counter* const found = section.find<Counter>(counter(number));
      if (found == nullptr && made && is_newest) return counter(number) + " is lost";
      if (found == nullptr) continue;
      const std::uint64_t value = found->load();
      if (value < least || value > ledger.begun(number)) {
        return counter(number) + " is " + std::to_string(value) + ", " + std::to_string(least) +
               " were counted";
      }
    }
    return {};
  }
  static Content of(const ReadTransaction& section) {
    const auto copy = [&](const char* name) {
      const auto& found = *section.find<Vec<std::uint64_t>>(name);
      return Values(found.begin(), found.end());
    };
    return {copy("numbers"), copy("twins"), copy("cells")};
  }

  /// An empty text where it is a whole state that has all of `acknowledged`.
  std::string fault(const std::vector<bool>& acknowledged) const {
    if (numbers != twins) return "a mixed state";
    std::vector<bool> seen(Ledger::capacity);
    for (const std::uint64_t value : numbers) {
      if (value >= Ledger::capacity || seen[value]) return "a value that nobody stored";
      seen[value] = true;
    }
    for (std::uint64_t value = 0; value < cell_count; ++value) {
      if (cells.at(value * cells_a_line) != (seen[value] ? value + 1 : 0)) {
        return "the line of value " + std::to_string(value) + " is of another state";
      }
    }
    for (std::uint64_t value = 0; value < acknowledged.size(); ++value) {
      if (acknowledged[value] && !seen[value]) {
        return "value " + std::to_string(value) + " is lost, of " + std::to_string(numbers.size());
      }
    }
    return {};
  }
};

/// What came of something that a process was asked to do.
enum class Outcome : std::uint8_t {
  done,
  refused,  ///< by a cairn::Error
  wrong,    ///< a state that cannot be, or an exception of another kind
  slow,     ///< longer than all time-outs together and some seconds, since machines are busy
  hung,     ///< no answer at all
  died,
};

inline const char* to_string(Outcome outcome) noexcept {
  static constexpr const char* names[] = {"done", "refused", "wrong", "slow", "hung", "died"};
  return names[static_cast<std::size_t>(outcome)];
}

enum class Command : std::uint8_t {
  open,
  read,      ///< the newest state
  read_any,  ///< a whole state
  write,
  enter,  ///< a section that stays
  leave,
  look_again,       ///< in that section, which shows what it showed as it began
  make,             ///< an Atomic
  count,            ///< in each Atomic
  look,             ///< at the process table
  peek,             ///< read, and believe nothing
  strive,           ///< write and read_any again and again
  strive_and_peek,  ///< write and peek again and again
  close,
};

/// A process that opens a store and does with it what it is told.
class Peer {
 public:
  static constexpr std::chrono::milliseconds time_out{100};
  /// Closing waits for openers, for the lock and for readers.
  static constexpr std::chrono::milliseconds longest = 3 * time_out + std::chrono::seconds(5);

  static constexpr std::chrono::milliseconds while_striving{300};

  Peer(const std::string& path, const Options& how, const Ledger& ledger)
      : child_(start([&] {
          Server server{path, how, ledger, {}, {}, {}};
          for (Command command{}; ::read(ends_[1], &command, 1) == 1;) {
            const Outcome outcome = server.serve(command);
            if (::write(ends_[1], &outcome, 1) != 1) break;
          }
          return true;
        })) {
    // So that its death is the end of what it says.
    ::close(ends_[1]);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() { ::close(ends_[0]); }

  Outcome ask(Command command) const {
    tell(command);
    return hear();
  }
  /// What it has died of is heard afterwards.
  void tell(Command command) const { ::send(ends_[0], &command, 1, MSG_NOSIGNAL); }
  Outcome hear() const {
    pollfd ready{ends_[0], POLLIN, 0};
    if (::poll(&ready, 1, 20'000) != 1) return Outcome::hung;
    Outcome outcome{};
    return ::read(ends_[0], &outcome, 1) == 1 ? outcome : Outcome::died;
  }
  void must(Command command) const {
    const Outcome outcome = ask(command);
    EXPECT_EQ(outcome, Outcome::done) << to_string(outcome);
  }
  /// It is done, or refused by a named error.
  void expect_borne(Command command) const { expect_borne(ask(command)); }
  static void expect_borne(Outcome outcome) {
    EXPECT_LE(outcome, Outcome::refused) << to_string(outcome);
  }
  void kill() { child_.kill_now(); }

 private:
  struct Server {
    const std::string& path;
    const Options& how;
    const Ledger& ledger;
    std::optional<Store> store;
    std::optional<ReadTransaction> section;
    Values numbers;  ///< what the section showed as it began

    Outcome serve(Command command) {
      const auto start = std::chrono::steady_clock::now();
      Outcome outcome = Outcome::done;
      try {
        outcome = act(command);
      } catch (const Error&) {
        outcome = Outcome::refused;
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        outcome = Outcome::wrong;
      }
      const auto took = std::chrono::steady_clock::now() - start;
      const bool is_one = command != Command::strive && command != Command::strive_and_peek;
      return is_one && outcome <= Outcome::refused && took > longest ? Outcome::slow : outcome;
    }
    Outcome act(Command command) {
      switch (command) {
        case Command::open: store.emplace(Store::open(path, how)); break;
        case Command::read: return examine(ledger.acknowledged(), true);
        case Command::read_any: return examine({}, false);
        case Command::write: {
          const std::uint64_t value = ledger.begin();
          store->write([&](WriteTransaction& tx) { Content::add(tx, value); });
          ledger.acknowledge(value);
          break;
        }
        case Command::enter:
          section.emplace(store->begin_read());
          numbers = Content::of(*section).numbers;
          break;
        case Command::leave: section.reset(); break;
        case Command::look_again: return look_again();
        case Command::make: {
          const std::uint64_t number = ledger.begin_counter();
          store->write([&](WriteTransaction& tx) {
            tx.construct<Content::Counter>(Content::counter(number));
          });
          ledger.acknowledge_counter(number);
          break;
        }
        case Command::count:
          store->read([&](const ReadTransaction& tx) { Content::count(tx, ledger); });
          break;
        case Command::look: store->processes(); break;
        case Command::peek: peek(); break;
        case Command::strive: return strive(Command::read_any);
        case Command::strive_and_peek: return strive(Command::peek);
        case Command::close: store->close(); break;
      }
      return Outcome::done;
    }
    void peek() const {
      try {
        store->read(Content::of);
      } catch (const std::out_of_range&) {
      } catch (const std::length_error&) {
      }
    }
    /// The worst of what came of it.
    Outcome strive(Command read) {
      const auto end = std::chrono::steady_clock::now() + while_striving;
      Outcome worst = Outcome::done;
      while (std::chrono::steady_clock::now() < end) {
        worst = std::max(worst, serve(Command::write));
        worst = std::max(worst, serve(read));
      }
      return worst;
    }
    Outcome examine(const std::vector<bool>& acknowledged, bool is_newest) const {
      return store->read([&](const ReadTransaction& tx) {
        const std::string fault = Content::of(tx).fault(acknowledged);
        return judge(fault.empty() ? Content::fault_of_counters(tx, ledger, is_newest) : fault);
      });
    }
    Outcome look_again() const {
      const Content now = Content::of(*section);
      std::string fault = now.fault({});
      if (fault.empty()) fault = Content::fault_of_counters(*section, ledger, false);
      if (fault.empty() && now.numbers != numbers) fault = "the section shows another state";
      return judge(fault);
    }
    static Outcome judge(const std::string& fault) {
      if (fault.empty()) return Outcome::done;
      std::fprintf(stderr, "%s\n", fault.c_str());
      return Outcome::wrong;
    }
  };

  ForkedChild start(const std::function<bool()>& body) {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_) != 0) {
      throw std::runtime_error("socketpair failed");
    }
    return ForkedChild([&] {
      ::close(ends_[0]);
      return body();
    });
  }

  int ends_[2] = {-1, -1};
  ForkedChild child_;
};

}  // namespace cairn::test

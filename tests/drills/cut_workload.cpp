// SPDX-License-Identifier: BSL-1.0
#include "cut_workload.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <random>

#include "mix.hpp"

namespace cairn::drills {
namespace {

/// Ballast of a writer: a vector that changes its length now and then, so that the file grows with
/// commits, and that these are at times larger than the log.
using Ballast = Vec<std::uint64_t>;

constexpr std::uint64_t transactions_a_ballast = 24;
constexpr std::uint64_t longest_ballast = 24 << 10;  // elements
constexpr int unexpected_bus_error = 3;

std::string ballast_name(std::uint32_t writer) {
  return "ballast " + std::to_string(writer);
}

std::uint64_t draw_of(std::uint32_t writer, std::uint64_t number) noexcept {
  return mix(~(number * writer_count + writer));
}

bool changes_ballast(std::uint32_t writer, std::uint64_t number) noexcept {
  return draw_of(writer, number) % transactions_a_ballast == 0;
}

std::uint64_t ballast_length(std::uint32_t writer, std::uint64_t number) noexcept {
  const std::uint64_t draw = mix(draw_of(writer, number));
  // Mostly short, so that most commits are small.
  return draw % 8 == 0 ? draw / 8 % longest_ballast : draw / 8 % 512;
}

void change_ballast(WriteTransaction& tx, std::uint32_t writer, std::uint64_t number) {
  if (!changes_ballast(writer, number)) return;
  // A new one, since one that is cleared keeps its block.
  Ballast fresh;
  fresh.resize(ballast_length(writer, number));
  for (std::uint64_t i = 0; i < fresh.size(); ++i) fresh[i] = mix(number + i);
  tx.find_or_construct<Ballast>(ballast_name(writer)) = std::move(fresh);
}

void require_ballast(const ReadTransaction& tx, std::uint32_t writer, std::uint64_t number) {
  while (number != 0 && !changes_ballast(writer, number)) --number;
  const auto* const found = tx.find<Ballast>(ballast_name(writer));
  const std::uint64_t length = number == 0 ? 0 : ballast_length(writer, number);
  bool same = (found == nullptr) == (number == 0) && (found == nullptr || found->size() == length);
  for (std::uint64_t i = 0; same && i < length; ++i) same = (*found)[i] == mix(number + i);
  if (!same) throw DrillFailure(ballast_name(writer) + " is not the model's");
}

Options options_of(const CutCase& one, const std::string& label) {
  Options options = drill_options(one.durability, label);
  // Small, so that checkpoints happen all the time.
  options.log_bytes = 64 << 10;
  return options;
}

bool holds_roots(const ReadTransaction& tx) {
  return tx.find<std::remove_const_t<Told>>("told") != nullptr;
}

void found_once(Store& store, CutArena& arena) {
  if (!store.read(&holds_roots)) {
    store.write([](WriteTransaction& tx) {
      // Another writer may have been first.
      if (tx.find<std::remove_const_t<Told>>("told") == nullptr) Ledger::found(tx);
    });
  }
  arena.founded = 1;
}

void enter(WriteTransaction& tx, std::uint32_t writer, std::uint64_t number) {
  Ledger::enter(tx, writer, number);
  change_ballast(tx, writer, number);
}

void write(const CutCase& one, std::uint32_t writer, CutArena& arena) {
  Store store = Store::open(one.path, options_of(one, "writer " + std::to_string(writer)));
  arena.created = 1;
  found_once(store, arena);
  std::mt19937_64 random(one.seed + writer);
  std::uint64_t number =
      store.read([&](const ReadTransaction& tx) { return Ledger::counters(tx)[writer]; });
  if (number != arena.acknowledged[writer]) {
    throw DrillFailure(fmt::format("writer {} finds {} transactions of its own, for {}", writer,
                                   number, arena.acknowledged[writer].load()));
  }
  while (arena.finish == 0) {
    const std::uint64_t chance = random() % 300;
    if (chance == 0) store.shrink_to_usage();
    if (chance == 1) store.checkpoint();
    if (chance == 2) store.resize_file(store.size() + (random() % 64) * 4096);
    WriteTransaction tx = store.begin_write();
    enter(tx, writer, number + 1);
    if (chance < 15) continue;  // let go
    arena.begun[writer] = number + 1;
    tx.commit();
    ++number;
    arena.acknowledged[writer] = number;
    store.read([&](const ReadTransaction& reading) { Ledger::told(reading)[writer] = number; });
  }
  store.close();
  ++arena.closed;
}

CutArena* arena_of_this_process = nullptr;

/// Pages that cannot be read or written once the file system is cut.
void on_bus_error(int) {
  ::_exit(arena_of_this_process->cut != 0 ? 0 : unexpected_bus_error);
}

/// Opens the store as whoever comes first after a cut. Nothing where there is none to be opened,
/// for reasons that are right.
std::optional<Store> open_after_cut(const CutCase& one, CutArena& arena) {
  const bool power = one.durability == Durability::power;
  const std::int64_t begun = steady_ns();
  try {
    Store store = Store::open_existing(one.path, options_of(one, "verify"));
    arena.opened_in_ns = steady_ns() - begun;
    arena.exists = 1;
    return store;
  } catch (const Error& error) {
    const bool is_gone = error == errc::not_found && error.path() == one.path;
    // At level process only closing promises what is in it.
    const bool is_lost = !power && error == errc::power_lost && arena.closed != writer_count;
    arena.exists = is_gone ? 0 : 1;
    arena.power_lost = is_lost ? 1 : 0;
    if (!is_lost && !(is_gone && arena.created == 0)) throw;
  }
  return std::nullopt;
}

/// What the store holds must be what was acknowledged, and no more than what was begun.
void require_told(const Counters& found, const CutArena& arena) {
  for (std::uint32_t writer = 0; writer < writer_count; ++writer) {
    const std::uint64_t least = arena.acknowledged[writer];
    const std::uint64_t most = std::max(least, arena.begun[writer].load());
    if (found[writer] >= least && found[writer] <= most) continue;
    throw DrillFailure(fmt::format("writer {} was told of transaction {} and began {}, {}: {}",
                                   writer, least, most, "the store holds", found[writer]));
  }
}

void require_model(const Store& store, Ledger& model, const Counters& counters, const char* when) {
  require_sound(store, when);
  model.advance(counters);
  store.read([&](const ReadTransaction& tx) {
    Ledger::require_invariants(tx, counters, {}, counters[0]);
    if (Ledger::counters(tx) != counters) {
      throw DrillFailure(std::string("other transactions ") + when);
    }
    model.require_equal(tx);
    for (std::uint32_t writer = 0; writer < writer_count; ++writer) {
      require_ballast(tx, writer, counters[writer]);
      // An Atomic may lose what it held, and never holds what nobody was told.
      if (const std::uint64_t said = Ledger::told(tx)[writer]; said > counters[writer]) {
        throw DrillFailure(fmt::format("an Atomic says {} of writer {}", said, writer));
      }
    }
  });
}

void commit_one(Store& store, std::uint32_t writer, Counters& counters) {
  const std::uint64_t number = ++counters[writer];
  store.write([&](WriteTransaction& tx) { enter(tx, writer, number); });
}

void note(const Counters& counters,
          std::array<std::atomic<std::uint64_t>, writer_count>& words) noexcept {
  std::copy(counters.begin(), counters.end(), words.begin());
}

/// The store works: it takes commits, closes, and needs no recovery then.
void require_works(const CutCase& one, Store store, Ledger& model, Counters counters,
                   CutArena& arena) {
  commit_one(store, 0, counters);
  require_model(store, model, counters, "after one more transaction");
  store.close();
  Store again = Store::open_existing(one.path, options_of(one, "verify again"));
  if (again.last_recovery().needed) throw DrillFailure("a closed store needed recovery");
  require_model(again, model, counters, "after closing");
  commit_one(again, 1, counters);
  note(counters, arena.left);
  // Otherwise the next writers find a store that was left in use.
  if (one.durability == Durability::process || one.seed % 2 == 0) again.close();
}

void require_right_to_open(const CutCase& one, const Counters& was, const CutArena& arena) {
  if (one.durability == Durability::power || arena.finish != 0) return;
  if (values_of(arena.acknowledged) == was) return;
  throw DrillFailure("it opens although it was written to and never closed");
}

}  // namespace

Counters values_of(const std::array<std::atomic<std::uint64_t>, writer_count>& words) {
  Counters values{};
  std::copy(words.begin(), words.end(), values.begin());
  return values;
}

void write_until_cut(const CutCase& one, std::uint32_t writer, CutArena& arena) {
  arena_of_this_process = &arena;
  std::signal(SIGBUS, &on_bus_error);
  if (one.io_observer != nullptr) drill::set_io_observer(one.io_observer);
  try {
    write(one, writer, arena);
  } catch (const Error&) {
    if (arena.cut == 0) throw;
  }
}

void verify_after_cut(const CutCase& one, const Counters& was, Ledger& model, CutArena& arena) {
  std::optional<Store> store = open_after_cut(one, arena);
  if (!store) return;
  if (!store->last_recovery().after_reboot)
    throw DrillFailure("the store does not see that this is another boot");
  require_sound(*store, "after the cut");
  require_right_to_open(one, was, arena);
  if (!store->read(&holds_roots)) {
    if (arena.founded != 0) throw DrillFailure("the roots were committed and are gone");
    return;
  }
  arena.holds_roots = 1;
  const Counters found =
      store->read([](const ReadTransaction& tx) { return Ledger::counters(tx); });
  require_told(found, arena);
  note(found, arena.found);
  require_model(*store, model, found, "after the cut");
  require_works(one, std::move(*store), model, found, arena);
}

}  // namespace cairn::drills

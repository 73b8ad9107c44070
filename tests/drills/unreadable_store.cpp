// SPDX-License-Identifier: BSL-1.0
#include "unreadable_store.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "cairn/error.hpp"
#include "cairn/mapping/file.hpp"
#include "disk_places.hpp"
#include "rendezvous.hpp"

namespace cairn::drills {
namespace {

using namespace std::chrono_literals;
using Series = Vec<std::uint64_t>;

/// So many that nobody who opens the store has the middle of them read ahead: the system reads some
/// MiB at once where huge pages are preferred.
constexpr std::size_t number_count = 4 << 20;
constexpr std::size_t numbers_a_page = page_bytes / sizeof(std::uint64_t);
/// Number i of the vector that is lost in part is this and i, which nothing else in the file is.
constexpr std::uint64_t first_number = 0x6361'6972'6e00'0000;
/// The system reads pieces of up to a huge page, and where the disk cannot give a part of one it
/// has none of it.
constexpr std::size_t most_numbers_at_once = (2 << 20) / sizeof(std::uint64_t);
/// All of the file is in one piece then, as far as the file system has its way.
constexpr std::uint64_t file_bytes = 40 << 20;
constexpr std::size_t most_pieces_in_inode = 4;  ///< of ext4
/// Where the file system puts a file is up to it; so often it is asked again.
constexpr int placing_attempts = 16;

template <class Transaction>
std::uint64_t front_number(Transaction& tx, std::size_t index) {
  return std::as_const(*tx.template find<Series>("front")).at(index);
}

/// What can be read must be right.
template <class Transaction>
void require_numbers(Transaction& tx, std::size_t end) {
  const Series& numbers = std::as_const(*tx.template find<Series>("numbers"));
  for (std::size_t i = 0; i < end; ++i) {
    if (numbers.at(i) == first_number + i) continue;
    throw DrillFailure(fmt::format("number {} is {:#x}", i, numbers.at(i)));
  }
}

template <class Transaction>
void require_front(Transaction& tx, std::uint64_t committed) {
  const std::uint64_t found = front_number(tx, 0);
  if (found != committed) {
    throw DrillFailure(fmt::format("{} commits were acknowledged, {} are there", committed, found));
  }
  if (front_number(tx, 1) != 0) throw DrillFailure("what was never committed is there");
}

/// What a program finds where it has set nothing up for SIGBUS: sanitizers do.
void die_by_default() {
  std::signal(SIGBUS, SIG_DFL);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

}  // namespace

const char* to_string(Touch touch) noexcept {
  switch (touch) {
    case Touch::reads_in_section: return "reads in a section";
    case Touch::reads_with_the_lock: return "reads in a transaction";
    case Touch::writes: return "writes";
  }
  return "touches";
}

const char* to_string(Way way) noexcept {
  switch (way) {
    case Way::open: return "Store::open";
    case Way::open_existing: return "Store::open_existing";
    case Way::open_read_only: return "Store::open_read_only";
  }
  return "opening";
}

UnreadableStore::UnreadableStore(std::string path, Durability durability)
    : durability_(durability), path_(std::move(path)), log_path_(path_ + "-log") {}

Options UnreadableStore::options(const char* label) const {
  Options options = drill_options(durability_, label);
  options.initial_bytes = file_bytes;
  options.any_file_system = false;
  return options;
}

/// What the commits of this drill change comes first, and so lies in front of the numbers.
void UnreadableStore::set_up() const {
  Store store = Store::create(path_, options("setup"));
  store.write([](WriteTransaction& tx) {
    tx.construct<Series>("front", std::size_t{2}, std::uint64_t{0});
  });
  store.write([](WriteTransaction& tx) {
    Series& numbers = tx.construct<Series>("numbers", number_count);
    for (std::size_t i = 0; i < number_count; ++i) numbers.at(i) = first_number + i;
  });
  store.close();
}

/// Leaves no page of the data file that was never written, so that it is of few pieces and the file
/// system needs no block beyond the inode to tell where they lie: such a block might be lost, too.
void UnreadableStore::write_in_full() const {
  const File file = File::open(path_, File::Access::read_write);
  std::vector<std::byte> bytes(file.size());
  if (file.read_at(0, bytes) != bytes.size()) throw DrillFailure("the data file cannot be read");
  file.write_at(0, bytes);
  file.sync();
}

void UnreadableStore::find_places() {
  write_in_full();
  const DiskPlaces data(path_);
  const DiskPlaces log(log_path_);
  if (std::max(data.pieces(), log.pieces()) > most_pieces_in_inode)
    throw DrillFailure("a file is in pieces");
  const File file = File::open(path_, File::Access::read_only);
  std::vector<std::pair<std::uint64_t, std::size_t>> pages;  // place on the disk, first number
  std::uint64_t front_end = 0;                               // of what lies in front of the numbers
  for (std::uint64_t page = heap_begin; page < file.size(); page += page_bytes) {
    std::uint64_t number = 0;
    file.read_at(page, std::as_writable_bytes(std::span(&number, 1)));
    if (number < first_number || number >= first_number + number_count) continue;
    if (pages.empty()) front_end = page;
    pages.emplace_back(data.of(page), number - first_number);
  }
  if (pages.size() + 1 < number_count / numbers_a_page)
    throw DrillFailure("the numbers are not in the file");
  for (std::uint64_t page = 0; page < places_.header.size(); ++page) {
    places_.header[page] = data.of(page * page_bytes);
  }
  const auto log_bytes = std::filesystem::file_size(log_path_);
  places_.lost = std::max(
      {pages[pages.size() / 2].first, data.end_of(0, front_end), log.end_of(0, log_bytes)});
  std::size_t lost = 0;
  places_.first_lost_number = number_count;
  for (const auto& [place, number] : pages) {
    if (place < places_.lost) continue;
    ++lost;
    places_.first_lost_number = std::min(places_.first_lost_number, number);
    places_.last_lost_number = std::max(places_.last_lost_number, number);
  }
  places_.readable_numbers =
      places_.first_lost_number - std::min(places_.first_lost_number, most_numbers_at_once);
  if (lost < pages.size() / 8 || places_.readable_numbers == 0) {
    throw DrillFailure(fmt::format("the file system has put {} of {} pages behind everything else",
                                   lost, pages.size()));
  }
}

void UnreadableStore::move_log_behind(std::uint64_t place) const {
  for (int attempt = 0; DiskPlaces(log_path_).of(0) < place; ++attempt) {
    if (attempt == placing_attempts)
      throw DrillFailure("the file system puts no log behind the header");
    // The one before keeps its blocks, so that the next gets others.
    const std::string before = fmt::format("{}-before-{}", log_path_, attempt);
    std::filesystem::rename(log_path_, before);
    std::filesystem::copy_file(before, log_path_);
  }
}

void UnreadableStore::witness() const {
  Store store = Store::open_existing(path_, options("witness"));
  boards_->witness.opened = 1;
  while (boards_->witness.finish == 0) {
    if (boards_->wanted == boards_->committed) {
      std::this_thread::sleep_for(50us);
      continue;
    }
    boards_->witness.waiting = 1;
    store.write([&](WriteTransaction& tx) {
      boards_->witness.served_ns = steady_ns();
      tx.find<Series>("front")->at(0) += 1;
    });
    store.read([&](const ReadTransaction& tx) { require_front(tx, boards_->committed + 1); });
    boards_->witness.waiting = 0;
    boards_->committed += 1;
  }
  store.close();
}

void UnreadableStore::touch(Touch how, std::size_t number, bool is_awaited) const {
  die_by_default();
  Store store = Store::open_existing(path_, options("reader"));
  const auto die = [&](auto&& access) {
    boards_->dying.died_ns = steady_ns();
    const std::uint64_t found = access();
    throw DrillFailure(fmt::format("number {} is on no disk, and is {:#x}", number, found));
  };
  if (how == Touch::reads_in_section) {
    const ReadTransaction tx = store.begin_read();
    require_front(tx, boards_->committed);
    require_numbers(tx, places_.readable_numbers);
    die([&] { return tx.find<Series>("numbers")->at(number); });
  }
  WriteTransaction tx = store.begin_write();
  require_front(tx, boards_->committed);
  require_numbers(tx, places_.readable_numbers);
  tx.find<Series>("front")->at(1) = 1;
  boards_->dying.holding = 1;
  if (is_awaited) {
    await(boards_->witness.waiting, "the witness to wait");
    std::this_thread::sleep_for(time_to_wait);
  }
  Series& numbers = *tx.find<Series>("numbers");
  if (how == Touch::writes) die([&] { return numbers.at(number) = 0; });
  die([&] { return std::as_const(numbers).at(number); });
}

void UnreadableStore::commit() const {
  Store store = Store::open_existing(path_, options("next"));
  store.write([&](WriteTransaction& tx) {
    require_front(tx, boards_->committed);
    require_numbers(tx, places_.readable_numbers);
    tx.find<Series>("front")->at(0) += 1;
  });
  boards_->committed += 1;
  store.close();
}

void UnreadableStore::be_refused(Way way, const std::string& file) const {
  die_by_default();
  try {
    switch (way) {
      case Way::open: Store::open(path_, options("opener")); break;
      case Way::open_existing: Store::open_existing(path_, options("opener")); break;
      case Way::open_read_only: Store::open_read_only(path_, options("opener")); break;
    }
  } catch (const Error& error) {
    if (error == errc::io && error.system_errno() == EIO && error.path() == file) return;
    throw DrillFailure(fmt::format("is told: {}", error.what()));
  }
  throw DrillFailure("opens it");
}

void UnreadableStore::verify() const {
  Store store = Store::open(path_, options("afterwards"));
  store.read([&](const ReadTransaction& tx) {
    require_front(tx, boards_->committed);
    require_numbers(tx, number_count);
  });
  require_sound(store, "with what was lost back in its place");
  store.write([&](WriteTransaction& tx) {
    tx.find<Series>("front")->at(0) += 1;
    tx.find<Series>("numbers")->at(places_.last_lost_number) += 0;
  });
  boards_->committed += 1;
  store.close();
}

}  // namespace cairn::drills

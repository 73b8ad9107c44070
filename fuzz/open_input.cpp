// SPDX-License-Identifier: BSL-1.0
#include "open_input.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "cairn/recovery/checksum.hpp"
#include "cairn/recovery/header_format.hpp"
#include "cairn/recovery/log_format.hpp"
#include "cairn/recovery/record.hpp"
#include "seed_stores.hpp"

namespace cairn::fuzz {
namespace {

constexpr std::size_t most_edits = 64;
constexpr rlim_t largest_file_bytes = 64 << 20;
/// Records that are made right again, from the checkpoint on.
constexpr int most_records = 64;

template <class T>
T load(std::span<const std::uint8_t> bytes, std::size_t offset, std::size_t count = sizeof(T)) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, count);
  return value;
}

template <class Stored>
Stored stored_at(const std::string& file, std::size_t offset) {
  Stored stored{};
  if (offset + sizeof stored <= file.size()) {
    std::memcpy(&stored, file.data() + offset, sizeof stored);
  }
  return stored;
}

template <class Stored>
void reseal(std::string& file, std::size_t offset, std::uint64_t seed) {
  if (offset + sizeof(Stored) > file.size()) return;
  Stored stored = stored_at<Stored>(file, offset);
  stored.checksum = struct_checksum(stored, seed);
  std::memcpy(file.data() + offset, &stored, sizeof stored);
}

void put(std::string& file, std::size_t offset, const void* from, std::size_t bytes) {
  if (offset < file.size()) {
    std::memcpy(file.data() + offset, from, std::min(bytes, file.size() - offset));
  }
}

void copy_line(std::string& file, std::size_t from, std::size_t to) {
  if (from + line_bytes > file.size()) return;
  const std::string line = file.substr(from, line_bytes);
  put(file, to, line.data(), line.size());
}

void edit(StoreBytes& store, std::span<const std::uint8_t> one) {
  const auto kind = static_cast<EditKind>(one[0] % static_cast<unsigned>(EditKind::count));
  const std::size_t offset = load<std::uint32_t>(one, 1, 3);
  const auto value = load<std::uint64_t>(one, 4);
  switch (kind) {
    case EditKind::data_8:
    case EditKind::data_16:
    case EditKind::data_32:
    case EditKind::data_64: put(store.data, offset, &value, std::size_t{1} << one[0] % 4); break;
    case EditKind::log_8:
    case EditKind::log_16:
    case EditKind::log_32:
    case EditKind::log_64: put(store.log, offset, &value, std::size_t{1} << one[0] % 4); break;
    case EditKind::cut_data: store.data.resize(std::min(offset, store.data.size())); break;
    case EditKind::cut_log: store.log.resize(std::min(offset, store.log.size())); break;
    case EditKind::copy_data_line: copy_line(store.data, offset, value % (1 << 24)); break;
    case EditKind::copy_log_line: copy_line(store.log, offset, value % (1 << 24)); break;
    case EditKind::count: break;
  }
}

/// The checksum of a record that may run across the end of the ring.
void reseal_record(std::string& log, std::uint64_t ring, std::uint64_t place, std::uint64_t salt,
                   std::uint64_t& bytes) {
  std::string unrolled =
      log.substr(log_ring_offset + place, ring - place) + log.substr(log_ring_offset, place);
  auto header = stored_at<RecordHeader>(unrolled, 0);
  bytes = record_bytes(header.page_count, header.line_count);
  if (header.magic != record_magic || bytes > unrolled.size()) {
    bytes = 0;
    return;
  }
  header.salt = salt;
  std::memcpy(unrolled.data(), &header, sizeof header);
  header.checksum = record_checksum(std::as_bytes(std::span(unrolled)).first(bytes));
  put(log, log_ring_offset + place, &header, sizeof header);
}

void reseal_records(StoreBytes& store, std::uint64_t salt) {
  const auto first = stored_at<MetaSlot>(store.data, meta_slot_offset);
  const auto second = stored_at<MetaSlot>(store.data, meta_slot_offset + meta_slot_stride);
  const MetaSlot& meta = first.turn > second.turn ? first : second;
  const std::uint64_t ring = meta.log_bytes;
  if (ring < sizeof(RecordHeader) || ring > store.log.size() ||
      store.log.size() - ring < log_ring_offset) {
    return;
  }
  std::uint64_t position = meta.checkpoint_position;
  for (int record = 0; record < most_records; ++record) {
    std::uint64_t bytes = 0;
    reseal_record(store.log, ring, position % ring, salt, bytes);
    if (bytes == 0) return;
    position += bytes;
  }
}

void repair(StoreBytes& store, std::uint8_t what) {
  if ((what & repair_identities) != 0) {
    reseal<Identity>(store.data, 0, 0);
    reseal<LogIdentity>(store.log, 0, 0);
  }
  const std::uint64_t seed = checksum_seed(stored_at<Identity>(store.data, 0).uuid);
  if ((what & repair_meta) != 0) {
    reseal<MetaSlot>(store.data, meta_slot_offset, seed);
    reseal<MetaSlot>(store.data, meta_slot_offset + meta_slot_stride, seed);
  }
  if ((what & repair_records) != 0) reseal_records(store, seed);
  if ((what & other_boot) != 0) {
    const BootId none{};
    put(store.data, live_words_offset + offsetof(LiveWords, boot_id), &none, sizeof none);
  }
}

StoreBytes make_store(std::span<const std::uint8_t> input) {
  if (input.empty()) return {};
  if (input[0] % 2 == 0) {
    if (input.size() < 5) return {};
    const std::size_t data_bytes =
        std::min<std::size_t>(load<std::uint32_t>(input, 1), input.size() - 5);
    const auto* const bytes = reinterpret_cast<const char*>(input.data()) + 5;
    return {std::string(bytes, data_bytes),
            std::string(bytes + data_bytes, input.size() - 5 - data_bytes)};
  }
  if (input.size() < edits_offset) return seed_stores().front();
  StoreBytes store = seed_stores()[input[1] % seed_stores().size()];
  std::size_t edits = 0;
  for (std::size_t at = edits_offset; at + edit_bytes <= input.size() && edits < most_edits;
       at += edit_bytes, ++edits) {
    edit(store, input.subspan(at, edit_bytes));
  }
  repair(store, input[2]);
  return store;
}

/// The address and undefined behaviour sanitizers see to it that reading is worth something.
std::uint64_t read_roots(const ReadTransaction& tx) {
  std::uint64_t sum = 0;
  if (const auto* numbers = tx.find<Numbers>("numbers")) {
    for (const auto& [key, value] : *numbers) sum += key ^ value;
    sum += numbers->count(7);
  }
  if (const auto* people = tx.find<People>("people")) {
    for (const auto& [name, person] : *people) {
      sum += name.size() + person.name.size() + person.age;
      for (const std::uint64_t visit : person.visits) sum += visit;
    }
    sum += people->count("person 3");
  }
  if (const auto* chain = tx.find<Chain>("chain")) {
    for (const Link* link = chain->get(); link != nullptr; link = link->next.get()) {
      sum += link->value;
    }
  }
  if (const auto* bulk = tx.find<Bulk>("bulk")) {
    for (const std::uint64_t value : *bulk) sum += value;
  }
  return sum + tx.names().size();
}

void write_roots(WriteTransaction& tx) {
  auto& numbers = tx.find_or_construct<Numbers>("numbers");
  for (std::uint64_t key = 1000; key < 1030; ++key) numbers.insert_or_assign(key, key);
  auto& people = tx.find_or_construct<People>("people");
  people.try_emplace("a person who comes later").first->second.visits.push_back(1);
  people.erase("person 3");
  tx.find_or_construct<Bulk>("bulk").push_back(1);
  tx.destroy<Chain>("chain");
}

[[noreturn]] void give_up(const std::string& problem) {
  std::fprintf(stderr, "%s\n", problem.c_str());
  std::abort();
}

bool is_whole(const Store& store) {
  return store.check().ok();
}

void use(const Options& options) {
  {
    Store store = Store::open_existing(store_path(), options);
    if (!is_whole(store)) return;
    store.read(&read_roots);
    store.write(&write_roots);
    if (const CheckReport report = store.check(); !report.ok()) {
      give_up("check passed a store that one transaction breaks: " + report.problems.front());
    }
    store.read(&read_roots);
  }
  Store store = Store::open_existing(store_path(), options);
  if (const CheckReport report = store.check(); !report.ok()) {
    give_up("a whole store is broken after opening it again: " + report.problems.front());
  }
  store.close();
}

void limit_files() {
  // A store may ask for no more of the disk than a failing call gives.
  std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit limit {};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = std::min(limit.rlim_max, largest_file_bytes);
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

}  // namespace

void open_input(std::span<const std::uint8_t> input) {
  static const bool limited = (limit_files(), true);
  static_cast<void>(limited);
  write_store(make_store(input));
  Options options;
  options.max_bytes = 64 << 20;
  options.max_log_bytes = 16 << 20;
  options.lock_timeout = std::chrono::milliseconds(200);
  // It lies in memory, which is faster.
  options.any_file_system = true;
  try {
    use(options);
  } catch (const Error& error) {
    static_cast<void>(error);  // any named error is an answer
  }
}

}  // namespace cairn::fuzz

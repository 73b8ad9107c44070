// SPDX-License-Identifier: BSL-1.0
#include "seed_stores.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace cairn::fuzz {
namespace {

namespace fs = std::filesystem;

class Directory {
 public:
  Directory() {
    const fs::path memory = "/dev/shm";
    const fs::path parent =
        ::access(memory.c_str(), W_OK | X_OK) == 0 ? memory : fs::temp_directory_path();
    std::string name = (parent / "cairn-fuzz-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      std::perror(name.c_str());
      std::abort();
    }
    path_ = name;
    store_ = (path_ / "store").string();
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const std::string& store() const noexcept { return store_; }

 private:
  fs::path path_;
  std::string store_;
};

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

StoreBytes read_store() {
  return {read_file(store_path()), read_file(store_path() + "-log")};
}

void fill(WriteTransaction& tx) {
  auto& numbers = tx.construct<Numbers>("numbers");
  for (std::uint64_t key = 0; key < 40; ++key) numbers.try_emplace(key * 7, key);
  auto& people = tx.construct<People>("people");
  for (int i = 0; i < 10; ++i) {
    Person& person = people.try_emplace("person " + std::to_string(i)).first->second;
    person.name = i % 2 == 0 ? "Ada" : "somebody with a name that needs a block of its own";
    person.age = static_cast<std::uint32_t>(20 + i);
    for (int visit = 0; visit < i; ++visit) person.visits.push_back(1843);
  }
  auto& chain = tx.construct<Chain>("chain");
  for (std::uint64_t value = 0; value < 6; ++value) {
    Chain fresh(std::in_place);
    fresh->value = value;
    fresh->next = std::move(chain);
    chain = std::move(fresh);
  }
  tx.construct<Bulk>("bulk").resize(3000);
}

void change(WriteTransaction& tx, std::uint64_t round) {
  (*tx.find<Numbers>("numbers")).insert_or_assign(round, round);
  (*tx.find<People>("people")).try_emplace("late " + std::to_string(round)).first->second.age = 1;
  (*tx.find<Bulk>("bulk"))[round * 100] = round;
}

void remove_store() {
  fs::remove(store_path());
  fs::remove(store_path() + "-log");
}

void add_seeds(Durability durability, std::vector<StoreBytes>& seeds) {
  Options options;
  options.durability = durability;
  options.initial_bytes = 64 << 10;
  options.log_bytes = 64 << 10;
  options.max_bytes = 64 << 20;
  // It lies in memory, which is faster.
  options.any_file_system = true;
  remove_store();
  Store store = Store::create(store_path(), options);
  store.write([](WriteTransaction& tx) { fill(tx); });
  for (std::uint64_t round = 1; round < 4; ++round) {
    store.write([&](WriteTransaction& tx) { change(tx, round); });
  }
  // As a kill would leave it.
  seeds.push_back(read_store());
  store.close();
  seeds.push_back(read_store());
  remove_store();
}

}  // namespace

const std::string& store_path() {
  static const Directory directory;
  return directory.store();
}

void write_store(const StoreBytes& bytes) {
  write_file(store_path(), bytes.data);
  write_file(store_path() + "-log", bytes.log);
}

const std::vector<StoreBytes>& seed_stores() {
  static const std::vector<StoreBytes> stores = [] {
    std::vector<StoreBytes> seeds;
    add_seeds(Durability::power, seeds);
    add_seeds(Durability::process, seeds);
    return seeds;
  }();
  return stores;
}

}  // namespace cairn::fuzz

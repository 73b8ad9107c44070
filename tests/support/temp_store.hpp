// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cairn/cairn.hpp>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "cairn/mapping/file.hpp"
#include "cairn/recovery/header_format.hpp"
#include "stored_structs.hpp"

namespace cairn::test {

/// A directory of its own that goes, with all that is in it, when this object does.
class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = ::testing::TempDir() + "cairn-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp: " + pattern);
    path_ = pattern;
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const noexcept { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      found.push_back(entry.path().filename().string());
    }
    return found;
  }

 private:
  std::string path_;
};

/// The error that `body` throws; a failure of the test, and errc 0, where it throws none.
template <class Body>
Error error_of(Body&& body) {
  try {
    std::forward<Body>(body)();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no cairn::Error was thrown";
  return Error(errc{}, "", "");
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Expects `body` to throw `code` with a message that names `path` and holds each of `parts`.
template <class Body>
void expect_error(errc code, const std::string& path, const std::vector<std::string>& parts,
                  Body&& body) {
  const Error error = error_of(std::forward<Body>(body));
  EXPECT_EQ(error.code(), make_error_code(code)) << error.what();
  EXPECT_TRUE(contains(error.what(), path)) << error.what();
  for (const std::string& part : parts) {
    EXPECT_TRUE(contains(error.what(), part)) << error.what() << "\nlacks: " << part;
  }
}

inline std::vector<std::byte> read_bytes(const std::string& path) {
  const File file = File::open(path, File::Access::read_only);
  std::vector<std::byte> bytes(file.size());
  bytes.resize(file.read_at(0, bytes));
  return bytes;
}

inline void write_bytes(const std::string& path, const std::vector<std::byte>& bytes) {
  const File file = File::open_or_create(path, 0600);
  // Not cut to nothing first: some file systems write such a file back when it is closed.
  file.write_at(0, bytes);
  file.truncate(bytes.size());
}

inline BootId other_boot() {
  BootId id = current_boot_id();
  id[0] ^= std::byte{0xFF};
  return id;
}
/// Makes the files look as though the system had been started again since: the live words, and
/// where `meta` is set the checkpoints too, are of another boot.
inline void pretend_reboot(const std::string& path, bool meta = true) {
  write_struct(path, live_words_offset + offsetof(LiveWords, boot_id), other_boot());
  if (meta) edit_meta_slots(path, [](MetaSlot& slot) { slot.boot_id = other_boot(); });
}

/// Tests of a store in a directory of its own. Every commit compares the whole working view with
/// the marks, and every store is examined when the test is done with it.
class StoreTest : public ::testing::Test {
 protected:
  /// Small enough for sanitizers and for several views in one process.
  static Options options() {
    Options small;
    small.max_bytes = std::uint64_t{1} << 30;
    small.durability = Durability::process;
    small.verify_writes = true;
    small.lock_timeout = std::chrono::seconds(5);
    // Where temporary files lie in memory: no test cuts the power, some pretend to.
    small.any_file_system = true;
    return small;
  }
  static Options power_options() {
    Options small = options();
    small.durability = Durability::power;
    return small;
  }

  std::string path(const std::string& name = "store") const { return directory_ / name; }
  const TempDirectory& directory() const noexcept { return directory_; }
  Store open(const Options& how = options()) const { return Store::open(path(), how); }
  void remove_store() const {
    std::filesystem::remove(path());
    std::filesystem::remove(path() + "-log");
  }

  /// What check() finds: damage, and blocks that nobody owns.
  static std::vector<std::string> faults(const Store& store) {
    CheckReport report = store.check();
    std::vector<std::string> found = std::move(report.problems);
    found.insert(found.end(), report.unowned.begin(), report.unowned.end());
    return found;
  }
  static void expect_sound(const Store& store) {
    for (const std::string& fault : faults(store)) ADD_FAILURE() << fault;
  }

  using Numbers = Vec<std::uint64_t>;
  static void push(Store& store, std::uint64_t value, const std::string& name = "numbers") {
    store.write(
        [&](WriteTransaction& tx) { tx.find_or_construct<Numbers>(name).push_back(value); });
  }
  static std::vector<std::uint64_t> numbers(const Store& store,
                                            const std::string& name = "numbers") {
    return store.read([&](const ReadTransaction& tx) {
      const auto* found = tx.find<Numbers>(name);
      return found == nullptr ? std::vector<std::uint64_t>()
                              : std::vector<std::uint64_t>(found->begin(), found->end());
    });
  }

 private:
  TempDirectory directory_;
};

using Values = std::vector<std::uint64_t>;

}  // namespace cairn::test

// SPDX-License-Identifier: BSL-1.0
// Files that earlier versions wrote are opened, read in whole and written to by this one.
#include <set>

#include "golden_store.hpp"
#include "temp_store.hpp"

#ifndef CAIRN_GOLDEN_DIR
#error "CAIRN_GOLDEN_DIR must name the directory of the sets"
#endif

namespace cairn::test {
namespace {

struct Set {
  std::string directory;
  std::vector<std::string> parts;
};

std::vector<Set> all_sets() {
  std::vector<Set> sets;
  for (const auto& entry : std::filesystem::directory_iterator(CAIRN_GOLDEN_DIR)) {
    if (!entry.is_directory()) continue;
    Set& set = sets.emplace_back();
    set.directory = entry.path().string();
    std::ifstream list(set.directory + "/parts");
    for (std::string name; list >> name;) set.parts.push_back(name);
  }
  return sets;
}

class Golden : public StoreTest {
 protected:
  /// Opens a copy of one kind of each set.
  template <class Body>
  void for_each_set(const char* kind, Body body) const {
    int count = 0;
    for (const Set& set : all_sets()) {
      SCOPED_TRACE(set.directory);
      ASSERT_FALSE(set.parts.empty());
      const std::string file = path("store" + std::to_string(count++));
      golden::unpack(set.directory + '/' + kind + ".data", file);
      golden::unpack(set.directory + '/' + kind + ".log", file + "-log");
      // The system that wrote the files may be the one that runs now.
      pretend_reboot(file);
      Options how;
      how.verify_writes = true;
      // Temporary files may lie in memory.
      how.any_file_system = true;
      body(set, Store::open_existing(file, how));
    }
    EXPECT_GT(count, 0);
  }
  static void verify(const Set& set, const Store& store) {
    expect_sound(store);
    store.read([&](const ReadTransaction& tx) {
      for (const std::string& name : set.parts) golden::part(name).verify(tx);
    });
  }
  static void verify_and_change(const Set& set, Store store) {
    verify(set, store);
    for (const std::string& name : set.parts) {
      SCOPED_TRACE(name);
      store.write(golden::part(name).change);
      expect_sound(store);
      EXPECT_THROW(store.read([&](const ReadTransaction& tx) { golden::part(name).verify(tx); }),
                   std::exception)
          << "what was changed is not looked at";
    }
    store.close();
  }
};

TEST_F(Golden, closed_stores_of_every_version_are_read_and_written) {
  for_each_set(golden::closed_name, [](const Set& set, Store store) {
    EXPECT_EQ(store.last_recovery().replayed_records, 0U);
    verify_and_change(set, std::move(store));
  });
}

TEST_F(Golden, unfinished_stores_of_every_version_are_recovered_from_their_logs) {
  for_each_set(golden::unfinished_name, [](const Set& set, Store store) {
    EXPECT_TRUE(store.last_recovery().needed);
    EXPECT_GT(store.last_recovery().replayed_records, 0U);
    verify_and_change(set, std::move(store));
  });
}

TEST_F(Golden, a_flipped_bit_in_any_part_is_noticed) {
  for_each_set(golden::closed_name, [](const Set& set, Store store) {
    for (const std::string& name : set.parts) {
      SCOPED_TRACE(name);
      // The object itself, without its blocks.
      const RootInfo root =
          store.read([&](const ReadTransaction& tx) { return *tx.catalog().find(name); });
      store.write([&](WriteTransaction& tx) {
        auto& byte = tx[Ref<std::uint8_t>(root.offset + (name == "maps" ? 8 + 24 : 0))];
        tx.mark(&byte, 1);
        byte ^= 1;
      });
      bool noticed = !store.check().ok();
      if (!noticed) {
        try {
          store.read([&](const ReadTransaction& tx) { golden::part(name).verify(tx); });
        } catch (const std::exception&) {
          noticed = true;
        }
      }
      EXPECT_TRUE(noticed);
      store.write([&](WriteTransaction& tx) {
        auto& byte = tx[Ref<std::uint8_t>(root.offset + (name == "maps" ? 8 + 24 : 0))];
        tx.mark(&byte, 1);
        byte ^= 1;
      });
    }
  });
}

TEST_F(Golden, the_newest_set_holds_every_part_that_there_is) {
  std::set<std::string> held;
  for (const Set& set : all_sets()) held.insert(set.parts.begin(), set.parts.end());
  for (const golden::Part& part : golden::parts()) {
    EXPECT_TRUE(held.contains(part.name)) << part.name << ": run ./dev golden NAME";
  }
}

TEST_F(Golden, a_set_that_is_there_is_not_written_again) {
  golden::write_set(path("set"));
  EXPECT_THROW(golden::write_set(path("set")), std::runtime_error);
}

TEST_F(Golden, packing_and_unpacking_gives_the_same_file) {
  std::vector<std::byte> bytes(100'000);
  for (std::size_t i = 0; i < bytes.size(); i += 777)
    bytes[i] = static_cast<std::byte>(i % 255 + 1);
  bytes.resize(99'990);
  write_bytes(path("file"), bytes);
  golden::write_packed(path("file"), path("packed"));
  golden::unpack(path("packed"), path("again"));
  EXPECT_EQ(read_bytes(path("again")), bytes);
  std::filesystem::resize_file(path("packed"), 500);
  EXPECT_THROW(golden::unpack(path("packed"), path("cut")), std::runtime_error);
}

}  // namespace
}  // namespace cairn::test

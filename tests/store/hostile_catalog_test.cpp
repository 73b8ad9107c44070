// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/catalog_format.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

/// A catalog that lies about its chains is a named error, found soon.
class HostileCatalog : public StoreTest {
 protected:
  HostileCatalog() {
    Store made = open();
    push(made, 1, "one");
    push(made, 2, "two");
    made.close();
  }

  std::uint64_t header_offset() const {
    return read_struct<HeapHeader>(path(), heap_begin).catalog_offset;
  }
  void set_count(std::uint64_t count) const {
    auto header = read_struct<CatalogHeader>(path(), header_offset());
    header.count = count;
    write_struct(path(), header_offset(), header);
  }
  /// The place of each bucket's first entry, 0 where it has none.
  std::vector<std::uint64_t> buckets() const {
    const auto header = read_struct<CatalogHeader>(path(), header_offset());
    std::vector<std::uint64_t> all;
    for (std::uint64_t i = 0; i < header.bucket_count; ++i) {
      all.push_back(read_struct<std::uint64_t>(path(), header.buckets + i * sizeof all[0]));
    }
    return all;
  }
  std::uint64_t any_entry() const {
    for (const std::uint64_t first : buckets()) {
      if (first != 0) return first;
    }
    throw std::runtime_error("an empty catalog");
  }
  void bend_chains_into_circles() const {
    for (const std::uint64_t first : buckets()) {
      if (first == 0) continue;
      auto entry = read_struct<CatalogEntry>(path(), first);
      entry.next = first;
      write_struct(path(), first, entry);
    }
  }
  /// Looking for a name in each bucket, and everything that walks all entries.
  void expect_refused() const {
    Store sut = open();
    EXPECT_FALSE(sut.check().ok());
    int refused = 0;
    for (int i = 0; i < 100; ++i) {
      try {
        numbers(sut, "absent " + std::to_string(i));
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), make_error_code(errc::corrupt)) << error.what();
        ++refused;
      }
    }
    EXPECT_GT(refused, 0);
    expect_error(errc::corrupt, path(), {"catalog"},
                 [&] { sut.read([](const ReadTransaction& tx) { tx.names(); }); });
  }
};

TEST_F(HostileCatalog, a_count_beyond_what_the_heap_holds_is_refused) {
  set_count(~std::uint64_t{0});
  Store sut = open();
  EXPECT_FALSE(sut.check().ok());
  expect_error(errc::corrupt, path(), {std::to_string(~std::uint64_t{0}), "entries"},
               [&] { numbers(sut, "one"); });
}

TEST_F(HostileCatalog, circles_are_found_whatever_the_count_says) {
  bend_chains_into_circles();
  for (const std::uint64_t count : {std::uint64_t{2}, std::uint64_t{1000}, ~std::uint64_t{0}}) {
    set_count(count);
    expect_refused();
  }
}

TEST_F(HostileCatalog, an_entry_in_the_chain_of_another_bucket_is_told) {
  const std::uint64_t entry = any_entry();
  auto moved = read_struct<CatalogEntry>(path(), entry);
  ++moved.name_hash;
  write_struct(path(), entry, moved);
  const Store sut = open();
  EXPECT_FALSE(sut.check().ok());
}

}  // namespace
}  // namespace cairn::test

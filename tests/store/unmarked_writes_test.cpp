// SPDX-License-Identifier: BSL-1.0
// Options::verify_writes names whatever was changed without a mark, and takes it back.
#include "temp_store.hpp"

namespace cairn::test {
namespace {

struct User {
  String name;
  std::uint32_t age = 0;
  Vec<std::uint64_t> visits;
};
BOOST_DESCRIBE_STRUCT(User, (), (name, age, visits))

struct Site {
  std::uint64_t hits = 0;
  Vec<User> people;
  HashMap<std::uint64_t, User> users;
  HashMap<String, std::int32_t> words;
  Box<User> owner;
};
BOOST_DESCRIBE_STRUCT(Site, (), (hits, people, users, words, owner))

/// Through a const access, which marks nothing.
template <class T>
T& unmarked(const T& object) {
  return const_cast<T&>(object);
}

class UnmarkedWrites : public StoreTest {
 protected:
  UnmarkedWrites() {
    sut_.write([](WriteTransaction& tx) {
      auto& site = tx.construct<Site>("site");
      site.people.resize(5);
      site.people[3].name = std::string(70, 'n');
      site.users[1].name = "Ada";
      site.users[1].visits.assign({1843, 1844});
      site.words["tree"] = -7;
      site.owner = make_box<User>();
      tx.construct<Numbers>("numbers", 1000U, 1U);
    });
  }

  /// Expects a commit after `change` to be refused with all `parts`, and nothing of it to be left.
  template <class Change>
  void expect_refused(const std::vector<std::string>& parts, Change change) {
    const std::uint64_t sequence = sut_.sequence();
    const std::vector<std::byte> before = heap_bytes();
    expect_error(errc::unmarked_write, path(), parts, [&] {
      sut_.write([&](WriteTransaction& tx) { change(tx, std::as_const(*tx.find<Site>("site"))); });
    });
    EXPECT_EQ(sut_.sequence(), sequence);
    EXPECT_EQ(heap_bytes(), before);
    // What was refused is not seen by the next transaction either, and is not in its way.
    push(sut_, 5);
    EXPECT_EQ(sut_.sequence(), sequence + 1);
    expect_sound(sut_);
  }
  /// What a reader sees of the heap.
  std::vector<std::byte> heap_bytes() const {
    return sut_.read([](const ReadTransaction& tx) {
      const HeapBytes heap = tx.bytes();
      return std::vector<std::byte>(heap.base + heap.begin, heap.base + heap.end);
    });
  }
  static std::string at(WriteTransaction& tx, const auto& object) {
    return "at offset " + std::to_string(tx.ref(object).offset());
  }

  Store sut_ = open();
};

TEST_F(UnmarkedWrites, a_field_of_a_root_is_named_with_type_offset_and_bytes) {
  std::string offset;
  sut_.write(
      [&](WriteTransaction& tx) { offset = at(tx, std::as_const(*tx.find<Site>("site")).hits); });
  expect_refused({"site.hits (u64, 8 bytes " + offset, "00 is committed", "2a was found"},
                 [](WriteTransaction&, const Site& site) { unmarked(site.hits) = 42; });
}

TEST_F(UnmarkedWrites, an_element_of_a_vec_is_named) {
  expect_refused(
      {"site.people[3].age (u32, 4 bytes at offset ", "00 00 is committed", "39 30 was found"},
      [](WriteTransaction&, const Site& site) { unmarked(site.people[3].age) = 12345; });
}

TEST_F(UnmarkedWrites, a_maps_value_is_named_by_its_key) {
  expect_refused({"site.users[1].age (u32"},
                 [](WriteTransaction&, const Site& site) { unmarked(site.users.at(1).age) = 36; });
  expect_refused({"site.users[1].visits[1] (u64"}, [](WriteTransaction&, const Site& site) {
    unmarked(site.users.at(1).visits[1]) = 1;
  });
  expect_refused({"site.words[\"tree\"] (i32", "f9 is committed", "f8 was found"},
                 [](WriteTransaction&, const Site& site) { unmarked(site.words.at("tree")) = -8; });
}

TEST_F(UnmarkedWrites, a_maps_key_and_its_tags_are_named) {
  expect_refused({"site.users{slot ", "}.key (u64"}, [](WriteTransaction&, const Site& site) {
    unmarked(site.users.begin()->first) = 2;
  });
  expect_refused({"the block of ", "bytes of site.users (HashMap<u64,{name, age, visits},cairn1>"},
                 [](WriteTransaction&, const Site& site) {
                   const auto& map = reinterpret_cast<const HashMapFormat&>(site.users);
                   auto* const chunk = target_at<HashChunkFormat>(&map, map.distance);
                   chunk->overflow = 1;
                 });
}

TEST_F(UnmarkedWrites, a_strings_characters_are_named_by_the_string) {
  expect_refused(
      {"site.users[1].name (String, 24 bytes", "41 is committed", "58 was found"},
      [](WriteTransaction&, const Site& site) { unmarked(*site.users.at(1).name.data()) = 'X'; });
  expect_refused(
      {"the block of ", "bytes of site.people[3].name (String", "6e is committed"},
      [](WriteTransaction&, const Site& site) { unmarked(site.people[3].name.data()[66]) = 'X'; });
}

TEST_F(UnmarkedWrites, the_object_in_a_box_is_named) {
  expect_refused({"site.owner->.age (u32"},
                 [](WriteTransaction&, const Site& site) { unmarked(site.owner->age) = 1; });
}

TEST_F(UnmarkedWrites, a_change_that_hides_the_object_itself_is_named_too) {
  // The Vec cannot be followed any more once its size is past its capacity.
  expect_refused({"site.people (Vec<{name, age, visits}>, 24 bytes"},
                 [](WriteTransaction&, const Site& site) {
                   reinterpret_cast<VecFormat&>(unmarked(site.people)).size = 1U << 20;
                 });
}

TEST_F(UnmarkedWrites, a_freed_block_is_named_with_what_it_was) {
  expect_refused({"free space of ", "before this transaction ", "site.owner->.age (u32"},
                 [](WriteTransaction& tx, const Site& site) {
                   const User* const gone = site.owner.get();
                   tx.find<Site>("site")->owner.reset();
                   unmarked(gone->age) = 1;
                 });
}

TEST_F(UnmarkedWrites, a_block_made_by_hand_is_named_by_its_size) {
  std::uint64_t offset = 0;
  sut_.write([&](WriteTransaction& tx) {
    offset = tx.ref(*static_cast<char*>(tx.heap().allocate(500))).offset();
  });
  expect_error(
      errc::unmarked_write, path(),
      {"a block that no root owns, of 512 bytes at offset " + std::to_string(offset)},
      [&] { sut_.write([&](WriteTransaction& tx) { tx[Ref<char>(offset + 100)] = 'x'; }); });
  sut_.write([&](WriteTransaction& tx) { tx.heap().deallocate(&tx[Ref<char>(offset)], 500); });
}

TEST_F(UnmarkedWrites, the_allocators_state_is_named) {
  const auto base = [](WriteTransaction& tx, const Site& site) {
    return reinterpret_cast<std::byte*>(&unmarked(site)) - tx.ref(site).offset();
  };
  expect_refused({"the allocator's header"}, [&](WriteTransaction& tx, const Site& site) {
    reinterpret_cast<HeapHeader*>(base(tx, site) + heap_begin)->class_head[3] ^= 1;
  });
  expect_refused({"the allocator's chunk table"}, [&](WriteTransaction& tx, const Site& site) {
    (base(tx, site) + first_leaf_offset)[line_bytes * 2 + 20] ^= std::byte{1};
  });
}

TEST_F(UnmarkedWrites, the_catalog_is_named) {
  std::uint64_t name = 0;
  sut_.read([&](const ReadTransaction& tx) {
    const auto root = tx.catalog().find("site");
    ASSERT_TRUE(root);
    name = static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(root->name.data()) -
                                      tx.bytes().base);
  });
  expect_refused({"the catalog of roots"},
                 [&](WriteTransaction& tx, const Site&) { tx[Ref<char>(name)] = 'S'; });
}

TEST_F(UnmarkedWrites, several_changes_are_told_and_many_are_counted) {
  expect_refused({"site.hits", "; site.people[0].age"}, [](WriteTransaction&, const Site& site) {
    unmarked(site.hits) = 1;
    unmarked(site.people[0].age) = 1;
  });
  expect_error(errc::unmarked_write, path(), {"numbers[0] (u64", "numbers[3]", "lines of 64 bytes"},
               [&] {
                 sut_.write([](WriteTransaction& tx) {
                   const Numbers& numbers = *tx.find<Numbers>("numbers");
                   for (const std::uint64_t& number : numbers) unmarked(number) = 2;
                 });
               });
}

}  // namespace
}  // namespace cairn::test

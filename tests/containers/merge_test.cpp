// SPDX-License-Identifier: BSL-1.0
// Elements on their way from one container to another, of the same store and of another one.
#include <map>

#include "temp_store.hpp"

namespace cairn::test {

/// Its move writes to what it is made of; it cannot be copied, and has to be asked to move.
struct Taken {
  Taken() = default;
  explicit Taken(std::uint64_t at) : number(at) {}
  Taken(Taken&& other) : number(std::exchange(other.number, 0)), text(std::move(other.text)) {}
  Taken& operator=(Taken&&) = delete;
  Taken(const Taken&) = delete;
  bool operator==(const Taken& other) const { return number == other.number; }
  bool operator<(const Taken& other) const { return number < other.number; }

  std::uint64_t number = 0;
  String text = "a text that is too long to stand in its String";
};
BOOST_DESCRIBE_STRUCT(Taken, (), (number, text))

/// Throws where its fuse burns down.
struct FusedHash {
  static constexpr std::string_view hash_name = "cairn.test.fused";
  static inline int fuse = -1;
  std::uint64_t operator()(const String& text) const {
    if (fuse >= 0 && fuse-- == 0) throw std::runtime_error("hash");
    return hash_bytes(text.data(), text.size());
  }
};

}  // namespace cairn::test

template <>
inline constexpr bool cairn::moves_by_fields<cairn::test::Taken> = false;

namespace cairn::test {
namespace {

String name_of(std::uint64_t i) {
  return String("a key that is too long to stand in its String " + std::to_string(1000 + i));
}

template <class Container>
void add(Container& container, std::uint64_t i) {
  if constexpr (requires { container.emplace_back(i); }) {
    container.emplace_back(i);
  } else if constexpr (requires { container.try_emplace(name_of(i), i); }) {
    container.try_emplace(name_of(i), i);
  } else {
    container.emplace(i);
  }
}

template <class Container>
class Trade : public StoreTest {};
using Containers =
    ::testing::Types<Vec<Taken>, Deque<Taken>, Segmented<Taken>, HashMap<String, Taken>,
                     BTreeMap<String, Taken>, BTreeSet<Taken>>;
TYPED_TEST_SUITE(Trade, Containers);

TYPED_TEST(Trade, a_move_to_another_store_marks_what_it_writes_to_and_leaves_both_sound) {
  Store from = this->open();
  Store to = Store::open(this->path("other"), this->options());
  from.write([](WriteTransaction& tx) {
    auto& container = tx.construct<TypeParam>("container");
    for (std::uint64_t i = 1; i <= 100; ++i) add(container, i);
  });
  {
    WriteTransaction giving = from.begin_write();
    WriteTransaction taking = to.begin_write();
    taking.construct<TypeParam>("container") = std::move(*giving.find<TypeParam>("container"));
    giving.commit();
    taking.commit();
  }
  const auto size = [](Store& store) {
    return store.read(
        [](const ReadTransaction& tx) { return tx.find<TypeParam>("container")->size(); });
  };
  EXPECT_EQ(size(from), 0U);
  EXPECT_EQ(size(to), 100U);
  this->expect_sound(from);
  this->expect_sound(to);
}

class Merge : public StoreTest {
 protected:
  /// Both maps together, or a failure where they are not sound or share a key.
  template <class Map>
  static std::map<std::string, std::string> both(Store& store) {
    expect_sound(store);
    std::map<std::string, std::string> all;
    store.read([&](const ReadTransaction& tx) {
      for (const char* const name : {"a", "b"}) {
        const auto& map = *tx.find<Map>(name);
        for (const auto& [key, value] : map) {
          EXPECT_TRUE(map.contains(key)) << key;
          EXPECT_TRUE(all.emplace(std::string(key), std::string(value)).second) << key;
        }
      }
    });
    return all;
  }
  template <class Map>
  static void fill(Store& store, std::uint64_t in_a, std::uint64_t in_b) {
    store.write([&](WriteTransaction& tx) {
      auto& a = tx.construct<Map>("a");
      auto& b = tx.construct<Map>("b");
      for (std::uint64_t i = 0; i < in_a; ++i) a.try_emplace(name_of(2 * i), name_of(i));
      for (std::uint64_t i = 0; i < in_b; ++i) b.try_emplace(name_of(2 * i + 1), name_of(i));
    });
  }
};

TEST_F(Merge, a_hash_that_throws_anywhere_leaves_every_element_in_one_of_both) {
  using Map = HashMap<String, String, FusedHash>;
  bool merged = false;
  for (int burns = 0; !merged; ++burns) {
    std::filesystem::remove(path());
    Store sut = open();
    fill<Map>(sut, 15, 20);
    const auto before = both<Map>(sut);
    sut.write([&](WriteTransaction& tx) {
      FusedHash::fuse = burns;
      try {
        tx.find<Map>("a")->merge(*tx.find<Map>("b"));
        merged = true;
      } catch (const std::runtime_error&) {
      }
      FusedHash::fuse = -1;
    });
    ASSERT_EQ(both<Map>(sut), before) << "after " << burns << " hashes";
  }
}

TEST_F(Merge, what_stays_behind_is_still_found) {
  Store sut = open();
  sut.write([](WriteTransaction& tx) {
    auto& a = tx.construct<HashMap<String, Taken>>("a");
    auto& b = tx.construct<HashMap<String, Taken>>("b");
    for (std::uint64_t i = 0; i < 3000; ++i) {
      if (i % 4 == 0) a.try_emplace(name_of(i), i);
      b.try_emplace(name_of(i), i);
    }
    a.merge(b);
    EXPECT_EQ(a.size(), 3000U);
    EXPECT_EQ(b.size(), 750U);
    for (std::uint64_t i = 0; i < 3000; ++i) {
      EXPECT_TRUE(a.contains(name_of(i))) << i;
      EXPECT_EQ(b.contains(name_of(i)), i % 4 == 0) << i;
    }
  });
  expect_sound(sut);
}

TEST_F(Merge, without_room_every_element_is_in_one_of_both) {
  Options small = options();
  small.max_bytes = std::uint64_t{4} << 20;
  const auto try_with = [&]<class Map>(std::uint64_t in_a) {
    std::filesystem::remove(path());
    Store sut = open(small);
    fill<Map>(sut, in_a, 60);
    const auto before = both<Map>(sut);
    sut.write([&](WriteTransaction& tx) {
      std::vector<std::pair<void*, std::size_t>> taken;
      for (std::size_t bytes = std::size_t{1} << 22; bytes >= 16; bytes /= 2) {
        for (const std::size_t size : {bytes + bytes / 2, bytes}) {
          while (void* const block = tx.heap().try_allocate(size)) taken.emplace_back(block, size);
        }
      }
      EXPECT_THROW(tx.find<Map>("a")->merge(*tx.find<Map>("b")), Error);
      for (const auto& [block, size] : taken) tx.heap().deallocate(block, size);
    });
    EXPECT_EQ(both<Map>(sut), before) << in_a;
  };
  for (const std::uint64_t in_a : {0U, 1U, 7U, 10U, 40U}) {
    try_with.operator()<BTreeMap<String, String>>(in_a);
    try_with.operator()<HashMap<String, String>>(in_a);
  }
}

}  // namespace
}  // namespace cairn::test

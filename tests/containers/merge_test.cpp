// SPDX-License-Identifier: BSL-1.0
// Elements on their way from one container to another, of the same store and of another one.
#include <map>
#include <optional>
#include <vector>

#include "all_the_room.hpp"
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

/// Has a copy constructor that does not compile, and holds itself.
struct Boxed {
  Boxed() = default;
  explicit Boxed(std::uint64_t i) : taken(std::in_place, i) {}

  Box<Taken> taken;
  Vec<Boxed> more;
};
BOOST_DESCRIBE_STRUCT(Boxed, (), (taken, more))

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

/// Element `i`: what can only be moved, or a box, a list or a part of it.
template <class T>
T made(std::uint64_t i) {
  if constexpr (std::is_constructible_v<T, std::uint64_t> && !std::is_same_v<T, Vec<Taken>>) {
    return T(i);
  } else if constexpr (requires { T(std::in_place, i); }) {
    return T(std::in_place, i);
  } else if constexpr (requires { T(std::in_place, std::in_place, i); }) {
    return T(std::in_place, std::in_place, i);
  } else {
    T list;
    list.emplace_back(i);
    return list;
  }
}

template <class Container>
void add(Container& container, std::uint64_t i) {
  if constexpr (requires { typename Container::mapped_type; }) {
    container.try_emplace(name_of(i), made<typename Container::mapped_type>(i));
  } else if constexpr (requires { container.back(); }) {
    container.push_back(made<typename Container::value_type>(i));
  } else {
    container.insert(made<typename Container::value_type>(i));
  }
}

template <class Container>
void add_text(Container& container, std::uint64_t i) {
  if constexpr (requires { typename Container::mapped_type; }) {
    container.try_emplace(name_of(i), name_of(i));
  } else if constexpr (requires { container.back(); }) {
    container.push_back(name_of(i));
  } else {
    container.insert(name_of(i));
  }
}

/// Adds an element that is made of `text`, which stands in another store.
template <class Container>
void move_in(Container& container, String& text) {
  if constexpr (requires { typename Container::mapped_type; }) {
    const std::string key(text);
    if constexpr (std::is_same_v<typename Container::mapped_type, String>) {
      container.try_emplace(key, std::move(text));
    } else {
      container.try_emplace(key, make_box<String>(std::move(text)));
    }
  } else if constexpr (requires { container.push_back(std::move(text)); }) {
    container.push_back(std::move(text));
  } else if constexpr (requires { container.insert(std::move(text)); }) {
    container.insert(std::move(text));
  } else {
    typename Container::value_type list;
    list.push_back(std::move(text));
    container.insert(std::move(list));
  }
}

template <class Container>
class Trade : public StoreTest {
 protected:
  static std::size_t size_in(Store& store) {
    return store.read(
        [](const ReadTransaction& tx) { return tx.find<Container>("container")->size(); });
  }
};
using Containers =
    ::testing::Types<Vec<Taken>, Deque<Taken>, Segmented<Taken>, HashMap<String, Taken>,
                     BTreeMap<String, Taken>, BTreeSet<Taken>,
                     // These have copy constructors, which do not compile.
                     Vec<Box<Taken>>, Deque<std::optional<Box<Taken>>>, Segmented<Vec<Taken>>,
                     HashMap<String, Box<Taken>>, BTreeMap<String, Vec<Box<Taken>>>,
                     BTreeSet<Box<Taken>>, Vec<Boxed>>;
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
  EXPECT_EQ(this->size_in(from), 0U);
  EXPECT_EQ(this->size_in(to), 100U);
  this->expect_sound(from);
  this->expect_sound(to);
}

TYPED_TEST(Trade, swapping_between_stores_swaps_and_leaves_both_sound) {
  Store here = this->open();
  Store there = Store::open(this->path("other"), this->options());
  const auto fill = [](Store& store, std::uint64_t count) {
    store.write([&](WriteTransaction& tx) {
      auto& container = tx.construct<TypeParam>("container");
      for (std::uint64_t i = 1; i <= count; ++i) add(container, i);
    });
  };
  fill(here, 30);
  fill(there, 70);
  {
    WriteTransaction one = here.begin_write();
    WriteTransaction other = there.begin_write();
    one.find<TypeParam>("container")->swap(*other.find<TypeParam>("container"));
    one.commit();
    other.commit();
  }
  EXPECT_EQ(this->size_in(here), 70U);
  EXPECT_EQ(this->size_in(there), 30U);
  this->expect_sound(here);
  this->expect_sound(there);
}

template <class Container>
class Foreign : public StoreTest {};
using CopiedContainers =
    ::testing::Types<Vec<String>, Deque<String>, Segmented<String>, NdArray<String, 1>,
                     HashMap<String, String>, HashSet<String>, BTreeMap<String, String>,
                     BTreeSet<String>>;
TYPED_TEST_SUITE(Foreign, CopiedContainers);

TYPED_TEST(Foreign, a_move_that_finds_no_room_changes_neither_side) {
  Options small = this->options();
  small.max_bytes = std::uint64_t{4} << 20;
  Store from = this->open();
  Store to = Store::open(this->path("other"), small);
  const auto make = [](WriteTransaction& tx, std::size_t count) {
    auto& container = tx.construct<TypeParam>("container");
    if constexpr (requires { container.resize({count}); }) {
      container.resize({count}, name_of(count));
    } else {
      for (std::size_t i = 0; i < count; ++i) add_text(container, i);
    }
  };
  from.write([&](WriteTransaction& tx) { make(tx, 50); });
  to.write([&](WriteTransaction& tx) { make(tx, 3); });
  {
    WriteTransaction giving = from.begin_write();
    WriteTransaction taking = to.begin_write();
    auto& target = *taking.find<TypeParam>("container");
    auto& source = *giving.find<TypeParam>("container");
    {
      const AllTheRoom taken(taking.heap());
      EXPECT_THROW(target = std::move(source), Error);
    }
    EXPECT_EQ(std::as_const(source).size(), 50U);
    EXPECT_EQ(std::as_const(target).size(), 3U);
    giving.commit();
    taking.commit();
  }
  this->expect_sound(from);
  this->expect_sound(to);
}

template <class Container>
class Adopted : public StoreTest {};
using Adopters =
    ::testing::Types<Vec<String>, Deque<String>, Segmented<String>, HashMap<String, String>,
                     HashSet<String>, BTreeMap<String, String>, BTreeSet<String>,
                     BTreeSet<Vec<String>>, BTreeMap<String, Box<String>>>;
TYPED_TEST_SUITE(Adopted, Adopters);

/// Whichever of the two transactions is the inner one.
TYPED_TEST(Adopted, an_element_moved_in_from_another_store_is_owned_here) {
  Store from = this->open();
  Store to = Store::open(this->path("other"), this->options());
  for (const bool inner_gives : {false, true}) {
    WriteTransaction outer = (inner_gives ? to : from).begin_write();
    WriteTransaction inner = (inner_gives ? from : to).begin_write();
    WriteTransaction& giving = inner_gives ? inner : outer;
    WriteTransaction& taking = inner_gives ? outer : inner;
    auto& texts = giving.find_or_construct<Vec<String>>("texts");
    auto& sut = taking.find_or_construct<TypeParam>("container");
    const std::size_t before = sut.size();
    for (std::uint64_t i = 0; i < 40; ++i) {
      texts.push_back(name_of(before + i));
      move_in(sut, texts.back());
      texts.pop_back();
    }
    EXPECT_EQ(sut.size(), before + 40);
    inner.commit();
    outer.commit();
    this->expect_sound(from);
    this->expect_sound(to);
  }
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
    remove_store();
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
    remove_store();
    Store sut = open(small);
    fill<Map>(sut, in_a, 60);
    const auto before = both<Map>(sut);
    sut.write([&](WriteTransaction& tx) {
      const AllTheRoom taken(tx.heap());
      EXPECT_THROW(tx.find<Map>("a")->merge(*tx.find<Map>("b")), Error);
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

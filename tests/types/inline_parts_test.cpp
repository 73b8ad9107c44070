// SPDX-License-Identifier: BSL-1.0
// The fixed-size parts of other libraries: that their bytes are what cairn/types/inline_format.hpp
// says, and that they can be stored within one another.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstring>
#include <map>
#include <utility>

#include "../containers/container_test.hpp"
#include "cairn/box.hpp"
#include "cairn/hash_map.hpp"
#include "cairn/static_string.hpp"
#include "cairn/static_vector.hpp"
#include "cairn/vec.hpp"

namespace cairn::test {
namespace {

template <class T, std::size_t N>
using Few = boost::container::static_vector<T, N>;
template <std::size_t N>
using Word = boost::static_string<N>;

struct Leaf {
  Word<10> word;
  std::optional<Few<String, 3>> names;
  std::variant<std::monostate, std::uint32_t, String, std::pair<char, double>> any;
  std::chrono::milliseconds age{};
};
BOOST_DESCRIBE_STRUCT(Leaf, (), (word, names, any, age))

struct Nest {
  Few<std::array<std::optional<Leaf>, 2>, 4> leaves;
  std::tuple<Few<std::uint16_t, 5>, Vec<Leaf>, bool> more;
};
BOOST_DESCRIBE_STRUCT(Nest, (), (leaves, more))

static_assert(Storable<Leaf> && Storable<Nest> && Storable<Vec<Few<Vec<int>, 2>>>);
static_assert(detail::storability<Few<int*, 2>>() == Storability::raw_pointer);
static_assert(detail::storability<std::variant<int, std::string>>() ==
              Storability::owning_container);
static_assert(detail::relocates_quietly<Few<String, 3>>());
static_assert(detail::relocates_quietly<std::tuple<Few<String, 3>, Word<5>>>());
static_assert(!detail::relocates_quietly<std::optional<String>>());

/// A number in the bytes of an object.
template <class Number, class T>
Number number_in(const T& object, std::uint64_t at) {
  Number number;
  std::memcpy(&number, reinterpret_cast<const std::byte*>(&object) + at, sizeof number);
  return number;
}
template <class T>
std::uint64_t place_in(const T& object, const void* part) {
  return static_cast<std::uint64_t>(static_cast<const std::byte*>(part) -
                                    reinterpret_cast<const std::byte*>(&object));
}
template <class T>
TypeTree tree_of() {
  return TypeTree::parse(describe_type<T>());
}
template <class T>
void expect_shape() {
  SCOPED_TRACE(describe_type<T>());
  EXPECT_EQ(tree_of<T>().root().size, sizeof(T));
  EXPECT_EQ(tree_of<T>().root().align, alignof(T));
}

TEST(InlineParts, are_described_with_the_size_and_alignment_that_the_compiler_gives_them) {
  EXPECT_EQ((describe_type<Few<std::uint16_t, 5>>()), "static_vector<u16,5>");
  EXPECT_EQ(describe_type<Word<10>>(), "static_string<10>");
  EXPECT_EQ((describe_type<std::variant<std::monostate, int, String>>()),
            "variant<struct{1,1;},i32,String>");
  expect_shape<Few<std::uint16_t, 5>>();
  expect_shape<Few<char, 1>>();
  expect_shape<Few<String, 7>>();
  expect_shape<Word<1>>();
  expect_shape<Word<255>>();
  expect_shape<Word<256>>();
  expect_shape<Word<70000>>();
  expect_shape<std::variant<char>>();
  expect_shape<std::variant<std::array<char, 3>, std::int16_t>>();
  expect_shape<std::variant<std::array<char, 9>, double, bool>>();
  expect_shape<Leaf>();
  expect_shape<Nest>();
}

template <class T, std::size_t N>
void probe_static_vector(const T& value) {
  const std::uint64_t size_at = tree_of<Few<T, N>>().root().inner_offset;
  Few<T, N> sut;
  for (std::uint64_t size = 0;; ++size) {
    EXPECT_EQ((number_in<std::uint64_t>(sut, size_at)), size);
    EXPECT_EQ(place_in(sut, sut.data()), 0U);
    if (size == N) return;
    sut.push_back(value);
  }
}

TEST(InlineParts, a_static_vector_has_its_elements_first_and_its_size_behind_them) {
  probe_static_vector<char, 1>('x');
  probe_static_vector<char, 13>('x');
  probe_static_vector<std::uint32_t, 7>(0xFFFFFFFF);
  probe_static_vector<double, 300>(1.5);
  struct alignas(64) Line {
    char fill[64];
  };
  Few<Line, 3> sut(2);
  EXPECT_EQ((number_in<std::uint64_t>(sut, 3 * 64)), 2U);
}

template <class Width, std::size_t N>
void probe_static_string() {
  ASSERT_EQ(static_string_width(N), sizeof(Width));
  Word<N> sut;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, N / 2, N}) {
    sut.assign(size, 'x');
    EXPECT_EQ((number_in<Width>(sut, 0)), size);
    EXPECT_EQ(place_in(sut, sut.data()), sizeof(Width));
    EXPECT_EQ((number_in<char>(sut, sizeof(Width) + size)), '\0');
  }
}

TEST(InlineParts, a_static_string_has_the_narrowest_size_that_does_then_its_characters) {
  probe_static_string<std::uint8_t, 1>();
  probe_static_string<std::uint8_t, 255>();
  probe_static_string<std::uint16_t, 256>();
  probe_static_string<std::uint16_t, 65535>();
  probe_static_string<std::uint32_t, 65536>();
}

template <class Variant, std::size_t... I>
void probe_variant(std::index_sequence<I...>) {
  const std::uint64_t index_at = tree_of<Variant>().root().inner_offset;
  const auto probe = [&](const Variant& sut, const void* part) {
    EXPECT_EQ((number_in<std::uint8_t>(sut, index_at)), sut.index());
    EXPECT_EQ(place_in(sut, part), 0U);
  };
  Variant sut;
  ((sut.template emplace<I>(), probe(sut, &std::get<I>(sut))), ...);
}
template <class... Ts>
void probe_variant() {
  probe_variant<std::variant<Ts...>>(std::index_sequence_for<Ts...>{});
}

struct Thrower {
  Thrower() = default;
  explicit Thrower(int) { throw std::runtime_error("no value"); }
  ~Thrower() {}
  int value = 0;
};
BOOST_DESCRIBE_STRUCT(Thrower, (), (value))

TEST(InlineParts, a_variant_has_its_alternative_first_and_its_index_behind_the_largest) {
  probe_variant<char>();
  probe_variant<char, std::int16_t, std::array<char, 5>>();
  probe_variant<std::array<char, 9>, double, std::monostate>();
  probe_variant<String, bool>();
  std::variant<char, Thrower> sut;
  EXPECT_THROW(sut.emplace<1>(1), std::runtime_error);
  const TypeTree tree = tree_of<std::variant<char, Thrower>>();
  if (sut.valueless_by_exception()) {
    EXPECT_EQ((number_in<std::uint8_t>(sut, tree.root().inner_offset)), variant_valueless);
  }
}

TEST(InlineParts, an_optional_has_its_value_first_and_a_flag_behind_it) {
  const std::optional<std::array<char, 5>> full(std::array<char, 5>{});
  EXPECT_EQ((number_in<std::uint8_t>(full, 5)), 1U);
  EXPECT_EQ(place_in(full, &*full), 0U);
  EXPECT_EQ((number_in<std::uint8_t>(std::optional<double>(), 8)), 0U);
}

TEST(InlineParts, descriptions_of_impossible_ones_are_refused) {
  for (const char* text :
       {"static_vector<u8,0>", "static_vector<u8,99999999999999999>", "static_vector<u8>",
        "static_string<0>", "static_string<u8>", "variant<>", "variant<u8", "Atomic<String>",
        "Atomic<Atomic<u8>>", "Atomic<optional<u8>>", "NdArray<u8,0>", "NdArray<u8,17>",
        "NdArray<u8>", "Segmented<>", "struct{8,8;a:variant<^0>@0}",
        "struct{72,8;a:static_vector<^0,2>@0}"}) {
    EXPECT_THROW(TypeTree::parse(text), Error) << text;
  }
  std::string many = "variant<u8";
  for (int i = 0; i < 254; ++i) many += ",u8";
  EXPECT_THROW(TypeTree::parse(many + ">"), Error);
}

class InlinePartsTest : public ContainerTest {
 protected:
  std::string problem_of(auto& object, std::uint64_t at, std::uint8_t byte) {
    auto* const here = reinterpret_cast<std::uint8_t*>(&object) + at;
    const std::uint8_t before = std::exchange(*here, byte);
    const std::vector<std::string> found = problems();
    *here = before;
    return found.empty() ? "" : found.front();
  }
};

TEST_F(InlinePartsTest, within_one_another_own_what_they_own_and_survive_growth_around_them) {
  auto& sut = make<Vec<Nest>>();
  for (std::uint32_t i = 0; i < 40; ++i) {
    Nest& nest = sut.emplace_back();
    nest.leaves.resize(i % 5);
    for (auto& pair : nest.leaves) {
      Leaf& leaf = pair[i % 2].emplace();
      leaf.word = "word";
      leaf.names.emplace(i % 4,
                         String("a name that does not fit into its place " + std::to_string(i)));
      if (i % 3 == 0) leaf.any = String(30, 'v');
      if (i % 3 == 1) leaf.any = i;
    }
    std::get<1>(nest.more).emplace_back().any = std::pair<char, double>('c', i);
    if (i % 8 == 0) verify(), commit();
  }
  verify();
  const Nest& last = std::as_const(sut)[39];
  ASSERT_EQ(last.leaves.size(), 4U);
  EXPECT_EQ((*last.leaves[3][1]->names)[2], "a name that does not fit into its place 39");
  EXPECT_EQ(std::get<String>(last.leaves[3][1]->any), std::string(30, 'v'));
  sut.erase(sut.begin() + 3, sut.begin() + 30);
  verify();
}

TEST_F(InlinePartsTest, damage_is_named) {
  auto& few = make<Few<String, 3>>(std::size_t{2}, String("x"));
  EXPECT_TRUE(problem_of(few, 72, 4).find("size 4 but capacity 3") != std::string::npos);
  auto& word = make<Word<10>>("word");
  EXPECT_TRUE(problem_of(word, 0, 11).find("size 11 but capacity 10") != std::string::npos);
  EXPECT_TRUE(problem_of(word, 5, 'x').find("without a zero") != std::string::npos);
  auto& any = make<std::variant<int, String>>(5);
  EXPECT_TRUE(problem_of(any, 24, 2).find("holds number 2") != std::string::npos);
  EXPECT_EQ(problem_of(any, 24, variant_valueless), "");
}

RC_GTEST_FIXTURE_PROP(InlinePartsTest, static_strings_are_keys_and_values_of_maps, ()) {
  auto& sut = make<HashMap<Word<12>, Few<std::uint32_t, 4>>>();
  std::map<std::string, std::vector<std::uint32_t>> model;
  const auto steps = *rc::gen::container<std::vector<std::pair<std::uint8_t, std::uint32_t>>>(
      rc::gen::arbitrary<std::pair<std::uint8_t, std::uint32_t>>());
  for (const auto& [key, value] : steps) {
    const std::string name(key % 13, static_cast<char>('a' + key % 5));
    auto& few = sut[Word<12>(name)];
    auto& expected = model[name];
    if (expected.size() == 4) {
      few.erase(few.begin());
      expected.erase(expected.begin());
    }
    few.push_back(value);
    expected.push_back(value);
    if (value % 7 == 0) commit();
  }
  verify();
  RC_ASSERT(sut.size() == model.size());
  for (const auto& [name, expected] : model) {
    const auto& few = std::as_const(sut).at(Word<12>(name));
    RC_ASSERT(std::equal(few.begin(), few.end(), expected.begin(), expected.end()));
  }
}

}  // namespace
}  // namespace cairn::test

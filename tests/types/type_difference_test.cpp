// SPDX-License-Identifier: BSL-1.0
#include "cairn/type_difference.hpp"

#include <gtest/gtest.h>

#include "cairn/box.hpp"
#include "cairn/btree_map.hpp"
#include "cairn/btree_set.hpp"
#include "cairn/deque.hpp"
#include "cairn/hash_map.hpp"
#include "cairn/hash_set.hpp"
#include "cairn/nd_array.hpp"
#include "cairn/static_vector.hpp"
#include "cairn/string.hpp"
#include "cairn/type_description.hpp"
#include "cairn/vec.hpp"

namespace cairn::test {
namespace {

struct Visit {
  std::uint64_t when = 0;
  std::uint32_t x = 0;
};
BOOST_DESCRIBE_STRUCT(Visit, (), (when, x))
struct WideVisit {
  std::uint64_t when = 0;
  std::uint64_t x = 0;
};
BOOST_DESCRIBE_STRUCT(WideVisit, (), (when, x))

template <class V>
struct User {
  String name;
  Vec<V> visits;
  Box<User> next;
  HashMap<String, std::optional<V>> best;
};
using Narrow = User<Visit>;
using Wide = User<WideVisit>;
BOOST_DESCRIBE_STRUCT(Narrow, (), (name, visits, next, best))
BOOST_DESCRIBE_STRUCT(Wide, (), (name, visits, next, best))

template <class Stored, class Asked>
std::string difference() {
  return first_type_difference(describe_type<Stored>(), describe_type<Asked>());
}

TEST(TypeDifference, is_named_by_the_path_to_it_with_both_types_and_places) {
  EXPECT_EQ((difference<Narrow, Wide>()), "visits[].x: stored u32@8, asked u64@8");
  EXPECT_EQ((difference<Wide, Narrow>()), "visits[].x: stored u64@8, asked u32@8");
  EXPECT_EQ((difference<HashMap<String, Visit>, HashMap<String, WideVisit>>()),
            "{}.value.x: stored u32@8, asked u64@8");
  EXPECT_EQ((difference<HashMap<int, Visit>, HashMap<unsigned, Visit>>()),
            "{}.key: stored i32, asked u32");
  EXPECT_EQ((difference<BTreeMap<String, Visit>, BTreeMap<String, WideVisit>>()),
            "{}.value.x: stored u32@8, asked u64@8");
  EXPECT_EQ((difference<Deque<Visit>, Deque<WideVisit>>()), "[].x: stored u32@8, asked u64@8");
  EXPECT_EQ((difference<Box<std::array<Visit, 3>>, Box<std::array<WideVisit, 3>>>()),
            "->[].x: stored u32@8, asked u64@8");
}

TEST(TypeDifference, of_whole_types_shows_them) {
  EXPECT_EQ((difference<int, String>()), "the root: stored i32, asked String");
  EXPECT_EQ((difference<Vec<int>, Box<int>>()), "the root: stored Vec<i32>, asked Box<i32>");
  EXPECT_EQ((difference<std::array<int, 3>, std::array<int, 4>>()),
            "the root: stored array<i32,3>, asked array<i32,4>");
  EXPECT_EQ((difference<NdArray<int, 2>, NdArray<int, 3>>()),
            "the root: stored NdArray<i32,2>, asked NdArray<i32,3>");
  EXPECT_EQ((difference<HashSet<int>, BTreeMap<int, bool>>()),
            "the root: stored HashSet<i32,cairn1>, asked BTreeMap<i32,bool,less>");
  EXPECT_EQ((difference<BTreeSet<int>, BTreeSet<int, std::greater<>>>()),
            "the root: stored BTreeSet<i32,less>, asked BTreeSet<i32,greater>");
  EXPECT_EQ((difference<std::variant<int, bool>, std::variant<int>>()),
            "the root: stored variant of 2 alternatives, asked variant of 1 alternatives");
  EXPECT_EQ((difference<std::variant<int, bool>, std::variant<int, char>>()),
            "<1>: stored bool, asked char");
  EXPECT_EQ((difference<boost::container::static_vector<Vec<Visit>, 2>,
                        boost::container::static_vector<Vec<Visit>, 3>>()),
            "the root: stored static_vector<Vec<...>,2>, asked static_vector<Vec<...>,3>");
}

TEST(TypeDifference, of_structs_is_a_field_that_only_one_has_or_that_lies_elsewhere) {
  const auto between = [](const char* stored, const char* asked) {
    return first_type_difference(stored, asked);
  };
  EXPECT_EQ(between("struct{8,4;a:u32@0,b:u32@4}", "struct{8,4;a:u32@0,c:u32@4}"),
            "field 1: stored b:u32@4, asked c:u32@4");
  EXPECT_EQ(between("struct{4,4;a:u32@0}", "struct{8,4;a:u32@0,c:u32@4}"),
            "field 1: stored nothing, asked c:u32@4");
  EXPECT_EQ(between("struct{12,4;a:u32@0,b:u32@4}", "struct{12,4;a:u32@0,b:u32@8}"),
            "b: stored u32@4, asked u32@8");
  EXPECT_EQ(
      between("struct{8,4;a:u32@0}", "struct{16,4;a:u32@0}"),
      "the root: stored struct of 8 bytes aligned to 4, asked struct of 16 bytes aligned to 4");
}

TEST(TypeDifference, is_nothing_where_there_is_none_or_the_text_is_damaged) {
  EXPECT_EQ((difference<Narrow, Narrow>()), "");
  EXPECT_EQ(first_type_difference("struct{8", describe_type<Narrow>()), "");
}

TEST(TypeDifference, between_types_that_refer_to_themselves_ends) {
  EXPECT_EQ(first_type_difference("struct{16,8;a:Box<^0>@0,b:u64@8}",
                                  "struct{16,8;a:Box<struct{16,8;a:Box<^0>@0,b:i64@8}>@0,b:u64@8}"),
            "a->b: stored u64@8, asked i64@8");
  std::string deep = "struct{16,8;a:Box<";
  for (int i = 0; i < 120; ++i) deep += "struct{16,8;a:Box<";
  deep += "^0";
  for (int i = 0; i < 121; ++i) deep += ">@0,b:u64@8}";
  EXPECT_EQ(first_type_difference("struct{16,8;a:Box<^0>@0,b:u64@8}", deep), "");
}

}  // namespace
}  // namespace cairn::test

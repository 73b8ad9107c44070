// SPDX-License-Identifier: BSL-1.0
#include "cairn/type_description.hpp"

#include <gtest/gtest.h>

#include "cairn/box.hpp"
#include "cairn/deque.hpp"
#include "cairn/hash_map.hpp"
#include "cairn/hash_set.hpp"
#include "cairn/ptr.hpp"
#include "cairn/string.hpp"
#include "cairn/type_tree.hpp"
#include "cairn/vec.hpp"

namespace cairn::test {
namespace {

struct User {
  String name;
  std::uint32_t age = 0;
  Vec<std::uint64_t> visits;
};
BOOST_DESCRIBE_STRUCT(User, (), (name, age, visits))

struct Tree {
  Box<Tree> left;
  Ptr<Tree> parent;
  HashMap<String, Vec<Tree>> children;
  User first;
  User second;
};
BOOST_DESCRIBE_STRUCT(Tree, (), (left, parent, children, first, second))

struct OtherName {
  String name;
  std::uint32_t age = 0;
  Vec<std::uint64_t> visits;
};
BOOST_DESCRIBE_STRUCT(OtherName, (), (name, age, visits))

struct OtherField {
  String name;
  std::uint32_t years = 0;
  Vec<std::uint64_t> visits;
};
BOOST_DESCRIBE_STRUCT(OtherField, (), (name, years, visits))

struct Base {
  std::int16_t a = 0;
};
BOOST_DESCRIBE_STRUCT(Base, (), (a))
struct NothingIn {};
BOOST_DESCRIBE_STRUCT(NothingIn, (), ())
struct Derived : NothingIn, Base {
  double b = 0;
};
BOOST_DESCRIBE_STRUCT(Derived, (NothingIn, Base), (b))

enum class Color : std::int8_t { red };

TEST(TypeDescription, scalars_and_containers_have_names) {
  EXPECT_EQ(describe_type<bool>(), "bool");
  EXPECT_EQ(describe_type<char>(), "char");
  EXPECT_EQ(describe_type<unsigned char>(), "u8");
  EXPECT_EQ(describe_type<long>(), "i64");
  EXPECT_EQ(describe_type<long long>(), "i64");
  EXPECT_EQ(describe_type<float>(), "f32");
  EXPECT_EQ(describe_type<Color>(), "enum{i8}");
  EXPECT_EQ((describe_type<std::array<double, 3>>()), "array<f64,3>");
  EXPECT_EQ(describe_type<int[2][3]>(), "array<array<i32,3>,2>");
  EXPECT_EQ(describe_type<std::optional<int>>(), "optional<i32>");
  EXPECT_EQ((describe_type<HashMap<String, Vec<int>>>()), "HashMap<String,Vec<i32>,cairn1>");
  EXPECT_EQ(describe_type<HashSet<String>>(), "HashSet<String,cairn1>");
  EXPECT_EQ(describe_type<Deque<User>>(),
            "Deque<struct{56,8;name:String@0,age:u32@24,visits:Vec<u64>@32}>");
  EXPECT_EQ(describe_type<Box<Ref<int>>>(), "Box<Ref<i32>>");
  EXPECT_EQ((describe_type<std::pair<char, int>>()), "struct{8,4;first:char@0,second:i32@4}");
  EXPECT_EQ(describe_type<std::chrono::milliseconds>(), "struct{8,8;ticks_1_1000:i64@0}");
}

TEST(TypeDescription, structs_name_their_fields_and_where_they_lie) {
  EXPECT_EQ(describe_type<User>(), "struct{56,8;name:String@0,age:u32@24,visits:Vec<u64>@32}");
  EXPECT_EQ(describe_type<Derived>(), "struct{16,8;base1:struct{2,2;a:i16@0}@0,b:f64@8}");
}

TEST(TypeDescription, structs_that_come_up_again_are_referred_to_by_number) {
  EXPECT_EQ(describe_type<Tree>(),
            "struct{152,8;left:Box<^0>@0,parent:Ptr<^0>@8,"
            "children:HashMap<String,Vec<^0>,cairn1>@16,"
            "first:struct{56,8;name:String@0,age:u32@24,visits:Vec<u64>@32}@40,second:^1@96}");
}

TEST(TypeDescription, depends_on_structure_and_field_names_alone) {
  EXPECT_EQ(describe_type<User>(), describe_type<OtherName>());
  EXPECT_EQ(type_fingerprint<User>(), type_fingerprint<OtherName>());
  EXPECT_NE(type_fingerprint<User>(), type_fingerprint<OtherField>());
}

TEST(TypeDescription, is_read_back_with_the_sizes_that_the_compiler_has) {
  const TypeTree tree = TypeTree::parse(describe_type<Tree>());
  EXPECT_EQ(tree.root().size, sizeof(Tree));
  EXPECT_EQ(tree.root().align, alignof(Tree));
  const TypeNode& parent = tree[tree.root().fields[1].type];
  EXPECT_EQ(parent.kind, TypeKind::ptr);
  EXPECT_EQ(&tree.element_of(parent), &tree.root());
  const TypeTree optional = TypeTree::parse(describe_type<std::optional<User>>());
  EXPECT_EQ(optional.root().size, sizeof(std::optional<User>));
  using Slot = std::pair<const std::uint16_t, User>;
  const TypeTree map = TypeTree::parse(describe_type<HashMap<std::uint16_t, User>>());
  const ElementLayout slot = element_layout(map, map.root());
  EXPECT_EQ(slot.size, sizeof(Slot));
  EXPECT_EQ(slot.align, alignof(Slot));
}

}  // namespace
}  // namespace cairn::test

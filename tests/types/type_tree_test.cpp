// SPDX-License-Identifier: BSL-1.0
#include "cairn/type_tree.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "cairn/error.hpp"

namespace cairn::test {
namespace {

void expect_refused(const std::string& text) {
  try {
    (void)TypeTree::parse(text);
    ADD_FAILURE() << "accepted: " << text.substr(0, 100);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), errc::corrupt);
    EXPECT_NE(std::string(error.what()).find("position"), std::string::npos);
  }
}

std::string nested(const std::string& open, int times, const std::string& inside,
                   const std::string& close) {
  std::string text;
  for (int i = 0; i < times; ++i) text += open;
  text += inside;
  for (int i = 0; i < times; ++i) text += close;
  return text;
}

TEST(TypeTree, knows_size_and_alignment_of_every_kind) {
  const auto size = [](const char* text) { return TypeTree::parse(text).root().size; };
  EXPECT_EQ(size("bool"), 1U);
  EXPECT_EQ(size("f32"), 4U);
  EXPECT_EQ(size("enum{u16}"), 2U);
  EXPECT_EQ(size("array<i64,10>"), 80U);
  EXPECT_EQ(size("optional<u32>"), 8U);
  EXPECT_EQ(size("Vec<u8>"), 24U);
  EXPECT_EQ(size("String"), 24U);
  EXPECT_EQ(size("Box<String>"), 8U);
  EXPECT_EQ(size("HashMap<u8,u8,cairn1>"), 24U);
  EXPECT_EQ(size("HashSet<u8,cairn1>"), 24U);
  EXPECT_EQ(size("Deque<u8>"), 32U);
  EXPECT_EQ(size("BTreeMap<u8,u8,less>"), 40U);
  EXPECT_EQ(size("BTreeSet<String,test.order,boxed>"), 40U);
  EXPECT_EQ(size("struct{16,8;a:u8@0,b:u64@8}"), 16U);
}

TEST(TypeTree, recursion_through_containers_is_a_cycle_of_nodes) {
  const TypeTree tree = TypeTree::parse("struct{32,8;next:Box<^0>@0,more:Vec<^0>@8}");
  const TypeNode& next = tree[tree.root().fields[0].type];
  EXPECT_EQ(&tree.element_of(next), &tree.root());
}

TEST(TypeTree, labels_name_structs_by_their_fields_wherever_they_were_written_out) {
  const auto label = [](const TypeTree& tree, std::uint32_t field) {
    return tree.label_of(tree[tree.root().fields[field].type]);
  };
  const TypeTree tree = TypeTree::parse(
      "struct{80,8;a:Vec<struct{16,8;x:u8@0,y:struct{8,8;z:f64@0}@8}>@0,b:Vec<^1>@24,c:Box<^0>@48,"
      "d:HashMap<^2,struct{1,1;},cairn1>@56}");
  EXPECT_EQ(tree.label_of(tree.root()), "{a, b, c, d}");
  EXPECT_EQ(label(tree, 0), "Vec<{x, y}>");
  EXPECT_EQ(label(tree, 1), "Vec<{x, y}>");
  EXPECT_EQ(label(tree, 2), "Box<{a, b, c, d}>");
  EXPECT_EQ(label(tree, 3), "HashMap<{z},{},cairn1>");
  EXPECT_EQ(tree.text_of(tree[tree.root().fields[1].type]), "Vec<^1>");
  const TypeTree plain = TypeTree::parse("array<enum{u8},3>");
  EXPECT_EQ(plain.label_of(plain.root()), "array<enum{u8},3>");
}

TEST(TypeTree, the_label_of_a_hostile_text_is_cut) {
  // Each back reference would write out all of the names again.
  const std::string name(20000, 'n');
  std::string text = "variant<struct{1,1;" + name + ":u8@0}";
  for (int i = 1; i < 50; ++i) text += ",Box<^0>";
  const TypeTree tree = TypeTree::parse(text + ">");
  const std::string label = tree.label_of(tree.root());
  const std::string end = "\u2026";
  EXPECT_EQ(label, ("variant<{" + name).substr(0, TypeTree::max_label_bytes) + end);
  const TypeTree many = TypeTree::parse("Vec<" + nested("Vec<", 200, "u8", ">") + ">");
  EXPECT_EQ(many.label_of(many.root()), many.text_of(many.root()));
}

TEST(TypeTree, plain_is_what_any_bytes_make) {
  EXPECT_TRUE(TypeTree::parse("array<struct{8,4;a:u32@0,b:char@4},3>").root().plain);
  EXPECT_FALSE(TypeTree::parse("struct{8,4;a:u32@0,b:bool@4}").root().plain);
  EXPECT_FALSE(TypeTree::parse("optional<u8>").root().plain);
  EXPECT_FALSE(TypeTree::parse("String").root().plain);
}

TEST(TypeTree, what_the_grammar_does_not_know_is_refused) {
  for (const char* text : {"",
                           "u7",
                           "u64 ",
                           "u64x",
                           "Vec<",
                           "Vec<u8",
                           "Vec<>",
                           "Box<u8>>",
                           "enum{f64}",
                           "enum{String}",
                           "array<u8>",
                           "array<u8,>",
                           "array<u8,x>",
                           "array<u8,99999999999999999999999>",
                           "struct{8,8;",
                           "struct{8,8;a@0}",
                           "struct{8,8;:u8@0}",
                           "struct{8,8;a:u8}",
                           "struct{8;a:u8@0}",
                           "^0",
                           "Vec<^0>",
                           "struct{8,8;a:Box<^1>@0}",
                           "HashMap<u8,u8>",
                           "HashMap<u8,u8,>",
                           "BTreeMap<u8,u8>",
                           "BTreeMap<u8,u8,>",
                           "BTreeMap<u8,u8,less,boxes>",
                           "BTreeSet<u8>",
                           "BTreeSet<u8,less,boxed,boxed>",
                           "optional<>",
                           "struct{8,8;a:u8@0,}",
                           "\xff\xfe"}) {
    expect_refused(text);
  }
}

TEST(TypeTree, numbers_that_contradict_each_other_are_refused) {
  for (const char* text :
       {"struct{0,1;}", "struct{8,3;a:u8@0}", "struct{12,8;a:u64@0}", "struct{8,8192;a:u8@0}",
        "struct{8,8;a:u64@8}", "struct{8,4;a:u32@2}", "struct{8,4;a:u32@0,b:u32@0}",
        "struct{8,4;a:u32@0,b:u16@2}", "struct{8,4;a:u64@0,b:u32@18446744073709551612}",
        "array<u8,0>", "array<array<u64,1000000000000>,1000000000000>",
        "struct{1099511627784,8;a:u64@0}"}) {
    expect_refused(text);
  }
}

TEST(TypeTree, a_struct_that_contains_itself_is_refused) {
  expect_refused("struct{8,8;a:^0@0}");
  expect_refused("struct{8,8;a:array<^0,1>@0}");
  expect_refused("struct{16,8;a:optional<^0>@0}");
  expect_refused("struct{8,8;a:struct{8,8;b:^0@0}@0}");
}

TEST(TypeTree, nesting_is_bounded) {
  EXPECT_NO_THROW((void)TypeTree::parse(nested("Vec<", 200, "u8", ">")));
  expect_refused(nested("Vec<", 100000, "u8", ">"));
  expect_refused(nested("array<", 100, "u8", ",1>"));
  expect_refused(nested("struct{8,8;a:", 80, "u64", "@0}"));
}

TEST(TypeTree, a_text_of_any_length_is_refused_or_read_quickly) {
  expect_refused(std::string(TypeTree::max_text_bytes + 1, 'u'));
  std::string wide = "struct{800000,8;";
  for (int i = 0; i < 30000; ++i) {
    wide += "f" + std::to_string(i) + ":u64@" + std::to_string(8 * i) + ",";
  }
  wide.back() = '}';
  EXPECT_EQ(TypeTree::parse(wide).root().fields.size(), 30000U);
}

TEST(TypeTree, random_changes_of_a_description_never_do_harm) {
  const std::string good =
      "struct{152,8;left:Box<^0>@0,parent:Ptr<^0>@8,children:HashMap<String,Vec<^0>,cairn1>@16,"
      "first:struct{56,8;name:String@0,age:u32@24,visits:Vec<u64>@32}@40,second:^1@96}";
  std::mt19937_64 random(3);
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = good;
    for (std::size_t changes = 1 + random() % 3; changes > 0; --changes) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0: text[at] = good[random() % good.size()]; break;
        case 1: text.erase(at, 1 + random() % 5); break;
        default: text.insert(at, good.substr(random() % good.size(), random() % 20));
      }
    }
    try {
      const TypeTree tree = TypeTree::parse(text);
      ASSERT_LE(tree.root().size, TypeTree::max_object_bytes + 8);
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), errc::corrupt);
      ++refused;
    }
  }
  EXPECT_GT(refused, 10000);
}

}  // namespace
}  // namespace cairn::test

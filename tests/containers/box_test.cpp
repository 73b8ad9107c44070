// SPDX-License-Identifier: BSL-1.0
#include "cairn/box.hpp"

#include <memory>
#include <unordered_set>

#include "cairn/ptr.hpp"
#include "cairn/ref.hpp"
#include "cairn/vec.hpp"
#include "container_test.hpp"

namespace cairn::test {
namespace {

struct Node {
  std::uint64_t value = 0;
  String label;
  Box<Node> next;
  Ptr<Node> back;
};
BOOST_DESCRIBE_STRUCT(Node, (), (value, label, next, back))

/// As little as a list can be made of: a million of them fit into the test's heap.
struct Link {
  Box<Link> next;
};
BOOST_DESCRIBE_STRUCT(Link, (), (next))

class BoxTest : public ContainerTest {};
class PtrTest : public ContainerTest {};

TEST_F(BoxTest, owns_what_it_was_made_with) {
  auto& sut = make<Box<String>>();
  EXPECT_FALSE(sut);
  EXPECT_EQ(sut, nullptr);
  sut = make_box<String>("a text that does not fit into the object itself");
  EXPECT_EQ(*std::as_const(sut), "a text that does not fit into the object itself");
  sut->push_back('!');
  sut.emplace("b");
  EXPECT_EQ(sut->size(), 1U);
  sut.reset();
  EXPECT_EQ(sut.get(), nullptr);
}

TEST_F(BoxTest, a_list_of_a_million_is_taken_apart_link_by_link) {
  auto& list = make<Box<Link>>();
  for (int i = 0; i < 1'000'000; ++i) {
    Box<Link> longer = make_box<Link>();
    longer->next = std::move(list);
    list = std::move(longer);
  }
  commit();
  while (list) {
    Box<Link> rest = std::move(list->next);
    list = std::move(rest);
  }
  EXPECT_EQ(list, nullptr);
}

TEST_F(BoxTest, a_copy_is_an_object_of_its_own) {
  auto& a = make<Box<String>>(std::in_place, "a");
  auto& b = make<Box<String>>(a);
  EXPECT_EQ(a, b);
  *b = "b";
  EXPECT_EQ(*a, "a");
  b = a;
  EXPECT_EQ(*b, "a");
  a = Box<String>();
  EXPECT_FALSE(a == b);
  b = a;
  EXPECT_EQ(a, b);
}

TEST_F(BoxTest, moving_within_a_store_leaves_the_object_where_it_is) {
  auto& a = make<Box<String>>(std::in_place, "a");
  auto& b = make<Box<String>>(std::in_place, "b");
  const String* const object = std::as_const(a).get();
  b = std::move(a);
  EXPECT_EQ(std::as_const(b).get(), object);
  EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move): the test
  swap(a, b);
  EXPECT_EQ(std::as_const(a).get(), object);
  auto& boxes = make<Vec<Box<String>>>();
  boxes.push_back(std::move(a));
  for (int i = 0; i < 100; ++i) boxes.emplace_back();
  EXPECT_EQ(std::as_const(boxes)[0].get(), object);
}

TEST_F(BoxTest, moving_between_two_stores_moves_the_content) {
  auto& here = make<Box<Node>>(std::in_place);
  here->label = std::string(100, 'x');
  TestHeap other;
  auto* const there = ::new (other.heap().allocate(8)) Box<Node>;
  *there = std::move(here);
  EXPECT_FALSE(here);  // NOLINT(bugprone-use-after-move): the test
  EXPECT_TRUE(other.context().contains(std::as_const(*there).get()));
  EXPECT_EQ(std::as_const(*there)->label, std::string(100, 'x'));
  *there = nullptr;
  other.commit();
}

TEST_F(BoxTest, const_access_marks_nothing_and_other_access_the_object) {
  auto& sut = make<Box<Node>>(std::in_place);
  commit();
  EXPECT_EQ(std::as_const(sut)->value, 0U);
  EXPECT_TRUE(heap_.context().write_set().touched().empty());
  sut->value = 5;
  sut->label = "five";
  commit();
  EXPECT_EQ(std::as_const(sut)->value, 5U);
}

TEST_F(BoxTest, structs_hold_boxes_of_themselves_and_pointers_back) {
  auto& head = make<Box<Node>>(std::in_place);
  Node* last = head.get();
  for (std::uint64_t i = 1; i < 2000; ++i) {
    last->next = make_box<Node>();
    last->next->value = i;
    last->next->back = last;
    last = last->next.get();
    if (i % 500 == 0) commit();
  }
  std::uint64_t steps = 0;
  for (const Node* node = last; node->back; node = node->back.get()) ++steps;
  EXPECT_EQ(steps, 1999U);
}

TEST_F(BoxTest, an_object_that_cannot_be_made_changes_nothing) {
  auto& sut = make<Box<Fussy>>(std::in_place, 1);
  int failures = 0;
  Fuse::left = 0;
  try {
    sut.emplace(2);
  } catch (const std::runtime_error&) {
    ++failures;
  }
  Fuse::left = -1;
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(sut->value, 1);
}

TEST_F(PtrTest, points_to_the_same_object_after_it_moved_itself) {
  auto& target = make<Node>();
  target.value = 7;
  auto& sut = make<Vec<Ptr<Node>>>();
  for (int i = 0; i < 1000; ++i) sut.push_back(&target);
  commit();
  for (const Ptr<Node>& pointer : std::as_const(sut)) ASSERT_EQ(pointer->value, 7U);
  sut[500].edit().value = 8;
  commit();
  EXPECT_EQ(std::as_const(sut)[3]->value, 8U);
  sut[3] = nullptr;
  EXPECT_EQ(sut[3], nullptr);
  sut[3] = sut[4];
  EXPECT_EQ(sut[3], sut[4]);
  commit();
}

TEST_F(PtrTest, can_point_to_its_own_place) {
  auto& sut = make<Node>();
  sut.back = &sut;
  EXPECT_EQ(sut.back.get(), &sut);
  const auto stored = std::as_const(sut).back;
  EXPECT_EQ(stored.get(), &sut);
}

TEST(Ref, is_an_offset_and_nothing_else) {
  constexpr Ref<Node> none;
  constexpr Ref<Node> some(4096);
  static_assert(!none && some && some.offset() == 4096);
  EXPECT_NE(none, some);
  const std::unordered_set<Ref<Node>> set{none, some};
  EXPECT_EQ(set.size(), 2U);
  EXPECT_EQ(Hash<Ref<Node>>{}(some), hash_number(4096));
}

}  // namespace
}  // namespace cairn::test

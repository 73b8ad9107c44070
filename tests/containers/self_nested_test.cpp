// SPDX-License-Identifier: BSL-1.0
// Trees of nodes that hold containers of nodes, assigned to from their own branches: what is
// assigned lies within what goes.
#include <gtest/gtest.h>

#include <boost/describe/class.hpp>
#include <compare>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "cairn/box.hpp"
#include "cairn/btree_map.hpp"
#include "cairn/btree_set.hpp"
#include "cairn/deque.hpp"
#include "cairn/hash_map.hpp"
#include "cairn/hash_set.hpp"
#include "cairn/nd_array.hpp"
#include "cairn/segmented.hpp"
#include "cairn/string.hpp"
#include "cairn/vec.hpp"
#include "container_test.hpp"

namespace cairn::test {
namespace {

std::string name_of(std::uint32_t number) {
  return "the node of number " + std::to_string(number) + ", which needs a block for its name";
}

struct VecNode {
  String name;
  Vec<VecNode> children;
  BOOST_DESCRIBE_CLASS(VecNode, (), (name, children), (), ())
};
struct DequeNode {
  String name;
  Deque<DequeNode> children;
  BOOST_DESCRIBE_CLASS(DequeNode, (), (name, children), (), ())
};
struct SegmentedNode {
  String name;
  Segmented<SegmentedNode> children;
  BOOST_DESCRIBE_CLASS(SegmentedNode, (), (name, children), (), ())
};
struct HashMapNode {
  String name;
  HashMap<std::uint32_t, HashMapNode> children;
  BOOST_DESCRIBE_CLASS(HashMapNode, (), (name, children), (), ())
};
struct BTreeMapNode {
  String name;
  BTreeMap<std::uint32_t, BTreeMapNode> children;
  BOOST_DESCRIBE_CLASS(BTreeMapNode, (), (name, children), (), ())
};
struct NdArrayNode {
  String name;
  NdArray<NdArrayNode, 1> children;
  BOOST_DESCRIBE_CLASS(NdArrayNode, (), (name, children), (), ())
};
/// Moved by its move constructor, so that its containers do not relocate it either.
struct LoudVecNode {
  String name;
  Vec<LoudVecNode> children;
  BOOST_DESCRIBE_CLASS(LoudVecNode, (), (name, children), (), ())
};

struct HashSetNode;
struct ByName {
  static constexpr const char* hash_name = "by_name";
  std::uint64_t operator()(const HashSetNode& node) const;
};
struct HashSetNode {
  String name;
  HashSet<HashSetNode, ByName> children;
  bool operator==(const HashSetNode& other) const { return name == other.name; }
  BOOST_DESCRIBE_CLASS(HashSetNode, (), (name, children), (), ())
};
std::uint64_t ByName::operator()(const HashSetNode& node) const {
  return Hash<String>()(node.name);
}
struct BTreeSetNode {
  String name;
  BTreeSet<BTreeSetNode> children;
  bool operator==(const BTreeSetNode& other) const { return name == other.name; }
  auto operator<=>(const BTreeSetNode& other) const { return name <=> other.name; }
  BOOST_DESCRIBE_CLASS(BTreeSetNode, (), (name, children), (), ())
};

}  // namespace
}  // namespace cairn::test

template <>
inline constexpr bool cairn::moves_by_fields<cairn::test::LoudVecNode> = false;

namespace cairn::test {
namespace {

template <class Node>
using Children = decltype(Node::children);

template <class Node>
concept Keyed = requires {
  typename Children<Node>::mapped_type;
};
template <class Node>
concept Appended = requires(Children<Node>& children) {
  children.emplace_back(Node{});
};
template <class Node>
concept Sized = std::same_as<Children<Node>, NdArray<Node, 1>>;

/// Adds `node` as the child of this number; of an array as its last element.
template <class Node>
void add(Children<Node>& children, std::uint32_t number, Node node) {
  node.name = name_of(number);
  if constexpr (Appended<Node>) {
    children.emplace_back(std::move(node));
  } else if constexpr (Sized<Node>) {
    children.resize({children.size() + 1});
    children(children.size() - 1) = std::move(node);
  } else if constexpr (Keyed<Node>) {
    children.emplace(number, std::move(node));
  } else {
    children.insert(std::move(node));
  }
}

template <class Element>
const auto& node_of(const Element& element) {
  if constexpr (requires { element.second; }) {
    return element.second;
  } else {
    return element;
  }
}

/// The children of the child of this number, to be assigned from.
template <class Node>
Children<Node>& branch(Children<Node>& children, std::uint32_t number) {
  for (const auto& element : std::as_const(children)) {
    if (node_of(element).name == name_of(number)) {
      return const_cast<Children<Node>&>(node_of(element).children);
    }
  }
  throw std::out_of_range("no such child");
}

template <class Node>
std::set<std::string> names(const Children<Node>& children) {
  std::set<std::string> names;
  for (const auto& element : children) names.insert(node_of(element).name.str());
  return names;
}

template <class Node>
class SelfNested : public ContainerTest {
 protected:
  using Tree = Children<Node>;

  /// Children 1 to `width`, each with as many of their own, and those with one again.
  Tree& make_tree(std::uint32_t width) {
    Tree& tree = make<Tree>();
    for (std::uint32_t i = 1; i <= width; ++i) {
      Node child;
      for (std::uint32_t j = 1; j <= width; ++j) {
        Node grandchild;
        add<Node>(grandchild.children, 10000 + j, Node());
        add<Node>(child.children, 100 * i + j, std::move(grandchild));
      }
      add<Node>(tree, i, std::move(child));
    }
    commit();
    return tree;
  }
  static std::set<std::string> names_of_branch(std::uint32_t width, std::uint32_t number) {
    std::set<std::string> names;
    for (std::uint32_t j = 1; j <= width; ++j) names.insert(name_of(100 * number + j));
    return names;
  }
};

using Nodes = ::testing::Types<VecNode, LoudVecNode, DequeNode, SegmentedNode, HashMapNode,
                               HashSetNode, BTreeMapNode, BTreeSetNode, NdArrayNode>;
TYPED_TEST_SUITE(SelfNested, Nodes);

TYPED_TEST(SelfNested, a_branch_moves_into_the_place_of_the_tree_that_it_belongs_to) {
  for (const std::uint32_t width : {1U, 3U, 40U}) {
    auto& tree = this->make_tree(width);
    tree = std::move(branch<TypeParam>(tree, width));
    EXPECT_EQ(names<TypeParam>(tree), this->names_of_branch(width, width));
    this->verify();
    this->commit();
    tree = std::move(branch<TypeParam>(tree, 100 * width + 1));
    EXPECT_EQ(names<TypeParam>(tree), std::set<std::string>{name_of(10001)});
    this->verify();
    this->commit();
  }
}

TYPED_TEST(SelfNested, a_branch_without_children_empties_the_tree_that_it_belongs_to) {
  auto& tree = this->make_tree(3);
  add<TypeParam>(tree, 4, TypeParam());
  this->commit();
  tree = std::move(branch<TypeParam>(tree, 4));
  EXPECT_TRUE(tree.empty());
  this->verify();
}

TYPED_TEST(SelfNested, a_branch_is_copied_over_the_tree_that_it_belongs_to) {
  for (const std::uint32_t width : {1U, 3U, 40U}) {
    auto& tree = this->make_tree(width);
    tree = std::as_const(branch<TypeParam>(tree, 1));
    EXPECT_EQ(names<TypeParam>(tree), this->names_of_branch(width, 1));
    EXPECT_EQ(names<TypeParam>(branch<TypeParam>(tree, 101)),
              std::set<std::string>{name_of(10001)});
    this->verify();
    this->commit();
  }
}

class SelfNestedSegmented : public ContainerTest {};

/// Its elements are assigned where they stand, one after the other.
TEST_F(SelfNestedSegmented, is_copied_from_a_branch_that_the_first_assignment_empties) {
  auto& tree = make<Segmented<SegmentedNode>>();
  tree.resize(2);
  Segmented<SegmentedNode>& children = tree[0].children;
  children.resize(2);
  for (std::uint32_t i = 0; i < 20; ++i) add<SegmentedNode>(children[1].children, i, {});
  commit();
  tree = std::as_const(children);
  ASSERT_EQ(tree.size(), 2U);
  ASSERT_EQ(tree[1].children.size(), 20U);
  for (std::uint32_t i = 0; i < 20; ++i) EXPECT_EQ(tree[1].children[i].name, name_of(i));
}

struct Link {
  String name;
  Box<Link> next;
  BOOST_DESCRIBE_CLASS(Link, (), (name, next), (), ())
};

class SelfNestedBox : public ContainerTest {
 protected:
  Box<Link>& make_chain(std::uint32_t length) {
    auto& chain = make<Box<Link>>();
    for (std::uint32_t i = length; i > 0; --i) {
      Box<Link> before = std::move(chain);
      chain = make_box<Link>();
      chain->name = name_of(i);
      chain->next = std::move(before);
    }
    commit();
    return chain;
  }
};

TEST_F(SelfNestedBox, the_rest_of_a_chain_takes_the_place_of_its_first_link) {
  Box<Link>& chain = make_chain(3);
  chain = std::move(chain->next);
  EXPECT_EQ(chain->name, name_of(2));
  verify();
  commit();
  chain = std::as_const(chain)->next;
  EXPECT_EQ(chain->name, name_of(3));
  verify();
  commit();
  chain = std::move(chain->next);
  EXPECT_FALSE(chain);
}

struct Branching {
  String name;
  Box<Vec<Branching>> children;
  BOOST_DESCRIBE_CLASS(Branching, (), (name, children), (), ())
};

class SelfNestedInBox : public ContainerTest {};

TEST_F(SelfNestedInBox, a_boxed_branch_takes_the_place_of_its_tree) {
  auto& tree = make<Vec<Branching>>();
  Branching& child = tree.emplace_back();
  child.children = make_box<Vec<Branching>>();
  child.children->emplace_back().name = name_of(1);
  child.children->emplace_back().name = name_of(2);
  commit();
  tree = std::move(*tree[0].children);
  ASSERT_EQ(tree.size(), 2U);
  EXPECT_EQ(tree[1].name, name_of(2));
}

}  // namespace
}  // namespace cairn::test

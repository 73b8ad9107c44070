// SPDX-License-Identifier: BSL-1.0
// What check() proves of blocks and pointers, each part shown by a store that breaks it.

#include "temp_store.hpp"

namespace cairn::test {
namespace {

struct Node {
  std::uint64_t value = 0;
  Box<Node> next;
  Ptr<Node> friend_of;
  Ref<std::uint64_t> favourite;
};
BOOST_DESCRIBE_STRUCT(Node, (), (value, next, friend_of, favourite))

struct Graph {
  Vec<Node> nodes;
  HashMap<String, Box<Node>> named;
  String text;
};
BOOST_DESCRIBE_STRUCT(Graph, (), (nodes, named, text))

class Reachability : public StoreTest {
 protected:
  Reachability() {
    sut_.write([](WriteTransaction& tx) {
      auto& graph = tx.construct<Graph>("graph");
      for (std::uint64_t i = 0; i < 10; ++i) {
        Node& node = graph.nodes.emplace_back();
        node.value = i;
        node.next = make_box<Node>();
      }
      graph.named["ada"] = make_box<Node>();
      graph.text = std::string(100, 't');
    });
    expect_sound(sut_);
  }

  /// Changes the store with marks but behind the containers' backs.
  template <class Change>
  void damage(Change change) {
    sut_.write([&](WriteTransaction& tx) { change(tx, *tx.find<Graph>("graph")); });
  }
  template <class Stored, class T>
  static Stored& raw(WriteTransaction& tx, const T& object) {
    tx.mark(&object, sizeof(Stored));
    return *reinterpret_cast<Stored*>(const_cast<T*>(&object));
  }
  void expect_problem(const std::vector<std::string>& parts) const {
    const CheckReport report = sut_.check();
    EXPECT_FALSE(report.ok());
    ASSERT_EQ(report.problems.size(), 1U) << ::testing::PrintToString(report.problems);
    for (const std::string& part : parts) {
      EXPECT_TRUE(contains(report.problems[0], part)) << report.problems[0] << "\nlacks: " << part;
    }
  }

  Store sut_ = open();
};

TEST_F(Reachability, a_sound_store_has_no_leak_and_every_pointer_leads_to_an_object) {
  damage([](WriteTransaction& tx, Graph& graph) {
    graph.nodes[1].friend_of = graph.nodes[2].next.get();
    graph.nodes[2].friend_of = graph.named.at("ada").get();
    graph.nodes[3].favourite = tx.ref(graph.nodes[4].next->value);
    tx.construct<Ptr<Box<Node>>>("elsewhere", &graph.nodes[5].next);
  });
  const CheckReport report = sut_.check();
  EXPECT_TRUE(report.leak_free()) << ::testing::PrintToString(report.problems);
  EXPECT_EQ(report.unowned, std::vector<std::string>{});
}

TEST_F(Reachability, a_leaked_block_is_told_with_its_place_and_size) {
  std::uint64_t leaked = 0;
  damage([&](WriteTransaction& tx, Graph& graph) {
    leaked = tx.ref(std::as_const(*graph.nodes[3].next)).offset();
    raw<std::int64_t>(tx, graph.nodes[3].next) = null_distance;
  });
  const CheckReport report = sut_.check();
  EXPECT_TRUE(report.ok());
  EXPECT_FALSE(report.leak_free());
  EXPECT_EQ(report.unowned_blocks, 1U);
  EXPECT_EQ(report.unowned_bytes, FreeListAllocator::usable_bytes(sizeof(Node), alignof(Node)));
  ASSERT_EQ(report.unowned.size(), 1U);
  EXPECT_TRUE(contains(report.unowned[0], "at offset " + std::to_string(leaked)))
      << report.unowned[0];
}

TEST_F(Reachability, two_owners_of_a_block_are_told) {
  damage([](WriteTransaction& tx, Graph& graph) {
    raw<std::int64_t>(tx, graph.nodes[3].next) =
        distance_to(&graph.nodes[3].next, std::as_const(graph.nodes[4].next).get());
  });
  expect_problem({"graph.nodes[4].next", "another owner"});
}

TEST_F(Reachability, two_owners_in_different_roots_are_told) {
  damage([](WriteTransaction& tx, Graph& graph) {
    auto& other = tx.construct<Box<Node>>("other");
    raw<std::int64_t>(tx, other) = distance_to(&other, std::as_const(graph.nodes[4].next).get());
  });
  expect_problem({"another owner", "next"});
}

TEST_F(Reachability, a_box_that_leads_to_free_space_is_told_by_name) {
  damage([](WriteTransaction& tx, Graph& graph) {
    const Node* const gone = std::as_const(graph.nodes[3].next).get();
    tx.heap().deallocate(const_cast<Node*>(gone), sizeof(Node));
  });
  expect_problem({"graph.nodes[3].next", "is free in the heap"});
}

TEST_F(Reachability, a_box_that_leads_behind_its_blocks_beginning_is_told_by_name) {
  damage([](WriteTransaction& tx, Graph& graph) {
    void* const block = tx.heap().allocate(1000);
    auto& box = raw<std::int64_t>(tx, graph.nodes[3].next);
    Node* const inside = ::new (static_cast<std::byte*>(block) + 32) Node();
    tx.heap().deallocate(const_cast<Node*>(std::as_const(graph.nodes[3].next).get()), sizeof(Node));
    box = distance_to(&box, inside);
  });
  expect_problem({"graph.nodes[3].next", "none of the heap's"});
}

TEST_F(Reachability, a_block_that_two_owners_share_without_touching_is_told) {
  damage([](WriteTransaction& tx, Graph& graph) {
    graph.text.reserve(1000);
    auto& text = raw<StringFormat::Long>(tx, graph.text);
    // The string says that its block is short; a Box takes the rest of it.
    text.capacity_and_tag = string_long_tag_bits | 111U;
    auto& box = raw<std::int64_t>(tx, graph.nodes[3].next);
    tx.heap().deallocate(const_cast<Node*>(std::as_const(graph.nodes[3].next).get()), sizeof(Node));
    box =
        distance_to(&box, ::new (const_cast<char*>(std::as_const(graph.text).data()) + 112) Node());
  });
  expect_problem({"graph.nodes[3].next", "has another owner"});
}

TEST_F(Reachability, a_block_that_is_longer_than_the_heaps_is_told_by_name) {
  damage([](WriteTransaction& tx, Graph& graph) {
    // Alone in the first block of a run of pages, with a run behind it that nobody owns.
    graph.text.reserve(20'000);
    void* const behind = tx.heap().allocate(20'000);
    ASSERT_EQ(behind, std::as_const(graph.text).data() + 20'480);
    raw<StringFormat::Long>(tx, graph.text).capacity_and_tag = string_long_tag_bits | 21'000U;
  });
  expect_problem({"graph.text", "longer than the heap's block"});
}

TEST_F(Reachability, a_pointer_to_free_space_is_told_by_name) {
  damage([](WriteTransaction&, Graph& graph) {
    graph.nodes[2].friend_of = graph.nodes[9].next.get();
    graph.nodes[9].next.reset();
  });
  expect_problem({"graph.nodes[2].friend_of", "dangles", "free in the heap"});
}

TEST_F(Reachability, a_pointer_into_the_middle_of_something_else_is_told_with_both_names) {
  damage([](WriteTransaction& tx, Graph& graph) {
    auto& pointer = raw<std::int64_t>(tx, graph.nodes[2].friend_of);
    pointer = distance_to(&pointer, &std::as_const(graph.nodes[7].next));
  });
  expect_problem({"graph.nodes[2].friend_of", "dangles", "part of graph.nodes[7].next (Box<"});
}

TEST_F(Reachability, a_pointer_to_an_element_that_is_no_more_is_told) {
  damage([](WriteTransaction&, Graph& graph) {
    graph.nodes[2].friend_of = &graph.nodes[9];
    graph.nodes.pop_back();
  });
  expect_problem({"graph.nodes[2].friend_of", "dangles", "part of graph.nodes (Vec<"});
}

TEST_F(Reachability, a_ref_to_free_space_is_told_by_name) {
  damage([](WriteTransaction& tx, Graph& graph) {
    graph.nodes[2].favourite = tx.ref(graph.nodes[9].next->value);
    graph.nodes[9].next.reset();
  });
  expect_problem({"graph.nodes[2].favourite (Ref<u64>)", "dangles", "free in the heap"});
}

TEST_F(Reachability, pointers_to_blocks_made_by_hand_are_let_be) {
  damage([](WriteTransaction& tx, Graph& graph) {
    auto* const block = static_cast<std::uint64_t*>(tx.heap().allocate(64));
    tx.mark(block, 64);
    graph.nodes[2].favourite = tx.ref(block[7]);
  });
  EXPECT_TRUE(sut_.check().ok());
  damage([](WriteTransaction&, Graph& graph) {
    graph.nodes[2].favourite = Ref<std::uint64_t>(graph.nodes[2].favourite.offset() + 8);
  });
  EXPECT_FALSE(sut_.check().ok());
}

TEST_F(Reachability, damage_of_the_heap_and_of_objects_is_told_together) {
  damage([](WriteTransaction& tx, Graph& graph) {
    raw<std::uint64_t>(tx, *(reinterpret_cast<const std::uint64_t*>(&graph.nodes) + 1)) = 1U << 30;
    // A free bin's flag that no list goes with.
    auto* const header = reinterpret_cast<HeapHeader*>(reinterpret_cast<std::byte*>(&graph) -
                                                       tx.ref(graph).offset() + heap_begin);
    tx.mark(&header->run_bitmap[2], 8);
    header->run_bitmap[2] ^= 1;
  });
  const CheckReport report = sut_.check();
  ASSERT_EQ(report.problems.size(), 2U);
  EXPECT_TRUE(contains(report.problems[0], "flagged wrongly")) << report.problems[0];
  EXPECT_TRUE(contains(report.problems[1], "graph.nodes: a Vec")) << report.problems[1];
}

TEST_F(Reachability, a_store_of_a_million_blocks_is_checked) {
  // More pointers than are resolved at once.
  constexpr std::uint64_t count = 1'100'000;
  sut_.write([&](WriteTransaction& tx) {
    auto& boxes = tx.construct<Vec<Box<std::uint64_t>>>("boxes");
    auto& pointers = tx.construct<Vec<Ptr<std::uint64_t>>>("pointers");
    boxes.reserve(count);
    pointers.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      boxes.emplace_back(std::in_place, i);
      pointers.emplace_back(std::as_const(boxes)[i].get());
    }
  });
  // What takes quadratic time does not come to its end before the test's time is over.
  const CheckReport report = sut_.check();
  EXPECT_TRUE(report.leak_free()) << ::testing::PrintToString(report.problems);
  EXPECT_GT(report.blocks, count);
}

TEST_F(Reachability, the_last_of_many_pointers_is_resolved_too) {
  constexpr std::uint64_t count = 1'100'000;
  sut_.write([&](WriteTransaction& tx) {
    auto& box = tx.construct<Box<std::uint64_t>>("box", std::in_place, 1U);
    auto& gone = tx.construct<Box<std::uint64_t>>("gone", std::in_place, 1U);
    auto& pointers = tx.construct<Vec<Ptr<std::uint64_t>>>("pointers");
    pointers.reserve(count);
    for (std::uint64_t i = 1; i < count; ++i) pointers.emplace_back(std::as_const(box).get());
    pointers.emplace_back(std::as_const(gone).get());
    gone.reset();
  });
  expect_problem({"pointers[1099999]", "dangles"});
}

}  // namespace
}  // namespace cairn::test

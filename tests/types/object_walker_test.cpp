// SPDX-License-Identifier: BSL-1.0
#include "cairn/object_walker.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <random>

#include "../containers/container_test.hpp"
#include "cairn/atomic.hpp"
#include "cairn/box.hpp"
#include "cairn/btree_map.hpp"
#include "cairn/btree_set.hpp"
#include "cairn/deque.hpp"
#include "cairn/hash_map.hpp"
#include "cairn/hash_set.hpp"
#include "cairn/nd_array.hpp"
#include "cairn/object_locator.hpp"
#include "cairn/ptr.hpp"
#include "cairn/segmented.hpp"
#include "cairn/static_string.hpp"
#include "cairn/static_vector.hpp"
#include "cairn/stored_value.hpp"
#include "cairn/vec.hpp"

namespace cairn::test {
namespace {

struct Item {
  String name;
  std::optional<bool> flag;
  Box<Item> next;
  Ptr<Item> other;
  Ref<Item> far;
};
BOOST_DESCRIBE_STRUCT(Item, (), (name, flag, next, other, far))

struct Root {
  Vec<Item> items;
  HashMap<String, Vec<Item>> named;
  HashMap<std::pair<std::int16_t, std::uint8_t>, std::uint64_t> numbers;
  Deque<String> queue;
  HashSet<String> words;
};
BOOST_DESCRIBE_STRUCT(Root, (), (items, named, numbers, queue, words))

class ObjectWalkerTest : public ContainerTest {
 protected:
  template <class T>
  std::vector<std::string> walk(const T& root) {
    std::vector<std::string> problems;
    ObjectWalker walker({heap_.base(), heap_.heap_end(), heap_begin_bytes}, seen_, problems);
    walker.walk(TypeTree::parse(describe_type<T>()), heap_.context().offset_of(&root), "root");
    return problems;
  }
  /// Changes bytes behind the container's back for the duration of a walk; expects exactly one
  /// problem, which says `what`.
  template <class T, class Field>
  void expect_problem(const T& root, Field& field, std::type_identity_t<Field> broken,
                      const std::string& what) {
    const Field before = field;
    field = broken;
    const std::vector<std::string> problems = walk(root);
    field = before;
    ASSERT_EQ(problems.size(), 1U) << what;
    EXPECT_NE(problems[0].find(what), std::string::npos) << problems[0];
  }
  template <class Format, class T>
  static Format& stored(T& object) {
    return *reinterpret_cast<Format*>(&object);
  }

  Root& make_root() {
    Root& root = make<Root>();
    for (int i = 0; i < 20; ++i) {
      Item& item = root.items.emplace_back();
      item.name = std::string(static_cast<std::size_t>(i) * 3, 'n');
      if (i % 3 == 0) item.flag = i % 2 == 0;
      if (i % 4 == 0) item.next = make_box<Item>();
      Vec<Item>& list = root.named["key " + std::string(static_cast<std::size_t>(i), 'k')];
      list.emplace_back().next = make_box<Item>();
      root.numbers[{static_cast<std::int16_t>(-i), static_cast<std::uint8_t>(i)}] = 5;
      root.words.insert(std::string(static_cast<std::size_t>(i) * 3, 'w'));
      // Around the end of the ring.
      root.queue.push_front(std::string(static_cast<std::size_t>(i) * 3, 'q'));
    }
    root.items[3].other = root.items[0].next.get();
    root.items[4].far = Ref<Item>(heap_.context().offset_of(root.items[0].next.get()));
    return root;
  }

  BlockCollector seen_;
};

TEST_F(ObjectWalkerTest, finds_every_block_and_pointer_and_nothing_wrong) {
  Root& root = make_root();
  EXPECT_EQ(walk(root), std::vector<std::string>{});
  // The root, the items, their long names and boxes; the two tables, the lists and their boxes, and
  // the keys that do not fit into their place; the ring, the set's table and their long texts.
  EXPECT_EQ(seen_.blocks.size(), 1U + 1 + 12 + 5 + 2 + 20 + 20 + 2 + 12 + 12);
  EXPECT_EQ(seen_.targets.size(), 2U);
}

TEST_F(ObjectWalkerTest, a_million_boxes_in_a_row_need_no_stack) {
  auto& head = make<Box<Item>>(std::in_place);
  Item* last = head.get();
  for (int i = 0; i < 1000000; ++i) {
    last->next = make_box<Item>();
    last = last->next.get();
  }
  EXPECT_EQ(walk(head), std::vector<std::string>{});
  EXPECT_EQ(seen_.blocks.size(), 1000002U);
  // One by one: the destructors of such a chain would need the stack.
  while (head) head = std::move(head->next);
}

TEST_F(ObjectWalkerTest, broken_vecs_are_named_with_their_path) {
  Root& root = make_root();
  auto& items = stored<VecFormat>(root.items);
  expect_problem(root, items.size, items.capacity + 1, "root.items: a Vec of size");
  expect_problem(root, items.distance, null_distance, "capacity and pointer");
  expect_problem(root, items.capacity, ~std::uint64_t{0}, "outside of the heap");
  expect_problem(root, items.distance, std::int64_t{1} << 40, "outside of the heap");
  expect_problem(root, items.distance, -(std::int64_t{1} << 40), "outside of the heap");
  expect_problem(root, items.distance, items.distance + 8, "not aligned");
}

TEST_F(ObjectWalkerTest, broken_deques_are_named_with_their_path) {
  Root& root = make_root();
  auto& ring = stored<DequeFormat>(root.queue);
  ASSERT_GT(ring.front, 0U);
  expect_problem(root, ring.size, ring.capacity + 1, "root.queue: a Deque of size");
  expect_problem(root, ring.front, ring.capacity, "root.queue: a Deque that begins at slot");
  expect_problem(root, ring.front, ~std::uint64_t{0}, "begins at slot");
  expect_problem(root, ring.distance, null_distance, "capacity and pointer");
  expect_problem(root, ring.capacity, ~std::uint64_t{0} / 2, "outside of the heap");
  expect_problem(root, ring.distance, std::int64_t{1} << 40, "outside of the heap");
  auto& text = stored<StringFormat>(root.queue[2]).long_form;
  expect_problem(root, text.size, std::uint64_t{1000}, "root.queue[2]: a String of size");
  auto& empty = make<Deque<int>>();
  expect_problem(empty, stored<DequeFormat>(empty).front, std::uint64_t{1},
                 "begins at slot 1 of 0");
}

TEST_F(ObjectWalkerTest, broken_sets_are_named_with_their_path) {
  Root& root = make_root();
  auto& set = stored<HashMapFormat>(root.words);
  expect_problem(root, set.size, set.size + 1, "root.words: a HashSet of size 21 that holds 20");
  expect_problem(root, set.chunk_bits, std::uint8_t{200}, "a HashSet of 2^200 chunks");
  expect_problem(root, set.hash_version, std::uint8_t{9}, "a HashSet of an unknown version");
  auto* const chunk = target_at<HashChunkFormat>(&set, set.distance);
  std::uint8_t& tag = *std::find_if(std::begin(chunk->tags), std::end(chunk->tags),
                                    [](std::uint8_t found) { return found != 0; });
  expect_problem(root, tag, static_cast<std::uint8_t>(tag ^ 1),
                 "a HashSet's tag does not fit the key");
}

TEST_F(ObjectWalkerTest, broken_strings_and_flags_are_named_with_their_path) {
  Root& root = make_root();
  auto& text = stored<StringFormat>(root.items[10].name).long_form;
  expect_problem(root, text.size, std::uint64_t{1000}, "root.items[10].name: a String of size");
  expect_problem(root, text.size, std::uint64_t{5}, "without a zero");
  expect_problem(root, text.capacity_and_tag, std::uint64_t{0x41} << 56, "neither short nor long");
  auto& short_text = stored<StringFormat>(root.items[1].name).short_chars;
  expect_problem(root, short_text[23], char{21}, "without a zero");
  auto& flag = reinterpret_cast<std::uint8_t*>(&root.items[3].flag)[1];
  expect_problem(root, flag, std::uint8_t{2}, "root.items[3].flag: an optional");
  auto& boolean = reinterpret_cast<std::uint8_t*>(&root.items[3].flag)[0];
  expect_problem(root, boolean, std::uint8_t{2}, "a bool that is neither");
}

TEST_F(ObjectWalkerTest, broken_maps_are_named_with_their_path) {
  Root& root = make_root();
  auto& map = stored<HashMapFormat>(root.named);
  expect_problem(root, map.size, map.size + 1, "root.named: a HashMap of size 21 that holds 20");
  expect_problem(root, map.chunk_bits, std::uint8_t{200}, "2^200 chunks");
  expect_problem(root, map.chunk_bits, std::uint8_t{40}, "outside of the heap");
  expect_problem(root, map.chunk_slots, std::uint8_t{7}, "of 7 slots");
  expect_problem(root, map.hash_version, std::uint8_t{9}, "unknown version");
  expect_problem(root, map.reserved[2], std::uint8_t{1}, "unknown version");
  auto* const chunk = target_at<HashChunkFormat>(&map, map.distance);
  std::uint8_t& tag = *std::find_if(std::begin(chunk->tags), std::end(chunk->tags),
                                    [](std::uint8_t found) { return found != 0; });
  expect_problem(root, tag, std::uint8_t{5}, "impossible tag");
  expect_problem(root, tag, static_cast<std::uint8_t>(tag ^ 1), "tag does not fit the key");
}

TEST_F(ObjectWalkerTest, a_key_that_no_lookup_would_find_is_a_problem) {
  auto& map = make<HashMap<std::uint64_t, std::uint64_t>>();
  for (std::uint64_t i = 0; i < 500; ++i) map[i] = i;
  auto found = map.begin();
  // Another key with the same tag that belongs into another chunk.
  std::uint64_t stranger = 1000;
  const std::uint64_t hash = hash_number(found->first);
  while (hash_tag(hash_number(stranger)) != hash_tag(hash) ||
         (hash_number(stranger) & 63) == (hash & 63)) {
    ++stranger;
  }
  const auto* const chunks = target_at<HashChunkFormat>(&map, stored<HashMapFormat>(map).distance);
  ASSERT_EQ(chunks[16 * (hash_number(stranger) & 63)].overflow, 0);
  expect_problem(map, const_cast<std::uint64_t&>(found->first), stranger, "no lookup comes by");
}

TEST_F(ObjectWalkerTest, a_map_whose_elements_all_lie_far_from_their_hashes_is_one_problem) {
  auto& map = make<HashMap<std::uint64_t, std::uint64_t>>();
  for (std::uint64_t i = 0; i < 20000; ++i) map[i] = i;
  const auto& format = stored<HashMapFormat>(map);
  auto* const table = target_at<std::byte>(&format, format.distance);
  const std::size_t chunks = std::size_t{1} << format.chunk_bits;
  const std::size_t stride = hash_chunk_stride(16, 8);
  const std::vector<std::byte> before(table, table + chunks * stride);
  // Each element lies half the table away from its place, and every chunk sends lookups on.
  std::rotate(table, table + chunks / 2 * stride, table + chunks * stride);
  for (std::size_t i = 0; i < chunks; ++i) {
    reinterpret_cast<HashChunkFormat*>(table + i * stride)->overflow = hash_overflow_max;
  }
  EXPECT_TRUE(map.contains(19999));
  const std::vector<std::string> problems = walk(map);
  std::copy(before.begin(), before.end(), table);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].find("too far from where their hashes say"), std::string::npos)
      << problems[0];
  EXPECT_EQ(walk(map), std::vector<std::string>{});
}

struct Ordered {
  BTreeMap<std::uint64_t, String> texts;
  BTreeSet<String> names;
  BTreeSet<std::int16_t, std::greater<>> falling;
  BTreeMap<std::uint32_t, std::optional<String>> boxed;
};
BOOST_DESCRIBE_STRUCT(Ordered, (), (texts, names, falling, boxed))

/// Trees of one, two and three levels.
Ordered& fill(Ordered& ordered) {
  for (std::uint16_t i = 0; i < 600; ++i) {
    ordered.texts[i] = std::string(i % 60, 't');
    ordered.falling.insert(static_cast<std::int16_t>(i - 300));
    if (i % 2 == 0) ordered.names.insert(std::string(i % 50, 'n') + std::to_string(i));
    if (i % 60 == 0) ordered.boxed[i] = "a text that does not fit into the object itself";
  }
  return ordered;
}

template <class Container>
BTreeNodeFormat& root_of(Container& container) {
  auto* const tree = reinterpret_cast<BTreeFormat*>(&container);
  return *target_at<BTreeNodeFormat>(tree, tree->root);
}

TEST_F(ObjectWalkerTest, b_trees_are_walked_in_order_with_nothing_wrong) {
  Ordered& root = fill(make<Ordered>());
  EXPECT_EQ(walk(root), std::vector<std::string>{});
  EXPECT_GT(seen_.blocks.size(), 600U / 7 + 300U / 10 + 10U);
}

TEST_F(ObjectWalkerTest, broken_b_trees_are_named_with_their_path) {
  Ordered& root = fill(make<Ordered>());
  auto& tree = stored<BTreeFormat>(root.texts);
  expect_problem(root, tree.size, std::uint64_t{601},
                 "root.texts: a B-tree of size 601 that holds");
  expect_problem(root, tree.size, std::uint64_t{0}, "contradict each other");
  expect_problem(root, tree.root, null_distance, "contradict each other");
  expect_problem(root, tree.first, tree.last, "another first or last leaf");
  expect_problem(root, tree.last, tree.first, "another first or last leaf");
  expect_problem(root, tree.root, std::int64_t{1} << 40, "outside of the heap");
  expect_problem(root, tree.levels, std::uint8_t{200}, "of 200 levels");
  expect_problem(root, tree.levels, static_cast<std::uint8_t>(tree.levels + 1), "was due");
  expect_problem(root, tree.levels, static_cast<std::uint8_t>(tree.levels - 1), "was due");
  expect_problem(root, tree.reserved[3], std::uint8_t{1}, "another version");
}

TEST_F(ObjectWalkerTest, broken_nodes_of_b_trees_are_named_with_their_path) {
  Ordered& root = fill(make<Ordered>());
  BTreeNodeFormat& top = root_of(root.texts);
  ASSERT_GE(top.level, 2);
  expect_problem(root, top.count, std::uint8_t{0}, "root.texts: a B-tree's node");
  expect_problem(root, top.count, std::uint8_t{200}, "with 200 of");
  expect_problem(root, top.slots, std::uint8_t{5}, "was due");
  expect_problem(root, top.level, std::uint8_t{0}, "of level 0");
  expect_problem(root, top.reserved[0], std::uint8_t{1}, "was due");
  expect_problem(root, top.parent, std::int64_t{64}, "another parent");
  auto* const children = reinterpret_cast<std::int64_t*>(reinterpret_cast<std::byte*>(&top) +
                                                         btree_children_at(32, 8));
  expect_problem(root, children[0], children[1], "another owner");
  expect_problem(root, children[0], std::int64_t{0}, "another owner");
  expect_problem(root, children[1], children[1] + 16, "was due");
  auto* const child = target_at<BTreeNodeFormat>(&top, children[0]);
  expect_problem(root, child->parent, child->parent + 16, "another parent");
  expect_problem(root, child->parent, null_distance, "another parent");
  expect_problem(root, child->level, std::uint8_t{9}, "was due");
  BTreeNodeFormat& only = root_of(root.boxed);
  ASSERT_EQ(only.level, 0);
  expect_problem(root, only.slots, std::uint8_t{255}, "was due");
  auto& box = reinterpret_cast<std::int64_t*>(&only)[2];
  expect_problem(root, box, std::int64_t{1} << 40, "outside of the heap");
  expect_problem(root, box, box + 8, "not aligned");
}

TEST_F(ObjectWalkerTest, keys_out_of_order_are_a_problem_wherever_they_stand) {
  Ordered& root = fill(make<Ordered>());
  const auto expect_unsorted = [&](auto& key, auto broken) {
    const auto before = key;
    key = broken;
    const std::vector<std::string> problems = walk(root);
    key = before;
    ASSERT_FALSE(problems.empty());
    EXPECT_NE(problems[0].find("keys are not in order"), std::string::npos) << problems[0];
  };
  for (const std::uint64_t number : {0U, 1U, 17U, 300U, 598U, 599U}) {
    auto& key = const_cast<std::uint64_t&>(std::as_const(root.texts).find(number)->first);
    if (number != 0) expect_unsorted(key, std::uint64_t{0});
    if (number != 599) expect_unsorted(key, std::uint64_t{1000});
    if (number != 0) expect_unsorted(key, number - 1);
  }
  for (const int shown : {-300, 0, 299}) {
    const auto number = static_cast<std::int16_t>(shown);
    auto& key = const_cast<std::int16_t&>(*root.falling.find(number));
    expect_unsorted(key, static_cast<std::int16_t>(number < 0 ? 1000 : -1000));
  }
  // The first child's last key against the one that follows above.
  auto at = std::as_const(root.names).begin();
  std::advance(at, 150);
  auto& name = const_cast<char&>(std::as_const(*at).view()[0]);
  expect_unsorted(name, '~');
  expect_unsorted(name, '!');
}

TEST_F(ObjectWalkerTest, two_owners_of_a_block_are_a_problem) {
  auto& boxes = make<Vec<Box<std::uint64_t>>>();
  boxes.push_back(make_box<std::uint64_t>(1U));
  boxes.push_back(make_box<std::uint64_t>(2U));
  auto& second = stored<std::int64_t>(boxes[1]);
  expect_problem(boxes, second, stored<std::int64_t>(boxes[0]) - 8, "root[1]: a block of 8 bytes");
  expect_problem(boxes, second, distance_to(&second, std::as_const(boxes).data()), "another owner");
}

TEST_F(ObjectWalkerTest, pointers_out_of_the_heap_are_a_problem) {
  Root& root = make_root();
  expect_problem(root, stored<std::int64_t>(root.items[3].other), std::int64_t{1} << 50,
                 "points to");
  expect_problem(root, stored<std::uint64_t>(root.items[4].far), std::uint64_t{64}, "points to 64");
  expect_problem(root, stored<std::uint64_t>(root.items[4].far), heap_.heap_end(), "points to");
}

/// The heap copied in front of memory that nobody may touch.
class GuardedHeap {
 public:
  GuardedHeap(const std::byte* base, std::uint64_t end) : bytes_(end) {
    void* const memory = ::mmap(nullptr, end + page_bytes, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    base_ = static_cast<std::byte*>(memory);
    ::mprotect(base_ + end, page_bytes, PROT_NONE);
    std::memcpy(base_, base, end);
  }
  GuardedHeap(const GuardedHeap&) = delete;
  GuardedHeap& operator=(const GuardedHeap&) = delete;
  ~GuardedHeap() { ::munmap(base_, bytes_ + page_bytes); }

  std::byte* base() const noexcept { return base_; }

 private:
  std::byte* base_;
  std::uint64_t bytes_;
};

/// Reads all that it is told, and holds against each other what it is told of one object.
class Listener : public ObjectVisitor {
 public:
  explicit Listener(HeapBytes heap) : heap_(heap) {}
  void follow(const ObjectWalker& walker) { walker_ = &walker; }

  void part(const ObjectPart& part) override {
    EXPECT_FALSE(awaited_) << "a part was not told";
    awaited_ = true;
    names += part.name;
  }
  void begin(std::uint64_t, const TypeNode& type, std::uint64_t) override {
    told();
    open_.push_back(&type);
  }
  void end(std::uint64_t, const TypeNode& type) override {
    ASSERT_FALSE(open_.empty());
    EXPECT_EQ(open_.back(), &type);
    open_.pop_back();
  }
  void value(std::uint64_t at, const TypeNode& type) override {
    told();
    names += to_text(stored_number(type, heap_, at));
  }
  void text(std::uint64_t, const TypeNode&, std::string_view characters) override {
    told();
    names += quoted(characters, 10);
  }
  void pointer(std::uint64_t, std::uint64_t, const TypeNode&) override { told(); }
  void empty(std::uint64_t, const TypeNode&) override { told(); }
  void damaged(std::uint64_t, const TypeNode&) override {
    told();
    ++damages;
  }
  bool wants_values() const override { return true; }

  bool all_ended() const { return open_.empty() && !awaited_; }

  std::string names;
  int objects = 0;
  int damages = 0;

 private:
  void told() {
    EXPECT_TRUE(awaited_) << "told twice";
    awaited_ = false;
    // Naming every object reads the keys of the maps on the way.
    if (++objects % 16 == 0) names = walker_->path();
  }

  HeapBytes heap_;
  const ObjectWalker* walker_ = nullptr;
  std::vector<const TypeNode*> open_;
  bool awaited_ = false;
};

TEST_F(ObjectWalkerTest, tells_each_object_once_and_ends_what_it_begins) {
  const Root& root = make_root();
  const HeapBytes heap{heap_.base(), heap_.heap_end(), heap_begin_bytes};
  Listener sut(heap);
  std::vector<std::string> problems;
  ObjectWalker walker(heap, sut, problems);
  sut.follow(walker);
  walker.walk(TypeTree::parse(describe_type<Root>()), heap_.context().offset_of(&root), "root");
  EXPECT_EQ(problems, std::vector<std::string>{});
  EXPECT_TRUE(sut.all_ended());
  EXPECT_EQ(sut.damages, 0);
  // The root and its five parts; 65 Items with five parts each, 25 of them in Boxes; what 7
  // optionals hold; 20 keys with their lists; 20 pairs with two parts and what goes with them; 20
  // texts in the queue and 20 words.
  EXPECT_EQ(sut.objects, 6 + 65 * 6 + 7 + 40 + 80 + 20 + 20);
}

/// The innermost object at an offset, by the walk itself.
TEST_F(ObjectWalkerTest, a_locator_names_the_innermost_object) {
  Root& root = make_root();
  const HeapBytes heap{heap_.base(), heap_.heap_end(), heap_begin_bytes};
  const auto offset = [&](const void* p) { return heap_.context().offset_of(p); };
  const Item& item = std::as_const(root).items[10];
  const auto& list = std::as_const(root).named.at("key ");
  const auto& number = *std::as_const(root).numbers.find({-3, 3});
  const std::vector<std::pair<std::uint64_t, std::string>> wanted = {
      {offset(&item.far) + 3, "root.items[10].far"},
      {offset(item.name.data()) + 1, "root.items[10].name"},
      {offset(&list) + 8, "root.named[\"key \"]"},
      {offset(&list[0].next->flag), "root.named[\"key \"][0].next->.flag"},
      {offset(&root.numbers) + 17, "root.numbers"},
      {offset(&number.first.first), "{slot "},
      {heap_begin_bytes, ""},
  };
  std::vector<std::uint64_t> offsets;
  for (const auto& [at, path] : wanted) offsets.push_back(at);
  ObjectLocator sut(offsets);
  std::vector<std::string> problems;
  ObjectWalker walker(heap, sut, problems);
  sut.follow(walker);
  walker.walk(TypeTree::parse(describe_type<Root>()), offset(&root), "root");
  for (const auto& [at, path] : wanted) {
    EXPECT_EQ(sut.place_of(at).path.find(path), path == "{slot " ? 12U : 0U)
        << sut.place_of(at).path << " instead of " << path;
    if (path != "{slot ") {
      EXPECT_EQ(sut.place_of(at).path, path);
    }
  }
  EXPECT_TRUE(sut.place_of(wanted[1].first).in_block);
  EXPECT_EQ(sut.place_of(wanted[0].first).type, "Ref<{name, flag, next, other, far}>");
  EXPECT_EQ(sut.place_of(wanted[0].first).at, offset(&item.far));
}

/// Spoils words of the root and of what it owns, one at a time; returns how often that was noticed.
int walk_spoilt(const TypeTree& tree, const std::byte* base, std::uint64_t end,
                std::uint64_t offset, const std::map<std::uint64_t, std::uint64_t>& blocks,
                int rounds) {
  const GuardedHeap guarded(base, end);
  std::mt19937_64 random(17);
  std::vector<std::uint64_t> starts;
  for (const auto& [start, bytes] : blocks) starts.push_back(start);
  int found = 0;
  int damages = 0;
  for (int round = 0; round < rounds; ++round) {
    // A byte, or a whole word, somewhere within a block that is part of the graph.
    const std::uint64_t start = starts[random() % starts.size()];
    const std::uint64_t at = start + random() % blocks.at(start) / 8 * 8;
    if (at + 8 > end) continue;
    std::uint64_t before;
    std::memcpy(&before, guarded.base() + at, 8);
    std::uint64_t after = before;
    switch (random() % 4) {
      case 0: after ^= std::uint64_t{1} << random() % 64; break;
      case 1: after = random() % end; break;
      case 2: after += random() % 64 - 32; break;
      default: after = random();
    }
    std::memcpy(guarded.base() + at, &after, 8);
    std::vector<std::string> problems;
    BlockCollector seen;
    ObjectWalker({guarded.base(), end, heap_begin_bytes}, seen, problems)
        .walk(tree, offset, "root");
    EXPECT_LE(problems.size(), ObjectWalker::max_problems);
    if (round % 8 == 0) {
      const HeapBytes heap{guarded.base(), end, heap_begin_bytes};
      Listener listener(heap);
      std::vector<std::string> told;
      ObjectWalker walker(heap, listener, told);
      listener.follow(walker);
      walker.walk(tree, offset, "root");
      EXPECT_TRUE(listener.all_ended() || told.size() >= ObjectWalker::max_problems);
      EXPECT_GE(told.size(), problems.size());
      damages += listener.damages;
    }
    found += problems.empty() ? 0 : 1;
    std::memcpy(guarded.base() + at, &before, 8);
  }
  EXPECT_GT(damages, rounds / 60);
  return found;
}

TEST_F(ObjectWalkerTest, hostile_bytes_are_walked_within_bounds) {
  const Root& root = make_root();
  EXPECT_EQ(walk(root), std::vector<std::string>{});
  EXPECT_GT(walk_spoilt(TypeTree::parse(describe_type<Root>()), heap_.base(), heap_.heap_end(),
                        heap_.context().offset_of(&root), seen_.blocks, 20000),
            3500);
}

struct Rarer {
  Atomic<bool> flag;
  Segmented<Item> items;
  NdArray<Vec<std::optional<bool>>, 2> grid;
  boost::container::static_vector<String, 3> few;
  std::variant<std::monostate, bool, Box<Item>> any;
  HashMap<boost::static_string<9>, std::variant<int, String>> named;
};
BOOST_DESCRIBE_STRUCT(Rarer, (), (flag, items, grid, few, any, named))

TEST_F(ObjectWalkerTest, hostile_bytes_of_the_rarer_kinds_are_as_well) {
  auto& root = make<Rarer>();
  for (int i = 0; i < 40; ++i) {
    root.items.emplace_back().name = std::string(static_cast<std::size_t>(i), 'n');
    root.named[boost::static_string<9>(static_cast<std::size_t>(i % 10), 'k')] = String(30, 'v');
  }
  root.grid.resize({3, 4});
  root.grid(2, 3).assign(5, true);
  root.few.assign(2, String(40, 'f'));
  root.any = make_box<Item>();
  EXPECT_EQ(walk(root), std::vector<std::string>{});
  EXPECT_GT(walk_spoilt(TypeTree::parse(describe_type<Rarer>()), heap_.base(), heap_.heap_end(),
                        heap_.context().offset_of(&root), seen_.blocks, 20000),
            3500);
}

TEST_F(ObjectWalkerTest, hostile_b_trees_are_walked_within_bounds) {
  const Ordered& root = fill(make<Ordered>());
  EXPECT_EQ(walk(root), std::vector<std::string>{});
  EXPECT_GT(walk_spoilt(TypeTree::parse(describe_type<Ordered>()), heap_.base(), heap_.heap_end(),
                        heap_.context().offset_of(&root), seen_.blocks, 4000),
            800);
}

/// As large as the line of an Atomic.
struct alignas(64) Line {
  std::uint64_t value = 5;
  std::uint64_t magic = atomic_magic;
  std::array<std::uint64_t, 6> rest{};
  bool operator==(const Line&) const = default;
};
BOOST_DESCRIBE_STRUCT(Line, (), (value, magic, rest))
struct LineHash {
  static constexpr std::string_view hash_name = "test.line";
  std::uint64_t operator()(const Line& line) const noexcept { return line.value; }
};

TEST_F(ObjectWalkerTest, a_key_that_no_map_can_have_is_named_by_its_place) {
  auto& map = make<HashMap<Line, std::uint8_t, LineHash>>();
  map[Line{}] = 7;
  BlockCollector seen;
  std::vector<std::string> problems;
  walk_object(TypeTree::parse("HashMap<Atomic<u64>,bool,test.line>"),
              {heap_.base(), heap_.heap_end(), heap_begin_bytes}, heap_.context().offset_of(&map),
              seen, problems);
  EXPECT_EQ(problems, std::vector<std::string>{
                          "object{slot 0}.value: a bool that is neither false nor true"});
}

TEST_F(ObjectWalkerTest, problems_are_listed_up_to_a_limit) {
  auto& flags = make<Vec<bool>>(std::size_t{1000}, true);
  std::memset(flags.data(), 7, 1000);
  EXPECT_EQ(walk(flags).size(), ObjectWalker::max_problems);
  std::memset(flags.data(), 1, 1000);
}

/// Counts the values that a visitor is shown.
class ValueCounter : public ObjectVisitor {
 public:
  void value(std::uint64_t, const TypeNode&) override { ++values; }
  bool wants_values() const override { return true; }
  int values = 0;
};

TEST_F(ObjectWalkerTest, shows_values_only_to_who_wants_them) {
  auto& map = make<HashMap<String, std::array<std::uint32_t, 3>>>();
  for (int i = 0; i < 100; ++i) map[std::to_string(i)] = {1, 2, 3};
  ValueCounter counter;
  std::vector<std::string> problems;
  walk_object(TypeTree::parse(describe_type<HashMap<String, std::array<std::uint32_t, 3>>>()),
              {heap_.base(), heap_.heap_end(), heap_begin_bytes}, heap_.context().offset_of(&map),
              counter, problems);
  EXPECT_EQ(counter.values, 400);
  EXPECT_EQ(problems, std::vector<std::string>{});
}

}  // namespace
}  // namespace cairn::test

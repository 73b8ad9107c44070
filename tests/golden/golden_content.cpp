// SPDX-License-Identifier: BSL-1.0
// What the golden files hold. Never change a part that a set of files has: add another.
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>

#include "golden_parts.hpp"

namespace cairn::golden {
namespace {

// --- numbers: every scalar and every fixed-size part of the standard library ---------------------

enum class Colour : std::uint8_t { red = 1, blue = 200 };

struct Scalars {
  bool flag = true;
  char letter = 'x';
  std::int8_t i8 = -128;
  std::uint8_t u8 = 255;
  std::int16_t i16 = -32768;
  std::uint16_t u16 = 65535;
  std::int32_t i32 = -2147483647 - 1;
  std::uint32_t u32 = 4294967295U;
  std::int64_t i64 = -9223372036854775807 - 1;
  std::uint64_t u64 = 18446744073709551615U;
  float f32 = 0.1F;
  double f64 = -1.0 / 3;
  Colour colour = Colour::blue;

  bool operator==(const Scalars&) const = default;
};
BOOST_DESCRIBE_STRUCT(Scalars, (),
                      (flag, letter, i8, u8, i16, u16, i32, u32, i64, u64, f32, f64, colour))

struct Derived : Scalars {
  std::array<std::uint16_t, 3> three{1, 2, 3};
  std::pair<std::uint8_t, std::uint64_t> couple{4, 5};
  std::tuple<std::int32_t, double> both{-6, 7.5};
  std::optional<std::uint32_t> some = 8;
  std::optional<std::uint32_t> none;
  std::chrono::milliseconds wait{9};
  std::chrono::sys_seconds when{std::chrono::seconds(1'700'000'000)};

  bool operator==(const Derived&) const = default;
};
BOOST_DESCRIBE_STRUCT(Derived, (Scalars), (three, couple, both, some, none, wait, when))

void build_numbers(WriteTransaction& tx) {
  tx.construct<Derived>("numbers");
}
void verify_numbers(const ReadTransaction& tx) {
  require(root<Derived>(tx, "numbers") == Derived(), "numbers");
}
void change_numbers(WriteTransaction& tx) {
  Derived& numbers = tx.modify(*tx.find<Derived>("numbers"));
  numbers.none = numbers.some;
  numbers.u64 = 0;
}

// --- texts: strings of every shape ---------------------------------------------------------------

constexpr std::size_t text_sizes[] = {0, 1, 22, 23, 24, 100, 300};

std::string text_of(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(i * 7 % 256);
  return text;
}

void build_texts(WriteTransaction& tx) {
  auto& texts = tx.construct<Vec<String>>("texts");
  for (const std::size_t size : text_sizes) texts.emplace_back(text_of(size));
}
void verify_texts(const ReadTransaction& tx) {
  const auto& texts = root<Vec<String>>(tx, "texts");
  require(texts.size() == std::size(text_sizes), "the number of texts");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    require(texts[i] == text_of(text_sizes[i]), "a text");
  }
}
void change_texts(WriteTransaction& tx) {
  auto& texts = *tx.find<Vec<String>>("texts");
  for (String& text : texts) text += "and more that does not fit any more";
  texts.erase(texts.begin() + 2);
}

// --- maps: every size of table, and keys of every shape ------------------------------------------

struct Person {
  String name;
  std::uint32_t age = 0;
  Vec<std::uint64_t> visits;
};
BOOST_DESCRIBE_STRUCT(Person, (), (name, age, visits))

struct Maps {
  HashMap<std::uint64_t, std::uint64_t> none;
  HashMap<std::uint64_t, std::uint64_t> two;
  HashMap<std::uint64_t, std::uint64_t> six;
  HashMap<std::int32_t, std::uint16_t> many;
  HashMap<String, Person> people;
  HashMap<std::pair<std::uint8_t, std::int16_t>, bool> pairs;
};
BOOST_DESCRIBE_STRUCT(Maps, (), (none, two, six, many, people, pairs))

constexpr int many_count = 300;

void build_maps(WriteTransaction& tx) {
  auto& maps = tx.construct<Maps>("maps");
  maps.two[1] = 2;
  for (std::uint64_t i = 0; i < 5; ++i) maps.six[i] = i * i;
  for (int i = 0; i < many_count; ++i) maps.many[-i] = static_cast<std::uint16_t>(i);
  for (const char* const name : {"Ada", "Grace", "a name too long to stand in the string"}) {
    Person& person = maps.people[name];
    person.name = name;
    person.age = 36;
    person.visits = {1843, 1844};
  }
  for (std::int16_t i = 0; i < 20; ++i) maps.pairs[{static_cast<std::uint8_t>(i), i}] = i % 3 == 0;
}
void verify_maps(const ReadTransaction& tx) {
  const auto& maps = root<Maps>(tx, "maps");
  require(maps.none.empty() && maps.two.size() == 1 && maps.two.at(1) == 2, "the small maps");
  require(maps.six.size() == 5 && maps.six.at(4) == 16, "the map of five");
  require(maps.many.size() == many_count && maps.people.size() == 3 && maps.pairs.size() == 20,
          "the sizes of maps");
  for (int i = 0; i < many_count; ++i) require(maps.many.at(-i) == i, "a value by its number");
  for (const auto& [key, person] : maps.people) {
    require(person.name == key && person.age == 36, "a person");
    require(person.visits == Vec<std::uint64_t>() || person.visits.size() == 2, "visits");
    require(person.visits[0] == 1843 && person.visits[1] == 1844, "visits");
  }
  for (std::int16_t i = 0; i < 20; ++i) {
    require(maps.pairs.at({static_cast<std::uint8_t>(i), i}) == (i % 3 == 0), "a pair");
  }
}
void change_maps(WriteTransaction& tx) {
  auto& maps = *tx.find<Maps>("maps");
  for (int i = 0; i < 2'000; ++i) maps.many[i] = 1;
  maps.people.erase("Ada");
  maps.two.clear();
  maps.none[1] = 1;
}

// --- graphs: boxes, pointers and references ------------------------------------------------------

struct Node {
  std::uint64_t value = 0;
  Box<Node> next;
  Ptr<Node> first;
  Ref<Node> self;
  std::optional<Vec<std::uint8_t>> bytes;
};
BOOST_DESCRIBE_STRUCT(Node, (), (value, next, first, self, bytes))

constexpr std::uint64_t chain_length = 10;

void build_graphs(WriteTransaction& tx) {
  auto& head = tx.construct<Box<Node>>("graphs", std::in_place);
  Node* last = head.get();
  for (std::uint64_t i = 0; i < chain_length; ++i) {
    last->value = i;
    last->first = head.get();
    last->self = tx.ref(*last);
    if (i % 2 == 0) last->bytes.emplace(static_cast<std::size_t>(i), std::uint8_t{7});
    if (i + 1 == chain_length) break;
    last->next = make_box<Node>();
    last = last->next.get();
  }
}
void verify_graphs(const ReadTransaction& tx) {
  const auto& head = root<Box<Node>>(tx, "graphs");
  std::uint64_t count = 0;
  for (const Node* node = head.get(); node != nullptr; node = node->next.get(), ++count) {
    require(node->value == count && node->first.get() == head.get(), "a node");
    require(&tx[node->self] == node, "a reference");
    require(node->bytes.has_value() == (count % 2 == 0), "an optional");
    require(!node->bytes || node->bytes->size() == count, "a Vec in an optional");
  }
  require(count == chain_length, "the length of the chain");
}
void change_graphs(WriteTransaction& tx) {
  auto& head = *tx.find<Box<Node>>("graphs");
  head->next->next.reset();
  head->next->next = make_box<Node>();
}

// --- heap: blocks and gaps of many sizes, and runs of pages --------------------------------------

constexpr std::size_t largest_block = 9'000;

constexpr std::size_t block_after(std::size_t size) {
  return size == 1 ? 16 : size * 2 - size / 3;
}

void build_heap(WriteTransaction& tx) {
  auto& blocks = tx.construct<Vec<Vec<std::uint8_t>>>("heap");
  for (std::size_t size = 1; size < largest_block; size = block_after(size)) {
    blocks.emplace_back().assign(size, static_cast<std::uint8_t>(size));
  }
  for (std::size_t i = 0; i < blocks.size(); i += 3) blocks[i] = {};
}
void verify_heap(const ReadTransaction& tx) {
  const auto& blocks = root<Vec<Vec<std::uint8_t>>>(tx, "heap");
  std::size_t index = 0;
  for (std::size_t size = 1; size < largest_block; size = block_after(size), ++index) {
    const auto& block = blocks.at(index);
    require(block.size() == (index % 3 == 0 ? 0 : size), "the size of a block");
    for (const std::uint8_t byte : block) require(byte == size % 256, "a byte of a block");
  }
  require(index == blocks.size(), "the number of blocks");
}
void change_heap(WriteTransaction& tx) {
  auto& blocks = *tx.find<Vec<Vec<std::uint8_t>>>("heap");
  for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i].assign(i % 2 == 0 ? 3'000 : 0, 1);
}

}  // namespace

const std::vector<Part>& parts() {
  static const std::vector<Part> all = [] {
    std::vector<Part> parts = {
        {"numbers", build_numbers, verify_numbers, change_numbers},
        {"texts", build_texts, verify_texts, change_texts},
        {"maps", build_maps, verify_maps, change_maps},
        {"graphs", build_graphs, verify_graphs, change_graphs},
        {"heap", build_heap, verify_heap, change_heap},
    };
    const std::vector<Part> more = container_parts();
    parts.insert(parts.end(), more.begin(), more.end());
    return parts;
  }();
  return all;
}

const Part& part(const std::string& name) {
  for (const Part& known : parts()) {
    if (name == known.name) return known;
  }
  throw std::runtime_error("golden content: no part " + name);
}

}  // namespace cairn::golden

// SPDX-License-Identifier: BSL-1.0
// What the golden files hold of HashSet, Deque, the B-trees, Segmented, NdArray, Atomic and the
// fixed-size parts. Never change a part that a set of files has: add another.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <variant>

#include "cairn/static_string.hpp"
#include "cairn/static_vector.hpp"
#include "golden_parts.hpp"

namespace cairn::golden {
namespace {

/// Texts that stand in the String itself and such that do not.
std::string text_of(std::uint64_t number) {
  return std::string(number % 4 * 12, static_cast<char>('a' + number % 26)) +
         std::to_string(number);
}

// --- queues: rings that lie straight and rings that have gone round -----------------------------

struct Queues {
  Deque<std::uint64_t> turned;
  Deque<String> texts;
  Deque<std::pair<std::uint8_t, std::uint32_t>> grown;
  Deque<std::uint16_t> none;
};
BOOST_DESCRIBE_STRUCT(Queues, (), (turned, texts, grown, none))

constexpr std::uint64_t turns = 30;

void build_queues(WriteTransaction& tx) {
  auto& queues = tx.construct<Queues>("queues");
  queues.turned.reserve(16);
  for (std::uint64_t i = 0; i < turns; ++i) {
    queues.turned.push_back(i);
    if (i >= 12) queues.turned.pop_front();
  }
  for (std::uint64_t i = 0; i < 20; ++i) {
    if (i % 2 == 0) {
      queues.texts.emplace_back(text_of(i));
    } else {
      queues.texts.emplace_front(text_of(i));
    }
  }
  for (std::uint32_t i = 0; i < 300; ++i) queues.grown.emplace_back(i % 256, i * i);
}
void verify_queues(const ReadTransaction& tx) {
  const auto& queues = root<Queues>(tx, "queues");
  require(queues.turned.size() == 12 && queues.none.empty(), "the sizes of queues");
  for (std::uint64_t i = 0; i < 12; ++i) {
    require(queues.turned[i] == turns - 12 + i, "an element of a ring");
  }
  require(queues.texts.size() == 20, "the number of texts in a queue");
  for (std::uint64_t i = 0; i < 20; ++i) {
    require(queues.texts[i % 2 == 0 ? 10 + i / 2 : 9 - i / 2] == text_of(i), "a text in a queue");
  }
  require(queues.grown.size() == 300, "the size of a large ring");
  for (std::uint32_t i = 0; i < 300; ++i) {
    require(queues.grown[i] == std::pair<std::uint8_t, std::uint32_t>(i % 256, i * i),
            "a pair in a ring");
  }
}
void change_queues(WriteTransaction& tx) {
  auto& queues = *tx.find<Queues>("queues");
  for (std::uint64_t i = 0; i < 100; ++i) queues.turned.push_front(i);
  queues.texts.insert(queues.texts.cbegin() + 7, 5, "another text, one that needs a block");
  queues.grown.erase(queues.grown.cbegin() + 10, queues.grown.cbegin() + 200);
  queues.none.push_back(1);
}

// --- sets: hash tables without values -----------------------------------------------------------

struct Sets {
  HashSet<std::uint64_t> many;
  HashSet<String> texts;
  HashSet<std::pair<std::uint8_t, std::int16_t>> pairs;
  HashSet<std::int16_t> none;
};
BOOST_DESCRIBE_STRUCT(Sets, (), (many, texts, pairs, none))

void build_sets(WriteTransaction& tx) {
  auto& sets = tx.construct<Sets>("sets");
  for (std::uint64_t i = 0; i < 200; ++i) sets.many.insert(i * i);
  for (std::uint64_t i = 0; i < 30; ++i) sets.texts.insert(text_of(i));
  for (std::int16_t i = 0; i < 5; ++i) sets.pairs.emplace(static_cast<std::uint8_t>(i), i);
  // Elements that went leave their traces in the counts.
  for (std::uint64_t i = 0; i < 200; i += 3) sets.many.erase(i * i);
}
void verify_sets(const ReadTransaction& tx) {
  const auto& sets = root<Sets>(tx, "sets");
  require(sets.many.size() == 133 && sets.texts.size() == 30 && sets.pairs.size() == 5 &&
              sets.none.empty(),
          "the sizes of sets");
  for (std::uint64_t i = 0; i < 200; ++i) {
    require(sets.many.contains(i * i) == (i % 3 != 0), "a number in a set");
  }
  for (std::uint64_t i = 0; i < 30; ++i)
    require(sets.texts.contains(text_of(i)), "a text in a set");
  for (std::int16_t i = 0; i < 5; ++i) {
    require(sets.pairs.contains({static_cast<std::uint8_t>(i), i}), "a pair in a set");
  }
}
void change_sets(WriteTransaction& tx) {
  auto& sets = *tx.find<Sets>("sets");
  for (std::uint64_t i = 0; i < 1'000; ++i) sets.many.insert(i);
  sets.texts.erase(text_of(7));
  sets.pairs.clear();
  sets.none.insert(std::int16_t{-1});
}

// --- ordered: B-trees of one leaf and of several levels ------------------------------------------

struct Ordered {
  BTreeMap<std::uint64_t, std::uint64_t> numbers;
  BTreeMap<String, Vec<std::uint64_t>> lists;
  BTreeSet<std::int16_t> leaf;
  BTreeSet<String, std::greater<>> falling;
  BTreeMap<std::uint32_t, std::optional<String>> boxed;
  BTreeSet<std::array<std::uint64_t, 40>> large;
  BTreeMap<std::uint8_t, double> none;
};
BOOST_DESCRIBE_STRUCT(Ordered, (), (numbers, lists, leaf, falling, boxed, large, none))

/// The same of the standard library: both are built by the same steps.
struct OrderedModel {
  std::map<std::uint64_t, std::uint64_t> numbers;
  std::map<std::string, std::vector<std::uint64_t>> lists;
  std::set<std::int16_t> leaf;
  std::set<std::string, std::greater<>> falling;
  std::map<std::uint32_t, std::optional<std::string>> boxed;
  std::set<std::array<std::uint64_t, 40>> large;
};

template <class Trees>
void build_trees(Trees& trees) {
  // In no order, and with gaps in the nodes.
  for (std::uint64_t i = 0; i < 500; ++i) trees.numbers[i * 211 % 503] = i;
  for (std::uint64_t i = 100; i < 200; i += 2) trees.numbers.erase(i);
  for (std::uint64_t i = 0; i < 40; ++i) trees.lists[text_of(i)].push_back(i);
  for (std::int16_t i = 0; i < 6; ++i) trees.leaf.insert(static_cast<std::int16_t>(i - 3));
  for (std::uint64_t i = 0; i < 60; ++i) trees.falling.emplace(text_of(i));
  for (std::uint32_t i = 0; i < 40; ++i) {
    if (i % 3 == 0) {
      trees.boxed[i];
    } else {
      trees.boxed[i].emplace(text_of(i));
    }
  }
  for (std::uint64_t i = 0; i < 4; ++i) trees.large.insert({i * 3 % 4, i});
}
void build_ordered(WriteTransaction& tx) {
  build_trees(tx.construct<Ordered>("ordered"));
}
void verify_ordered(const ReadTransaction& tx) {
  const auto& trees = root<Ordered>(tx, "ordered");
  OrderedModel model;
  build_trees(model);
  const auto same_lists = [](const auto& a, const auto& b) {
    return a.first == b.first && std::ranges::equal(a.second, b.second);
  };
  const auto same_boxed = [](const auto& a, const auto& b) {
    return a.first == b.first && a.second.has_value() == b.second.has_value() &&
           (!a.second || *a.second == *b.second);
  };
  require(std::ranges::equal(trees.numbers, model.numbers), "numbers in order");
  require(std::ranges::equal(trees.lists, model.lists, same_lists), "lists in order");
  require(std::ranges::equal(trees.leaf, model.leaf), "a tree of one leaf");
  require(std::equal(trees.falling.begin(), trees.falling.end(), model.falling.begin(),
                     model.falling.end()),
          "texts in falling order");
  require(std::ranges::equal(trees.boxed, model.boxed, same_boxed), "elements in boxes");
  require(std::ranges::equal(trees.large, model.large), "large elements");
  require(trees.none.empty(), "an empty tree");
  for (const auto& [key, value] : model.numbers) {
    require(trees.numbers.at(key) == value, "a number by its key");
  }
  for (const auto& [key, list] : model.lists) {
    require(trees.lists.at(key)[0] == list[0], "a list by its name");
  }
}
void change_ordered(WriteTransaction& tx) {
  auto& trees = *tx.find<Ordered>("ordered");
  for (std::uint64_t i = 0; i < 2'000; ++i) trees.numbers[i * 7] = i;
  for (std::uint64_t i = 0; i < 500; ++i) trees.numbers.erase(i);
  trees.lists.erase(trees.lists.begin(), trees.lists.lower_bound("h"));
  for (std::int16_t i = 0; i < 300; ++i) trees.leaf.insert(i);
  while (trees.falling.size() > 3) trees.falling.erase(std::prev(trees.falling.end()));
  for (std::uint32_t i = 0; i < 100; ++i) trees.boxed[1'000 - i] = String(text_of(i));
  trees.boxed.erase(4);
  trees.large.clear();
  trees.none[1] = 0.5;
}

// --- rows: elements that keep their place, and arrays of several dimensions ----------------------

struct Rows {
  Segmented<String> texts;
  Segmented<std::array<std::uint64_t, 30>> large;
  NdArray<std::uint32_t, 3> cube;
  NdArray<String, 2> names;
  Segmented<std::uint8_t> no_texts;
  NdArray<double, 1> no_numbers;
};
BOOST_DESCRIBE_STRUCT(Rows, (), (texts, large, cube, names, no_texts, no_numbers))

void build_rows(WriteTransaction& tx) {
  auto& rows = tx.construct<Rows>("rows");
  for (std::uint64_t i = 0; i < 50; ++i) rows.texts.emplace_back(text_of(i));
  for (std::uint64_t i = 0; i < 4; ++i) rows.large.emplace_back()[29] = i;
  rows.cube.resize({2, 3, 4});
  std::uint32_t next = 0;
  for (std::uint32_t& number : rows.cube) number = next++ * 3;
  rows.names.resize({3, 2});
  for (std::size_t i = 0; i < 6; ++i) rows.names(i / 2, i % 2) = text_of(i);
}
void verify_rows(const ReadTransaction& tx) {
  const auto& rows = root<Rows>(tx, "rows");
  require(rows.texts.size() == 50 && rows.large.size() == 4 && rows.no_texts.empty() &&
              rows.no_numbers.empty(),
          "the sizes of rows");
  for (std::uint64_t i = 0; i < 50; ++i) require(rows.texts[i] == text_of(i), "a text in a row");
  for (std::uint64_t i = 0; i < 4; ++i) require(rows.large[i][29] == i, "a large element");
  require(rows.cube.extents() == std::array<std::size_t, 3>{2, 3, 4}, "the extents of a cube");
  for (std::uint32_t i = 0; i < 24; ++i) {
    require(rows.cube(i / 12, i / 4 % 3, i % 4) == i * 3, "a number in a cube");
  }
  require(rows.names.extents() == std::array<std::size_t, 2>{3, 2}, "the extents of a table");
  for (std::size_t i = 0; i < 6; ++i) {
    require(rows.names(i / 2, i % 2) == text_of(i), "a name in a table");
  }
}
void change_rows(WriteTransaction& tx) {
  auto& rows = *tx.find<Rows>("rows");
  for (std::uint64_t i = 0; i < 300; ++i) rows.texts.emplace_back(text_of(i));
  rows.large.pop_back();
  rows.cube.resize({3, 3, 3}, 7);
  rows.names.slice(0, 1).fill("a text that needs a block of its own");
  rows.no_texts.resize(9);
  rows.no_numbers.resize({5});
}

// --- inline parts: what has a fixed size, nested -------------------------------------------------

enum class Colour : std::uint16_t { red = 1, blue = 50'000 };
using Choice = std::variant<std::monostate, bool, Box<std::uint64_t>, String>;
using Seconds = std::chrono::sys_seconds;

struct Inline {
  boost::static_string<9> label;
  boost::static_string<300> note;
  boost::container::static_vector<String, 4> few;
  boost::container::static_vector<std::optional<Choice>, 5> choices;
  std::tuple<std::int8_t, String, std::pair<Colour, float>> mixed;
  std::array<std::optional<boost::static_string<3>>, 2> maybe;
  std::chrono::nanoseconds wait{0};
  std::chrono::duration<double, std::ratio<60>> minutes{0};
  std::optional<Seconds> when;
};
BOOST_DESCRIBE_STRUCT(Inline, (), (label, note, few, choices, mixed, maybe, wait, minutes, when))

void build_inline(WriteTransaction& tx) {
  auto& parts = tx.construct<Inline>("inline");
  parts.label = "label";
  parts.note.assign(290, 'n');
  for (std::uint64_t i = 0; i < 3; ++i) parts.few.emplace_back(text_of(i));
  parts.choices.resize(5);
  parts.choices[1].emplace(true);
  parts.choices[2].emplace(make_box<std::uint64_t>(17U));
  parts.choices[3].emplace(String(text_of(3)));
  parts.choices[4].emplace();
  parts.mixed = {std::int8_t{-5}, String(text_of(7)), std::pair(Colour::blue, 0.5F)};
  parts.maybe[1].emplace("abc");
  parts.wait = std::chrono::nanoseconds(-9);
  parts.minutes = decltype(parts.minutes)(1.25);
  parts.when = Seconds(std::chrono::seconds(1'700'000'000));
}
void verify_inline(const ReadTransaction& tx) {
  const auto& parts = root<Inline>(tx, "inline");
  require(parts.label == "label" && parts.note == std::string(290, 'n').c_str(),
          "the static strings");
  require(parts.few.size() == 3, "the size of a static vector");
  for (std::uint64_t i = 0; i < 3; ++i) require(parts.few[i] == text_of(i), "a text in place");
  const auto& choices = parts.choices;
  require(choices.size() == 5 && !choices[0] && choices[4]->index() == 0, "the empty choices");
  require(std::get<bool>(*choices[1]) && *std::get<Box<std::uint64_t>>(*choices[2]) == 17 &&
              std::get<String>(*choices[3]) == text_of(3),
          "the choices");
  require(std::get<0>(parts.mixed) == -5 && std::get<1>(parts.mixed) == text_of(7) &&
              std::get<2>(parts.mixed) == std::pair(Colour::blue, 0.5F),
          "a tuple");
  require(!parts.maybe[0] && *parts.maybe[1] == "abc", "optional texts");
  require(parts.wait.count() == -9 && parts.minutes.count() == 1.25 &&
              parts.when == Seconds(std::chrono::seconds(1'700'000'000)),
          "times");
}
void change_inline(WriteTransaction& tx) {
  auto& parts = tx.modify(*tx.find<Inline>("inline"));
  parts.label = "another";
  parts.few.emplace_back(text_of(3));
  parts.choices[0].emplace(String(text_of(9)));
  parts.choices[2].reset();
  std::get<1>(parts.mixed) = "short";
  parts.when.reset();
}

// --- atomics, and pointers to what stands beside them -------------------------------------------

struct Atomics {
  std::uint64_t plain = 5;
  Atomic<std::uint64_t> counter;
  Atomic<bool> flag;
  Atomic<Colour> colour;
  Atomic<Ref<std::uint64_t>> target;
  Segmented<Atomic<std::int32_t>> many;
  Segmented<std::uint64_t> numbers;
  Deque<Ptr<std::uint64_t>> pointers;
  BTreeMap<std::uint64_t, Ref<std::uint64_t>> refs;
};
BOOST_DESCRIBE_STRUCT(Atomics, (),
                      (plain, counter, flag, colour, target, many, numbers, pointers, refs))

void build_atomics(WriteTransaction& tx) {
  auto& atomics = tx.construct<Atomics>("atomics");
  atomics.counter = 41;
  atomics.flag = true;
  atomics.colour = Colour::blue;
  for (std::int32_t i = 0; i < 5; ++i) atomics.many.emplace_back(i - 2);
  for (std::uint64_t i = 0; i < 10; ++i) {
    const std::uint64_t& number = atomics.numbers.emplace_back(i);
    atomics.pointers.emplace_front(&number);
    atomics.refs[i] = tx.ref(number);
  }
  atomics.target = tx.ref(std::as_const(atomics.numbers)[3]);
}
void verify_atomics(const ReadTransaction& tx) {
  const auto& atomics = root<Atomics>(tx, "atomics");
  require(atomics.plain == 5 && atomics.counter == 41U && atomics.flag &&
              atomics.colour == Colour::blue,
          "the atomics");
  require(atomics.many.size() == 5 && atomics.numbers.size() == 10, "the sizes beside atomics");
  for (std::int32_t i = 0; i < 5; ++i) {
    require(atomics.many[static_cast<std::size_t>(i)] == i - 2, "one of many atomics");
  }
  require(tx[atomics.target.load()] == 3, "what an atomic refers to");
  for (std::uint64_t i = 0; i < 10; ++i) {
    require(atomics.numbers[i] == i, "a number");
    require(atomics.pointers[9 - i].get() == &atomics.numbers[i], "a pointer");
    require(&tx[atomics.refs.at(i)] == &atomics.numbers[i], "a reference in a tree");
  }
}
void change_atomics(WriteTransaction& tx) {
  auto& atomics = *tx.find<Atomics>("atomics");
  atomics.counter += 1;
  atomics.flag = false;
  atomics.many.emplace_back(7);
  atomics.numbers.push_back(10);
  atomics.pointers.pop_front();
  atomics.refs.erase(3U);
}

}  // namespace

std::vector<Part> container_parts() {
  return {
      {"queues", build_queues, verify_queues, change_queues},
      {"sets", build_sets, verify_sets, change_sets},
      {"ordered", build_ordered, verify_ordered, change_ordered},
      {"rows", build_rows, verify_rows, change_rows},
      {"inline", build_inline, verify_inline, change_inline},
      {"atomics", build_atomics, verify_atomics, change_atomics},
  };
}

}  // namespace cairn::golden
